#include "kin/persistence/chores.h"

#include <utility>

namespace kin::persistence {

Chores::Chores(Backend* backend, Clock* clock)
    : backend_(backend), clock_(clock), backoff_(absl::Milliseconds(10), absl::Seconds(5)) {}

void Chores::Start() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = false;
  }
  thread_ = std::thread(&Chores::Run, this);
}

void Chores::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.RingOnce();
  }
  if (thread_.joinable()) thread_.join();
}

void Chores::Do() {
  absl::MutexLock lock(&mutex_);
  if (!std::exchange(due_, true)) changed_.RingOnce();
}

bool Chores::Await() {
  while (!stopping_) {
    if (!due_) {
      changed_.Wait(&mutex_);
    } else if (clock_->Now() < not_before_) {
      clock_->Wait(&changed_, &mutex_, not_before_);
    } else {
      return true;
    }
  }
  return false;
}

void Chores::Run() {
  mutex_.Lock();
  while (Await()) {
    due_ = false;
    mutex_.Unlock();
    absl::Status status = backend_->Tidy();
    mutex_.Lock();
    ++done_;
    if (status.ok()) {
      backoff_.Reset();
      not_before_ = absl::InfinitePast();
    } else {
      ++failures_;
      due_ = true;
      not_before_ = clock_->Now() + backoff_.Next();
    }
    last_ = std::move(status);
  }
  mutex_.Unlock();
}

void Chores::AddStats(Stats* stats) const {
  absl::MutexLock lock(&mutex_);
  stats->chores = done_;
  stats->chore_failures = failures_;
  stats->chore_status = last_;
}

}  // namespace kin::persistence
