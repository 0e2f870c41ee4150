// A clock whose hands only a test moves.
#ifndef KIN_TESTS_TESTING_FAKE_CLOCK_H_
#define KIN_TESTS_TESTING_FAKE_CLOCK_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/doorbell.h"

namespace kin::testing {

// Thread-safe.
class FakeClock final : public persistence::Clock {
 public:
  absl::Time Now() override {
    absl::MutexLock lock(&mutex_);
    return now_;
  }

  // Who waits looks again every millisecond of real time: it sees a turn of the hands soon, and
  // none of it depends on when exactly.
  void Wait(persistence::Doorbell* bell, absl::Mutex* mutex, absl::Time /*deadline*/) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    {
      absl::MutexLock lock(&mutex_);
      ++waits_;
    }
    bell->Wait(mutex, absl::Milliseconds(1));
  }

  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ += duration;
  }

  // Returns when a thread that was waiting, if only one is, has looked again and found nothing to
  // do.
  void Settle() {
    absl::MutexLock lock(&mutex_);
    const std::int64_t enough = waits_ + 3;
    auto settled = [this, enough]()
                       ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return waits_ >= enough; };
    mutex_.Await(absl::Condition(&settled));
  }

 private:
  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'700'000'000);
  std::int64_t waits_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_FAKE_CLOCK_H_
