// What conditions on fields are true of: each operator of docs/queries.md, for each type.
#include <cmath>
#include <initializer_list>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using ::query_test::Color;
using ::query_test::Person;
using ::query_test::PersonModel;
using ::query_test::PersonRef;
using ::query_test::Pet;
using ::query_test::PetModel;

constexpr std::int64_t kLowest = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

class ConditionsTest : public QueryTest {
 protected:
  // Those of whom a condition is neither true nor false.
  template <typename P>
  Ids Unknown(const P& condition) {
    const Ids is_true = Found(condition);
    const Ids is_false = Found(!condition);
    Ids unknown;
    const Snapshot snapshot = store_->GetSnapshot();
    for (const PersonRef person : snapshot.All<Person>()) {
      const bool known = std::count(is_true.begin(), is_true.end(), person->id()) +
                             std::count(is_false.begin(), is_false.end(), person->id()) !=
                         0;
      if (!known) unknown.push_back(person->id());
    }
    return Sorted(unknown);
  }

  // One person for each value, from 1 on; `set` puts it.
  template <typename T, typename Set>
  void AddEach(std::initializer_list<T> values, Set set) {
    std::int64_t id = 0;
    for (const T& value : values) {
      AddPerson(++id, [&](Person& person) { set(person, value); });
    }
  }
};

TEST_F(ConditionsTest, EachComparisonFindsItsSideOfTheValueWhicheverSideThatIsWrittenOn) {
  AddEach({17, 18, 19}, [](Person& person, int age) { person.set_age(age); });
  AddPerson(4);
  EXPECT_EQ(Found(PersonModel::age == 18), Ids({2}));
  EXPECT_EQ(Found(PersonModel::age != 18), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::age < 18), Ids({1}));
  EXPECT_EQ(Found(PersonModel::age <= 18), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::age > 18), Ids({3}));
  EXPECT_EQ(Found(PersonModel::age >= 18), Ids({2, 3}));
  EXPECT_EQ(Found(18 == PersonModel::age), Ids({2}));
  EXPECT_EQ(Found(18 != PersonModel::age), Ids({1, 3}));
  EXPECT_EQ(Found(18 < PersonModel::age), Ids({3}));
  EXPECT_EQ(Found(18 <= PersonModel::age), Ids({2, 3}));
  EXPECT_EQ(Found(18 > PersonModel::age), Ids({1}));
  EXPECT_EQ(Found(18 >= PersonModel::age), Ids({1, 2}));
}

TEST_F(ConditionsTest, AnUnsignedFieldIsComparedWithNegativeNumbersByValue) {
  AddEach<std::uint64_t>({0, 5, kLargest, kLargest - 1},
                         [](Person& person, std::uint64_t big) { person.set_big(big); });
  EXPECT_EQ(Found(PersonModel::big == -1), Ids());
  EXPECT_EQ(Found(PersonModel::big != -1), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::big > -1), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::big <= -1), Ids());
  EXPECT_EQ(Found(-1 >= PersonModel::big), Ids());
  EXPECT_EQ(Found(!(PersonModel::big < -1)), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::big == kLargest), Ids({3}));
  EXPECT_EQ(Found(PersonModel::big < kLargest), Ids({1, 2, 4}));
  EXPECT_EQ(Found(PersonModel::big > kHighest), Ids({3, 4}));
  EXPECT_EQ(Found(PersonModel::big.Between(-5, 5)), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::big.In({-1, 0, -5})), Ids({1}));
  EXPECT_EQ(Found(PersonModel::big.In({-1, -2})), Ids());
}

TEST_F(ConditionsTest, ASignedFieldIsComparedWithWhatIsBeyondItsType) {
  AddEach<std::int64_t>({kLowest, 0, kHighest}, [](Person& person, std::int64_t age) {
    person.set_age(age);
    person.set_score(age == 0  ? 0
                     : age < 0 ? std::numeric_limits<std::int32_t>::min()
                               : std::numeric_limits<std::int32_t>::max());
  });
  EXPECT_EQ(Found(PersonModel::age == kLargest), Ids());
  EXPECT_EQ(Found(PersonModel::age < kLargest), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::age >= kLowest), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::age > kLowest), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::age > kHighest), Ids());
  EXPECT_EQ(Found(PersonModel::age.Between(kLowest, kHighest)), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::score < 5'000'000'000), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::score == 4'294'967'296), Ids()) << "which is 0 in 32 bits";
  EXPECT_EQ(Found(PersonModel::score > -5'000'000'000), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::small == -4'294'967'296), Ids());
}

