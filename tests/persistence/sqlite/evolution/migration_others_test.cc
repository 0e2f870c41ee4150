// What somebody added to a database, and a migration comes upon: views, indexes, columns, tables
// that refer to Kin's. It survives, or is named in the plan, with what to do; no opening fails on
// it.
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
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::Row;

class OthersTest : public MigrationTest {
 protected:
  void Others(const std::string& sql) { RawDatabase(path_).Exec(sql); }
  std::string One(const std::string& sql) { return RawDatabase(path_).QueryOne(sql); }
};

TEST_F(OthersTest, ViewsOverKinsViewsSurvive) {
  Make(absl::StrCat(Model("M", "int64 id = 1; bool a = 2; string b = 3;"),
                    Model("N", "int64 id = 1; string x = 2;")),
       {{"M", "id: 1 a: true b: 'x'"}, {"N", "id: 1 x: 'n'"}});
  Others("CREATE VIEW mine AS SELECT a FROM _kin_view_ms; CREATE VIEW more AS SELECT * FROM mine");
  ExpectBecomes(absl::StrCat(Model("M", "int64 id = 1; optional bool a = 2; string c = 3;"),
                             Model("N", "int64 id = 1; string x = 2; int32 y = 3;", "table: 'en'")),
                {{"M", "id: 1 a: true c: 'x'"}, {"N", "id: 1 x: 'n'"}});
  EXPECT_EQ(One("SELECT a FROM more"), "1");
  EXPECT_EQ(One("SELECT x, y FROM _kin_view_en"), "n|0");
  EXPECT_EQ(One("SELECT count(*) FROM sqlite_schema WHERE name = '_kin_view_ns'"), "0");
}

TEST_F(OthersTest, ViewsThatWouldNotWorkAnyMoreAreNamed) {
  const std::string first = absl::StrCat(Model("M", "int64 id = 1; int32 a = 2; string b = 3;"),
                                         Model("Gone", "int64 id = 1;"));
  Make(first, {{"M", "id: 1 a: 5 b: 'x'"}, {"Gone", "id: 1"}});
  const std::string renamed = absl::StrCat(Model("M", "int64 id = 1; int32 c = 2; string b = 3;"),
                                           Model("Gone", "int64 id = 1;"));
  const std::string other_table =
      absl::StrCat(Model("M", "int64 id = 1; int32 a = 2; string b = 3;", "table: 'ems'"),
                   Model("Gone", "int64 id = 1;"));
  const std::string no_b =
      absl::StrCat(Model("M", "int64 id = 1; int32 a = 2;"), Model("Gone", "int64 id = 1;"));
  const std::string no_gone = Model("M", "int64 id = 1; int32 c = 2; string b = 3;");
  const std::string no_gone_only = Model("M", "int64 id = 1; int32 a = 2; string b = 3;");
  const struct {
    std::string view, text;
    MigrateOptions options;
  } cases[] = {
      {"SELECT a FROM _kin_view_ms", renamed, {}},
      {"SELECT * FROM _kin_view_ms", other_table, {}},
      {"SELECT b FROM ms", no_b, {.drop = {"t.M.b"}}},
      {"SELECT \"b\" FROM \"ms\"", no_b, {.drop = {"t.M.b"}}},
      {"SELECT * FROM goners", no_gone, {.drop = {"t.Gone"}}},
      {"SELECT * FROM goners", no_gone_only, {.drop = {"t.Gone"}}},
      {"SELECT * FROM _kin_view_goners", no_gone, {.drop = {"t.Gone"}}},
      {"SELECT * FROM _kin_view_goners", no_gone_only, {.drop = {"t.Gone"}}},
  };
  for (const auto& [view, text, options] : cases) {
    std::string sql = view;
    if (const auto at = sql.find("goners"); at != std::string::npos) sql.replace(at, 6, "gones");
    SCOPED_TRACE(absl::StrCat(sql, "; ", text));
    Others(absl::StrCat("CREATE VIEW \"mi ne\" AS ", sql));
    ExpectRefused(text, {"view mi ne", "DROP VIEW \"mi ne\""}, options);
    Others("DROP VIEW \"mi ne\"");
  }
  // One that never worked is in nobody's way, unless SQLite stumbles on it.
  Others("CREATE VIEW broken AS SELECT * FROM nowhere");
  ExpectRefused(renamed, {"view broken", "DROP VIEW \"broken\""});
  ExpectBecomes(absl::StrCat(first, Model("P", "int64 id = 1;")),
                {{"M", "id: 1 a: 5 b: 'x'"}, {"Gone", "id: 1"}});
  Others("DROP VIEW broken");
  ExpectBecomes(no_gone, {{"M", "id: 1 c: 5 b: 'x'"}}, {.drop = {"t.Gone", "t.P"}});
}

