// The write-ahead log is moved into the file beside the batches, and stays short.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"
#include "kin/tests/persistence/sqlite/no_loader.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/faulty_vfs.h"

namespace kin {
namespace {

using persistence::sqlite::SqliteBackend;
using persistence_test::Unsigned;
using testing::FaultyVfs;
using testing::RawDatabase;

constexpr std::int64_t kMiB = 1 << 20;

class CheckpointTest : public testing::SqliteTest {
 protected:
  std::int64_t LogSize() const {
    std::error_code none;
    const auto size = std::filesystem::file_size(path_ + "-wal", none);
    return none ? 0 : static_cast<std::int64_t>(size);
  }
};

// The backend alone, without pauses.
class CheckpointBackendTest : public CheckpointTest {
 protected:
  void Start() {
    testing::NoLoader loader;
    ASSERT_TRUE(backend_.Load(schema_, loader).ok());
    ASSERT_TRUE(backend_.Start().ok());
  }
  // One record, whose text has so many bytes and is another each time.
  void Write(std::size_t bytes) {
    persistence::Batch batch;
    batch.from = commit_++;
    batch.to = commit_;
    batch.next_ids = {0};
    batch.models.resize(1);
    record_.set_text(std::string(bytes, static_cast<char>('a' + commit_ % 26)));
    (batch.from == 0 ? batch.models[0].inserts : batch.models[0].updates) = {&record_};
    const absl::Status applied = backend_.Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;
  }

  const Schema schema_ = Schema::Of<Unsigned>();
  SqliteBackend backend_{path_};
  Unsigned record_;
  CommitNumber commit_ = 0;
};

TEST_F(CheckpointBackendTest, TheLogStaysShortBesideBatchesThatNeverPause) {
  Start();
  std::atomic<bool> done{false};
  std::atomic<int> tidied{0};
  std::thread chores([&] {
    while (!done) {
      if (!backend_.NeedsTidy()) {
        std::this_thread::yield();
        continue;
      }
      const absl::Status status = backend_.Tidy();
      EXPECT_TRUE(status.ok()) << status;
      ++tidied;
    }
  });
  constexpr std::size_t kBytes = 32 << 10;
  std::int64_t longest = 0;
  // At least 128 MiB of log, and on, should the other thread get no time.
  for (int i = 0; i < 4096 || tidied < 10; ++i) {
    ASSERT_NO_FATAL_FAILURE(Write(kBytes));
    const std::int64_t size = LogSize();
    // Where the other thread gets no time, a log that grows tells nothing.
    while (size > std::max(longest, 24 * kMiB) && backend_.NeedsTidy()) std::this_thread::yield();
    longest = std::max(longest, size);
  }
  done = true;
  chores.join();
  EXPECT_LT(longest, 48 * kMiB);
  EXPECT_TRUE(backend_.Close().ok());
  EXPECT_EQ(RawDatabase(path_).QueryOne("PRAGMA integrity_check"), "ok");
}

TEST_F(CheckpointBackendTest, ALogThatWasLargeIsCutOff) {
  Start();
  Write(80 * kMiB);
  EXPECT_GT(LogSize(), 80 * kMiB);
  ASSERT_TRUE(backend_.NeedsTidy());
  EXPECT_TRUE(backend_.Tidy().ok());
  EXPECT_FALSE(backend_.NeedsTidy());
  EXPECT_EQ(LogSize(), 0);
  Write(1);
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT length(text) FROM unsigneds"), "1");
  EXPECT_TRUE(backend_.Close().ok());
}

TEST_F(CheckpointBackendTest, AReaderKeepsItsStateAndTheLogUntilItIsGone) {
  Start();
  Write(1);
  {
    RawDatabase reader(path_);
    reader.Exec("BEGIN");
    EXPECT_EQ(reader.QueryOne("SELECT length(text) FROM unsigneds"), "1");
    for (int i = 0; i < 9; ++i) {
      Write(8 * kMiB);
      if (backend_.NeedsTidy()) {
        EXPECT_TRUE(backend_.Tidy().ok());
      }
      EXPECT_FALSE(backend_.NeedsTidy()) << "tried again and again for nothing";
      EXPECT_EQ(reader.QueryOne("SELECT length(text) FROM unsigneds"), "1");
    }
    EXPECT_GT(LogSize(), 64 * kMiB);
  }
  while (!backend_.NeedsTidy()) Write(kMiB);
  EXPECT_TRUE(backend_.Tidy().ok());
  EXPECT_EQ(LogSize(), 0);
  EXPECT_TRUE(backend_.Close().ok());
}

TEST_F(CheckpointBackendTest, AnotherFileInItsPlaceIsNotTouched) {
  Start();
  Write(8 * kMiB);
  ASSERT_TRUE(backend_.NeedsTidy());
  std::filesystem::rename(path_, path_ + ".away");
  EXPECT_EQ(backend_.Tidy().code(), absl::StatusCode::kUnavailable);
  std::ofstream(path_) << "another";
  EXPECT_EQ(backend_.Tidy().code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(backend_.NeedsTidy());
  std::filesystem::rename(path_ + ".away", path_);
  EXPECT_TRUE(backend_.Tidy().ok());
  EXPECT_TRUE(backend_.Close().ok());
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT length(text) FROM unsigneds"),
            std::to_string(8 * kMiB));
}

TEST_F(CheckpointBackendTest, CloseMovesTheLogAndRemovesIt) {
  Start();
  Write(8 * kMiB);
  EXPECT_TRUE(backend_.Tidy().ok());
  Write(kMiB);
  EXPECT_GT(LogSize(), 0);
  EXPECT_TRUE(backend_.Close().ok());
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT length(text) FROM unsigneds"),
            std::to_string(kMiB));
}

// The backend alone, on a disk that fails.
class LostSyncTest : public CheckpointTest {
 protected:
  void Start(const std::string& path) {
    backend_ = std::make_unique<SqliteBackend>(path, vfs_.name());
    commit_ = 0;
    testing::NoLoader loader;
    ASSERT_TRUE(backend_->Load(schema_, loader).ok());
    ASSERT_TRUE(backend_->Start().ok());
  }
  // Gives the record of this number, which is new or not, a text of so many of one letter.
  void Write(std::uint64_t number, std::size_t bytes, char letter) {
    persistence::Batch batch;
    batch.from = commit_++;
    batch.to = commit_;
    batch.next_ids = {0};
    batch.models.resize(1);
    Unsigned record;
    record.set_number(number);
    record.set_text(std::string(bytes, letter));
    (number == commit_ ? batch.models[0].inserts : batch.models[0].updates) = {&record};
    const absl::Status applied = backend_->Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;
  }
  void LoseSync(const std::string& suffix) {
    vfs_.FailEvery(FaultyVfs::Op::kSync, 1, FaultyVfs::How::kLost, suffix);
  }