TEST_F(ConditionsTest, TextsCompareByTheirBytesWhateverHoldsThem) {
  AddEach({"", "Ro", "Rome", "Ro\xc3\xa9n", "rome"},
          [](Person& person, const char* city) { person.set_city(city); });
  EXPECT_EQ(Found(PersonModel::city == "Rome"), Ids({3}));
  EXPECT_EQ(Found(PersonModel::city == std::string("Rome")), Ids({3}));
  EXPECT_EQ(Found(PersonModel::city == std::string_view("Rome!").substr(0, 4)), Ids({3}));
  EXPECT_EQ(Found(absl::string_view("Rome!").substr(0, 4) == PersonModel::city), Ids({3}));
  EXPECT_EQ(Found(PersonModel::city > "Rome"), Ids({4, 5}))
      << "accents and small letters are above";
  EXPECT_EQ(Found(PersonModel::city <= "Ro"), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::city == ""), Ids({1}));
  EXPECT_EQ(Found(PersonModel::email == std::string_view("p2")), Ids({2})) << "by a unique index";
}

TEST_F(ConditionsTest, BytesMayHoldAnything) {
  const std::string zero("a\0b", 3);
  AddEach<std::string>({zero, "a", "a\xff", "a\xff\xff", "b", "\xff", "\xff\xff"},
                       [](Person& person, const std::string& code) { person.set_code(code); });
  AddPerson(8);
  EXPECT_EQ(Found(PersonModel::code == zero), Ids({1}));
  EXPECT_EQ(Found(PersonModel::code < "a\xff"), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::code >= "a\xff\xff"), Ids({4, 5, 6, 7}));
  EXPECT_EQ(Found(PersonModel::code.StartsWith("")), Ids({1, 2, 3, 4, 5, 6, 7}))
      << "all that have one";
  EXPECT_EQ(Found(PersonModel::code.StartsWith("a")), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::code.StartsWith("a\xff")), Ids({3, 4}));
  EXPECT_EQ(Found(PersonModel::code.StartsWith("\xff")), Ids({6, 7}));
  EXPECT_EQ(Found(PersonModel::code.StartsWith("\xff\xff")), Ids({7}));
  EXPECT_EQ(Found(PersonModel::code.StartsWith(std::string("a\0", 2))), Ids({1}));
  EXPECT_EQ(Found(PersonModel::code.Contains("\xff\xff")), Ids({4, 7}));
  EXPECT_EQ(Found(PersonModel::code.Matches("a.")), Ids({3})) << "a byte is a character";
  EXPECT_EQ(Unknown(PersonModel::code.StartsWith("")), Ids({8}));
}

TEST_F(ConditionsTest, TextsStartWithContainAndMatch) {
  AddEach({"a", "ab", "abc", "b", ""},
          [](Person& person, const char* nick) { person.set_nick(nick); });
  AddPerson(6);
  EXPECT_EQ(Found(PersonModel::nick.StartsWith("ab")), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::nick.StartsWith(std::string_view("ab"))), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::nick.StartsWith("")), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::nick.Contains("b")), Ids({2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::nick.Contains("")), Ids({1, 2, 3, 4, 5}));
  EXPECT_EQ(Found(PersonModel::nick.Matches("b|ab")), Ids({2, 4})) << "all of it, not a part";
  EXPECT_EQ(Found(PersonModel::nick.Matches("(?i)A.*")), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::nick.Matches("")), Ids({5}));
  for (const Ids& unknown :
       {Unknown(PersonModel::nick.StartsWith("a")), Unknown(PersonModel::nick.Contains("a")),
        Unknown(PersonModel::nick.Matches("a"))}) {
    EXPECT_EQ(unknown, Ids({6}));
  }
}

