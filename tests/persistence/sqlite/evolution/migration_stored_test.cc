// What a plan tells beside changes of the schema, and what is stored of schemas: of the newest, of
// the first, and of JSON.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/tests/persistence/sqlite/evolution/migration_fixture.h"

namespace kin {
namespace {

using testing::DynamicSchema;
using ::testing::HasSubstr;
using testing::MigrationTest;
using testing::Model;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::Row;

// What a plan says and what an opening does are the same.
TEST_F(MigrationTest, WhatOthersPutIntoTablesIsInThePlan) {
  const std::string before = Model("M", "int64 id = 1; int32 a = 2;");
  const std::string after = Model("M", "int64 id = 1; int32 a = 2; int32 b = 3;");
  Make(absl::StrCat(before, Model("N", "int64 id = 1;")), {{"M", "id: 1 a: 5"}});
  const std::string others = Model("N", "int64 id = 1;");
  RawDatabase(path_).Exec(
      "CREATE TRIGGER spy AFTER INSERT ON ms BEGIN SELECT 1; END;"
      "ALTER TABLE ns ADD COLUMN x INTEGER CHECK (x > 0)");
  for (const std::string& text : {before, after}) {
    SCOPED_TRACE(text);
    const std::string all = absl::StrCat(text, others);
    ExpectRefused(all, {"table ms: has a trigger spy"});
    const auto plan = PlanMigration(path_, DynamicSchema(all).schema());
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_THAT(plan->ToString(), HasSubstr("! table ms\n    refused: has a trigger spy, which Kin "
                                            "did not make"));
    EXPECT_THAT(plan->ToString(), HasSubstr("! table ns\n    refused: has a CHECK"));
    EXPECT_EQ(absl::StrContains(plan->ToString(), "ADD COLUMN \"b\""), text == after);
  }
  RawDatabase(path_).Exec("DROP TRIGGER spy; ALTER TABLE ns DROP COLUMN x");
  ExpectBecomes(absl::StrCat(after, others), {{"M", "id: 1 a: 5"}});
  RawDatabase(path_).Exec("CREATE UNIQUE INDEX mine ON ms (b)");
  // Also for a program that is older, which changes nothing.
  ExpectRefused(absl::StrCat(before, others), {"table ms: has a unique index mine"});
  RawDatabase(path_).Exec("DROP TABLE ms");
  EXPECT_EQ(PlanMigration(path_, DynamicSchema(before).schema()).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(MigrationTest, OpeningsThatChangeNothingLeaveNothingBehind) {
  const std::string before = Model("M", "int64 id = 1; int32 a = 2; int32 b = 3;");
  const std::string after = Model("M", "int64 id = 1; int32 a = 2;");
  Make(before, {{"M", "id: 1 a: 5 b: 6"}});
  MigrateOptions options;
  options.drop = {"t.M.b"};
  ExpectBecomes(after, {{"M", "id: 1 a: 5"}}, options);
  const auto schemas = [this] {
    return RawDatabase(path_).QueryOne(
        "SELECT group_concat(id || fingerprint, ' ') FROM _kin_schemas");
  };
  const std::string then = schemas();
  const std::string version = RawDatabase(path_).QueryOne("PRAGMA schema_version");
  const auto open = [&](const std::string& text, const MigrateOptions& each) {
    const DynamicSchema schema(text);
    const auto store = OpenDynamic(schema, path_, each);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Close().ok());
  };
  for (int i = 0; i < 3; ++i) open(after, options);
  EXPECT_EQ(schemas(), then);
  EXPECT_EQ(RawDatabase(path_).QueryOne("PRAGMA schema_version"), version);
  // Programs that differ in what is no matter to tables replace each other's, and go back and forth
  // between two schemas without end.
  MigrateOptions back;
  back.allow = {"t.M.c"};
  for (int i = 0; i < 4; ++i) {
    open("message Value { int32 x = 1; }\n" + after, {});
    open(after, {});
    open(Model("M", "int64 id = 1; int32 a = 2; int32 c = 4;"), back);
    open(after, back);
  }
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*), count(DISTINCT fingerprint) FROM "
                                        "_kin_schemas"),
            "3|3");
}

