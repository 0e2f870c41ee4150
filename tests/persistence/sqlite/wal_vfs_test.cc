// Pages go into the write-ahead log together, and nobody can tell but by the number of writes.
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
#include "gtest/gtest.h"
#include "kin/persistence/sqlite/database.h"
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
  // What a process finds that opens the files after this one was killed.
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
    ASSERT_TRUE(database.Exec("COMMIT").ok());
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
  ASSERT_TRUE(database.Exec("COMMIT").ok());
  // Of 64 KiB, hence 16 pages.
  EXPECT_GE(below_.calls(Op::kWrite) - before, 1000 / 16);
  EXPECT_LE(below_.calls(Op::kWrite) - before, 1000 / 12);
  EXPECT_EQ(RowsOf(path_).size(), 1000u);
}

TEST_F(WalVfsTest, WithoutAVfsBelowNothingOpens) {
  const WalVfs none("there is no such thing");
  EXPECT_FALSE(Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, none.name()).ok());
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
  // A frame whose page is full of `byte`.
  int WriteFrame(int frame, char byte, bool commits) {
    std::string header(24, '\0');
    header[7] = static_cast<char>(commits);
    const int code = Write(header, At(frame));
    return code != SQLITE_OK ? code : Write(std::string(4096, byte), At(frame) + 24);
  }
  // The first byte of its page, or 0 with an error.
  char Read(int frame) {
    char byte = 0;
    return file()->pMethods->xRead(file(), &byte, 1, At(frame) + 24) == SQLITE_OK ? byte : '\0';
  }
  static sqlite3_int64 At(int frame) { return 32 + frame * (24 + 4096); }

  std::string name_ = dir_.File("alone-wal");
  std::vector<std::uint64_t> memory_;
};

TEST_F(WalFileTest, WhatIsKeptIsThereForWhoeverAsks) {
  const auto size = [this] { return std::filesystem::file_size(dir_.File("alone-wal")); };
  EXPECT_EQ(WriteFrame(0, 'a', false), SQLITE_OK);
  EXPECT_EQ(size(), 32u);
  EXPECT_EQ(Read(0), 'a');
  EXPECT_EQ(WriteFrame(1, 'b', false), SQLITE_OK);
  EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_OK);
  EXPECT_EQ(size(), At(2));
  EXPECT_EQ(WriteFrame(2, 'c', false), SQLITE_OK);
  sqlite3_int64 length = 0;
  EXPECT_EQ(file()->pMethods->xFileSize(file(), &length), SQLITE_OK);
  EXPECT_EQ(length, At(3));
  EXPECT_EQ(WriteFrame(3, 'd', false), SQLITE_OK);
  EXPECT_EQ(file()->pMethods->xTruncate(file(), At(3)), SQLITE_OK);
  EXPECT_EQ(size(), At(3));
  EXPECT_EQ(WriteFrame(3, 'e', true), SQLITE_OK);
  EXPECT_EQ(size(), At(4));
  // Anew where it is: others may have read the frame, and nothing need follow.
  EXPECT_EQ(Write(std::string(24, 'x'), At(1)), SQLITE_OK);
  EXPECT_EQ(below_.calls(Op::kWrite), 7);
  EXPECT_EQ(Read(3), 'e');
}

TEST_F(WalFileTest, WhatIsMissingIsNotBuiltOn) {
  EXPECT_EQ(WriteFrame(0, 'a', true), SQLITE_OK);
  EXPECT_EQ(WriteFrame(1, 'b', false), SQLITE_OK);
  below_.FailEvery(Op::kWrite, 1);
  EXPECT_EQ(Read(0), '\0');
  below_.Heal();
  EXPECT_EQ(Read(0), 'a');
  EXPECT_EQ(Read(1), '\0');
  EXPECT_EQ(WriteFrame(2, 'c', true), SQLITE_IOERR_WRITE);
  EXPECT_EQ(Write(std::string(4096, 'c'), At(1) + 24), SQLITE_IOERR_WRITE);
  EXPECT_EQ(Read(1), '\0');
  // Rolled back: the log goes on from there.
  EXPECT_EQ(WriteFrame(1, 'd', true), SQLITE_OK);
  EXPECT_EQ(WriteFrame(2, 'e', true), SQLITE_OK);
  EXPECT_EQ(Read(1), 'd');
  EXPECT_EQ(Read(2), 'e');

  // Or from the beginning.
  EXPECT_EQ(WriteFrame(3, 'f', false), SQLITE_OK);
  below_.FailEvery(Op::kWrite, 1);
  EXPECT_EQ(file()->pMethods->xSync(file(), SQLITE_SYNC_NORMAL), SQLITE_IOERR_WRITE);
  below_.Heal();
  EXPECT_EQ(WriteFrame(4, 'g', true), SQLITE_IOERR_WRITE);
  EXPECT_EQ(Write(std::string(32, 'h'), 0), SQLITE_OK);
  EXPECT_EQ(WriteFrame(0, 'i', false), SQLITE_OK);
  below_.FailEvery(Op::kWrite, 1);
  EXPECT_EQ(Read(0), '\0');
  below_.Heal();
  EXPECT_EQ(Read(0), '\0');  // Not what was there before the log began anew.
  EXPECT_EQ(WriteFrame(0, 'i', true), SQLITE_OK);
  EXPECT_EQ(WriteFrame(4, 'j', true), SQLITE_OK);
  EXPECT_EQ(Read(0), 'i');
}

