// What cannot be opened is refused, saying why, and left as it was.
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"

namespace kin {
namespace {

using persistence_test::Profile;
using persistence_test::Unsigned;
using persistence_test::User;
using ::testing::HasSubstr;
using testing::ReadFile;
using testing::WriteFile;

class OpenTest : public testing::SqliteTest {
 protected:
  void SetUp() override {
    Open();
    Write([](Transaction& txn) {
      for (int i = 0; i < 100; ++i) {
        Unsigned record;
        record.set_number(i);
        record.set_text(std::string(200, 'x'));
        ASSERT_TRUE(txn.Insert(record).ok());
      }
    });
    Close();
  }
  void ExpectRefused(const std::string& path, absl::StatusCode code, const std::string& why,
                     Schema schema = testing::FullSchema()) {
    const std::string before = ReadFile(path);
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path, schema);
    EXPECT_EQ(store.status().code(), code) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(path.substr(path.rfind('/') + 1)));
    EXPECT_EQ(ReadFile(path), before);
    EXPECT_FALSE(std::filesystem::exists(path + "-lock"));
  }
};

TEST_F(OpenTest, ClosingLeavesOneFile) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    EXPECT_EQ(entry.path().string(), path_);
    ++files;
  }
  EXPECT_EQ(files, 1);
}

TEST_F(OpenTest, ADatabaseWithoutTablesForOtherText) {
  const std::string path = dir_.File("utf16.db");
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  ASSERT_EQ(
      sqlite3_exec(database, "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (x); DROP TABLE t; VACUUM",
                   nullptr, nullptr, nullptr),
      SQLITE_OK);
  sqlite3_close(database);
  ExpectRefused(path, absl::StatusCode::kFailedPrecondition, "not UTF-8");
}

TEST_F(OpenTest, NotADatabase) {
  const std::string path = dir_.File("text.db");
  for (const std::string& contents :
       {std::string("x"), std::string("hello\n"), std::string(5000, 'z'),
        "SQLite format 2" + std::string(5000, '\0')}) {
    WriteFile(path, contents);
    ExpectRefused(path, absl::StatusCode::kDataLoss, "not an SQLite database");
  }
}

TEST_F(OpenTest, Truncated) {
  const std::string whole = ReadFile(path_);
  ASSERT_GT(whole.size(), 20000u);
  for (std::size_t size :
       {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{50}, std::size_t{99},
        std::size_t{100}, std::size_t{511}, std::size_t{512}, std::size_t{4095}, std::size_t{4096},
        std::size_t{8192}, whole.size() / 2, whole.size() - 1}) {
    SCOPED_TRACE(size);
    WriteFile(path_, whole.substr(0, size));
    ExpectRefused(path_, absl::StatusCode::kDataLoss, "truncated");
  }
}

TEST_F(OpenTest, FlippedBytesAreAnErrorOrHarmless) {
  const std::string whole = ReadFile(path_);
  for (std::size_t at = 0; at < whole.size(); at += 997) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    WriteFile(path_, damaged);
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    if (!store.ok()) {
      EXPECT_EQ(ReadFile(path_), damaged) << at << store.status();
    }
  }
}

// Bits turned over, ends cut off, pieces overwritten, in the file and in its log: never a crash,
// never a change of what is refused.
TEST_F(OpenTest, RandomDamageIsAnErrorOrHarmless) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE("KIN_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  // As a kill leaves it: some of it in the log.
  Open();
  Write([](Transaction& txn) {
    for (int i = 100; i < 150; ++i) {
      Unsigned record;
      record.set_number(i);
      ASSERT_TRUE(txn.Insert(record).ok());
    }
  });
  Flush();
  const std::string file = ReadFile(path_), log = ReadFile(path_ + "-wal");
  ASSERT_FALSE(log.empty());
  Close();
  const std::string path = dir_.File("damaged.db");
  auto damage = [&](std::string bytes) {
    const std::size_t at = random() % bytes.size();
    switch (random() % 4) {
      case 0:
        return bytes.substr(0, at);
      case 1:
        for (std::size_t i = at; i < bytes.size() && i < at + random() % 600; ++i) {
          bytes[i] = static_cast<char>(random());
        }
        return bytes;
      default:
        for (int flips = 1 + static_cast<int>(random() % 8); flips > 0; --flips) {
          // Mostly where the structure is: the header, and the beginning of pages.
          const std::size_t where =
              random() % 2
                  ? random() % bytes.size()
                  : (random() % (bytes.size() / 4096 + 1) * 4096 + random() % 128) % bytes.size();
          bytes[where] = static_cast<char>(bytes[where] ^ (1 << random() % 8));
        }
        return bytes;
    }
  };
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    SCOPED_TRACE(round);
    const int which = static_cast<int>(random() % 3);
    const std::string bad_file = which != 1 ? damage(file) : file;
    const std::string bad_log = which != 0 ? damage(log) : log;
    WriteFile(path, bad_file);
    WriteFile(path + "-wal", bad_log);
    std::filesystem::remove(path + "-shm");
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path);
    if (store.ok()) {
      EXPECT_TRUE((*store)->CheckInvariants().ok());
      continue;
    }
    ++refused;
    EXPECT_EQ(ReadFile(path), bad_file) << store.status();
    EXPECT_EQ(ReadFile(path + "-wal"), bad_log) << store.status();
  }
  EXPECT_GT(refused, 50);
}

