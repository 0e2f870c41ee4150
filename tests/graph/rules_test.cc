// Value rules, stamps and lock_version: what is resolved, and each mistake in them.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The mistakes of a model with one field beside its id.
std::vector<std::string> OfField(const std::string& field) {
  return Diagnose(
      "enum Kind { NONE = 0; CAT = 1; DOG = 2; } message Sub {}\nmessage M { option "
      "(kin.model) = {}; int64 id = 1;\n" +
      field + "\n}");
}

TEST(ValueRuleTest, AllThatCanBeKeptAreAccepted) {
  EXPECT_THAT(OfField(R"(
      int32 a = 2 [(kin.field) = { min: -5 max: 5 in: ["-5", "0", "5"] }];
      uint64 b = 3 [(kin.field).max = 9007199254740992];
      double c = 4 [(kin.field) = { min: -inf max: 0.5 }];
      string d = 5 [(kin.field) = { required: true min_len: 1 max_len: 3 pattern: "[a-zä]+" in: "äää" }];
      bytes e = 6 [(kin.field) = { pattern: "\\xff+" max_len: 4 }];
      Kind f = 7 [(kin.field) = { required: true in: ["CAT", "DOG"] }];
      repeated string g = 8 [(kin.field) = { required: true max_len: 2 pattern: "[a-z]+" in: "aaa" }];
      map<string, int32> h = 9 [(kin.field) = { required: true min_len: 1 }];
      optional bool i = 10 [(kin.field).required = true];
      Sub j = 11 [(kin.field).required = true];
      optional int64 k = 12 [(kin.field) = { required: true min: 1 }];
      oneof one { string l = 13 [(kin.field).max_len = 3]; int32 m = 14; })"),
              IsEmpty());
}

TEST(ValueRuleTest, RulesAreResolvedInOrderOfDeclaration) {
  Protos protos;
  protos.AddTest(R"(message M { option (kin.model) = {};
    int64 id = 1; int32 a = 3 [(kin.field) = { min: -5 in: ["-5", "7"] }];
    string b = 2 [(kin.field).pattern = "x+"]; })");
  const Graph graph = protos.Build();
  const Model& model = *graph.models[0];
  ASSERT_EQ(model.value_rules.size(), 2u);
  EXPECT_EQ(model.value_rules[0].field->name(), "a");
  EXPECT_EQ(model.value_rules[0].min, -5);
  EXPECT_FALSE(model.value_rules[0].max.has_value());
  EXPECT_THAT(model.value_rules[0].in_numbers, ElementsAre(static_cast<std::uint64_t>(-5), 7u));
  EXPECT_NE(model.value_rules[1].pattern, nullptr);
}

TEST(ValueRuleTest, ARuleIsForTheTypesItSpeaksOf) {
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field).min = 1];"),
              ElementsAre("\"a\" is string and cannot have min, which is for numbers; use a "
                          "validator"));
  EXPECT_THAT(OfField("Kind a = 2 [/*!*/(kin.field).max = 1];"),
              ElementsAre("\"a\" is enum p.Kind and cannot have max, which is for numbers; use a "
                          "validator"));
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field).min_len = 1];"),
              ElementsAre("\"a\" is int32 and cannot have min_len, which is for string, bytes and "
                          "repeated fields"));
  EXPECT_THAT(OfField("Sub a = 2 [/*!*/(kin.field).max_len = 1];"),
              ElementsAre("\"a\" is message p.Sub and cannot have max_len, which is for string, "
                          "bytes and repeated fields"));
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field).pattern = \"x\"];"),
              ElementsAre("\"a\" is int32 and cannot have pattern, which is for string and bytes"));
  EXPECT_THAT(OfField("double a = 2 [/*!*/(kin.field).in = \"1\"];"),
              ElementsAre("\"a\" is double and cannot have in, which is for string, bytes, "
                          "integers and enums"));
  EXPECT_THAT(OfField("map<int32, string> a = 2 [/*!*/(kin.field).pattern = \"x\"];"),
              ElementsAre("\"a\" is map and can have required, min_len and max_len only; use a "
                          "validator"));
}

