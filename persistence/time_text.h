// google.protobuf.Timestamp and Duration as text that compares and reads well in SQL.
#ifndef KIN_PERSISTENCE_TIME_TEXT_H_
#define KIN_PERSISTENCE_TIME_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace kin::persistence {

struct SecondsAndNanos {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

// Of a google.protobuf.Timestamp or Duration.
SecondsAndNanos TimeOf(const google::protobuf::Message& time);

// Whether protobuf allows the value: years 1 to 9999, nanos from 0 to below a second.
bool IsTimestamp(SecondsAndNanos value);
// "2024-02-29T12:00:00.000000000Z". REQUIRES: IsTimestamp(value).
std::string TimestampToText(SecondsAndNanos value);
bool ParseTimestamp(absl::string_view text, SecondsAndNanos* value);

// Whether protobuf allows the value: up to 10,000 years (of 365.25 days), either way; nanos below
// a second, with the sign that the seconds have.
bool IsDuration(SecondsAndNanos value);
// "-3.500000000", in seconds. REQUIRES: IsDuration(value).
std::string DurationToText(SecondsAndNanos value);
bool ParseDuration(absl::string_view text, SecondsAndNanos* value);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_TIME_TEXT_H_