  void MakeDue() {
    while (!backend_->NeedsTidy()) ASSERT_NO_FATAL_FAILURE(Write(commit_ + 1, kTextBytes, 'x'));
  }
  // How many times as long as it is the log gets by a Tidy, beside batches that write a little more
  // than two pages for one that is moved, as long as they are not kept out; while the first
  // `slow_pages` are moved, half a page.
  double GrowthBesideFasterBatches(std::int64_t slow_pages = 0) {
    const auto before = static_cast<double>(LogSize());
    std::int64_t moved = 0;
    std::int64_t kept_out_at = -1;
    std::atomic<std::int64_t> written{0};  // Batches.
    std::atomic<std::int64_t> allowed{0};
    vfs_.BeforeWrite(".db", [&] {
      const int a_batch = moved < slow_pages ? kTextPages * 2 : kTextPages / 2;
      if (++moved % a_batch != 0 || written == kept_out_at) return;
      allowed = written + 1;
      // While batches are kept out none comes. Should one be late for another reason, this pass may
      // leave less than the one before, and one more follow.
      const absl::Time end = absl::Now() + absl::Seconds(2);
      while (written < allowed && absl::Now() < end) std::this_thread::yield();
      if (written < allowed) kept_out_at = written;
    });
    std::atomic<bool> done{false};
    std::int64_t longest = 0;
    std::thread batches([&] {
      while (!done) {
        if (written >= allowed) {
          std::this_thread::yield();
          continue;
        }
        ASSERT_NO_FATAL_FAILURE(Write(commit_ + 1, kTextBytes, 'x'));
        ++written;
        longest = std::max(longest, LogSize());
      }
    });
    EXPECT_TRUE(backend_->Tidy().ok());
    done = true;
    batches.join();
    vfs_.Heal();
    return static_cast<double>(longest) / before;
  }

