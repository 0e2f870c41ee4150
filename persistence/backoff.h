// How long to wait before trying again.
#ifndef KIN_PERSISTENCE_BACKOFF_H_
#define KIN_PERSISTENCE_BACKOFF_H_

#include <algorithm>

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace kin::persistence {

// Doubles from `first` to `most`, and takes a random half off, so that several stores that a fault
// stopped at one moment do not come back at one moment. Thread-compatible.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most) : first_(first), most_(most), next_(first) {}

  absl::Duration Next() {
    absl::Duration wait = next_ * absl::Uniform(random_, 0.5, 1.0);
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void Reset() { next_ = first_; }

 private:
  absl::Duration first_;
  absl::Duration most_;
  absl::Duration next_;
  absl::InsecureBitGen random_;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_BACKOFF_H_
