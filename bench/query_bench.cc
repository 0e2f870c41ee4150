// Queries beside what a program would write by hand, and beside SQLite in memory with indexes and
// prepared statements. 1,000,000 comments on 100,000 articles of 10,000 authors.
//
//   ./bazelw run --config=bench //bench:query_bench
//
// Each contender is asked the same, with arguments that differ each time, and the answers of a
// fixed set of arguments are compared before anything is measured.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "benchmark/benchmark.h"
#include "kin/bench/forum.h"

namespace kin::bench {
namespace {

using ::forum::Article;
using ::forum::ArticleModel;
using ::forum::Author;
using ::forum::AuthorModel;
using ::forum::AuthorRef;
using ::forum::Comment;
using ::forum::CommentModel;
using ::forum::CommentRef;

// Asks with the number of the call; the answer is a checksum.
using Ask = std::function<std::int64_t(std::int64_t)>;

// `name`: "What/who". The first contender of a What is the yardstick of the others' answers.
void Register(const std::string& name, benchmark::TimeUnit unit, std::int64_t checks, Ask ask,
              Ask yardstick) {
  benchmark::RegisterBenchmark(("BM_" + name).c_str(), [=](benchmark::State& state) {
    for (std::int64_t i = 0; i < checks; ++i) {
      if (ask(i) != yardstick(i)) {
        state.SkipWithError("it gives another answer than its yardstick");
        return;
      }
    }
    std::int64_t i = 0;
    for (auto _ : state) benchmark::DoNotOptimize(ask(i++));
  })->Unit(unit);
}

// Asks with a prepared statement, the first column of whose rows is added up.
template <typename Arguments>
Ask BySqlite(const char* sql, Arguments arguments) {
  auto statement = std::make_shared<Statement>(Forum::Get().database, sql);
  return [=](std::int64_t i) {
    const auto [a, b] = arguments(i);
    return statement->Sum({a, b});
  };
}

std::int64_t CommentAt(std::int64_t i) { return Scattered(i * 31 + 5, kComments) + 1; }
std::int64_t AuthorAt(std::int64_t i) { return Scattered(i * 17 + 3, kAuthors) + 1; }
std::int64_t ScoreAt(std::int64_t i) { return Scattered(i * 13 + 1, kScores - 1000); }

// A range of this many scores has a hundred comments, on average.
constexpr std::int64_t kHundred = kScores / kComments * 100;

void RegisterScan() {
  Forum& forum = Forum::Get();
  const auto least = [](std::int64_t i) { return 990 - i % 3; };
  const Ask by_hand = [&forum, least](std::int64_t i) {
    std::int64_t sum = 0;
    for (const Comment* comment : forum.comments) {
      if (comment->likes() >= least(i)) sum += comment->score();
    }
    return sum;
  };
  const Ask by_all = [&forum, least](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment : forum.snapshot.All<Comment>()) {
      if (comment->likes() >= least(i)) sum += comment->score();
    }
    return sum;
  };
  const Ask by_kin = [&forum, least](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment :
         forum.snapshot.Query<Comment>().Where(CommentModel::likes >= least(i))) {
      sum += comment->score();
    }
    return sum;
  };
  const Ask by_sqlite = BySqlite(
      "SELECT score FROM comments WHERE likes >= ?1 AND ?2 = 0",
      [least](std::int64_t i) { return std::pair<std::int64_t, std::int64_t>(least(i), 0); });
  Register("Scan/hand", benchmark::kMillisecond, 1, by_hand, by_hand);
  Register("Scan/hand_over_all", benchmark::kMillisecond, 1, by_all, by_hand);
  Register("Scan/kin", benchmark::kMillisecond, 3, by_kin, by_hand);
  Register("Scan/sqlite", benchmark::kMillisecond, 3, by_sqlite, by_hand);
}

