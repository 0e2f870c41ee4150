// Over 600 lines: one case a behaviour of the worker, over one fixture.
#include "kin/persistence/write_behind.h"

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/fake_clock.h"
#include "kin/tests/testing/faulty_backend.h"
#include "tests/persistence/models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Post;
using persistence_test::PostRef;
using persistence_test::Profile;
using persistence_test::Unsigned;
using persistence_test::UnsignedRef;
using persistence_test::User;
using persistence_test::UserModel;
using persistence_test::UserRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

enum { kUsers, kProfiles, kPosts, kUnsigned };

Schema TestSchema() { return Schema::Of<User, Profile, Post, Unsigned>(); }

class WriteBehindTest : public ::testing::Test {
 protected:
  void Open() {
    options_.on_halt = [this](const absl::Status& status) {
      absl::MutexLock lock(&mutex_);
      halts_.push_back(status);
    };
    OpenWithOptions();
  }

  void OpenWithOptions() {
    options_.clock = &clock_;
    auto backend = std::make_unique<testing::FaultyBackend>(
        std::make_unique<testing::FakeBackend>(&database_), &faults_);
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(std::move(backend), options_);
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(TestSchema(), std::move(open));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  absl::StatusOr<CommitNumber> Insert(std::uint64_t number, const std::string& text = "") {
    return store_->Write([&](Transaction& txn) {
      Unsigned record;
      record.set_number(number);
      record.set_text(text);
      return txn.Insert(std::move(record)).status();
    });
  }
  absl::StatusOr<CommitNumber> InsertAs(std::uint64_t number, WriteOptions options) {
    return store_->Write(
        [&](Transaction& txn) {
          Unsigned record;
          record.set_number(number);
          return txn.Insert(std::move(record)).status();
        },
        options);
  }
  absl::StatusOr<CommitNumber> Set(std::uint64_t number, const std::string& text) {
    return store_->Write([&](Transaction& txn) {
      return txn.Update(txn.Find<Unsigned>(number), [&](Unsigned& u) { u.set_text(text); })
          .status();
    });
  }
  absl::StatusOr<CommitNumber> Delete(std::uint64_t number) {
    return store_->Write([&](Transaction& txn) { return txn.Delete(txn.Find<Unsigned>(number)); });
  }
  void InsertMany(int count) {
    for (int i = 0; i < count; ++i) ASSERT_TRUE(Insert(next_++).ok());
  }
  // Turns the clock a little at a time until `condition` holds.
  template <typename F>
  void AdvanceUntil(F condition, absl::Duration step = absl::Milliseconds(10)) {
    while (!condition()) {
      clock_.Advance(step);
      clock_.Settle();
    }
  }
  std::vector<absl::Status> halts() {
    absl::MutexLock lock(&mutex_);
    return halts_;
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::FakeClock clock_;
  WriteBehindOptions options_;
  absl::Mutex mutex_;
  std::vector<absl::Status> halts_;
  std::uint64_t next_ = 1;
  std::unique_ptr<Store> store_;
};

TEST_F(WriteBehindTest, FlushWritesAllCommitsInOneBatch) {
  Open();
  InsertMany(3);
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_EQ(database_.batches().size(), 1u);
  EXPECT_EQ(database_.batches()[0].from, 0u);
  EXPECT_EQ(database_.batches()[0].to, 3u);
  EXPECT_EQ(database_.rows(kUnsigned).size(), 3u);
  EXPECT_EQ(store_->durable_commit(), 3u);
}

TEST_F(WriteBehindTest, BatchesAreContiguous) {
  Open();
  for (int i = 0; i < 3; ++i) {
    InsertMany(2);
    ASSERT_TRUE(store_->Flush().ok());
  }
  EXPECT_THAT(faults_.ranges(), ElementsAre(Pair(0, 2), Pair(2, 4), Pair(4, 6)));
}

TEST_F(WriteBehindTest, ARecordThatChangesOftenIsWrittenOnce) {
  Open();
  ASSERT_TRUE(Insert(1, "a").ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(Set(1, std::to_string(i)).ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_EQ(database_.batches().size(), 1u);
  EXPECT_EQ(database_.batches()[0].rows(), 1);
  EXPECT_EQ(database_.batches()[0].models[kUnsigned].inserts.size(), 1u);
  EXPECT_EQ(store_->stats().changes_committed, 11);
  EXPECT_EQ(store_->stats().rows_written, 1);
}

TEST_F(WriteBehindTest, ARecordBornAndGoneWithinABatchIsNotWritten) {
  Open();
  ASSERT_TRUE(Insert(1).ok());
  ASSERT_TRUE(Delete(1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_EQ(database_.batches().size(), 1u);
  EXPECT_EQ(database_.batches()[0].rows(), 0);
  EXPECT_EQ(database_.commit(), 2u);
}

TEST_F(WriteBehindTest, AKeyUsedAgainIsADeleteAndAnInsert) {
  Open();
  ASSERT_TRUE(Insert(1, "old").ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(Delete(1).ok());
  ASSERT_TRUE(Insert(1, "new").ok());
  ASSERT_TRUE(Set(1, "newest").ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_EQ(database_.batches().size(), 2u);
  EXPECT_EQ(database_.batches()[1].models[kUnsigned].deletes.size(), 1u);
  EXPECT_EQ(database_.batches()[1].models[kUnsigned].inserts.size(), 1u);
}

TEST_F(WriteBehindTest, UpdatesAreSortedByWhatTheyTouch) {
  Open();
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) {
                    for (int i = 1; i <= 4; ++i) {
                      User user;
                      user.set_id(i);
                      user.set_name(std::to_string(i));
                      user.set_desk(i);
                      user.set_badge(i);
                      absl::Status status = txn.Insert(std::move(user)).status();
                      if (!status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(store_->Flush().ok());
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) {
                    auto update = [&](int id, auto change) {
                      EXPECT_TRUE(txn.Update(txn.Find<User>(id), change).ok());
                    };
                    update(4, [](User& user) { user.set_name("four"); });
                    update(3, [](User& user) { user.set_email("three"); });
                    update(2, [](User& user) { user.set_age(2); });
                    update(1, [](User& user) { user.set_name("1"); });
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(store_->Flush().ok());
  const ModelChanges changes = database_.batches().back().models[kUsers];
  EXPECT_LE(changes.updates.size(), 1u);
  EXPECT_EQ(changes.reindexed.size(), 1u);
  EXPECT_EQ(changes.moved.size(), 2u);
}

TEST_F(WriteBehindTest, RowsAreInOrderOfKeys) {
  Open();
  std::vector<std::string> slugs = {"b", "", "a", std::string("a\0b", 3), "ab", "\xc3\xbc"};
  for (const std::string& slug : slugs) {
    ASSERT_TRUE(store_
                    ->Write([&](Transaction& txn) {
                      Post post;
                      post.set_slug(slug);
                      return txn.Insert(std::move(post)).status();
                    })
                    .ok());
  }
  std::vector<std::uint64_t> numbers = {5, ~std::uint64_t{0}, 0, std::uint64_t{1} << 63, 7};
  for (std::uint64_t number : numbers) ASSERT_TRUE(Insert(number).ok());
  faults_.Hold();
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  faults_.Release();
  flush.join();
  // FakeBackend refuses what is not in order.
  EXPECT_EQ(database_.rows(kPosts).size(), slugs.size());
  EXPECT_EQ(database_.rows(kUnsigned).size(), numbers.size());
}

// Else the next commit would count as written, or as a record that is gone.
TEST_F(WriteBehindTest, ACommitNumberThatNoStoreCanReachIsRefused) {
  for (const CommitNumber commit : {~CommitNumber{0}, (CommitNumber{1} << 63) - 1}) {
    database_.SetCommit(commit);
    OpenOptions open;
    open.persistence =
        std::make_unique<WriteBehind>(std::make_unique<testing::FakeBackend>(&database_));
    const auto store = Store::Open(TestSchema(), std::move(open));
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr(std::to_string(commit)));
  }
}

TEST_F(WriteBehindTest, ALimitThatRefusesEveryWriteIsRefusedAtOpen) {
  for (const std::int64_t limit : {0, -1}) {
    options_.max_bytes = limit;
    OpenOptions open;
    open.persistence =
        std::make_unique<WriteBehind>(std::make_unique<testing::FakeBackend>(&database_), options_);
    const auto store = Store::Open(TestSchema(), std::move(open));
    EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr("max_lag_bytes"));
  }
}

TEST_F(WriteBehindTest, AgeStartsAFlush) {
  options_.flush_after = absl::Seconds(5);
  Open();
  InsertMany(1);
  clock_.Advance(absl::Seconds(4.9));
  clock_.Settle();
  EXPECT_EQ(faults_.calls(), 0);
  EXPECT_EQ(store_->stats().lag, absl::Seconds(4.9));
  clock_.Advance(absl::Seconds(0.1));
  faults_.AwaitCalls(1);
  AdvanceUntil([&] { return store_->durable_commit() == 1; });
  EXPECT_EQ(store_->stats().lag, absl::ZeroDuration());
}

TEST_F(WriteBehindTest, ACommitWhoseChangesCancelEachOtherIsStoredByAgeToo) {
  options_.flush_after = absl::Seconds(5);
  Open();
  auto commit = store_->Write([](Transaction& txn) -> absl::Status {
    auto record = txn.Insert(Unsigned());
    return record.ok() ? txn.Delete(*record) : record.status();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  clock_.Advance(absl::Seconds(5));
  faults_.AwaitCalls(1);
  AdvanceUntil([&] { return store_->durable_commit() == 1; });
  EXPECT_EQ(store_->stats().lag, absl::ZeroDuration());
}

TEST_F(WriteBehindTest, ManyChangesStartAFlush) {
  options_.flush_changes = 10;
  Open();
  InsertMany(9);
  clock_.Settle();
  EXPECT_EQ(faults_.calls(), 0);
  InsertMany(1);
  faults_.AwaitCalls(1);
}

TEST_F(WriteBehindTest, ManyBytesStartAFlush) {
  options_.flush_bytes = 64;
  Open();
  InsertMany(3);
  clock_.Settle();
  EXPECT_EQ(faults_.calls(), 0);
  InsertMany(1);
  faults_.AwaitCalls(1);
}

TEST_F(WriteBehindTest, OneBatchServesAllWhoWait) {
  Open();
  faults_.Hold();
  InsertMany(1);
  std::vector<std::thread> waiting;
  waiting.emplace_back([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  for (int i = 0; i < 8; ++i) {
    waiting.emplace_back([&, i] {
      absl::StatusOr<CommitNumber> commit = store_->Write(
          [&](Transaction& txn) {
            Unsigned record;
            record.set_number(1000 + i);
            return txn.Insert(std::move(record)).status();
          },
          {.durability = Durability::kWritten});
      EXPECT_TRUE(commit.ok()) << commit.status();
    });
  }
  while (store_->stats().commit < 9) std::this_thread::yield();
  faults_.Release();
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(database_.commit(), 9u);
  // The first, and those that came while it was held; one that came late to wait needs no more.
  EXPECT_LE(faults_.calls(), 3);
}

TEST_F(WriteBehindTest, OnlySyncedWaitsForASync) {
  Open();
  auto insert_unsigned = [this](Transaction& txn) {
    Unsigned record;
    record.set_number(next_++);
    return txn.Insert(std::move(record)).status();
  };
  ASSERT_TRUE(store_->Write(insert_unsigned, {.durability = Durability::kBuffered}).ok());
  EXPECT_EQ(faults_.calls(), 0);
  ASSERT_TRUE(store_->Write(insert_unsigned, {.durability = Durability::kWritten}).ok());
  EXPECT_EQ(faults_.calls(), 1);
  EXPECT_EQ(database_.syncs(), 0);
  ASSERT_TRUE(store_->Write(insert_unsigned, {.durability = Durability::kSynced}).ok());
  EXPECT_EQ(faults_.calls(), 2);
  EXPECT_EQ(database_.syncs(), 1);
}

TEST_F(WriteBehindTest, APassingFaultIsRetriedWithTheSameRange) {
  Open();
  faults_.FailBefore(absl::UnavailableError("busy"), 3);
  InsertMany(2);
  std::thread flush([&] { EXPECT_TRUE(store_->Flush(absl::Hours(1)).ok()); });
  faults_.AwaitCalls(1);
  InsertMany(1);  // Not part of the range that is tried again.
  AdvanceUntil([&] { return store_->durable_commit() >= 2; });
  flush.join();
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges = faults_.ranges();
  ASSERT_GE(ranges.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(ranges[i], ranges[0]) << i;
  EXPECT_GE(store_->stats().retries, 3);
  EXPECT_FALSE(store_->stats().halted);
  EXPECT_TRUE(halts().empty());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(database_.commit(), 3u);
}

TEST_F(WriteBehindTest, ABatchAppliedButNotAcknowledgedIsNotAppliedTwice) {
  Open();
  faults_.FailAfter(absl::UnavailableError("lost the answer"));
  InsertMany(2);
  std::thread flush([&] { EXPECT_TRUE(store_->Flush(absl::Hours(1)).ok()); });
  AdvanceUntil([&] { return store_->durable_commit() == 2; });
  flush.join();
  EXPECT_THAT(faults_.ranges(), ElementsAre(Pair(0, 2), Pair(0, 2)));
  EXPECT_EQ(database_.batches().size(), 1u);
}

TEST_F(WriteBehindTest, ALastingFaultHaltsAndGoesOnWithoutLoss) {
  Open();
  faults_.FailBefore(absl::DataLossError("the table is damaged"), 1000);
  InsertMany(2);
  absl::Status status = store_->Flush(absl::Hours(1));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(status.message(), HasSubstr("the table is damaged"));
  EXPECT_TRUE(store_->stats().halted);
  EXPECT_EQ(store_->stats().halt_cause.message(), "the table is damaged");

  InsertMany(2);  // Still accepted.
  status = store_->WaitDurable(3);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;

  faults_.Heal();
  AdvanceUntil([&] { return store_->durable_commit() >= 2; }, absl::Seconds(1));
  ASSERT_TRUE(store_->Flush(absl::Hours(1)).ok());
  EXPECT_EQ(database_.rows(kUnsigned).size(), 4u);
  EXPECT_FALSE(store_->stats().halted);
  ASSERT_EQ(halts().size(), 2u);
  EXPECT_EQ(halts()[0].message(), "the table is damaged");
  EXPECT_TRUE(halts()[1].ok());
}

TEST_F(WriteBehindTest, FlushTriesAgainAtOnceWhileHalted) {
  Open();
  faults_.FailBefore(absl::InternalError("no"), 2);
  InsertMany(1);
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store_->Flush().ok());
}

TEST_F(WriteBehindTest, APassingFaultThatDoesNotPassHalts) {
  options_.retry_for = absl::Seconds(20);
  Open();
  faults_.FailBefore(absl::UnavailableError("disk full"), 1000);
  InsertMany(1);
  absl::Status status;
  std::thread flush([&] { status = store_->Flush(); });
  AdvanceUntil([&] { return store_->stats().halted; }, absl::Milliseconds(100));
  flush.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("disk full"));
  faults_.Heal();
  EXPECT_TRUE(store_->Flush().ok());
}

// That a batch can be written says nothing of a sync.
TEST_F(WriteBehindTest, OnlyASyncEndsAHaltForWantOfOne) {
  Open();
  faults_.FailSync(absl::UnavailableError("no sync"), 1000);
  absl::Status status;
  std::thread synced([&] { status = InsertAs(1, {.durability = Durability::kSynced}).status(); });
  AdvanceUntil([&] { return store_->stats().halted; }, absl::Milliseconds(500));
  synced.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  ASSERT_TRUE(Insert(2).ok());
  AdvanceUntil([&] { return store_->durable_commit() == 2; }, absl::Seconds(1));
  const std::int64_t retries = store_->stats().retries;
  EXPECT_TRUE(store_->stats().halted);
  AdvanceUntil([&] { return store_->stats().retries > retries; }, absl::Seconds(1));
  EXPECT_TRUE(store_->stats().halted);
  EXPECT_EQ(halts().size(), 1u);
  faults_.Heal();
  AdvanceUntil([&] { return !store_->stats().halted; }, absl::Seconds(1));
  EXPECT_GT(database_.syncs(), 0);
}

TEST_F(WriteBehindTest, WaitsEndAtTheirDeadline) {
  Open();
  faults_.Hold();
  InsertMany(1);
  absl::Status status;
  std::thread flush([&] { status = store_->Flush(absl::Seconds(5)); });
  faults_.AwaitCalls(1);
  clock_.Advance(absl::Seconds(5));
  flush.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  EXPECT_THAT(status.message(), HasSubstr("commit 1 is not written"));
  faults_.Release();
  EXPECT_TRUE(store_->Flush().ok());
}

TEST_F(WriteBehindTest, CommitsWaitForSpaceAndAreThenRefused) {
  options_.max_bytes = 160;
  options_.flush_bytes = 1000;
  options_.space_timeout = absl::Seconds(3);
  Open();
  faults_.Hold();
  InsertMany(10);
  absl::StatusOr<CommitNumber> refused;
  std::thread writer([&] { refused = Insert(100); });
  clock_.Settle();
  clock_.Advance(absl::Seconds(3));
  writer.join();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted) << refused.status();
  EXPECT_EQ(store_->stats().commit, 10u);
  EXPECT_EQ(store_->stats().space_waits, 1);
  EXPECT_EQ(store_->stats().space_refusals, 1);

  std::thread waiting([&] { EXPECT_TRUE(Insert(101).ok()); });
  faults_.Release();
  EXPECT_TRUE(store_->Flush().ok());
  waiting.join();
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(database_.rows(kUnsigned).size(), 11u);
}

TEST_F(WriteBehindTest, AHaltedStoreRefusesAtTheLimitWithTheCause) {
  options_.max_bytes = 64;
  Open();
  faults_.FailBefore(absl::InternalError("the cause"), 1000);
  InsertMany(4);
  EXPECT_FALSE(store_->Flush().ok());
  absl::StatusOr<CommitNumber> refused = Insert(100);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(refused.status().message(), HasSubstr("the cause"));
  faults_.Heal();
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(Insert(100).ok());
}

TEST_F(WriteBehindTest, ARecordThatChangesOftenTakesNoMoreSpaceWhileBatchesFail) {
  Open();
  ASSERT_TRUE(Insert(1).ok());
  faults_.FailBefore(absl::InternalError("no"), 1000);
  EXPECT_FALSE(store_->Flush().ok());
  for (int i = 0; i < 70000; ++i) ASSERT_TRUE(Set(1, i % 2 ? "a" : "b").ok());
  AdvanceUntil([&] { return store_->stats().lag_bytes < 70000 * 8; });
  // What changed before and after is in order.
  ASSERT_TRUE(Delete(1).ok());
  for (int i = 0; i < 70000; ++i) ASSERT_TRUE(i % 2 ? Delete(2).ok() : Insert(2).ok());
  AdvanceUntil([&] { return store_->stats().lag_bytes < 70000 * 8; });
  ASSERT_TRUE(Insert(1, "c").ok());
  EXPECT_EQ(store_->stats().changes_committed, 140'003);
  faults_.Heal();
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_THAT(database_.rows(kUnsigned), SizeIs(1));
  EXPECT_EQ(database_.commit(), 140'003u);
  EXPECT_EQ(store_->stats().lag_records, 0);
}

TEST_F(WriteBehindTest, CloseDrains) {
  Open();
  InsertMany(5);
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.commit(), 5u);
  EXPECT_EQ(database_.syncs(), 1);
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(store_->durable_commit(), 5u);
  EXPECT_EQ(Insert(77).status().code(), absl::StatusCode::kFailedPrecondition);
  store_.reset();
  Open();
  EXPECT_EQ(store_->GetSnapshot().Count<Unsigned>(), 5);
}

TEST_F(WriteBehindTest, CloseThatCannotDrainSaysWhatIsLeftAndMayBeCalledAgain) {
  Open();
  faults_.FailBefore(absl::InternalError("the cause"), 1000);
  InsertMany(5);
  absl::Status status = store_->Close();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(status.message(), HasSubstr("5 changes"));
  EXPECT_THAT(status.message(), HasSubstr("the cause"));
  EXPECT_FALSE(store_->Flush().ok()) << "not while changes are missing";
  faults_.Heal();
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.commit(), 5u);
  EXPECT_TRUE(store_->Flush().ok());
}

TEST_F(WriteBehindTest, CloseEndsAtItsDeadline) {
  Open();
  faults_.Hold();
  InsertMany(1);
  absl::Status status;
  std::thread close([&] { status = store_->Close(absl::Seconds(1)); });
  faults_.AwaitCalls(1);
  clock_.Advance(absl::Seconds(1));
  close.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded) << status;
  faults_.Release();
  EXPECT_TRUE(store_->Close().ok());
}

TEST_F(WriteBehindTest, ASyncThatFailsIsNoDurableCommit) {
  Open();
  faults_.FailSync(absl::InternalError("cannot sync"));
  absl::StatusOr<CommitNumber> commit =
      store_->Write([](Transaction& txn) { return txn.Insert(Unsigned()).status(); },
                    {.durability = Durability::kSynced});
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kUnavailable) << commit.status();
  EXPECT_EQ(store_->durable_commit(), 1u);  // In the database, if not on the disk.
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.syncs(), 1);
}

TEST_F(WriteBehindTest, DestroyedWithWorkLeftItSaysSo) {
  Open();
  faults_.FailBefore(absl::InternalError("the cause"), 1000);
  InsertMany(2);
  store_.reset();
  ASSERT_GE(halts().size(), 2u);
  EXPECT_EQ(halts().back().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(halts().back().message(), HasSubstr("2 changes"));
}

TEST_F(WriteBehindTest, ReadsAndWritesGoOnDuringAFlush) {
  Open();
  InsertMany(3);
  faults_.Hold();
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  EXPECT_TRUE(Set(1, "changed").ok());
  EXPECT_TRUE(Delete(2).ok());
  EXPECT_EQ(store_->GetSnapshot().Count<Unsigned>(), 2);
  faults_.Release();
  flush.join();
  EXPECT_EQ(database_.batches()[0].to, 3u);  // As of when it started.
  EXPECT_EQ(database_.rows(kUnsigned).size(), 3u);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(database_.rows(kUnsigned).size(), 2u);
}

TEST_F(WriteBehindTest, ABackendThatCannotCloseGoesOn) {
  Open();
  ASSERT_TRUE(Insert(1).ok());
  faults_.FailClose(absl::UnavailableError("still in use"));
  const absl::Status closed = store_->Close();
  EXPECT_EQ(closed.code(), absl::StatusCode::kUnavailable) << closed;
  EXPECT_THAT(closed.message(), HasSubstr("still in use"));
  EXPECT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.commit(), 1u);
}

TEST_F(WriteBehindTest, AFaultInTheMiddleOfABatchIsRetried) {
  Open();
  ASSERT_TRUE(Insert(1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  faults_.FailDuring(absl::UnavailableError("in the middle"), 2);
  ASSERT_TRUE(Insert(2).ok());
  ASSERT_TRUE(Delete(1).ok());
  absl::Status flushed;
  std::thread flush([&] { flushed = store_->Flush(); });
  AdvanceUntil([&] { return store_->durable_commit() == 3; });
  flush.join();
  EXPECT_TRUE(flushed.ok()) << flushed;
  EXPECT_EQ(store_->stats().retries, 2);
  EXPECT_EQ(database_.rows(kUnsigned).size(), 1u);
}

TEST_F(WriteBehindTest, StatsTellHowLongBatchesTook) {
  Open();
  faults_.Hold();
  ASSERT_TRUE(Insert(1).ok());
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  EXPECT_EQ(store_->stats().flush_latency.count, 0);
  clock_.Advance(absl::Seconds(3));
  EXPECT_EQ(store_->stats().lag, absl::Seconds(3));
  faults_.Release();
  flush.join();
  ASSERT_TRUE(Insert(2).ok());
  ASSERT_TRUE(store_->Flush().ok());
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.flush_latency.count, 2);
  EXPECT_EQ(stats.flush_latency.longest, absl::Seconds(3));
  EXPECT_EQ(stats.flush_latency.sum, absl::Seconds(3));
}

// The callback asks for what needs the writer's lock, which a body has until it ends.
TEST_F(WriteBehindTest, OnHaltWaitsForABodyAndNobodyForIt) {
  absl::Notification in_body, halted;
  options_.clock = &clock_;
  OpenOptions open;
  std::int64_t records = -1;
  Store* store = nullptr;
  options_.on_halt = [&](const absl::Status& status) {
    if (status.ok()) return;
    halted.Notify();
    records = store->stats().records;
  };
  open.persistence = std::make_unique<WriteBehind>(
      std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                               &faults_),
      options_);
  store_ = *Store::Open(TestSchema(), std::move(open));
  store = store_.get();
  ASSERT_TRUE(Insert(1).ok());
  faults_.FailBefore(absl::InternalError("lasting"), 1);
  std::thread body([&] {
    EXPECT_TRUE(store_
                    ->Write([&](Transaction& txn) {
                      in_body.Notify();
                      halted.WaitForNotification();
                      Unsigned record;
                      record.set_number(2);
                      return txn.Insert(std::move(record)).status();
                    })
                    .ok());
  });
  in_body.WaitForNotification();
  EXPECT_FALSE(store_->Flush().ok());
  body.join();
  EXPECT_TRUE(store_->Flush().ok());
  EXPECT_TRUE(store_->Close().ok());
  EXPECT_EQ(records, 2);
}

// Whoever was served is waited for a little, and never without end.
TEST_F(WriteBehindTest, AWaitIsNotHeldUpByThoseWhoDoNotComeBack) {
  Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      Unsigned record;
      record.set_number(1000 + i);
      EXPECT_TRUE(store_
                      ->Write([&](Transaction& txn) { return txn.Insert(record).status(); },
                              {.durability = Durability::kWritten})
                      .ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(Insert(next_++).ok());
    EXPECT_TRUE(store_->Flush().ok());
  }
}

TEST_F(WriteBehindTest, WhoWaitsWithoutLimitWritesHimself) {
  Open();
  ASSERT_TRUE(InsertAs(1, {.durability = Durability::kWritten}).ok());
  EXPECT_EQ(faults_.caller(), std::this_thread::get_id());
  ASSERT_TRUE(InsertAs(2, {.durability = Durability::kSynced}).ok());
  EXPECT_EQ(faults_.caller(), std::this_thread::get_id());
  EXPECT_EQ(database_.syncs(), 1);
  // A write may take longer than any limit.
  ASSERT_TRUE(InsertAs(3, {.durability = Durability::kWritten, .timeout = absl::Hours(1)}).ok());
  EXPECT_NE(faults_.caller(), std::this_thread::get_id());
  EXPECT_EQ(faults_.calls(), 3);
}

TEST_F(WriteBehindTest, AFaultOfWhoWritesHimselfIsRetriedForHim) {
  Open();
  faults_.FailBefore(absl::UnavailableError("busy"), 2);
  absl::StatusOr<CommitNumber> commit;
  std::thread writer([&] { commit = InsertAs(1, {.durability = Durability::kWritten}); });
  AdvanceUntil([&] { return store_->durable_commit() == 1; });
  writer.join();
  EXPECT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(faults_.calls(), 3);
  EXPECT_TRUE(halts().empty());
}

TEST_F(WriteBehindTest, WhoWritesHimselfDoesNotRunTheCallback) {
  std::thread::id caller;
  options_.on_halt = [&](const absl::Status&) {
    absl::MutexLock lock(&mutex_);
    caller = std::this_thread::get_id();
  };
  OpenWithOptions();
  faults_.FailBefore(absl::InternalError("lasting"));
  EXPECT_EQ(InsertAs(1, {.durability = Durability::kWritten}).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(store_->Close().ok());
  absl::MutexLock lock(&mutex_);
  EXPECT_NE(caller, std::thread::id());
  EXPECT_NE(caller, std::this_thread::get_id());
}

TEST_F(WriteBehindTest, WhatIsWrittenByAgeDoesNotWaitForThoseWhoWriteThemselves) {
  options_.flush_after = absl::Seconds(5);
  Open();
  ASSERT_TRUE(InsertAs(1, {.durability = Durability::kWritten}).ok());
  ASSERT_TRUE(Insert(2).ok());
  clock_.Advance(absl::Seconds(5));
  AdvanceUntil([&] { return store_->durable_commit() == 2; });
  EXPECT_NE(faults_.caller(), std::this_thread::get_id());
}

TEST_F(WriteBehindTest, EveryLevelHoldsWhenManyThreadsWait) {
  options_.flush_changes = 11;
  Open();
  constexpr int kThreads = 8, kCommits = 60;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCommits; ++i) {
        constexpr Durability kLevels[] = {Durability::kBuffered, Durability::kWritten,
                                          Durability::kSynced};
        const Durability level = kLevels[(i + t) % 3];
        const int syncs = database_.syncs();
        absl::StatusOr<CommitNumber> commit =
            InsertAs(static_cast<std::uint64_t>(t * 1000 + i),
                     {.durability = level,
                      .timeout = i % 5 == 4 ? absl::Hours(1) : absl::InfiniteDuration()});
        ASSERT_TRUE(commit.ok()) << commit.status();
        if (level == Durability::kBuffered) continue;
        EXPECT_GE(database_.commit(), *commit);
        EXPECT_GE(store_->durable_commit(), *commit);
        if (level == Durability::kWritten) continue;
        EXPECT_GT(database_.syncs(), syncs);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.rows(kUnsigned).size(), std::size_t{kThreads * kCommits});
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges = faults_.ranges();
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].first, ranges[i - 1].second);
}

TEST_F(WriteBehindTest, NobodyWaitsForChores) {
  Open();
  faults_.WantTidy();
  faults_.HoldTidy();
  InsertMany(1);
  ASSERT_TRUE(store_->Flush().ok());
  faults_.AwaitTidies(1);
  for (Durability durability : {Durability::kWritten, Durability::kSynced}) {
    EXPECT_TRUE(InsertAs(next_++, {.durability = durability}).ok());
  }
  InsertMany(1);
  EXPECT_TRUE(store_->Flush().ok());
  EXPECT_EQ(store_->durable_commit(), 4u);
  EXPECT_EQ(store_->stats().chores, 0);
  faults_.ReleaseTidy();
  EXPECT_TRUE(store_->Close().ok());
}

TEST_F(WriteBehindTest, AFailedChoreShowsAndHaltsNothing) {
  Open();
  faults_.WantTidy();
  faults_.FailTidy(absl::DataLossError("the log"), 3);
  InsertMany(1);
  ASSERT_TRUE(store_->Flush().ok());
  AdvanceUntil([&] { return store_->stats().chore_failures >= 1; });
  InsertMany(1);
  ASSERT_TRUE(store_->Flush().ok());
  AdvanceUntil([&] { return store_->stats().chore_status.ok(); });
  EXPECT_EQ(store_->stats().chore_failures, 3);
  EXPECT_GE(store_->stats().chores, 4);
  EXPECT_EQ(store_->stats().retries, 0);
  EXPECT_THAT(halts(), ElementsAre());
}

TEST_F(WriteBehindTest, ManyThreadsCommitAndWait) {
  options_.flush_changes = 7;
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        EXPECT_TRUE(Insert(static_cast<std::uint64_t>(t * 1000 + i)).ok());
        if (i % 10 == 0) {
          EXPECT_TRUE(store_->Flush().ok());
        }
        if (i % 3 == 0) {
          EXPECT_TRUE(Delete(static_cast<std::uint64_t>(t * 1000 + i)).ok());
        }
        store_->stats();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(database_.rows(kUnsigned).size(), 4u * 33u);
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges = faults_.ranges();
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].first, ranges[i - 1].second);
}

// Batches of so many changes that their logs are put in order before there is a snapshot, while
// others go on to add to them.
TEST_F(WriteBehindTest, CommitsGoOnWhileALargeBatchIsMade) {
  constexpr int kRecords = 15'000;
  options_.flush_changes = 12'000;
  Open();
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) {
                    absl::Status status;
                    for (int i = 0; status.ok() && i < kRecords; ++i) {
                      Unsigned record;
                      record.set_number(static_cast<std::uint64_t>(i));
                      status = txn.Insert(std::move(record)).status();
                    }
                    return status;
                  })
                  .ok());
  while (store_->durable_commit() == 0) std::this_thread::yield();
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 2 * kRecords; i += 2) {
        const auto number = static_cast<std::uint64_t>(i % kRecords);
        if (i % 7 != 0) {
          EXPECT_TRUE(Set(number, std::to_string(i)).ok());
        } else if (Delete(number).ok()) {
          EXPECT_TRUE(Insert(number, "again").ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::map<std::uint64_t, std::string> expected;
  for (const auto record : store_->GetSnapshot().All<Unsigned>()) {
    expected[record->number()] = record->SerializeAsString();
  }
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(store_->stats().lag_records, 0);
  EXPECT_EQ(store_->stats().lag_bytes, 0);
  std::map<std::uint64_t, std::string> written;
  for (const auto& [key, row] : database_.rows(kUnsigned)) written[key.view().number] = row;
  EXPECT_EQ(expected.size(), static_cast<std::size_t>(kRecords));
  EXPECT_TRUE(written == expected);
  EXPECT_GT(faults_.ranges().size(), 1u);
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges = faults_.ranges();
  for (std::size_t i = 1; i < ranges.size(); ++i) EXPECT_EQ(ranges[i].first, ranges[i - 1].second);
}

}  // namespace
}  // namespace kin::persistence