// As the first version of Kin left them: nothing is remembered of columns, which have no defaults.
TEST_F(MigrationTest, ADatabaseOfTheFirstVersion) {
  const std::string first = absl::StrCat(
      Model("User", "int64 id = 1; string name = 2 [(kin.field).unique = true]; int32 age = 3;"),
      Model("Post",
            "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
            "optional string title = 3;"),
      Model("Tag", "string code = 1; double weight = 2;", "primary_key: 'code'"));
  const std::vector<Row> rows = {{"User", "id: 1 name: 'ada' age: 36"},
                                 {"Post", "id: 7 user_id: 1 title: 't'"},
                                 {"Tag", "code: 'c' weight: 1.5"}};
  const auto make = [&] {
    std::filesystem::remove(path_);
    Make(first, rows);
    const std::string deferred =
        " ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED";
    RawDatabase(path_).Exec(absl::StrCat(
        "DROP TABLE _kin_schemas; DROP TABLE _kin_columns; DROP TABLE _kin_names; DELETE FROM "
        "_kin_meta WHERE key NOT IN ('format', 'commit', 'mapping', 'descriptors');"
        "DROP VIEW _kin_view_users; DROP VIEW _kin_view_posts; DROP VIEW _kin_view_tags;"
        "CREATE TABLE old AS SELECT * FROM users; DROP TABLE users;"
        "CREATE TABLE \"users\" (\n  \"id\" INTEGER PRIMARY KEY NOT NULL,\n  \"name\" TEXT NOT "
        "NULL,\n  \"age\" INTEGER NOT NULL,\n  \"_unknown\" BLOB\n) STRICT;"
        "INSERT INTO users SELECT * FROM old; DROP TABLE old;"
        "CREATE UNIQUE INDEX \"users_name_index\" ON \"users\" (\"name\");"
        "CREATE TABLE old AS SELECT * FROM posts; DROP TABLE posts;"
        "CREATE TABLE \"posts\" (\n  \"id\" INTEGER PRIMARY KEY NOT NULL,\n  \"user_id\" INTEGER "
        "NOT NULL,\n  \"title\" TEXT,\n  \"_unknown\" BLOB,\n  FOREIGN KEY (\"user_id\") "
        "REFERENCES \"users\" (\"id\")",
        deferred,
        "\n) STRICT;"
        "INSERT INTO posts SELECT * FROM old; DROP TABLE old;"
        "CREATE INDEX \"posts_user_id_index\" ON \"posts\" (\"user_id\");"
        "CREATE TABLE old AS SELECT * FROM tags; DROP TABLE tags;"
        "CREATE TABLE \"tags\" (\n  \"code\" TEXT NOT NULL,\n  \"weight\" ANY NOT NULL,\n  "
        "\"_unknown\" BLOB,\n  PRIMARY KEY (\"code\")\n) STRICT, WITHOUT ROWID;"
        "INSERT INTO tags SELECT * FROM old; DROP TABLE old"));
  };
  make();
  {
    // With the same schema.
    const DynamicSchema schema(first);
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(Difference(**store, schema, rows), "");
    ASSERT_TRUE(Upsert(**store, schema, {{"User", "id: 2 name: 'bob'"}}).ok());
    ASSERT_TRUE(Delete(**store, schema, {{"User", "id: 2"}}).ok());
    ASSERT_TRUE((*store)->Close().ok());
  }
  // With another: names, types, a field that is retired from a column without default, a new one.
  ExpectBecomes(
      absl::StrCat(Model("Person",
                         "int64 id = 1; bytes full_name = 2 [(kin.field).unique = true]; reserved "
                         "3; optional int64 boss_id = 4 [(kin.field).belongs_to = {model: "
                         "'Person'}];"),
                   Model("Post",
                         "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {model: "
                         "'Person'}]; optional string title = 3;"),
                   Model("Tag", "string code = 1; float weight = 2; string more = 3;",
                         "primary_key: 'code'")),
      {{"Person", "id: 1 full_name: 'ada'"},
       {"Post", "id: 7 user_id: 1 title: 't'"},
       {"Tag", "code: 'c' weight: 1.5"}},
      {.allow = {"t.Tag.weight"}, .renamed = {{"t.User", "t.Person"}}});
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT age FROM people"), "36");
  {
    // Its program is an older one from now on, which keeps its own: it was the first.
    const DynamicSchema schema(first);
    EXPECT_THAT(std::string(OpenDynamic(schema, path_).status().message()),
                HasSubstr("t.User.name: its type is another"));
  }
  // With nothing but a field less: its column, which has no default, must not be in the way of new
  // records.
  make();
  const std::string less = absl::StrCat(
      Model("User", "int64 id = 1; string name = 2 [(kin.field).unique = true]; reserved 3, 4;"),
      Model("Post",
            "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
            "optional string title = 3;"),
      Model("Tag", "string code = 1; reserved 2;", "primary_key: 'code'"));
  ExpectBecomes(less, {{"User", "id: 1 name: 'ada'"},
                       {"Post", "id: 7 user_id: 1 title: 't'"},
                       {"Tag", "code: 'c'"}});
  {
    const DynamicSchema schema(less);
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(
        Upsert(**store, schema, {{"User", "id: 2 name: 'bob'"}, {"Tag", "code: 'd'"}}).ok());
    const absl::Status closed = (*store)->Close();
    EXPECT_TRUE(closed.ok()) << closed;
  }
  // And a program that comes by as older one.
  make();
  const std::string more = absl::StrCat(
      Model("User",
            "int64 id = 1; string name = 2 [(kin.field).unique = true]; int32 age = 3; "
            "string city = 4;"),
      Model("Post",
            "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
            "optional string title = 3;"),
      Model("Tag", "string code = 1; double weight = 2;", "primary_key: 'code'"));
  ExpectBecomes(more, rows);
  const DynamicSchema schema(first);
  auto store = OpenDynamic(schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Difference(**store, schema, rows), "");
}

