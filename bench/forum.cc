#include "kin/bench/forum.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::bench {
namespace {

using ::forum::Article;
using ::forum::Author;
using ::forum::Comment;

void Check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

// Visits 1 to n, n a power of ten, in no order.
template <typename Visit>
void InAnyOrder(std::int64_t n, Visit visit) {
  constexpr std::int64_t kStep = 7'368'787;  // A prime, so it meets all.
  for (std::int64_t i = 0, at = 0; i < n; ++i, at = (at + kStep) % n) visit(at + 1);
}

Author AuthorOf(std::int64_t id) {
  Author author;
  author.set_id(id);
  author.set_email(EmailOf(id));
  return author;
}

Article ArticleOf(std::int64_t id) {
  Article article;
  article.set_id(id);
  article.set_author_id(Scattered(id, kAuthors) + 1);
  return article;
}

Comment CommentOf(std::int64_t id) {
  Comment comment;
  comment.set_id(id);
  comment.set_article_id(Scattered(id, kArticles) + 1);
  comment.set_code(id * 7);
  comment.set_score(Scattered(id + 1, kScores));
  comment.set_likes(Scattered(id + 2, kLikes));
  comment.set_city(static_cast<std::int32_t>(Scattered(id + 3, kCities)));
  return comment;
}

template <typename M, typename Make>
absl::Status InsertAll(Transaction& txn, std::int64_t n, Make make) {
  absl::Status status;
  InAnyOrder(n, [&](std::int64_t id) { status.Update(txn.Insert<M>(make(id)).status()); });
  return status;
}

void Exec(sqlite3* database, const char* sql) {
  Check(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK,
        sqlite3_errmsg(database));
}

void FillDatabase(sqlite3* database) {
  Exec(database,
       "CREATE TABLE authors (id INTEGER PRIMARY KEY, email TEXT NOT NULL);"
       "CREATE TABLE articles (id INTEGER PRIMARY KEY, author_id INTEGER NOT NULL);"
       "CREATE TABLE comments (id INTEGER PRIMARY KEY, article_id INTEGER NOT NULL,"
       " code INTEGER NOT NULL, score INTEGER NOT NULL, likes INTEGER NOT NULL,"
       " city INTEGER NOT NULL);"
       "BEGIN");
  {
    Statement author(database, "INSERT INTO authors VALUES (?1, 'author' || ?1 || '@example.com')");
    for (std::int64_t id = 1; id <= kAuthors; ++id) author.Sum({id});
    Statement article(database, "INSERT INTO articles VALUES (?, ?)");
    for (std::int64_t id = 1; id <= kArticles; ++id) article.Sum({id, ArticleOf(id).author_id()});
    Statement comment(database, "INSERT INTO comments VALUES (?, ?, ?, ?, ?, ?)");
    for (std::int64_t id = 1; id <= kComments; ++id) {
      const Comment c = CommentOf(id);
      comment.Sum({id, c.article_id(), c.code(), c.score(), c.likes(), c.city()});
    }
  }
  Exec(database,
       "COMMIT;"
       "CREATE UNIQUE INDEX by_email ON authors (email);"
       "CREATE INDEX by_author ON articles (author_id);"
       "CREATE INDEX by_article ON comments (article_id);"
       "CREATE UNIQUE INDEX by_code ON comments (code);"
       "CREATE INDEX by_score ON comments (score);"
       "CREATE INDEX by_city ON comments (city);"
       "ANALYZE");
}

}  // namespace

std::int64_t Scattered(std::int64_t i, std::int64_t bound) {
  std::uint64_t x = static_cast<std::uint64_t>(i) * 0x9e3779b97f4a7c15u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  return static_cast<std::int64_t>(x % static_cast<std::uint64_t>(bound));
}

std::string EmailOf(std::int64_t author) { return absl::StrCat("author", author, "@example.com"); }

Statement::Statement(sqlite3* database, const char* sql) {
  Check(sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK,
        sqlite3_errmsg(database));
}

void Statement::Bind(std::initializer_list<std::int64_t> values) {
  sqlite3_reset(statement_);
  int i = 0;
  for (const std::int64_t value : values) sqlite3_bind_int64(statement_, ++i, value);
}

bool Statement::Step() {
  const int code = sqlite3_step(statement_);
  Check(code == SQLITE_ROW || code == SQLITE_DONE, sqlite3_errmsg(sqlite3_db_handle(statement_)));
  return code == SQLITE_ROW;
}

std::int64_t Statement::Sum(std::initializer_list<std::int64_t> values) {
  Bind(values);
  std::int64_t sum = 0;
  while (Step()) sum += Column(0);
  sqlite3_reset(statement_);
  return sum;
}

Forum& Forum::Get() {
  static auto& forum = *new Forum;
  return forum;
}

Forum::Forum() {
  auto opened = Store::Open(Schema::Of<Author, Article, Comment>());
  Check(opened.ok(), opened.status().ToString());
  store = *std::move(opened);
  const absl::Status written = store
                                   ->Write([](Transaction& txn) -> absl::Status {
                                     absl::Status status =
                                         InsertAll<Author>(txn, kAuthors, AuthorOf);
                                     status.Update(InsertAll<Article>(txn, kArticles, ArticleOf));
                                     status.Update(InsertAll<Comment>(txn, kComments, CommentOf));
                                     return status;
                                   })
                                   .status();
  Check(written.ok(), written.ToString());
  snapshot = store->GetSnapshot();
  for (const forum::CommentRef comment : snapshot.All<Comment>()) {
    comments.push_back(comment.get());
    by_score.emplace(std::pair(comment->score(), comment->id()), comment.get());
  }
  Check(sqlite3_open(":memory:", &database) == SQLITE_OK, "SQLite cannot open a database");
  FillDatabase(database);
}

}  // namespace kin::bench
