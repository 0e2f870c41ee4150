// Keeps a database up to date with a store, a little behind it, in batches.
//
// A batch is all that was committed since the batch before, applied in one SQL transaction which
// also stores the number of the newest commit in it. So the database always equals the memory as of
// some commit. Between batches only which records changed is remembered; what to write is read from
// a snapshot, which a flush takes when it starts, and holds until it has copied that or, where it
// is very much, until its batch is applied.
//
// Nothing that was committed is ever given up: a batch that cannot be applied is kept and tried
// again, commits go on until the limit of what may be outstanding is reached, and are then refused.
//
// One thread writes, unless somebody waits: who waits without limit writes himself, for all who
// wait, when nobody else does. A second thread does the chores of the database beside the batches.
// docs/persistence.md tells the whole story.
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
#include "kin/persistence/backlog.h"
#include "kin/persistence/backoff.h"
#include "kin/persistence/change_log.h"
#include "kin/persistence/chores.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/doorbell.h"
#include "kin/persistence/net_changes.h"
#include "kin/store/persistence.h"

namespace kin::persistence {

// Every member has a good default.
struct WriteBehindOptions {
  // A flush starts when the oldest change is this old, or there are this many changes or bytes.
  absl::Duration flush_after = absl::Seconds(1);
  std::int64_t flush_changes = 400'000;
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
  // Somebody who waits for a commit to be written or synced. Lives on the waiting thread's stack,
  // and once `done` is true, no longer than that.
  struct Waiter {
    CommitNumber commit = 0;
    bool synced = false;
    // Sleeps on `changed`, which a clock can end; else on a bell, and may lead.
    bool timed = false;
    // Only the failure of an attempt after this one ends the wait.
    std::int64_t after_attempt = 0;
    int bell = -1;  // In bells_.
    bool leading = false;
    Doorbell changed;
    absl::Status status;            // Written before `done`.
    std::atomic<bool> done{false};  // Written under mutex_.
  };
  // What the writing thread does next.
  enum class Task { kStop, kReport, kCompact, kAttempt };
  // Which of bells_ are to be rung, once no lock is held. Bits.
  using Bells = unsigned;