// What no JSON holds is carried as well, and nothing is left of it afterwards.
TEST_F(MigrationTest, JsonComesAndGoesWithUnknownFields) {
  const std::string point = "message P { int32 x = 1; }\n";
  const std::string off =
      absl::StrCat(point, Model("M",
                                "int64 id = 1; P p = 2; repeated P q = 3; string s = 4; P r = 5 "
                                "[(kin.field).json = true];"));
  const std::string on = absl::StrCat(
      point, Model("M",
                   "int64 id = 1; P p = 2 [(kin.field).json = true]; repeated P q = 3 "
                   "[(kin.field).json = true]; string t = 4; P r = 5 [(kin.field).json = true];"));
  Make(off, {{"M", "id: 1 p { x: 5 } q { x: 6 } s: 's' r { x: 7 }"}, {"M", "id: 2"}});
  // Field 5000 is 1: in p, in one of q, and in the record.
  RawDatabase(path_).Exec(
      "UPDATE ms SET p = x'0805c0b80201', q = x'1a0208061a04c0b80201' WHERE id = 1;"
      "UPDATE ms SET _unknown = x'c0b80201' WHERE id = 2");
  const auto open = [&](const std::string& text, MigrateOptions options) {
    const DynamicSchema schema(text);
    const auto store = OpenDynamic(schema, path_, std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->Close().ok());
  };
  for (int round = 0; round < 2; ++round) {
    open(on, {.allow = {"t.M.p"}});
    EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT p, q, r FROM ms WHERE id = 1"),
              "{\"x\":5}|[{\"x\":6},{}]|{\"x\":7}");
    EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT p, q, hex(_unknown) FROM ms WHERE id = 2"),
              "NULL|NULL|C0B80201");
    open(off, {.allow = {"t.M.p"}});
    EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT hex(p), hex(q), r FROM ms WHERE id = 1"),
              "0805C0B80201|1A0208061A04C0B80201|{\"x\":7}");
    EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT p, q, hex(_unknown) FROM ms WHERE id = 2"),
              "NULL|NULL|C0B80201");
  }
}

