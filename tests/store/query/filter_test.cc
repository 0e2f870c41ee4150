// Filters as text: what each construct means.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/parse_filter.h"
#include "kin/tests/graph/protos.h"
#include "tests/store/query/people.kin.h"

namespace kin::query {
namespace {

using ::query_test::Person;

// The filter as C++ would put it.
std::string Parsed(const std::string& text) {
  absl::StatusOr<Condition> condition = ParseFilter(*Person::descriptor(), text);
  return condition.ok() ? ToString(*condition) : condition.status().ToString();
}

// "true", "false" or "unknown" for a record; of filters without associations.
std::string TruthOf(const std::string& text, const Person& person) {
  absl::StatusOr<Condition> condition = ParseFilter(*Person::descriptor(), text);
  if (!condition.ok()) return condition.status().ToString();
  auto bound = internal::BoundCondition::Bind(nullptr, Person::descriptor(), *condition);
  if (!bound.ok()) return bound.status().ToString();
  return bound->True(person) ? "true" : bound->False(person) ? "false" : "unknown";
}

TEST(FilterTest, NoTextIsTrueOfEveryRecord) {
  EXPECT_EQ(Parsed(""), "true");
  EXPECT_EQ(Parsed(" \t\r\n"), "true");
}

TEST(FilterTest, OrBindsTighterThanAnd) {
  EXPECT_EQ(Parsed("age = 1 AND age = 2 OR score = 3"), "age == 1 && (age == 2 || score == 3)");
  EXPECT_EQ(Parsed("age = 1 OR score = 2 AND age = 3"), "(age == 1 || score == 2) && age == 3");
  EXPECT_EQ(Parsed("(age = 1 AND age = 2) OR score = 3"), "(age == 1 && age == 2) || score == 3");
}

TEST(FilterTest, WhatFollowsWithoutOperatorIsAnd) {
  EXPECT_EQ(Parsed("age = 1 score = 2 OR age = 3 city = x"),
            "age == 1 && (score == 2 || age == 3) && city == \"x\"");
  EXPECT_EQ(Parsed("(age=1)(score=2)-(age=3)"), "age == 1 && score == 2 && !(age == 3)");
}

TEST(FilterTest, NotAndMinusNegateOneTerm) {
  EXPECT_EQ(Parsed("NOT age = 1 AND score = 2"), "!(age == 1) && score == 2");
  EXPECT_EQ(Parsed("-age = 1 OR score = 2"), "!(age == 1) || score == 2");
  EXPECT_EQ(Parsed("NOT (age = 1 OR score = 2)"), "!(age == 1 || score == 2)");
  EXPECT_EQ(Parsed("NOT(NOT age = 1)"), "!(!(age == 1))");
}

TEST(FilterTest, ComparesWithEveryOperator) {
  EXPECT_EQ(Parsed("age = 18"), "age == 18");
  EXPECT_EQ(Parsed("age != 18"), "age != 18");
  EXPECT_EQ(Parsed("age < 18"), "age < 18");
  EXPECT_EQ(Parsed("age <= 18"), "age <= 18");
  EXPECT_EQ(Parsed("age > 18"), "age > 18");
  EXPECT_EQ(Parsed("age >= 18"), "age >= 18");
  EXPECT_EQ(Parsed("age:18"), "age == 18") << "has, of one value, is equals";
  EXPECT_EQ(Parsed("age>=-18"), "age >= -18");
}

TEST(FilterTest, AComparisonWithAnAbsentValueIsUnknown) {
  const Person person;
  EXPECT_EQ(TruthOf("age = 18", person), "unknown");
  EXPECT_EQ(TruthOf("NOT age = 18", person), "unknown");
  EXPECT_EQ(TruthOf("nick = \"a*b\"", person), "unknown");
  EXPECT_EQ(TruthOf("nick = *", person), "unknown");
  EXPECT_EQ(TruthOf("home.city = x", person), "unknown");
  EXPECT_EQ(TruthOf("NOT home.city = x", person), "unknown");
}

TEST(FilterTest, IntegersHaveTheRangeOfTheirType) {
  Person person;
  person.set_score(std::numeric_limits<std::int32_t>::min());
  person.set_age(std::numeric_limits<std::int64_t>::max());
  person.set_small(std::numeric_limits<std::uint32_t>::max());
  person.set_big(std::numeric_limits<std::uint64_t>::max());
  person.mutable_bonus()->set_value(std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(TruthOf("score = -2147483648", person), "true");
  EXPECT_EQ(TruthOf("age = 9223372036854775807", person), "true");
  EXPECT_EQ(TruthOf("small = 4294967295", person), "true");
  EXPECT_EQ(TruthOf("big = 18446744073709551615", person), "true");
  EXPECT_EQ(TruthOf("bonus = -9223372036854775808", person), "true");
  EXPECT_EQ(TruthOf("score = 007", person), "false");
}

TEST(FilterTest, NumbersWithAFractionHaveExponents) {
  Person person;
  person.set_weight(2.997e9);
  person.set_ratio(0.1f);
  EXPECT_EQ(TruthOf("weight = 2.997e9", person), "true");
  EXPECT_EQ(TruthOf("weight = 2997000000", person), "true");
  EXPECT_EQ(TruthOf("weight > -1e-3", person), "true");
  EXPECT_EQ(TruthOf("weight < inf AND weight > -inf", person), "true");
  EXPECT_EQ(TruthOf("ratio = 0.1", person), "true") << "a float, rounded as the field is";
  EXPECT_EQ(TruthOf("ratio = .1", person), "true");
  person.set_weight(std::nan(""));
  EXPECT_EQ(TruthOf("weight = nan", person), "true");
}

TEST(FilterTest, BoolsAndEnumsByNameAndNumber) {
  Person person;
  person.set_active(true);
  person.set_color(query_test::COLOR_BELOW);
  EXPECT_EQ(TruthOf("active = true", person), "true");
  EXPECT_EQ(TruthOf("active != false AND active:true", person), "true");
  EXPECT_EQ(TruthOf("flag = true", person), "unknown");
  EXPECT_EQ(TruthOf("color = COLOR_BELOW", person), "true");
  EXPECT_EQ(TruthOf("color = \"COLOR_BELOW\"", person), "true");
  EXPECT_EQ(TruthOf("color = -1", person), "true");
  person.set_color(static_cast<query_test::Color>(77));
  EXPECT_EQ(TruthOf("color = 77", person), "true");
}

TEST(FilterTest, TimesAreThoseOfRfc3339) {
  Person person;
  person.mutable_born()->set_seconds(1335022200);  // 2012-04-21T15:30:00Z
  person.mutable_born()->set_nanos(500'000'000);
  for (const char* same :
       {"2012-04-21T11:30:00.5-04:00", "\"2012-04-21T15:30:00.500Z\"", "2012-04-21t15:30:00.5z",
        "2012-04-21T15:30:00.500000000+00:00", "2012-04-22T01:15:00.5+09:45"}) {
    EXPECT_EQ(TruthOf(std::string("born = ") + same, person), "true") << same;
  }
  EXPECT_EQ(TruthOf("born > 0001-01-01T00:00:00Z", person), "true");
  EXPECT_EQ(TruthOf("born < 9999-12-31T23:59:59.999999999Z", person), "true");
  EXPECT_EQ(TruthOf("born > 2012-02-29T00:00:00Z", person), "true") << "a leap year";
}

TEST(FilterTest, DurationsAreInSeconds) {
  Person person;
  person.mutable_shift()->set_seconds(-1);
  person.mutable_shift()->set_nanos(-500'000'000);
  EXPECT_EQ(TruthOf("shift = -1.5s", person), "true");
  EXPECT_EQ(TruthOf("shift < \"20s\"", person), "true");
  EXPECT_EQ(TruthOf("shift > -315576000000s", person), "true");
  EXPECT_EQ(TruthOf("shift < 0.000000001s", person), "true");
}

TEST(FilterTest, TextsInEitherQuotesOrNone) {
  Person person;
  person.set_city("Oslo");
  EXPECT_EQ(TruthOf("city = \"Oslo\"", person), "true");
  EXPECT_EQ(TruthOf("city = 'Oslo'", person), "true");
  EXPECT_EQ(TruthOf("city=Oslo", person), "true");
  EXPECT_EQ(TruthOf("city > Osl", person), "true");
  person.set_city("com.google-1");
  EXPECT_EQ(TruthOf("city = com.google-1", person), "true");
  person.set_city("it's \"AND\"\\");
  EXPECT_EQ(TruthOf(R"(city = "it's \"AND\"\\")", person), "true");
  person.set_city("");
  EXPECT_EQ(TruthOf("city = \"\"", person), "true");
  EXPECT_EQ(TruthOf("city != ''", person), "false");
}

TEST(FilterTest, EscapesAreBytesAndCharacters) {
  Person person;
  person.set_city("a\n\r\t*\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(TruthOf(R"(city = "a\n\r\t\*\u00e9\u20AC\U0001f600")", person), "true");
  EXPECT_EQ(TruthOf(R"(city = "a\n\r\t\*\xc3\xa9€\U0001F600")", person), "true");
  person.set_blob(std::string("\0\xff", 2));
  EXPECT_EQ(TruthOf(R"(blob = "\x00\xff")", person), "true");
}

TEST(FilterTest, AStarStandsForAnyTextWhenEqualityIsAsked) {
  Person person;
  person.set_city("a.b\nc");
  for (const char* matching :
       {"a*", "*c", "*.b*", "*", "**", "a*c", "*a.*c*", "a***c", "a.b\\nc*", "*a.b\\nc"}) {
    EXPECT_EQ(TruthOf(absl::StrCat("city = \"", matching, "\""), person), "true") << matching;
    EXPECT_EQ(TruthOf(absl::StrCat("city:\"", matching, "\""), person), "true") << matching;
    EXPECT_EQ(TruthOf(absl::StrCat("city != \"", matching, "\""), person), "false") << matching;
  }
  for (const char* other : {"b*", "*b", "*d*", "a*b", "a\\*", "a+b*c", "*a.?c*"}) {
    EXPECT_EQ(TruthOf(absl::StrCat("city = \"", other, "\""), person), "false") << other;
  }
  EXPECT_EQ(Parsed("city = L*"), "city.StartsWith(\"L\")");
  EXPECT_EQ(Parsed("city = *L*"), "city.Contains(\"L\")");
  EXPECT_EQ(Parsed("city < \"L*\""), "city < \"L*\"") << "no wildcard where order is asked";
  person.set_blob("\xff.\xfe");
  EXPECT_EQ(TruthOf(R"(blob = "\xff*\xfe")", person), "true");
  EXPECT_EQ(TruthOf(R"(blob = "*\xff")", person), "false");
}

TEST(FilterTest, MatchesIsARegularExpressionOfTheWholeText) {
  Person person;
  person.set_city("Oslo");
  EXPECT_EQ(TruthOf("matches(city, \"O.*o\")", person), "true");
  EXPECT_EQ(TruthOf("matches( city , '(?i)osl\\\\w' )", person), "true");
  EXPECT_EQ(TruthOf("matches(city, \"O\")", person), "false");
  EXPECT_EQ(TruthOf("NOT matches(nick, \"O\")", person), "unknown");
  EXPECT_EQ(TruthOf("matches(home.city, \"\")", person), "unknown");
}

TEST(FilterTest, NullIsAbsent) {
  Person person;
  EXPECT_EQ(TruthOf("age = null", person), "true");
  EXPECT_EQ(TruthOf("age != null", person), "false");
  EXPECT_EQ(TruthOf("nick:null", person), "true");
  EXPECT_EQ(TruthOf("born = null AND home = null AND bonus = null AND phone = null", person),
            "true");
  EXPECT_EQ(TruthOf("home.zip = null", person), "true") << "the message is absent";
  person.set_nick("null");
  EXPECT_EQ(TruthOf("nick = null", person), "false");
  EXPECT_EQ(TruthOf("nick = \"null\"", person), "true");
  person.mutable_home();
  EXPECT_EQ(TruthOf("home = null", person), "false");
  EXPECT_EQ(TruthOf("home.zip = null AND home.point.east = null", person), "true");
  person.mutable_home()->set_zip(0);
  EXPECT_EQ(TruthOf("home.zip = null", person), "false");
  EXPECT_EQ(TruthOf("home.zip != null", person), "true");
}

TEST(FilterTest, AStarAfterAColonAsksForPresence) {
  const auto expect_present = [](const Person& person, bool present) {
    for (const char* field : {"age",
                              "nick",
                              "email",
                              "score",
                              "weight",
                              "color",
                              "active",
                              "born",
                              "bonus",
                              "tags",
                              "big",
                              "home",
                              "home.city",
                              "home.zip",
                              "home.point.north",
                              "home.former.former.city",
                              "offices",
                              "offices.city",
                              "marks",
                              "marks.math",
                              "places.1",
                              "places.1.city",
                              "phone"}) {
      EXPECT_EQ(TruthOf(absl::StrCat(field, ":*"), person), present ? "true" : "false") << field;
      EXPECT_EQ(TruthOf(absl::StrCat("NOT ", field, ":*"), person), present ? "false" : "true")
          << field;
    }
  };
  Person person;
  expect_present(person, false);
  person.set_age(0);
  person.set_nick("");
  person.set_email("e");
  person.set_score(-1);
  person.set_weight(0.5);
  person.set_color(query_test::COLOR_RED);
  person.set_active(true);
  person.mutable_born();
  person.mutable_bonus();
  person.add_tags("");
  person.set_big(1);
  person.mutable_home()->set_city("x");
  person.mutable_home()->set_zip(0);
  person.mutable_home()->mutable_point()->set_north(1);
  person.mutable_home()->mutable_former()->mutable_former()->set_city("x");
  person.add_offices()->set_city("x");
  person.add_offices();
  (*person.mutable_marks())["math"] = 0;
  (*person.mutable_places())[1].set_city("x");
  person.set_phone("");
  expect_present(person, true);
}

TEST(FilterTest, ElementsOfRepeatedFieldsAreAskedForWithAColon) {
  Person person;
  person.add_tags("red");
  person.add_tags("blue");
  person.add_numbers(42);
  EXPECT_EQ(TruthOf("tags:red AND tags:\"blue\" AND numbers:42", person), "true");
  EXPECT_EQ(TruthOf("tags:green OR numbers:41", person), "false");
  EXPECT_EQ(TruthOf("tags:(red AND blue)", person), "true");
  EXPECT_EQ(TruthOf("tags:(red AND NOT green)", person), "true");
  EXPECT_EQ(TruthOf("tags:(green OR red)", person), "true");
  EXPECT_EQ(TruthOf("tags:\"b*e\" AND tags:re*", person), "true");
  EXPECT_EQ(TruthOf("tags:\"*x*\"", person), "false");
}

TEST(FilterTest, MessagesAreEnteredByDots) {
  Person person;
  query_test::Address& home = *person.mutable_home();
  home.set_city("Oslo");
  home.mutable_point()->set_north(59.9);
  home.mutable_former()->set_city("Rome");
  home.mutable_since()->set_seconds(60);
  EXPECT_EQ(TruthOf("home.city = Oslo AND home.point.north > 59", person), "true");
  EXPECT_EQ(TruthOf("home.former.city = \"R*\"", person), "true");
  EXPECT_EQ(TruthOf("home.former.former.city = Oslo", person), "unknown");
  EXPECT_EQ(TruthOf("home.since > 1970-01-01T00:00:00Z", person), "true");
  EXPECT_EQ(TruthOf("home.since.seconds = 60", person), "true");
  EXPECT_EQ(TruthOf("home:city AND NOT home:zip", person), "true");
  EXPECT_EQ(TruthOf("home:(city = Oslo AND former:(city = Rome))", person), "true");
}

TEST(FilterTest, MessagesOfARepeatedFieldAreAskedTogetherInParentheses) {
  Person person;
  person.add_offices()->set_city("Oslo");
  person.add_offices()->set_zip(7);
  EXPECT_EQ(TruthOf("offices.city:Oslo AND offices.zip:7", person), "true");
  EXPECT_EQ(TruthOf("offices:(city = Oslo AND zip = 7)", person), "false");
  EXPECT_EQ(TruthOf("offices:(city = Oslo zip = null)", person), "true");
  EXPECT_EQ(TruthOf("offices:(zip > 6)", person), "true");
}

TEST(FilterTest, MapsByKey) {
  Person person;
  (*person.mutable_marks())["math"] = 5;
  (*person.mutable_marks())["fine art"] = 1;
  (*person.mutable_places())[-3].set_city("Oslo");
  EXPECT_EQ(TruthOf("marks:math AND NOT marks:music", person), "true");
  EXPECT_EQ(TruthOf("marks:\"fine*\" AND marks:(math OR music)", person), "true");
  EXPECT_EQ(TruthOf("marks.math >= 5 AND marks.\"fine art\" = 1", person), "true");
  EXPECT_EQ(TruthOf("marks.math > 5", person), "false");
  EXPECT_EQ(TruthOf("marks.music != 5", person), "false") << "there is no such entry";
  EXPECT_EQ(TruthOf("marks.music = null AND marks.math != null", person), "true");
  EXPECT_EQ(TruthOf("places.\"-3\".city = Oslo AND NOT places.\"3\".city = Oslo", person), "true");
  EXPECT_EQ(TruthOf("places.\"-3x\".city = Oslo", person),
            "INVALID_ARGUMENT: filter, column 8: expected an integer such as 42 for the int32 "
            "query_test.Person.PlacesEntry.key and found \"-3x\"");
  EXPECT_EQ(TruthOf("places:-3 AND NOT places:4", person), "true");
  EXPECT_EQ(TruthOf("places.4.zip = null AND places.4 = null", person), "true");
}

// By reflection protobuf would keep a second form of each map that is asked, in the record.
TEST(FilterTest, RecordsAreNotEnlargedByBeingJudged) {
  Person person;
  for (int i = 0; i < 100; ++i) {
    (*person.mutable_marks())[absl::StrCat("mark", i)] = i;
    (*person.mutable_places())[i].set_city("Oslo");
  }
  const std::size_t before = person.SpaceUsedLong();
  EXPECT_EQ(TruthOf("marks.mark7 = 7 AND places.99.city = Oslo AND marks:mark3", person), "true");
  EXPECT_EQ(TruthOf("marks.mark7 = 8 OR places.100.city = Oslo", person), "false");
  EXPECT_EQ(person.SpaceUsedLong(), before);
}

TEST(FilterTest, NumbersTooSmallForTheirTypeAreTheNearestItHas) {
  Person person;
  person.set_weight(0.5);
  person.set_ratio(-0.5f);
  EXPECT_EQ(TruthOf("weight > 1e-400 AND weight > -1e-400 AND weight != 1e-400", person), "true");
  EXPECT_EQ(TruthOf("ratio < 1e-60 AND ratio < -1e-60", person), "true");
  person.set_weight(0);
  EXPECT_EQ(TruthOf("weight = 1e-400", person), "true");
  EXPECT_EQ(TruthOf("weight < 1e400", person),
            "INVALID_ARGUMENT: filter, column 10: \"1e400\" is out of the range of the double "
            "query_test.Person.weight");
}

TEST(FilterTest, AlternativesOfAValueAreASet) {
  EXPECT_EQ(Parsed("age = (1 OR 2 OR -3)"), "age.In({-3, 1, 2})");
  EXPECT_EQ(Parsed("color:(COLOR_RED OR 7)"), "color.In({COLOR_RED, 7})");
  EXPECT_EQ(Parsed("city = (a OR \"b*\")"), "city == \"a\" || city.StartsWith(\"b\")");
  EXPECT_EQ(Parsed("age > (1 OR 2)"), "age > 1 || age > 2");
  EXPECT_EQ(Parsed("age = (NOT 1 AND NOT 2)"), "!(age == 1) && !(age == 2)");
  EXPECT_EQ(Parsed("age = (null OR 2)"), "age.IsNull() || age == 2");
  EXPECT_EQ(Parsed("age = ((1 OR 2) 3) score = 4"), "age.In({1, 2}) && age == 3 && score == 4");
  EXPECT_EQ(Parsed("born < (2012-04-21T11:30:00Z)"), "born < 2012-04-21T11:30:00+00:00");
  EXPECT_EQ(Parsed("home.zip = (1 OR 2)"), "home.Within(zip.In({1, 2}))");
}

TEST(FilterTest, AssociationsAreCrossedByDots) {
  EXPECT_EQ(Parsed("boss.age > 50"), "boss.Has(age > 50)");
  EXPECT_EQ(Parsed("boss.boss.city = \"O*\""), "boss.Has(boss.Has(city.StartsWith(\"O\")))");
  EXPECT_EQ(Parsed("NOT pets.name != Rex"), "!(pets.Has(name != \"Rex\"))");
  EXPECT_EQ(Parsed("pets.toys.price:3"), "pets.Has(toys.Has(price == 3))");
  EXPECT_EQ(Parsed("clubs.rank = (1 OR 2)"), "clubs.Has(rank.In({1, 2}))");
  EXPECT_EQ(Parsed("boss.home.zip = 1"), "boss.Has(home.Within(zip == 1))");
  EXPECT_EQ(Parsed("boss.nick = null"), "boss.Has(nick.IsNull())");
  EXPECT_EQ(Parsed("boss.nick:*"), "boss.Has(!(nick.IsNull()))");
}

TEST(FilterTest, AssociationsAreThereOrNot) {
  EXPECT_EQ(Parsed("boss:* AND NOT pets:*"), "boss.Has() && !(pets.Has())");
  EXPECT_EQ(Parsed("boss = null OR profile != null"), "!(boss.Has()) || profile.Has()");
  EXPECT_EQ(Parsed("boss.first_pet:*"), "boss.Has(first_pet.Has())");
}

TEST(FilterTest, AFilterInParenthesesIsOnOneAssociatedRecord) {
  EXPECT_EQ(Parsed("pets:(name = Rex AND years > 3)"), "pets.Has(name == \"Rex\" && years > 3)");
  EXPECT_EQ(Parsed("boss.pets:(toys:(price < 3) OR NOT owner.age = 3) age = 1"),
            "boss.Has(pets.Has(toys.Has(price < 3) || !(owner.Has(age == 3)))) && age == 1");
}

TEST(FilterTest, CountsAssociatedRecords) {
  EXPECT_EQ(Parsed("count(pets) >= 3"), "pets.Count() >= 3");
  EXPECT_EQ(Parsed("count(boss.reports) = (0 OR 5)"),
            "boss.Has(reports.Count() == 0) || boss.Has(reports.Count() == 5)");
  EXPECT_EQ(Parsed("-count(clubs)!=1"), "!(clubs.Count() != 1)");
}

TEST(FilterTest, ModelsWithoutGeneratedCodeAreFilteredAsWell) {
  graph::Protos protos;
  protos.AddTest(R"(
    message Node {
      option (kin.model) = { has_many: { name: "nodes" foreign_key: "parent_id" } };
      int64 id = 1;
      int64 parent_id = 2;
    })");
  const google::protobuf::FileDescriptor* file = protos.Import();
  ASSERT_NE(file, nullptr);
  absl::StatusOr<Condition> condition =
      ParseFilter(*file->message_type(0), "parent_id > 3 nodes.id = 4");
  ASSERT_TRUE(condition.ok()) << condition.status();
  EXPECT_EQ(ToString(*condition), "parent_id > 3 && nodes.Has(id == 4)");
}

TEST(FilterTest, ModelsWithMistakesAreRefused) {
  graph::Protos protos;
  protos.AddTest("message A { option (kin.model) = { primary_key: \"x\" }; int64 id = 1; }");
  const google::protobuf::FileDescriptor* file = protos.Import();
  ASSERT_NE(file, nullptr);
  const absl::Status status = ParseFilter(*file->message_type(0), "id = 1").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("p.A has no field \"x\""));
}

}  // namespace
}  // namespace kin::query
