// Whatever the file system does, the database equals the memory as of some commit, at least as new
// as what was acknowledged, and goes on from there. What it should hold is computed by a model that
// has no part in any file (ledger.h).
//
// KIN_FAULT_ROUNDS: how many deaths; the stress run has hundreds.
// KIN_SEED: of the deaths (seed.h).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"
#include "kin/tests/persistence/ledger/ledger.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/faulty_vfs.h"
#include "kin/tests/testing/seed.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin {
namespace {

using testing::FaultyVfs;
using testing::Ledger;
using How = FaultyVfs::How;
using Op = FaultyVfs::Op;

// How a life ends.
enum class End { kCloses, kProcessDies, kPowerGoes };

int Rounds() {
  const char* text = std::getenv("KIN_FAULT_ROUNDS");
  return text == nullptr ? 40 : std::atoi(text);
}

class FaultTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kLedgerSeed = 17;

  explicit FaultTest(std::size_t padding = 0) : padding_(padding) {}

  absl::Status TryOpen() {
    persistence::WriteBehindOptions options;
    options.flush_after = absl::InfiniteDuration();
    options.retry_for = absl::ZeroDuration();  // The first fault halts: no test waits for a clock.
    options.resume_every = absl::InfiniteDuration();
    OpenOptions open;
    open.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<persistence::sqlite::SqliteBackend>(path_, vfs_.name()), options);
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(Ledger::StoreSchema(), std::move(open));
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return absl::OkStatus();
  }

  // The database is the model after some transaction, at least `acknowledged`, at most the last.
  void ExpectPrefix(std::uint64_t acknowledged) {
    const Snapshot snapshot = store_->GetSnapshot();
    ASSERT_GE(snapshot.commit(), acknowledged);
    ASSERT_LE(snapshot.commit(), ledger_.number());
    lost_ += static_cast<std::int64_t>(ledger_.number() - snapshot.commit());
    ledger_ = opened_;  // What it was at a commit stays so; from the first on it takes ever longer.
    ledger_.AdvanceTo(snapshot.commit());
    ASSERT_EQ(ledger_.Difference(snapshot), "") << "at commit " << snapshot.commit();
    const absl::Status invariants = store_->CheckInvariants();
    ASSERT_TRUE(invariants.ok()) << invariants;
    opened_ = ledger_;
  }

  void Commit(Durability durability) {
    ledger_.Advance();
    const absl::StatusOr<CommitNumber> commit = store_->Write(
        [&](Transaction& txn) { return ledger_.Replay(txn); }, {.durability = durability});
    // The wait may fail; the commit stands.
    ASSERT_EQ(store_->GetSnapshot().commit(), ledger_.number()) << commit.status();
    if (!commit.ok()) return;
    if (durability == Durability::kSynced) synced_ = written_ = ledger_.number();
    if (durability == Durability::kWritten) written_ = ledger_.number();
  }

  void CommitMany(int count, std::mt19937_64* random) {
    for (int i = 0; i < count; ++i) {
      constexpr Durability kLevels[] = {Durability::kBuffered, Durability::kWritten,
                                        Durability::kSynced};
      ASSERT_NO_FATAL_FAILURE(Commit(kLevels[(*random)() % 3]));
      // A halted writer goes on by itself only after a while.
      if (store_->stats().halted && (*random)() % 2 == 0) store_->Flush().IgnoreError();
    }
  }

  void OpenHealthy(std::uint64_t acknowledged) {
    const absl::Status opened = TryOpen();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_NO_FATAL_FAILURE(ExpectPrefix(acknowledged));
    synced_ = written_ = ledger_.number();
  }

  // Ends a life under faults, and begins a healthy one, which has what was acknowledged.
  void EndLife(End end, std::mt19937_64* random) {
    std::uint64_t kept = written_;
    if (end == End::kCloses) {
      absl::Status closed = store_->Close();
      vfs_.Heal();
      if (!closed.ok()) closed = store_->Close();
      ASSERT_TRUE(closed.ok()) << closed;
      kept = ledger_.number();
    } else if (end == End::kPowerGoes) {
      kept = synced_;
    }
    vfs_.Die();
    store_.reset();
    if (end == End::kProcessDies) {
      vfs_.Restart();
    } else {
      vfs_.PowerOn((*random)());
    }
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(kept));
  }

  void ExpectWhole() {
    vfs_.Heal();
    const absl::Status closed = store_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    store_.reset();
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(ledger_.number()));
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
    testing::RawDatabase raw(path_);
    EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
  }

  const std::size_t padding_;
  testing::TempDir dir_;
  const std::string path_ = dir_.File("ledger.db");
  FaultyVfs vfs_;
  Ledger ledger_{kLedgerSeed, padding_};
  Ledger opened_ = ledger_;    // When the store was last opened.
  std::uint64_t written_ = 0;  // Acknowledged as.
  std::uint64_t synced_ = 0;
  std::int64_t lost_ = 0;  // Transactions that were not acknowledged, and did not survive.
  std::unique_ptr<Store> store_;
};

