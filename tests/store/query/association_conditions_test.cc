// What conditions on associations are true of: each kind, with and without a condition, nested.
#include <cstdint>
#include <string>

#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.

// 1 is the boss of 2 and 3, 3 of 4; 5 stands alone.
//   pets: 10 and 11 of 1, 12 of 3, 13 of nobody; toys: 100 of 10 at 5, 101 of 12 at 50
//   profiles: 1, 4; clubs: 1 in chess and go, 2 in go
class AssociationConditionsTest : public QueryTest {
 protected:
  AssociationConditionsTest() {
    const std::int64_t bosses[] = {0, 1, 1, 3, 0};
    for (std::int64_t id = 1; id <= 5; ++id) {
      AddPerson(id, [&](Person& person) {
        if (bosses[id - 1] != 0) person.set_boss_id(bosses[id - 1]);
        if (id != 5) person.set_age(10 * id);
      });
    }
    Pet rex = PetOf(10, 1, "Rex");
    rex.set_years(3);
    Add(rex, PetOf(11, 1, "Tom"), PetOf(12, 3, "Rex"), PetOf(13, 0, "Stray"));
    Add(ToyOf(100, 10, 5), ToyOf(101, 12, 50));
    Add(ProfileOf(1, "first"), ProfileOf(4, "fourth"));
    Add(ClubOf("chess", 1), ClubOf("go", 2), ClubOf("skat", 3));
    Add(MembershipOf(1, "chess"), MembershipOf(1, "go"), MembershipOf(2, "go"));
  }

  static Toy ToyOf(std::int64_t id, std::uint32_t pet, int price) {
    Toy toy;
    toy.set_id(id);
    toy.set_pet_id(pet);
    toy.set_price(price);
    return toy;
  }
  static Profile ProfileOf(std::int64_t person, const std::string& text) {
    Profile profile;
    profile.set_id(person);
    profile.set_person_id(person);
    profile.set_text(text);
    return profile;
  }
  template <typename P>
  std::vector<std::string> ClubsWhere(const P& condition) {
    const Snapshot snapshot = store_->GetSnapshot();
    std::vector<std::string> names;
    for (const ClubRef club : snapshot.Query<Club>().Where(condition).OrderBy(ClubModel::name)) {
      names.push_back(club->name());
    }
    return names;
  }
};

TEST_F(AssociationConditionsTest, OfABelongsTo) {
  EXPECT_EQ(Found(PersonModel::boss.Has()), Ids({2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::boss.HasNone()), Ids({1, 5}));
  EXPECT_EQ(Found(PersonModel::boss.Has(PersonModel::age == 10)), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::boss.HasNone(PersonModel::age == 10)), Ids({1, 4, 5}));
  EXPECT_EQ(Found(PersonModel::boss.Count() == 1), Ids({2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::boss.Count(PersonModel::age > 10) == 0), Ids({1, 2, 3, 5}));
}

TEST_F(AssociationConditionsTest, OfAHasOne) {
  EXPECT_EQ(Found(PersonModel::profile.Has()), Ids({1, 4}));
  EXPECT_EQ(Found(PersonModel::profile.HasNone()), Ids({2, 3, 5}));
  EXPECT_EQ(Found(PersonModel::profile.Has(ProfileModel::text == "fourth")), Ids({4}));
  EXPECT_EQ(Found(PersonModel::profile.HasNone(ProfileModel::text == "fourth")), Ids({1, 2, 3, 5}));
  EXPECT_EQ(Found(PersonModel::profile.Count() < 1), Ids({2, 3, 5}));
  EXPECT_EQ(Found(PersonModel::first_pet.Has(PetModel::name == "Rex")), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::first_pet.Has(PetModel::name == "Tom")), Ids())
      << "it is the second one of its owner";
}

TEST_F(AssociationConditionsTest, OfAHasMany) {
  EXPECT_EQ(Found(PersonModel::pets.Has()), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::pets.HasNone()), Ids({2, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Has(PetModel::name == "Tom")), Ids({1}));
  EXPECT_EQ(Found(PersonModel::pets.HasNone(PetModel::name == "Tom")), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Has(PetModel::name == "Stray")), Ids()) << "it is nobody's";
}

TEST_F(AssociationConditionsTest, OfAHasManyCounted) {
  EXPECT_EQ(Found(PersonModel::pets.Count() == 2), Ids({1}));
  EXPECT_EQ(Found(PersonModel::pets.Count() != 2), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Count() < 2), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Count() <= 1), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Count() > 0), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::pets.Count() >= 0), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(Found(1 >= PersonModel::pets.Count()), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(1 < PersonModel::pets.Count()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::pets.Count() > -1), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Count(PetModel::name == "Rex") == 1), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::pets.Count(PetModel::name == "Rex") < 1), Ids({2, 4, 5}));
}

