// Each kind of change of a schema, with rows: what is carried over, and what is refused, with which
// words.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/tests/persistence/sqlite/evolution/migration_fixture.h"

namespace kin {
namespace {

using testing::DynamicSchema;
using ::testing::HasSubstr;
using testing::MigrationTest;
using testing::Model;
using ::testing::Not;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::Row;

const char kUser[] = "int64 id = 1; string name = 2;";
const std::vector<Row> kUsers = {{"User", "id: 1 name: 'ada'"}, {"User", "id: 2"}};

TEST_F(MigrationTest, FieldsAreAdded) {
  Make(Model("User", kUser), kUsers);
  ExpectBecomes(Model("User", absl::StrCat(kUser,
                                           "int32 a = 3; optional string b = 4; bytes c = 5; "
                                           "double d = 6; repeated int32 e = 7;")),
                kUsers);
  EXPECT_THAT(plan_, HasSubstr("t.User.a (field 3): new, column a of table users"));
  EXPECT_THAT(plan_,
              HasSubstr("ALTER TABLE \"users\" ADD COLUMN \"a\" INTEGER NOT NULL DEFAULT 0;"));
  EXPECT_THAT(plan_, Not(HasSubstr("CREATE TABLE")));
}

TEST_F(MigrationTest, FieldsOfAnEmptyTableAreAdded) {
  Make(Model("User", kUser), {});
  ExpectBecomes(Model("User", absl::StrCat(kUser, "int32 a = 3 [(kin.field).unique = true];")), {});
}

TEST_F(MigrationTest, ModelsAreAdded) {
  Make(Model("User", kUser), kUsers);
  ExpectBecomes(absl::StrCat(Model("Post",
                                   "int64 id = 1; int64 user_id = 2 "
                                   "[(kin.field).belongs_to = {}];"),
                             Model("User", kUser)),
                kUsers);
}

TEST_F(MigrationTest, AFieldIsRenamedAndAnotherTakesItsName) {
  Make(Model("User", "int64 id = 1; string a = 2; string b = 3;"),
       {{"User", "id: 1 a: 'x' b: 'y'"}});
  ExpectBecomes(Model("User", "int64 id = 1; string b = 2; string a = 3;"),
                {{"User", "id: 1 b: 'x' a: 'y'"}});
  ExpectBecomes(Model("User", "int64 id = 1; string B = 2; string c = 3; string a = 4;"),
                {{"User", "id: 1 B: 'x' c: 'y'"}});
}

TEST_F(MigrationTest, TheKeyIsRenamed) {
  Make(absl::StrCat(Model("User", kUser), Model("Post",
                                                "int64 id = 1; int64 user_id = 2 "
                                                "[(kin.field).belongs_to = {}];")),
       {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}});
  ExpectBecomes(
      absl::StrCat(Model("User", "int64 number = 1; string name = 2;", "primary_key: 'number'"),
                   Model("Post",
                         "int64 id = 1; int64 author = 2 "
                         "[(kin.field).belongs_to = {name: 'user'}];")),
      {{"User", "number: 1"}, {"Post", "id: 1 author: 1"}});
}

TEST_F(MigrationTest, TablesAreRenamedAlsoInACircle) {
  const std::string a = "int64 id = 1; string x = 2;", b = "int64 id = 1; int32 y = 2;";
  const std::vector<Row> rows = {{"A", "id: 1 x: 'a'"}, {"B", "id: 1 y: 2"}};
  Make(absl::StrCat(Model("A", a, "table: 'one'"), Model("B", b, "table: 'two'")), rows);
  ExpectBecomes(absl::StrCat(Model("A", a, "table: 'two'"), Model("B", b, "table: 'one'")), rows);
  ExpectBecomes(absl::StrCat(Model("A", a, "table: 'TWO'"), Model("B", b, "table: 'three'")), rows);
}

TEST_F(MigrationTest, AModelIsRenamed) {
  Make(absl::StrCat(Model("User", kUser), Model("Post",
                                                "int64 id = 1; int64 user_id = 2 "
                                                "[(kin.field).belongs_to = {}];")),
       {{"User", "name: 'ada'"}, {"Post", "id: 1 user_id: 1"}});
  const std::string renamed = absl::StrCat(
      Model("Person", absl::StrCat(kUser, "int32 age = 3;")),
      Model("Post",
            "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {model: 'Person'}];"));
  ExpectBecomes(renamed, {{"Person", "id: 1 name: 'ada'"}, {"Post", "id: 1 user_id: 1"}});
  // Its ids go on.
  const DynamicSchema schema(renamed);
  auto store = OpenDynamic(schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Delete(**store, schema, {{"Post", "id: 1"}, {"Person", "id: 1"}}).ok());
  ASSERT_TRUE(Upsert(**store, schema, {{"Person", "name: 'bob'"}}).ok());
  EXPECT_EQ(Difference(**store, schema, {{"Person", "id: 2 name: 'bob'"}}), "");
}

TEST_F(MigrationTest, AModelMovesToAnotherPackage) {
  {
    const DynamicSchema schema(Model("User", kUser), "old.place");
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Upsert(**store, schema, kUsers).ok());
  }
  ExpectBecomes(Model("User", kUser), kUsers);
}

