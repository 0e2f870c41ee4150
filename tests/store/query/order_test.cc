// The order of results, and the pages of them.
#include <cstdint>
#include <string>
#include <vector>

#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using ::query_test::Club;
using ::query_test::ClubModel;
using ::query_test::Membership;
using ::query_test::MembershipModel;
using ::query_test::Person;
using ::query_test::PersonModel;
using ::query_test::PersonRef;
using ::query_test::Pet;
using ::query_test::PetModel;

// id: age, city, score
//  1:   3,   b,    1
//  2:   -,   a,    2
//  3:   3,   a,    1
//  4:   1,   b,    2
//  5:   -,   b,    1
class OrderTest : public QueryTest {
 protected:
  OrderTest() {
    const struct {
      int age;
      const char* city;
      int score;
    } kPeople[] = {{3, "b", 1}, {0, "a", 2}, {3, "a", 1}, {1, "b", 2}, {0, "b", 1}};
    std::int64_t id = 0;
    for (const auto& each : kPeople) {
      AddPerson(++id, [&](Person& person) {
        if (each.age != 0) person.set_age(each.age);
        person.set_city(each.city);
        person.set_score(each.score);
      });
    }
    snapshot_ = store_->GetSnapshot();
  }

  auto All() const { return snapshot_.Query<Person>(); }

  // That `query` gives `expected`, also page by page, from behind each of them, and from its ends.
  template <typename Query>
  void ExpectOrder(const Query& query, const Ids& expected) {
    EXPECT_EQ(IdsOf(query), expected);
    EXPECT_EQ(IdsOf(query.ToVector()), expected);
    EXPECT_EQ(query.First()->id(), expected.front());
    EXPECT_EQ(query.Last()->id(), expected.back());
    const int size = static_cast<int>(expected.size());
    for (int limit = 1; limit <= size + 1; ++limit) {
      Ids paged;
      for (int offset = 0; offset <= size; offset += limit) {
        const Ids page = IdsOf(query.Offset(offset).Limit(limit).ToVector());
        paged.insert(paged.end(), page.begin(), page.end());
      }
      EXPECT_EQ(paged, expected) << "by offset, with " << limit << " on a page";
      EXPECT_EQ(PagedAfter(query, limit), expected) << "by After, with " << limit << " on a page";
    }
    for (int i = 0; i < size; ++i) {
      const auto rest = query.After(snapshot_.template Find<Person>(expected[i]));
      EXPECT_EQ(IdsOf(rest.ToVector()), Ids(expected.begin() + i + 1, expected.end()));
      EXPECT_EQ(rest.Count(), size - i - 1);
      EXPECT_EQ(rest.Exists(), i + 1 < size);
      EXPECT_EQ(rest.Last() ? rest.Last()->id() : 0, i + 1 < size ? expected.back() : 0);
    }
  }

  template <typename Query>
  static Ids PagedAfter(const Query& query, int limit) {
    Ids paged;
    PersonRef last;
    for (;;) {
      const std::vector<PersonRef> page = query.After(last).Limit(limit).ToVector();
      if (page.empty()) return paged;
      last = page.back();
      for (const PersonRef person : page) paged.push_back(person->id());
    }
  }

  Snapshot snapshot_;
};

