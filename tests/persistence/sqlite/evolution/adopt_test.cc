// Databases that Kin did not make become its own, or are refused by table and column.
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
using ::testing::IsEmpty;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::Row;

const char kModels[] = R"(
  message User {
    option (kin.model) = {};
    int64 id = 1;
    string email = 2 [(kin.field).unique = true];
    optional double height = 3;
    bytes photo = 4;
    bool admin = 5;
    optional int64 boss_id = 6 [(kin.field).belongs_to = {model: 'User'}];
  }
  message Post {
    option (kin.model) = {};
    int64 id = 1;
    int64 user_id = 2 [(kin.field).belongs_to = {}];
    string title = 3;
    google.protobuf.Timestamp at = 4;
  }
)";

class AdoptTest : public ::testing::Test {
 protected:
  void Make(const std::string& sql) {
    std::filesystem::remove(path_);
    RawDatabase(path_).Exec(sql);
  }
  void ExpectRefused(const std::string& sql, const std::vector<std::string>& words,
                     absl::StatusCode code = absl::StatusCode::kFailedPrecondition) {
    SCOPED_TRACE(sql);
    Make(sql);
    const std::string before = testing::ReadFile(path_);
    const absl::Status adopted = Adopt(path_, schema_.schema());
    EXPECT_EQ(adopted.code(), code) << adopted;
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(adopted.message()), HasSubstr(word));
    }
    EXPECT_EQ(testing::ReadFile(path_), before);
  }

  const DynamicSchema schema_{kModels};
  testing::TempDir dir_;
  const std::string path_ = dir_.File("theirs.db");
};

