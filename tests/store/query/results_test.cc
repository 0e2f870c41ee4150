// What queries answer beside references: numbers, groups, values, and what is associated.
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using MaybeInt = std::optional<std::int64_t>;

constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

class ResultsTest : public QueryTest {
 protected:
  // People with these ages, from 1 on; 0: none.
  void AddAges(std::initializer_list<std::int64_t> ages) {
    std::int64_t id = 0;
    for (const std::int64_t age : ages) {
      AddPerson(++id, [&](Person& person) {
        if (age != 0) person.set_age(age);
        person.set_city(age > 4 ? "old" : "young");
        person.set_weight(static_cast<double>(id) / 2);
      });
    }
  }
  template <typename F>
  static absl::StatusCode CodeOf(const absl::StatusOr<F>& answer) {
    return answer.status().code();
  }
};

TEST_F(ResultsTest, CountAndExists) {
  AddAges({3, 0, 5});
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>();
  static_assert(std::is_same_v<decltype(query.Count()), std::int64_t>);
  EXPECT_EQ(query.Count(), 3);
  EXPECT_TRUE(query.Exists());
  EXPECT_EQ(query.Where(PersonModel::age > 3).Count(), 1);
  EXPECT_FALSE(query.Where(PersonModel::age > 5).Exists());
  EXPECT_EQ(query.Where(PersonModel::email == "p1").Count(), 1);
  EXPECT_FALSE(query.Where(PersonModel::email == "p9").Exists());
  EXPECT_FALSE(query.Where(PersonModel::email == "p1" && PersonModel::age == 5).Exists());
  EXPECT_TRUE(query.Where(PersonModel::id == 3 && PersonModel::age == 5).Exists());
  EXPECT_FALSE(query.Where(PersonModel::id == kLargest).Exists());
  EXPECT_FALSE(query.Where(PersonModel::email == "p1").Offset(1).First());
}

TEST_F(ResultsTest, AggregatesAreOfThoseThatHaveAValue) {
  AddAges({3, 0, 5, 0});
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>();
  EXPECT_EQ(query.Sum(PersonModel::age), 8);
  EXPECT_EQ(query.Average(PersonModel::age), 4.0);
  EXPECT_EQ(query.Min(PersonModel::age), 3);
  EXPECT_EQ(query.Max(PersonModel::age), 5);
  EXPECT_EQ(query.Where(PersonModel::city == "young").Max(PersonModel::age), 3);
  EXPECT_EQ(query.Sum(PersonModel::weight), 5.0);
  EXPECT_EQ(query.Max(PersonModel::email), "p4");
  static_assert(std::is_same_v<decltype(query.Sum(PersonModel::score)), MaybeInt>);
  static_assert(
      std::is_same_v<decltype(query.Sum(PersonModel::small)), std::optional<std::uint64_t>>);
  static_assert(std::is_same_v<decltype(query.Sum(PersonModel::ratio)), std::optional<double>>);
}

TEST_F(ResultsTest, AggregatesOfNothingAreEmpty) {
  AddAges({0, 0});
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>();
  EXPECT_EQ(query.Sum(PersonModel::age), std::nullopt);
  EXPECT_EQ(query.Average(PersonModel::age), std::nullopt);
  EXPECT_EQ(query.Min(PersonModel::age), std::nullopt);
  EXPECT_EQ(query.Max(PersonModel::age), std::nullopt);
  EXPECT_EQ(query.Where(PersonModel::id > 2).Sum(PersonModel::weight), std::nullopt);
  EXPECT_EQ(query.Where(PersonModel::id > 2).Max(PersonModel::city), std::nullopt);
  EXPECT_THAT(query.Where(PersonModel::id > 2).GroupBy(PersonModel::city).Count(), IsEmpty());
}

