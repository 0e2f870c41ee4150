// Keeps a database up to date with a store, a little behind it, in batches.
//
// A batch is all that was committed since the batch before, applied in one SQL transaction which
// also stores the number of the newest commit in it. So the database always equals the memory as of
// some commit. Between batches only which records changed is remembered; what to write is read from
// a snapshot, which a flush takes when it starts and holds until its batch is applied.
//
// Nothing that was committed is ever given up: a batch that cannot be applied is kept and tried
// again, commits go on until the limit of what may be outstanding is reached, and are then refused.
//
// One thread writes; docs/persistence.md tells the whole story.
#ifndef KIN_PERSISTENCE_WRITE_BEHIND_H_
#define KIN_PERSISTENCE_WRITE_BEHIND_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kin/persistence/backend.h"
#include "kin/persistence/backoff.h"
#include "kin/persistence/change_log.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/net_changes.h"
#include "kin/persistence/watched_fields.h"
#include "kin/store/persistence.h"

namespace kin::persistence {

// Every member has a good default.
struct WriteBehindOptions {
  // A flush starts when the oldest change is this old, or there are this many changes or bytes.
  absl::Duration flush_after = absl::Seconds(1);
  std::int64_t flush_changes = 100'000;
  std::int64_t flush_bytes = std::int64_t{8} << 20;

  // With this many bytes outstanding, commits wait for space, this long at most.
  std::int64_t max_bytes = std::int64_t{256} << 20;
  absl::Duration space_timeout = absl::Seconds(10);

  // Passing faults are retried this long before write-behind counts as halted. While it is halted,
  // it tries again this often.
  absl::Duration retry_for = absl::Minutes(1);
  absl::Duration resume_every = absl::Seconds(30);

  // Called with the cause when write-behind halts, with OK when it goes on, and with DATA_LOSS if
  // it is destroyed with changes that are not in the database. On the writing thread, or the one
  // that destroys; no locks held. Must not call the store, except, on the writing thread, for its
  // stats.
  std::function<void(const absl::Status&)> on_halt;

  // Null: the machine's.
  Clock* clock = nullptr;
};

// Thread-safe, as far as Persistence asks for it.
class WriteBehind final : public Persistence {
 public:
  explicit WriteBehind(std::unique_ptr<Backend> backend, WriteBehindOptions options = {});
  ~WriteBehind() override;

  absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) override;
  absl::Status Describe(absl::Span<const Violation> violations) override;
  absl::Status Start(CommitSource* source) override;
  absl::Status WaitForSpace() override;
  absl::Status Admit(absl::Span<const Change> changes) override;
  void OnCommit(CommitNumber commit, absl::Span<const Change> changes) override;
  // While halted, Flush and Close make one more attempt at once.
  absl::Status Flush(absl::Duration timeout) override;
  absl::Status WaitDurable(CommitNumber commit, Durability durability,
                           absl::Duration timeout) override;
  absl::Status Close(absl::Duration timeout) override;
  CommitNumber durable_commit() const override;
  void AddStats(Stats* stats) const override;

 private:
  // Somebody who waits for a commit to be written or synced. Lives on the waiting thread's stack.
  struct Waiter {
    CommitNumber commit = 0;
    bool synced = false;
    // Only the failure of an attempt after this one ends the wait.
    std::int64_t after_attempt = 0;
    bool done = false;
    absl::Status status;
    absl::CondVar changed;
  };

  // The writing thread.
  void Run();
  void SleepUntilDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // When the next attempt is to be made, as things stand.
  absl::Time NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Those who wait for what is not done yet.
  std::size_t Waiting() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool SyncWanted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Attempt() ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status ApplyAndSync() ABSL_LOCKS_EXCLUDED(mutex_);
  void Applied() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Both return whether write-behind went on or halted just now.
  bool Succeeded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Failed(const absl::Status& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeReached() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // While batches fail, logs grow; from this size on, duplicates are removed from them.
  std::int64_t CompactionLimit() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CompactLogs() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::Status Wait(CommitNumber commit, bool synced, bool retry_now, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Reached(CommitNumber commit, bool synced) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status NoSpace() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HaltedStatus() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Outstanding() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::int64_t OutstandingBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void UpdateFull() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StopThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(close_mutex_) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after Start.
  const std::unique_ptr<Backend> backend_;
  const WriteBehindOptions options_;
  Clock* const clock_;
  CommitSource* source_ = nullptr;
  std::vector<WatchedFields> watched_;  // By model.
  std::vector<bool> number_keys_;       // By model.

  // Self-synchronised.
  std::atomic<CommitNumber> applied_{0};
  std::atomic<bool> full_{false};  // OutstandingBytes() >= max_bytes.

  // Of the writing thread. `pending_` is the batch being applied, kept until it is applied.
  PendingBatch pending_;
  Backoff backoff_;

  absl::Mutex close_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // Held by Close.
  std::thread thread_ ABSL_GUARDED_BY(close_mutex_);

  mutable absl::Mutex mutex_;
  absl::CondVar work_;   // For the writing thread.
  absl::CondVar space_;  // For WaitForSpace.
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);
  // Group commit: who was just served is likely to be back soon, so that a batch for those who wait
  // begins when there are as many as the last time, or when it is this time.
  std::size_t served_ ABSL_GUARDED_BY(mutex_) = 0;  // In this attempt.
  std::size_t gather_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time gather_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();

  // What is committed and in no batch yet.
  std::vector<ChangeLog> logs_ ABSL_GUARDED_BY(mutex_);
  CommitNumber newest_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t logged_changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t logged_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time logged_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::int64_t compacted_changes_ ABSL_GUARDED_BY(mutex_) = 0;  // After the last compaction.

  // What is in the batch being applied, if there is one.
  bool in_flight_ ABSL_GUARDED_BY(mutex_) = false;
  std::int64_t flight_changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t flight_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time flight_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  // Attempts and their failures. `failing_` is the status of the last attempt, OK if it worked.
  CommitNumber synced_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;  // Begun.
  absl::Status failing_ ABSL_GUARDED_BY(mutex_);
  absl::Time failing_since_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time retry_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool halted_ ABSL_GUARDED_BY(mutex_) = false;
  bool retry_now_ ABSL_GUARDED_BY(mutex_) = false;

  // Counters of Stats.
  std::int64_t batches_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t changes_committed_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t rows_written_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t retries_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration last_flush_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  LatencyHistogram flush_latency_ ABSL_GUARDED_BY(mutex_);
  std::int64_t space_waits_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t space_refusals_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_WRITE_BEHIND_H_