TEST_F(WalFileTest, TheLogBeginsAnew) {
  for (int round = 0; round < 3; ++round) {
    const std::int64_t before = below_.calls(Op::kWrite);
    EXPECT_EQ(Write(std::string(32, 'h'), 0), SQLITE_OK);
    for (int frame = 0; frame < 4; ++frame) {
      EXPECT_EQ(WriteFrame(frame, static_cast<char>('a' + frame), frame == 3), SQLITE_OK);
    }
    EXPECT_EQ(below_.calls(Op::kWrite) - before, 2);
    for (int frame = 0; frame < 4; ++frame) {
      EXPECT_EQ(Read(frame), static_cast<char>('a' + frame));
    }
  }
}

// Transactions of any size, in a cache that holds few pages or all, beside checkpoints and faults:
// after each, what others see, and would see after a kill, is the plain map that did the same.
// Without savepoints, which Kin does not use: after ROLLBACK TO one, SQLite 3.40 commits frames
// with no checksum (in any VFS), which whoever comes after a kill takes for the end of the log.
class WalVfsHistory {
 public:
  WalVfsHistory(const std::string& path, const std::string& vfs, FaultyVfs* below,
                std::mt19937* random)
      : path_(path), random_(*random), below_(*below) {
    database_ = Open(path, vfs, Below(2) == 0 ? 5 : 2000);
  }

  // True: committed.
  bool Step(bool faults) {
    if (Below(8) == 0) RawDatabase(path_).Query("PRAGMA wal_checkpoint(TRUNCATE)");
    if (Below(8) == 0) RawDatabase(path_).Query("PRAGMA wal_checkpoint(PASSIVE)");
    Rows next = rows_;
    if (!database_.Exec("BEGIN IMMEDIATE").ok()) return false;
    if (faults) {
      constexpr How kHows[] = {How::kError, How::kShortWrite, How::kDiskFull};
      below_.FailEvery(Op::kWrite, 1 + Below(6), kHows[Below(3)], "-wal");
    }
    const bool done = Write(&next) && Below(8) != 0 && database_.Exec("COMMIT").ok();
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
  std::mt19937& random_;
  FaultyVfs& below_;
  Database database_;
  Rows rows_;
};

TEST_F(WalVfsTest, OthersSeeWhatIsCommitted) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  std::mt19937 random(seed);
  WalVfsHistory history(path_, vfs_.name(), &below_, &random);
  int commits = 0;
  for (int step = 0; step < 150; ++step) {
    commits += static_cast<int>(history.Step(/*faults=*/false));
    ASSERT_EQ(RowsOf(path_), history.rows()) << "step " << step;
    if (step % 4 == 0) {
      ASSERT_EQ(AfterKill(), history.rows()) << "step " << step;
    }
  }
  EXPECT_GT(commits, 50);
}

TEST_F(WalVfsTest, OthersSeeWhatIsCommittedBesideFaults) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  std::mt19937 random(seed);
  WalVfsHistory history(path_, vfs_.name(), &below_, &random);
  int commits = 0;
  for (int step = 0; step < 150; ++step) {
    commits += static_cast<int>(history.Step(/*faults=*/step % 2 == 1));
    ASSERT_EQ(RowsOf(path_), history.rows()) << "step " << step;
    if (step % 4 == 0) {
      ASSERT_EQ(AfterKill(), history.rows()) << "step " << step;
    }
  }
  EXPECT_GT(commits, 30);
  EXPECT_GT(below_.faults(), 10);
}

}  // namespace
}  // namespace kin::persistence::sqlite
