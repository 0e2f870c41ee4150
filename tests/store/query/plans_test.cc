// How queries find their records: each row of the table of docs/queries.md, and what it says below.
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.
using ::testing::_;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr int kPeople = 1000;
constexpr char kScan[] = "scan of all records";

// Costs are estimates, which may be tuned: data and questions are such that one way is by far the
// cheapest.
class PlansTest : public QueryTest {
 protected:
  PlansTest() {
    Write([&](Transaction& txn) {
      for (int id = 1; id <= kPeople; ++id) Put(txn, PersonOf(id));
      for (int id = 1; id <= 300; ++id) {
        Put(txn, PetOf(static_cast<std::uint32_t>(id), id, id % 100 == 0 ? "rare" : "x"));
      }
      for (int id = 1; id <= 300; ++id) {
        Profile profile;
        profile.set_id(id);
        profile.set_person_id(id);
        Put(txn, profile);
      }
      Put(txn, ClubOf("go", 1));
      for (int id = 1; id <= 3; ++id) Put(txn, MembershipOf(id, "go"));
      for (int id = 1; id <= 100; ++id) {
        Put(txn, ClubOf(absl::StrCat("k", id), id));
        Put(txn, MembershipOf(id, absl::StrCat("k", id)));
      }
    });
    snapshot_ = store_->GetSnapshot();
  }

  static Person PersonOf(int id) {
    Person person = Named(id);
    if (id <= 900) person.set_age(id);
    if (id > 100) person.set_boss_id(1 + id % 100);
    person.set_city(absl::StrCat("c", id % 10));
    person.set_score(id % 100);
    person.set_small(static_cast<std::uint32_t>(id % 100));
    person.set_last_name(absl::StrCat("l", id % 50));
    person.set_first_name(absl::StrCat("f", id % 20));
    person.set_color(static_cast<Color>(id % 4 - 1));
    person.set_big(static_cast<std::uint64_t>(id % 500));
    person.set_weight(id / 2.0);
    if (id % 2 == 0) person.set_nick(absl::StrFormat("n%04d", id));
    return person;
  }

  auto All() const { return snapshot_.Query<Person>(); }

  // The plan, which has to be the same for the same tree made at run time, and for a dynamic query.
  template <typename P>
  query::Explanation Plan(const P& condition) const {
    const query::Explanation plan = All().Where(condition).Explain();
    EXPECT_EQ(All().Where(Filter<Person>(condition.Tree())).Explain().ToString(), plan.ToString());
    auto dynamic = DynamicQuery::Of(snapshot_, *Person::descriptor());
    EXPECT_TRUE(dynamic.ok()) << dynamic.status();
    dynamic->Where(condition.Tree());
    EXPECT_EQ(dynamic->Explain()->chosen.path, plan.chosen.path);
    return plan;
  }
  template <typename P>
  std::string Way(const P& condition) const {
    return Plan(condition).chosen.path;
  }
  // How many records are judged until `ask` has its answer.
  template <typename Ask>
  int Judged(Ask ask) const {
    int judged = 0;
    ask(All().Where(Satisfies<Person>([&](const Person&) {
      ++judged;
      return true;
    })));
    return judged;
  }

  Snapshot snapshot_;
};

TEST_F(PlansTest, AKeyOrAUniqueFieldIsOneLookup) {
  EXPECT_EQ(Way(PersonModel::id == 5), "key (id)");
  EXPECT_EQ(Way(PersonModel::email == "p5"), "unique index (email)");
  EXPECT_EQ(Way(PersonModel::email.In({"p5", "p6", "p7"})), "unique index (email), 3 keys");
  EXPECT_EQ(Plan(PersonModel::email == "p5").chosen.rows, 1);
  const auto memberships = snapshot_.Query<Membership>();
  EXPECT_EQ(memberships.Where(MembershipModel::person_id == 1 && MembershipModel::club_name == "go")
                .Explain()
                .chosen.path,
            "key (person_id, club_name)");
  EXPECT_EQ(snapshot_.Query<Club>().Where(ClubModel::name == "go").Explain().chosen.path,
            "key (name)");
}

