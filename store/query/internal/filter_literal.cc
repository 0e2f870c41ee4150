#include "kin/store/query/internal/filter_literal.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/charconv.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/store/internal/utf8.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;

constexpr std::int64_t kMaxDurationSeconds = 315'576'000'000;  // As duration.proto says.
constexpr int kMaxListed = 8;

absl::Status Expected(const FieldDescriptor& field, const Token& token, absl::string_view what) {
  return FilterError(token.offset, absl::StrCat("expected ", what, " for ", Named(field),
                                                " and found ", Describe(token)));
}

absl::Status OutOfRange(const FieldDescriptor& field, const Token& token) {
  return FilterError(token.offset,
                     absl::StrCat(Quote(token.text), " is out of the range of ", Named(field)));
}

bool AllDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

bool IsInteger(absl::string_view text) {
  absl::ConsumePrefix(&text, "-");
  return AllDigits(text);
}

template <typename T>
bool InRange(absl::string_view text, Value* value) {
  T number;
  if (!absl::SimpleAtoi(text, &number)) return false;
  if constexpr (std::is_signed_v<T>) {
    *value = std::int64_t{number};
  } else {
    *value = std::uint64_t{number};
  }
  return true;
}

absl::StatusOr<Value> ParseInteger(const FieldDescriptor& field, const Token& token) {
  if (token.kind != Token::Kind::kWord || !IsInteger(token.text)) {
    return Expected(field, token, "an integer such as 42");
  }
  Value value;
  bool in_range = false;
  switch (Unwrapped(field).cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      in_range = InRange<std::int32_t>(token.text, &value);
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      in_range = InRange<std::int64_t>(token.text, &value);
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      in_range = InRange<std::uint32_t>(token.text, &value);
      break;
    default:
      in_range = InRange<std::uint64_t>(token.text, &value);
      break;
  }
  if (!in_range) return OutOfRange(field, token);
  return value;
}

template <typename T>
absl::StatusOr<Value> ParseReal(const FieldDescriptor& field, const Token& token) {
  T number = 0;
  const char* const end = token.text.data() + token.text.size();
  const absl::from_chars_result result = absl::from_chars(token.text.data(), end, number);
  if (token.kind != Token::Kind::kWord || result.ptr != end ||
      result.ec == std::errc::invalid_argument) {
    return Expected(field, token, "a number such as 1.5, 2.997e9, inf or nan");
  }
  // One that is too small for the type has been rounded, to 0 or what is next to it.
  if (result.ec != std::errc() && std::abs(number) > 1) return OutOfRange(field, token);
  return Value(double{number});
}

absl::StatusOr<Value> ParseBool(const FieldDescriptor& field, const Token& token) {
  if (token.IsWord("true")) return Value(true);
  if (token.IsWord("false")) return Value(false);
  return Expected(field, token, "true or false");
}

std::string ValuesOf(const EnumDescriptor& type, absl::string_view wrong) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  std::string near = graph::internal::DidYouMean(wrong.substr(0, 64), names);
  if (!near.empty()) return near;
  if (type.value_count() > kMaxListed) return "";
  return absl::StrCat("; there are ", absl::StrJoin(names, ", "));
}

absl::StatusOr<Value> ParseEnum(const FieldDescriptor& field, const Token& token) {
  const EnumDescriptor& type = *field.enum_type();
  if (const auto* value = type.FindValueByName(token.text); value != nullptr) {
    return Value(std::int64_t{value->number()});
  }
  if (token.kind == Token::Kind::kWord && IsInteger(token.text)) {
    std::int32_t number = 0;
    if (!absl::SimpleAtoi(token.text, &number)) return OutOfRange(field, token);
    // An enum of proto2 has no others.
    if (type.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO3 ||
        type.FindValueByNumber(number) != nullptr) {
      return Value(std::int64_t{number});
    }
  }
  return FilterError(token.offset, absl::StrCat("the enum ", type.full_name(), " has no value ",
                                                Describe(token), ValuesOf(type, token.text)));
}

absl::StatusOr<Value> ParseText(const FieldDescriptor& field, const Token& token) {
  if (Unwrapped(field).type() == FieldDescriptor::TYPE_STRING &&
      !kin::internal::IsUtf8(token.text)) {
    return FilterError(token.offset, absl::StrCat("the text for ", Named(field), " is not UTF-8"));
  }
  return Value(token.text);
}

// Takes `digits` digits, and what is to follow them, from `text`.
bool TakeNumber(absl::string_view* text, std::size_t digits, absl::string_view then, int* number) {
  if (!AllDigits(text->substr(0, digits)) || text->size() < digits) return false;
  if (!absl::SimpleAtoi(text->substr(0, digits), number)) return false;
  text->remove_prefix(digits);
  return absl::ConsumePrefix(text, then);
}

