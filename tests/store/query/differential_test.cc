// Random queries of random data, compared with a loop over all records of a plain model: on the
// newest and on older snapshots, and inside transactions. Set KIN_SEED to repeat a failure.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/store/query/dynamic_query.h"
#include "kin/tests/store/query/query_fixture.h"

namespace kin {
namespace {

using ::kin::testing::Ids;
using ::kin::testing::IdsOf;
using ::kin::testing::Question;
using ::kin::testing::RandomPeople;
using ::kin::testing::Sorted;
using ::kin::testing::World;
using namespace ::query_test;  // NOLINT: all models of the schema.
using Less = std::function<bool(const Person&, const Person&)>;

std::uint64_t Seed() {
  std::uint64_t seed = std::random_device()();
  const char* given = std::getenv("KIN_SEED");
  if (given != nullptr && !absl::SimpleAtoi(given, &seed)) std::abort();
  return seed;
}

// 0 if there is none.
std::int64_t IdOf(PersonRef person) { return person ? person->id() : 0; }

// -1, 0 or 1; absent first.
template <typename T>
int Order(const std::optional<T>& a, const std::optional<T>& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}
template <typename T>
int Order(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}
std::optional<std::int64_t> Age(const Person& p) {
  return p.has_age() ? std::optional<std::int64_t>(p.age()) : std::nullopt;
}
std::optional<std::string> Nick(const Person& p) {
  return p.has_nick() ? std::optional<std::string>(p.nick()) : std::nullopt;
}

Less By(std::function<int(const Person&, const Person&)> order) {
  return [order](const Person& a, const Person& b) {
    const int result = order(a, b);
    return result != 0 ? result < 0 : a.id() < b.id();
  };
}

// One view of the store and what it has to show.
class Comparer {
 public:
  Comparer(const internal::Reader& reader, const World& world, RandomPeople* random)
      : reader_(reader), world_(world), random_(*random) {}

  void Compare() {
    const Question question = random_.Ask(3);
    SCOPED_TRACE(ToString(question.tree));
    found_.clear();
    for (const auto& [id, person] : world_.people) {
      if (question.judge(world_, person) == true) found_.push_back(&person);
    }
    const auto query = reader_.Query<Person>().Where(Filter<Person>(question.tree));
    ASSERT_TRUE(query.status().ok()) << query.status();
    CompareDynamic(question.tree);
    SCOPED_TRACE(query.Explain().ToString());
    CompareUnordered(query);
    ComparePaged(query, By([](const Person&, const Person&) { return 0; }));
    CompareOrdered(query);
    CompareAggregates(query);
  }

 private:
  template <typename Query>
  void CompareUnordered(const Query& query) {
    const Ids expected = IdsBy(By([](const Person&, const Person&) { return 0; }));
    EXPECT_EQ(Sorted(IdsOf(query)), expected);
    EXPECT_EQ(Sorted(IdsOf(query.ToVector())), expected);
    EXPECT_EQ(query.Count(), static_cast<std::int64_t>(expected.size()));
    EXPECT_EQ(query.Exists(), !expected.empty());
  }

  // By names and descriptors alone.
  void CompareDynamic(const query::Condition& condition) {
    auto query = DynamicQuery::Of(reader_, *Person::descriptor());
    ASSERT_TRUE(query.ok()) << query.status();
    query->Where(condition);
    const auto ids = [](const absl::StatusOr<DynamicQuery::Records>& records) {
      EXPECT_TRUE(records.ok()) << records.status();
      Ids found;
      for (const google::protobuf::Message* record : *records) {
        found.push_back(static_cast<const Person*>(record)->id());
      }
      return found;
    };
    const auto by_key = [](const Person&, const Person&) { return 0; };
    EXPECT_EQ(Sorted(ids(query->ToVector())), IdsBy(By(by_key)));
    EXPECT_EQ(*query->Count(), static_cast<std::int64_t>(found_.size()));
    const auto pets = *query->Follow("pets")->ToVector();
    Ids owned;
    for (const auto& [id, pet] : world_.pets) {
      const auto owns = [&](const Person* person) { return person->id() == pet.owner_id(); };
      if (std::any_of(found_.begin(), found_.end(), owns)) owned.push_back(id);
    }
    Ids followed;
    for (const google::protobuf::Message* pet : pets) {
      followed.push_back(static_cast<const Pet*>(pet)->id());
    }
    EXPECT_EQ(Sorted(followed), owned);
    const auto found = reader_.Query<Person>().Where(Filter<Person>(condition));
    EXPECT_EQ(Sorted(IdsOf(found.Follow(PersonModel::pets))), owned);
    Ids expected =
        IdsBy(By([](const Person& a, const Person& b) { return Order(Age(b), Age(a)); }));
    if (expected.size() > 4) expected.resize(4);
    if (!expected.empty()) expected.erase(expected.begin());
    query->OrderBy(*Person::descriptor()->FindFieldByName("age"), true).Offset(1).Limit(3);
    EXPECT_EQ(ids(query->ToVector()), expected);
  }