TEST_F(ConditionsTest, InFindsEachOfItsValuesOnce) {
  AddEach({1, 2, 3, 4}, [](Person& person, int age) {
    person.set_age(age);
    person.set_city(std::string(1, static_cast<char>('a' + age)));
    person.set_color(static_cast<Color>(age - 2));
  });
  AddPerson(5);
  EXPECT_EQ(Found(PersonModel::age.In({3, 1, 3})), Ids({1, 3}));
  EXPECT_EQ(Found(PersonModel::age.In(std::vector<int>())), Ids());
  EXPECT_EQ(Found(PersonModel::age.In(std::set<std::uint64_t>{4, kLargest})), Ids({4}));
  EXPECT_EQ(Found(!PersonModel::age.In({3, 1})), Ids({2, 4}));
  EXPECT_EQ(Unknown(PersonModel::age.In({3, 1})), Ids({5}));
  EXPECT_EQ(Found(PersonModel::city.In({"b", "e", "x"})), Ids({1, 4}));
  const std::vector<std::string> emails = {"p2", "p9", "p3", "p2"};
  EXPECT_EQ(Found(PersonModel::email.In(emails)), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::id.In(std::vector<std::int64_t>{5, -1, 1})), Ids({1, 5}));
  EXPECT_EQ(Found(PersonModel::color.In({query_test::COLOR_BELOW, query_test::COLOR_RED})),
            Ids({1, 3}));
}

TEST_F(ConditionsTest, BetweenHasBothEndsAndNothingIfTheyAreTheWrongWayRound) {
  AddEach({1, 2, 3, 4}, [](Person& person, int age) { person.set_age(age); });
  EXPECT_EQ(Found(PersonModel::age.Between(2, 3)), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::age.Between(2, 2)), Ids({2}));
  EXPECT_EQ(Found(PersonModel::age.Between(3, 2)), Ids());
  EXPECT_EQ(Found(PersonModel::email.Between("p2", "p3")), Ids({2, 3}));
}

TEST_F(ConditionsTest, IsNullAsksWhetherThereIsAValueOrAnElement) {
  AddPerson(1);
  AddPerson(2, [](Person& person) {
    person.set_age(0);
    person.mutable_home();
    person.mutable_bonus();
    person.add_tags("");
    (*person.mutable_marks())["math"] = 0;
    person.set_phone("");
    person.mutable_born();
  });
  EXPECT_EQ(Found(PersonModel::age.IsNull()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::home.IsNull()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::bonus.IsNull()), Ids({1})) << "a wrapper of 0 is there";
  EXPECT_EQ(Found(PersonModel::tags.IsNull()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::marks.IsNull()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::phone.IsNull()), Ids({1}));
  EXPECT_EQ(Found(PersonModel::badge.IsNull()), Ids({1, 2}));
  EXPECT_EQ(Found(!PersonModel::born.IsNull()), Ids({2}));
  EXPECT_EQ(Unknown(PersonModel::age.IsNull()), Ids()) << "it is one or the other";
}

TEST_F(ConditionsTest, ARepeatedFieldContainsElements) {
  AddPerson(1, [](Person& person) {
    person.add_tags("red");
    person.add_tags("");
    person.add_numbers(-3);
  });
  AddPerson(2, [](Person& person) { person.add_numbers(4); });
  EXPECT_EQ(Found(PersonModel::tags.Contains("red")), Ids({1}));
  EXPECT_EQ(Found(PersonModel::tags.Contains(std::string_view("re"))), Ids()) << "not a part";
  EXPECT_EQ(Found(PersonModel::tags.Contains("")), Ids({1}));
  EXPECT_EQ(Found(!PersonModel::tags.Contains("red")), Ids({2})) << "never unknown";
  EXPECT_EQ(Found(PersonModel::numbers.Contains(-3)), Ids({1}));
  EXPECT_EQ(Found(PersonModel::numbers.Contains(kLargest)), Ids());
}

TEST_F(ConditionsTest, TwoFieldsOfOneKindAreCompared) {
  AddPerson(1, [](Person& person) {
    person.set_age(3);
    person.set_limit(3);
    person.set_score(-1);
    person.set_big(kLargest);
    person.set_small(4);
    person.set_weight(0.5);
    person.set_ratio(0.5f);
    person.set_first_name("x");
    person.set_nick("x");
    person.mutable_title()->set_value("y");
  });
  AddPerson(2, [](Person& person) { person.set_age(3); });
  EXPECT_EQ(Found(PersonModel::age == PersonModel::limit), Ids({1}));
  EXPECT_EQ(Found(PersonModel::age < PersonModel::limit), Ids());
  EXPECT_EQ(Found(PersonModel::age >= PersonModel::limit), Ids({1}));
  EXPECT_EQ(Unknown(PersonModel::age != PersonModel::limit), Ids({2}));
  EXPECT_EQ(Found(PersonModel::score < PersonModel::big), Ids({1})) << "-1 is below";
  EXPECT_EQ(Found(PersonModel::big > PersonModel::small), Ids({1}));
  EXPECT_EQ(Found(PersonModel::score == PersonModel::small), Ids({2})) << "0 and 0";
  EXPECT_EQ(Found(PersonModel::weight == PersonModel::ratio), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::first_name == PersonModel::nick), Ids({1}));
  EXPECT_EQ(Found(PersonModel::first_name < PersonModel::title), Ids({1}));
  EXPECT_EQ(Found(PersonModel::age == PersonModel::age), Ids({1, 2}));
}