// Takes a dot and one to nine digits, if there is a dot.
bool TakeFraction(absl::string_view* text, int* nanos) {
  *nanos = 0;
  if (!absl::ConsumePrefix(text, ".")) return true;
  int digits = 0;
  while (!text->empty() && absl::ascii_isdigit(static_cast<unsigned char>(text->front()))) {
    if (++digits > 9) return false;
    *nanos = *nanos * 10 + (text->front() - '0');
    text->remove_prefix(1);
  }
  for (int i = digits; i < 9; ++i) *nanos *= 10;
  return digits > 0;
}

// "Z" or "-04:00".
bool ParseOffset(absl::string_view text, absl::Duration* offset) {
  *offset = absl::ZeroDuration();
  if (text == "Z" || text == "z") return true;
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative && !absl::ConsumePrefix(&text, "+")) return false;
  int hours = 0;
  int minutes = 0;
  if (!TakeNumber(&text, 2, ":", &hours) || !TakeNumber(&text, 2, "", &minutes)) return false;
  *offset = (absl::Hours(hours) + absl::Minutes(minutes)) * (negative ? -1 : 1);
  return text.empty() && hours < 24 && minutes < 60;
}

}  // namespace

std::string Named(const FieldDescriptor& field) {
  return absl::StrCat("the ", graph::internal::TypeText(field), " ", field.full_name());
}

const FieldDescriptor& Unwrapped(const FieldDescriptor& field) {
  const bool wrapped = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
                       TypeOf(field) != FieldType::kTime && TypeOf(field) != FieldType::kDuration &&
                       TypeOf(field) != FieldType::kOther;
  return wrapped ? *field.message_type()->FindFieldByNumber(1) : field;
}

bool ParseTimestamp(absl::string_view text, absl::Time* time) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, nanos = 0;
  if (!TakeNumber(&text, 4, "-", &year) || !TakeNumber(&text, 2, "-", &month) ||
      !TakeNumber(&text, 2, "", &day) ||
      !(absl::ConsumePrefix(&text, "T") || absl::ConsumePrefix(&text, "t")) ||
      !TakeNumber(&text, 2, ":", &hour) || !TakeNumber(&text, 2, ":", &minute) ||
      !TakeNumber(&text, 2, "", &second) || !TakeFraction(&text, &nanos)) {
    return false;
  }
  absl::Duration offset;
  if (!ParseOffset(text, &offset)) return false;
  // What does not exist, such as the 30th of February, comes out as something else.
  const absl::CivilSecond civil(year, month, day, hour, minute, second);
  if (civil.month() != month || civil.day() != day || civil.hour() != hour ||
      civil.minute() != minute || civil.second() != second) {
    return false;
  }
  *time = absl::FromCivil(civil, absl::UTCTimeZone()) - offset + absl::Nanoseconds(nanos);
  // As timestamp.proto says.
  return *time >= absl::FromCivil(absl::CivilSecond(1), absl::UTCTimeZone()) &&
         *time < absl::FromCivil(absl::CivilSecond(10000), absl::UTCTimeZone());
}

bool ParseSeconds(absl::string_view text, absl::Duration* duration) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  std::int64_t seconds = 0;
  if (!AllDigits(text.substr(0, digits)) || !absl::SimpleAtoi(text.substr(0, digits), &seconds) ||
      seconds > kMaxDurationSeconds) {
    return false;
  }
  text.remove_prefix(digits);
  int nanos = 0;
  if (!TakeFraction(&text, &nanos) || text != "s") return false;
  if (seconds == kMaxDurationSeconds && nanos > 0) return false;
  *duration = (absl::Seconds(seconds) + absl::Nanoseconds(nanos)) * (negative ? -1 : 1);
  return true;
}

absl::StatusOr<Value> ParseLiteral(const FieldDescriptor& field, const Token& token) {
  switch (TypeOf(field)) {
    case FieldType::kSigned:
    case FieldType::kUnsigned:
      return ParseInteger(field, token);
    case FieldType::kBool:
      return ParseBool(field, token);
    case FieldType::kEnum:
      return ParseEnum(field, token);
    case FieldType::kDouble:
      return Unwrapped(field).cpp_type() == FieldDescriptor::CPPTYPE_FLOAT
                 ? ParseReal<float>(field, token)
                 : ParseReal<double>(field, token);
    case FieldType::kTime: {
      absl::Time time;
      if (ParseTimestamp(token.text, &time)) return Value(time);
      return Expected(field, token, "a time of RFC 3339 such as 2012-04-21T11:30:00-04:00");
    }
    case FieldType::kDuration: {
      absl::Duration duration;
      if (ParseSeconds(token.text, &duration)) return Value(duration);
      return Expected(field, token, "a duration in seconds such as 1.5s");
    }
    default:
      return ParseText(field, token);
  }
}

}  // namespace kin::query::internal
