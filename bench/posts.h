// The records that the benchmarks of persistence write and read, and both contenders for it: a
// store, and a program on SQLite's C API that does the same work by hand.
#ifndef KIN_BENCH_POSTS_H_
#define KIN_BENCH_POSTS_H_

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "bench/models/post.kin.h"
#include "kin/store/store.h"

namespace kin::bench {

inline constexpr int kAuthors = 1000;

struct PostRow {
  std::int64_t id;
  std::int64_t author_id;
  std::string title;
};

enum class Order { kAscending, kRandom };

// `n` posts of the authors 1 to kAuthors, in the order in which they are written: with ids 1 to n
// in that order, or ids anywhere in any order.
std::vector<PostRow> MakePosts(std::size_t n, Order order);
// Another title of the same length.
std::string NewTitle(std::int64_t id, int round);
// What the titles and authors of posts add up to, in any order.
std::uint64_t SumOf(std::int64_t id, std::int64_t author_id, const std::string& title);
std::uint64_t SumOf(const std::vector<PostRow>& posts);

// A directory that goes with it.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

Schema PostSchema();

// Stops the program with a message: a benchmark whose preparation fails has nothing to measure.
void Check(bool ok, const char* what);
void Check(const absl::Status& status);

// A store over `path` that writes when it is told to, and then all in one transaction; or as it
// does by default. An empty path: memory only.
enum class Flushing { kWhenTold, kAsUsual };
std::unique_ptr<Store> OpenStore(const std::string& path, Flushing flushing);
void InsertPosts(Store& store, const std::vector<PostRow>& posts);
// A database with Kin's tables, kAuthors authors, and `posts`.
void MakeDatabase(const std::string& path, const std::vector<PostRow>& posts);

// SQLite by hand, with the pragmas of Kin's connection.
class BareDatabase {
 public:
  // `synchronous`: "NORMAL" or "FULL".
  BareDatabase(const std::string& path, const char* synchronous);
  ~BareDatabase();
  BareDatabase(const BareDatabase&) = delete;
  BareDatabase& operator=(const BareDatabase&) = delete;

  void Exec(const char* sql);
  sqlite3_stmt* Prepare(const std::string& sql);
  // One row each, in one transaction.
  void InsertEach(absl::Span<const PostRow> posts);
  void UpdateEach(absl::Span<const PostRow> posts);
  // 64 rows a statement.
  void InsertMany(absl::Span<const PostRow> posts);
  sqlite3* get() const { return database_; }

 private:
  void Bind(sqlite3_stmt* statement, int first, const PostRow& post);
  void Run(sqlite3_stmt* statement);

  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  sqlite3_stmt* insert_many_ = nullptr;
  sqlite3_stmt* update_ = nullptr;
};

// What a database's posts add up to.
std::uint64_t SumOfDatabase(const std::string& path);

}  // namespace kin::bench

#endif  // KIN_BENCH_POSTS_H_