struct Fault {
  Op op;
  How how = How::kError;
  const char* name;
  std::vector<int> every;  // One call in so many fails: as rarely as still happens in each test.
  const char* suffix = "";
  bool only_closing = false;  // There is such a call only when a store is closed.
};
using Case = std::tuple<Fault, int, End>;

std::vector<Case> Cases(const std::vector<Fault>& faults) {
  std::vector<Case> cases;
  for (const Fault& fault : faults) {
    for (const int every : fault.every) {
      for (const End end : {End::kCloses, End::kProcessDies, End::kPowerGoes}) {
        if (fault.only_closing && end != End::kCloses) continue;
        cases.emplace_back(fault, every, end);
      }
    }
  }
  return cases;
}

std::string NameOf(const ::testing::TestParamInfo<Case>& test) {
  constexpr const char* kNames[] = {"ItCloses", "ProcessDies", "PowerGoes"};
  const auto& [fault, every, end] = test.param;
  return absl::StrCat(fault.name, "Every", every, "Then", kNames[static_cast<int>(end)]);
}

std::vector<Fault> Faults() {
  return {
      {Op::kOpen, How::kError, "Open", {1, 2, 3}},
      {Op::kRead, How::kError, "Read", {1, 2, 3, 5, 11, 29}},
      {Op::kWrite, How::kError, "Write", {1, 2, 3, 5, 11, 17}},
      {Op::kWrite, How::kDiskFull, "DiskFull", {1, 2, 3, 5, 11, 17}},
      {Op::kWrite, How::kShortWrite, "ShortWrite", {1, 2, 3, 5, 11, 17}},
      {Op::kWrite, How::kLate, "LateWrite", {1, 2, 3, 5, 11, 17}},
      {Op::kSync, How::kError, "Sync", {1, 2, 3, 5, 11}},
      {Op::kSync, How::kLate, "LateSync", {1, 2, 3, 5, 11}},
      {Op::kSync, How::kLost, "LostSync", {1, 2, 3, 5, 11}},
      {Op::kTruncate, How::kError, "Truncate", {1}, "", /*only_closing=*/true},
      {Op::kLock, How::kError, "Lock", {1, 2, 3, 5, 11, 29}},
      // SQLite itself waits seconds for a lock that is never free.
      {Op::kLock, How::kBusy, "Busy", {7, 29}},
      {Op::kSharedMemory, How::kError, "SharedMemory", {1, 2, 3, 5}},
      {Op::kDelete, How::kError, "Delete", {1}, "", /*only_closing=*/true},
      {Op::kSize, How::kError, "Size", {1, 2, 3, 5, 11}},
  };
}

class EveryNthTest : public FaultTest, public ::testing::WithParamInterface<Case> {};

// Two lives: one that begins healthy, and one that is opened under faults.
TEST_P(EveryNthTest, LosesNothing) {
  const auto& [fault, every, end] = GetParam();
  std::mt19937_64 random(static_cast<std::uint64_t>(every));
  ASSERT_NO_FATAL_FAILURE(OpenHealthy(0));
  ASSERT_NO_FATAL_FAILURE(CommitMany(5, &random));
  for (int life = 0; life < 2; ++life) {
    vfs_.FailEvery(fault.op, every, fault.how);
    if (life == 1 && !TryOpen().ok()) {
      vfs_.Heal();
      ASSERT_NO_FATAL_FAILURE(OpenHealthy(synced_));
      vfs_.FailEvery(fault.op, every, fault.how);
    }
    ASSERT_NO_FATAL_FAILURE(CommitMany(30, &random));
    ASSERT_NO_FATAL_FAILURE(EndLife(end, &random));
    if (life == 0) {
      ASSERT_TRUE(store_->Close().ok());
      store_.reset();
    }
  }
  EXPECT_GT(vfs_.faults(), 0);
  RecordProperty("faults", static_cast<int>(vfs_.faults()));
  ASSERT_NO_FATAL_FAILURE(CommitMany(10, &random));
  ExpectWhole();
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryNthTest, ::testing::ValuesIn(Cases(Faults())), NameOf);

