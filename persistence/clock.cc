#include "kin/persistence/clock.h"

#include <chrono>

namespace kin::persistence {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() override {
    return absl::UnixEpoch() +
           absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }

  void Wait(Doorbell* bell, absl::Mutex* mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    bell->Wait(mutex, deadline - Now());
  }
};

}  // namespace

Clock* Clock::System() {
  static SystemClock* const clock = new SystemClock;
  return clock;
}

}  // namespace kin::persistence