// A model that is given up is not what once had the name of a new one.
TEST_F(MigrationTest, AFormerNameIsNoReasonToKeepWhatIsDropped) {
  const std::string fields = "int64 id = 1; int32 cents = 2;";
  Make(Model("Purchase", fields), {{"Purchase", "id: 1 cents: 5"}});
  ExpectBecomes(Model("Order", fields), {{"Order", "id: 1 cents: 5"}},
                {.renamed = {{"t.Purchase", "t.Order"}}});
  for (const bool drop : {false, true}) {
    MigrateOptions options;
    (drop ? options.drop : options.allow) = {"t.Order"};
    const DynamicSchema schema(Model("Purchase", "int64 id = 1; int32 cents = 2; string x = 3;"));
    const auto plan = PlanMigration(path_, schema.schema(), options);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_THAT(plan->ToString(), HasSubstr("t.Purchase: new, table purchases"));
    EXPECT_TRUE(plan->allowed()) << plan->ToString();
  }
  ExpectBecomes(Model("Purchase", "int64 id = 1; int32 cents = 2; string x = 3;"), {},
                {.drop = {"t.Order"}});
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM sqlite_schema WHERE name = 'orders'"),
            "0");
}

TEST_F(MigrationTest, ARenamingThatAModelOfTheFormerNameContradicts) {
  const std::string fields = "int64 id = 1; int32 cents = 2;";
  Make(Model("A", fields), {{"A", "id: 1 cents: 5"}});
  MigrateOptions options;
  options.renamed = {{"t.A", "t.B"}};
  ExpectRefused(Model("A", fields) + Model("B", fields),
                {"t.A becomes t.B, as MigrateOptions::renamed says", "in two releases"}, options);
  // In two releases, with the option left where it is.
  ExpectBecomes(Model("B", fields), {{"B", "id: 1 cents: 5"}}, options);
  const std::string both = Model("A", fields) + Model("B", fields);
  ExpectBecomes(both, {{"B", "id: 1 cents: 5"}}, options);
  Make(both, {{"A", "id: 2 cents: 7"}, {"B", "id: 1 cents: 5"}});
  ExpectBecomes(both + Model("C", fields), {{"A", "id: 2 cents: 7"}, {"B", "id: 1 cents: 5"}},
                options);
  // Two cannot exchange their names at once.
  options.renamed = {{"t.A", "t.B"}, {"t.B", "t.A"}};
  ExpectRefused(both + Model("D", fields), {"t.A becomes t.B", "t.B becomes t.A", "a third name"},
                options);
}

// Numbers within values have no column that would remember them.
TEST_F(MigrationTest, ANumberWithinAValueThatIsUsedAgain) {
  const auto schema = [](const std::string& fields) {
    return absl::StrCat("message P { ", fields, " } message Q { int32 y = 1; }",
                        Model("M", "int64 id = 1; repeated P p = 2;"));
  };
  Make(schema("int32 x = 1; string s = 2;"), {{"M", "id: 1 p { x: 1 s: '\\010\\005' }"}});
  ExpectRefused(schema("int32 x = 1;"),
                {"t.M.p (field 2): t.P.s (field 2): gone", "`reserved 2;` into t.P",
                 "\"t.P.s\" into MigrateOptions::allow"});
  const auto open = [&](const std::string& text, MigrateOptions options = {}) {
    const DynamicSchema each(text);
    return OpenDynamic(each, path_, std::move(options)).status();
  };
  EXPECT_TRUE(open(schema("int32 x = 1; reserved 2;")).ok());
  // Neither by another field, nor unsaid by the same.
  for (const std::string field : {"Q q = 2;", "string s = 2;"}) {
    ExpectRefused(schema("int32 x = 1; " + field + " int32 more = 3;"),
                  {"under a number that was reserved", "a number that was never used"});
  }
  // The older program goes on with it.
  EXPECT_TRUE(open(schema("int32 x = 1; string s = 2;")).ok());
  ExpectBecomes(schema("int32 x = 1; string s = 2; int32 more = 3;"),
                {{"M", "id: 1 p { x: 1 s: '\\010\\005' }"}}, {.allow = {"t.P.s"}});
}

