// The writing thread of WriteBehind: when to write, and what is left to it by those who write for
// themselves: retries and reports.
#include <algorithm>
#include <utility>

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
    attempting_ = false;
    if (!failing_.ok() && logged_changes_ >= CompactionLimit()) {
      CompactLogs();
    } else {
      Sleep(due);
    }
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
  if (logged_since_ == absl::InfiniteFuture()) return logged_since_;
  if (logged_changes_ >= options_.flush_changes || logged_bytes_ >= options_.flush_bytes ||
      OutstandingBytes() >= options_.max_bytes) {
    return absl::InfinitePast();
  }
  return logged_since_ + options_.flush_after;
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