TEST_F(PlansTest, AHashIndexTakesValuesForAllOfItsFields) {
  EXPECT_EQ(Way(PersonModel::color == COLOR_RED), "hash index (color)");
  EXPECT_EQ(Plan(PersonModel::color == COLOR_RED).chosen.rows, 250) << "counted, not guessed";
  EXPECT_EQ(Way(PersonModel::big.In({1, 2, 2})), "hash index (big), 2 keys");
  EXPECT_EQ(Plan(PersonModel::big.In({1, 2, 2})).chosen.rows, 4);
  EXPECT_EQ(Way(PersonModel::boss_id == 3), "foreign key index (boss_id)");
  const auto both = PersonModel::last_name == "l1" && PersonModel::first_name == "f1";
  EXPECT_EQ(Way(both), "hash index (last_name, first_name)");
  EXPECT_THAT(Plan(both).judged, IsEmpty()) << "the index says all of it";
  EXPECT_EQ(Way(PersonModel::last_name.In({"l1", "l2"}) && PersonModel::first_name == "f1"),
            "hash index (last_name, first_name), 2 keys");
  const query::Explanation half = Plan(PersonModel::last_name == "l1");
  EXPECT_EQ(half.chosen.path, kScan);
  EXPECT_THAT(half.judged, ElementsAre(AllOf(StartsWith("last_name == \"l1\""),
                                             HasSubstr("another way is cheaper, or leaves out"))));
}

TEST_F(PlansTest, AnIndexTakesAsManyValuesOfOneFieldAsThereAre) {
  std::vector<std::int64_t> ids(5000);
  std::iota(ids.begin(), ids.end(), 1);
  const query::Explanation plan = Plan(PersonModel::id.In(ids));
  EXPECT_EQ(plan.chosen.path, kScan) << "there are 1000 people";
  ASSERT_FALSE(plan.others.empty());
  EXPECT_EQ(plan.others[0].path, "key (id), 5000 keys") << "and it was weighed";
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("l", i));
  const query::Explanation product =
      Plan(PersonModel::last_name.In(names) && PersonModel::first_name.In(names));
  EXPECT_THAT(product.others, IsEmpty()) << "each of one with each of the other are too many";
  EXPECT_THAT(product.judged, ElementsAre(HasSubstr("more than 4096 keys"), _));
}

TEST_F(PlansTest, AnOrderedIndexTakesARange) {
  const std::string way = "ordered index (age), a range of it";
  EXPECT_EQ(Way(PersonModel::age < 6), way);
  EXPECT_EQ(Way(PersonModel::age <= 6), way);
  EXPECT_EQ(Way(PersonModel::age > 895), way);
  EXPECT_EQ(Way(895 <= PersonModel::age), way);
  EXPECT_EQ(Way(PersonModel::age == 5), "hash index (age)") << "what is ordered has both";
  EXPECT_EQ(Way(PersonModel::age.Between(100, 109)), way);
  EXPECT_EQ(Plan(PersonModel::age.Between(100, 109)).chosen.rows, 10);
  EXPECT_EQ(Plan(PersonModel::age > 890 && PersonModel::age > 895).chosen.rows, 5)
      << "the tighter one";
  EXPECT_EQ(Way(PersonModel::score > 98), kScan) << "it has no index of its own";
}

TEST_F(PlansTest, AnOrderedIndexOfSeveralFieldsTakesTheFirstOnesAsValues) {
  const std::string way = "ordered index (city, score), a range of it";
  EXPECT_EQ(Way(PersonModel::city == "c3"), way);
  EXPECT_EQ(Way(PersonModel::city == "c3" && PersonModel::score == 13), "hash index (city, score)")
      << "all of its fields have values";
  const auto range = PersonModel::city == "c3" && PersonModel::score < 20;
  EXPECT_EQ(Way(range), way);
  EXPECT_EQ(Plan(range).chosen.rows, 20) << "scores 3 and 13";
  EXPECT_EQ(Way(PersonModel::city.StartsWith("c3")), way);
  EXPECT_NEAR(Plan(PersonModel::city.StartsWith("c3")).chosen.rows, 100, 50) << "an estimate";
  EXPECT_EQ(Plan(PersonModel::city > "c8" && PersonModel::score == 3).judged.size(), 1u)
      << "a range of the first leaves the second to be judged";
}

TEST_F(PlansTest, APrefixIsARange) {
  EXPECT_EQ(Way(PersonModel::nick.StartsWith("n009")), "ordered index (nick), a range of it");
  EXPECT_EQ(Plan(PersonModel::nick.StartsWith("n009")).chosen.rows, 5);
  EXPECT_EQ(Way(PersonModel::email.StartsWith("p9")), kScan) << "a hash index has no prefixes";
}

