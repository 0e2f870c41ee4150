// The pages of a COMMIT go into the write-ahead log together, and others see no difference.
#include "kin/persistence/sqlite/wal_vfs.h"

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/tests/persistence/sqlite/no_loader.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/faulty_vfs.h"
#include "kin/tests/testing/seed.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::persistence::sqlite {
namespace {

using testing::FaultyVfs;
using testing::RawDatabase;
using How = FaultyVfs::How;
using Op = FaultyVfs::Op;

using Rows = std::map<std::int64_t, std::string>;

Database Open(const std::string& path, const std::string& vfs, int pages_in_cache) {
  absl::StatusOr<Database> database =
      Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs);
  EXPECT_TRUE(database.ok()) << database.status();
  if (!database.ok()) return Database();
  for (const std::string& sql :
       {std::string("PRAGMA journal_mode = WAL"), std::string("PRAGMA synchronous = NORMAL"),
        std::string("PRAGMA wal_autocheckpoint = 0"),
        absl::StrCat("PRAGMA cache_size = ", pages_in_cache),
        std::string("CREATE TABLE IF NOT EXISTS t (k INTEGER PRIMARY KEY, v TEXT)")}) {
    EXPECT_TRUE(database->Exec(sql).ok()) << sql;
  }
  return *std::move(database);
}

Rows RowsOf(const std::string& path) {
  Rows rows;
  RawDatabase reader(path);
  EXPECT_EQ(reader.QueryOne("PRAGMA integrity_check"), "ok");
  for (const std::string& row : reader.Query("SELECT k, v FROM t")) {
    const std::size_t bar = row.find('|');
    rows[std::stoll(row.substr(0, bar))] = row.substr(bar + 1);
  }
  return rows;
}

std::string Put(std::int64_t key, const std::string& value) {
  return absl::StrCat("INSERT OR REPLACE INTO t VALUES (", key, ", '", value, "')");
}

class WalVfsTest : public ::testing::Test {
 protected:
  absl::Status Commit(Database* database) {
    const WalVfs::Commit in_one_piece(vfs_);
    return database->Exec("COMMIT");
  }
  // What a process finds that opens the files after this one was killed. To close a copied file
  // frees its POSIX locks, but these connections are all of this process and know of each other.
  Rows AfterKill() {
    const testing::TempDir copies;
    for (const char* suffix : {"", "-wal"}) {
      std::error_code none;
      std::filesystem::copy_file(path_ + suffix, copies.File("test.db") + suffix, none);
    }
    return RowsOf(copies.File("test.db"));
  }

  const testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
  FaultyVfs below_;
  const WalVfs vfs_{below_.name()};
};

TEST_F(WalVfsTest, ATransactionIsOneWrite) {
  Database database = Open(path_, vfs_.name(), 1000);
  ASSERT_TRUE(database.Exec(Put(1, "first")).ok());
  for (int pages : {1, 2, 10}) {
    ASSERT_TRUE(database.Exec("BEGIN").ok());
    for (int i = 0; i < pages; ++i) {
      ASSERT_TRUE(database.Exec(Put(100 * pages + i, std::string(3000, 'x'))).ok());
    }
    const std::int64_t before = below_.calls(Op::kWrite);
    ASSERT_TRUE(Commit(&database).ok());
    EXPECT_EQ(below_.calls(Op::kWrite) - before, 1) << pages;
    EXPECT_EQ(RowsOf(path_).count(100 * pages), 1u);
  }
}

TEST_F(WalVfsTest, ALargeTransactionIsWrittenInPieces) {
  Database database = Open(path_, vfs_.name(), 10'000);
  ASSERT_TRUE(database.Exec("BEGIN").ok());
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(database.Exec(Put(i, std::string(3000, 'x'))).ok());
  }
  const std::int64_t before = below_.calls(Op::kWrite);
  ASSERT_TRUE(Commit(&database).ok());
  // Of 64 KiB, hence 16 pages.
  EXPECT_GE(below_.calls(Op::kWrite) - before, 1000 / 16);
  EXPECT_LE(below_.calls(Op::kWrite) - before, 1000 / 12);
  EXPECT_EQ(RowsOf(path_).size(), 1000u);
}

