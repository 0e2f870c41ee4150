// Whatever the file system does, the database equals the memory as of some commit, at least as new
// as what was acknowledged, and goes on from there. What it should hold is computed by a model that
// has no part in any file (ledger.h).
//
// KIN_FAULT_ROUNDS: how many deaths; the stress run has hundreds.
// KIN_SEED: of the deaths (seed.h).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <tuple>

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
    ledger_ = Ledger(kLedgerSeed, padding_);
    ledger_.AdvanceTo(snapshot.commit());
    ASSERT_EQ(ledger_.Difference(snapshot), "") << "at commit " << snapshot.commit();
    const absl::Status invariants = store_->CheckInvariants();
    ASSERT_TRUE(invariants.ok()) << invariants;
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
  std::uint64_t written_ = 0;  // Acknowledged as.
  std::uint64_t synced_ = 0;
  std::int64_t lost_ = 0;  // Transactions that were not acknowledged, and did not survive.
  std::unique_ptr<Store> store_;
};

struct Fault {
  Op op;
  How how = How::kError;
  const char* name;
};

constexpr Fault kFaults[] = {
    {Op::kOpen, How::kError, "Open"},
    {Op::kRead, How::kError, "Read"},
    {Op::kWrite, How::kError, "Write"},
    {Op::kWrite, How::kDiskFull, "DiskFull"},
    {Op::kWrite, How::kShortWrite, "ShortWrite"},
    {Op::kWrite, How::kLate, "LateWrite"},
    {Op::kSync, How::kError, "Sync"},
    {Op::kSync, How::kLate, "LateSync"},
    {Op::kSync, How::kLost, "LostSync"},
    {Op::kTruncate, How::kError, "Truncate"},
    {Op::kLock, How::kError, "Lock"},
    {Op::kSharedMemory, How::kError, "SharedMemory"},
    {Op::kDelete, How::kError, "Delete"},
    {Op::kSize, How::kError, "Size"},
};

// SQLite itself waits seconds for a lock that is never free.
constexpr Fault kBusy = {Op::kLock, How::kBusy, "Busy"};

enum class End { kHeals, kProcessDies, kPowerGoes };

class EveryNthTest : public FaultTest,
                     public ::testing::WithParamInterface<std::tuple<Fault, int, End>> {};

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
    if (end == End::kHeals) {
      vfs_.Heal();
      const absl::Status closed = store_->Close();
      ASSERT_TRUE(closed.ok()) << closed;
      store_.reset();
      written_ = synced_ = ledger_.number();
      continue;
    }
    vfs_.Die();
    store_.reset();
    if (end == End::kPowerGoes) {
      vfs_.PowerOn(random());
    } else {
      vfs_.Restart();
    }
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(end == End::kPowerGoes ? synced_ : written_));
    if (life == 0) {
      ASSERT_TRUE(store_->Close().ok());
      store_.reset();
    }
  }
  if (store_ == nullptr) {
    ASSERT_NO_FATAL_FAILURE(OpenHealthy(ledger_.number()));
  }
  ASSERT_NO_FATAL_FAILURE(CommitMany(10, &random));
  ExpectWhole();
}

std::string NameOf(const ::testing::TestParamInfo<std::tuple<Fault, int, End>>& test) {
  constexpr const char* kNames[] = {"Heals", "ProcessDies", "PowerGoes"};
  const auto& [fault, every, end] = test.param;
  return std::string(fault.name) + "Every" + std::to_string(every) + "Then" +
         kNames[static_cast<int>(end)];
}

constexpr End kEnds[] = {End::kHeals, End::kProcessDies, End::kPowerGoes};

INSTANTIATE_TEST_SUITE_P(Faults, EveryNthTest,
                         ::testing::Combine(::testing::ValuesIn(kFaults),
                                            ::testing::Values(1, 2, 3, 5, 11, 29),
                                            ::testing::ValuesIn(kEnds)),
                         NameOf);
INSTANTIATE_TEST_SUITE_P(Busy, EveryNthTest,
                         ::testing::Combine(::testing::Values(kBusy), ::testing::Values(7, 29),
                                            ::testing::ValuesIn(kEnds)),
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
