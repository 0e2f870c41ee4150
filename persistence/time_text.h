// google.protobuf.Timestamp and Duration as text that sorts, compares and reads well in SQL, and
// holds every value that the messages can, also those that are no valid time.
#ifndef KIN_PERSISTENCE_TIME_TEXT_H_
#define KIN_PERSISTENCE_TIME_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace kin::persistence {

struct SecondsAndNanos {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
};

// "2024-02-29T12:00:00.000000000Z", for the years 1 to 9999.
// Anything else as "seconds:253402300800 nanos:-5".
std::string TimestampToText(SecondsAndNanos value);
bool ParseTimestamp(absl::string_view text, SecondsAndNanos* value);

// "-3.500000000", in seconds, where seconds and nanos have the same sign and |nanos| is below a
// second. Anything else as above.
std::string DurationToText(SecondsAndNanos value);
bool ParseDuration(absl::string_view text, SecondsAndNanos* value);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_TIME_TEXT_H_