TEST_F(ResultsTest, ASumBeyond64BitsIsEmptyAndAnErrorInAQueryWithBounds) {
  AddAges({kHighest, 1, -5});
  AddPerson(4, [](Person& person) { person.set_big(kLargest); });
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>();
  EXPECT_EQ(query.Sum(PersonModel::age), kHighest - 4) << "what is in between may be beyond";
  EXPECT_EQ(query.Where(PersonModel::age > 0).Sum(PersonModel::age), std::nullopt);
  EXPECT_EQ(query.Where(PersonModel::age > 0).Average(PersonModel::age),
            static_cast<double>(kHighest) / 2);
  const auto bounded = query.Where(PersonModel::age > 0).With({}).Sum(PersonModel::age);
  EXPECT_EQ(CodeOf(bounded), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(bounded.status().message()),
              ::testing::HasSubstr("query_test.Person.age"));
  EXPECT_EQ(query.Sum(PersonModel::big), kLargest);
  const auto groups =
      query.Where(PersonModel::age > 0).With({}).GroupBy(PersonModel::active).Sum(PersonModel::age);
  EXPECT_EQ(CodeOf(groups), absl::StatusCode::kOutOfRange);
}

TEST_F(ResultsTest, ExtremesOfEachType) {
  AddPerson(1, [](Person& person) {
    person.set_weight(std::nan(""));
    person.mutable_born()->set_seconds(9);
    person.mutable_bonus()->set_value(-2);
    person.set_color(COLOR_BELOW);
    person.set_active(true);
  });
  AddPerson(2, [](Person& person) {
    person.set_weight(-1);
    person.mutable_born()->set_seconds(5);
  });
  AddPerson(3);
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>();
  EXPECT_EQ(query.Min(PersonModel::weight), -1.0);
  EXPECT_TRUE(std::isnan(*query.Max(PersonModel::weight)));
  EXPECT_TRUE(std::isnan(*query.Where(PersonModel::id != 2).Max(PersonModel::weight)));
  EXPECT_EQ(query.Min(PersonModel::born)->seconds(), 5);
  EXPECT_EQ(query.Max(PersonModel::born)->seconds(), 9);
  EXPECT_EQ(query.Max(PersonModel::bonus), -2) << "of those that have one";
  EXPECT_EQ(query.Min(PersonModel::color), COLOR_BELOW);
  EXPECT_EQ(query.Max(PersonModel::active), true);
}

TEST_F(ResultsTest, GroupsComeInTheOrderOfTheirValuesAbsentFirst) {
  AddAges({3, 0, 5, 3, 0});
  const Snapshot snapshot = store_->GetSnapshot();
  const auto groups = snapshot.Query<Person>().GroupBy(PersonModel::age);
  EXPECT_THAT(groups.Count(),
              ElementsAre(Pair(std::nullopt, 2), Pair(MaybeInt(3), 2), Pair(MaybeInt(5), 1)));
  EXPECT_THAT(groups.Sum(PersonModel::id),
              ElementsAre(Pair(std::nullopt, 7), Pair(MaybeInt(3), 5), Pair(MaybeInt(5), 3)));
  EXPECT_THAT(
      groups.Average(PersonModel::weight),
      ElementsAre(Pair(std::nullopt, 1.75), Pair(MaybeInt(3), 1.25), Pair(MaybeInt(5), 1.5)));
  EXPECT_THAT(groups.Min(PersonModel::age),
              ElementsAre(Pair(std::nullopt, std::nullopt), Pair(MaybeInt(3), MaybeInt(3)),
                          Pair(MaybeInt(5), MaybeInt(5))));
  EXPECT_THAT(
      groups.Max(PersonModel::email),
      ElementsAre(Pair(std::nullopt, "p5"), Pair(MaybeInt(3), "p4"), Pair(MaybeInt(5), "p3")));
  const auto cities = snapshot.Query<Person>()
                          .Where(PersonModel::id < 5)
                          .GroupBy(PersonModel::city)
                          .Sum(PersonModel::age);
  EXPECT_THAT(cities, ElementsAre(Pair("old", MaybeInt(5)), Pair("young", MaybeInt(6))));
}