// Faults of checkpoints, beside batches that work or do not: the rows are so large that some dozen
// commits are reason enough for one.
class CheckpointFaultTest : public FaultTest, public ::testing::WithParamInterface<Case> {
 protected:
  CheckpointFaultTest() : FaultTest(/*padding=*/200'000) {}

  template <typename Condition>
  void CommitUntil(Condition condition, std::mt19937_64* random) {
    for (int i = 0; !condition(store_->stats()); ++i) {
      ASSERT_LT(i, 3000);
      ASSERT_NO_FATAL_FAILURE(CommitMany(1, random));
    }
  }
};

TEST_P(CheckpointFaultTest, LosesNothing) {
  const auto& [fault, every, end] = GetParam();
  std::mt19937_64 random(static_cast<std::uint64_t>(every));
  ASSERT_NO_FATAL_FAILURE(OpenHealthy(0));
  ASSERT_NO_FATAL_FAILURE(CommitMany(5, &random));
  vfs_.FailEvery(fault.op, every, fault.how, fault.suffix);
  // One of them fails, and then another one of what is left.
  for (int failures = 1; failures <= 2; ++failures) {
    ASSERT_NO_FATAL_FAILURE(CommitUntil(
        [failures](const Stats& stats) { return stats.chore_failures >= failures; }, &random));
  }
  EXPECT_GE(vfs_.faults(), 2);
  ASSERT_NO_FATAL_FAILURE(EndLife(end, &random));
  ASSERT_NO_FATAL_FAILURE(CommitMany(10, &random));
  ExpectWhole();
}

std::vector<Fault> CheckpointFaults() {
  return {
      {Op::kOpen, How::kError, "Open", {1}},
      {Op::kRead, How::kError, "Read", {3}},
      {Op::kLock, How::kError, "Lock", {7}},
      {Op::kSharedMemory, How::kError, "SharedMemory", {1}},
      {Op::kSize, How::kError, "Size", {1}},
      {Op::kWrite, How::kError, "Write", {7}, ".db"},
      {Op::kWrite, How::kDiskFull, "DiskFull", {7}, ".db"},
      {Op::kWrite, How::kShortWrite, "ShortWrite", {1}, ".db"},
      {Op::kWrite, How::kLate, "LateWrite", {3}, ".db"},
      {Op::kSync, How::kError, "Sync", {1}, ".db"},
      {Op::kSync, How::kLate, "LateSync", {2}, ".db"},
      {Op::kSync, How::kLost, "LostSync", {1, 2}, ".db"},
      {Op::kSync, How::kError, "LogSync", {1}, ".db-wal"},
      {Op::kSync, How::kLost, "LostLogSync", {3}, ".db-wal"},
      {Op::kTruncate, How::kError, "Truncate", {1}, ".db"},
      {Op::kTruncate, How::kLate, "LateTruncate", {2}, ".db"},
  };
}

// All in the stress run, a third in the short one: each fault, and each end of some.
std::vector<Case> CheckpointCases() {
  std::vector<Case> cases = Cases(CheckpointFaults());
  if (Rounds() >= 1000) return cases;
  std::vector<Case> some;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (i % 3 == i / 3 % 3) some.push_back(cases[i]);
  }
  return some;
}

INSTANTIATE_TEST_SUITE_P(Faults, CheckpointFaultTest, ::testing::ValuesIn(CheckpointCases()),
                         NameOf);

// Faults of the batch that begins the log anew, after a checkpoint that moved all of it.
class NewLogFaultTest : public CheckpointFaultTest {};

TEST_P(NewLogFaultTest, LosesNothing) {
  const auto& [fault, every, end] = GetParam();
  std::mt19937_64 random(static_cast<std::uint64_t>(every));
  ASSERT_NO_FATAL_FAILURE(OpenHealthy(0));
  // So long is the log when a checkpoint is due, which nobody disturbs.
  constexpr std::uintmax_t kLong = 1001 * (4096 + 24);
  ASSERT_NO_FATAL_FAILURE(CommitUntil(
      [this](const Stats&) { return std::filesystem::file_size(path_ + "-wal") > kLong; },
      &random));
  while (store_->stats().chores == 0) std::this_thread::yield();
  EXPECT_EQ(store_->stats().chore_failures, 0);
  vfs_.FailEvery(fault.op, every, fault.how, fault.suffix);
  ASSERT_NO_FATAL_FAILURE(Commit(Durability::kWritten));
  EXPECT_GT(vfs_.faults(), 0);
  EXPECT_TRUE(store_->stats().halted);
  ASSERT_NO_FATAL_FAILURE(CommitMany(5, &random));
  ASSERT_NO_FATAL_FAILURE(EndLife(end, &random));
  ASSERT_NO_FATAL_FAILURE(CommitMany(10, &random));
  ExpectWhole();
}

