// A process that commits numbered transactions is killed at any moment, again and again; each time
// the database equals the model after some transaction, at least as new as what was acknowledged,
// and the next process goes on from there.
//
// KIN_CRASH_ROUNDS: how many processes; the stress run has hundreds.
// KIN_SEED: of what they do and when they are killed (seed.h). What a process has done by then
// depends on how fast it is, too.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "kin/tests/persistence/ledger/ledger.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"

namespace kin {
namespace {

using testing::Ledger;

// What a child says of a transaction through its pipe.
struct Acknowledgement {
  std::uint64_t number = 0;
};

class CrashTest : public ::testing::Test {
 protected:
  // Long labels fill the write-ahead log, so that there are checkpoints to be killed in.
  static constexpr std::size_t kPadding = 8000;

  CrashTest() : seed_(testing::Seed()), random_(seed_) {}

  absl::StatusOr<std::unique_ptr<Store>> Open(absl::Duration flush_after) {
    OpenOptions options;
    SqliteOptions sqlite;
    sqlite.flush_after = flush_after;
    options.persistence = Sqlite(path_, std::move(sqlite));
    return Store::Open(Ledger::StoreSchema(), std::move(options));
  }

  // In the child: commits until it is killed, telling of each transaction that is written. Now and
  // then it closes the database and opens it again, so that it may be killed in that too.
  [[noreturn]] void Commit(int acknowledge, Durability durability, std::uint64_t reopen_every) {
    Ledger ledger(seed_, kPadding);
    while (true) {
      absl::StatusOr<std::unique_ptr<Store>> store = Open(absl::Milliseconds(3));
      if (!store.ok()) _exit(1);
      Tell(acknowledge, (*store)->GetSnapshot().commit());
      ledger.AdvanceTo((*store)->GetSnapshot().commit());
      for (std::uint64_t i = 0; i < reopen_every; ++i) {
        ledger.Advance();
        absl::StatusOr<CommitNumber> commit = (*store)->Write(
            [&](Transaction& txn) { return ledger.Replay(txn); }, {.durability = durability});
        if (!commit.ok() || *commit != ledger.number()) _exit(2);
        if (durability != Durability::kBuffered) Tell(acknowledge, ledger.number());
      }
      if (!(*store)->Close().ok()) _exit(3);
      Tell(acknowledge, ledger.number());
    }
  }

  static void Tell(int acknowledge, std::uint64_t number) {
    const Acknowledgement told{number};
    if (write(acknowledge, &told, sizeof(told)) != sizeof(told)) _exit(4);
  }

  // Runs a child for a while; what it acknowledged last.
  void RunAndKill(Durability durability) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const std::uint64_t reopen_every = 1 + random_() % 200;
    const pid_t child = fork();
    if (child == 0) {
      close(pipes[0]);
      Commit(pipes[1], durability, reopen_every);
    }
    close(pipes[1]);
    Acknowledgement told;
    // Mostly when it is at work, however long it took to open; else at any time.
    if (random_() % 4 != 0 && read(pipes[0], &told, sizeof(told)) == sizeof(told)) {
      acknowledged_ = told.number;
      usleep(static_cast<useconds_t>(random_() % 30'000));
    } else {
      usleep(static_cast<useconds_t>(1'000 + random_() % 60'000));
    }
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    while (read(pipes[0], &told, sizeof(told)) == sizeof(told)) acknowledged_ = told.number;
    close(pipes[0]);
  }

  void ExpectPrefix() {
    absl::StatusOr<std::unique_ptr<Store>> store = Open(absl::Seconds(1));
    ASSERT_TRUE(store.ok()) << store.status();
    {
      const Snapshot snapshot = (*store)->GetSnapshot();
      ASSERT_GE(snapshot.commit(), acknowledged_);
      if (snapshot.commit() < ledger_.number()) ledger_ = Ledger(seed_, kPadding);
      ledger_.AdvanceTo(snapshot.commit());
      ASSERT_EQ(ledger_.Difference(snapshot), "") << "at commit " << snapshot.commit();
    }
    const absl::Status invariants = (*store)->CheckInvariants();
    ASSERT_TRUE(invariants.ok()) << invariants;
    acknowledged_ = ledger_.number();
  }

  const unsigned seed_;
  std::mt19937_64 random_;
  testing::TempDir dir_;
  const std::string path_ = dir_.File("ledger.db");
  Ledger ledger_{seed_, kPadding};
  std::uint64_t acknowledged_ = 0;
};

TEST_F(CrashTest, ADatabaseIsAPrefixOfTheCommits) {
  SCOPED_TRACE("KIN_SEED=" + std::to_string(seed_));
  RecordProperty("seed", std::to_string(seed_));
  constexpr Durability kLevels[] = {Durability::kBuffered, Durability::kWritten,
                                    Durability::kSynced};
  const char* text = std::getenv("KIN_CRASH_ROUNDS");
  const int rounds = text == nullptr ? 30 : std::atoi(text);
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(RunAndKill(kLevels[round % 3]));
    // Now and then the next process finds what the kill left.
    if (random_() % 4 == 0) continue;
    ASSERT_NO_FATAL_FAILURE(ExpectPrefix());
  }
  ASSERT_NO_FATAL_FAILURE(ExpectPrefix());
  EXPECT_GT(acknowledged_, static_cast<std::uint64_t>(rounds)) << "hardly anything was at risk";
  testing::RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
}

}  // namespace
}  // namespace kin