TEST_F(WalVfsTest, WithoutAVfsBelowNothingOpens) {
  const WalVfs none("no-such-vfs");
  const absl::StatusOr<Database> opened =
      Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, none.name());
  EXPECT_THAT(opened.status().message(), ::testing::HasSubstr("no-such-vfs"));
}

TEST_F(WalVfsTest, ACommitOfNothingKeepsNothing) {
  Database database = Open(path_, vfs_.name(), 5);
  ASSERT_TRUE(database.Exec("BEGIN IMMEDIATE").ok());
  ASSERT_TRUE(Commit(&database).ok());
  ASSERT_TRUE(database.Exec("BEGIN").ok());
  const std::int64_t before = below_.calls(Op::kWrite);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(database.Exec(Put(i, std::string(3000, 'x'))).ok());
  }
  // Pages that find no room in the cache are written as SQLite does it.
  EXPECT_GT(below_.calls(Op::kWrite) - before, 100);
  ASSERT_TRUE(database.Exec("ROLLBACK").ok());
}

TEST_F(WalVfsTest, ACommitThatFailsOtherwiseLeavesNothing) {
  Database database = Open(path_, vfs_.name(), 1000);
  ASSERT_TRUE(database.Exec("PRAGMA foreign_keys = ON").ok());
  ASSERT_TRUE(database
                  .Exec("CREATE TABLE child (t INTEGER REFERENCES t (k) "
                        "DEFERRABLE INITIALLY DEFERRED)")
                  .ok());
  ASSERT_TRUE(database.Exec("BEGIN").ok());
  ASSERT_TRUE(database.Exec("INSERT INTO child VALUES (7)").ok());
  EXPECT_FALSE(Commit(&database).ok());
  ASSERT_TRUE(database.Exec("ROLLBACK").ok());
  ASSERT_TRUE(database.Exec("BEGIN").ok());
  ASSERT_TRUE(database.Exec(Put(1, "good")).ok());
  ASSERT_TRUE(Commit(&database).ok());
  EXPECT_EQ(RowsOf(path_), (Rows{{1, "good"}}));
  EXPECT_EQ(AfterKill(), (Rows{{1, "good"}}));
}