TEST_F(ConditionsTest, EnumsCompareByNumberAndBoolsByValue) {
  AddEach({-1, 0, 1, 7}, [](Person& person, int color) {
    person.set_color(static_cast<Color>(color));
    person.set_active(color > 0);
    if (color != 0) person.mutable_flag()->set_value(color < 0);
  });
  EXPECT_EQ(Found(PersonModel::color == query_test::COLOR_RED), Ids({3}));
  EXPECT_EQ(Found(PersonModel::color < query_test::COLOR_UNSPECIFIED), Ids({1}));
  EXPECT_EQ(Found(PersonModel::color > query_test::COLOR_GREEN), Ids({4})) << "one without a name";
  EXPECT_EQ(Found(PersonModel::color == static_cast<Color>(7)), Ids({4}));
  EXPECT_EQ(Found(PersonModel::active == true), Ids({3, 4}));
  EXPECT_EQ(Found(PersonModel::active != true), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::flag == false), Ids({3, 4}));
  EXPECT_EQ(Unknown(PersonModel::flag == false), Ids({2}));
}

TEST_F(ConditionsTest, NaNIsAboveInfinityAndZerosAreEqualAlsoInAnIndex) {
  const double infinity = std::numeric_limits<double>::infinity();
  AddEach({-infinity, -0.0, 0.0, infinity, std::nan(""), -std::nan("")},
          [](Person& person, double weight) { person.set_weight(weight); });
  EXPECT_EQ(Found(PersonModel::weight == std::nan("")), Ids({5, 6}));
  EXPECT_EQ(Found(PersonModel::weight != std::nan("")), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::weight > infinity), Ids({5, 6}));
  EXPECT_EQ(Found(PersonModel::weight <= infinity), Ids({1, 2, 3, 4}));
  EXPECT_EQ(Found(PersonModel::weight == 0), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::weight == -0.0), Ids({2, 3}));
  EXPECT_EQ(Found(PersonModel::weight < -0.0), Ids({1}));
  EXPECT_EQ(Found(PersonModel::weight >= 0.0f), Ids({2, 3, 4, 5, 6}));
  EXPECT_EQ(Found(PersonModel::weight.In({0.0, infinity})), Ids({2, 3, 4}));
}

TEST_F(ConditionsTest, TimesAndDurationsAreTheirOwnTypesAndAbseils) {
  AddEach({-1, 0, 1}, [](Person& person, int seconds) {
    person.mutable_born()->set_seconds(seconds);
    person.mutable_born()->set_nanos(5);
    person.mutable_shift()->set_seconds(seconds);
    if (seconds == -1) person.mutable_shift()->set_nanos(-500'000'000);
  });
  AddPerson(4);
  const absl::Time five = absl::UnixEpoch() + absl::Nanoseconds(5);
  EXPECT_EQ(Found(PersonModel::born == five), Ids({2}));
  EXPECT_EQ(Found(PersonModel::born < absl::UnixEpoch()), Ids({1}));
  EXPECT_EQ(Found(five < PersonModel::born), Ids({3}));
  EXPECT_EQ(Found(PersonModel::born < absl::InfiniteFuture()), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::born > absl::InfinitePast()), Ids({1, 2, 3}));
  google::protobuf::Timestamp timestamp;
  timestamp.set_nanos(5);
  EXPECT_EQ(Found(PersonModel::born == timestamp), Ids({2}));
  EXPECT_EQ(Found(PersonModel::born.Between(absl::UnixEpoch(), five)), Ids({2}));
  EXPECT_EQ(Found(PersonModel::shift == absl::Milliseconds(-1500)), Ids({1}));
  EXPECT_EQ(Found(PersonModel::shift >= absl::ZeroDuration()), Ids({2, 3}));
  google::protobuf::Duration second;
  second.set_seconds(1);
  EXPECT_EQ(Found(PersonModel::shift.In({second})), Ids({3}));
  EXPECT_EQ(Unknown(PersonModel::shift < absl::InfiniteDuration()), Ids({4}));
}

