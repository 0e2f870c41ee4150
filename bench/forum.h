// The data of query_bench, in a store and in an SQLite database in memory.
#ifndef KIN_BENCH_FORUM_H_
#define KIN_BENCH_FORUM_H_

#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "bench/models/forum.kin.h"
#include "kin/store/store.h"

namespace kin::bench {

inline constexpr std::int64_t kAuthors = 10'000;
inline constexpr std::int64_t kArticles = 100'000;
inline constexpr std::int64_t kComments = 1'000'000;
inline constexpr std::int64_t kCities = 1000;
inline constexpr std::int64_t kScores = 10'000'000;
inline constexpr std::int64_t kLikes = 1000;

// A number below `bound` that has nothing to do with `i`.
std::int64_t Scattered(std::int64_t i, std::int64_t bound);
std::string EmailOf(std::int64_t author);

// A statement with integers for parameters. A failure stops the program: there is nothing to
// measure.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Begins anew, with these parameters.
  void Bind(std::initializer_list<std::int64_t> values);
  // Goes on to the next row; false at the end.
  bool Step();
  std::int64_t Column(int i) { return sqlite3_column_int64(statement_, i); }
  // The sum of the first column over all rows.
  std::int64_t Sum(std::initializer_list<std::int64_t> values);

 private:
  sqlite3_stmt* statement_ = nullptr;
};

// Made when first asked for. Records were inserted in no order of their keys.
struct Forum {
  static Forum& Get();
  Forum();

  std::unique_ptr<Store> store;
  Snapshot snapshot;
  sqlite3* database = nullptr;
  // The comments in the order in which the store visits them, and by score.
  std::vector<const forum::Comment*> comments;
  absl::btree_map<std::pair<std::int64_t, std::int64_t>, const forum::Comment*> by_score;
};

}  // namespace kin::bench

#endif  // KIN_BENCH_FORUM_H_
