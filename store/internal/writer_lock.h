// Taking turns at writing.
#ifndef KIN_STORE_INTERNAL_WRITER_LOCK_H_
#define KIN_STORE_INTERNAL_WRITER_LOCK_H_

#include "absl/base/config.h"
#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kin::internal {

// Holds a mutex that others hold for a few microseconds at a time. Where one is in the way, looks
// again for a while before it sleeps: Abseil looks for less long than a transaction takes, and to
// be woken by another processor took 40 microseconds on a virtual machine. A lock that is free is
// had without Abseil's search for deadlocks, which Debian's makes even where it is optimised.
class ABSL_SCOPED_LOCKABLE WriterLock {
 public:
  // The analysis takes these two at their word.
  explicit WriterLock(absl::Mutex* mutex)
      ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) ABSL_NO_THREAD_SAFETY_ANALYSIS : mutex_(mutex) {
#ifdef ABSL_HAVE_THREAD_SANITIZER
    mutex->Lock();  // It learns the order of locks from those that are waited for.
#else
    if (!mutex->TryLock()) LockContended();
#endif
  }
  ~WriterLock() ABSL_UNLOCK_FUNCTION() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex_->Unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  void LockContended() ABSL_NO_THREAD_SAFETY_ANALYSIS;

  absl::Mutex* const mutex_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_WRITER_LOCK_H_