TEST_F(OthersTest, IndexesOverWhatIsDroppedAreNamed) {
  Make(Model("M", "int64 id = 1; int32 a = 2; string b = 3;"), {{"M", "id: 1 a: 5 b: 'x'"}});
  const std::string dropped = Model("M", "int64 id = 1; string b = 3;");
  const std::string anew = Model("M", "int64 id = 1; bytes a = 2; string b = 3;");
  const std::string other_name =
      Model("M", "int64 id = 1; bytes c = 2; int32 a = 4; string b = 3;");
  for (const std::string over :
       {"(a)", "(\"a\")", "(b, \"a\")", "(b) WHERE a > 0", "(b) WHERE \"a\" > 0", "(\"a\" + 1)"}) {
    Others(absl::StrCat("CREATE INDEX mine ON ms ", over));
    for (const std::string& text : {dropped, anew, other_name}) {
      SCOPED_TRACE(absl::StrCat(over, "; ", text));
      ExpectRefused(text, {"index mine", "DROP INDEX \"mine\""}, {.drop = {"t.M.a"}});
    }
    Others("DROP INDEX mine");
  }
  Others("CREATE INDEX mine ON ms (b) WHERE b > 'a'");
  ExpectBecomes(dropped, {{"M", "id: 1 b: 'x'"}}, {.drop = {"t.M.a"}});
  EXPECT_EQ(One("SELECT count(*) FROM sqlite_schema WHERE name = 'mine'"), "1");
}

TEST_F(OthersTest, KeptColumnsCountTowardsTheMost) {
  Make(Model("M", "int64 id = 1; int32 a = 2;"), {{"M", "id: 1 a: 5"}});
  std::string columns;
  for (int i = 0; i < 1996; ++i) absl::StrAppend(&columns, ", x", i, " INTEGER");
  Others(absl::StrCat(
      "DROP VIEW _kin_view_ms; DROP TABLE ms; CREATE TABLE ms (id INTEGER PRIMARY KEY NOT NULL, a "
      "INTEGER NOT NULL DEFAULT 0, _unknown BLOB",
      columns, ") STRICT; INSERT INTO ms (id, a) VALUES (1, 5)"));
  const std::string optional = "int64 id = 1; optional int32 a = 2; ";
  for (const std::string& fields :
       {std::string("int64 id = 1; int32 a = 2; int32 b = 3; int32 c = 4;"),
        optional + "int32 b = 3; int32 c = 4;"}) {
    ExpectRefused(Model("M", fields), {"table ms", "2001 columns", "2000", "MigrateOptions::drop"});
  }
  ExpectBecomes(Model("M", optional + "int32 b = 3;"), {{"M", "id: 1 a: 5"}});
}

TEST_F(OthersTest, AUniqueIndexWhereKinHasAnotherIsInTheWay) {
  const std::string text =
      absl::StrCat(Model("User", "int64 id = 1;"),
                   Model("Post", "int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}];"));
  Make(text, {{"User", "id: 1"}, {"Post", "id: 1 user_id: 1"}});
  Others("CREATE UNIQUE INDEX mine ON posts (user_id)");
  ExpectRefused(text, {"table posts: has a unique index mine"});
  Others("DROP INDEX mine");
  EXPECT_TRUE(OpenDynamic(DynamicSchema(text), path_).ok());
}

TEST_F(OthersTest, DefaultsThatCannotBeStoredAreInTheWay) {
  const std::string text = Model("M", "int64 id = 1; int32 a = 2;");
  const DynamicSchema schema(text);
  Make(text, {{"M", "id: 1"}});
  for (const std::string column :
       {"x INTEGER DEFAULT 'none'", "x INTEGER NOT NULL DEFAULT (NULL)", "x TEXT DEFAULT (x'00')",
        "x INTEGER DEFAULT (abs(-9223372036854775807 - 1))", "x ANY DEFAULT (json('{'))"}) {
    SCOPED_TRACE(column);
    Others(
        absl::StrCat("DROP VIEW IF EXISTS _kin_view_ms; DROP TABLE ms; CREATE TABLE ms (id "
                     "INTEGER PRIMARY KEY NOT NULL, a INTEGER NOT NULL DEFAULT 0, _unknown BLOB, ",
                     column, ") STRICT"));
    ExpectRefused(text, {"table ms: has a column x whose DEFAULT", "cannot be stored",
                         "make the column anew"});
  }
  Others(
      "DROP TABLE ms; CREATE TABLE ms (id INTEGER PRIMARY KEY NOT NULL, a INTEGER NOT NULL DEFAULT "
      "0, _unknown BLOB, x INTEGER NOT NULL DEFAULT -1, y TEXT NOT NULL DEFAULT "
      "(datetime('now')), z REAL DEFAULT 1, \"a b\" ANY DEFAULT (1 || 'x'), w TEXT DEFAULT "
      "CURRENT_DATE, v BLOB DEFAULT x'0102', u TEXT DEFAULT \"it's\", t INTEGER "
      "DEFAULT (\"abs\"(-1)), s TEXT DEFAULT 'x' COLLATE NOCASE) STRICT");
  auto store = OpenDynamic(schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Upsert(**store, schema, {{"M", "id: 1"}}).ok());
  const absl::Status closed = (*store)->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(One("SELECT x || z || \"a b\" FROM ms"), "-11.01x");
}