TEST_F(WalVfsTest, OneConnectionAfterTheOther) {
  for (int i = 0; i < 3; ++i) {
    Database database = Open(path_, vfs_.name(), 1000);
    ASSERT_TRUE(database.Exec(Put(i, "first")).ok());
    ASSERT_TRUE(database.Exec("BEGIN").ok());
    ASSERT_TRUE(database.Exec(Put(100 + i, std::string(10'000, 'x'))).ok());
    const std::int64_t before = below_.calls(Op::kWrite);
    ASSERT_TRUE(Commit(&database).ok());
    EXPECT_EQ(below_.calls(Op::kWrite) - before, 1);
  }
  EXPECT_EQ(RowsOf(path_).size(), 6u);
}

// A batch of the backend is one write.
TEST_F(WalVfsTest, TheBackendWritesABatchInOnePiece) {
  SqliteBackend backend(path_, below_.name());
  testing::NoLoader loader;
  ASSERT_TRUE(backend.Load(Schema::Of<persistence_test::Unsigned>(), loader).ok());
  ASSERT_TRUE(backend.Start().ok());
  std::vector<persistence_test::Unsigned> records(100);
  for (CommitNumber commit = 0; commit < 3; ++commit) {
    Batch batch;
    batch.from = commit;
    batch.to = commit + 1;
    batch.next_ids = {0};
    batch.models.resize(1);
    for (std::size_t i = 0; i < records.size(); ++i) {
      records[i].set_number(100 * commit + i);
      records[i].set_text(std::string(300, 'x'));
      batch.models[0].inserts.push_back(&records[i]);
    }
    const std::int64_t before = below_.calls(Op::kWrite);
    ASSERT_TRUE(backend.Apply(batch).ok());
    // The first begins the log.
    EXPECT_EQ(below_.calls(Op::kWrite) - before, commit == 0 ? 2 : 1);
  }
  ASSERT_TRUE(backend.Close().ok());
}

// What SQLite asks of a log, call by call.
class WalFileTest : public WalVfsTest {
 protected:
  WalFileTest() {
    std::ofstream(dir_.File("alone")).put('x');  // The log gets its permissions.
    sqlite3_vfs* vfs = sqlite3_vfs_find(vfs_.name().c_str());
    memory_.resize(static_cast<std::size_t>(vfs->szOsFile + 7) / 8);
    name_ += '\0';  // SQLite's names end with two.
    EXPECT_EQ(vfs->xOpen(vfs, name_.c_str(), file(),
                         SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr),
              SQLITE_OK);
    EXPECT_EQ(Write(std::string(32, 'h'), 0), SQLITE_OK);
  }
  ~WalFileTest() override { file()->pMethods->xClose(file()); }

  sqlite3_file* file() { return reinterpret_cast<sqlite3_file*>(memory_.data()); }
  int Write(const std::string& bytes, sqlite3_int64 offset) {
    return file()->pMethods->xWrite(file(), bytes.data(), static_cast<int>(bytes.size()), offset);
  }
  int WriteHeader(int frame, bool commits) {
    std::string header(24, '\0');
    header[7] = static_cast<char>(commits);
    return Write(header, At(frame));
  }
  // A frame whose page is full of `byte`.
  int WriteFrame(int frame, char byte, bool commits) {
    const int code = WriteHeader(frame, commits);
    return code != SQLITE_OK ? code : Write(std::string(4096, byte), At(frame) + 24);
  }
  // The first byte of its page, or 0 with an error.
  char Read(int frame) {
    char byte = 0;
    return file()->pMethods->xRead(file(), &byte, 1, At(frame) + 24) == SQLITE_OK ? byte : '\0';
  }
  // Read by somebody else.
  std::string InFile() {
    std::string bytes;
    std::ifstream in(dir_.File("alone-wal"), std::ios::binary);
    for (int frame = 0; in.seekg(At(frame) + 24) && in.peek() != EOF; ++frame) {
      bytes += static_cast<char>(in.get());
    }
    return bytes;
  }
  static sqlite3_int64 At(int frame) { return 32 + frame * (24 + 4096); }

  std::string name_ = dir_.File("alone-wal");
  std::vector<std::uint64_t> memory_;
};

TEST_F(WalFileTest, NothingIsKeptButOfACommit) {
  EXPECT_EQ(WriteFrame(0, 'a', false), SQLITE_OK);
  EXPECT_EQ(InFile(), "a");
  {
    const WalVfs::Commit commit(vfs_);
    EXPECT_EQ(WriteFrame(1, 'b', false), SQLITE_OK);
    EXPECT_EQ(InFile(), "a");
    EXPECT_EQ(WriteFrame(2, 'c', true), SQLITE_OK);
    EXPECT_EQ(InFile(), "abc");
    // What comes once all is written, frames that fill a sector or headers anew.
    const std::int64_t before = below_.calls(Op::kWrite);
    EXPECT_EQ(WriteFrame(3, 'c', true), SQLITE_OK);
    EXPECT_EQ(InFile(), "abcc");
    EXPECT_EQ(WriteHeader(1, false), SQLITE_OK);
    EXPECT_EQ(below_.calls(Op::kWrite) - before, 3);
  }
  EXPECT_EQ(WriteHeader(4, false), SQLITE_OK);
  EXPECT_EQ(below_.calls(Op::kWrite), 7 + 1);
}

TEST_F(WalFileTest, WhatIsKeptIsThereForWhoeverAsks) {
  const WalVfs::Commit commit(vfs_);
  EXPECT_EQ(WriteFrame(0, 'a', false), SQLITE_OK);
  EXPECT_EQ(Read(0), 'a');
  EXPECT_EQ(WriteFrame(1, 'b', false), SQLITE_OK);
  EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_OK);
  EXPECT_EQ(InFile(), "ab");
  EXPECT_EQ(WriteFrame(2, 'c', false), SQLITE_OK);
  sqlite3_int64 length = 0;
  EXPECT_EQ(file()->pMethods->xFileSize(file(), &length), SQLITE_OK);
  EXPECT_EQ(length, At(3));
  EXPECT_EQ(WriteFrame(3, 'd', false), SQLITE_OK);
  EXPECT_EQ(file()->pMethods->xTruncate(file(), At(3)), SQLITE_OK);
  EXPECT_EQ(InFile(), "abc");
  // A page that was there already, in between.
  EXPECT_EQ(WriteFrame(3, 'e', false), SQLITE_OK);
  EXPECT_EQ(Write(std::string(4096, 'B'), At(1) + 24), SQLITE_OK);
  EXPECT_EQ(WriteFrame(4, 'f', true), SQLITE_OK);
  EXPECT_EQ(InFile(), "aBcef");
}

TEST_F(WalFileTest, AfterAFailureNothingIsKeptAndTheCommitFails) {
  {
    const WalVfs::Commit commit(vfs_);
    EXPECT_EQ(WriteFrame(0, 'a', false), SQLITE_OK);
    below_.FailEvery(Op::kWrite, 1);
    EXPECT_EQ(WriteFrame(1, 'b', true), SQLITE_IOERR_WRITE);
    below_.Heal();
  }
  EXPECT_EQ(InFile(), "");
  EXPECT_EQ(Read(0), '\0');
  {
    // One that fails before its last page.
    const WalVfs::Commit commit(vfs_);
    EXPECT_EQ(WriteFrame(0, 'c', false), SQLITE_OK);
  }
  EXPECT_EQ(Read(0), '\0');
  EXPECT_EQ(InFile(), "");
  {
    const WalVfs::Commit commit(vfs_);
    EXPECT_EQ(WriteFrame(0, 'd', true), SQLITE_OK);
  }
  EXPECT_EQ(InFile(), "d");
  {
    const WalVfs::Commit commit(vfs_);
    EXPECT_EQ(WriteFrame(1, 'e', false), SQLITE_OK);
    below_.FailEvery(Op::kWrite, 1);
    EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_IOERR_WRITE);
    below_.Heal();
    // Nothing goes behind what is missing.
    EXPECT_EQ(WriteFrame(2, 'f', true), SQLITE_IOERR_WRITE);
    EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_IOERR_WRITE);
    EXPECT_EQ(Read(0), 'd');
  }
  EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_OK);
  EXPECT_EQ(WriteFrame(1, 'g', false), SQLITE_OK);
  EXPECT_EQ(InFile(), "dg");
}

