#include "kin/persistence/doorbell.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace kin::persistence {
namespace {

TEST(DoorbellTest, ARingThatCameFirstIsNotSleptThrough) {
  Doorbell bell;
  const Doorbell::Rings seen = bell.rings();
  bell.RingOnce();
  bell.Sleep(seen, absl::ZeroDuration());
  bell.Sleep(seen, absl::Seconds(1));
}

TEST(DoorbellTest, ASleepHasALimit) {
  Doorbell bell;
  bell.Sleep(bell.rings(), absl::ZeroDuration(), absl::Milliseconds(1));
  bell.Sleep(bell.rings(), absl::Milliseconds(1), absl::Milliseconds(1));
  bell.Sleep(bell.rings(), absl::ZeroDuration(), -absl::Milliseconds(1));
}

TEST(DoorbellTest, WhoeverRingsUnderTheMutexIsHeard) {
  Doorbell bell;
  absl::Mutex mutex;
  constexpr int kRounds = 1000;
  int turn = 0;
  const auto play = [&](int parity) {
    absl::MutexLock lock(&mutex);
    for (int round = 0; round < kRounds; ++round) {
      while (turn % 2 != parity) bell.Wait(&mutex);
      ++turn;
      bell.RingOnce();
    }
  };
  std::thread other(play, 1);
  play(0);
  other.join();
  EXPECT_EQ(turn, 2 * kRounds);
  absl::MutexLock lock(&mutex);
  bell.Wait(&mutex, absl::Milliseconds(1));
}

// What was written before a ring is read after it, by all, whether they sleep or yield.
TEST(DoorbellTest, AllWakeAndSeeWhatWasDone) {
  for (absl::Duration patience : {absl::ZeroDuration(), absl::Seconds(1)}) {
    Doorbell bell;
    int done = 0;
    constexpr int kRounds = 200;
    std::atomic<int> seen{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int round = 1; round <= kRounds; ++round) {
          while (bell.rings() < static_cast<Doorbell::Rings>(round)) {
            bell.Sleep(static_cast<Doorbell::Rings>(round - 1), patience);
          }
          EXPECT_GE(done, round);
          seen.fetch_add(1, std::memory_order_release);
        }
      });
    }
    for (int round = 1; round <= kRounds; ++round) {
      done = round;
      bell.RingAll();
      while (seen.load(std::memory_order_acquire) < 4 * round) std::this_thread::yield();
    }
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(DoorbellTest, OneRingWakesOneAtLeast) {
  Doorbell bell;
  std::atomic<int> awake{0};
  std::vector<std::thread> threads;
  const Doorbell::Rings seen = bell.rings();
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      bell.Sleep(seen, absl::ZeroDuration());
      awake.fetch_add(1);
    });
  }
  bell.RingOnce();
  while (awake.load() < 1) std::this_thread::yield();
  bell.RingAll();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(awake.load(), 3);
}

}  // namespace
}  // namespace kin::persistence
