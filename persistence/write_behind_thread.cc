// The writing thread of WriteBehind: when to flush, one attempt, and what follows from it.
#include <algorithm>
#include <utility>

#include "kin/persistence/write_behind.h"

namespace kin::persistence {
namespace {

constexpr absl::Duration kLongestGathering = absl::Microseconds(500);

}  // namespace

void WriteBehind::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      SleepUntilDue();
      if (stopping_) return;
    }
    Attempt();
  }
}

void WriteBehind::SleepUntilDue() {
  while (!stopping_) {
    const absl::Time due = NextDue();
    if (due == absl::InfinitePast() || clock_->Now() >= due) return;
    if (!failing_.ok() && logged_changes_ >= CompactionLimit()) {
      CompactLogs();
    } else {
      clock_->Wait(&work_, &mutex_, due);
    }
  }
}

absl::Time WriteBehind::NextDue() const {
  if (!failing_.ok()) return retry_now_ ? absl::InfinitePast() : retry_at_;
  const std::size_t waiting = Waiting();
  absl::Time due = absl::InfiniteFuture();
  if (waiting > 0) due = waiting >= gather_ ? absl::InfinitePast() : gather_until_;
  // By commits and not by changes: one whose changes cancel each other is to be stored too.
  if (logged_since_ == absl::InfiniteFuture()) return due;
  if (logged_changes_ >= options_.flush_changes || logged_bytes_ >= options_.flush_bytes ||
      OutstandingBytes() >= options_.max_bytes) {
    return absl::InfinitePast();
  }
  return std::min(due, logged_since_ + options_.flush_after);
}

std::size_t WriteBehind::Waiting() const {
  std::size_t waiting = 0;
  for (const Waiter* waiter : waiters_) {
    if (!Reached(waiter->commit, waiter->synced)) ++waiting;
  }
  return waiting;
}

bool WriteBehind::SyncWanted() const {
  // Whose commit is not even applied is served by a later sync.
  return std::any_of(waiters_.begin(), waiters_.end(), [this](const Waiter* waiter) {
    return waiter->synced && waiter->commit <= applied_.load(std::memory_order_relaxed);
  });
}

void WriteBehind::Attempt() {
  const absl::Time start = clock_->Now();
  CommitNumber synced_before = 0;
  bool need_batch = false;
  {
    absl::MutexLock lock(&mutex_);
    ++attempts_;
    served_ = 0;
    synced_before = synced_;
    if (!failing_.ok()) ++retries_;
    retry_now_ = false;
    need_batch = !in_flight_ && newest_ > applied_;
  }
  if (need_batch) TakeBatch();
  absl::Status status = ApplyAndSync();

  bool turned = false;
  bool busy = false;
  {
    absl::MutexLock lock(&mutex_);
    turned = status.ok() ? Succeeded() : Failed(status);
    // Worth it only where a sync is shared. Takes at most half of what the attempt took.
    const absl::Time now = clock_->Now();
    gather_ = synced_ > synced_before ? served_ + Waiting() : 0;
    gather_until_ = now + std::min((now - start) / 2, kLongestGathering);
    busy = NextDue() == absl::InfinitePast();
  }
  if (turned && options_.on_halt) options_.on_halt(status);
  if (status.ok()) backend_->Tidy(busy);
}

void WriteBehind::TakeBatch() {
  pending_ = PendingBatch();
  source_->Cut([this](Snapshot snapshot, absl::Span<const std::uint64_t> next_ids) {
    pending_.snapshot = std::move(snapshot);
    pending_.batch.to = pending_.snapshot.commit();
    pending_.batch.next_ids.assign(next_ids.begin(), next_ids.end());
    absl::MutexLock lock(&mutex_);
    for (ChangeLog& log : logs_) pending_.logs.push_back(std::move(log));
    logs_.clear();
    for (bool number_keys : number_keys_) logs_.emplace_back(number_keys);
    in_flight_ = true;
    flight_changes_ = std::exchange(logged_changes_, 0);
    flight_bytes_ = std::exchange(logged_bytes_, 0);
    flight_since_ = std::exchange(logged_since_, absl::InfiniteFuture());
    compacted_changes_ = 0;
  });
  pending_.batch.from = applied_;
  ComputeNetChanges(&pending_);

  absl::MutexLock lock(&mutex_);
  flight_changes_ = flight_bytes_ = 0;
  for (const ChangeLog& log : pending_.logs) {
    flight_changes_ += static_cast<std::int64_t>(log.size());
    flight_bytes_ += static_cast<std::int64_t>(log.bytes());
  }
  UpdateFull();
}