TEST_F(PlansTest, AnAssociationIsFoundFromItsOtherSide) {
  EXPECT_EQ(Way(PersonModel::boss.Has(PersonModel::email == "p3")),
            "boss of query_test.Person by [unique index (email)]");
  EXPECT_EQ(Way(PersonModel::pets.Has(PetModel::id == 5)), "pets of query_test.Pet by [key (id)]");
  EXPECT_EQ(Way(PersonModel::profile.Has(ProfileModel::id == 5)),
            "profile of query_test.Profile by [key (id)]");
  EXPECT_EQ(Way(PersonModel::clubs.Has(ClubModel::name == "go")),
            "clubs of query_test.Club by [key (name)]");
  EXPECT_EQ(Way(PersonModel::boss.Has(PersonModel::boss.Has(PersonModel::id == 3) &&
                                      PersonModel::id == 7)),
            "boss of query_test.Person by [key (id)]");
  EXPECT_THAT(Plan(PersonModel::boss.Has(PersonModel::email == "p3")).judged, IsEmpty());
  EXPECT_THAT(Plan(PersonModel::first_pet.Has(PetModel::id == 5)).judged.size(), 1u)
      << "the pet may not be its owner's first one";
}

TEST_F(PlansTest, AnOrIsAUnionIfEachSideHasAnIndex) {
  EXPECT_EQ(Way(PersonModel::age == 5 || PersonModel::email == "p7"),
            "union of [hash index (age)] and [unique index (email)]");
  EXPECT_EQ(Way(PersonModel::age < 5 || PersonModel::email == "p7"),
            "union of [ordered index (age), a range of it] and [unique index (email)]");
  const query::Explanation scan = Plan(PersonModel::age == 5 || PersonModel::score == 7);
  EXPECT_EQ(scan.chosen.path, kScan);
  EXPECT_THAT(scan.judged, ElementsAre(HasSubstr("not each side has an index")));
}

TEST_F(PlansTest, OfSeveralConditionsTheCheapestIsTakenAndItSaysWhyNotTheOthers) {
  const query::Explanation plan = Plan(PersonModel::color == COLOR_RED && PersonModel::big == 6 &&
                                       PersonModel::score != 3 && PersonModel::city == "c6");
  EXPECT_EQ(plan.chosen.path, "hash index (big)");
  EXPECT_EQ(plan.model, "query_test.Person");
  EXPECT_EQ(plan.condition, "color == COLOR_RED && big == 6 && score != 3 && city == \"c6\"");
  EXPECT_THAT(plan.judged, ElementsAre(StartsWith("color == COLOR_RED ("),
                                       StartsWith("score != 3 ("), StartsWith("city == \"c6\" (")));
  using W = query::Explanation::Way;
  EXPECT_THAT(plan.others,
              Contains(AllOf(Field(&W::path, "hash index (color)"), Field(&W::rows, 250),
                             Field(&W::reason, "visits more records"))));
  EXPECT_THAT(plan.others, Contains(AllOf(Field(&W::path, kScan), Field(&W::rows, kPeople))));
  EXPECT_THAT(plan.others, Contains(Field(&W::path, "ordered index (city, score), a range of it")));
  for (const W& way : plan.others) EXPECT_GE(way.cost, plan.chosen.cost) << way.path;
  EXPECT_THAT(plan.ToString(), HasSubstr("not by hash index (color): about 250 records, "));
}

TEST_F(PlansTest, WhatNoIndexKnowsIsAScanUnlessAnotherConditionHasOne) {
  const auto expect_scan = [&](const auto& condition, const std::string& why) {
    const query::Explanation plan = Plan(condition);
    EXPECT_EQ(plan.chosen.path, kScan) << plan.condition;
    EXPECT_THAT(plan.judged, ElementsAre(HasSubstr(why)));
    EXPECT_EQ(Way(condition && PersonModel::email == "p5"), "unique index (email)");
  };
  expect_scan(PersonModel::color != COLOR_RED, "");
  expect_scan(PersonModel::email.Contains("5"), "");
  expect_scan(PersonModel::email.Matches("p5"), "");
  expect_scan(PersonModel::age.IsNull(), "");
  expect_scan(PersonModel::age == PersonModel::limit, "");
  expect_scan(PersonModel::pets.Count() >= 1, "associations are counted for each record");
  expect_scan(PersonModel::pets.HasNone(), "");
  expect_scan(!(PersonModel::age == 5), "");
  EXPECT_EQ(
      All().Where(Satisfies<Person>([](const Person&) { return true; })).Explain().chosen.path,
      kScan);
}