// A journal beside it takes a connection that can write, which is not to move the log.
TEST_F(OpenTest, ALogBesideAJournalStaysAsItWas) {
  Open();
  Write([](Transaction& txn) {
    Unsigned record;
    record.set_number(1000);
    ASSERT_TRUE(txn.Insert(record).ok());
  });
  Flush();
  const std::string file = ReadFile(path_), log = ReadFile(path_ + "-wal");
  ASSERT_FALSE(log.empty());
  Close();
  const std::string path = dir_.File("both.db");
  WriteFile(path, file);
  WriteFile(path + "-wal", log);
  WriteFile(path + "-journal", "x");
  ExpectRefused(path, absl::StatusCode::kFailedPrecondition, "persistence_test.User",
                Schema::Of<Unsigned>());
  EXPECT_EQ(ReadFile(path + "-wal"), log);
}

TEST_F(OpenTest, LogWithoutItsDatabase) {
  const std::string path = dir_.File("lost.db");
  WriteFile(path + "-wal", "the log");
  absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
  EXPECT_EQ(ReadFile(path + "-wal"), "the log");
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(OpenTest, AnotherSchema) {
  ExpectRefused(path_, absl::StatusCode::kFailedPrecondition, "persistence_test.User",
                Schema::Of<Unsigned>());
  path_ = dir_.File("small.db");
  store_ = *TryOpen(path_, Schema::Of<Unsigned>());
  Close();
  Open();  // Models that are new to it get their tables.
}

TEST_F(OpenTest, NotMadeByKin) {
  const std::string path = dir_.File("other.db");
  testing::RawDatabase(path).Exec("CREATE TABLE unsigneds (number INTEGER PRIMARY KEY, text TEXT)");
  ExpectRefused(path, absl::StatusCode::kFailedPrecondition, "Kin did not make");
}

TEST_F(OpenTest, ALaterFormat) {
  testing::RawDatabase(path_).Exec("UPDATE _kin_meta SET value = 2 WHERE key = 'format'");
  ExpectRefused(path_, absl::StatusCode::kFailedPrecondition, "another version of Kin");
}

TEST_F(OpenTest, ReadOnlyFile) {
  chmod(path_.c_str(), 0444);
  ExpectRefused(path_, absl::StatusCode::kUnavailable, "is read-only");
}

TEST_F(OpenTest, ReadOnlyDirectory) {
  chmod(dir_.path().c_str(), 0555);
  ExpectRefused(path_, absl::StatusCode::kUnavailable, "is read-only");
  chmod(dir_.path().c_str(), 0755);
}

TEST_F(OpenTest, NoDirectory) {
  absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(dir_.File("no/such.db"));
  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(store.status().message(), HasSubstr("does not exist"));
  EXPECT_FALSE(std::filesystem::exists(dir_.File("no")));
}

TEST_F(OpenTest, ADirectory) {
  absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(dir_.path());
  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable) << store.status();
  EXPECT_THAT(store.status().message(), HasSubstr("is a directory"));
}

TEST_F(OpenTest, NoFile) {
  EXPECT_EQ(TryOpen("").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(TryOpen(":memory:").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(OpenTest, OwnedInThisProcess) {
  Open();
  const std::string before = ReadFile(path_);
  absl::StatusOr<std::unique_ptr<Store>> second = TryOpen(path_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("in use by another store (this process)"));
  EXPECT_EQ(ReadFile(path_), before);
  // By another name, too.
  ASSERT_EQ(symlink(path_.c_str(), dir_.File("link.db").c_str()), 0);
  EXPECT_EQ(TryOpen(dir_.File("link.db")).status().code(), absl::StatusCode::kUnavailable);
  Close();
  EXPECT_TRUE(TryOpen(path_).ok());
}

TEST_F(OpenTest, OwnedByAnotherProcessUntilItDies) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  const pid_t child = fork();
  if (child == 0) {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    const char answer = store.ok() ? 'y' : 'n';
    if (write(pipes[1], &answer, 1) != 1) _exit(1);
    pause();
    _exit(0);
  }
  char answer = 0;
  ASSERT_EQ(read(pipes[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  absl::StatusOr<std::unique_ptr<Store>> second = TryOpen(path_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("(process " + std::to_string(child) + ")"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(TryOpen(path_).ok());
  close(pipes[0]);
  close(pipes[1]);
}

TEST_F(OpenTest, AnEmptyFileIsANewDatabase) {
  path_ = dir_.File("empty.db");
  WriteFile(path_, "");
  Open();
  Close();
  Open();
}

TEST_F(OpenTest, AnApplicationsOwnTablesAreLeftAlone) {
  testing::RawDatabase(path_).Exec("CREATE TABLE mine (a, b); INSERT INTO mine VALUES (1, 'x')");
  Open();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Delete(txn.Find<Unsigned>(5)).ok()); });
  Close();
  EXPECT_EQ(testing::RawDatabase(path_).QueryOne("SELECT a, b FROM mine"), "1|x");
}

TEST_F(OpenTest, OnlyCommentsChanged) {
  testing::RawDatabase(path_).Exec("UPDATE _kin_meta SET value = x'00' WHERE key = 'descriptors'");
  Open();
  Close();
  EXPECT_NE(testing::RawDatabase(path_).QueryOne(
                "SELECT hex(value) FROM _kin_meta WHERE key = 'descriptors'"),
            "00");
}

}  // namespace
}  // namespace kin
