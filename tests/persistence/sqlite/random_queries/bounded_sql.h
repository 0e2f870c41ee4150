// SQL on a file that a store wrote, but no more of it than a test has time for: what is asked at
// random may be a loop in a loop in a loop.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_BOUNDED_SQL_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_BOUNDED_SQL_H_

#include <sqlite3.h>

#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kin::testing {

// Thread-compatible.
class BoundedSql {
 public:
  explicit BoundedSql(const std::string& path) {
    EXPECT_EQ(sqlite3_open_v2(path.c_str(), &connection_, SQLITE_OPEN_READWRITE, nullptr),
              SQLITE_OK)
        << path;
    sqlite3_progress_handler(
        connection_, kSteps, [](void*) { return 1; }, nullptr);
  }
  ~BoundedSql() { sqlite3_close(connection_); }
  BoundedSql(const BoundedSql&) = delete;
  BoundedSql& operator=(const BoundedSql&) = delete;

  // All rows, the columns of each joined by '|', NULL as "NULL". None: it takes too long.
  std::optional<std::vector<std::string>> Query(const std::string& sql) {
    std::vector<std::string> rows;
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
        << sql << ": " << sqlite3_errmsg(connection_);
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string& row = rows.emplace_back();
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        if (i > 0) row += '|';
        if (sqlite3_column_type(statement, i) == SQLITE_NULL) {
          row += "NULL";
        } else {
          const void* data = sqlite3_column_blob(statement, i);
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
          row.append(static_cast<const char*>(data), size);
        }
      }
    }
    const int result = sqlite3_finalize(statement);
    if (result == SQLITE_INTERRUPT) return std::nullopt;
    EXPECT_EQ(result, SQLITE_OK) << sql << ": " << sqlite3_errmsg(connection_);
    return rows;
  }

 private:
  // Of SQLite's machine: some tenths of a second.
  static constexpr int kSteps = 10'000'000;

  sqlite3* connection_ = nullptr;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_BOUNDED_SQL_H_
