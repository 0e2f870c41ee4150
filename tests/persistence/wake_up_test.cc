// What wakes the writing thread. The clock wakes nobody here: who is not rung sleeps until the test
// times out.
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/persistence/clock.h"
#include "kin/persistence/doorbell.h"
#include "kin/persistence/write_behind.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/faulty_backend.h"
#include "kin/tests/testing/still_clock.h"
#include "tests/persistence/models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Unsigned;

// By it one thread that is rung gets its lock back only when it is told to, and then goes on only
// when it is told to.
class LateClock final : public Clock {
 public:
  absl::Time Now() override { return absl::UnixEpoch(); }
  void Wait(Doorbell* bell, absl::Mutex* mutex, absl::Time /*deadline*/) override
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (std::this_thread::get_id() != delayed_.load()) return bell->Wait(mutex);
    const Doorbell::Rings seen = bell->rings();
    mutex->Unlock();
    bell->Sleep(seen, absl::ZeroDuration());
    lock_.WaitForNotification();
    mutex->Lock();
    if (!locked_.HasBeenNotified()) locked_.Notify();
    go_on_.WaitForNotification();
  }
  void DelayThisThread() { delayed_ = std::this_thread::get_id(); }
  // Returns when the thread has its lock, and nobody else.
  void Lock() {
    lock_.Notify();
    locked_.WaitForNotification();
  }
  void GoOn() { go_on_.Notify(); }

 private:
  std::atomic<std::thread::id> delayed_{};
  absl::Notification lock_;
  absl::Notification locked_;
  absl::Notification go_on_;
};

// For another thread to come to where nobody can see it. If that takes longer, less is tested.
void YieldForAWhile() {
  const absl::Time end = absl::Now() + absl::Milliseconds(50);
  while (absl::Now() < end) std::this_thread::yield();
}

class WakeUpTest : public ::testing::Test {
 protected:
  // Until the writing thread sleeps.
  void Open() {
    if (options_.clock == nullptr) options_.clock = &clock_;
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(
        std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                                 &faults_),
        options_);
    auto store = Store::Open(Schema::Of<Unsigned>(), std::move(open));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    if (options_.clock == &clock_) clock_.AwaitAsleepUntil(absl::InfiniteFuture());
  }

  // One commit.
  void Insert(int records) { InsertAs(next_.fetch_add(records), records); }
  void InsertAs(std::uint64_t first, int records) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (int i = 0; i < records; ++i) {
        Unsigned record;
        record.set_number(first + i);
        absl::Status status = txn.Insert(std::move(record)).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void InsertEach(int records) {
    for (int i = 0; i < records; ++i) Insert(1);
  }
  // Until the writing thread sleeps until what there is becomes due by its age.
  void AwaitAsleepByAge() { clock_.AwaitAsleepUntil(clock_.Now() + options_.flush_after); }
  void AwaitDurable(CommitNumber commit) {
    while (store_->durable_commit() < commit) std::this_thread::yield();
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::StillClock clock_;
  LateClock late_;
  WriteBehindOptions options_;
  std::atomic<std::uint64_t> next_{1};
  std::unique_ptr<Store> store_;
};

TEST_F(WakeUpTest, TheFirstCommitIsSeenSoThatItIsWrittenByAge) {
  Open();
  Insert(1);
  AwaitAsleepByAge();
}

TEST_F(WakeUpTest, TheFirstCommitAfterABatchIsSeenToo) {
  Open();
  Insert(1);
  ASSERT_TRUE(store_->Flush().ok());
  clock_.AwaitAsleepUntil(absl::InfiniteFuture());
  clock_.Advance(absl::Milliseconds(1));
  Insert(1);
  AwaitAsleepByAge();
}

TEST_F(WakeUpTest, ManyChangesWakeItEachTime) {
  options_.flush_changes = 10;
  Open();
  for (int batch = 1; batch <= 3; ++batch) {
    InsertEach(9);
    AwaitAsleepByAge();
    Insert(1);
    AwaitDurable(static_cast<CommitNumber>(10 * batch));
  }
  clock_.AwaitAsleepUntil(absl::InfiniteFuture());
  Insert(100);
  AwaitDurable(31);
}

TEST_F(WakeUpTest, ManyBytesWakeItEachTime) {
  options_.flush_bytes = 64;
  Open();
  for (int batch = 1; batch <= 3; ++batch) {
    InsertEach(3);
    AwaitAsleepByAge();
    Insert(1);
    AwaitDurable(static_cast<CommitNumber>(4 * batch));
  }
}

// With a batch under way there is less room than after it: each of the two limits is noticed.
TEST_F(WakeUpTest, WhatNoMoreMayBeAddedToIsWritten) {
  options_.max_bytes = 160;
  options_.flush_bytes = 1000;
  Open();
  faults_.Hold();
  InsertEach(6);
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  InsertEach(4);
  std::thread waiting([&] { Insert(1); });
  while (store_->stats().space_waits == 0) std::this_thread::yield();
  faults_.Release();
  flush.join();
  waiting.join();
  EXPECT_EQ(store_->durable_commit(), 6u);
  InsertEach(4);
  AwaitAsleepByAge();
  Insert(1);
  AwaitDurable(16);
  EXPECT_EQ(faults_.calls(), 2);
}

// Who waits for space is rung by a batch, and finds that a commit has filled it again, which has
// not come to the lock yet; nor has a second batch, whose end makes space.
TEST_F(WakeUpTest, WhoFindsTheSpaceFilledAgainIsRungByTheNextBatch) {
  options_.max_bytes = 48;
  options_.flush_bytes = 32;
  options_.clock = &late_;
  Open();
  faults_.Hold();
  InsertEach(2);
  faults_.AwaitCalls(1);
  InsertEach(1);
  std::thread waiting([&] {
    late_.DelayThisThread();
    Insert(1);
  });
  while (store_->stats().space_waits == 0) std::this_thread::yield();
  faults_.Release();
  AwaitDurable(2);
  faults_.Hold();
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(2);

  late_.Lock();
  faults_.Release();
  YieldForAWhile();  // Until the batch wants the lock.
  std::thread filling([&] { InsertAs(100, 2); });
  YieldForAWhile();  // Until the commit does.
  late_.GoOn();
  waiting.join();
  filling.join();
  flush.join();
  EXPECT_EQ(store_->stats().space_refusals, 0);
}

TEST_F(WakeUpTest, WhatWaitsIsCompactedWhileBatchesFail) {
  Open();
  faults_.FailBefore(absl::InternalError("no"), 1);
  Insert(1);
  EXPECT_FALSE(store_->Flush().ok());
  for (int round = 0; round < 3; ++round) {
    clock_.AwaitAsleepUntil(clock_.Now() + options_.resume_every);
    for (int i = 0; i < 70'000; ++i) {
      ASSERT_TRUE(store_
                      ->Write([&](Transaction& txn) {
                        return txn
                            .Update(txn.Find<Unsigned>(1),
                                    [&](Unsigned& u) { u.set_text(std::to_string(i)); })
                            .status();
                      })
                      .ok());
    }
    while (store_->stats().lag_records >= 65'540) std::this_thread::yield();
  }
  ASSERT_TRUE(store_->Flush().ok());
  AwaitDurable(210'001);
}

}  // namespace
}  // namespace kin::persistence