TEST_F(OthersTest, TablesThatReferToKinsMustLetGo) {
  const std::string text =
      Model("User", "int64 id = 1; string name = 2 [(kin.field).unique = true];");
  const std::vector<Row> rows = {{"User", "id: 1 name: 'ada'"}, {"User", "id: 2 name: 'bob'"}};
  Make(text, rows);
  for (const std::string notes :
       {"(x REFERENCES users)", "(x REFERENCES users (id) ON DELETE RESTRICT)",
        "(x REFERENCES users (name) ON DELETE CASCADE)",
        "(x NOT NULL REFERENCES users ON DELETE SET NULL)",
        "(x REFERENCES users ON DELETE SET DEFAULT)",
        "(x CHECK (x IS NOT NULL) REFERENCES users ON DELETE SET NULL)",
        "(x REFERENCES users ON DELETE SET NULL, y AS (x + 1) NOT NULL)",
        "(x REFERENCES users ON DELETE SET NULL, y AS (abs(x)))",
        "(x REFERENCES users ON DELETE SET NULL, y AS (ifnull(x, 0)) UNIQUE)",
        "(x INTEGER REFERENCES users ON DELETE SET NULL) STRICT; INSERT INTO notes VALUES (NULL); "
        "ALTER TABLE notes ADD COLUMN z INTEGER DEFAULT 'none'",
        "(x REFERENCES users ON DELETE SET NULL); CREATE UNIQUE INDEX mine ON notes (ifnull(x, 0))",
        "(x REFERENCES users ON DELETE SET NULL, y); CREATE UNIQUE INDEX mine ON notes (y) WHERE x "
        "IS NULL",
        "(x REFERENCES users ON DELETE SET NULL); CREATE INDEX mine ON notes (abs(x))"}) {
    SCOPED_TRACE(notes);
    Others(absl::StrCat("CREATE TABLE notes ", notes));
    ExpectRefused(text, {"table users: table notes refers to it by (x)", "ON DELETE CASCADE"});
    ExpectRefused(Model("User", "int64 id = 1; string name = 2; int32 more = 3;"),
                  {"table users: table notes refers to it by (x)"});
    Others("DROP TABLE notes");
  }
  Others(
      "CREATE TABLE notes (id INTEGER PRIMARY KEY, x REFERENCES users ON DELETE CASCADE);"
      "CREATE TABLE parts (x REFERENCES notes)");
  ExpectRefused(text, {"table users: table notes refers to it by (x)"});
  Others("DROP TABLE parts; CREATE TRIGGER tr AFTER DELETE ON notes BEGIN SELECT 1; END");
  ExpectRefused(text, {"table users: table notes refers to it by (x)"});
  Others(
      "DROP TRIGGER tr; CREATE TABLE hints (x UNIQUE REFERENCES users (id) ON DELETE SET NULL, y "
      "AS "
      "(x + 1), label TEXT COLLATE NOCASE); CREATE UNIQUE INDEX i1 ON hints (x DESC, label); "
      "CREATE "
      "INDEX i2 ON hints (x + 1); CREATE INDEX i3 ON hints (y); CREATE UNIQUE INDEX i4 ON hints "
      "(lower(label)); CREATE INDEX i5 ON hints (abs(label)) WHERE label > 'a';"
      "INSERT INTO notes VALUES (1, 1), (2, 2); INSERT INTO hints (x) VALUES (NULL), (1)");
  const DynamicSchema schema(text);
  auto store = OpenDynamic(schema, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Delete(**store, schema, {{"User", "id: 1"}}).ok());
  const absl::Status closed = (*store)->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(One("SELECT group_concat(id) FROM notes"), "2");
  EXPECT_EQ(One("SELECT count(*) FROM hints WHERE x IS NULL"), "2");
}

