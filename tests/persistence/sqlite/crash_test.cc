// A process that commits numbered transactions is killed at any moment; the database equals the
// memory as of some commit, at least as new as what was acknowledged.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using persistence_test::Tag;
using persistence_test::TagRef;
using persistence_test::Unsigned;

constexpr int kAccounts = 10;

std::string Account(std::uint64_t number) { return "account" + std::to_string(number); }

// What transaction `number` does: a transfer, a record of it, and the end of an older record.
absl::Status Transfer(Transaction& txn, std::uint64_t number) {
  const std::string from = Account(number * 7 % kAccounts), to = Account(number * 3 % kAccounts);
  auto add = [&](const std::string& account, double amount) -> absl::Status {
    if (!txn.Find<Tag>(account)) {
      Tag tag;
      tag.set_code(account);
      absl::Status status = txn.Insert(std::move(tag)).status();
      if (!status.ok()) return status;
    }
    return txn
        .Update(txn.Find<Tag>(account), [&](Tag& tag) { tag.set_weight(tag.weight() + amount); })
        .status();
  };
  absl::Status status = add(from, -static_cast<double>(number));
  if (status.ok()) status = add(to, static_cast<double>(number));
  Unsigned record;
  record.set_number(number);
  if (status.ok()) status = txn.Insert(std::move(record)).status();
  if (status.ok() && number > 20) status = txn.Delete(txn.Find<Unsigned>(number - 20));
  return status;
}

class CrashTest : public testing::SqliteTest {
 protected:
  // In the child: commits until it is killed, telling of each written commit through the pipe.
  [[noreturn]] void Commit(int acknowledge, Durability durability) {
    OpenOptions options;
    SqliteOptions sqlite;
    sqlite.flush_after = absl::Milliseconds(3);
    options.persistence = Sqlite(path_, std::move(sqlite));
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(testing::FullSchema(), std::move(options));
    if (!store.ok()) _exit(1);
    for (std::uint64_t number = (*store)->GetSnapshot().commit() + 1;; ++number) {
      absl::StatusOr<CommitNumber> commit = (*store)->Write(
          [&](Transaction& txn) { return Transfer(txn, number); }, {.durability = durability});
      if (!commit.ok() || *commit != number) _exit(2);
      if (durability == Durability::kBuffered) continue;
      if (write(acknowledge, &number, sizeof(number)) != sizeof(number)) _exit(3);
    }
  }

  void ExpectPrefix(std::uint64_t acknowledged) {
    Open();
    const CommitNumber commit = store_->GetSnapshot().commit();
    ASSERT_GE(commit, acknowledged);
    std::map<std::string, double> weights;
    for (std::uint64_t number = 1; number <= commit; ++number) {
      weights[Account(number * 7 % kAccounts)] -= static_cast<double>(number);
      weights[Account(number * 3 % kAccounts)] += static_cast<double>(number);
    }
    Snapshot snapshot = store_->GetSnapshot();
    ASSERT_EQ(snapshot.Count<Tag>(), static_cast<std::int64_t>(weights.size()));
    for (TagRef tag : snapshot.All<Tag>()) ASSERT_EQ(tag->weight(), weights[tag->code()]);
    ASSERT_EQ(snapshot.Count<Unsigned>(),
              static_cast<std::int64_t>(std::min<CommitNumber>(commit, 20)));
    for (CommitNumber number = commit; number > 0 && number + 20 > commit; --number) {
      ASSERT_TRUE(snapshot.Find<Unsigned>(number)) << number;
    }
    snapshot = Snapshot();
    Close();
  }
};

TEST_F(CrashTest, ADatabaseIsAPrefixOfTheCommits) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  const Durability levels[] = {Durability::kBuffered, Durability::kWritten, Durability::kSynced};
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 24; ++round) {
    int pipes[2];
    ASSERT_EQ(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) Commit(pipes[1], levels[round % 3]);
    close(pipes[1]);
    usleep(10'000 + random() % 60'000);
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    std::uint64_t number = 0;
    while (read(pipes[0], &number, sizeof(number)) == sizeof(number)) acknowledged = number;
    close(pipes[0]);
    ExpectPrefix(acknowledged);
  }
  EXPECT_GT(acknowledged, 0u);
}

}  // namespace
}  // namespace kin