void RegisterEquality() {
  Forum& forum = Forum::Get();
  const Ask find = [&forum](std::int64_t i) {
    return forum.snapshot.Find<Comment>(CommentAt(i))->score();
  };
  const Ask by_key = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Comment>().Where(CommentModel::id == CommentAt(i)).First()->score();
  };
  const Ask find_by = [&forum](std::int64_t i) {
    return forum.snapshot.FindBy(CommentModel::code, CommentAt(i) * 7)->score();
  };
  const Ask by_code = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Comment>()
        .Where(CommentModel::code == CommentAt(i) * 7)
        .First()
        ->score();
  };
  const Ask find_by_email = [&forum](std::int64_t i) {
    return forum.snapshot.FindBy(AuthorModel::email, EmailOf(AuthorAt(i)))->id();
  };
  const Ask by_email = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Author>()
        .Where(AuthorModel::email == EmailOf(AuthorAt(i)))
        .First()
        ->id();
  };
  Register("EqualityByKey/find", benchmark::kNanosecond, 1, find, find);
  Register("EqualityByKey/kin", benchmark::kNanosecond, 1000, by_key, find);
  Register("EqualityByIndex/find", benchmark::kNanosecond, 1, find_by, find_by);
  Register("EqualityByIndex/kin", benchmark::kNanosecond, 1000, by_code, find_by);
  Register("EqualityByIndex/sqlite", benchmark::kNanosecond, 1000,
           BySqlite("SELECT score FROM comments WHERE code = ?1 AND ?2 = 0",
                    [](std::int64_t i) {
                      return std::pair<std::int64_t, std::int64_t>(CommentAt(i) * 7, 0);
                    }),
           find_by);
  Register("EqualityByText/find", benchmark::kNanosecond, 1, find_by_email, find_by_email);
  Register("EqualityByText/kin", benchmark::kNanosecond, 1000, by_email, find_by_email);
}

void RegisterRange() {
  Forum& forum = Forum::Get();
  const Ask by_btree = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    const std::int64_t end = ScoreAt(i) + kHundred;
    for (auto it = forum.by_score.lower_bound({ScoreAt(i), 0});
         it != forum.by_score.end() && it->first.first < end; ++it) {
      sum += it->second->likes();
    }
    return sum;
  };
  const Ask by_kin = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment : forum.snapshot.Query<Comment>().Where(
             CommentModel::score >= ScoreAt(i) && CommentModel::score < ScoreAt(i) + kHundred)) {
      sum += comment->likes();
    }
    return sum;
  };
  Register("Range100/btree_map", benchmark::kNanosecond, 1, by_btree, by_btree);
  Register("Range100/kin", benchmark::kNanosecond, 1000, by_kin, by_btree);
  Register("Range100/sqlite", benchmark::kNanosecond, 1000,
           BySqlite("SELECT likes FROM comments WHERE score >= ?1 AND score < ?2",
                    [](std::int64_t i) { return std::pair(ScoreAt(i), ScoreAt(i) + kHundred); }),
           by_btree);
}

void RegisterHops() {
  Forum& forum = Forum::Get();
  const Ask by_hand = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    for (const auto article : forum.snapshot.Find<Author>(AuthorAt(i)).articles()) {
      for (const CommentRef comment : article.comments()) {
        if (comment->likes() >= 500) sum += comment->score();
      }
    }
    return sum;
  };
  const Ask by_kin = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment : forum.snapshot.Query<Author>()
                                        .Where(AuthorModel::id == AuthorAt(i))
                                        .Follow(AuthorModel::articles)
                                        .Follow(ArticleModel::comments)
                                        .Where(CommentModel::likes >= 500)) {
      sum += comment->score();
    }
    return sum;
  };
  Register("TwoHops/hand", benchmark::kNanosecond, 1, by_hand, by_hand);
  Register("TwoHops/kin", benchmark::kNanosecond, 1000, by_kin, by_hand);
  Register("TwoHops/sqlite", benchmark::kNanosecond, 1000,
           BySqlite("SELECT c.score FROM articles a JOIN comments c ON c.article_id = a.id"
                    " WHERE a.author_id = ?1 AND c.likes >= ?2",
                    [](std::int64_t i) {
                      return std::pair<std::int64_t, std::int64_t>(AuthorAt(i), 500);
                    }),
           by_hand);
  // The other way: comments on articles of an author.
  const Ask joined = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Comment>()
        .Where(CommentModel::article.Has(ArticleModel::author_id == AuthorAt(i)))
        .Sum(CommentModel::score)
        .value_or(0);
  };
  const Ask joined_by_sqlite = BySqlite(
      "SELECT score FROM comments WHERE article_id IN"
      " (SELECT id FROM articles WHERE author_id = ?1 AND ?2 = 0)",
      [](std::int64_t i) { return std::pair<std::int64_t, std::int64_t>(AuthorAt(i), 0); });
  Register("Join/sqlite", benchmark::kNanosecond, 1, joined_by_sqlite, joined_by_sqlite);
  Register("Join/kin", benchmark::kNanosecond, 1000, joined, joined_by_sqlite);
}