TEST_F(AssociationConditionsTest, OfAThrough) {
  EXPECT_EQ(Found(PersonModel::clubs.Has()), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::clubs.HasNone()), Ids({3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::clubs.Has(ClubModel::rank < 2)), Ids({1}));
  EXPECT_EQ(Found(PersonModel::clubs.HasNone(ClubModel::name == "go")), Ids({3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::clubs.Count() == 2), Ids({1}));
  EXPECT_EQ(Found(PersonModel::clubs.Count(ClubModel::rank >= 2) == 1), Ids({1, 2}));
}

TEST_F(AssociationConditionsTest, OfModelsWithTextsAndSeveralFieldsAsKeys) {
  EXPECT_EQ(ClubsWhere(ClubModel::members.Has(PersonModel::id == 2)),
            std::vector<std::string>({"go"}));
  EXPECT_EQ(ClubsWhere(ClubModel::members.HasNone()), std::vector<std::string>({"skat"}));
  EXPECT_EQ(ClubsWhere(ClubModel::memberships.Count() >= 1),
            std::vector<std::string>({"chess", "go"}));
  EXPECT_EQ(ClubsWhere(ClubModel::name == "go" || ClubModel::name > "s"),
            std::vector<std::string>({"go", "skat"}));
  const Snapshot snapshot = store_->GetSnapshot();
  const auto of_first = snapshot.Query<Membership>().Where(MembershipModel::person_id == 1);
  std::vector<std::string> names;
  for (const MembershipRef membership : of_first.OrderBy(Descending(MembershipModel::club_name))) {
    names.push_back(membership->club_name());
  }
  EXPECT_EQ(names, std::vector<std::string>({"go", "chess"}));
  EXPECT_EQ(of_first.Where(MembershipModel::club_name == "go").Count(), 1);
  EXPECT_EQ(of_first.After(snapshot.Find<Membership>(1, "chess")).First()->club_name(), "go");
  EXPECT_EQ(snapshot.Query<Membership>()
                .Where(MembershipModel::person.Has(PersonModel::boss.Has()) &&
                       MembershipModel::club.Has(ClubModel::rank == 2))
                .First()
                ->person_id(),
            2);
}

TEST_F(AssociationConditionsTest, OfAModelWithItself) {
  EXPECT_EQ(Found(PersonModel::reports.Has(PersonModel::age >= 40)), Ids({3}));
  EXPECT_EQ(Found(PersonModel::reports.Count() == 2), Ids({1}));
  EXPECT_EQ(Found(PersonModel::boss.Has(PersonModel::boss.Has())), Ids({4}));
  EXPECT_EQ(Found(PersonModel::reports.Has(PersonModel::reports.Has())), Ids({1}));
}

TEST_F(AssociationConditionsTest, ThreeDeep) {
  const auto dear = PetModel::toys.Has(ToyModel::price > 10);
  EXPECT_EQ(Found(PersonModel::boss.Has(PersonModel::pets.Has(dear))), Ids({4}));
  EXPECT_EQ(Found(PersonModel::reports.Has(PersonModel::pets.Count(dear) >= 1)), Ids({1}));
  EXPECT_EQ(Found(PersonModel::boss.HasNone(PersonModel::pets.Has(dear))), Ids({1, 2, 3, 5}));
  EXPECT_EQ(Found(PersonModel::boss.Has(
                PersonModel::boss.Has(PersonModel::clubs.Has(ClubModel::name == "chess")))),
            Ids({4}));
  EXPECT_EQ(Found<Toy>(ToyModel::pet.Has(PetModel::owner.Has(PersonModel::boss.Has()))),
            Ids({101}));
}

TEST_F(AssociationConditionsTest, AreNeverUnknown) {
  // No pet but 10 has its years.
  EXPECT_EQ(Found(PersonModel::pets.Has(PetModel::years > 1)), Ids({1}));
  EXPECT_EQ(Found(!PersonModel::pets.Has(PetModel::years > 1)), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(!(PersonModel::pets.Count(!(PetModel::years > 1)) == 0)), Ids());
  EXPECT_EQ(Found(!PersonModel::boss.Has(PersonModel::age > 10)), Ids({1, 2, 3, 5}));
}

TEST_F(AssociationConditionsTest, WithFunctionsAndFiltersForTheOtherSide) {
  EXPECT_EQ(Found(PersonModel::pets.Has(
                Satisfies<Pet>([](PetRef pet) { return pet.toys().size() == 1; }))),
            Ids({1, 3}));
  auto named = query::Compare(*Pet::descriptor()->FindFieldByName("name"),
                              query::Comparison::kEqual, std::string("Tom"));
  ASSERT_TRUE(named.ok());
  EXPECT_EQ(Found(PersonModel::pets.Has(Filter<Pet>(*named))), Ids({1}));
  EXPECT_EQ(Found(PersonModel::pets.Count(Filter<Pet>(*named)) == 0), Ids({2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::pets.Has(PetModel::name.Matches("T.m"))), Ids({1}));
}

}  // namespace
}  // namespace kin::testing