  template <typename Query>
  void CompareOrdered(const Query& query) {
    switch (random_.Below(9)) {
      case 0:
        return ComparePaged(
            query.OrderBy(PersonModel::age),
            By([](const Person& a, const Person& b) { return Order(Age(a), Age(b)); }));
      case 1:
        return ComparePaged(
            query.OrderBy(Descending(PersonModel::age)),
            By([](const Person& a, const Person& b) { return Order(Age(b), Age(a)); }));
      case 2:
        return ComparePaged(query.OrderBy(PersonModel::city, PersonModel::score),
                            By([](const Person& a, const Person& b) {
                              const int order = Order(a.city(), b.city());
                              return order != 0 ? order : Order(a.score(), b.score());
                            }));
      case 3:
        return ComparePaged(
            query.OrderBy(Descending(PersonModel::city), Descending(PersonModel::score)),
            By([](const Person& a, const Person& b) {
              const int order = Order(b.city(), a.city());
              return order != 0 ? order : Order(b.score(), a.score());
            }));
      case 4:
        return ComparePaged(
            query.OrderBy(PersonModel::score),
            By([](const Person& a, const Person& b) { return Order(a.score(), b.score()); }));
      case 5:
        return ComparePaged(query.OrderBy(Descending(PersonModel::nick), PersonModel::weight),
                            By([](const Person& a, const Person& b) {
                              const int order = Order(Nick(b), Nick(a));
                              return order != 0 ? order : Order(a.weight(), b.weight());
                            }));
      case 6:
        return ComparePaged(
            query.OrderBy(PersonModel::city),
            By([](const Person& a, const Person& b) { return Order(a.city(), b.city()); }));
      case 7:
        return ComparePaged(
            query.OrderBy(Descending(PersonModel::city)),
            By([](const Person& a, const Person& b) { return Order(b.city(), a.city()); }));
      default:
        return ComparePaged(
            query.OrderBy(Descending(PersonModel::weight)),
            By([](const Person& a, const Person& b) { return Order(b.weight(), a.weight()); }));
    }
  }

  template <typename Query>
  void ComparePaged(const Query& query, const Less& less) {
    SCOPED_TRACE(query.Limit(3).Explain().ToString());
    const Ids all = IdsBy(less);
    if (all.empty()) {
      EXPECT_FALSE(query.First());
      EXPECT_FALSE(query.Last());
    } else {
      EXPECT_EQ(IdOf(query.First()), all.front());
      EXPECT_EQ(IdOf(query.Last()), all.back());
    }
    const int offset = random_.Below(4);
    const int limit = random_.Below(8);
    Ids page;
    for (int i = offset; i < offset + limit && i < static_cast<int>(all.size()); ++i) {
      page.push_back(all[i]);
    }
    const auto paged = query.Offset(offset).Limit(limit);
    EXPECT_EQ(IdsOf(paged.ToVector()), page) << offset << " " << limit;
    EXPECT_EQ(paged.Count(), static_cast<std::int64_t>(page.size()));
    EXPECT_EQ(paged.Exists(), !page.empty());
    EXPECT_EQ(IdsOf(query.Limit(1000).ToVector()), all);
    CompareAfter(query, less, limit);
  }

