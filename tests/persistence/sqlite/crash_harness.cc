#include "kin/tests/persistence/sqlite/crash_harness.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite.h"
#include "kin/persistence/write_behind.h"
#include "kin/tests/testing/faulty_vfs.h"

namespace kin::testing {
namespace {

// Long labels fill the write-ahead log, so that there are checkpoints to be killed in.
constexpr std::size_t kPadding = 8000;
constexpr int kMostThreads = 4;

// The exits of a process that found something wrong.
constexpr int kCannotOpen = 1;
constexpr int kCannotCommit = 2;
constexpr int kCannotClose = 3;
constexpr int kNobodyHears = 4;

[[noreturn]] void Exit(int code, const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  _exit(code);
}

absl::StatusOr<std::unique_ptr<Store>> OpenWith(std::unique_ptr<Persistence> persistence) {
  OpenOptions options;
  options.persistence = std::move(persistence);
  return Store::Open(Ledger::StoreSchema(), std::move(options));
}

}  // namespace

CrashHarness::CrashHarness(std::uint64_t seed, MakeBackend make)
    : seed_(seed), make_(std::move(make)), random_(seed), ledger_(seed, kPadding) {}

void CrashHarness::Tell(int pipe, Message::Kind kind, std::uint64_t number) {
  const Message message{kind, number};
  if (write(pipe, &message, sizeof(message)) != sizeof(message)) _exit(kNobodyHears);
}

// Commits until it is killed, telling of each transaction that is safe. Now and then it closes the
// database and opens it again, so that it may be killed in that too.
void CrashHarness::RunChild(int pipe, const Orders& orders) {
  FaultyVfs vfs;
  if (orders.calls >= 0) vfs.Kill(orders.calls);
  persistence::WriteBehindOptions options;
  options.flush_after = absl::Milliseconds(3);
  Ledger ledger(seed_, kPadding);
  while (true) {
    // Without faults to come the way is SQLite's own.
    absl::StatusOr<std::unique_ptr<Store>> store =
        OpenWith(std::make_unique<persistence::WriteBehind>(
            make_(path_, orders.calls >= 0 ? vfs.name() : ""), options));
    if (!store.ok()) Exit(kCannotOpen, store.status());
    const std::uint64_t found = (*store)->GetSnapshot().commit();
    Tell(pipe, Message::Kind::kFound, found);
    ledger.AdvanceTo(found);
    const std::uint64_t last = found + orders.commits_an_opening;
    auto commit = [&](bool timed) {
      while (true) {
        std::uint64_t number = 0;
        const absl::StatusOr<CommitNumber> committed = (*store)->Write(
            [&](Transaction& txn) {
              if (ledger.number() == last) return absl::CancelledError("enough");
              ledger.Advance();
              number = ledger.number();
              return ledger.Replay(txn);
            },
            {.durability = orders.durability,
             .timeout = timed ? absl::Hours(1) : absl::InfiniteDuration()});
        if (absl::IsCancelled(committed.status())) return;
        if (!committed.ok()) Exit(kCannotCommit, committed.status());
        if (*committed != number) Exit(kCannotCommit, absl::InternalError("another number"));
        if (orders.durability != Durability::kBuffered) {
          Tell(pipe, Message::Kind::kWritten, number);
        }
      }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < orders.threads; ++i) {
      threads.emplace_back(commit, (orders.timed >> i & 1) != 0);
    }
    for (std::thread& thread : threads) thread.join();
    if (absl::Status closed = (*store)->Close(); !closed.ok()) Exit(kCannotClose, closed);
    Tell(pipe, Message::Kind::kWritten, last);
  }
}

std::string CrashHarness::Older(std::uint64_t found) const {
  if (found >= acknowledged_) return "";
  return absl::StrCat("commit ", acknowledged_, " was acknowledged, and the database is at ",
                      found);
}

std::string CrashHarness::Hear(const Message& message) {
  if (message.kind == Message::Kind::kFound) return Older(message.number);
  acknowledged_ = std::max(acknowledged_, message.number);
  return "";
}

std::string CrashHarness::RunAndKill(Durability durability) {
  int pipes[2];
  if (pipe(pipes) != 0) return "no pipe";
  Orders orders{};
  orders.durability = durability;
  orders.commits_an_opening = 1 + random_() % 200;
  // Several that wait at once share a batch, which one of them writes, or none.
  orders.threads = random_() % 2 == 0 ? 1 : kMostThreads;
  orders.timed = static_cast<unsigned>(random_());
  // The moments between two calls are short where it matters: each is as likely as the others.
  orders.calls = random_() % 2 == 0 ? -1 : static_cast<std::int64_t>(random_() % 2000);
  const pid_t child = fork();
  if (child == 0) {
    close(pipes[0]);
    RunChild(pipes[1], orders);
  }
  close(pipes[1]);
  std::string wrong;
  Message message;
  auto hear = [&] {
    if (read(pipes[0], &message, sizeof(message)) != sizeof(message)) return false;
    if (wrong.empty()) wrong = Hear(message);
    return true;
  };
  if (orders.calls < 0) {
    // Mostly when it is at work, however long it took to open; else at any time.
    if (random_() % 4 != 0 && hear()) {
      usleep(static_cast<useconds_t>(random_() % 30'000));
    } else {
      usleep(static_cast<useconds_t>(1'000 + random_() % 60'000));
    }
    kill(child, SIGKILL);
  }
  while (hear()) {
  }
  int status = 0;
  waitpid(child, &status, 0);
  close(pipes[0]);
  if (wrong.empty() && !WIFSIGNALED(status)) {
    wrong = absl::StrCat("the process ended by itself, exit ", WEXITSTATUS(status));
  }
  return wrong;
}

std::string CrashHarness::Check() {
  const absl::StatusOr<std::unique_ptr<Store>> store = OpenWith(Sqlite(path_));
  if (!store.ok()) return absl::StrCat("cannot be opened: ", store.status().ToString());
  const Snapshot snapshot = (*store)->GetSnapshot();
  if (std::string older = Older(snapshot.commit()); !older.empty()) return older;
  if (snapshot.commit() < ledger_.number()) ledger_ = Ledger(seed_, kPadding);
  ledger_.AdvanceTo(snapshot.commit());
  if (const std::string difference = ledger_.Difference(snapshot); !difference.empty()) {
    return absl::StrCat("at commit ", snapshot.commit(), ": ", difference);
  }
  const absl::Status invariants = (*store)->CheckInvariants();
  if (!invariants.ok()) return invariants.ToString();
  acknowledged_ = ledger_.number();
  return "";
}

}  // namespace kin::testing
