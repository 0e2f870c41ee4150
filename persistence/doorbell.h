// Wakes all who sleep on it with one system call, and holds no lock while it does.
//
// A condition variable wakes one thread after the other, each of which waits for the mutex of the
// one before. Where many wait for the same thing, and see for themselves whether it is there, that
// is most of what waiting costs. std::atomic::wait would do, but for that libstdc++'s yields the
// processor several times before it sleeps.
//
// It also serves in place of a condition variable, of which Abseil's waits by the machine's clock:
// where that is set back meanwhile, a wait of a second takes an hour. Here all limits are of the
// clock that nobody sets.
#ifndef KIN_PERSISTENCE_DOORBELL_H_
#define KIN_PERSISTENCE_DOORBELL_H_

#include <atomic>
#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kin::persistence {

// Thread-safe.
class Doorbell {
 public:
  using Rings = std::uint32_t;

  // How often it was rung, to be asked before looking whether there is a reason to sleep.
  Rings rings() const { return rings_.load(std::memory_order_acquire); }
  // Returns when it has been rung since rings() was `seen` (a ring in between is not slept
  // through), after `limit`, and sometimes earlier. What was done before the ring is seen after.
  // Yields the processor for as long as `patience` says before it sleeps.
  void Sleep(Rings seen, absl::Duration patience, absl::Duration limit = absl::InfiniteDuration());

  // The same, but gives `mutex` back meanwhile. No ring is missed by who has looked under it.
  void Wait(absl::Mutex* mutex, absl::Duration limit = absl::InfiniteDuration())
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);

  void RingAll();
  // Wakes one of those who sleep, and lets none fall asleep that has not looked since.
  void RingOnce();

 private:
  bool RungSoon(Rings seen, absl::Duration patience) const;
  void Ring(int wake);

  std::atomic<Rings> rings_{0};
  std::atomic<int> sleepers_{0};  // Who is asleep or about to be: none, and no system call.
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_DOORBELL_H_
