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
       "t.User.age: has values that this program has no room for: 1 (id=1)"},
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

}  // namespace
}  // namespace kin