void RegisterTop() {
  Forum& forum = Forum::Get();
  const auto arguments = [](std::int64_t i) {
    return std::pair<std::int64_t, std::int64_t>(i % 3, 10);
  };
  const Ask scanned = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment : forum.snapshot.Query<Comment>()
                                        .Where(CommentModel::likes >= i % 3)
                                        .OrderBy(Descending(CommentModel::likes))
                                        .Limit(10)) {
      sum += comment->id();
    }
    return sum;
  };
  const Ask scanned_by_sqlite = BySqlite(
      "SELECT id FROM comments WHERE likes >= ?1 ORDER BY likes DESC, id LIMIT ?2", arguments);
  Register("Top10/sqlite", benchmark::kMillisecond, 1, scanned_by_sqlite, scanned_by_sqlite);
  Register("Top10/kin", benchmark::kMillisecond, 2, scanned, scanned_by_sqlite);
  const auto by_index = [](std::int64_t i) {
    return std::pair<std::int64_t, std::int64_t>(ScoreAt(i), 10);
  };
  const Ask indexed = [&forum](std::int64_t i) {
    std::int64_t sum = 0;
    for (const CommentRef comment : forum.snapshot.Query<Comment>()
                                        .Where(CommentModel::score >= ScoreAt(i))
                                        .OrderBy(CommentModel::score)
                                        .Limit(10)) {
      sum += comment->id();
    }
    return sum;
  };
  const Ask indexed_by_sqlite =
      BySqlite("SELECT id FROM comments WHERE score >= ?1 ORDER BY score, id LIMIT ?2", by_index);
  Register("Top10ByIndex/sqlite", benchmark::kNanosecond, 1, indexed_by_sqlite, indexed_by_sqlite);
  Register("Top10ByIndex/kin", benchmark::kNanosecond, 1000, indexed, indexed_by_sqlite);
}

void RegisterAggregates() {
  Forum& forum = Forum::Get();
  const auto arguments = [](std::int64_t i) {
    return std::pair<std::int64_t, std::int64_t>(Scattered(i, kCities), 0);
  };
  const Ask sum = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Comment>()
        .Where(CommentModel::city == Scattered(i, kCities))
        .Sum(CommentModel::likes)
        .value_or(0);
  };
  const Ask sum_by_sqlite =
      BySqlite("SELECT sum(likes) FROM comments WHERE city = ?1 AND ?2 = 0", arguments);
  Register("SumOf1000/sqlite", benchmark::kMicrosecond, 1, sum_by_sqlite, sum_by_sqlite);
  Register("SumOf1000/kin", benchmark::kMicrosecond, 100, sum, sum_by_sqlite);
  const Ask count = [&forum](std::int64_t i) {
    return forum.snapshot.Query<Comment>()
        .Where(CommentModel::city == Scattered(i, kCities))
        .Count();
  };
  const Ask count_by_sqlite =
      BySqlite("SELECT count(*) FROM comments WHERE city = ?1 AND ?2 = 0", arguments);
  Register("CountOf1000/sqlite", benchmark::kNanosecond, 1, count_by_sqlite, count_by_sqlite);
  Register("CountOf1000/kin", benchmark::kNanosecond, 100, count, count_by_sqlite);
  const Ask groups = [&forum](std::int64_t /*i*/) {
    std::int64_t checksum = 0;
    for (const auto& [city, total] :
         forum.snapshot.Query<Comment>().GroupBy(CommentModel::city).Sum(CommentModel::likes)) {
      checksum += city * *total;
    }
    return checksum;
  };
  const Ask groups_by_sqlite =
      BySqlite("SELECT city * sum(likes) FROM comments WHERE ?1 = ?2 GROUP BY city",
               [](std::int64_t) { return std::pair<std::int64_t, std::int64_t>(0, 0); });
  Register("GroupBy/sqlite", benchmark::kMillisecond, 1, groups_by_sqlite, groups_by_sqlite);
  Register("GroupBy/kin", benchmark::kMillisecond, 1, groups, groups_by_sqlite);
}

}  // namespace
}  // namespace kin::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  kin::bench::RegisterScan();
  kin::bench::RegisterEquality();
  kin::bench::RegisterRange();
  kin::bench::RegisterHops();
  kin::bench::RegisterTop();
  kin::bench::RegisterAggregates();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
