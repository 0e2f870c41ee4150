// What a store and its users call. Waiting is in write_behind_wait.cc, what the writing thread does
// in write_behind_thread.cc, and an attempt to write in write_behind_attempt.cc.
#include "kin/persistence/write_behind.h"

#include <algorithm>
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
    if (!closed_ && newest_ > applied_) {
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
  absl::MutexLock lock(&mutex_);
  for (std::size_t model = 0; model < schema.graph().models.size(); ++model) {
    watched_.emplace_back(schema, static_cast<int>(model));
    number_keys_.push_back(schema.has_number_key(static_cast<int>(model)));
    logs_.emplace_back(number_keys_.back());
  }
  newest_ = synced_ = flight_to_ = state->commit;
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

void WriteBehind::OnCommit(CommitNumber commit, absl::Span<const Change> changes) {
  // A lock that is free is had without Abseil's search for deadlocks, which Debian's Abseil makes
  // where a thread has other locks: it was 0.15 us of a commit's 1.9.
  if (!mutex_.TryLock()) mutex_.Lock();
  NoteCommit(commit, changes);
  mutex_.Unlock();
}

void WriteBehind::NoteCommit(CommitNumber commit, absl::Span<const Change> changes) {
  const std::int64_t changes_before = logged_changes_;
  const std::int64_t bytes_before = logged_bytes_;
  newest_ = commit;
  for (const Change& change : changes) {
    ChangeFlags flags = 0;
    if (change.before == nullptr) {
      flags = kInserted;
    } else if (change.after != nullptr) {
      flags = watched_[change.model].Compare(*change.before, *change.after);
    }
    ChangeLog& log = logs_[change.model];
    const std::size_t log_bytes = log.bytes();
    log.Append(change.key, flags);
    logged_bytes_ += static_cast<std::int64_t>(log.bytes() - log_bytes);
  }
  logged_changes_ += static_cast<std::int64_t>(changes.size());
  changes_committed_ += static_cast<std::int64_t>(changes.size());
  const bool first = logged_since_ == absl::InfiniteFuture();
  if (first) logged_since_ = clock_->Now();
  UpdateFull();

  auto crossed = [](std::int64_t before, std::int64_t after, std::int64_t limit) {
    return before < limit && after >= limit;
  };
  const bool oversleeps = first && logged_since_ + options_.flush_after < sleeps_until_;
  if (oversleeps || crossed(changes_before, logged_changes_, options_.flush_changes) ||
      crossed(bytes_before, logged_bytes_, options_.flush_bytes) ||
      crossed(bytes_before + flight_bytes_, OutstandingBytes(), options_.max_bytes) ||
      crossed(changes_before, logged_changes_, CompactionLimit())) {
    work_.RingOnce();
  }
}

absl::Status WriteBehind::Close(absl::Duration timeout) {
  absl::MutexLock close(&close_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return absl::OkStatus();
    const absl::Time deadline = clock_->Now() + timeout;
    while (started_ && !Reached(newest_, /*synced=*/true)) {
      absl::Status status = Wait(newest_, /*synced=*/true, /*retry_now=*/true, deadline);
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
  stats->lag_records = logged_changes_ + flight_changes_;
  stats->lag_bytes = OutstandingBytes();
  const absl::Time oldest = std::min(logged_since_, flight_since_);
  stats->lag = oldest == absl::InfiniteFuture() ? absl::ZeroDuration() : clock_->Now() - oldest;
  stats->batches = batches_;
  stats->changes_committed = changes_committed_;
  stats->rows_written = rows_written_;
  stats->retries = retries_;
  stats->last_flush = last_flush_;
  stats->flush_latency = flush_latency_;
  stats->space_waits = space_waits_;
  stats->space_refusals = space_refusals_;
  stats->halted = halted_;
  stats->halt_cause = halted_ ? failing_ : absl::OkStatus();
}

std::int64_t WriteBehind::OutstandingBytes() const { return logged_bytes_ + flight_bytes_; }

void WriteBehind::UpdateFull() {
  const bool full = OutstandingBytes() >= options_.max_bytes;
  if (full == full_.load(std::memory_order_relaxed)) return;
  full_.store(full, std::memory_order_relaxed);
  if (!full) space_.RingAll();
}

std::string WriteBehind::Outstanding() const {
  return absl::StrCat("the database is at commit ", applied_.load(), ", memory at ", newest_, "; ",
                      logged_changes_ + flight_changes_, " changes (", OutstandingBytes(),
                      " bytes) are not in the database");
}

absl::Status WriteBehind::HaltedStatus() const {
  return absl::Status(
      absl::IsDataLoss(failing_) ? absl::StatusCode::kDataLoss : absl::StatusCode::kUnavailable,
      absl::StrCat("write-behind is halted: ", Outstanding(),
                   " and will be tried again; the cause: ", failing_.ToString()));
}

}  // namespace kin::persistence