TEST(ValueRuleTest, RequiredNeedsAWayToBeAbsentOrEmpty) {
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field).required = true];"),
              ElementsAre("\"a\" is int32 without presence, and so is always there: 0 is a value "
                          "like others; write \"optional\" before it, or min instead of required"));
  EXPECT_THAT(OfField("bool a = 2 [/*!*/(kin.field).required = true];"),
              ElementsAre(HasSubstr("is bool without presence")));
  EXPECT_THAT(OfField("oneof o { string a = 2 [/*!*/(kin.field).required = true]; int32 b = 3; }"),
              ElementsAre(HasSubstr("is in the oneof \"o\" and cannot be required")));
  EXPECT_THAT(OfField("optional int64 m_id = 2 [/*!*/(kin.field) = { required: true belongs_to: {} "
                      "}];"),
              ElementsAre("\"m_id\" is a foreign key that may be absent and yet is required; "
                          "remove required, or \"optional\" before the field"));
  // Of several fields; and one that only the parent names.
  EXPECT_THAT(Diagnose(R"(
      message Copy { option (kin.model) = { primary_key: ["a", "b"] }; int64 a = 1; int64 b = 2; }
      message Owner { option (kin.model) = { has_many: { name: "loans" } }; int64 id = 1; }
      message Loan {
        option (kin.model) = { belongs_to: { name: "copy" foreign_key: ["copy_a", "copy_b"] } };
        int64 id = 1;
        optional int64 copy_a = 2 [/*!*/(kin.field).required = true];
        optional int64 copy_b = 3;
        optional int64 owner_id = 4 [/*!*/(kin.field).required = true];
      })"),
              ElementsAre(HasSubstr("\"copy_a\" is a foreign key that may be absent"),
                          HasSubstr("\"owner_id\" is a foreign key that may be absent")));
}

TEST(ValueRuleTest, BoundsLeaveSomeValue) {
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field) = { min: 2 max: 1 }];"),
              ElementsAre("\"a\" has the min 2, which is more than its max 1, so that no value is "
                          "allowed; exchange them"));
  EXPECT_THAT(OfField("double a = 2 [/*!*/(kin.field) = { min: nan }];"),
              ElementsAre("\"a\" has a NaN as min; write a number"));
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field).max = 1.5];"),
              ElementsAre("\"a\" has the max 1.5, and int32 holds whole numbers only; write one"));
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field).max = 2147483648];"),
              ElementsAre(HasSubstr("which is not between -2147483648 and 2147483647")));
  EXPECT_THAT(OfField("uint32 a = 2 [/*!*/(kin.field).min = -1];"),
              ElementsAre(HasSubstr("which is not between 0 and 4294967295")));
  EXPECT_THAT(OfField("int64 a = 2 [/*!*/(kin.field) = { max: inf }];"),
              ElementsAre(HasSubstr("has the max inf, which is not between")));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field) = { min_len: 4 max_len: 3 }];"),
              ElementsAre("\"a\" has the min_len 4, which is more than its max_len 3, so that no "
                          "value is allowed; exchange them"));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field) = { required: true max_len: 0 }];"),
              ElementsAre("\"a\" is required and has the max_len 0, so that no value is allowed; "
                          "remove one"));
}

TEST(ValueRuleTest, APatternIsOneOfRe2) {
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field).pattern = \"a(\"];"),
              ElementsAre("\"a\" has a pattern that RE2 does not accept: missing ): a(; see "
                          "https://github.com/google/re2/wiki/Syntax"));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field).pattern = \"(?=x)\"];"),
              ElementsAre(HasSubstr("RE2 does not accept: invalid perl operator")));
}

TEST(ValueRuleTest, InNamesValuesOfTheField) {
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field) = { in: [\"1\", \"x\"] }];"),
              ElementsAre("\"a\" has \"x\" in its in, which is no value of int32; write it in "
                          "decimal, as in \"7\""));
  EXPECT_THAT(OfField("uint32 a = 2 [/*!*/(kin.field).in = \"-1\"];"),
              ElementsAre(HasSubstr("which is no value of uint32")));
  EXPECT_THAT(
      OfField("Kind a = 2 [/*!*/(kin.field).in = \"COW\"];"),
      ElementsAre("\"a\" has \"COW\" in its in, which is no value of enum p.Kind; write the "
                  "name of one"));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field) = { in: [\"x\", \"x\"] }];"),
              ElementsAre("\"a\" has \"x\" in its in, which is there twice; remove one"));
  EXPECT_THAT(OfField("int32 a = 2 [/*!*/(kin.field) = { min: 2 in: [\"1\"] }];"),
              ElementsAre(HasSubstr("which its min refuses")));
  EXPECT_THAT(OfField("uint64 a = 2 [/*!*/(kin.field) = { max: 2 in: [\"18446744073709551615\"] "
                      "}];"),
              ElementsAre(HasSubstr("which its max refuses")));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field) = { max_len: 1 in: [\"xy\"] }];"),
              ElementsAre(HasSubstr("which its max_len refuses")));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field) = { pattern: \"y+\" in: [\"xy\"] }];"),
              ElementsAre(HasSubstr("which its pattern refuses")));
}