TEST_F(MigrationTest, WhichModelIsRenamedMayHaveToBeSaid) {
  Make(Model("User", kUser), kUsers);
  const std::string two = absl::StrCat(Model("Person", kUser), Model("Animal", kUser));
  ExpectRefused(two, {"t.User: gone", "t.Person or t.Animal", "MigrateOptions::renamed",
                      "rows in the way: 2"});
  MigrateOptions options;
  options.renamed = {{"t.User", "t.Animal"}};
  ExpectBecomes(two, {{"Animal", "id: 1 name: 'ada'"}, {"Animal", "id: 2"}}, options);
}

TEST_F(MigrationTest, AModelOfAnotherShapeIsNotTheOldOne) {
  Make(Model("User", kUser), kUsers);
  ExpectRefused(Model("Person", "int64 id = 1; string title = 2;"), {"t.User: gone"});
  ExpectRefused(Model("Person", "int64 id = 1;"), {"t.User: gone"});
  MigrateOptions options;
  options.renamed = {{"t.User", "t.Person"}};
  ExpectBecomes(Model("Person", "int64 id = 1; string title = 2;"),
                {{"Person", "id: 1 title: 'ada'"}, {"Person", "id: 2"}}, options);
}

TEST_F(MigrationTest, TypesBecomeWider) {
  Make(Model("M",
             "int64 id = 1; int32 a = 2; uint32 b = 3; uint32 c = 4; string d = 5; float e = 6; "
             "bool f = 7; E g = 8; optional int32 h = 9 [(kin.field).unique = true];"
             "float i = 10; enum E { Z = 0; Y = 5; }"),
       {{"M",
         "id: 1 a: -2147483648 b: 4294967295 c: 4294967295 d: 'text' e: 1.5 f: true g: Y h: 7 "
         "i: nan"},
        {"M", "id: 2 e: -inf"}});
  ExpectBecomes(
      Model("M",
            "int64 id = 1; int64 a = 2; uint64 b = 3; int64 c = 4; bytes d = 5; double e = 6; "
            "uint32 f = 7; int64 g = 8; optional int64 h = 9 [(kin.field).unique = true];"
            "double i = 10;"),
      {{"M",
        "id: 1 a: -2147483648 b: 4294967295 c: 4294967295 d: 'text' e: 1.5 f: 1 g: 5 h: 7 "
        "i: nan"},
       {"M", "id: 2 e: -inf"}});
}

TEST_F(MigrationTest, KeysAndWhatRefersToThemBecomeWider) {
  const auto schema = [](const std::string& number, const std::string& text) {
    return absl::StrCat(
        Model("User", absl::StrCat(number, " id = 1;")),
        Model("City", absl::StrCat(text, " id = 1;")),
        Model("Post",
              absl::StrCat("int64 id = 1; ", number, " user_id = 2 [(kin.field).belongs_to = {}];",
                           text, " city_id = 3 [(kin.field).belongs_to = {}];")));
  };
  const std::vector<Row> rows = {
      {"User", "id: 7"}, {"City", "id: 'rome'"}, {"Post", "id: 1 user_id: 7 city_id: 'rome'"}};
  Make(schema("int32", "string"), rows);
  ExpectBecomes(schema("int64", "bytes"), rows);
}

