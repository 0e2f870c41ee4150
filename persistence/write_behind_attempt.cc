// One attempt to bring the database up to date, on whichever thread makes it.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "kin/persistence/write_behind.h"

namespace kin::persistence {
namespace {

constexpr absl::Duration kLongestGathering = absl::Microseconds(500);
// Waking a thread that sleeps took 2 to 15 microseconds of the waking one, on a virtual machine;
// for the 15 who wait with 16 threads that is up to this. Beside a longer attempt it no longer
// matters.
constexpr absl::Duration kLongestPatience = absl::Microseconds(300);
// To put so many in order takes a millisecond.
constexpr std::int64_t kManyChanges = 10'000;
// Bytes of copies that a batch may have.
constexpr std::size_t kMostCopied = std::size_t{128} << 20;

}  // namespace

void WriteBehind::Attempt(Waiter* leader) {
  const absl::Time start = clock_->Now();
  bool need_batch = false;
  {
    absl::MutexLock lock(&mutex_);
    ++attempts_;
    served_ = returned_ = 0;
    timekeeper_ = nullptr;
    if (!failing_.ok()) ++retries_;
    retry_now_ = false;
    need_batch = !in_flight_ && backlog_.newest() > applied_;
  }
  if (need_batch) {
    // Every version that commits supersede while the batch's snapshot is there stays in memory, and
    // is cold when it is freed: so what takes time is done before.
    if (backlog_.changes() >= kManyChanges) CompactBacklog();
    TakeBatch();
  }
  Bells bells = 0;
  const absl::Status status = ApplyAndSync(start, &bells);
  // Those who wait are woken before the batch is taken apart.
  PendingBatch applied;
  int next = -1;
  bool tidy = false;
  {
    absl::MutexLock lock(&mutex_);
    if (!in_flight_) std::swap(applied, pending_);
    if (!status.ok()) bells |= Failed(status);
    // Whoever was served is likely to commit again. No longer than is little beside the attempt.
    const absl::Duration took = clock_->Now() - start;
    // Whoever is back already is in both.
    gather_ = served_ + waiters_.size() - std::min({served_, returned_, waiters_.size()});
    gather_until_ = start + took + std::min(2 * took, kLongestGathering);
    patience_ =
        took <= kLongestPatience ? std::min(2 * took, kLongestPatience) : absl::ZeroDuration();
    tidy = backend_->NeedsTidy();
    attempting_ = false;
    // Whoever writes next can begin while the others wake up.
    if (leader != nullptr) next = HandOver();
  }
  if (next >= 0) bells_[next].RingOnce();
  Ring(bells);
  if (tidy) chores_.Do();
}

void WriteBehind::TakeBatch() {
  pending_ = PendingBatch();
  source_->Cut([this](Snapshot snapshot, absl::Span<const std::uint64_t> next_ids) {
    pending_.snapshot = std::move(snapshot);
    pending_.batch.to = pending_.snapshot.commit();
    pending_.batch.next_ids.assign(next_ids.begin(), next_ids.end());
    absl::MutexLock lock(&mutex_);
    flight_changes_ = WaitingChanges();
    flight_bytes_ = WaitingBytes();
    flight_since_ = std::exchange(waiting_since_, absl::InfiniteFuture());
    compacted_changes_ = compacted_bytes_ = 0;
    pending_.logs = backlog_.Take();
    in_flight_ = true;
    flight_to_ = pending_.batch.to;
    joining_ = 1 - joining_;
    UpdateLimits();
  });
  PutInFront(std::exchange(compacted_, {}), &pending_.logs);
  pending_.batch.from = applied_;
  ComputeNetChanges(&pending_);
  CopyRecords(kMostCopied, &pending_);

  absl::MutexLock lock(&mutex_);
  flight_changes_ = flight_bytes_ = 0;
  for (const ChangeLog& log : pending_.logs) {
    flight_changes_ += static_cast<std::int64_t>(log.size());
    flight_bytes_ += static_cast<std::int64_t>(log.bytes());
  }
  UpdateLimits();
}

absl::Status WriteBehind::ApplyAndSync(absl::Time start, Bells* bells) {
  bool apply = false;
  {
    absl::MutexLock lock(&mutex_);
    apply = in_flight_;
  }
  // Whoever is woken finds write-behind as it is now, not halted still.
  if (apply) {
    absl::Status status = backend_->Apply(pending_.batch);
    if (!status.ok()) return status;
    absl::MutexLock lock(&mutex_);
    last_flush_ = clock_->Now() - start;
    flush_latency_.Add(last_flush_);
    *bells = Applied();
    if (!SyncWanted() && !sync_failing_) {
      Succeeded();
      return absl::OkStatus();
    }
  }
  CommitNumber applied = applied_;
  if (!apply) {
    absl::MutexLock lock(&mutex_);
    if (!SyncWanted() && failing_.ok()) return absl::OkStatus();
  }
  // A sync takes long: who does not wait for it need not.
  Ring(std::exchange(*bells, 0));
  absl::Status status = backend_->Sync();
  absl::MutexLock lock(&mutex_);
  sync_failing_ = !status.ok();
  if (!status.ok()) return status;
  synced_ = std::max(synced_, applied);
  Succeeded();
  *bells = WakeReached();
  return absl::OkStatus();
}

bool WriteBehind::SyncWanted() const {
  // Whose commit is not even applied is served by a later sync.
  return std::any_of(waiters_.begin(), waiters_.end(), [this](const Waiter* waiter) {
    return waiter->synced && waiter->commit <= applied_.load(std::memory_order_relaxed);
  });
}

WriteBehind::Bells WriteBehind::Applied() {
  ++batches_;
  for (const ModelChanges& changes : pending_.batch.models) rows_written_ += changes.size();
  // Pairs with the load in durable_commit.
  applied_.store(pending_.batch.to, std::memory_order_release);
  in_flight_ = false;
  flight_changes_ = flight_bytes_ = 0;
  flight_since_ = absl::InfiniteFuture();
  UpdateLimits();
  return WakeReached();
}

void WriteBehind::Succeeded() {
  failing_ = absl::OkStatus();
  failing_since_ = absl::InfinitePast();
  backoff_.Reset();
  if (std::exchange(halted_, false) && options_.on_halt) reports_.push_back(absl::OkStatus());
}

WriteBehind::Bells WriteBehind::Failed(const absl::Status& cause) {
  const absl::Time now = clock_->Now();
  if (failing_.ok()) failing_since_ = now;
  failing_ = cause;
  const bool halt =
      halted_ || !absl::IsUnavailable(cause) || now - failing_since_ >= options_.retry_for;
  retry_at_ = now + (halt ? options_.resume_every : backoff_.Next());
  if (!halt) return 0;

  if (!std::exchange(halted_, true) && options_.on_halt) reports_.push_back(cause);
  Bells bells = 0;
  auto ended = [this, &bells](Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (waiter->after_attempt >= attempts_) return false;
    bells |= End(waiter, HaltedStatus());
    return true;
  };
  waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), ended), waiters_.end());
  space_.RingAll();
  return bells;
}

}  // namespace kin::persistence