TEST(StampTest, TimesAndACounterAreResolved) {
  Protos protos;
  protos.Add("google/protobuf/timestamp.proto",
             "syntax = \"proto3\"; package google.protobuf; message Timestamp { int64 seconds = 1; "
             "int32 nanos = 2; }");
  protos.AddTest(R"(message M { option (kin.model) = {}; int64 id = 1;
    google.protobuf.Timestamp made = 2 [(kin.field).created_at = true];
    optional int64 changed = 3 [(kin.field).updated_at = true];
    uint32 version = 4 [(kin.field) = { lock_version: true indexed: true }]; })",
                 "import \"google/protobuf/timestamp.proto\";");
  const Graph graph = protos.Build();
  EXPECT_EQ(graph.models[0]->created_at->name(), "made");
  EXPECT_EQ(graph.models[0]->updated_at->name(), "changed");
  EXPECT_EQ(graph.models[0]->lock_version->name(), "version");
}

TEST(StampTest, EachIsThereOnce) {
  EXPECT_THAT(OfField("int64 a = 2 [(kin.field).created_at = true];\n"
                      "int64 b = 3 [/*!*/(kin.field).created_at = true];"),
              ElementsAre("\"b\" cannot be created_at, since \"a\" of p.M is; remove one"));
  EXPECT_THAT(OfField("int64 a = 2 [(kin.field).lock_version = true];\n"
                      "int64 b = 3 [/*!*/(kin.field).lock_version = true];"),
              ElementsAre("\"b\" cannot be lock_version, since \"a\" of p.M is; remove one"));
  EXPECT_THAT(OfField("int64 a = 2 [/*!*/(kin.field) = { created_at: true updated_at: true }];"),
              ElementsAre("\"a\" cannot be updated_at and something else of the store's as well; "
                          "use a field for each"));
}

TEST(StampTest, EachHasATypeOfItsOwn) {
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field).created_at = true];"),
              ElementsAre("\"a\" is string and cannot be created_at; write "
                          "\"google.protobuf.Timestamp a\", or \"int64 a\" for microseconds"));
  EXPECT_THAT(OfField("Sub a = 2 [/*!*/(kin.field).updated_at = true];"),
              ElementsAre(HasSubstr("is message p.Sub and cannot be updated_at")));
  EXPECT_THAT(OfField("repeated int64 a = 2 [/*!*/(kin.field).updated_at = true];"),
              ElementsAre(HasSubstr("is repeated int64 and cannot be updated_at")));
  EXPECT_THAT(OfField("string a = 2 [/*!*/(kin.field).lock_version = true];"),
              ElementsAre("\"a\" is string and cannot be lock_version; write \"int64 a\""));
  EXPECT_THAT(OfField("optional int64 a = 2 [/*!*/(kin.field).lock_version = true];"),
              ElementsAre("\"a\" is lock_version and cannot be absent; remove \"optional\""));
  EXPECT_THAT(OfField("oneof o { int64 a = 2 [/*!*/(kin.field).lock_version = true]; }"),
              ElementsAre(HasSubstr("move it out of the oneof")));
  EXPECT_THAT(
      OfField("oneof o { int64 a = 2 [/*!*/(kin.field).created_at = true]; }"),
      ElementsAre(HasSubstr("is in the oneof \"o\" and cannot be created_at; move it out")));
}

TEST(StampTest, WhatTheStoreFillsInIsNotForOthers) {
  EXPECT_THAT(Diagnose("message M { option (kin.model) = {}; int64 id = 1 "
                       "[/*!*/(kin.field).lock_version = true]; }"),
              ElementsAre("\"id\" is part of a key and cannot be lock_version, which the store "
                          "changes; use another field"));
  EXPECT_THAT(OfField("int64 m_id = 2 [/*!*/(kin.field) = { created_at: true belongs_to: {} }];"),
              ElementsAre(HasSubstr("is part of a key and cannot be created_at")));
  EXPECT_THAT(OfField("int64 a = 2 [/*!*/(kin.field) = { lock_version: true unique: true }];"),
              ElementsAre(HasSubstr("cannot be unique")));
  EXPECT_THAT(OfField("int64 a = 2 [/*!*/(kin.field) = { lock_version: true min: 1 }];"),
              ElementsAre("\"a\" is filled in by the store and cannot have value rules; remove "
                          "them"));
}

}  // namespace
}  // namespace kin::graph