TEST_F(MigrationTest, NarrowerTypesAreRefusedUnlessNamedAndEveryValueFits) {
  Make(Model("M", "int64 id = 1; int64 a = 2;"),
       {{"M", "id: 1 a: 5000000000"}, {"M", "id: 2 a: 5"}});
  const std::string narrow = Model("M", "int64 id = 1; int32 a = 2;");
  MigrateOptions options;
  options.allow = {"t.M.a"};
  for (const MigrateOptions& each : {MigrateOptions(), options}) {
    ExpectRefused(narrow,
                  {"t.M.a (field 2): int64 becomes int32", "rows in the way: 1: id=1, a=5000000000",
                   "-2147483648 to 2147483647"},
                  each);
  }
  RawDatabase(path_).Exec("UPDATE ms SET a = 6 WHERE id = 1");
  ExpectRefused(narrow, {"every value fits", "MigrateOptions::allow"});
  ExpectBecomes(narrow, {{"M", "id: 1 a: 6"}, {"M", "id: 2 a: 5"}}, options);
}

TEST_F(MigrationTest, OtherTypesAreRefusedUnlessTheOldValuesAreDropped) {
  Make(Model("M", "int64 id = 1; string a = 2;"), {{"M", "id: 1 a: 'x'"}, {"M", "id: 2"}});
  ExpectRefused(Model("M", "int64 id = 1; int32 a = 2;"),
                {"string becomes int32", "rows in the way: 2: id=1; id=2", "reserve 2"});
  ExpectRefused(Model("M", "int64 id = 1; int32 b = 2;"),
                {"t.M.b (field 2)", "the number was that of a"});
  MigrateOptions options;
  options.drop = {"t.M.a"};
  ExpectBecomes(Model("M", "int64 id = 1; int32 a = 2;"), {{"M", "id: 1"}, {"M", "id: 2"}},
                options);
}

TEST_F(MigrationTest, ATypeThatNoValueHasMayChange) {
  Make(Model("M", "int64 id = 1; optional string a = 2;"), {{"M", "id: 1"}});
  ExpectBecomes(Model("M", "int64 id = 1; optional int32 a = 2;"), {{"M", "id: 1"}});
}

TEST_F(MigrationTest, ARemovedFieldIsRefusedUntilItsNumberIsReservedOrItIsNamed) {
  const std::string before = Model("User", absl::StrCat(kUser, "int32 age = 3;"));
  Make(before, {{"User", "id: 1 name: 'ada' age: 36"}});
  ExpectRefused(Model("User", kUser),
                {"! t.User.age (field 3): gone; column age is kept", "`reserved 3;`",
                 "\"t.User.age\"", "rows in the way: 1: id=1"});
  MigrateOptions options;
  options.allow = {"t.User.age"};
  ExpectBecomes(Model("User", kUser), {{"User", "id: 1 name: 'ada'"}}, options);
}

TEST_F(MigrationTest, ARemovedFieldIsKeptAndComesBack) {
  const std::string before = Model("User", absl::StrCat(kUser, "int32 age = 3;"));
  Make(before, {{"User", "id: 1 name: 'ada' age: 36"}});
  ExpectBecomes(Model("User", absl::StrCat(kUser, "reserved 3;")), {{"User", "id: 1 name: 'ada'"}});
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT age FROM users"), "36");
  const std::string other = Model("User", absl::StrCat(kUser, "reserved 3; string age = 4;"));
  ExpectBecomes(other, {{"User", "id: 1 name: 'ada'"}});
  const std::string back = Model("User", absl::StrCat(kUser, "int64 years = 3; string age = 4;"));
  ExpectBecomes(back, {{"User", "id: 1 name: 'ada' years: 36"}});
  EXPECT_THAT(plan_, HasSubstr("back, with the values it had in column age_retired"));
}

