// Waiting until a commit is written or synced. Threads that may wait without limit take turns at
// writing (leader and followers), so that one thread alone needs no switch to another.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/persistence/write_behind.h"

namespace kin::persistence {

absl::Status WriteBehind::Flush(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  return Wait(backlog_.newest(), /*synced=*/false, /*retry_now=*/true, clock_->Now() + timeout);
}

absl::Status WriteBehind::WaitDurable(CommitNumber commit, Durability durability,
                                      absl::Duration timeout) {
  if (durability == Durability::kBuffered) return absl::OkStatus();
  const bool synced = durability == Durability::kSynced;
  // A write may take longer than any limit.
  if (timeout == absl::InfiniteDuration()) return WaitOrLead(commit, synced);
  absl::MutexLock lock(&mutex_);
  return Wait(commit, synced, /*retry_now=*/false, clock_->Now() + timeout);
}

bool WriteBehind::Reached(CommitNumber commit, bool synced) const {
  return commit <= (synced ? synced_ : applied_.load(std::memory_order_relaxed));
}

absl::StatusOr<bool> WriteBehind::MustWait(CommitNumber commit, bool synced, bool retry_now) const {
  if (commit > backlog_.newest()) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no commit ", commit, " yet; the newest is ", backlog_.newest()));
  }
  if (Reached(commit, synced)) return false;
  if (!started_ || closed_) return absl::FailedPreconditionError("the store is closed");
  if (halted_ && !retry_now) return HaltedStatus();
  return true;
}

absl::Status WriteBehind::Wait(CommitNumber commit, bool synced, bool retry_now,
                               absl::Time deadline) {
  const absl::StatusOr<bool> must_wait = MustWait(commit, synced, retry_now);
  if (!must_wait.ok() || !*must_wait) return must_wait.status();

  Waiter waiter;
  waiter.commit = commit;
  waiter.synced = synced;
  waiter.timed = true;
  if (retry_now && !failing_.ok()) {
    retry_now_ = true;
    waiter.after_attempt = attempts_;
  }
  const bool first = !TimedWait();
  Add(&waiter);
  // While more are expected, the writing thread sleeps on; it looks at the clock by itself.
  if (retry_now || first || waiters_.size() >= gather_) work_.RingOnce();
  while (!waiter.done && clock_->Now() < deadline) {
    clock_->Wait(&waiter.changed, &mutex_, deadline);
  }
  if (waiter.done) return waiter.status;
  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
  return absl::DeadlineExceededError(absl::StrCat(
      "commit ", commit, " is not ", synced ? "synced" : "written", " yet: ", Outstanding(),
      failing_.ok() ? "" : absl::StrCat("; the last error was: ", failing_.ToString())));
}

absl::Status WriteBehind::WaitOrLead(CommitNumber commit, bool synced) {
  Waiter waiter;
  waiter.commit = commit;
  waiter.synced = synced;
  {
    absl::MutexLock lock(&mutex_);
    const absl::StatusOr<bool> must_wait = MustWait(commit, synced, /*retry_now=*/false);
    if (!must_wait.ok() || !*must_wait) return must_wait.status();
    Enter(&waiter);
  }
  while (true) {
    Doorbell::Rings rings = 0;
    absl::Duration patience;
    absl::Duration limit = absl::InfiniteDuration();
    {
      absl::MutexLock lock(&mutex_);
      if (waiter.done) return waiter.status;
      waiter.leading = MayLead() && Gathered();
      if (waiter.leading) attempting_ = true;
      // Else nobody writes, and one of those who wait is to begin when it is time. If all were, all
      // would be woken by it, most of them beside a batch that has begun meanwhile.
      if (MayLead() && (timekeeper_ == nullptr || timekeeper_ == &waiter)) {
        timekeeper_ = &waiter;
        limit = gather_until_ - clock_->Now();
      }
      patience = patience_;
      rings = bells_[waiter.bell].rings();
    }
    if (waiter.leading) {
      Attempt(&waiter);
    } else {
      bells_[waiter.bell].Sleep(rings, patience, limit);
    }
    // Pairs with the store in End: the status was written before.
    if (waiter.done.load(std::memory_order_acquire)) return waiter.status;
  }
}

void WriteBehind::Enter(Waiter* waiter) {
  const bool in_this_batch = attempting_ && waiter->commit <= flight_to_;
  waiter->bell = in_this_batch ? 1 - joining_ : joining_;
  Add(waiter);
}

void WriteBehind::Add(Waiter* waiter) {
  waiters_.push_back(waiter);
  if (attempting_ && served_ > 0) ++returned_;
}

// While attempts fail, the writing thread makes them, which knows when.
bool WriteBehind::MayLead() const { return !attempting_ && !stopping_ && failing_.ok(); }

bool WriteBehind::Gathered() const {
  return waiters_.size() >= gather_ || clock_->Now() >= gather_until_;
}

WriteBehind::Bells WriteBehind::WakeReached() {
  Bells bells = 0;
  auto reached = [this, &bells](Waiter* waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!Reached(waiter->commit, waiter->synced)) return false;
    ++served_;
    bells |= End(waiter, absl::OkStatus());
    return true;
  };
  waiters_.erase(std::remove_if(waiters_.begin(), waiters_.end(), reached), waiters_.end());
  return bells;
}

WriteBehind::Bells WriteBehind::End(Waiter* waiter, absl::Status status) {
  const bool sleeps_on_bell = !waiter->timed && !waiter->leading;
  const Bells bells = sleeps_on_bell ? 1u << waiter->bell : 0;
  if (!sleeps_on_bell) waiter->changed.RingOnce();
  waiter->status = std::move(status);
  // Pairs with the load in WaitOrLead, after which the waiter is gone.
  waiter->done.store(true, std::memory_order_release);
  return bells;
}

void WriteBehind::Ring(Bells bells) {
  for (int bell = 0; bell < 2; ++bell) {
    if (bells & (1u << bell)) bells_[bell].RingAll();
  }
}

bool WriteBehind::TimedWait() const {
  return std::any_of(waiters_.begin(), waiters_.end(),
                     [](const Waiter* waiter) { return waiter->timed; });
}

int WriteBehind::HandOver() {
  const bool left_to_thread = TimedWait() || stopping_ || !reports_.empty() || !failing_.ok() ||
                              DueByItself() < sleeps_until_;
  if (left_to_thread) {
    work_.RingOnce();
  } else if (!waiters_.empty()) {
    return waiters_.front()->bell;
  }
  return -1;
}

}  // namespace kin::persistence
