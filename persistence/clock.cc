#include "kin/persistence/clock.h"

#include "absl/time/clock.h"

namespace kin::persistence {
namespace {

class SystemClock final : public Clock {
 public:
  absl::Time Now() override { return absl::Now(); }

  void Wait(absl::CondVar* condition, absl::Mutex* mutex, absl::Time deadline) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    condition->WaitWithDeadline(mutex, deadline);
  }
};

}  // namespace

Clock* Clock::System() {
  static SystemClock* const clock = new SystemClock;
  return clock;
}

}  // namespace kin::persistence