TEST_F(ResultsTest, GroupsByTimesWrappersNaNAndZeros) {
  AddPerson(1, [](Person& person) {
    person.set_weight(-0.0);
    person.mutable_born()->set_seconds(1);
  });
  AddPerson(2, [](Person& person) {
    person.set_weight(std::nan(""));
    person.mutable_bonus()->set_value(0);
    person.mutable_born()->set_seconds(-1);
  });
  AddPerson(3, [](Person& person) { person.set_weight(-std::nan("")); });
  AddPerson(4);
  const Snapshot snapshot = store_->GetSnapshot();
  const auto weights = snapshot.Query<Person>().GroupBy(PersonModel::weight).Count();
  ASSERT_EQ(weights.size(), 2u);
  EXPECT_EQ(weights[0], std::pair(0.0, std::int64_t{2})) << "both zeros";
  EXPECT_TRUE(std::isnan(weights[1].first));
  EXPECT_EQ(weights[1].second, 2) << "all NaNs";
  EXPECT_THAT(snapshot.Query<Person>().GroupBy(PersonModel::bonus).Count(),
              ElementsAre(Pair(std::nullopt, 3), Pair(MaybeInt(0), 1)));
  const auto born = snapshot.Query<Person>().GroupBy(PersonModel::born).Count();
  ASSERT_EQ(born.size(), 3u);
  EXPECT_EQ(born[0].first, std::nullopt);
  EXPECT_EQ(born[1].first->seconds(), -1);
}

TEST_F(ResultsTest, PluckGivesValuesThatOutliveTheStore) {
  AddPerson(1, [](Person& person) {
    person.set_age(4);
    person.add_tags("a");
    person.add_tags("b");
    person.mutable_bonus()->set_value(7);
    person.mutable_home()->set_city("Oslo");
  });
  AddPerson(2);
  const auto rows = [&] {
    const Snapshot snapshot = store_->GetSnapshot();
    return snapshot.Query<Person>()
        .OrderBy(Descending(PersonModel::id))
        .Pluck(PersonModel::email, PersonModel::age, PersonModel::tags, PersonModel::bonus,
               PersonModel::home, PersonModel::color);
  }();
  store_.reset();
  static_assert(std::is_same_v<std::decay_t<decltype(rows[0])>,
                               std::tuple<std::string, MaybeInt, std::vector<std::string>, MaybeInt,
                                          std::optional<Address>, Color>>);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(std::get<0>(rows[0]), "p2");
  EXPECT_EQ(std::get<1>(rows[0]), std::nullopt);
  EXPECT_THAT(std::get<2>(rows[0]), IsEmpty());
  EXPECT_EQ(std::get<3>(rows[0]), std::nullopt);
  EXPECT_EQ(std::get<1>(rows[1]), 4);
  EXPECT_THAT(std::get<2>(rows[1]), ElementsAre("a", "b"));
  EXPECT_EQ(std::get<3>(rows[1]), 7);
  EXPECT_EQ(std::get<4>(rows[1])->city(), "Oslo");
}

// 1 is the boss of 2 and 3, 4 has none; pets 10 and 11 are of 2, 12 of 3, 13 of nobody.
class FollowTest : public ResultsTest {
 protected:
  FollowTest() {
    for (std::int64_t id = 1; id <= 4; ++id) {
      AddPerson(id, [&](Person& person) {
        if (id == 2 || id == 3) person.set_boss_id(1);
      });
    }
    Add(PetOf(10, 2, "x"), PetOf(11, 2, "y"), PetOf(12, 3, "x"), PetOf(13, 0, "x"));
    Add(ClubOf("chess", 1), ClubOf("go", 2), MembershipOf(2, "go"), MembershipOf(3, "go"),
        MembershipOf(3, "chess"));
    snapshot_ = store_->GetSnapshot();
  }
  auto All() const { return snapshot_.Query<Person>(); }

  Snapshot snapshot_;
};