TEST_F(MigrationTest, ARemovedFieldIsDroppedByName) {
  Make(Model("User", absl::StrCat(kUser, "int32 age = 3 [(kin.field).indexed = true];")),
       {{"User", "id: 1 name: 'ada' age: 36"}});
  MigrateOptions options;
  options.drop = {"t.User.age"};
  ExpectBecomes(Model("User", kUser), {{"User", "id: 1 name: 'ada'"}}, options);
  EXPECT_EQ(RawDatabase(path_).QueryOne(
                "SELECT count(*) FROM pragma_table_info('users') WHERE name = 'age'"),
            "0");
}

TEST_F(MigrationTest, WhatIsRetiredIsDroppedByNameLater) {
  Make(Model("User", absl::StrCat(kUser, "int32 age = 3;")),
       {{"User", "id: 1 name: 'ada' age: 36"}});
  const std::string after = Model("User", absl::StrCat(kUser, "reserved 3;"));
  ExpectBecomes(after, {{"User", "id: 1 name: 'ada'"}});
  MigrateOptions options;
  options.drop = {"t.User.age"};
  ExpectBecomes(after, {{"User", "id: 1 name: 'ada'"}}, options);
  EXPECT_EQ(RawDatabase(path_).QueryOne(
                "SELECT count(*) FROM pragma_table_info('users') WHERE name = 'age'"),
            "0");
}

TEST_F(MigrationTest, ARemovedForeignKeyHoldsNobody) {
  const std::string parent = Model("User", kUser);
  Make(absl::StrCat(parent, Model("Post",
                                  "int64 id = 1; int64 user_id = 2 "
                                  "[(kin.field).belongs_to = {}];")),
       {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}});
  const std::string after = absl::StrCat(parent, Model("Post", "int64 id = 1; reserved 2;"));
  ExpectBecomes(after, {{"User", "id: 1"}, {"Post", "id: 1"}});
  const DynamicSchema schema(after);
  {
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Delete(**store, schema, {{"User", "id: 1"}}).ok());
    ASSERT_TRUE((*store)->Close().ok());
  }
  // It cannot come back as it was: the rows are named.
  ExpectRefused(absl::StrCat(parent, Model("Post",
                                           "int64 id = 1; int64 user_id = 2 "
                                           "[(kin.field).belongs_to = {name: 'u' model: "
                                           "'User'}]; string more = 3;")),
                {"new foreign key (user_id) to t.User", "rows in the way: 1: id=1"});
}

TEST_F(MigrationTest, ARemovedModelIsRefusedKeptOrDropped) {
  const std::string user = Model("User", kUser);
  const std::string both = absl::StrCat(
      user, Model("Post", "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}];"));
  const std::vector<Row> rows = {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}};
  Make(both, rows);
  ExpectRefused(user, {"t.Post: gone; table posts is kept, unused", "rows in the way: 1",
                       "MigrateOptions::allow", "::drop"});
  MigrateOptions options;
  options.allow = {"t.Post"};
  ExpectBecomes(user, {{"User", "id: 1"}}, options);
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT user_id FROM posts"), "1");
  const std::string back =
      absl::StrCat(user, Model("Post",
                               "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
                               "string title = 3;"));
  ExpectBecomes(back, {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}});
  EXPECT_THAT(plan_, HasSubstr("t.Post: back"));
  options.drop = {"t.Post"};
  ExpectBecomes(user, {{"User", "id: 1"}}, options);
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM sqlite_schema WHERE name = 'posts'"),
            "0");
}

TEST_F(MigrationTest, PresenceIsAddedAndRemoved) {
  const std::string plain = Model("M", "int64 id = 1; int32 a = 2;");
  const std::string optional = Model("M", "int64 id = 1; optional int32 a = 2; int32 b = 3;");
  const std::string again = Model("M", "int64 id = 1; int32 a = 2; int32 b = 3; int32 c = 4;");
  Make(plain, {{"M", "id: 1 a: 5"}, {"M", "id: 2"}});
  ExpectBecomes(optional, {{"M", "id: 1 a: 5"}, {"M", "id: 2 a: 0"}});
  RawDatabase(path_).Exec("INSERT INTO ms (id) VALUES (3)");
  ExpectRefused(again, {"t.M.a (field 2): always has a value", "rows in the way: 1: id=3",
                        "UPDATE \"ms\" SET \"a\" = 0 WHERE \"a\" IS NULL"});
  RawDatabase(path_).Exec("UPDATE ms SET a = 0 WHERE a IS NULL");
  ExpectBecomes(again, {{"M", "id: 1 a: 5"}, {"M", "id: 2"}, {"M", "id: 3"}});
}