  static constexpr int kTextPages = 12;
  static constexpr std::size_t kTextBytes = kTextPages * 4096;

  const Schema schema_ = Schema::Of<Unsigned>();
  FaultyVfs vfs_;
  std::unique_ptr<SqliteBackend> backend_;
  CommitNumber commit_ = 0;
};

// To go on beside batches that are faster would let the log grow threefold with each pass.
TEST_F(LostSyncTest, BatchesThatAreFasterThanTheCheckpointAreKeptOut) {
  ASSERT_NO_FATAL_FAILURE(Start(path_));
  ASSERT_NO_FATAL_FAILURE(MakeDue());
  EXPECT_LT(GrowthBesideFasterBatches(), 10);
  EXPECT_TRUE(backend_->Close().ok());
}

// All of the log is moved again, so that with each fault it would be as many times longer.
TEST_F(LostSyncTest, AfterAFaultTheyAreKeptOutSooner) {
  ASSERT_NO_FATAL_FAILURE(Start(path_));
  ASSERT_NO_FATAL_FAILURE(MakeDue());
  LoseSync(".db");
  EXPECT_FALSE(backend_->Tidy().ok());
  vfs_.Heal();
  EXPECT_TRUE(backend_->Sync().ok());  // The log is no longer in doubt.
  EXPECT_LT(GrowthBesideFasterBatches(), 5);
  EXPECT_TRUE(backend_->Close().ok());
}

// Also where the first pass leaves less.
TEST_F(LostSyncTest, AfterAFaultTheyAreKeptOutSoonerInEachPass) {
  ASSERT_NO_FATAL_FAILURE(Start(path_));
  ASSERT_NO_FATAL_FAILURE(MakeDue());
  std::int64_t moved = 0;
  vfs_.BeforeWrite(".db", [&moved] { ++moved; });
  LoseSync(".db");
  EXPECT_FALSE(backend_->Tidy().ok());
  vfs_.Heal();
  EXPECT_LT(GrowthBesideFasterBatches(moved), 3.5);
  EXPECT_TRUE(backend_->Close().ok());
}

// What a checkpoint has copied without coming to the end of the log is not synced. A sync of the
// file that then fails may lose it, and the log begins anew only when it is in the file for good.
TEST_F(LostSyncTest, WhatWasMovedInPartIsMovedAgain) {
  ASSERT_NO_FATAL_FAILURE(Start(path_));
  ASSERT_NO_FATAL_FAILURE(Write(1, 8 * kMiB, 'x'));
  ASSERT_TRUE(backend_->Sync().ok());
  {
    RawDatabase reader(path_, vfs_.name());
    reader.Exec("BEGIN");
    reader.QueryOne("SELECT count(*) FROM unsigneds");
    ASSERT_NO_FATAL_FAILURE(Write(2, kMiB, 'x'));
    ASSERT_TRUE(backend_->Sync().ok());
    ASSERT_TRUE(backend_->Tidy().ok());  // As far as the reader's state.
  }
  LoseSync(".db");
  EXPECT_FALSE(backend_->Tidy().ok());
  vfs_.Heal();
  EXPECT_TRUE(backend_->Tidy().ok());
  ASSERT_NO_FATAL_FAILURE(Write(3, 1, 'x'));  // Begins the log anew.
  ASSERT_TRUE(backend_->Sync().ok());
  vfs_.Die();
  backend_.reset();
  vfs_.PowerOn(1);
  RawDatabase database(path_);
  EXPECT_EQ(database.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_EQ(database.QueryOne("SELECT group_concat(length(trim(text, 'x')), ' ') FROM unsigneds"),
            "0 0 0");
  EXPECT_EQ(database.QueryOne("SELECT sum(length(text)) FROM unsigneds"),
            std::to_string(9 * kMiB + 1));
}

// SQLite moves the log when the last connection is closed. Cut off, with a log that has a hole on
// the disk, that would leave the file half changed.
TEST_F(LostSyncTest, ABackendDestroyedInDoubtLeavesTheLogWhereItIs) {
  // It dies at this call of closing; at none of them in the end.
  for (int calls = 1; calls <= 64; ++calls) {
    SCOPED_TRACE(calls);
    const std::string path = path_ + std::to_string(calls) + ".db";
    ASSERT_NO_FATAL_FAILURE(Start(path));
    ASSERT_NO_FATAL_FAILURE(Write(1, kMiB / 8, 'a'));
    ASSERT_TRUE(backend_->Sync().ok());
    ASSERT_TRUE(backend_->Tidy().ok());
    ASSERT_NO_FATAL_FAILURE(Write(1, kMiB / 8, 'b'));
    LoseSync("-wal");
    ASSERT_FALSE(backend_->Sync().ok());
    vfs_.Heal();
    const auto size = std::filesystem::file_size(path + "-wal");
    vfs_.Die(calls);
    backend_.reset();
    ASSERT_TRUE(std::filesystem::exists(path + "-wal"));
    EXPECT_EQ(std::filesystem::file_size(path + "-wal"), size);
    vfs_.Die();
    vfs_.PowerOn(static_cast<std::uint64_t>(calls));
    RawDatabase database(path);
    EXPECT_EQ(database.QueryOne("PRAGMA integrity_check"), "ok");
    EXPECT_EQ(database.QueryOne("SELECT length(text) FROM unsigneds"), std::to_string(kMiB / 8));
    EXPECT_EQ(database.QueryOne("SELECT min(length(trim(text, 'a')), length(trim(text, 'b'))) "
                                "FROM unsigneds"),
              "0")
        << "of neither commit";
  }
}

class FailingCheckpointTest : public CheckpointTest,
                              public ::testing::WithParamInterface<FaultyVfs::Op> {
 protected:
  void OpenFaulty() {
    OpenOptions open;
    open.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<SqliteBackend>(path_, vfs_.name()), persistence::WriteBehindOptions());
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(testing::FullSchema(), std::move(open));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Commit(Durability durability) {
    const absl::StatusOr<CommitNumber> commit = store_->Write(
        [&](Transaction& txn) {
          Unsigned record;
          record.set_number(commits_++);
          record.set_text(std::string(100'000, 'x'));
          return txn.Insert(std::move(record)).status();
        },
        {.durability = durability});
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void TearDown() override { store_.reset(); }

  FaultyVfs vfs_;
  std::uint64_t commits_ = 0;
};

// Of the file alone: the log can be written and synced.
TEST_P(FailingCheckpointTest, IsToldAndDoneAgainAndHoldsUpNoCommit) {
  OpenFaulty();
  vfs_.FailEvery(GetParam(), 1, FaultyVfs::How::kError, ".db");
  while (store_->stats().chore_failures < 3) {
    // Up to 100 MB: what moves the log may get no time, and all of this is in memory as well.
    if (commits_ >= 1000) {
      std::this_thread::yield();
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(Commit(Durability::kWritten));
    ASSERT_NO_FATAL_FAILURE(Commit(Durability::kSynced));
  }
  EXPECT_EQ(store_->stats().chore_status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(store_->stats().chore_status.message()), ::testing::HasSubstr(path_));
  EXPECT_FALSE(store_->stats().halted);
  EXPECT_EQ(store_->stats().retries, 0);
  vfs_.Heal();
  while (!store_->stats().chore_status.ok()) std::this_thread::yield();  // By itself.
  // A log that has grown large by now is cut off rather than written again from its beginning.
  const std::int64_t size = std::max(LogSize(), kMiB);
  for (int i = 0; i < 5; ++i) ASSERT_NO_FATAL_FAILURE(Commit(Durability::kWritten));
  EXPECT_LE(LogSize(), size) << "the log did not begin anew";
  Close();
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  Open();
  EXPECT_EQ(store_->GetSnapshot().Count<Unsigned>(), static_cast<std::int64_t>(commits_));
}

INSTANTIATE_TEST_SUITE_P(Ops, FailingCheckpointTest,
                         ::testing::Values(FaultyVfs::Op::kWrite, FaultyVfs::Op::kSync));

}  // namespace
}  // namespace kin