  // The writing thread. `mutex_` is given back while it sleeps.
  void Run();
  Task AwaitTask() ABSL_LOCKS_EXCLUDED(mutex_);
  void Sleep(absl::Time until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Report() ABSL_LOCKS_EXCLUDED(mutex_);
  // When the next attempt is to be made, as things stand: for those who wait, or without any.
  absl::Time NextDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time DueByItself() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // One attempt, by whoever set attempting_; `leader`: the waiter whose thread this is.
  void Attempt(Waiter* leader) ABSL_LOCKS_EXCLUDED(mutex_);
  void TakeBatch() ABSL_LOCKS_EXCLUDED(mutex_);
  // `start`: when the attempt began.
  absl::Status ApplyAndSync(absl::Time start, Bells* bells) ABSL_LOCKS_EXCLUDED(mutex_);
  bool SyncWanted() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Bells Applied() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Both note what is to be reported.
  void Succeeded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Bells Failed(const absl::Status& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Bells WakeReached() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends a wait; the bell, if it takes one.
  Bells End(Waiter* waiter, absl::Status status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Ring(Bells bells);
  // Sees to it that somebody attempts what is left; the bell to ring once, or -1.
  int HandOver() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // While batches fail, the backlog grows; with so many changes, duplicates are removed from it.
  std::int64_t CompactionLimit() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // By whoever set attempting_.
  void CompactBacklog() ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether there is anything to wait for, and an error if there is no use in it.
  absl::StatusOr<bool> MustWait(CommitNumber commit, bool synced, bool retry_now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Leaves the writing to the writing thread.
  absl::Status Wait(CommitNumber commit, bool synced, bool retry_now, absl::Time deadline)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes, if nobody else does.
  absl::Status WaitOrLead(CommitNumber commit, bool synced) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether somebody waits who does not write himself.
  bool TimedWait() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enter(Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Add(Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool MayLead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether all who are expected wait, or it is time.
  bool Gathered() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is in no batch yet is the first, or has reached a limit.
  void NoteBacklog() ABSL_LOCKS_EXCLUDED(mutex_);
  bool Reached(CommitNumber commit, bool synced) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status NoSpace() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HaltedStatus() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string Outstanding() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is in no batch yet.
  std::int64_t WaitingChanges() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::int64_t WaitingBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What is not in the database.
  std::int64_t OutstandingBytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // full_, and when OnCommit is to look next. After every change of what they depend on.
  void UpdateLimits() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void StartThreads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(close_mutex_);
  void StopThreads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(close_mutex_) ABSL_LOCKS_EXCLUDED(mutex_);

  // Constant after Start.
  const std::unique_ptr<Backend> backend_;
  const WriteBehindOptions options_;
  Clock* const clock_;
  CommitSource* source_ = nullptr;

  // Self-synchronised.
  std::atomic<CommitNumber> applied_{0};
  std::atomic<bool> full_{false};  // OutstandingBytes() >= max_bytes.
  // Who joins a batch sleeps on one of them, and who comes too late for it on the other, so that
  // the end of a batch wakes only whom it serves.
  Doorbell bells_[2];
  Chores chores_;  // But for Start and Stop, which close_mutex_ guards.

  // What is committed and in no batch yet. Taken from in CommitSource::Cut, under mutex_ too, so
  // that its numbers and those of `compacted_` and the batch go together for who has that.
  Backlog backlog_;
  // OnCommit looks for what there is to do when the backlog has so much: so that it hardly ever
  // needs mutex_. Written under mutex_.
  std::atomic<std::int64_t> notice_changes_{0};
  std::atomic<std::int64_t> notice_bytes_{0};

  // Of whoever set attempting_. `pending_` is the batch being applied, kept until it is applied;
  // `compacted_`, by model, what was taken from the backlog before it is in a batch.
  PendingBatch pending_;
  std::vector<ChangeLog> compacted_;
  Backoff backoff_;

  absl::Mutex close_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);  // Held by Close.
  std::thread thread_ ABSL_GUARDED_BY(close_mutex_);

  mutable absl::Mutex mutex_;
  Doorbell work_;   // For the writing thread.
  Doorbell space_;  // For WaitForSpace.
  bool started_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;

  // Some thread makes an attempt, or compacts the backlog: only one does at a time.
  bool attempting_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<absl::Status> reports_ ABSL_GUARDED_BY(mutex_);  // For options_.on_halt.
  // Until when the writing thread sleeps; the past if it does not.
  absl::Time sleeps_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();

  std::vector<Waiter*> waiters_ ABSL_GUARDED_BY(mutex_);  // None of them done.
  int joining_ ABSL_GUARDED_BY(mutex_) = 0;               // The bell of those who join from now on.
  // Group commit: who was just served is likely to be back soon, so that a batch for those who wait
  // begins when there are as many as the last time, or when it is this time. Who waits yields the
  // processor for as long as patience_ says, and then sleeps.
  std::size_t served_ ABSL_GUARDED_BY(mutex_) = 0;    // In this attempt.
  std::size_t returned_ ABSL_GUARDED_BY(mutex_) = 0;  // Came since somebody was served in it.
  std::size_t gather_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time gather_until_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // Who sleeps until then; null during an attempt, and if nobody does.
  const Waiter* timekeeper_ ABSL_GUARDED_BY(mutex_) = nullptr;
  absl::Duration patience_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();

  // What is in compacted_, and since when that or the backlog is not empty.
  std::int64_t compacted_changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t compacted_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time waiting_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  // What is in the batch being applied, if there is one.
  bool in_flight_ ABSL_GUARDED_BY(mutex_) = false;
  CommitNumber flight_to_ ABSL_GUARDED_BY(mutex_) = 0;  // Of the last batch, if there is none.
  std::int64_t flight_changes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t flight_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Time flight_since_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  // Attempts and their failures. `failing_` is the status of the last attempt, OK if it worked.
  CommitNumber synced_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t attempts_ ABSL_GUARDED_BY(mutex_) = 0;  // Begun.
  absl::Status failing_ ABSL_GUARDED_BY(mutex_);
  absl::Time failing_since_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  absl::Time retry_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  // The last sync failed. That a batch can be written shows nothing of that: after it the next
  // attempt syncs, whether or not somebody waits.
  bool sync_failing_ ABSL_GUARDED_BY(mutex_) = false;
  bool halted_ ABSL_GUARDED_BY(mutex_) = false;
  bool retry_now_ ABSL_GUARDED_BY(mutex_) = false;

  // Counters of Stats.
  std::int64_t batches_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t rows_written_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t retries_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration last_flush_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  LatencyHistogram flush_latency_ ABSL_GUARDED_BY(mutex_);
  std::int64_t space_waits_ ABSL_GUARDED_BY(mutex_) = 0;
  std::int64_t space_refusals_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_WRITE_BEHIND_H_