TEST_F(MigrationTest, WrappersAndOptionalsAreTheSameColumn) {
  Make(Model("M", "int64 id = 1; google.protobuf.Int64Value a = 2; optional int32 b = 3;"),
       {{"M", "id: 1 a { value: 5 } b: 6"}, {"M", "id: 2"}});
  ExpectBecomes(Model("M", "int64 id = 1; optional int64 a = 2; google.protobuf.Int64Value b = 3;"),
                {{"M", "id: 1 a: 5 b { value: 6 }"}, {"M", "id: 2"}});
}

TEST_F(MigrationTest, IndexesComeAndGo) {
  const std::string none = Model("M", "int64 id = 1; int32 a = 2; string b = 3;");
  const std::string some =
      Model("M", "int64 id = 1; int32 a = 2 [(kin.field).indexed = true]; string b = 3;",
            "index: { fields: ['b', 'a'] unique: true }");
  const std::vector<Row> rows = {{"M", "id: 1 a: 5 b: 'x'"}, {"M", "id: 2 a: 6 b: 'x'"}};
  Make(none, rows);
  ExpectBecomes(some, rows);
  EXPECT_EQ(
      RawDatabase(path_).QueryOne("SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND "
                                  "tbl_name = 'ms'"),
      "2");
  ExpectBecomes(Model("M", "int64 id = 1; int32 a = 2; string c = 3; int32 d = 4;"),
                {{"M", "id: 1 a: 5 c: 'x'"}, {"M", "id: 2 a: 6 c: 'x'"}});
  EXPECT_EQ(
      RawDatabase(path_).QueryOne("SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND "
                                  "tbl_name = 'ms'"),
      "0");
}

TEST_F(MigrationTest, ANewUniqueIndexThatRowsViolateIsRefused) {
  Make(Model("M", "int64 id = 1; string a = 2;"),
       {{"M", "id: 1 a: 'x'"}, {"M", "id: 2 a: 'x'"}, {"M", "id: 3 a: 'y'"}});
  ExpectRefused(Model("M", "int64 id = 1; string a = 2 [(kin.field).unique = true];"),
                {"t.M: new unique index over a", "rows in the way: 2: a=\"x\" (id=1 and id=2)"});
  ExpectRefused(Model("M", "int64 id = 1; string a = 2; string b = 3 [(kin.field).unique = true];"),
                {"t.M: new unique index over b", "rows in the way: 3: b=\"\""});
  RawDatabase(path_).Exec("UPDATE ms SET a = 'z' WHERE id = 2");
  ExpectBecomes(Model("M", "int64 id = 1; string a = 2 [(kin.field).unique = true];"),
                {{"M", "id: 1 a: 'x'"}, {"M", "id: 2 a: 'z'"}, {"M", "id: 3 a: 'y'"}});
}

TEST_F(MigrationTest, AnIndexKeepsItsNameWhenItsColumnsAreRenamed) {
  const std::vector<Row> rows = {{"M", "id: 1 a: 5"}};
  Make(Model("M", "int64 id = 1; int32 a = 2 [(kin.field).unique = true];"), rows);
  ExpectBecomes(Model("M",
                      "int64 id = 1; int32 b = 2 [(kin.field).unique = true]; "
                      "int32 a = 3 [(kin.field).indexed = true];",
                      "table: 'ems'"),
                {{"M", "id: 1 b: 5"}});
  EXPECT_THAT(plan_, Not(HasSubstr("DROP INDEX")));
}

