// The time, and waiting for it, as write-behind sees them, so that tests can turn the hands.
#ifndef KIN_PERSISTENCE_CLOCK_H_
#define KIN_PERSISTENCE_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kin/persistence/doorbell.h"

namespace kin::persistence {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // Never goes back. Only differences mean anything: it need not be the time of day.
  virtual absl::Time Now() = 0;

  // Waits until `bell` is rung or it is `deadline`, and gives `mutex` back meanwhile. May return
  // earlier: callers look again.
  virtual void Wait(Doorbell* bell, absl::Mutex* mutex, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) = 0;

  // The machine's, of the time since it was started, less that for which it was suspended: to set
  // its date changes nothing. Lives forever.
  static Clock* System();
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_CLOCK_H_
