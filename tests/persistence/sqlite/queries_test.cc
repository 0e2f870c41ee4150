// Random queries of a store, and the same in SQL on the file that it wrote. KIN_SEED repeats a
// failure; KIN_STEPS: how many states of the data are asked.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/store/query/dynamic_query.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/store/query/random_people.h"

namespace kin {
namespace {

using ::kin::testing::Question;
using ::kin::testing::RandomPeople;
using namespace ::query_test;  // NOLINT: all models of the schema.
using Rows = std::vector<std::string>;

constexpr int kQueriesOfEach = 100;

std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  if (given != nullptr && !absl::SimpleAtoi(given, &otherwise)) std::abort();
  return otherwise;
}

// As SQLite gives a value. Halves and quarters have the same digits in both.
template <typename T>
std::string Text(const T& value) {
  return absl::StrCat(value);
}
std::string Text(double value) {
  const std::string digits = absl::StrCat(value);
  return digits.find('.') == std::string::npos ? digits + ".0" : digits;
}
template <typename T>
std::string Text(const std::optional<T>& value) {
  return value.has_value() ? Text(*value) : "NULL";
}

// One state of the data.
class SqlComparer {
 public:
  SqlComparer(const Snapshot& snapshot, testing::RawDatabase* database, RandomPeople* random)
      : snapshot_(snapshot), database_(*database), random_(*random) {}

  void Compare() {
    const Question question = random_.Ask(3);
    if (question.sql.empty()) return;
    ++asked_;
    tree_ = question.tree;
    where_ = absl::StrCat(" FROM people p WHERE ", question.sql);
    SCOPED_TRACE(absl::StrCat(query::ToString(tree_), "\n", where_));
    const auto query = snapshot_.Query<Person>().Where(Filter<Person>(tree_));
    ASSERT_TRUE(query.status().ok()) << query.status();
    ComparePage();
    CompareAggregates(query);
    CompareGroups(query);
    CompareFollowed(query);
  }
  int asked() const { return asked_; }

 private:
  // In a random order of up to three fields, a page of them.
  void ComparePage() {
    auto query = DynamicQuery::Of(snapshot_, *Person::descriptor());
    ASSERT_TRUE(query.ok()) << query.status();
    query->Where(tree_);
    std::string order;
    for (int i = random_.Below(4); i > 0; --i) {
      static constexpr const char* kFields[] = {"age",  "city",  "score", "nick",
                                                "born", "color", "bonus", "weight"};
      const char* field = kFields[random_.Below(8)];
      const bool descending = random_.Below(2) == 0;
      query->OrderBy(*Person::descriptor()->FindFieldByName(field), descending);
      absl::StrAppend(&order, "p.", field, descending ? " DESC, " : ", ");
    }
    const int limit = 1 + random_.Below(20);
    const int offset = random_.Below(3) == 0 ? random_.Below(10) : 0;
    query->Limit(limit).Offset(offset);
    const auto records = query->ToVector();
    ASSERT_TRUE(records.ok()) << records.status();
    Rows ids;
    for (const auto* record : *records) {
      ids.push_back(Text(static_cast<const Person*>(record)->id()));
    }
    const std::string sql = absl::StrCat("SELECT p.id", where_, " ORDER BY ", order, "p.id LIMIT ",
                                         limit, " OFFSET ", offset);
    EXPECT_EQ(ids, database_.Query(sql)) << sql;
  }

  template <typename Query>
  void CompareAggregates(const Query& query) {
    const auto average = query.Average(PersonModel::weight);
    const std::vector<std::string> answers = {
        Text(query.Count()),
        Text(static_cast<int>(query.Exists())),
        Text(query.Sum(PersonModel::age)),
        Text(query.Min(PersonModel::age)),
        Text(query.Max(PersonModel::age)),
        Text(query.Min(PersonModel::nick)),
        Text(query.Max(PersonModel::city)),
        Text(query.Sum(PersonModel::weight)),
        Text(query.Max(PersonModel::weight)),
        Text(query.Sum(PersonModel::bonus)),
        Text(query.Sum(PersonModel::small)),
    };
    EXPECT_EQ(absl::StrJoin(answers, "|"),
              database_.QueryOne(absl::StrCat(
                  "SELECT count(*), count(*) > 0, sum(p.age), min(p.age), max(p.age), min(p.nick), "
                  "max(p.city), sum(p.weight), max(p.weight), sum(p.bonus), sum(p.small)",
                  where_)));
    const std::string text = database_.QueryOne(absl::StrCat("SELECT avg(p.weight)", where_));
    double expected = 0;
    EXPECT_EQ(average.has_value(), absl::SimpleAtod(text, &expected)) << text;
    EXPECT_NEAR(average.value_or(0), expected, 1e-9);
  }

