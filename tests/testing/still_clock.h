// A clock that wakes nobody.
#ifndef KIN_TESTS_TESTING_STILL_CLOCK_H_
#define KIN_TESTS_TESTING_STILL_CLOCK_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/doorbell.h"

namespace kin::testing {

// It stands still until it is turned, and whoever waits by it is woken only by his bell, so that a
// ring that is missing shows. Thread-safe.
class StillClock final : public persistence::Clock {
 public:
  absl::Time Now() override {
    absl::MutexLock lock(&mutex_);
    ++looks_;
    return now_;
  }
  void Wait(persistence::Doorbell* bell, absl::Mutex* mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    {
      absl::MutexLock lock(&mutex_);
      asleep_[bell] = {bell->rings(), deadline};
    }
    bell->Wait(mutex);
    absl::MutexLock lock(&mutex_);
    asleep_.erase(bell);
  }
  void Advance(absl::Duration duration) {
    absl::MutexLock lock(&mutex_);
    now_ += duration;
  }
  // Whether somebody looks again and again, for a minute at most: as only the one who keeps the
  // time for those who gather for a batch does.
  bool AwaitTimekeeper() {
    absl::MutexLock lock(&mutex_);
    const std::int64_t many = looks_ + 50;
    auto reached = [this, many]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return looks_ >= many; };
    return mutex_.AwaitWithTimeout(absl::Condition(&reached), absl::Minutes(1));
  }
  // Returns when so many wait and have not been rung.
  void AwaitAsleep(int count) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::count_if(asleep_.begin(), asleep_.end(), IsAsleep) >= count;
    };
    mutex_.Await(absl::Condition(&reached));
  }
  // Returns when somebody waits until then and has not been rung.
  void AwaitAsleepUntil(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, deadline]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::any_of(asleep_.begin(), asleep_.end(), [deadline](const auto& sleeper) {
        return IsAsleep(sleeper) && sleeper.second.deadline == deadline;
      });
    };
    mutex_.Await(absl::Condition(&reached));
  }

 private:
  struct Sleep {
    persistence::Doorbell::Rings rings = 0;
    absl::Time deadline;
  };
  static bool IsAsleep(const std::pair<persistence::Doorbell* const, Sleep>& sleeper) {
    return sleeper.first->rings() == sleeper.second.rings;
  }

  absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_) = absl::UnixEpoch();
  std::int64_t looks_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<persistence::Doorbell*, Sleep> asleep_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_STILL_CLOCK_H_