// Transactions of any size, in a cache that holds few pages or all, beside checkpoints, another
// writer and faults: after each, what others see, and would see after a kill, is the plain map that
// did the same. Without savepoints, which Kin does not use: after ROLLBACK TO one, SQLite 3.40
// commits frames with no checksum (in any VFS), which whoever comes after a kill takes for the end
// of the log.
class WalVfsHistory {
 public:
  WalVfsHistory(const std::string& path, const WalVfs& vfs, FaultyVfs* below, std::mt19937* random,
                bool faults)
      : path_(path), vfs_(vfs), random_(*random), below_(*below), faults_(faults) {
    RawDatabase(path).Exec(absl::StrCat("PRAGMA page_size = ", 512 << Below(8), "; VACUUM"));
    database_ = Open(path, vfs.name(), Below(2) == 0 ? 5 : 2000);
    EXPECT_TRUE(!Below(2) || database_.Exec("PRAGMA journal_size_limit = 100000").ok());
    // With faults a COMMIT would be in doubt: SQLite syncs the log when it has the last page.
    EXPECT_TRUE(faults || !Below(2) || database_.Exec("PRAGMA synchronous = FULL").ok());
  }

  // True: committed.
  bool Step(int step) {
    if (Below(8) == 0) RawDatabase(path_).Query("PRAGMA wal_checkpoint(TRUNCATE)");
    if (Below(8) == 0) RawDatabase(path_).Query("PRAGMA wal_checkpoint(PASSIVE)");
    if (Below(4) == 0) {
      RawDatabase other(path_);
      for (int i = Below(20); i >= 0; --i) {
        const std::string value(static_cast<std::size_t>(Below(6000)), 'o');
        other.Exec(Put(i, value));
        rows_[i] = value;
      }
    }
    if (Below(8) == 0) {
      EXPECT_TRUE(database_.Exec("PRAGMA wal_checkpoint(PASSIVE)").ok());
    }
    Rows next = rows_;
    if (!database_.Exec("BEGIN IMMEDIATE").ok()) return false;
    if (faults_ && step % 2 == 1) {
      constexpr How kHows[] = {How::kError, How::kShortWrite, How::kDiskFull};
      below_.FailEvery(Op::kWrite, 1 + Below(3), kHows[Below(3)], "-wal");
    }
    const bool done = Write(&next) && Below(8) != 0 && Commit();
    below_.Heal();
    if (!sqlite3_get_autocommit(database_.get())) {
      EXPECT_TRUE(database_.Exec("ROLLBACK").ok());
    }
    if (done) rows_ = std::move(next);
    return done;
  }
  const Rows& rows() const { return rows_; }

