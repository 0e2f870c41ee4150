#include "kin/bench/posts.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"

namespace kin::bench {

std::vector<PostRow> MakePosts(std::size_t n, Order order) {
  std::mt19937_64 random(n);
  std::vector<PostRow> posts(n);
  for (std::size_t i = 0; i < n; ++i) {
    posts[i].id = order == Order::kAscending ? static_cast<std::int64_t>(i + 1)
                                             : static_cast<std::int64_t>(random() >> 1);
    posts[i].author_id = static_cast<std::int64_t>(1 + random() % kAuthors);
    posts[i].title = NewTitle(posts[i].id, 0);
  }
  return posts;
}

std::string NewTitle(std::int64_t id, int round) {
  return absl::StrCat("title ", absl::Hex(static_cast<std::uint64_t>(id), absl::kZeroPad16), " ",
                      absl::Hex(round % 16));
}

std::uint64_t SumOf(std::int64_t id, std::int64_t author_id, const std::string& title) {
  std::uint64_t sum = static_cast<std::uint64_t>(id) * 31 + static_cast<std::uint64_t>(author_id);
  for (char c : title) sum = sum * 131 + static_cast<unsigned char>(c);
  return sum;
}

std::uint64_t SumOf(const std::vector<PostRow>& posts) {
  std::uint64_t sum = 0;
  for (const PostRow& post : posts) sum += SumOf(post.id, post.author_id, post.title);
  return sum;
}

ScratchDirectory::ScratchDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "kin-bench.XXXXXX").string();
  Check(mkdtemp(name.data()) != nullptr, "no directory for temporary files");
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Schema PostSchema() { return Schema::Of<Author, Post, Pair>(); }

void Check(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

void Check(const absl::Status& status) { Check(status.ok(), status.ToString().c_str()); }

std::unique_ptr<Store> OpenStore(const std::string& path, Flushing flushing) {
  OpenOptions options;
  if (!path.empty() && flushing == Flushing::kAsUsual) {
    options.persistence = Sqlite(path);
  } else if (!path.empty()) {
    persistence::WriteBehindOptions write_behind;
    write_behind.flush_after = absl::InfiniteDuration();
    write_behind.flush_changes = write_behind.flush_bytes = write_behind.max_bytes =
        std::numeric_limits<std::int64_t>::max();
    options.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<persistence::sqlite::SqliteBackend>(path), write_behind);
  }
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(PostSchema(), std::move(options));
  Check(store.status());
  return *std::move(store);
}

void InsertPosts(Store& store, const std::vector<PostRow>& posts) {
  constexpr std::size_t kTransaction = 1000;
  for (std::size_t begin = 0; begin < posts.size(); begin += kTransaction) {
    const std::size_t end = std::min(posts.size(), begin + kTransaction);
    Check(store
              .Write([&](Transaction& txn) -> absl::Status {
                for (std::size_t i = begin; i < end; ++i) {
                  Post post;
                  post.set_id(posts[i].id);
                  post.set_author_id(posts[i].author_id);
                  post.set_title(posts[i].title);
                  absl::Status status = txn.Insert(std::move(post)).status();
                  if (!status.ok()) return status;
                }
                return absl::OkStatus();
              })
              .status());
  }
}

void MakeDatabase(const std::string& path, const std::vector<PostRow>& posts) {
  std::unique_ptr<Store> store = OpenStore(path, Flushing::kWhenTold);
  Check(store
            ->Write([](Transaction& txn) -> absl::Status {
              for (int i = 1; i <= kAuthors; ++i) {
                Author author;
                author.set_id(i);
                absl::Status status = txn.Insert(author).status();
                if (!status.ok()) return status;
              }
              return absl::OkStatus();
            })
            .status());
  InsertPosts(*store, posts);
  Check(store->Close());
}

