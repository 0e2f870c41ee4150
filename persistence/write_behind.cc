// What a store and its users call. Waiting is in write_behind_wait.cc, what the writing thread does
// in write_behind_thread.cc, and an attempt to write in write_behind_attempt.cc.
#include "kin/persistence/write_behind.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::persistence {

WriteBehind::WriteBehind(std::unique_ptr<Backend> backend, WriteBehindOptions options)
    : backend_(std::move(backend)),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? options_.clock : Clock::System()),
      chores_(backend_.get(), clock_),
      backoff_(absl::Milliseconds(10), absl::Seconds(5)) {}

WriteBehind::~WriteBehind() {
  absl::Status lost;
  {
    absl::MutexLock close(&close_mutex_);
    StopThreads();
    absl::MutexLock lock(&mutex_);
    if (!closed_ && backlog_.newest() > applied_) {
      lost = absl::DataLossError(absl::StrCat("destroyed without a Close that returned OK; ",
                                              Outstanding(), " and are lost"));
    }
  }
  if (!lost.ok() && options_.on_halt) options_.on_halt(lost);
}

absl::StatusOr<LoadedState> WriteBehind::Load(const Schema& schema, Loader& loader) {
  if (options_.max_bytes <= 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the changes not yet written may take ", options_.max_bytes,
                     " bytes, so that every write would be refused; set max_lag_bytes to more"));
  }
  absl::StatusOr<LoadedState> state = backend_->Load(schema, loader);
  if (!state.ok()) return state;
  backlog_.Begin(schema, state->commit);
  absl::MutexLock lock(&mutex_);
  synced_ = flight_to_ = state->commit;
  applied_ = state->commit;
  return state;
}

absl::Status WriteBehind::Describe(absl::Span<const Violation> violations) {
  return backend_->Describe(violations);
}

absl::Status WriteBehind::Start(CommitSource* source) {
  absl::MutexLock close(&close_mutex_);
  absl::Status status = backend_->Start();
  if (!status.ok()) return status;
  source_ = source;
  {
    absl::MutexLock lock(&mutex_);
    started_ = true;
  }
  StartThreads();
  return absl::OkStatus();
}

absl::Status WriteBehind::WaitForSpace() {
  if (!full_.load(std::memory_order_relaxed)) return absl::OkStatus();
  absl::MutexLock lock(&mutex_);
  const absl::Time deadline = clock_->Now() + options_.space_timeout;
  if (OutstandingBytes() >= options_.max_bytes) ++space_waits_;
  while (OutstandingBytes() >= options_.max_bytes) {
    if (halted_ || clock_->Now() >= deadline) {
      ++space_refusals_;
      return NoSpace();
    }
    // A commit that has filled the space may not have come to the lock yet. Nobody rings who has
    // not seen that there was none.
    UpdateLimits();
    work_.RingOnce();
    clock_->Wait(&space_, &mutex_, deadline);
  }
  return absl::OkStatus();
}

absl::Status WriteBehind::NoSpace() const {
  if (halted_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no more changes are accepted: ", HaltedStatus().message()));
  }
  return absl::ResourceExhaustedError(absl::StrCat(
      "no more changes are accepted: after ", absl::FormatDuration(options_.space_timeout),
      " still ", Outstanding(), ", the limit of ", options_.max_bytes,
      " bytes; write less at once, or raise max_bytes",
      failing_.ok() ? "" : absl::StrCat("; the last error was: ", failing_.ToString())));
}

absl::Status WriteBehind::Admit(absl::Span<const Change> changes) {
  return backend_->Admit(changes);
}

// A part of every commit, so it takes no lock unless there is something to do.
void WriteBehind::OnCommit(CommitNumber commit, absl::Span<const Change> changes) {
  backlog_.Append(commit, changes);
  if (backlog_.changes() >= notice_changes_.load(std::memory_order_relaxed) ||
      backlog_.bytes() >= notice_bytes_.load(std::memory_order_relaxed)) {
    NoteBacklog();
  }
}

void WriteBehind::NoteBacklog() {
  absl::MutexLock lock(&mutex_);
  if (waiting_since_ == absl::InfiniteFuture()) waiting_since_ = clock_->Now();
  UpdateLimits();
  if (WaitingChanges() >= CompactionLimit() || DueByItself() < sleeps_until_) work_.RingOnce();
}

