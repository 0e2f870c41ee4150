// A store over an SQLite file, and the file seen with SQLite's own eyes.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_SQLITE_FIXTURE_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_SQLITE_FIXTURE_H_

#include <sqlite3.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
#include "kin/tests/testing/temp_dir.h"
#include "tests/persistence/models.kin.h"
#include "tests/persistence/old_models.kin.h"

namespace kin::testing {

inline Schema FullSchema() {
  using namespace persistence_test;
  return Schema::Of<Everything, User, Profile, Post, Tag, Tagging, Unsigned, Old>();
}

// A connection of another program.
class RawDatabase {
 public:
  explicit RawDatabase(const std::string& path, const std::string& vfs = "") {
    EXPECT_EQ(
        sqlite3_open_v2(path.c_str(), &connection_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        vfs.empty() ? nullptr : vfs.c_str()),
        SQLITE_OK)
        << path;
  }
  ~RawDatabase() { sqlite3_close(connection_); }
  RawDatabase(const RawDatabase&) = delete;
  RawDatabase& operator=(const RawDatabase&) = delete;

  void Exec(const std::string& sql) {
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
        << sql << ": " << (error ? error : "");
    sqlite3_free(error);
  }
  // All rows, the columns of each joined by '|', NULL as "NULL".
  std::vector<std::string> Query(const std::string& sql) {
    std::vector<std::string> rows;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(connection_);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        if (i > 0) row += '|';
        const void* data = sqlite3_column_blob(statement, i);
        row +=
            sqlite3_column_type(statement, i) == SQLITE_NULL
                ? "NULL"
                : std::string(static_cast<const char*>(data), sqlite3_column_bytes(statement, i));
      }
      rows.push_back(row);
    }
    sqlite3_finalize(statement);
    return rows;
  }
  std::string QueryOne(const std::string& sql) {
    std::vector<std::string> rows = Query(sql);
    EXPECT_EQ(rows.size(), 1u) << sql;
    return rows.empty() ? "" : rows[0];
  }

 private:
  sqlite3* connection_ = nullptr;
};

class SqliteTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(const std::string& path,
                                                 Schema schema = FullSchema()) {
    OpenOptions options;
    options.persistence = Sqlite(path);
    return Store::Open(std::move(schema), std::move(options));
  }
  void Open() {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Close() {
    absl::Status closed = store_->Close();
    ASSERT_TRUE(closed.ok()) << closed;
    store_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }
  // A transaction that has to succeed.
  template <typename F>
  void Write(F body) {
    absl::StatusOr<CommitNumber> commit = store_->Write([&](Transaction& txn) -> absl::Status {
      body(txn);
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void Flush() {
    absl::Status flushed = store_->Flush(absl::Seconds(30));
    ASSERT_TRUE(flushed.ok()) << flushed;
  }

  TempDir dir_;
  std::string path_ = dir_.File("test.db");
  std::unique_ptr<Store> store_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_SQLITE_FIXTURE_H_
