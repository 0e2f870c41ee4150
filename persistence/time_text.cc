#include "kin/persistence/time_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace kin::persistence {
namespace {

constexpr std::int64_t kFirstSecond = -62135596800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253402300799;   // 9999-12-31T23:59:59Z
constexpr std::int32_t kNanos = 1'000'000'000;

const absl::CivilSecond kEpoch(1970, 1, 1, 0, 0, 0);

std::string RawText(SecondsAndNanos value) {
  return absl::StrCat("seconds:", value.seconds, " nanos:", value.nanos);
}

bool ParseRaw(absl::string_view text, SecondsAndNanos* value) {
  if (!absl::ConsumePrefix(&text, "seconds:")) return false;
  const auto space = text.find(' ');
  if (space == absl::string_view::npos) return false;
  absl::string_view nanos = text.substr(space);
  if (!absl::ConsumePrefix(&nanos, " nanos:")) return false;
  return absl::SimpleAtoi(text.substr(0, space), &value->seconds) &&
         absl::SimpleAtoi(nanos, &value->nanos);
}

// All digits, into `value`.
bool Digits(absl::string_view text, std::int64_t* value) {
  *value = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
    *value = *value * 10 + (c - '0');
  }
  return true;
}

bool ReadTimestamp(absl::string_view text, SecondsAndNanos* value) {
  if (text.size() != 30) return ParseRaw(text, value);
  std::int64_t year, month, day, hour, minute, second, nanos;
  if (!Digits(text.substr(0, 4), &year) || !Digits(text.substr(5, 2), &month) ||
      !Digits(text.substr(8, 2), &day) || !Digits(text.substr(11, 2), &hour) ||
      !Digits(text.substr(14, 2), &minute) || !Digits(text.substr(17, 2), &second) ||
      !Digits(text.substr(20, 9), &nanos)) {
    return ParseRaw(text, value);
  }
  const absl::CivilSecond time(year, month, day, hour, minute, second);
  *value = {time - kEpoch, static_cast<std::int32_t>(nanos)};
  return true;
}

bool ReadDuration(absl::string_view text, SecondsAndNanos* value) {
  absl::string_view rest = text;
  const bool negative = absl::ConsumePrefix(&rest, "-");
  const auto point = rest.find('.');
  std::uint64_t magnitude;
  std::int64_t nanos;
  if (point == absl::string_view::npos || rest.size() != point + 10 ||
      !absl::SimpleAtoi(rest.substr(0, point), &magnitude) ||
      !Digits(rest.substr(point + 1), &nanos)) {
    return ParseRaw(text, value);
  }
  value->seconds = static_cast<std::int64_t>(negative ? std::uint64_t{0} - magnitude : magnitude);
  value->nanos = static_cast<std::int32_t>(negative ? -nanos : nanos);
  return true;
}

}  // namespace

std::string TimestampToText(SecondsAndNanos value) {
  if (value.seconds < kFirstSecond || value.seconds > kLastSecond || value.nanos < 0 ||
      value.nanos >= kNanos) {
    return RawText(value);
  }
  const absl::CivilSecond time = kEpoch + value.seconds;
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", time.year(), time.month(),
                         time.day(), time.hour(), time.minute(), time.second(), value.nanos);
}

std::string DurationToText(SecondsAndNanos value) {
  const bool negative = value.seconds < 0 || value.nanos < 0;
  if (value.nanos <= -kNanos || value.nanos >= kNanos || (value.seconds > 0 && value.nanos < 0) ||
      (value.seconds < 0 && value.nanos > 0)) {
    return RawText(value);
  }
  const std::uint64_t magnitude = negative
                                      ? std::uint64_t{0} - static_cast<std::uint64_t>(value.seconds)
                                      : static_cast<std::uint64_t>(value.seconds);
  return absl::StrFormat("%s%d.%09d", negative ? "-" : "", magnitude,
                         negative ? -value.nanos : value.nanos);
}

// Only the one spelling that the functions above give, so that nothing changes by being read and
// written. Also refuses the 30th of February, which CivilSecond takes for the 1st of March.
bool ParseTimestamp(absl::string_view text, SecondsAndNanos* value) {
  return ReadTimestamp(text, value) && TimestampToText(*value) == text;
}
bool ParseDuration(absl::string_view text, SecondsAndNanos* value) {
  return ReadDuration(text, value) && DurationToText(*value) == text;
}

}  // namespace kin::persistence