absl::Status WriteBehind::Close(absl::Duration timeout) {
  absl::MutexLock close(&close_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return absl::OkStatus();
    const absl::Time deadline = clock_->Now() + timeout;
    while (started_ && !Reached(backlog_.newest(), /*synced=*/true)) {
      absl::Status status = Wait(backlog_.newest(), /*synced=*/true, /*retry_now=*/true, deadline);
      if (!status.ok()) {
        return absl::Status(status.code(),
                            absl::StrCat("the database stays open, and Close may be called again: ",
                                         status.message()));
      }
    }
  }
  StopThreads();
  absl::Status status = backend_->Close();
  absl::MutexLock lock(&mutex_);
  if (status.ok()) {
    closed_ = true;
    space_.RingAll();
  } else if (started_) {
    stopping_ = false;
    StartThreads();
  }
  return status;
}

void WriteBehind::StartThreads() {
  thread_ = std::thread(&WriteBehind::Run, this);
  chores_.Start();
}

void WriteBehind::StopThreads() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    work_.RingOnce();
  }
  if (thread_.joinable()) thread_.join();
  chores_.Stop();
}

CommitNumber WriteBehind::durable_commit() const {
  // Pairs with the store in Applied: whoever sees the number sees a database that has it.
  return applied_.load(std::memory_order_acquire);
}

void WriteBehind::AddStats(Stats* stats) const {
  chores_.AddStats(stats);
  absl::MutexLock lock(&mutex_);
  stats->durable_commit = applied_;
  stats->lag_records = WaitingChanges() + flight_changes_;
  stats->lag_bytes = OutstandingBytes();
  const absl::Time oldest = std::min(waiting_since_, flight_since_);
  stats->lag = oldest == absl::InfiniteFuture() ? absl::ZeroDuration() : clock_->Now() - oldest;
  stats->batches = batches_;
  stats->changes_committed = backlog_.all_changes();
  stats->rows_written = rows_written_;
  stats->retries = retries_;
  stats->last_flush = last_flush_;
  stats->flush_latency = flush_latency_;
  stats->space_waits = space_waits_;
  stats->space_refusals = space_refusals_;
  stats->halted = halted_;
  stats->halt_cause = halted_ ? failing_ : absl::OkStatus();
}

std::int64_t WriteBehind::WaitingChanges() const { return compacted_changes_ + backlog_.changes(); }

std::int64_t WriteBehind::WaitingBytes() const { return compacted_bytes_ + backlog_.bytes(); }

std::int64_t WriteBehind::OutstandingBytes() const { return WaitingBytes() + flight_bytes_; }

// Beside OnCommit, which does not have the lock:
// 1. A backlog is emptied in a Cut, beside which there is no OnCommit. In between, its numbers only
//    grow. For the first commit of a batch to come, notice_changes_ is 0 from the Cut on.
// 2. OnCommit that finds a number of before looks too early, which does no harm, or not at all,
//    where the limit that it has reached is lower now. Nor does it look if this has seen that it
//    reached it, and has put the next one there. So whoever calls this, but for OnCommit itself,
//    later looks for what is due and rings if need be; and a waiter for space calls it each time
//    before he sleeps.
// 3. Both may miss each other's number. Relaxed stores are seen soon: the next commit finds it. If
//    none comes, a batch is due by its age, and what is to be compacted while batches fail can
//    wait.
void WriteBehind::UpdateLimits() {
  const std::int64_t changes = backlog_.changes();
  const std::int64_t bytes = backlog_.bytes();
  auto next = [](std::int64_t now, std::int64_t one, std::int64_t other) {
    constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    return std::min(one > now ? one : kNever, other > now ? other : kNever);
  };
  const bool empty = waiting_since_ == absl::InfiniteFuture();
  notice_changes_.store(empty ? 0
                              : next(changes, options_.flush_changes - compacted_changes_,
                                     CompactionLimit() - compacted_changes_),
                        std::memory_order_relaxed);
  const std::int64_t elsewhere = compacted_bytes_ + flight_bytes_;
  notice_bytes_.store(
      next(bytes, options_.flush_bytes - compacted_bytes_, options_.max_bytes - elsewhere),
      std::memory_order_relaxed);

  const bool full = OutstandingBytes() >= options_.max_bytes;
  if (full == full_.load(std::memory_order_relaxed)) return;
  full_.store(full, std::memory_order_relaxed);
  if (!full) space_.RingAll();
}

std::string WriteBehind::Outstanding() const {
  return absl::StrCat("the database is at commit ", applied_.load(), ", memory at ",
                      backlog_.newest(), "; ", WaitingChanges() + flight_changes_, " changes (",
                      OutstandingBytes(), " bytes) are not in the database");
}

absl::Status WriteBehind::HaltedStatus() const {
  return absl::Status(
      absl::IsDataLoss(failing_) ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable,
      absl::StrCat("write-behind is halted: ", Outstanding(),
                   " and will be tried again; the cause: ", failing_.ToString()));
}

}  // namespace kin::persistence