TEST_F(MigrationTest, ForeignKeysAreAddedIfEveryRowHasItsParent) {
  const std::string user = Model("User", kUser);
  Make(absl::StrCat(user, Model("Post", "int64 id = 1; int64 user_id = 2; optional int64 by = 3;")),
       {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1 by: 9"}, {"Post", "id: 2 user_id: 7"}});
  const std::string after =
      absl::StrCat(user, Model("Post",
                               "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
                               "optional int64 by = 3 [(kin.field).belongs_to = {name: 'author' "
                               "model: 'User'}];"));
  ExpectRefused(after,
                {"new foreign key (user_id) to t.User", "rows in the way: 1: id=2, user_id=7",
                 "new foreign key (by) to t.User", "rows in the way: 1: id=1, by=9"});
  RawDatabase(path_).Exec("UPDATE posts SET user_id = 1, by = NULL");
  ExpectBecomes(after,
                {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}, {"Post", "id: 2 user_id: 1"}});
}

TEST_F(MigrationTest, ARequiredForeignKeyCannotBeAddedToRows) {
  const std::string user = Model("User", kUser);
  Make(absl::StrCat(user, Model("Post", "int64 id = 1;")), {{"User", "id: 1"}, {"Post", "id: 1"}});
  ExpectRefused(absl::StrCat(user, Model("Post",
                                         "int64 id = 1; int64 user_id = 2 "
                                         "[(kin.field).belongs_to = {}];")),
                {"new foreign key (user_id) to t.User", "make the field `optional`"});
  ExpectBecomes(absl::StrCat(user, Model("Post",
                                         "int64 id = 1; optional int64 user_id = 2 "
                                         "[(kin.field).belongs_to = {}];")),
                {{"User", "id: 1"}, {"Post", "id: 1"}});
  EXPECT_THAT(plan_, Not(HasSubstr("_kin_new")));
}

TEST_F(MigrationTest, AnotherKeyIsRefusedUnlessThereAreNoRows) {
  const std::string before = Model("M", "int64 id = 1; string code = 2;");
  const std::string after = Model("M", "int64 id = 1; string code = 2;", "primary_key: 'code'");
  Make(before, {{"M", "id: 1 code: 'x'"}});
  ExpectRefused(after, {"t.M: the key becomes (code), and was (id)", "rows in the way: 1"});
  RawDatabase(path_).Exec("DELETE FROM ms");
  ExpectBecomes(after, {});
}

TEST_F(MigrationTest, FieldsThatMoveIntoAOneof) {
  Make(Model("M", "int64 id = 1; optional int32 a = 2; optional string b = 3;"),
       {{"M", "id: 1 a: 1"}, {"M", "id: 2 b: 'x'"}, {"M", "id: 3 a: 1 b: 'x'"}});
  const std::string after = Model("M", "int64 id = 1; oneof o { int32 a = 2; string b = 3; }");
  ExpectRefused(after, {"at most one field of oneof o is set", "rows in the way: 1: id=3"});
  RawDatabase(path_).Exec("UPDATE ms SET b = NULL WHERE id = 3");
  ExpectBecomes(after, {{"M", "id: 1 a: 1"}, {"M", "id: 2 b: 'x'"}, {"M", "id: 3 a: 1"}});
}

TEST_F(MigrationTest, MessagesInColumns) {
  const auto schema = [](const std::string& point) {
    return absl::StrCat(Model("M", "int64 id = 1; Point p = 2; repeated Point q = 3;"),
                        "message Point { ", point, " }");
  };
  const std::vector<Row> rows = {{"M", "id: 1 p { x: 1 s: 'a' } q { x: 2 }"}};
  Make(schema("int32 x = 1; string s = 2;"), rows);
  ExpectRefused(schema("string x = 1; string s = 2;"),
                {"t.M.p (field 2)", "t.Point.x was int32 and is string"});
  ExpectRefused(schema("sint32 x = 1; string s = 2;"), {"t.Point.x was int32 and is sint32"});
  ExpectRefused(schema("oneof o { int32 x = 1; string s = 2; }"), {"exclude each other"});
  const std::string wider = schema("int64 x = 1; bytes s = 2; repeated int32 more = 3;");
  const DynamicSchema wider_schema(wider);
  auto store = OpenDynamic(wider_schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Difference(**store, wider_schema, rows), "");
}

TEST_F(MigrationTest, ColumnsIndexesAndViewsOfOthersSurvive) {
  Make(Model("M", "int64 id = 1; int32 a = 2;"), {{"M", "id: 1 a: 5"}});
  RawDatabase(path_).Exec(
      "ALTER TABLE ms ADD COLUMN note TEXT DEFAULT 'n'; CREATE INDEX mine ON ms (a, note);"
      "CREATE VIEW look AS SELECT a FROM ms; UPDATE ms SET note = 'hello'");
  ExpectBecomes(Model("M", "int64 id = 1; optional int32 a = 2;"), {{"M", "id: 1 a: 5"}});
  EXPECT_THAT(plan_, HasSubstr("CREATE TABLE \"_kin_new\""));
  ExpectBecomes(Model("M", "int64 id = 1; optional int32 b = 2;", "table: 'ems'"),
                {{"M", "id: 1 b: 5"}});
  RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("SELECT note FROM ems"), "hello");
  EXPECT_EQ(raw.QueryOne("SELECT * FROM look"), "5");
  EXPECT_EQ(raw.QueryOne("SELECT count(*) FROM pragma_index_info('mine')"), "2");
}

