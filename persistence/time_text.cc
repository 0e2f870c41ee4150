#include "kin/persistence/time_text.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"

namespace kin::persistence {
namespace {

constexpr std::int64_t kFirstSecond = -62135596800;     // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253402300799;      // 9999-12-31T23:59:59Z
constexpr std::int64_t kMostSeconds = 315'576'000'000;  // 10,000 years.
constexpr std::int32_t kNanos = 1'000'000'000;

const absl::CivilSecond kEpoch(1970, 1, 1, 0, 0, 0);

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
  if (text.size() != 30) return false;
  std::int64_t year, month, day, hour, minute, second, nanos;
  if (!Digits(text.substr(0, 4), &year) || !Digits(text.substr(5, 2), &month) ||
      !Digits(text.substr(8, 2), &day) || !Digits(text.substr(11, 2), &hour) ||
      !Digits(text.substr(14, 2), &minute) || !Digits(text.substr(17, 2), &second) ||
      !Digits(text.substr(20, 9), &nanos)) {
    return false;
  }
  const absl::CivilSecond time(year, month, day, hour, minute, second);
  *value = {time - kEpoch, static_cast<std::int32_t>(nanos)};
  return true;
}

bool ReadDuration(absl::string_view text, SecondsAndNanos* value) {
  absl::string_view rest = text;
  const bool negative = absl::ConsumePrefix(&rest, "-");
  const auto point = rest.find('.');
  std::int64_t seconds, nanos;
  if (point == absl::string_view::npos || rest.size() != point + 10 ||
      !absl::SimpleAtoi(rest.substr(0, point), &seconds) ||
      !Digits(rest.substr(point + 1), &nanos)) {
    return false;
  }
  if (seconds < 0) return false;
  value->seconds = negative ? -seconds : seconds;
  value->nanos = static_cast<std::int32_t>(negative ? -nanos : nanos);
  return true;
}

}  // namespace

SecondsAndNanos TimeOf(const google::protobuf::Message& time) {
  const google::protobuf::Reflection* reflection = time.GetReflection();
  const google::protobuf::Descriptor* descriptor = time.GetDescriptor();
  return {reflection->GetInt64(time, descriptor->FindFieldByNumber(1)),
          reflection->GetInt32(time, descriptor->FindFieldByNumber(2))};
}

bool IsTimestamp(SecondsAndNanos value) {
  return value.seconds >= kFirstSecond && value.seconds <= kLastSecond && value.nanos >= 0 &&
         value.nanos < kNanos;
}

std::string TimestampToText(SecondsAndNanos value) {
  const absl::CivilSecond time = kEpoch + value.seconds;
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", time.year(), time.month(),
                         time.day(), time.hour(), time.minute(), time.second(), value.nanos);
}

bool IsDuration(SecondsAndNanos value) {
  return value.seconds >= -kMostSeconds && value.seconds <= kMostSeconds && value.nanos > -kNanos &&
         value.nanos < kNanos && !(value.seconds > 0 && value.nanos < 0) &&
         !(value.seconds < 0 && value.nanos > 0);
}

std::string DurationToText(SecondsAndNanos value) {
  const bool negative = value.seconds < 0 || value.nanos < 0;
  return absl::StrFormat("%s%d.%09d", negative ? "-" : "", std::abs(value.seconds),
                         std::abs(value.nanos));
}

// Only the one spelling that the functions above give, so that nothing changes by being read and
// written. Also refuses the 30th of February, which CivilSecond takes for the 1st of March.
bool ParseTimestamp(absl::string_view text, SecondsAndNanos* value) {
  return ReadTimestamp(text, value) && IsTimestamp(*value) && TimestampToText(*value) == text;
}
bool ParseDuration(absl::string_view text, SecondsAndNanos* value) {
  return ReadDuration(text, value) && IsDuration(*value) && DurationToText(*value) == text;
}

}  // namespace kin::persistence
