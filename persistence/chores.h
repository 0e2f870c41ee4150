// Runs a backend's chores (Backend::Tidy), on a thread of its own, beside batches.
#ifndef KIN_PERSISTENCE_CHORES_H_
#define KIN_PERSISTENCE_CHORES_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kin/persistence/backend.h"
#include "kin/persistence/backoff.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/doorbell.h"
#include "kin/store/stats.h"

namespace kin::persistence {

// Chores that fail are done again until they succeed, after 10 ms, then up to 5 s. Nobody waits for
// them but Stop. Thread-safe, except for Start and Stop.
class Chores {
 public:
  // Refers to both.
  Chores(Backend* backend, Clock* clock);
  ~Chores() { Stop(); }
  Chores(const Chores&) = delete;
  Chores& operator=(const Chores&) = delete;

  void Start();
  // Returns when no chore runs and none will. What is due stays so.
  void Stop();

  // There is something to do. Cheap.
  void Do();
  void AddStats(Stats* stats) const;

 private:
  void Run();
  // False: there will be none.
  bool Await() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  Backend* const backend_;
  Clock* const clock_;

  std::thread thread_;  // Of Start and Stop.
  Backoff backoff_;     // Of the thread.

  mutable absl::Mutex mutex_;
  Doorbell changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool due_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time not_before_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();

  // Counters of Stats.
  std::int64_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_CHORES_H_