// Its value lies among the unknown fields as well.
TEST_F(MigrationTest, ADroppedJsonFieldIsGoneForGood) {
  const std::string point = "message P { int32 x = 1; }\n";
  const std::string json =
      absl::StrCat(point, Model("M",
                                "int64 id = 1; P a = 2 [(kin.field).json = true]; P b = 3 "
                                "[(kin.field).json = true]; google.protobuf.Int32Value c = 4;"));
  const std::string others = "P b = 3 [(kin.field).json = true];";
  const std::vector<Row> rows = {{"M", "id: 1 a { x: 5 } b { x: 6 } c { value: 7 }"},
                                 {"M", "id: 2"}};
  const auto left = [&] {
    return RawDatabase(path_).QueryOne("SELECT hex(_unknown) FROM ms WHERE id = 1");
  };
  Make(json, rows);
  const std::string all = left();
  EXPECT_THAT(all, HasSubstr("12020805"));
  // Field 5000 of the wrapper is 1, which lies beside it.
  RawDatabase(path_).Exec(
      "UPDATE ms SET _unknown = CAST(x'2204c0b80201' || _unknown AS BLOB) WHERE id = 1");
  ExpectBecomes(absl::StrCat(point, Model("M", absl::StrCat("int64 id = 1; string a = 2; ", others,
                                                            "string c = 4;"))),
                {{"M", "id: 1 b { x: 6 }"}, {"M", "id: 2"}}, {.drop = {"t.M.a", "t.M.c"}});
  EXPECT_THAT(left(), HasSubstr("1A020806"));
  EXPECT_FALSE(absl::StrContains(left(), "12020805") || absl::StrContains(left(), "2204C0B80201"));

  // Retired first, and dropped later.
  std::filesystem::remove(path_);
  Make(json, rows);
  const std::string retired =
      absl::StrCat(point, Model("M", absl::StrCat("int64 id = 1; reserved 2, 4; ", others)));
  { ASSERT_TRUE(OpenDynamic(DynamicSchema(retired), path_).ok()); }
  EXPECT_THAT(left(), HasSubstr("12020805"));
  ExpectBecomes(retired, {{"M", "id: 1 b { x: 6 }"}, {"M", "id: 2"}}, {.drop = {"t.M.a"}});
  ExpectBecomes(
      absl::StrCat(point,
                   Model("M", absl::StrCat("int64 id = 1; string a = 2; reserved 4; ", others))),
      {{"M", "id: 1 b { x: 6 }"}, {"M", "id: 2"}});
}

// As after a crash between a migration to or from JSON and the writing of its rows.
TEST_F(MigrationTest, AValueThatIsNotInItsColumnYetIsInTheWayAsWell) {
  const std::string point = "message P { int32 x = 1; }\n";
  Make(absl::StrCat(point, Model("M", "int64 id = 1; P a = 2 [(kin.field).json = true];")),
       {{"M", "id: 1 a { x: 5 }"}, {"M", "id: 2"}});
  RawDatabase(path_).Exec("UPDATE ms SET a = NULL, _unknown = x'12020805' WHERE id = 1");
  const std::string text = Model("M", "int64 id = 1; optional string a = 2;");
  ExpectRefused(text, {"t.M.a (field 2)", "rows in the way: 1: id=1"});
  ExpectBecomes(text, {{"M", "id: 1"}, {"M", "id: 2"}}, {.drop = {"t.M.a"}});
}

}  // namespace
}  // namespace kin
