// The writing thread of WriteBehind: when to write, and what is left to it by those who write for
// themselves: retries and reports.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "kin/persistence/write_behind.h"

namespace kin::persistence {
namespace {

// However soon changes are to be written: without sleep it would only get in the way.
constexpr absl::Duration kShortestLook = absl::Milliseconds(1);

}  // namespace

void WriteBehind::Run() {
  while (true) {
    switch (AwaitTask()) {
      case Task::kStop:
        return;
      case Task::kReport:
        Report();
        break;
      case Task::kCompact: {
        CompactBacklog();
        absl::MutexLock lock(&mutex_);
        attempting_ = false;
        break;
      }
      case Task::kAttempt:
        Attempt(nullptr);
    }
  }
}

WriteBehind::Task WriteBehind::AwaitTask() {
  absl::MutexLock lock(&mutex_);
  while (true) {
    if (!reports_.empty()) return Task::kReport;
    if (attempting_) {
      // Whoever attempts wakes this thread if it is needed. It looks again in a while anyway, and
      // not never, so that the next change need not wake it.
      Sleep(clock_->Now() + std::max(options_.flush_after, kShortestLook));
      continue;
    }
    if (stopping_) return Task::kStop;
    attempting_ = true;
    const absl::Time due = NextDue();
    if (due == absl::InfinitePast() || clock_->Now() >= due) return Task::kAttempt;
    if (!failing_.ok() && WaitingChanges() >= CompactionLimit()) return Task::kCompact;
    attempting_ = false;
    Sleep(due);
  }
}

void WriteBehind::Sleep(absl::Time until) {
  sleeps_until_ = until;
  clock_->Wait(&work_, &mutex_, until);
  sleeps_until_ = absl::InfinitePast();
}

void WriteBehind::Report() {
  std::vector<absl::Status> reports;
  {
    absl::MutexLock lock(&mutex_);
    reports.swap(reports_);
  }
  for (const absl::Status& report : reports) options_.on_halt(report);
}

absl::Time WriteBehind::NextDue() const {
  if (!failing_.ok()) return retry_now_ ? absl::InfinitePast() : retry_at_;
  if (waiters_.empty()) return DueByItself();
  return waiters_.size() >= gather_ ? absl::InfinitePast() : std::min(gather_until_, DueByItself());
}

absl::Time WriteBehind::DueByItself() const {
  // By commits and not by changes: one whose changes cancel each other is to be stored too.
  if (waiting_since_ == absl::InfiniteFuture()) return waiting_since_;
  if (WaitingChanges() >= options_.flush_changes || WaitingBytes() >= options_.flush_bytes ||
      OutstandingBytes() >= options_.max_bytes) {
    return absl::InfinitePast();
  }
  return waiting_since_ + options_.flush_after;
}

std::int64_t WriteBehind::CompactionLimit() const { return 2 * compacted_changes_ + 65536; }

void WriteBehind::CompactBacklog() {
  std::vector<ChangeLog> newer;
  source_->Cut([this, &newer](Snapshot, absl::Span<const std::uint64_t>) {
    absl::MutexLock lock(&mutex_);
    compacted_changes_ += backlog_.changes();
    compacted_bytes_ += backlog_.bytes();
    newer = backlog_.Take();
    UpdateLimits();
  });
  PutInFront(std::move(compacted_), &newer);
  compacted_ = std::move(newer);

  std::int64_t changes = 0;
  std::int64_t bytes = 0;
  for (ChangeLog& log : compacted_) {
    log.Compact();
    changes += static_cast<std::int64_t>(log.size());
    bytes += static_cast<std::int64_t>(log.bytes());
  }
  absl::MutexLock lock(&mutex_);
  compacted_changes_ = changes;
  compacted_bytes_ = bytes;
  UpdateLimits();
}

}  // namespace kin::persistence