absl::Status WriteBehind::ApplyAndSync() {
  bool apply = false;
  {
    absl::MutexLock lock(&mutex_);
    apply = in_flight_;
  }
  if (apply) {
    const absl::Time start = clock_->Now();
    absl::Status status = backend_->Apply(pending_.batch);
    if (!status.ok()) return status;
    {
      absl::MutexLock lock(&mutex_);
      last_flush_ = clock_->Now() - start;
      flush_latency_.Add(last_flush_);
      Applied();
    }
    pending_ = PendingBatch();  // Lets go of the snapshot; those who waited know already.
  }
  CommitNumber applied = applied_;
  {
    absl::MutexLock lock(&mutex_);
    // Where the last attempt got so far and then could not sync, only this shows that it works
    // again.
    if (!SyncWanted() && (failing_.ok() || apply)) return absl::OkStatus();
  }
  absl::Status status = backend_->Sync();
  if (!status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  synced_ = std::max(synced_, applied);
  WakeReached();
  return absl::OkStatus();
}

void WriteBehind::Applied() {
  ++batches_;
  for (const ModelChanges& changes : pending_.batch.models) rows_written_ += changes.size();
  // Pairs with the load in durable_commit.
  applied_.store(pending_.batch.to, std::memory_order_release);
  in_flight_ = false;
  flight_changes_ = flight_bytes_ = 0;
  flight_since_ = absl::InfiniteFuture();
  UpdateFull();
  WakeReached();
}

bool WriteBehind::Succeeded() {
  failing_ = absl::OkStatus();
  failing_since_ = absl::InfinitePast();
  backoff_.Reset();
  return std::exchange(halted_, false);
}

bool WriteBehind::Failed(const absl::Status& cause) {
  const absl::Time now = clock_->Now();
  if (failing_.ok()) failing_since_ = now;
  failing_ = cause;
  const bool halt =
      halted_ || !absl::IsUnavailable(cause) || now - failing_since_ >= options_.retry_for;
  retry_at_ = now + (halt ? options_.resume_every : backoff_.Next());
  if (!halt) return false;

  const bool turned = !std::exchange(halted_, true);
  auto ended = [this](Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (waiter->after_attempt >= attempts_) return false;
    waiter->status = HaltedStatus();
    waiter->done = true;
    waiter->changed.Signal();
    return true;
  };
  waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), ended), waiters_.end());
  space_.SignalAll();
  return turned;
}

void WriteBehind::WakeReached() {
  auto reached = [this](Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!Reached(waiter->commit, waiter->synced)) return false;
    waiter->done = true;
    waiter->changed.Signal();
    ++served_;
    return true;
  };
  waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), reached), waiters_.end());
}

std::int64_t WriteBehind::CompactionLimit() const { return 2 * compacted_changes_ + 65536; }

void WriteBehind::CompactLogs() {
  std::vector<ChangeLog> older;
  for (ChangeLog& log : logs_) older.push_back(std::move(log));
  logs_.clear();
  for (bool number_keys : number_keys_) logs_.emplace_back(number_keys);

  mutex_.Unlock();
  for (ChangeLog& log : older) log.Compact();
  mutex_.Lock();

  logged_changes_ = logged_bytes_ = compacted_changes_ = 0;
  for (std::size_t model = 0; model < logs_.size(); ++model) {
    compacted_changes_ += static_cast<std::int64_t>(older[model].size());
    logs_[model].Prepend(std::move(older[model]));
    logged_changes_ += static_cast<std::int64_t>(logs_[model].size());
    logged_bytes_ += static_cast<std::int64_t>(logs_[model].bytes());
  }
  UpdateFull();
}

}  // namespace kin::persistence
