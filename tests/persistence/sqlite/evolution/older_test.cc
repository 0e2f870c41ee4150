// A program that is older than its database: works with what it knows, and leaves the rest as it
// is.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using testing::DynamicSchema;
using ::testing::HasSubstr;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::Row;

std::string Model(const std::string& name, const std::string& fields) {
  return absl::StrCat("message ", name, " { option (kin.model) = {}; ", fields, " }\n");
}

class OlderTest : public ::testing::Test {
 protected:
  // Opens with a schema, expects `before`, writes and deletes, expects `after`.
  void Use(const std::string& text, const std::vector<Row>& before, const std::vector<Row>& upserts,
           const std::vector<Row>& deletes, const std::vector<Row>& after,
           MigrateOptions options = {}) {
    const DynamicSchema schema(text);
    auto store = OpenDynamic(schema, path_, std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(Difference(**store, schema, before), "");
    absl::Status status = Upsert(**store, schema, upserts);
    ASSERT_TRUE(status.ok()) << status;
    status = Delete(**store, schema, deletes);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_EQ(Difference(**store, schema, after), "");
    status = (*store)->Close();
    ASSERT_TRUE(status.ok()) << status;
    RawDatabase raw(path_);
    EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
  }
  void ExpectRefused(const std::string& text, const std::string& why, MigrateOptions options = {}) {
    const DynamicSchema schema(text);
    const std::string before = testing::ReadFile(path_);
    auto store = OpenDynamic(schema, path_, options);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(why));
    EXPECT_EQ(testing::ReadFile(path_), before);
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
};

const std::string kOld = Model("User", "int64 id = 1; string name = 2; int32 age = 3;");
const std::string kNew = absl::StrCat(
    Model("Person",
          "int64 id = 1; string full_name = 2; int32 age = 3; string city = 4; optional "
          "int64 boss_id = 5 [(kin.field).belongs_to = {model: 'Person'}]; bytes x = 6;"),
    Model("Note", "int64 id = 1; int64 person_id = 2 [(kin.field).belongs_to = {}];"));

MigrateOptions Renamed() {
  MigrateOptions options;
  options.renamed = {{"t.User", "t.Person"}};
  return options;
}

TEST_F(OlderTest, WorksUnderTheNamesItKnowsAndKeepsWhatItDoesNot) {
  Use(kOld, {}, {{"User", "id: 1 name: 'ada' age: 36"}, {"User", "id: 2 name: 'bob'"}}, {},
      {{"User", "id: 1 name: 'ada' age: 36"}, {"User", "id: 2 name: 'bob'"}});
  Use(kNew, {{"Person", "id: 1 full_name: 'ada' age: 36"}, {"Person", "id: 2 full_name: 'bob'"}},
      {{"Person", "id: 1 full_name: 'ada' age: 36 city: 'London' x: 'b'"},
       {"Person", "id: 2 full_name: 'bob' boss_id: 1"},
       {"Person", "id: 3 full_name: 'eve' city: 'Rome'"},
       {"Note", "id: 9 person_id: 2"}},
      {},
      {{"Person", "id: 1 full_name: 'ada' age: 36 city: 'London' x: 'b'"},
       {"Person", "id: 2 full_name: 'bob' boss_id: 1"},
       {"Person", "id: 3 full_name: 'eve' city: 'Rome'"},
       {"Note", "id: 9 person_id: 2"}},
      Renamed());
  for (int round = 0; round < 2; ++round) {
    const std::string age = absl::StrCat(37 + round);
    const std::vector<Row> before = {{"User", absl::StrCat("id: 1 name: 'ada' age: ", 36 + round)},
                                     {"User", "id: 2 name: 'bob'"},
                                     {"User", "id: 3 name: 'eve'"}};
    Use(kOld, before,
        {{"User", absl::StrCat("id: 1 name: 'ada' age: ", age)}, {"User", "name: 'new'"}},
        {{"User", absl::StrCat("id: ", 4 + round)}},
        {{"User", absl::StrCat("id: 1 name: 'ada' age: ", age)},
         {"User", "id: 2 name: 'bob'"},
         {"User", "id: 3 name: 'eve'"}});
  }
  Use(kNew,
      {{"Person", "id: 1 full_name: 'ada' age: 38 city: 'London' x: 'b'"},
       {"Person", "id: 2 full_name: 'bob' boss_id: 1"},
       {"Person", "id: 3 full_name: 'eve' city: 'Rome'"},
       {"Note", "id: 9 person_id: 2"}},
      {{"Person", "full_name: 'last'"}}, {{"Person", "id: 3"}},
      {{"Person", "id: 1 full_name: 'ada' age: 38 city: 'London' x: 'b'"},
       {"Person", "id: 2 full_name: 'bob' boss_id: 1"},
       {"Person", "id: 6 full_name: 'last'"},
       {"Note", "id: 9 person_id: 2"}});
}

TEST_F(OlderTest, WhatUnknownRowsReferToStays) {
  Use(kOld, {}, {{"User", "id: 1"}, {"User", "id: 2"}, {"User", "id: 3"}}, {},
      {{"User", "id: 1"}, {"User", "id: 2"}, {"User", "id: 3"}});
  const std::vector<Row> rows = {{"Person", "id: 1"},
                                 {"Person", "id: 2 boss_id: 1"},
                                 {"Person", "id: 3"},
                                 {"Note", "id: 1 person_id: 2"}};
  Use(kNew, {{"Person", "id: 1"}, {"Person", "id: 2"}, {"Person", "id: 3"}}, rows, {}, rows,
      Renamed());
  const DynamicSchema schema(kOld);
  auto store = OpenDynamic(schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_THAT(std::string(Delete(**store, schema, {{"User", "id: 1"}}).message()),
              HasSubstr("table people of the database refers to it"));
  EXPECT_THAT(std::string(Delete(**store, schema, {{"User", "id: 2"}}).message()),
              HasSubstr("table notes of the database refers to it"));
  EXPECT_TRUE(Delete(**store, schema, {{"User", "id: 3"}}).ok());
  EXPECT_EQ(Difference(**store, schema, {{"User", "id: 1"}, {"User", "id: 2"}}), "");
  EXPECT_TRUE((*store)->Close().ok());
}

TEST_F(OlderTest, AFieldThatTheNewerOneRetired) {
  const std::string newer = Model("User", "int64 id = 1; string name = 2; reserved 3;");
  Use(kOld, {}, {{"User", "id: 1 age: 36"}}, {}, {{"User", "id: 1 age: 36"}});
  Use(newer, {{"User", "id: 1"}}, {{"User", "id: 2"}}, {}, {{"User", "id: 1"}, {"User", "id: 2"}});
  Use(kOld, {{"User", "id: 1 age: 36"}, {"User", "id: 2"}}, {{"User", "id: 2 age: 7"}}, {},
      {{"User", "id: 1 age: 36"}, {"User", "id: 2 age: 7"}});
  Use(newer, {{"User", "id: 1"}, {"User", "id: 2"}}, {}, {},
      {{"User", "id: 1"}, {"User", "id: 2"}});
  // And one that dropped it.
  MigrateOptions options;
  options.drop = {"t.User.age"};
  Use(newer, {{"User", "id: 1"}, {"User", "id: 2"}}, {}, {}, {{"User", "id: 1"}, {"User", "id: 2"}},
      options);
  ExpectRefused(kOld, "t.User.age: its column was dropped");
}

TEST_F(OlderTest, WhatItCannotKeepUpIsRefusedWithTheReason) {
  const std::string fields = "int64 id = 1; string name = 2; int32 age = 3;";
  struct Case {
    std::string newer;
    std::vector<Row> rows;
    std::string why;
  };
  const std::vector<Case> cases = {
      {"int64 id = 1; string name = 2; int64 age = 3;",
       {{"User", "id: 1 age: 5000000000"}},
       "t.User.age: has values that this program has no room for: 1 (id=1, age=5000000000)"},
      {"int64 id = 1; bytes name = 2; int32 age = 3;", {}, "t.User.name: its type is another"},
      {"int64 id = 1; string name = 2; optional int32 age = 3;",
       {{"User", "id: 7"}},
       "t.User.age: is absent from rows: 1 (id=7)"},
      {"int64 id = 1; string name = 2 [(kin.field).unique = true]; int32 age = 3;",
       {},
       "there is a unique index over \"name\""},
      {"int64 id = 1; string name = 2; int32 age = 3; int32 code = 4 [(kin.field).unique = true];",
       {},
       "there is a unique index over \"code\""},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.newer);
    std::filesystem::remove(path_);
    Use(Model("User", fields), {}, {}, {}, {});
    Use(Model("User", each.newer), {}, each.rows, {}, each.rows);
    ExpectRefused(Model("User", fields), each.why);
  }
}

TEST_F(OlderTest, WiderValuesThatFitAreNoObstacle) {
  Use(kOld, {}, {{"User", "id: 1 age: 5"}}, {}, {{"User", "id: 1 age: 5"}});
  const std::string wider = Model("User", "int64 id = 1; string name = 2; int64 age = 3;");
  Use(wider, {{"User", "id: 1 age: 5"}}, {}, {}, {{"User", "id: 1 age: 5"}});
  Use(kOld, {{"User", "id: 1 age: 5"}}, {{"User", "id: 2 age: -6"}}, {},
      {{"User", "id: 1 age: 5"}, {"User", "id: 2 age: -6"}});
  Use(wider, {{"User", "id: 1 age: 5"}, {"User", "id: 2 age: -6"}}, {}, {},
      {{"User", "id: 1 age: 5"}, {"User", "id: 2 age: -6"}});
}

TEST_F(OlderTest, AForeignKeyThatTheNewerOneAdded) {
  const std::string user = Model("User", "int64 id = 1;");
  const std::string old = absl::StrCat(user, Model("Post", "int64 id = 1; optional int64 by = 2;"));
  Use(old, {}, {{"User", "id: 1"}, {"Post", "id: 1 by: 1"}}, {},
      {{"User", "id: 1"}, {"Post", "id: 1 by: 1"}});
  Use(absl::StrCat(user, Model("Post",
                               "int64 id = 1; optional int64 by = 2 [(kin.field).belongs_to "
                               "= {name: 'author' model: 'User'}];")),
      {{"User", "id: 1"}, {"Post", "id: 1 by: 1"}}, {}, {},
      {{"User", "id: 1"}, {"Post", "id: 1 by: 1"}});
  ExpectRefused(old, "\"by\" has to name a t.User");
}

TEST_F(OlderTest, AOneofThatTheNewerOneSetsOtherwise) {
  const std::string old = Model("M", "int64 id = 1; oneof o { int32 a = 2; int32 b = 3; }");
  const std::string newer =
      Model("M", "int64 id = 1; oneof o { int32 a = 2; int32 b = 3; string c = 4; }");
  Use(old, {}, {{"M", "id: 1 a: 5"}}, {}, {{"M", "id: 1 a: 5"}});
  Use(newer, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  Use(old, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  Use(newer, {{"M", "id: 1 a: 5"}}, {{"M", "id: 2 c: 'x'"}}, {},
      {{"M", "id: 1 a: 5"}, {"M", "id: 2 c: 'x'"}});
  ExpectRefused(old, "is set to c, which this program does not know: 1 (id=2)");
}

TEST_F(OlderTest, OneThatHasNeverOpenedItHasToSaySo) {
  Use(absl::StrCat(kOld, Model("Note", "int64 id = 1;")), {},
      {{"User", "id: 1"}, {"Note", "id: 1"}}, {}, {{"User", "id: 1"}, {"Note", "id: 1"}});
  ExpectRefused(kOld, "t.Note: gone");
  MigrateOptions options;
  options.level = MigrateOptions::Level::kNone;
  const DynamicSchema schema(kOld);
  const auto plan = PlanMigration(path_, schema.schema(), options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(plan->unchanged && plan->allowed());
  Use(kOld, {{"User", "id: 1"}}, {{"User", "id: 2"}}, {}, {{"User", "id: 1"}, {"User", "id: 2"}},
      options);
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM notes"), "1");
  // Not what is new to the database.
  ExpectRefused(absl::StrCat(kOld, Model("Other", "int64 id = 1;")),
                "t.Other: there is no table for it", options);
}

// Both have the same columns, and only one of them excludes two.
TEST_F(OlderTest, FieldsThatExcludeEachOtherByNow) {
  const std::string old = Model("M", "int64 id = 1; optional int32 a = 2; optional string b = 3;");
  const std::string newer = Model("M", "int64 id = 1; oneof o { int32 a = 2; string b = 3; }");
  Use(old, {}, {{"M", "id: 1 a: 5"}}, {}, {{"M", "id: 1 a: 5"}});
  Use(newer, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  ExpectRefused(old, "a and b exclude each other");
  // Also when the newer one is described anew.
  const std::string again =
      Model("M", "int64 id = 1; oneof o { int32 a = 2 [(kin.field).min = -5]; string b = 3; }");
  Use(again, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  ExpectRefused(old, "a and b exclude each other");
  // Within values as well.
  const std::string both = "message P { optional int32 a = 2; optional string b = 3; }";
  const std::string one = "message P { oneof o { int32 a = 2; string b = 3; } }";
  const std::string model = Model("M", "int64 id = 1; P p = 2;");
  std::filesystem::remove(path_);
  Use(both + model, {}, {{"M", "id: 1"}}, {}, {{"M", "id: 1"}});
  MigrateOptions drop;  // No row has a value.
  Use(one + model, {{"M", "id: 1"}}, {}, {}, {{"M", "id: 1"}}, drop);
  ExpectRefused(both + model, "t.P.a and t.P.b exclude each other now");
}

TEST_F(OlderTest, FieldsThatNoLongerExcludeEachOther) {
  const std::string old = Model("M", "int64 id = 1; oneof o { int32 a = 2; string b = 3; }");
  const std::string newer =
      Model("M", "int64 id = 1; optional int32 a = 2; optional string b = 3;");
  Use(old, {}, {{"M", "id: 1 a: 5"}}, {}, {{"M", "id: 1 a: 5"}});
  Use(newer, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  // It goes on as an older one, and the newer one is the newest still.
  Use(old, {{"M", "id: 1 a: 5"}}, {{"M", "id: 2 b: 'x'"}}, {},
      {{"M", "id: 1 a: 5"}, {"M", "id: 2 b: 'x'"}});
  Use(newer, {{"M", "id: 1 a: 5"}, {"M", "id: 2 b: 'x'"}}, {{"M", "id: 1 a: 5 b: 'y'"}}, {},
      {{"M", "id: 1 a: 5 b: 'y'"}, {"M", "id: 2 b: 'x'"}});
  ExpectRefused(old, "has more than one field set");
}

// A database whose fingerprints are those of a Kin that did not look at oneofs.
TEST_F(OlderTest, FingerprintsOfBefore) {
  const std::string first = Model("M", "int64 id = 1; oneof o { int32 a = 2; string b = 3; }");
  const std::string second =
      Model("M", "int64 id = 1; oneof o { int32 a = 2; string b = 3; } int32 c = 4;");
  const std::string apart =
      Model("M", "int64 id = 1; optional int32 a = 2; optional string b = 3; int32 c = 4;");
  Use(first, {}, {{"M", "id: 1 a: 5"}}, {}, {{"M", "id: 1 a: 5"}});
  Use(second, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}});
  const auto as_before = [this] {
    RawDatabase raw(path_);
    raw.Exec(
        "UPDATE _kin_schemas SET fingerprint = '3d86c2709c5e0b0055d15b5ffe988c10' WHERE id = 1");
    raw.Exec(
        "UPDATE _kin_schemas SET fingerprint = 'c30d9b721b7878583b5639a436d932a8' WHERE id = 2");
  };
  as_before();
  Use(first, {{"M", "id: 1 a: 5"}}, {{"M", "id: 1 a: 6"}}, {}, {{"M", "id: 1 a: 6"}});
  Use(second, {{"M", "id: 1 a: 6"}}, {}, {}, {{"M", "id: 1 a: 6"}});
  // It has the former fingerprint of `second`, and is another.
  Use(apart, {{"M", "id: 1 a: 6"}}, {{"M", "id: 1 a: 6 b: 'x'"}}, {}, {{"M", "id: 1 a: 6 b: 'x'"}});
  ExpectRefused(second, "has more than one field set");
}

// Names that were given for a change of before mean nothing for another.
TEST_F(OlderTest, NamesThatStayedInTheProgram) {
  const std::string first = Model("Customer", "int64 id = 1; string email = 2; int32 age = 3;");
  const std::string second = Model("Customer", "int64 id = 1; string email = 2;");
  const std::string third =
      Model("Customer", "int64 id = 1; string email = 2 [(kin.field).unique = true];");
  const std::vector<Row> rows = {{"Customer", "id: 1 email: 'x'"}};
  MigrateOptions age, email;
  age.allow = {"t.Customer.age"};
  email.allow = {"t.Customer.email"};
  Use(first, {}, rows, {}, rows);
  Use(second, rows, {}, {}, rows, age);
  Use(third, rows, {}, {}, rows, age);
  ExpectRefused(second, "there is a unique index", age);
  // What changes by it has to be named.
  Use(second, rows, {{"Customer", "id: 2 email: 'x'"}}, {},
      {{"Customer", "id: 1 email: 'x'"}, {"Customer", "id: 2 email: 'x'"}}, email);
}

// What was taken back is not known any more, and can be released again.
TEST_F(OlderTest, ASchemaThatIsReleasedAgain) {
  const std::string first = Model("M", "int64 id = 1; int32 a = 2;");
  const std::string second =
      Model("M", "int64 id = 1; int32 a = 2 [(kin.field).indexed = true]; optional int32 b = 3;");
  const std::vector<Row> rows = {{"M", "id: 1 a: 5"}};
  const char indexes[] =
      "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'ms'";
  for (const bool drop : {false, true}) {
    SCOPED_TRACE(drop);
    std::filesystem::remove(path_);
    Use(first, {}, rows, {}, rows);
    Use(second, rows, {{"M", "id: 1 a: 5 b: 7"}}, {}, {{"M", "id: 1 a: 5 b: 7"}});
    for (int round = 0; round < 3; ++round) {
      MigrateOptions back;
      (drop ? back.drop : back.allow) = {"t.M.b"};
      Use(first, rows, {}, {}, rows, back);
      EXPECT_EQ(RawDatabase(path_).QueryOne(indexes), "0");
      const std::vector<Row> again = {{"M", drop ? "id: 1 a: 5" : "id: 1 a: 5 b: 7"}};
      Use(second, again, {}, {}, again);
      EXPECT_EQ(RawDatabase(path_).QueryOne(indexes), "1");
      // The first is an older one again.
      Use(first, rows, {}, {}, rows);
      EXPECT_EQ(RawDatabase(path_).QueryOne(indexes), "1");
      Use(second, again, {}, {}, again);
    }
    EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM _kin_schemas"), "2");
  }
}

// A unique index and a foreign key over fields that the newer one has retired.
TEST_F(OlderTest, RulesThatTheNewerOneNoLongerKeeps) {
  const std::string user = Model("User", "int64 id = 1;");
  const std::string old = user + Model("Post",
                                       "int64 id = 1; string code = 2 [(kin.field).unique = true];"
                                       "int64 user_id = 3 [(kin.field).belongs_to = {}];");
  const std::string newer = user + Model("Post", "int64 id = 1; reserved 2, 3;");
  const std::vector<Row> rows = {{"User", "id: 1"}, {"Post", "id: 1 code: 'x' user_id: 1"}};
  Use(old, {}, rows, {}, rows);
  Use(newer, {{"User", "id: 1"}, {"Post", "id: 1"}}, {}, {},
      {{"User", "id: 1"}, {"Post", "id: 1"}});
  Use(old, rows, {}, {}, rows);
  Use(newer, {{"User", "id: 1"}, {"Post", "id: 1"}}, {{"Post", "id: 2"}, {"Post", "id: 3"}}, {},
      {{"User", "id: 1"}, {"Post", "id: 1"}, {"Post", "id: 2"}, {"Post", "id: 3"}});
  ExpectRefused(old,
                "t.Post.code: has the same value in rows that this program keeps apart: 2 "
                "(code=\"\"");
  ExpectRefused(old, "t.Post.user_id: names no t.User that is there in rows: 2 (id=2, user_id=0");
  const auto plan = PlanMigration(path_, DynamicSchema(old).schema());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_FALSE(plan->allowed());
}

// Not even what is said of the schema.
TEST_F(OlderTest, WhereNothingMayBeChangedNothingIs) {
  const std::string first = Model("M", "int64 id = 1; optional int32 a = 2; optional int32 b = 3;");
  const std::string second =
      Model("M", "int64 id = 1; optional int32 a = 2; optional sint32 b = 3;");
  Use(first, {}, {{"M", "id: 1 a: 5"}}, {}, {{"M", "id: 1 a: 5"}});
  MigrateOptions options;
  options.level = MigrateOptions::Level::kNone;
  RawDatabase(path_).Exec("DROP VIEW _kin_view_ms");
  const char all[] =
      "SELECT group_concat(hex(value)) || (SELECT group_concat(fingerprint) FROM _kin_schemas) || "
      "(SELECT group_concat(name) FROM sqlite_schema) FROM _kin_meta WHERE key <> 'commit'";
  const std::string before = RawDatabase(path_).QueryOne(all);
  for (const std::string& text : {first, second, "/* a comment */ message More {} " + first}) {
    SCOPED_TRACE(text);
    Use(text, {{"M", "id: 1 a: 5"}}, {}, {}, {{"M", "id: 1 a: 5"}}, options);
    EXPECT_EQ(RawDatabase(path_).QueryOne(all), before);
  }
}

}  // namespace
}  // namespace kin