 private:
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  bool Commit() {
    const WalVfs::Commit in_one_piece(vfs_);
    return database_.Exec("COMMIT").ok();
  }
  bool Write(Rows* rows) {
    const int writes = Below(10) == 0 ? Below(400) : 1 + Below(10);
    for (int i = 0; i < writes; ++i) {
      const std::int64_t key = Below(300);
      if (Below(4) == 0) {
        if (!database_.Exec(absl::StrCat("DELETE FROM t WHERE k = ", key)).ok()) return false;
        rows->erase(key);
      } else {
        const std::string value(static_cast<std::size_t>(Below(6000)),
                                static_cast<char>('a' + Below(26)));
        if (!database_.Exec(Put(key, value)).ok()) return false;
        (*rows)[key] = value;
      }
    }
    return true;
  }

  const std::string path_;
  const WalVfs& vfs_;
  std::mt19937& random_;
  FaultyVfs& below_;
  const bool faults_;
  Database database_;
  Rows rows_;
};

class WalVfsHistoryTest : public WalVfsTest, public ::testing::WithParamInterface<bool> {};

TEST_P(WalVfsHistoryTest, OthersSeeWhatIsCommitted) {
  const bool faults = GetParam();
  const unsigned seed = testing::Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  std::mt19937 random(seed);
  WalVfsHistory history(path_, vfs_, &below_, &random, faults);
  int commits = 0;
  for (int step = 0; step < 150; ++step) {
    commits += static_cast<int>(history.Step(step));
    ASSERT_EQ(RowsOf(path_), history.rows()) << "step " << step;
    if (step % 4 == 0) {
      ASSERT_EQ(AfterKill(), history.rows()) << "step " << step;
    }
  }
  EXPECT_GT(commits, 30);
  if (faults) {
    EXPECT_GT(below_.faults(), 5);
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, WalVfsHistoryTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Some" : "None"; });

}  // namespace
}  // namespace kin::persistence::sqlite