BareDatabase::BareDatabase(const std::string& path, const char* synchronous) {
  Check(sqlite3_open_v2(path.c_str(), &database_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                        nullptr) == SQLITE_OK,
        "cannot open the database");
  Exec("PRAGMA journal_mode = WAL");
  Exec(absl::StrCat("PRAGMA synchronous = ", synchronous).c_str());
  Exec("PRAGMA foreign_keys = ON");
  Exec("PRAGMA cache_size = -16384");
  Exec("PRAGMA journal_size_limit = 67108864");
  Exec("PRAGMA secure_delete = OFF");
  insert_ = Prepare("INSERT INTO posts (id, author_id, title) VALUES (?, ?, ?)");
  std::string many = "INSERT INTO posts (id, author_id, title) VALUES (?, ?, ?)";
  for (int i = 1; i < 64; ++i) many += ", (?, ?, ?)";
  insert_many_ = Prepare(many);
  update_ = Prepare("UPDATE posts SET title = ? WHERE id = ?");
}

BareDatabase::~BareDatabase() {
  for (sqlite3_stmt* statement : {insert_, insert_many_, update_}) sqlite3_finalize(statement);
  Check(sqlite3_close(database_) == SQLITE_OK, "cannot close the database");
}

void BareDatabase::Exec(const char* sql) {
  Check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql);
}

sqlite3_stmt* BareDatabase::Prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  Check(sqlite3_prepare_v3(database_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement,
                           nullptr) == SQLITE_OK,
        sql.c_str());
  return statement;
}

void BareDatabase::Bind(sqlite3_stmt* statement, int first, const PostRow& post) {
  sqlite3_bind_int64(statement, first, post.id);
  sqlite3_bind_int64(statement, first + 1, post.author_id);
  sqlite3_bind_text(statement, first + 2, post.title.data(), static_cast<int>(post.title.size()),
                    SQLITE_STATIC);
}

void BareDatabase::Run(sqlite3_stmt* statement) {
  Check(sqlite3_step(statement) == SQLITE_DONE, sqlite3_errmsg(database_));
  sqlite3_reset(statement);
}

void BareDatabase::InsertEach(absl::Span<const PostRow> posts) {
  Exec("BEGIN IMMEDIATE");
  for (const PostRow& post : posts) {
    Bind(insert_, 1, post);
    Run(insert_);
  }
  Exec("COMMIT");
}

void BareDatabase::UpdateEach(absl::Span<const PostRow> posts) {
  Exec("BEGIN IMMEDIATE");
  for (const PostRow& post : posts) {
    sqlite3_bind_text(update_, 1, post.title.data(), static_cast<int>(post.title.size()),
                      SQLITE_STATIC);
    sqlite3_bind_int64(update_, 2, post.id);
    Run(update_);
  }
  Exec("COMMIT");
}

void BareDatabase::InsertMany(absl::Span<const PostRow> posts) {
  Exec("BEGIN IMMEDIATE");
  std::size_t i = 0;
  for (; i + 64 <= posts.size(); i += 64) {
    for (int row = 0; row < 64; ++row) Bind(insert_many_, 1 + 3 * row, posts[i + row]);
    Run(insert_many_);
  }
  for (; i < posts.size(); ++i) {
    Bind(insert_, 1, posts[i]);
    Run(insert_);
  }
  Exec("COMMIT");
}

std::uint64_t SumOfDatabase(const std::string& path) {
  BareDatabase database(path, "NORMAL");
  sqlite3_stmt* rows = database.Prepare("SELECT id, author_id, title FROM posts");
  std::uint64_t sum = 0;
  while (sqlite3_step(rows) == SQLITE_ROW) {
    sum += SumOf(sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
                 std::string(reinterpret_cast<const char*>(sqlite3_column_text(rows, 2)),
                             static_cast<std::size_t>(sqlite3_column_bytes(rows, 2))));
  }
  sqlite3_finalize(rows);
  return sum;
}

}  // namespace kin::bench
