#include "kin/persistence/doorbell.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <climits>
#include <cstdint>
#include <ctime>
#include <utility>

namespace kin::persistence {
namespace {

// A yield that takes this long let somebody else do real work: after so many of them, whoever waits
// only gets in the way.
constexpr std::int64_t kSlowYieldNanos = 50'000;
constexpr int kSlowYields = 3;

std::int64_t NowNanos() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

// Sleeping and ringing each write one of the two numbers and then read the other, sequentially
// consistent: either the sleeper sees the ring (here or in the kernel), or the ringer the sleeper.

bool Doorbell::RungSoon(Rings seen, absl::Duration patience) const {
  const std::int64_t start = NowNanos();
  const std::int64_t end = start + absl::ToInt64Nanoseconds(patience);
  std::int64_t now = start;
  for (int slow = 0; now < end && slow < kSlowYields;) {
    if (rings() != seen) return true;
    sched_yield();
    const std::int64_t before = std::exchange(now, NowNanos());
    if (now - before > kSlowYieldNanos) ++slow;
  }
  return rings() != seen;
}

void Doorbell::Sleep(Rings seen, absl::Duration patience, absl::Duration limit) {
  const std::int64_t start = NowNanos();
  if (RungSoon(seen, std::min(patience, limit))) return;
  static_assert(sizeof(rings_) == sizeof(Rings) && std::atomic<Rings>::is_always_lock_free);
  // What was spent on patience is part of it.
  limit -= absl::Nanoseconds(NowNanos() - start);
  if (limit <= absl::ZeroDuration()) return;
  const timespec timeout = limit == absl::InfiniteDuration() ? timespec() : absl::ToTimespec(limit);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  if (rings_.load(std::memory_order_seq_cst) == seen) {
    syscall(SYS_futex, &rings_, FUTEX_WAIT_PRIVATE, seen,
            limit == absl::InfiniteDuration() ? nullptr : &timeout, nullptr, 0);
  }
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

void Doorbell::Wait(absl::Mutex* mutex, absl::Duration limit) {
  const Rings seen = rings();
  mutex->Unlock();
  Sleep(seen, absl::ZeroDuration(), limit);
  mutex->Lock();
}

void Doorbell::RingAll() { Ring(INT_MAX); }

void Doorbell::RingOnce() { Ring(1); }

void Doorbell::Ring(int wake) {
  rings_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  syscall(SYS_futex, &rings_, FUTEX_WAKE_PRIVATE, wake, nullptr, nullptr, 0);
}

}  // namespace kin::persistence