TEST_F(ConditionsTest, AWrapperIsWhatItHolds) {
  AddEach({0, 3}, [](Person& person, int bonus) { person.mutable_bonus()->set_value(bonus); });
  AddPerson(3, [](Person& person) { person.mutable_title()->set_value("Dr"); });
  EXPECT_EQ(Found(PersonModel::bonus == 0), Ids({1}));
  EXPECT_EQ(Found(PersonModel::bonus > -1), Ids({1, 2}));
  EXPECT_EQ(Unknown(PersonModel::bonus > -1), Ids({3}));
  EXPECT_EQ(Found(PersonModel::title == "Dr"), Ids({3}));
  EXPECT_EQ(Found(PersonModel::title.StartsWith("D")), Ids({3}));
}

// Of each form one, as programs write it: the type of the query is another for each.
TEST_F(ConditionsTest, GoIntoWhereOneAfterTheOther) {
  AddEach({17, 18, 19, 20}, [](Person& person, int age) {
    person.set_age(age);
    person.set_city(age % 2 == 0 ? "Oslo" : "Rome");
  });
  const Snapshot snapshot = store_->GetSnapshot();
  const auto all = snapshot.Query<Person>();
  EXPECT_EQ(IdsOf(all.Where(PersonModel::age > 17).Where(PersonModel::city == "Rome")), Ids({3}));
  EXPECT_EQ(IdsOf(all.Where(PersonModel::city.StartsWith("O") && !(PersonModel::age < 19))),
            Ids({4}));
  EXPECT_EQ(Sorted(IdsOf(all.Where(PersonModel::age.In({17, 20}) || PersonModel::email == "p2"))),
            Ids({1, 2, 4}));
  EXPECT_EQ(IdsOf(all.Where(PersonModel::id == 2).Where(PersonModel::city == "Rome")), Ids());
  EXPECT_EQ(IdsOf(all.Where(PersonModel::email == std::string_view("p2"))), Ids({2}));
}

// The tables of SQL: true, false and unknown by each other.
TEST_F(ConditionsTest, LogicHasThreeValues) {
  AddPerson(1);
  const auto yes = PersonModel::id > 0;
  const auto no = PersonModel::id < 0;
  const auto unknown = PersonModel::age == 1;
  const auto of = [&](const auto& condition) -> std::string {
    return !Found(condition).empty() ? "T" : !Found(!condition).empty() ? "F" : "U";
  };
  EXPECT_EQ(of(yes) + of(no) + of(unknown), "TFU");
  EXPECT_EQ(of(!yes) + of(!no) + of(!unknown), "FTU");
  EXPECT_EQ(of(yes && yes) + of(yes && no) + of(yes && unknown), "TFU");
  EXPECT_EQ(of(no && yes) + of(no && no) + of(no && unknown), "FFF");
  EXPECT_EQ(of(unknown && yes) + of(unknown && no) + of(unknown && unknown), "UFU");
  EXPECT_EQ(of(yes || yes) + of(yes || no) + of(yes || unknown), "TTT");
  EXPECT_EQ(of(no || yes) + of(no || no) + of(no || unknown), "TFU");
  EXPECT_EQ(of(unknown || yes) + of(unknown || no) + of(unknown || unknown), "TUU");
  EXPECT_EQ(of(unknown || !unknown), "U") << "an absent age is not 1, and not another one";
}

TEST_F(ConditionsTest, AFunctionJudgesARecordOrAReference) {
  AddEach({1, 2, 3}, [](Person& person, int age) { person.set_age(age); });
  Add(PetOf(1, 2, "Rex"));
  const auto odd = Satisfies<Person>([](const Person& person) { return person.age() % 2 == 1; });
  const auto owner = Satisfies<Person>([](PersonRef person) { return !person.pets().empty(); });
  EXPECT_EQ(Found(odd), Ids({1, 3}));
  EXPECT_EQ(Found(!odd), Ids({2}));
  EXPECT_EQ(Found(owner), Ids({2}));
  EXPECT_EQ(Found(owner || PersonModel::age == 3), Ids({2, 3}));
  EXPECT_EQ(Found(odd && PersonModel::age > 1), Ids({3}));
}