TEST_F(MigrationTest, NamesOfOthersAreInTheWay) {
  Make(Model("M", "int64 id = 1;"), {{"M", "id: 1"}});
  RawDatabase(path_).Exec("CREATE TABLE users (x); ALTER TABLE ms ADD COLUMN name TEXT");
  ExpectRefused(absl::StrCat(Model("M", "int64 id = 1;"), Model("User", kUser)),
                {"t.User: table users", "not this model's"});
  ExpectRefused(Model("M", "int64 id = 1; string name = 2;"), {"column name", "not Kin's"});
}

TEST_F(MigrationTest, NothingIsChangedWhereNothingMayBe) {
  Make(Model("User", kUser), kUsers);
  MigrateOptions options;
  options.level = MigrateOptions::Level::kNone;
  ExpectRefused(Model("User", absl::StrCat(kUser, "int32 age = 3;")),
                {"t.User.age", "kNone", "ADD COLUMN"}, options);
}

TEST_F(MigrationTest, RowsThatANewRuleRefusesKeepTheOldDatabase) {
  Make(Model("M", "int64 id = 1; int32 a = 2;"), {{"M", "id: 1 a: 5"}});
  const DynamicSchema schema(
      Model("M", "int64 id = 1; int32 a = 2 [(kin.field).max = 3]; int32 b = 3;"));
  auto store = OpenDynamic(schema, path_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM pragma_table_info('ms')"), "3");
}

TEST_F(MigrationTest, EverythingAtOnce) {
  Make(absl::StrCat(Model("User", "int64 id = 1; string name = 2; int32 age = 3; string old = 4;"),
                    Model("Post",
                          "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; "
                          "int32 stars = 3;"),
                    Model("Junk", "int64 id = 1;")),
       {{"User", "id: 1 name: 'ada' age: 36 old: 'x'"},
        {"User", "id: 2 name: 'bob'"},
        {"Post", "id: 1 user_id: 1 stars: 4"},
        {"Junk", "id: 1"}});
  MigrateOptions options;
  options.drop = {"t.Junk"};
  options.allow = {"t.User.old"};
  options.renamed = {{"t.User", "t.Person"}};
  ExpectBecomes(
      absl::StrCat(Model("Person",
                         "int64 id = 1; string age = 2; optional int64 name = 3; "
                         "string old = 5;",
                         "table: 'Junks'"),
                   Model("Article",
                         "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = "
                         "{model: 'Person'}]; int32 stars = 3; optional int64 reviewer_id = "
                         "4 [(kin.field).belongs_to = {model: 'Person'}];")),
      {{"Person", "id: 1 age: 'ada' name: 36"},
       {"Person", "id: 2 age: 'bob' name: 0"},
       {"Article", "id: 1 user_id: 1 stars: 4"}},
      options);
}

}  // namespace
}  // namespace kin