  template <typename Query>
  void CompareAfter(const Query& query, const Less& less, int limit) {
    if (world_.people.empty()) return;
    auto from = world_.people.begin();
    std::advance(from, random_.Below(static_cast<int>(world_.people.size())));
    Ids rest;
    for (const std::int64_t id : IdsBy(less)) {
      if (less(from->second, world_.people.at(id))) rest.push_back(id);
    }
    const auto after = query.After(reader_.Find<Person>(from->first));
    EXPECT_EQ(after.Count(), static_cast<std::int64_t>(rest.size()));
    if (!rest.empty()) {
      EXPECT_EQ(IdOf(after.Last()), rest.back()) << "after " << from->first;
    }
    if (static_cast<int>(rest.size()) > limit) rest.resize(static_cast<std::size_t>(limit));
    EXPECT_EQ(IdsOf(after.Limit(limit).ToVector()), rest) << "after " << from->first;
  }

  template <typename Query>
  void CompareAggregates(const Query& query) {
    std::optional<std::int64_t> sum;
    std::optional<std::int64_t> youngest;
    std::optional<std::int64_t> oldest;
    std::map<std::optional<std::int64_t>, std::pair<std::int64_t, double>> groups;
    double weight = 0;
    for (const Person* person : found_) {
      weight += person->weight();
      groups[Age(*person)].first += 1;
      groups[Age(*person)].second += person->weight();
      if (!person->has_age()) continue;
      sum = sum.value_or(0) + person->age();
      youngest = std::min(youngest.value_or(person->age()), person->age());
      oldest = std::max(oldest.value_or(person->age()), person->age());
    }
    EXPECT_EQ(query.Sum(PersonModel::age), sum);
    EXPECT_EQ(query.Min(PersonModel::age), youngest);
    EXPECT_EQ(query.Max(PersonModel::age), oldest);
    EXPECT_EQ(
        query.Average(PersonModel::weight),
        found_.empty() ? std::nullopt : std::optional(weight / static_cast<double>(found_.size())));
    const auto counted = query.GroupBy(PersonModel::age).Count();
    const auto weighed = query.GroupBy(PersonModel::age).Sum(PersonModel::weight);
    ASSERT_EQ(counted.size(), groups.size());
    std::size_t i = 0;
    for (const auto& [age, group] : groups) {
      EXPECT_EQ(counted[i], std::pair(age, group.first));
      EXPECT_EQ(weighed[i], std::pair(age, std::optional(group.second)));
      ++i;
    }
  }

  Ids IdsBy(const Less& less) const {
    std::vector<const Person*> sorted = found_;
    std::sort(sorted.begin(), sorted.end(),
              [&](const Person* a, const Person* b) { return less(*a, *b); });
    Ids ids;
    for (const Person* person : sorted) ids.push_back(person->id());
    return ids;
  }

  const internal::Reader& reader_;
  const World& world_;
  RandomPeople& random_;
  std::vector<const Person*> found_;
};

TEST(QueryDifferentialTest, AnswersAsALoopOverAllRecordsDoes) {
  const std::uint64_t seed = Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  const int steps = std::getenv("KIN_STEPS") != nullptr ? std::atoi(std::getenv("KIN_STEPS")) : 60;
  RandomPeople random(seed);
  auto store = Store::Open(testing::PeopleSchema());
  ASSERT_TRUE(store.ok()) << store.status();
  World world;
  std::deque<std::pair<Snapshot, World>> snapshots;
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    const bool committed = random.Below(5) != 0;
    World changed = world;
    const auto commit = (*store)->Write([&](Transaction& txn) -> absl::Status {
      for (int i = random.Below(20); i >= 0; --i) {
        if (absl::Status status = random.Change(txn, &changed); !status.ok()) return status;
      }
      for (int i = 0; i < 4; ++i) Comparer(txn, changed, &random).Compare();
      return committed ? absl::OkStatus() : absl::CancelledError("on purpose");
    });
    ASSERT_EQ(commit.ok(), committed) << commit.status();
    if (committed) world = std::move(changed);
    snapshots.emplace_back((*store)->GetSnapshot(), world);
    if (snapshots.size() > 5) snapshots.erase(snapshots.begin() + random.Below(5));
    for (int i = 0; i < 8; ++i) {
      const auto& [snapshot, then] = snapshots[random.Below(static_cast<int>(snapshots.size()))];
      Comparer(snapshot, then, &random).Compare();
    }
  }
  snapshots.clear();
  EXPECT_TRUE((*store)->CheckInvariants().ok());
}

}  // namespace
}  // namespace kin