INSTANTIATE_TEST_SUITE_P(Faults, NewLogFaultTest,
                         ::testing::ValuesIn(Cases({
                             {Op::kWrite, How::kError, "Write", {1}, ".db-wal"},
                             {Op::kWrite, How::kDiskFull, "DiskFull", {1}, ".db-wal"},
                             {Op::kWrite, How::kShortWrite, "ShortWrite", {1}, ".db-wal"},
                             {Op::kWrite, How::kLate, "LateWrite", {1}, ".db-wal"},
                             {Op::kSync, How::kError, "Sync", {1}, ".db-wal"},
                             {Op::kSync, How::kLate, "LateSync", {1}, ".db-wal"},
                             {Op::kSync, How::kLost, "LostSync", {1}, ".db-wal"},
                         })),
                         NameOf);

// Dies at any call, again and again, with checkpoints in between.
class DeathTest : public FaultTest {
 protected:
  DeathTest() : FaultTest(/*padding=*/20000) {}

  void DieAgainAndAgain(bool power) {
    const unsigned seed = testing::Seed();
    SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
    RecordProperty("seed", std::to_string(seed));
    std::mt19937_64 random(seed);
    for (int round = 0; round < Rounds(); ++round) {
      SCOPED_TRACE(absl::StrCat("round ", round));
      // From right at the start, when the database is made or recovered, to after many batches.
      vfs_.Die(static_cast<std::int64_t>(random() % (round % 2 == 0 ? 60 : 4000)));
      if (TryOpen().ok()) {
        if (ledger_.number() < store_->GetSnapshot().commit()) FAIL() << "commits of nobody";
        ASSERT_NO_FATAL_FAILURE(ExpectPrefix(power ? synced_ : written_));
        while (!vfs_.dead()) ASSERT_NO_FATAL_FAILURE(CommitMany(1, &random));
        store_.reset();
      }
      if (power) {
        vfs_.PowerOn(random());
      } else {
        vfs_.Restart();
      }
      ASSERT_NO_FATAL_FAILURE(OpenHealthy(power ? synced_ : written_));
      ASSERT_NO_FATAL_FAILURE(CommitMany(3, &random));
      // Left as by a kill: the next life finds a log.
      vfs_.Die();
      store_.reset();
      vfs_.Restart();
    }
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(written_));
    ExpectWhole();
    EXPECT_GT(lost_, 0) << "nothing was ever at risk";
  }
};

TEST_F(DeathTest, WhatWasWrittenSurvivesTheProcess) { DieAgainAndAgain(/*power=*/false); }

TEST_F(DeathTest, WhatWasSyncedSurvivesThePower) { DieAgainAndAgain(/*power=*/true); }

// Of the simulation: a power cut takes what was only written.
TEST_F(FaultTest, APowerCutTakesWhatWasNotSynced) {
  int lost = 0;
  for (std::uint64_t seed = 1; seed <= 20 && lost == 0; ++seed) {
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(0));
    ASSERT_NO_FATAL_FAILURE(Commit(Durability::kSynced));
    const std::uint64_t synced = synced_;
    for (int i = 0; i < 5; ++i) ASSERT_NO_FATAL_FAILURE(Commit(Durability::kWritten));
    vfs_.Die();
    store_.reset();
    vfs_.PowerOn(seed);
    const std::uint64_t before = ledger_.number();
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(synced));
    lost += ledger_.number() < before;
    ASSERT_TRUE(store_->Close().ok());
    store_.reset();
  }
  EXPECT_GT(lost, 0);
}

TEST_F(FaultTest, AFullDiskHaltsAndRoomLetsItGoOn) {
  std::mt19937_64 random(1);
  ASSERT_NO_FATAL_FAILURE(OpenHealthy(0));
  for (int round = 0; round < 20; ++round) {
    vfs_.FillDisk(static_cast<std::int64_t>(random() % 20000));
    ASSERT_NO_FATAL_FAILURE(CommitMany(20, &random));
    while (!store_->stats().halted) ASSERT_NO_FATAL_FAILURE(Commit(Durability::kWritten));
    EXPECT_TRUE(absl::IsUnavailable(store_->stats().halt_cause)) << store_->stats().halt_cause;
    EXPECT_LT(store_->durable_commit(), ledger_.number());
    vfs_.Heal();
    const absl::Status flushed = store_->Flush();
    EXPECT_TRUE(flushed.ok()) << flushed;
    EXPECT_FALSE(store_->stats().halted);
    EXPECT_EQ(store_->durable_commit(), ledger_.number());
  }
  ExpectWhole();
}

}  // namespace
}  // namespace kin