TEST_F(FollowTest, GivesEachRecordOnce) {
  EXPECT_EQ(IdsOf(All().Follow(PersonModel::boss).ToVector()), Ids({1})) << "the boss of two";
  EXPECT_EQ(Sorted(IdsOf(All().Follow(PersonModel::pets))), Ids({10, 11, 12}));
  EXPECT_EQ(Sorted(IdsOf(All().Follow(PersonModel::first_pet))), Ids({10, 12}));
  const auto clubs = All().Follow(PersonModel::clubs);
  EXPECT_EQ(clubs.Count(), 2) << "go has two members";
  EXPECT_EQ(clubs.First()->name(), "chess");
  EXPECT_EQ(All().Where(PersonModel::id == 4).Follow(PersonModel::boss).Count(), 0);
}

TEST_F(FollowTest, IsAQueryLikeOthers) {
  const auto pets = All().Follow(PersonModel::pets);
  EXPECT_EQ(IdsOf(pets.Where(PetModel::name == "x").OrderBy(Descending(PetModel::id))),
            Ids({12, 10}));
  EXPECT_EQ(IdsOf(pets.OrderBy(PetModel::id).Offset(1).Limit(1)), Ids({11}));
  EXPECT_EQ(pets.Max(PetModel::id), 12u);
  EXPECT_EQ(pets.Sum(PetModel::id), 33u);
  EXPECT_THAT(pets.GroupBy(PetModel::name).Count(), ElementsAre(Pair("x", 2), Pair("y", 1)));
  EXPECT_EQ(pets.After(snapshot_.Find<Pet>(10)).First()->id(), 11u);
  EXPECT_TRUE(pets.Where(PetModel::id == 11).Exists());
  EXPECT_FALSE(pets.Where(PetModel::id == 13).Exists()) << "it is nobody's";
  EXPECT_EQ(pets.Pluck(PetModel::name).size(), 3u);
}

TEST_F(FollowTest, GoesOnFromThePageThatItIsAskedOf) {
  EXPECT_EQ(IdsOf(All().OrderBy(Descending(PersonModel::id)).Limit(2).Follow(PersonModel::pets)),
            Ids({12}));
  EXPECT_EQ(Sorted(IdsOf(All().Limit(2).Follow(PersonModel::pets))), Ids({10, 11}));
}

TEST_F(FollowTest, IsChained) {
  const auto pets_of_reports =
      All().Where(PersonModel::id == 1).Follow(PersonModel::reports).Follow(PersonModel::pets);
  EXPECT_EQ(Sorted(IdsOf(pets_of_reports)), Ids({10, 11, 12}));
  EXPECT_EQ(IdsOf(pets_of_reports.Where(PetModel::name == "x")
                      .Follow(PetModel::owner)
                      .Follow(PersonModel::boss)),
            Ids({1}));
}

TEST_F(FollowTest, ResolveGivesEachResultWithWhatItLeadsTo) {
  const auto people = All().OrderBy(PersonModel::id);
  const auto bosses = people.Resolve(PersonModel::boss);
  ASSERT_EQ(bosses.size(), 4u);
  EXPECT_FALSE(bosses[0].second) << "1 has none";
  EXPECT_EQ(bosses[2].first->id(), 3);
  EXPECT_EQ(bosses[2].second->id(), 1);
  const auto pets = people.Resolve(PersonModel::pets);
  EXPECT_EQ(pets[1].second.size(), 2u);
  EXPECT_TRUE(pets[3].second.empty());
  EXPECT_EQ(people.Resolve(PersonModel::first_pet)[1].second->id(), 10u);
  EXPECT_EQ(people.Offset(2).Limit(1).Resolve(PersonModel::clubs).at(0).second.size(), 2u);
  EXPECT_EQ(All().Follow(PersonModel::pets).Resolve(PetModel::owner).size(), 3u);
}

TEST_F(FollowTest, ForEachStopsWhenItIsTold) {
  Ids seen;
  All().OrderBy(PersonModel::id).ForEach([&](PersonRef person) {
    seen.push_back(person->id());
    return seen.size() < 2;
  });
  EXPECT_EQ(seen, Ids({1, 2}));
  All().Where(PersonModel::boss.Has()).ForEach([&](PersonRef) { seen.push_back(0); });
  EXPECT_EQ(seen.size(), 4u) << "what returns nothing is called for all";
}

}  // namespace
}  // namespace kin::testing