TEST_F(OrderTest, WithoutOneEndsAndPagesGoByTheKey) {
  EXPECT_EQ(Sorted(IdsOf(All())), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(All().First()->id(), 1);
  EXPECT_EQ(All().Last()->id(), 5);
  EXPECT_EQ(IdsOf(All().Limit(3)), Ids({1, 2, 3}));
  EXPECT_EQ(IdsOf(All().Offset(3)), Ids({4, 5}));
  EXPECT_EQ(IdsOf(All().After(snapshot_.Find<Person>(2))), Ids({3, 4, 5}));
  EXPECT_EQ(PagedAfter(All(), 2), Ids({1, 2, 3, 4, 5}));
}

TEST_F(OrderTest, TiesGoByTheKeyAscendingWhicheverWayTheOrderIs) {
  ExpectOrder(All().OrderBy(PersonModel::score), {1, 3, 5, 2, 4});
  ExpectOrder(All().OrderBy(Descending(PersonModel::score)), {2, 4, 1, 3, 5});
  ExpectOrder(All().OrderBy(Ascending(PersonModel::score)), {1, 3, 5, 2, 4});
}

TEST_F(OrderTest, AbsentValuesComeFirstAndLastIfDescending) {
  ExpectOrder(All().OrderBy(PersonModel::age), {2, 5, 4, 1, 3});
  ExpectOrder(All().OrderBy(Descending(PersonModel::age)), {1, 3, 4, 2, 5});
}

TEST_F(OrderTest, AnIndexGivesTheSameOrderWhereNoneIsAbsent) {
  const auto aged = All().Where(!PersonModel::age.IsNull());
  ExpectOrder(aged.OrderBy(PersonModel::age), {4, 1, 3});
  ExpectOrder(aged.OrderBy(Descending(PersonModel::age)), {1, 3, 4});
}

TEST_F(OrderTest, SeveralFieldsOneAfterTheOther) {
  ExpectOrder(All().OrderBy(PersonModel::city, PersonModel::score), {3, 2, 1, 5, 4});
  ExpectOrder(All().OrderBy(PersonModel::city, Descending(PersonModel::score)), {2, 3, 4, 1, 5});
  ExpectOrder(All().OrderBy(Descending(PersonModel::city), Descending(PersonModel::score)),
              {4, 1, 5, 2, 3});
  ExpectOrder(All().OrderBy(PersonModel::score, PersonModel::age, PersonModel::city),
              {5, 3, 1, 2, 4});
}

TEST_F(OrderTest, TheLastOrderByCounts) {
  ExpectOrder(All().OrderBy(PersonModel::city).OrderBy(Descending(PersonModel::id)),
              {5, 4, 3, 2, 1});
}

TEST_F(OrderTest, OfWhatMatchesConditions) {
  ExpectOrder(All().Where(PersonModel::city == "b").OrderBy(PersonModel::score), {1, 5, 4});
  ExpectOrder(All().OrderBy(PersonModel::score).Where(PersonModel::age == 3), {1, 3});
  EXPECT_EQ(IdsOf(All().Limit(1).Where(PersonModel::age == 1).ToVector()), Ids({4}))
      << "conditions hold before Limit, whichever is given first";
}

TEST_F(OrderTest, LimitsAndOffsetsOfNothingAndOfTooMuch) {
  const auto ordered = All().OrderBy(PersonModel::age);
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(ordered.Limit(0).ToVector().empty());
  EXPECT_EQ(ordered.Limit(0).Count(), 0);
  EXPECT_FALSE(ordered.Limit(0).Exists());
  EXPECT_FALSE(ordered.Limit(0).First());
  EXPECT_FALSE(ordered.Limit(0).Last());
  EXPECT_TRUE(ordered.Limit(-1).ToVector().empty()) << "below 0 is 0";
  EXPECT_EQ(ordered.Offset(-1).Count(), 5);
  EXPECT_EQ(ordered.Offset(kMax).Limit(kMax).Count(), 0);
  EXPECT_FALSE(ordered.Offset(kMax).Exists());
  EXPECT_EQ(ordered.Offset(4).Limit(kMax).Count(), 1);
  EXPECT_TRUE(ordered.Offset(4).Exists());
  EXPECT_FALSE(ordered.Offset(5).Exists());
  EXPECT_FALSE(ordered.Offset(5).First());
  EXPECT_EQ(ordered.Offset(1).First()->id(), 5);
  EXPECT_EQ(ordered.Limit(2).Last()->id(), 5) << "of the page";
  EXPECT_EQ(All().Offset(1).Limit(2).Sum(PersonModel::id), 5);
  EXPECT_EQ(All().Limit(3).GroupBy(PersonModel::city).Count().size(), 2u);
  EXPECT_EQ(All().Limit(2).Min(PersonModel::age), 3);
}

TEST_F(OrderTest, APageGoesOnBehindARecordThatDoesNotMatchAnyMore) {
  const auto query = All().Where(PersonModel::score == 1).OrderBy(PersonModel::age);
  EXPECT_EQ(IdsOf(query.After(snapshot_.Find<Person>(4)).ToVector()), Ids({1, 3}))
      << "4 has another score, and an age before theirs";
  Write([&](Transaction& txn) {
    ASSERT_TRUE(txn.Delete(snapshot_.Find<Person>(5)).ok());
    ASSERT_TRUE(txn.Delete(snapshot_.Find<Person>(1)).ok());
  });
  const Snapshot later = store_->GetSnapshot();
  EXPECT_EQ(IdsOf(later.Query<Person>()
                      .Where(PersonModel::score == 1)
                      .OrderBy(PersonModel::age)
                      .After(snapshot_.Find<Person>(5))
                      .ToVector()),
            Ids({3}))
      << "5 is gone, and lives in the snapshot before";
}

// The record from which it goes on need not satisfy the condition: a field of which the index has
// one value may have another there, and says nothing of where to begin.
TEST_F(OrderTest, APageGoesOnBehindARecordWithAnotherValueOfAFixedField) {
  AddPerson(7, [](Person& person) {
    person.set_city("b");
    person.set_score(7);
  });
  const Snapshot snapshot = store_->GetSnapshot();
  const auto people = snapshot.Query<Person>();
  const auto by_city = people.Where(PersonModel::score == 2).OrderBy(PersonModel::city);
  EXPECT_EQ(IdsOf(by_city.After(snapshot.Find<Person>(1)).Limit(9).ToVector()), Ids({4}))
      << "1 has its city and a lower score";
  EXPECT_EQ(by_city.After(snapshot.Find<Person>(3)).Last()->id(), 4);
  EXPECT_EQ(IdsOf(by_city.After(snapshot.Find<Person>(2)).ToVector()), Ids({4}));
  EXPECT_EQ(by_city.After(snapshot.Find<Person>(7)).Last(), PersonRef()) << "comes after 4";
  const auto low = people.Where(PersonModel::score == 1).OrderBy(PersonModel::city);
  EXPECT_EQ(IdsOf(low.After(snapshot.Find<Person>(2)).Limit(9).ToVector()), Ids({3, 1, 5}));
  EXPECT_EQ(IdsOf(low.After(snapshot.Find<Person>(4)).Limit(9).ToVector()), Ids({5}))
      << "4 has a higher score";
  EXPECT_EQ(low.After(snapshot.Find<Person>(4)).Last()->id(), 5);
  const auto descending =
      people.Where(PersonModel::score == 7).OrderBy(Descending(PersonModel::city));
  EXPECT_EQ(IdsOf(descending.After(snapshot.Find<Person>(1)).Limit(9).ToVector()), Ids({7}));
  const auto fixed = people.Where(PersonModel::city == "b" && PersonModel::score >= 1)
                         .OrderBy(PersonModel::city, PersonModel::score);
  EXPECT_EQ(IdsOf(fixed.After(snapshot.Find<Person>(5)).Limit(9).ToVector()), Ids({4, 7}));
  EXPECT_EQ(IdsOf(fixed.After(snapshot.Find<Person>(2)).Limit(2).ToVector()), Ids({1, 5}))
      << "2 is of a city before";
}

TEST_F(OrderTest, ByKeysOfOtherTypes) {
  Add(ClubOf("skat", 1), ClubOf("chess", 1), ClubOf("go", 0));
  Add(MembershipOf(2, "chess"), MembershipOf(1, "skat"), MembershipOf(1, "chess"),
      MembershipOf(10 / 2, "go"));
  Add(PetOf(4'000'000'000, 1, "x"), PetOf(7, 1, "x"));
  const Snapshot snapshot = store_->GetSnapshot();
  const auto names = snapshot.Query<Club>().OrderBy(ClubModel::rank).Pluck(ClubModel::name);
  EXPECT_EQ(names, (std::vector<std::tuple<std::string>>{{"go"}, {"chess"}, {"skat"}}));
  const auto keys = snapshot.Query<Membership>().Limit(9).Pluck(MembershipModel::person_id,
                                                                MembershipModel::club_name);
  EXPECT_EQ(keys, (std::vector<std::tuple<std::int64_t, std::string>>{
                      {1, "chess"}, {1, "skat"}, {2, "chess"}, {5, "go"}}));
  EXPECT_EQ(snapshot.Query<Membership>().After(snapshot.Find<Membership>(1, "skat")).Count(), 2);
  EXPECT_EQ(snapshot.Query<Membership>().Last()->club_name(), "go");
  EXPECT_EQ(snapshot.Query<Club>().First()->name(), "chess");
  EXPECT_EQ(IdsOf(snapshot.Query<Pet>().OrderBy(Descending(PetModel::id))),
            Ids({4'000'000'000, 7}));
}

// An index gives the order by what is before the field that has one value, and the record to go on
// from has another there.
TEST_F(OrderTest, GoesOnFromARecordThatTheConditionIsNotTrueOf) {
  Write([&](Transaction& txn) {
    for (int id = 101; id <= 1100; ++id) {
      Person person = Named(id);
      person.set_city("d");
      person.set_score(5);
      Put(txn, person);
    }
    for (int id = 11; id <= 14; ++id) {
      Person person = Named(id);
      person.set_city("c");
      person.set_score(id == 12 || id == 14 ? 5 : 9);
      Put(txn, person);
    }
  });
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>().Where(PersonModel::score == 5);
  const auto forward = query.OrderBy(PersonModel::city).After(snapshot.Find<Person>(11)).Limit(3);
  EXPECT_THAT(forward.Explain().chosen.path, ::testing::HasSubstr("ordered index (city, score)"));
  EXPECT_EQ(IdsOf(forward), Ids({12, 14, 101}));
  const auto from_13 = query.OrderBy(PersonModel::city).After(snapshot.Find<Person>(13)).Limit(2);
  EXPECT_EQ(IdsOf(from_13), Ids({14, 101}));
}

}  // namespace
}  // namespace kin::testing