TEST_F(ConditionsTest, AFilterMadeAtRunTimeGoesWhereConditionsGo) {
  AddEach({1, 2, 3}, [](Person& person, int age) { person.set_age(age); });
  auto tree = query::Compare(*Person::descriptor()->FindFieldByName("age"),
                             query::Comparison::kGreater, std::int64_t{1});
  ASSERT_TRUE(tree.ok());
  const Filter<Person> filter(*tree);
  EXPECT_EQ(Found(filter), Ids({2, 3}));
  EXPECT_EQ(Found(!filter), Ids({1}));
  EXPECT_EQ(Found(filter && PersonModel::id < 3), Ids({2}));
  EXPECT_EQ(Found(PersonModel::id == 1 || filter), Ids({1, 2, 3}));
  EXPECT_EQ(Found(PersonModel::boss.Has(filter)), Ids());
  EXPECT_EQ(Found(Filter<Person>()), Ids({1, 2, 3})) << "it asks for nothing";
}

// Two numbers whose hashes are one: their records are in one posting list, or in that of one of
// them.
constexpr std::int64_t kOne = 3689348814741910324;
constexpr std::int64_t kOther = -3689348814741910323;

class CollisionTest : public QueryTest {
 protected:
  CollisionTest() {
    EXPECT_EQ(internal::HashKey(kOne), internal::HashKey(kOther));
    Add(Named(kOne), Named(kOther));
    Add(PetOf(1, kOne, "x"), PetOf(2, kOne, "x"));
  }
  void ExpectPets(std::int64_t owner, const Ids& pets) {
    const Snapshot snapshot = store_->GetSnapshot();
    const auto found = snapshot.Query<Pet>().Where(PetModel::owner_id == owner);
    EXPECT_EQ(Sorted(IdsOf(found.ToVector())), pets);
    EXPECT_EQ(found.Count(), static_cast<std::int64_t>(pets.size()));
    EXPECT_EQ(found.Exists(), !pets.empty());
    const PersonRef person = snapshot.Find<Person>(owner);
    EXPECT_EQ(Sorted(IdsOf(person.pets())), pets);
    EXPECT_EQ(person.pets().size(), pets.size());
    EXPECT_EQ(person.pets().empty(), pets.empty());
    EXPECT_EQ(
        Sorted(IdsOf(
            snapshot.Query<Person>().Where(PersonModel::id == owner).Follow(PersonModel::pets))),
        pets);
    const auto dynamic = DynamicQuery::Of(snapshot, *Pet::descriptor())
                             ->Where((PetModel::owner_id == owner).Tree())
                             .Count();
    EXPECT_EQ(*dynamic, static_cast<std::int64_t>(pets.size()));
  }
};

TEST_F(CollisionTest, AListOfAnotherKeyOfOneHashIsNotTaken) {
  ExpectPets(kOne, {1, 2});
  ExpectPets(kOther, {});
  EXPECT_EQ(Found(PersonModel::pets.Count() >= 1), Ids({kOne}));
  const Snapshot snapshot = store_->GetSnapshot();
  const auto either = snapshot.Query<Pet>().Where(PetModel::owner_id.In({kOne, kOther}));
  EXPECT_EQ(either.Count(), 2);
  EXPECT_EQ(Sorted(IdsOf(either.ToVector())), Ids({1, 2})) << "each once";
}

TEST_F(CollisionTest, AListOfBothIsToldApart) {
  const Snapshot before = store_->GetSnapshot();
  Add(PetOf(3, kOther, "x"));
  ExpectPets(kOne, {1, 2});
  ExpectPets(kOther, {3});
  EXPECT_EQ(before.Query<Pet>().Where(PetModel::owner_id == kOther).Count(), 0);
  Write([](Transaction& txn) {
    for (const std::uint32_t id : {1, 2}) {
      EXPECT_TRUE(txn.Delete(txn.Find<Pet>(id)).ok());
    }
  });
  ExpectPets(kOne, {});
  ExpectPets(kOther, {3});
}

TEST_F(CollisionTest, KeysOfSeveralFieldsAreToldApart) {
  const auto person = [](std::int64_t id, std::int64_t boss) {
    Person record = Named(id);
    record.set_boss_id(boss);
    return record;
  };
  Add(person(1, kOne), person(2, kOne));
  EXPECT_EQ(Found(PersonModel::boss_id == kOther), Ids());
  EXPECT_EQ(Found(PersonModel::boss_id == kOne), Ids({1, 2}));
  EXPECT_EQ(Found(PersonModel::reports.Count() >= 1), Ids({kOne}));
}

}  // namespace
}  // namespace kin::testing