TEST_F(OthersTest, CommentsAreNoChecksAndHideNone) {
  const std::string text = Model("M", "int64 id = 1;");
  const DynamicSchema schema(text);
  Make(text, {{"M", "id: 1"}});
  const auto make = [this](const std::string& more) {
    Others(absl::StrCat(
        "DROP VIEW IF EXISTS _kin_view_ms; DROP TABLE ms; CREATE TABLE ms (id INTEGER PRIMARY "
        "KEY NOT NULL, _unknown BLOB",
        more, ") STRICT; INSERT INTO ms VALUES (1, NULL)"));
  };
  for (const std::string more :
       {"-- the user's id\n CHECK (id > 0)\n", ", /* isn't */ CHECK (id > 0)",
        ", CHECK/**/(id > 0)", ", CONSTRAINT \"a--b\" CHECK (id > 0)"}) {
    SCOPED_TRACE(more);
    make(more);
    ExpectRefused(text, {"table ms: has a CHECK"});
  }
  for (const std::string more : {"-- check this\n", " /* CHECK\n it */ ", "/*/ CHECK */"}) {
    SCOPED_TRACE(more);
    make(more);
    const auto store = OpenDynamic(schema, path_);
    EXPECT_TRUE(store.ok()) << store.status();
  }
}

TEST_F(OthersTest, ColumnsKeepDefaultsAndCollationsWhenTheirTableIsMadeAnew) {
  Make(absl::StrCat(
           Model("M", "int64 id = 1; int32 a = 2;"), Model("U", "int64 id = 1;"),
           Model("N", "int64 id = 1; optional int64 u_id = 2 [(kin.field).belongs_to = {}];")),
       {{"M", "id: 1 a: 5"}, {"N", "id: 1"}});
  const std::string columns =
      " (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, _unknown BLOB, made TEXT DEFAULT "
      "(datetime('now')), "
      "sum INTEGER DEFAULT (1 + 2), less INTEGER DEFAULT -1, word TEXT DEFAULT \"w\", yes INTEGER "
      "DEFAULT TRUE, at TEXT DEFAULT CURRENT_DATE, hex BLOB DEFAULT x'00', name TEXT DEFAULT "
      "'it''s' "
      "COLLATE NOCASE";
  Others(absl::StrCat(
      "DROP VIEW _kin_view_ms; DROP TABLE ms; CREATE TABLE ms", columns,
      ") STRICT;"
      "INSERT INTO ms (id, a, name) VALUES (1, 5, 'Ada');"
      "DROP VIEW _kin_view_ns; ALTER TABLE ns RENAME TO old_ns; CREATE TABLE ns",
      std::string(columns).replace(columns.find(" a INTEGER"), 10, " u_id INTEGER"),
      ", FOREIGN KEY (u_id) REFERENCES us (id) ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE "
      "INITIALLY DEFERRED) STRICT; INSERT INTO ns (id) VALUES (1); DROP TABLE old_ns;"
      "CREATE INDEX ns_user ON ns (u_id)"));
  ExpectBecomes(absl::StrCat(Model("M", "int64 id = 1; optional int32 a = 2; int32 b = 3;"),
                             Model("U", "int64 id = 1;")),
                {{"M", "id: 1 a: 5"}}, {.allow = {"t.N"}});
  EXPECT_THAT(plan_, HasSubstr("\"_kin_new\""));
  for (const std::string table : {"ms", "ns"}) {
    SCOPED_TRACE(table);
    Others(absl::StrCat("INSERT INTO ", table, " (id) VALUES (9)"));
    EXPECT_EQ(
        One(absl::StrCat(
            "SELECT length(made), sum, less, word, yes, length(at), hex(hex), name = 'IT''S' FROM ",
            table, " WHERE id = 9")),
        "19|3|-1|w|1|10|00|1");
  }
  EXPECT_EQ(One("SELECT name = 'ADA' FROM ms WHERE id = 1"), "1");
}

TEST_F(OthersTest, GeneratedColumnsKeepATableAsItIs) {
  const std::string parent = Model("U", "int64 id = 1;");
  const std::string child =
      Model("N", "int64 id = 1; optional int64 u_id = 2 [(kin.field).belongs_to = {}];");
  Make(parent + child, {{"N", "id: 1"}});
  Others("ALTER TABLE ns ADD COLUMN twice INTEGER AS (id * 2)");
  ExpectRefused(parent, {"table ns, column twice", "generated"}, {.allow = {"t.N"}});
  ExpectRefused(parent + Model("N", "int64 id = 1; optional int64 u_id = 2;"),
                {"table ns, column twice", "generated"});
  ExpectBecomes(
      parent +
          Model(
              "N",
              "int64 id = 1; optional int64 u_id = 2 [(kin.field).belongs_to = {}]; int32 x = 3;"),
      {{"N", "id: 1"}});
}

}  // namespace
}  // namespace kin
