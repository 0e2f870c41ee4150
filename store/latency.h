// How long something takes: a histogram by powers of two.
#ifndef KIN_STORE_LATENCY_H_
#define KIN_STORE_LATENCY_H_

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace kin {

// A plain value. Thread-compatible.
struct LatencyHistogram {
  // Bucket i counts what took at most Bound(i), and more than Bound(i - 1); the last, all that took
  // longer still.
  static constexpr int kBuckets = 28;
  static absl::Duration Bound(int bucket) {
    return bucket < kBuckets - 1 ? absl::Nanoseconds(std::int64_t{256} << bucket)
                                 : absl::InfiniteDuration();
  }

  std::array<std::int64_t, kBuckets> buckets{};
  std::int64_t count = 0;
  absl::Duration sum = absl::ZeroDuration();
  absl::Duration longest = absl::ZeroDuration();

  // Some nanoseconds.
  void Add(absl::Duration duration) {
    const std::int64_t nanos = std::max<std::int64_t>(0, absl::ToInt64Nanoseconds(duration));
    int bucket = 0;
    while (bucket < kBuckets - 1 && nanos > std::int64_t{256} << bucket) ++bucket;
    ++buckets[static_cast<std::size_t>(bucket)];
    ++count;
    sum += absl::Nanoseconds(nanos);
    longest = std::max(longest, absl::Nanoseconds(nanos));
  }
};

}  // namespace kin

#endif  // KIN_STORE_LATENCY_H_
