// A process that commits numbered transactions is killed at any moment; then the database has to
// equal a model after some transaction, at least as new as what was acknowledged.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_CRASH_HARNESS_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_CRASH_HARNESS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "kin/persistence/backend.h"
#include "kin/store/store.h"
#include "kin/tests/persistence/ledger/ledger.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::testing {

// One database, and the processes that had it one after the other. What they do, and when they are
// killed, is of `seed`; what a process has done by then depends on how fast it is, too. The process
// that uses this has no threads while RunAndKill runs. Thread-compatible.
class CrashHarness {
 public:
  // Makes the backend of the processes that are killed, for the file at `path`, by way of the VFS
  // `vfs` of SQLite. Whoever looks at the database afterwards opens it with kin::Sqlite.
  using MakeBackend = std::function<std::unique_ptr<persistence::Backend>(const std::string& path,
                                                                          const std::string& vfs)>;

  CrashHarness(std::uint64_t seed, MakeBackend make);

  // Runs a process for a while and kills it, at any moment or at any call of the file system. "",
  // or what is wrong: a process that opened the database found it older than what was acknowledged,
  // or one ended by itself.
  std::string RunAndKill(Durability durability);

  // Opens the database. "", or what is wrong: older than what was acknowledged, or not the model
  // after any transaction.
  std::string Check();

  // The newest transaction that survives whatever happens next.
  std::uint64_t acknowledged() const { return acknowledged_; }
  const std::string& path() const { return path_; }

 private:
  // What a process says through its pipe.
  struct Message {
    enum class Kind : std::uint64_t { kFound, kWritten };
    Kind kind;
    std::uint64_t number;
  };
  // What a process is to do.
  struct Orders {
    Durability durability;
    std::uint64_t commits_an_opening;
    int threads;
    unsigned timed;  // Bit i: thread i waits with a limit, and so leaves the writing to another.
    std::int64_t calls;  // Of the file system, after which it is killed; -1: when its time is up.
  };

  [[noreturn]] void RunChild(int pipe, const Orders& orders);
  static void Tell(int pipe, Message::Kind kind, std::uint64_t number);
  std::string Hear(const Message& message);
  std::string Older(std::uint64_t found) const;

  const std::uint64_t seed_;
  const MakeBackend make_;
  std::mt19937_64 random_;
  TempDir dir_;
  const std::string path_ = dir_.File("ledger.db");
  Ledger ledger_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_CRASH_HARNESS_H_
