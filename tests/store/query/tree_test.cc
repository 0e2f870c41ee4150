// Trees of conditions: how they are built, what they refuse, and what is true of which record.
#include "kin/store/query/tree.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "kin/store/query/internal/bound_condition.h"
#include "tests/store/query/people.kin.h"

namespace kin::query {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::query_test::Person;
using ::testing::HasSubstr;

const FieldDescriptor& FieldOf(const std::string& name) {
  const FieldDescriptor* field = Person::descriptor()->FindFieldByName(name);
  EXPECT_NE(field, nullptr) << name;
  return *field;
}

// "true", "false" or "unknown".
std::string TruthOf(const absl::StatusOr<Condition>& condition, const Person& person) {
  EXPECT_TRUE(condition.ok()) << condition.status();
  auto bound = internal::BoundCondition::Bind(nullptr, Person::descriptor(), *condition);
  EXPECT_TRUE(bound.ok()) << bound.status();
  const bool is_true = bound->True(person);
  const bool is_false = bound->False(person);
  EXPECT_FALSE(is_true && is_false);
  return is_true ? "true" : is_false ? "false" : "unknown";
}

std::string Comparing(const std::string& field, Comparison comparison, const Value& value,
                      const Person& person) {
  return TruthOf(Compare(FieldOf(field), comparison, value), person);
}

TEST(TreeTest, ComparesEveryComparisonAroundAValue) {
  Person person;
  person.set_age(18);
  const struct {
    Comparison comparison;
    const char* below;
    const char* equal;
    const char* above;
  } kCases[] = {
      {Comparison::kEqual, "false", "true", "false"},
      {Comparison::kNotEqual, "true", "false", "true"},
      {Comparison::kLess, "false", "false", "true"},
      {Comparison::kLessOrEqual, "false", "true", "true"},
      {Comparison::kGreater, "true", "false", "false"},
      {Comparison::kGreaterOrEqual, "true", "true", "false"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(Comparing("age", c.comparison, std::int64_t{17}, person), c.below);
    EXPECT_EQ(Comparing("age", c.comparison, std::int64_t{18}, person), c.equal);
    EXPECT_EQ(Comparing("age", c.comparison, std::int64_t{19}, person), c.above);
  }
}

TEST(TreeTest, AComparisonWithAnAbsentValueIsUnknownAndStaysSoWhenNegated) {
  const Person person;
  absl::StatusOr<Condition> adult = Compare(FieldOf("age"), Comparison::kLess, std::int64_t{18});
  EXPECT_EQ(TruthOf(adult, person), "unknown");
  EXPECT_EQ(TruthOf(Not(*adult), person), "unknown");
  EXPECT_EQ(TruthOf(And({*adult, Constant(false)}), person), "false");
  EXPECT_EQ(TruthOf(Or({*adult, Constant(true)}), person), "true");
  absl::StatusOr<Condition> other = Compare(FieldOf("nick"), Comparison::kEqual, std::string("x"));
  EXPECT_EQ(TruthOf(And({*adult, *other}), person), "unknown");
  EXPECT_EQ(TruthOf(Or({*adult, *other}), person), "unknown");
  EXPECT_EQ(TruthOf(IsNull(FieldOf("age")), person), "true");
  EXPECT_EQ(TruthOf(IsNull(FieldOf("email")), person), "false") << "it is empty, not absent";
  EXPECT_EQ(TruthOf(IsNull(FieldOf("born")), person), "true");
  EXPECT_EQ(TruthOf(IsNull(FieldOf("tags")), person), "true") << "it has no elements";
}

TEST(TreeTest, ComparesEveryTypeOfField) {
  Person person;
  person.set_big(std::numeric_limits<std::uint64_t>::max());
  person.set_small(7);
  person.set_weight(1.5);
  person.set_ratio(0.25f);
  person.set_active(true);
  person.set_color(query_test::COLOR_BELOW);
  person.set_blob(std::string("a\0b", 3));
  person.mutable_born()->set_seconds(-1);
  person.mutable_born()->set_nanos(999'999'999);
  person.mutable_shift()->set_seconds(-1);
  person.mutable_shift()->set_nanos(-500'000'000);
  person.mutable_bonus()->set_value(3);
  constexpr Comparison kEq = Comparison::kEqual;
  EXPECT_EQ(Comparing("big", kEq, std::numeric_limits<std::uint64_t>::max(), person), "true");
  EXPECT_EQ(Comparing("big", Comparison::kGreater, std::int64_t{-1}, person), "true");
  EXPECT_EQ(Comparing("score", Comparison::kLess, std::uint64_t{1} << 63, person), "true");
  EXPECT_EQ(Comparing("score", Comparison::kLess, std::int64_t{5'000'000'000}, person), "true");
  EXPECT_EQ(Comparing("small", kEq, std::int64_t{7}, person), "true");
  EXPECT_EQ(Comparing("weight", kEq, 1.5, person), "true");
  EXPECT_EQ(Comparing("weight", Comparison::kGreater, std::int64_t{1}, person), "true");
  EXPECT_EQ(Comparing("ratio", kEq, 0.25, person), "true");
  EXPECT_EQ(Comparing("active", kEq, true, person), "true");
  EXPECT_EQ(Comparing("color", kEq, std::int64_t{-1}, person), "true");
  EXPECT_EQ(Comparing("color", Comparison::kLess, std::int64_t{0}, person), "true");
  EXPECT_EQ(Comparing("blob", kEq, std::string("a\0b", 3), person), "true");
  EXPECT_EQ(Comparing("blob", Comparison::kGreater, std::string("a"), person), "true");
  EXPECT_EQ(Comparing("born", Comparison::kLess, absl::UnixEpoch(), person), "true");
  EXPECT_EQ(Comparing("born", kEq, absl::UnixEpoch() - absl::Nanoseconds(1), person), "true");
  EXPECT_EQ(Comparing("born", Comparison::kLess, absl::InfiniteFuture(), person), "true");
  EXPECT_EQ(Comparing("shift", kEq, absl::Milliseconds(-1500), person), "true");
  EXPECT_EQ(Comparing("shift", Comparison::kLess, absl::Milliseconds(-1400), person), "true");
  EXPECT_EQ(Comparing("bonus", kEq, std::int64_t{3}, person), "true");
  EXPECT_EQ(Comparing("bonus", kEq, std::int64_t{3}, Person()), "unknown");
}

TEST(TreeTest, NaNIsEqualToItselfAndAboveInfinityAndZerosAreEqual) {
  Person person;
  person.set_weight(std::nan(""));
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Comparing("weight", Comparison::kEqual, std::nan(""), person), "true");
  EXPECT_EQ(Comparing("weight", Comparison::kGreater, infinity, person), "true");
  person.set_weight(-0.0);
  EXPECT_EQ(Comparing("weight", Comparison::kEqual, 0.0, person), "true");
}

TEST(TreeTest, InFindsMembersAndNothingInAnEmptyList) {
  Person person;
  person.set_age(3);
  const std::vector<Value> values = {std::int64_t{5}, std::int64_t{3}, std::int64_t{3}};
  EXPECT_EQ(TruthOf(In(FieldOf("age"), values), person), "true");
  person.set_age(4);
  EXPECT_EQ(TruthOf(In(FieldOf("age"), values), person), "false");
  EXPECT_EQ(TruthOf(In(FieldOf("age"), values), Person()), "unknown");
  EXPECT_EQ(TruthOf(In(FieldOf("age"), {}), person), "false");
}

TEST(TreeTest, TextsStartWithContainAndMatchAsAWhole) {
  Person person;
  person.set_email("ada@example.com");
  const FieldDescriptor& email = FieldOf("email");
  EXPECT_EQ(TruthOf(StartsWith(email, "ada"), person), "true");
  EXPECT_EQ(TruthOf(StartsWith(email, ""), person), "true");
  EXPECT_EQ(TruthOf(StartsWith(email, "da"), person), "false");
  EXPECT_EQ(TruthOf(Contains(email, "@ex"), person), "true");
  EXPECT_EQ(TruthOf(Contains(email, "@EX"), person), "false");
  EXPECT_EQ(TruthOf(Matches(email, "ada.*com"), person), "true");
  EXPECT_EQ(TruthOf(Matches(email, "ada"), person), "false");
  EXPECT_EQ(TruthOf(StartsWith(FieldOf("nick"), "a"), person), "unknown");
}

// A wrapper is as the value that it holds, of which any bytes match a dot.
TEST(TreeTest, PatternsOfWrappedBytesAreOfBytes) {
  const google::protobuf::DescriptorPool* generated =
      google::protobuf::DescriptorPool::generated_pool();
  google::protobuf::DescriptorPool pool(generated);
  google::protobuf::FileDescriptorProto file;
  file.set_name("wrapped.proto");
  file.add_dependency(google::protobuf::BytesValue::descriptor()->file()->name());
  auto* field = file.add_message_type()->add_field();
  file.mutable_message_type(0)->set_name("Wrapped");
  field->set_name("bytes");
  field->set_number(1);
  field->set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_type_name(".google.protobuf.BytesValue");
  const google::protobuf::FileDescriptor* built = pool.BuildFile(file);
  ASSERT_NE(built, nullptr);
  const auto condition = Matches(*built->message_type(0)->field(0), "a.");
  ASSERT_TRUE(condition.ok()) << condition.status();
  EXPECT_TRUE(internal::MatchesPattern(*(*condition)->pattern, "a\xff"));
}

TEST(TreeTest, ComparesFieldsOfOneKindAndSigns) {
  Person person;
  person.set_score(-1);
  person.set_big(0);
  EXPECT_EQ(TruthOf(CompareFields(FieldOf("score"), Comparison::kLess, FieldOf("big")), person),
            "true");
  EXPECT_EQ(TruthOf(CompareFields(FieldOf("big"), Comparison::kLess, FieldOf("score")), person),
            "false");
  person.set_score(0);
  EXPECT_EQ(TruthOf(CompareFields(FieldOf("big"), Comparison::kEqual, FieldOf("score")), person),
            "true");
  EXPECT_EQ(TruthOf(CompareFields(FieldOf("big"), Comparison::kEqual, FieldOf("age")), person),
            "unknown");
}

TEST(TreeTest, ARepeatedFieldHasElements) {
  Person person;
  person.add_tags("red");
  EXPECT_EQ(TruthOf(HasElement(FieldOf("tags"), std::string("red")), person), "true");
  EXPECT_EQ(TruthOf(HasElement(FieldOf("tags"), std::string("re")), person), "false");
}

TEST(TreeTest, AConditionWithinAMessageIsUnknownWhereThereIsNone) {
  const auto& city = *query_test::Address::descriptor()->FindFieldByName("city");
  absl::StatusOr<Condition> oslo = Compare(city, Comparison::kEqual, std::string("Oslo"));
  ASSERT_TRUE(oslo.ok());
  Person person;
  EXPECT_EQ(TruthOf(Within(FieldOf("home"), *oslo), person), "unknown");
  EXPECT_EQ(TruthOf(Within(FieldOf("offices"), *oslo), person), "false");
  person.mutable_home();
  EXPECT_EQ(TruthOf(Within(FieldOf("home"), *oslo), person), "false");
  person.mutable_home()->set_city("Oslo");
  EXPECT_EQ(TruthOf(Within(FieldOf("home"), *oslo), person), "true");
  person.add_offices()->set_city("Rome");
  EXPECT_EQ(TruthOf(Within(FieldOf("offices"), *oslo), person), "false");
  person.add_offices()->set_city("Oslo");
  EXPECT_EQ(TruthOf(Within(FieldOf("offices"), *oslo), person), "true");
  EXPECT_EQ(ToString(*Within(FieldOf("home"), *oslo)), "home.Within(city == \"Oslo\")");
}

TEST(TreeTest, AMapIsSearchedAsItsEntries) {
  const FieldDescriptor& marks = FieldOf("marks");
  const google::protobuf::Descriptor& entry = *marks.message_type();
  auto has = [&](const std::string& key, std::int64_t above) {
    return Within(marks, And({*Compare(*entry.map_key(), Comparison::kEqual, key),
                              *Compare(*entry.map_value(), Comparison::kGreater, above)}));
  };
  Person person;
  (*person.mutable_marks())["math"] = 5;
  (*person.mutable_marks())["art"] = 1;
  EXPECT_EQ(TruthOf(has("math", 4), person), "true");
  EXPECT_EQ(TruthOf(has("art", 4), person), "false");
  EXPECT_EQ(TruthOf(has("music", 4), person), "false");
}

TEST(TreeTest, RefusesWhatDoesNotFitAndNamesTheField) {
  const struct {
    absl::Status status;
    const char* message;
  } kCases[] = {
      {Compare(FieldOf("age"), Comparison::kEqual, std::string("x")).status(),
       "query_test.Person.age: the field holds an integer, which cannot be compared with a text"},
      {Compare(FieldOf("age"), Comparison::kEqual, 1.5).status(), "a fraction"},
      {Compare(FieldOf("active"), Comparison::kEqual, std::int64_t{1}).status(), "a bool"},
      {Compare(FieldOf("tags"), Comparison::kEqual, std::string("x")).status(), "repeated"},
      {Compare(FieldOf("born"), Comparison::kEqual, std::string("x")).status(), "a time"},
      {StartsWith(FieldOf("age"), "1").status(), "is for texts"},
      {Matches(FieldOf("email"), "(").status(), "is no RE2 pattern"},
      {HasElement(FieldOf("email"), std::string("x")).status(), "not repeated"},
      {In(FieldOf("age"), {Value(true)}).status(), "cannot be compared with a bool"},
      {Within(FieldOf("email"), Constant(true)).status(), "the field holds no message"},
      {Within(FieldOf("home"), *IsNull(FieldOf("age"))).status(),
       "the field holds query_test.Address, and the condition is on query_test.Person"},
      {CompareFields(FieldOf("age"), Comparison::kEqual, FieldOf("email")).status(),
       "these cannot be compared"},
  };
  for (const auto& c : kCases) {
    EXPECT_EQ(c.status.code(), absl::StatusCode::kInvalidArgument) << c.message;
    EXPECT_THAT(std::string(c.status.message()), HasSubstr(c.message));
  }
}

TEST(TreeTest, RefusesAConditionOnAnotherModel) {
  auto condition = Compare(*query_test::Pet::descriptor()->FindFieldByName("name"),
                           Comparison::kEqual, std::string("x"));
  ASSERT_TRUE(condition.ok());
  EXPECT_EQ(
      internal::BoundCondition::Bind(nullptr, Person::descriptor(), *condition).status().code(),
      absl::StatusCode::kInvalidArgument);
  const AssociationName profile(Person::descriptor(), query_test::Profile::descriptor(), "profile");
  EXPECT_THAT(std::string(Has(profile, *condition).status().message()),
              HasSubstr("query_test.Person.profile: it leads to query_test.Profile"));
}

TEST(TreeTest, ReadsAsThePredicateOfAProgram) {
  auto age = Compare(FieldOf("age"), Comparison::kGreaterOrEqual, std::int64_t{18});
  auto name = StartsWith(FieldOf("last_name"), "L\n");
  auto color = Compare(FieldOf("color"), Comparison::kEqual, std::int64_t{1});
  const AssociationName pets(Person::descriptor(), query_test::Pet::descriptor(), "pets");
  EXPECT_EQ(ToString(And({*age, Or({*name, Not(*color)}), *Count(pets, Comparison::kGreater, 2)})),
            "age >= 18 && (last_name.StartsWith(\"L\\n\") || !(color == COLOR_RED)) && "
            "pets.Count() > 2");
  EXPECT_EQ(ToString(And({})), "true");
  EXPECT_EQ(ToString(Or({})), "false");
}

}  // namespace
}  // namespace kin::query
