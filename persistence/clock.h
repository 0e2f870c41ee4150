// The time, and waiting for it, as write-behind sees them, so that tests can turn the hands.
#ifndef KIN_PERSISTENCE_CLOCK_H_
#define KIN_PERSISTENCE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kin::persistence {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  virtual absl::Time Now() = 0;

  // Waits until `condition` is signalled or it is `deadline`. May return earlier, as any wait on a
  // condition variable: callers look again.
  virtual void Wait(absl::CondVar* condition, absl::Mutex* mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  // The machine's. Lives forever.
  static Clock* System();
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_CLOCK_H_