  template <typename Query>
  void CompareGroups(const Query& query) {
    Rows rows;
    const auto by_age = query.GroupBy(PersonModel::age);
    const auto counts = by_age.Count();
    const auto sums = by_age.Sum(PersonModel::weight);
    const auto nicks = by_age.Max(PersonModel::nick);
    ASSERT_EQ(sums.size(), counts.size());
    ASSERT_EQ(nicks.size(), counts.size());
    for (std::size_t i = 0; i < counts.size(); ++i) {
      rows.push_back(absl::StrCat(Text(counts[i].first), "|", counts[i].second, "|",
                                  Text(sums[i].second), "|", Text(nicks[i].second)));
    }
    EXPECT_EQ(rows, database_.Query(absl::StrCat("SELECT p.age, count(*), sum(p.weight), "
                                                 "max(p.nick)",
                                                 where_, " GROUP BY p.age ORDER BY p.age")));
    rows.clear();
    for (const auto& [city, least] : query.GroupBy(PersonModel::city).Min(PersonModel::score)) {
      rows.push_back(absl::StrCat(city, "|", Text(least)));
    }
    EXPECT_EQ(rows, database_.Query(absl::StrCat("SELECT p.city, min(p.score)", where_,
                                                 " GROUP BY p.city ORDER BY p.city")));
  }

  template <typename Query>
  void CompareFollowed(const Query& query) {
    const auto found = [&](const std::string& column, const std::string& join) {
      return database_.Query(absl::StrCat("SELECT DISTINCT ", column, " FROM ", join,
                                          " IN (SELECT ", "p.id", where_, ") ORDER BY 1"));
    };
    Rows rows;
    for (const auto& [id] : query.Follow(PersonModel::pets).Limit(1000).Pluck(PetModel::id)) {
      rows.push_back(Text(id));
    }
    EXPECT_EQ(rows, found("t.id", "pets t WHERE t.owner_id"));
    rows.clear();
    for (const auto& [id] : query.Follow(PersonModel::boss).Limit(1000).Pluck(PersonModel::id)) {
      rows.push_back(Text(id));
    }
    EXPECT_EQ(rows, found("t.boss_id", "people t WHERE t.boss_id IS NOT NULL AND t.id"));
    rows.clear();
    for (const auto& [name] : query.Follow(PersonModel::clubs).Limit(1000).Pluck(ClubModel::name)) {
      rows.push_back(name);
    }
    EXPECT_EQ(rows, found("m.club_name", "memberships m WHERE m.person_id"));
  }

  const Snapshot& snapshot_;
  testing::RawDatabase& database_;
  RandomPeople& random_;
  query::Condition tree_;
  std::string where_;
  int asked_ = 0;
};

class SqliteQueriesTest : public testing::SqliteTest {};

TEST_F(SqliteQueriesTest, AnswerAsSqlDoesOnTheFile) {
  const std::uint64_t seed = Number("KIN_SEED", std::random_device()());
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  const int steps = static_cast<int>(Number("KIN_STEPS", 30));
  auto store = TryOpen(path_, testing::PeopleSchema());
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  RandomPeople random(seed);
  testing::World world;
  int asked = 0;
  for (int step = 0; step < steps && !HasFailure(); ++step) {
    Write([&](Transaction& txn) {
      for (int i = random.Below(step == 0 ? 100 : 20); i >= 0; --i) {
        const absl::Status status = random.Change(txn, &world);
        ASSERT_TRUE(status.ok()) << status;
      }
    });
    Flush();
    testing::RawDatabase database(path_);
    const Snapshot snapshot = store_->GetSnapshot();
    SqlComparer comparer(snapshot, &database, &random);
    for (int i = 0; i < kQueriesOfEach && !HasFailure(); ++i) comparer.Compare();
    asked += comparer.asked();
  }
  RecordProperty("queries", asked);
  EXPECT_GE(asked, steps * kQueriesOfEach / 2) << "most questions can be put in SQL";
  Close();
}

}  // namespace
}  // namespace kin