TEST_F(PlansTest, WhatCannotBeTrueIsNotLookedFor) {
  const std::string way = "nothing: the condition is never true";
  EXPECT_EQ(Way(PersonModel::big == -1), way);
  EXPECT_EQ(Way(PersonModel::age.In(std::vector<int>()) && PersonModel::score == 1), way);
  EXPECT_EQ(Way(PersonModel::age > 5 && PersonModel::age < 5), way);
  EXPECT_EQ(All().Where(PersonModel::big == -1).ExplainRun().visited, 0);
}

TEST_F(PlansTest, ARunTellsWhatItVisitedAndFound) {
  const query::Explanation plan =
      All().Where(PersonModel::age.Between(1, 40) && PersonModel::small < 10).ExplainRun();
  EXPECT_EQ(plan.chosen.rows, 40);
  EXPECT_EQ(plan.visited, 40);
  EXPECT_EQ(plan.found, 9);
  EXPECT_THAT(plan.ToString(),
              AllOf(HasSubstr("about 40 records"), HasSubstr("visited 40, found 9"),
                    HasSubstr("for each record: small < 10 (small has no index")));
  EXPECT_EQ(All().Where(PersonModel::age == 1).Explain().visited, std::nullopt);
}

TEST_F(PlansTest, AnOrderComesFromAnIndexOfExactlyItsFields) {
  const auto order = [](const auto& query) { return query.Explain().order; };
  const auto all = All();
  EXPECT_EQ(order(all.OrderBy(PersonModel::city, PersonModel::score).Limit(5)), "by the index");
  EXPECT_EQ(order(all.OrderBy(PersonModel::city).Limit(5)), "the first 5 are kept")
      << "ties go by the key, not by the score";
  EXPECT_EQ(order(all.OrderBy(PersonModel::score).Limit(5)), "the first 5 are kept");
  EXPECT_EQ(order(all.OrderBy(PersonModel::score)), "sorted");
  EXPECT_EQ(order(all.OrderBy(PersonModel::score).Offset(10).Limit(5)), "the first 15 are kept");
  EXPECT_EQ(order(all), "");
  EXPECT_EQ(order(all.Where(PersonModel::city == "c3").OrderBy(PersonModel::score).Limit(5)),
            "by the index")
      << "after a field that has one value";
  EXPECT_EQ(
      order(all.OrderBy(Descending(PersonModel::city), Descending(PersonModel::score)).Limit(5)),
      "by the index");
  EXPECT_EQ(order(all.OrderBy(PersonModel::city, Descending(PersonModel::score)).Limit(5)),
            "the first 5 are kept")
      << "not in one direction";
  EXPECT_EQ(order(all.OrderBy(Descending(PersonModel::weight))), "sorted")
      << "backwards is for few";
  EXPECT_EQ(order(snapshot_.Query<Pet>().Limit(5)), "by the index") << "of the key";
}

TEST_F(PlansTest, AnIndexThatLacksRecordsGivesNoOrderOfAll) {
  const auto by_age = All().OrderBy(PersonModel::age).Limit(5);
  EXPECT_EQ(by_age.Explain().order, "the first 5 are kept") << "there are people without an age";
  const query::Explanation aged = by_age.Where(!PersonModel::age.IsNull()).Explain();
  EXPECT_EQ(aged.order, "by the index");
  EXPECT_EQ(aged.chosen.path, "ordered index (age), all of it");
  EXPECT_THAT(aged.judged, IsEmpty());
  EXPECT_EQ(by_age.Where(PersonModel::age > 3).Explain().order, "by the index");
}

TEST_F(PlansTest, WithALimitAnOrderedIndexStopsEarly) {
  const query::Explanation plan =
      All().OrderBy(PersonModel::city, PersonModel::score).Limit(5).ExplainRun();
  EXPECT_EQ(plan.visited, 5);
  EXPECT_EQ(Judged([](const auto& query) {
              query.OrderBy(PersonModel::weight).Offset(2).Limit(3).ToVector();
            }),
            5);
  EXPECT_EQ(Judged([](const auto& query) {
              query.OrderBy(Descending(PersonModel::weight)).Limit(3).ToVector();
            }),
            3);
  EXPECT_EQ(
      Judged([](const auto& query) { query.OrderBy(PersonModel::score).Limit(3).ToVector(); }),
      kPeople)
      << "no index gives it";
}