TEST_F(AdoptTest, TablesBecomeKinsWithTheirRows) {
  Make(
      "CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, Email VARCHAR(80) UNIQUE, "
      "height REAL, photo BLOB, admin BOOLEAN DEFAULT FALSE, note VARCHAR(10), boss_id INT "
      "REFERENCES users (id) ON DELETE CASCADE);"
      "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users, title TEXT);"
      "CREATE INDEX by_title ON posts (title); CREATE TABLE other (x);"
      "CREATE VIEW emails AS SELECT email FROM users;"
      "INSERT INTO users VALUES (1, 'a@x', 1.5, x'00', 1, 'boss', NULL), (2, 'b@x', NULL, x'', 0, "
      "NULL, 1), (9, 'c@x', NULL, x'', 0, NULL, 1); DELETE FROM users WHERE id = 9;"
      "INSERT INTO posts VALUES (7, 2, 'hello'); INSERT INTO other VALUES (5)");
  EXPECT_THAT(std::string(OpenDynamic(schema_, path_).status().message()), HasSubstr("kin::Adopt"));
  const absl::Status adopted = Adopt(path_, schema_.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  {
    auto store = OpenDynamic(schema_, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(Difference(**store, schema_,
                         {{"User", "id: 1 email: 'a@x' height: 1.5 photo: '\\000' admin: true"},
                          {"User", "id: 2 email: 'b@x' boss_id: 1"},
                          {"Post", "id: 7 user_id: 2 title: 'hello'"}}),
              "");
    ASSERT_TRUE(Upsert(**store, schema_, {{"User", "email: 'new'"}}).ok());
    EXPECT_TRUE((*store)->CheckInvariants().ok());
    EXPECT_TRUE((*store)->Close().ok());
  }
  RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("SELECT id, note FROM users WHERE email = 'new'"), "10|NULL");
  EXPECT_EQ(raw.QueryOne("SELECT note FROM users WHERE id = 1"), "boss");
  EXPECT_EQ(raw.QueryOne("SELECT x FROM other"), "5");
  EXPECT_EQ(raw.QueryOne("SELECT count(*) FROM emails"), "3");
  EXPECT_EQ(raw.QueryOne("SELECT count(*) FROM sqlite_schema WHERE name = 'by_title'"), "1");
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_THAT(raw.Query("PRAGMA foreign_key_check"), IsEmpty());
}

TEST_F(AdoptTest, WhatIsMissingIsAdded) {
  Make(
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); INSERT INTO users VALUES (1, 'a')");
  const absl::Status adopted = Adopt(path_, schema_.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  auto store = OpenDynamic(schema_, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ(Difference(**store, schema_, {{"User", "id: 1 email: 'a'"}}), "");
}

TEST_F(AdoptTest, WhatDoesNotFitIsNamedByTableAndColumn) {
  const std::string users =
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, height REAL, photo BLOB, admin "
      "INT);";
  ExpectRefused(users + "INSERT INTO users VALUES (3, 'a', 1.0, x'', 'yes')",
                {"table users, column admin: 1 rows hold something else than INTEGER, or nothing: "
                 "id=3"});
  ExpectRefused(users + "INSERT INTO users VALUES (3, NULL, 1.0, x'', 1)",
                {"table users, column email: 1 rows hold something else than TEXT, or nothing"});
  ExpectRefused(users + "INSERT INTO users VALUES (3, 'a', 'tall', 'text', 1)",
                {"column height", "column photo"});
  ExpectRefused(users + "INSERT INTO users VALUES (3, 'a', 1, x'', 1), (4, 'a', 1, x'', 1)",
                {"new unique index over email", "email=\"a\""});
  ExpectRefused(users +
                    "CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT, title TEXT);"
                    "INSERT INTO posts VALUES (7, 8, 't')",
                {"new foreign key (user_id) to t.User", "id=7"});
  ExpectRefused(users + "INSERT INTO users VALUES (3, 'a', 1, x'', 7)",
                {"table users, key id=3, column admin: is 7"}, absl::StatusCode::kDataLoss);
  ExpectRefused("CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INT, title TEXT, at TEXT);" +
                    users +
                    "INSERT INTO users VALUES (3, 'a', 1, x'', 1); "
                    "INSERT INTO posts VALUES (7, 3, 't', 'yesterday')",
                {"table posts, key id=7, column at", "is not a time"}, absl::StatusCode::kDataLoss);
}

TEST_F(AdoptTest, WhatWouldBeLostOrHinderIsRefused) {
  ExpectRefused("CREATE TABLE users (id TEXT, email TEXT PRIMARY KEY)",
                {"table users: its primary key is (email), and that of t.User is (id)"});
  ExpectRefused("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT CHECK (email <> ''))",
                {"table users", "CHECK"});
  ExpectRefused("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, height REAL UNIQUE)",
                {"table users: (height) is UNIQUE"});
  ExpectRefused(
      "CREATE TABLE teams (id INTEGER PRIMARY KEY); CREATE TABLE users (id INTEGER PRIMARY "
      "KEY, email TEXT, admin INT REFERENCES teams (id))",
      {"table users: (admin) refers to table teams"});
  ExpectRefused(
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE TRIGGER tr AFTER "
      "INSERT ON users BEGIN DELETE FROM users; END",
      {"table users", "trigger"});
  ExpectRefused("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, age INT NOT NULL)",
                {"column age", "NOT NULL"});
  ExpectRefused("CREATE TABLE strangers (id INTEGER PRIMARY KEY)", {"none of the tables"});
}

// Every kind of column, keys of several, and names in another case and from options.
TEST_F(AdoptTest, EveryKindOfColumnIsTakenIfItsValuesFit) {
  const DynamicSchema schema(R"(
    enum State { UNKNOWN = 0; READY = 1; }
    message Part { int32 x = 1; }
    message Thing {
      option (kin.model) = {table: 'old_things' primary_key: ['code', 'number']};
      string code = 1;
      int32 number = 2 [(kin.field).column = 'no'];
      uint64 big = 3;
      float ratio = 4;
      State state = 5;
      google.protobuf.Timestamp at = 6;
      google.protobuf.Duration took = 7;
      google.protobuf.StringValue note = 8;
      Part part = 9;
      Part text = 10 [(kin.field).json = true];
      repeated int32 list = 11 [(kin.field).json = true];
      oneof one { int32 a = 12; string b = 13; }
    }
    message Owner {
      option (kin.model) = {belongs_to: {name: 'thing' model: 'Thing' foreign_key: ['code', 'number']}};
      int64 id = 1;
      optional string code = 2;
      optional int32 number = 3;
    }
  )");
  Make(
      "CREATE TABLE OLD_Things (CODE VARCHAR(5) NOT NULL, NO INTEGER NOT NULL, big BIGINT NOT "
      "NULL, "
      "ratio FLOAT, State TINYINT, at DATETIME, took TEXT, note CLOB, part BLOB, text JSON_TEXT, "
      "list TEXT, a INT, b TEXT, PRIMARY KEY (CODE, NO)) WITHOUT ROWID;"
      "INSERT INTO old_things VALUES ('x', 1, -1, 3, 1, '2024-02-29T12:00:00.000000000Z', "
      "'-1.500000000', 'n', x'0805', '{\"x\":5}', '[1,2]', NULL, ''), ('x', 2, 0, 0.5, 7, NULL, "
      "NULL, "
      "NULL, NULL, NULL, NULL, 0, NULL);"
      "CREATE TABLE owners (id INTEGER PRIMARY KEY, code TEXT, number INT, FOREIGN KEY (code, "
      "number) REFERENCES old_things (code, no));"
      "INSERT INTO owners VALUES (1, 'x', 2), (2, NULL, NULL)");
  const absl::Status adopted = Adopt(path_, schema.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  for (int round = 0; round < 2; ++round) {
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    const std::vector<Row> rows = {
        {"Thing",
         "code: 'x' number: 1 big: 18446744073709551615 ratio: 3 state: READY at { seconds: "
         "1709208000 } took { seconds: -1 nanos: -500000000 } note { value: 'n' } part { x: 5 } "
         "text "
         "{ x: 5 } list: [1, 2] b: ''"},
        {"Thing", "code: 'x' number: 2 ratio: 0.5 state: 7 a: 0"},
        {"Owner", "id: 1 code: 'x' number: 2"},
        {"Owner", "id: 2"}};
    EXPECT_EQ(Difference(**store, schema, rows), "");
    EXPECT_TRUE((*store)->CheckInvariants().ok());
    EXPECT_TRUE(Upsert(**store, schema, rows).ok());
    EXPECT_TRUE((*store)->Close().ok());
  }
  RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_THAT(raw.Query("PRAGMA foreign_key_check"), IsEmpty());
  EXPECT_THAT(raw.QueryOne("SELECT sql FROM sqlite_schema WHERE lower(name) = 'old_things'"),
              ::testing::AllOf(HasSubstr("STRICT"), HasSubstr("WITHOUT ROWID")));
}

TEST_F(AdoptTest, EveryReasonIsGivenAtOnce) {
  Make(
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, height REAL, photo BLOB, "
      "admin INT, twice AS (admin * 2), boss_id INT REFERENCES users (id));"
      "INSERT INTO users (id, email, height, photo, admin) VALUES (1, 'a', 'tall', x'', 'no'), (2, "
      "'b', 1, 'p', 0);"
      "CREATE TABLE posts (id TEXT PRIMARY KEY, user_id INT, title INT, at TEXT);"
      "INSERT INTO posts VALUES ('one', 1, 7, NULL)");
  const absl::Status adopted = Adopt(path_, schema_.schema());
  EXPECT_EQ(adopted.code(), absl::StatusCode::kFailedPrecondition) << adopted;
  for (const std::string words : {"table users, column twice: is generated",
                                  "table users, column height: 1 rows hold "
                                  "something else than ANY: id=1",
                                  "table users, column photo: 1 rows hold something else "
                                  "than BLOB, or nothing: id=2",
                                  "table users, column admin: 1 rows hold something else than "
                                  "INTEGER, or nothing: id=1",
                                  "table posts, column id: 1 rows hold something else than "
                                  "INTEGER, or nothing: id=\"one\"",
                                  "table posts, column title: 1 rows hold something else "
                                  "than TEXT, or nothing: id=\"one\"",
                                  "nothing was changed"}) {
    EXPECT_THAT(std::string(adopted.message()), HasSubstr(words));
  }
}

TEST_F(AdoptTest, KeptColumnsKeepTheirDefaultsAndCollations) {
  Make(
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, created TEXT DEFAULT "
      "(datetime('now')), nick TEXT COLLATE NOCASE DEFAULT \"it's\");"
      "INSERT INTO users (id, email, nick) VALUES (1, 'a', 'Al')");
  const absl::Status adopted = Adopt(path_, schema_.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  ASSERT_TRUE(OpenDynamic(schema_, path_).ok());
  RawDatabase raw(path_);
  raw.Exec("INSERT INTO users (id) VALUES (2)");
  EXPECT_EQ(raw.QueryOne("SELECT length(created), nick FROM users WHERE id = 2"), "19|it's");
  EXPECT_EQ(raw.QueryOne("SELECT id FROM users WHERE nick = 'AL'"), "1");
}

// STRICT tables as well are made anew, so that nothing of theirs is left that Kin's have not.
TEST_F(AdoptTest, StrictTablesAreMadeAnewAsWell) {
  const DynamicSchema codes(
      "message Code { option (kin.model) = {primary_key: 'code'}; string code = 1; }");
  Make(
      "CREATE TABLE users (id INTEGER PRIMARY KEY NOT NULL, email TEXT NOT NULL UNIQUE COLLATE "
      "NOCASE, height ANY, photo BLOB NOT NULL DEFAULT x'', admin INTEGER NOT NULL DEFAULT 0, "
      "boss_id INTEGER) STRICT; INSERT INTO users (id, email) VALUES (1, 'a')");
  absl::Status adopted = Adopt(path_, schema_.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  auto store = OpenDynamic(schema_, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Upsert(**store, schema_, {{"User", "id: 2 email: 'A'"}}).ok());
  absl::Status closed = (*store)->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  store->reset();

  Make(
      "CREATE TABLE codes (code TEXT NOT NULL PRIMARY KEY COLLATE NOCASE) STRICT, WITHOUT ROWID;"
      "INSERT INTO codes VALUES ('a')");
  adopted = Adopt(path_, codes.schema());
  ASSERT_TRUE(adopted.ok()) << adopted;
  store = OpenDynamic(codes, path_);
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE(Upsert(**store, codes, {{"Code", "code: 'A'"}}).ok());
  closed = (*store)->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  EXPECT_EQ(RawDatabase(path_).QueryOne("SELECT count(*) FROM codes"), "2");
}

TEST_F(AdoptTest, WhatOpeningWouldRefuseIsRefused) {
  const std::string users = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);";
  ExpectRefused(users + "INSERT INTO users VALUES (3, CAST(x'ff' AS TEXT))",
                {"users", "id=3", "email", "UTF-8"}, absl::StatusCode::kDataLoss);
  const DynamicSchema rules(
      "message User { option (kin.model) = {}; int64 id = 1; string email = 2 "
      "[(kin.field).required = true]; }");
  Make(users + "INSERT INTO users VALUES (3, '')");
  const std::string before = testing::ReadFile(path_);
  const absl::Status adopted = Adopt(path_, rules.schema());
  EXPECT_EQ(adopted.code(), absl::StatusCode::kDataLoss) << adopted;
  EXPECT_THAT(std::string(adopted.message()), HasSubstr("email"));
  EXPECT_EQ(testing::ReadFile(path_), before);
}

TEST_F(AdoptTest, OthersThatReferToItMustLetGo) {
  ExpectRefused(
      "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);"
      "CREATE TABLE notes (id INTEGER PRIMARY KEY, author INT REFERENCES users (id))",
      {"table users: table notes refers to it by (author)", "ON DELETE CASCADE"});
}

TEST_F(AdoptTest, OnlyWhatIsThereAndIsNotKins) {
  EXPECT_EQ(Adopt(path_, schema_.schema()).code(), absl::StatusCode::kNotFound);
  { ASSERT_TRUE(OpenDynamic(schema_, path_).ok()); }
  EXPECT_THAT(std::string(Adopt(path_, schema_.schema()).message()), HasSubstr("Kin's already"));
  EXPECT_EQ(Adopt(dir_.path(), schema_.schema()).code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kin