TEST_F(PlansTest, APageBeginsAtItsPlaceInTheIndex) {
  const PersonRef last = snapshot_.Find<Person>(700);
  EXPECT_LE(Judged([&](const auto& query) {
              query.OrderBy(PersonModel::weight).After(last).Limit(3).ToVector();
            }),
            5)
      << "not the 700 before it";
}

TEST_F(PlansTest, MinAndMaxAreTheEndsOfAnOrderedIndex) {
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_EQ(query.Min(PersonModel::weight), 0.5); }), 1);
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_EQ(query.Max(PersonModel::weight), 500); }), 1);
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_EQ(query.Max(PersonModel::age), 900); }), 1);
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_EQ(query.Max(PersonModel::score), 99); }),
            kPeople);
}

TEST_F(PlansTest, ExistsStopsAtTheFirst) {
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_TRUE(query.Exists()); }), 1);
  EXPECT_EQ(Judged([](const auto& query) { EXPECT_EQ(query.Limit(4).Count(), 4); }), 4);
}

// The other associations of each record that is found would take long to follow.
TEST(IntersectionTest, WhatTwoAssociationsLeadToIsIntersectedWhereFollowingThemCostsMore) {
  struct Fixture : QueryTest {
    void TestBody() override {}
    void Run() {
      Write([&](Transaction& txn) {
        for (int club = 1; club <= 40; ++club) Put(txn, ClubOf(absl::StrCat("c", club), club));
        for (int id = 1; id <= 50; ++id) {
          Put(txn, Named(id));
          for (int i = 0; i < 40; ++i) {
            Put(txn, PetOf(static_cast<std::uint32_t>(100 * id + i), id, "x"));
            if (id % 2 == 0 || i < 39) Put(txn, MembershipOf(id, absl::StrCat("c", i + 1)));
          }
        }
      });
      const Snapshot snapshot = store_->GetSnapshot();
      const auto query = snapshot.Query<Person>().Where(
          PersonModel::pets.Has(PetModel::id.In({100, 200, 201, 300, 400, 99999})) &&
          PersonModel::clubs.Has(ClubModel::name == "c40"));
      const query::Explanation plan = query.ExplainRun();
      EXPECT_EQ(plan.chosen.path,
                "pets of query_test.Pet by [key (id), 6 keys], intersected with "
                "[clubs of query_test.Club by [key (name)]]");
      EXPECT_EQ(plan.visited, 2);
      EXPECT_EQ(plan.found, 2);
      EXPECT_THAT(plan.judged, IsEmpty());
      EXPECT_EQ(Sorted(IdsOf(query)), Ids({2, 4}));
      EXPECT_EQ(query.Count(), 2);
      EXPECT_EQ(IdsOf(query.OrderBy(Descending(PersonModel::id)).Limit(1)), Ids({4}));
    }
  };
  Fixture().Run();
}

// City and score are an index. That of the record from which it goes on is another one.
TEST_F(PlansTest, APageBehindARecordOfAnotherFixedValueIsWhole) {
  const auto low = All().Where(PersonModel::score == 2).OrderBy(PersonModel::city);
  const auto after = low.After(snapshot_.Find<Person>(92));
  ASSERT_EQ(after.Limit(3).Explain().order, "by the index");
  EXPECT_EQ(IdsOf(after.Limit(3).ToVector()), Ids({102, 202, 302}));
  EXPECT_EQ(after.Last()->id(), 902);
  const auto high = All().Where(PersonModel::score == 92).OrderBy(Descending(PersonModel::city));
  const auto descending = high.After(snapshot_.Find<Person>(2));
  ASSERT_EQ(descending.Limit(3).Explain().order, "by the index");
  EXPECT_EQ(IdsOf(descending.Limit(3).ToVector()), Ids({92, 192, 292}));
}

// Of a fixed field that has the same value there, the index begins where the page does.
TEST_F(PlansTest, APageBehindARecordOfTheSameFixedValueBeginsThere) {
  const auto query = All()
                         .Where(PersonModel::city == "c2")
                         .OrderBy(PersonModel::city, PersonModel::score)
                         .After(snapshot_.Find<Person>(982));
  const query::Explanation plan = query.ExplainRun();
  EXPECT_EQ(plan.order, "by the index");
  EXPECT_EQ(plan.visited, 20) << "scores 82, and 92";
  EXPECT_EQ(IdsOf(query.Limit(2).ToVector()), Ids({92, 192}));
}

}  // namespace
}  // namespace kin::testing
