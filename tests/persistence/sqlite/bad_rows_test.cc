// Rows that somebody else changed: those that do not fit are an error that names them, and nothing
// is repaired.
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using persistence_test::Everything;
using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Tag;
using persistence_test::Tagging;
using persistence_test::Unsigned;
using persistence_test::User;
using ::testing::HasSubstr;
using testing::ReadFile;

class BadRowsTest : public testing::SqliteTest {
 protected:
  void SetUp() override {
    Open();
    Write([](Transaction& txn) {
      for (int i = 1; i <= 2; ++i) {
        Everything everything;
        everything.set_maybe_string("text");
        ASSERT_TRUE(txn.Insert(everything).ok());
        User user;
        user.set_name(std::to_string(i));
        user.set_desk(i);
        user.set_badge(i);
        ASSERT_TRUE(txn.Insert(user).ok());
        Profile profile;
        profile.set_user_id(i);
        ASSERT_TRUE(txn.Insert(profile).ok());
      }
      Post post;
      post.set_slug("post");
      post.set_author("1");
      ASSERT_TRUE(txn.Insert(post).ok());
      Tag tag;
      tag.set_code("tag");
      ASSERT_TRUE(txn.Insert(tag).ok());
      Tagging tagging;
      tagging.set_post_slug("post");
      tagging.set_tag_code("tag");
      ASSERT_TRUE(txn.Insert(tagging).ok());
    });
    Close();
    original_ = ReadFile(path_);
  }
  // Runs `sql` on the untouched database, and expects the store to find it out.
  void ExpectDataLoss(const std::string& sql, const std::string& where) {
    SCOPED_TRACE(sql);
    testing::WriteFile(path_, original_);
    testing::RawDatabase(path_).Exec(sql);
    const std::string before = ReadFile(path_);
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr(where));
    EXPECT_EQ(ReadFile(path_), before);
  }
  // The same where SQLite itself would refuse the value: its checks are taken out of the schema.
  void ExpectDataLossUnchecked(const std::string& table, const std::string& sql,
                               const std::string& where) {
    ExpectDataLoss(
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(replace(replace(sql, "
        "'STRICT, ', ''), 'STRICT', ''), 'NOT NULL', '') WHERE name = '" +
            table + "'; PRAGMA writable_schema = RESET; " + sql,
        where);
  }

  std::string original_;
};

TEST_F(BadRowsTest, OutOfRange) {
  const std::string row = "table everythings, key id=2, column ";
  ExpectDataLoss("UPDATE everythings SET an_int32 = 2147483648 WHERE id = 2",
                 row + "an_int32: is 2147483648, which is not from -2147483648 to 2147483647");
  ExpectDataLoss("UPDATE everythings SET a_uint32 = -1 WHERE id = 2", row + "a_uint32: is -1");
  ExpectDataLoss("UPDATE everythings SET a_bool = 2 WHERE id = 2", row + "a_bool: is 2");
  ExpectDataLoss("UPDATE everythings SET a_color = 4294967296 WHERE id = 2", row + "a_color");
  ExpectDataLoss("UPDATE everythings SET a_float = 1e300 WHERE id = 2", row + "a_float");
  ExpectDataLoss("UPDATE everythings SET maybe_int32 = -2147483649 WHERE id = 2",
                 row + "maybe_int32");
}

TEST_F(BadRowsTest, WrongType) {
  const std::string row = "table everythings, key id=2, column ";
  ExpectDataLoss("UPDATE everythings SET a_double = 'x' WHERE id = 2",
                 row + "a_double: is a TEXT, where a REAL belongs");
  ExpectDataLoss("UPDATE everythings SET a_double = x'00' WHERE id = 2",
                 row + "a_double: is a BLOB");
  ExpectDataLoss("UPDATE everythings SET a_double = x'3ff0000000000000' WHERE id = 2",
                 row + "a_double");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET an_int64 = 'x' WHERE id = 2",
                          row + "an_int64: is a TEXT, where an INTEGER belongs");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET a_string = x'00' WHERE id = 2",
                          row + "a_string: is a BLOB, where a TEXT belongs");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET some_bytes = 'x' WHERE id = 2",
                          row + "some_bytes");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET point = 5 WHERE id = 2",
                          row + "point");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET boxed_bool = 0.5 WHERE id = 2",
                          row + "boxed_bool");
}

TEST_F(BadRowsTest, NullWhereAValueIsRequired) {
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET a_string = NULL WHERE id = 1",
                          "table everythings, key id=1, column a_string: is NULL");
  ExpectDataLossUnchecked("everythings", "UPDATE everythings SET a_double = NULL WHERE id = 1",
                          "table everythings, key id=1, column a_double: is NULL");
  ExpectDataLossUnchecked("profiles", "UPDATE profiles SET user_id = NULL WHERE id = 1",
                          "table profiles, key id=1, column user_id: is NULL");
}

TEST_F(BadRowsTest, TwoFieldsOfAOneof) {
  ExpectDataLoss("UPDATE everythings SET chosen_text = '', chosen_point = x'' WHERE id = 1",
                 "table everythings, key id=1, column chosen_point: has a value, and so has field "
                 "chosen_text, the other of oneof choice; set one of them to NULL");
}

TEST_F(BadRowsTest, NotWhatAColumnHolds) {
  const std::string row = "table everythings, key id=1, column ";
  ExpectDataLoss("UPDATE everythings SET at = 'yesterday' WHERE id = 1",
                 row + "at: is 'yesterday'");
  ExpectDataLoss("UPDATE everythings SET took = '1' WHERE id = 1", row + "took: is '1'");
  ExpectDataLoss("UPDATE everythings SET point = x'ff' WHERE id = 1",
                 row + "point: is a BLOB that is not");
  ExpectDataLoss("UPDATE everythings SET numbers = x'0807' WHERE id = 1", row + "numbers");
  ExpectDataLoss("UPDATE everythings SET _unknown_ = x'0807' WHERE id = 1", row + "_unknown_");
  ExpectDataLoss("UPDATE everythings SET _unknown_ = x'ff' WHERE id = 1", row + "_unknown_");
  ExpectDataLoss("UPDATE everythings SET a_string = CAST(x'ff' AS TEXT) WHERE id = 1",
                 row + "a_string: is not valid UTF-8");
}

TEST_F(BadRowsTest, BrokenReference) {
  ExpectDataLoss("UPDATE profiles SET user_id = 77 WHERE id = 2",
                 "table profiles, key id=2, column user_id");
  ExpectDataLoss("DELETE FROM users WHERE id = 1", "table profiles, key id=1, column user_id");
  ExpectDataLoss("UPDATE posts SET author = 'nobody'",
                 "table posts, key slug=\"post\", column author");
  ExpectDataLoss("DELETE FROM tags", "key post_slug=\"post\", tag_code=\"tag\", column tag_code");
}

TEST_F(BadRowsTest, Duplicate) {
  ExpectDataLoss(
      "DROP INDEX users_name_index; CREATE INDEX users_name_index ON users (name); "
      "UPDATE users SET name = '1' WHERE id = 2; UPDATE posts SET author = NULL",
      "column name: duplicate value");
  ExpectDataLoss(
      "DROP INDEX profiles_user_id_index; CREATE INDEX profiles_user_id_index ON profiles "
      "(user_id); UPDATE profiles SET user_id = 1 WHERE id = 2",
      "column user_id: duplicate value");
}

TEST_F(BadRowsTest, EditedTables) {
  ExpectDataLoss("DROP TABLE taggings", "table taggings: is not there");
  ExpectDataLoss("ALTER TABLE tags DROP COLUMN weight", "table tags, column weight");
  ExpectDataLoss("ALTER TABLE tags RENAME COLUMN weight TO mass", "table tags, column weight");
  ExpectDataLoss("DROP INDEX users_name_index", "table users: its index users_name_index");
  ExpectDataLoss("DELETE FROM _kin_meta WHERE key = 'commit'", "table _kin_meta, key commit");
  ExpectDataLoss("UPDATE _kin_meta SET value = 'x' WHERE key = 'commit'",
                 "table _kin_meta, key commit");
  ExpectDataLoss("DELETE FROM _kin_meta WHERE key = 'mapping'", "table _kin_meta, key mapping");
}

TEST_F(BadRowsTest, NumbersOfCommitsThatNoStoreCanReach) {
  for (const char* number : {"-1", "9223372036854775807", "-9223372036854775808"}) {
    ExpectDataLoss(std::string("UPDATE _kin_meta SET value = ") + number + " WHERE key = 'commit'",
                   std::string("table _kin_meta, key commit, column value: is ") + number);
  }
}

TEST_F(BadRowsTest, NextIds) {
  const std::string model = "'persistence_test.User'";
  const std::string row = "table _kin_ids, key model=\"persistence_test.User\", column next: ";
  ExpectDataLoss("UPDATE _kin_ids SET next = -1 WHERE model = " + model, row + "is -1");
  ExpectDataLoss("DROP TABLE _kin_ids", "table _kin_ids: is not there");
  ExpectDataLoss("ALTER TABLE _kin_ids RENAME COLUMN next TO last", "table _kin_ids, column next");
  ExpectDataLoss(
      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, ', '') "
      "WHERE name = '_kin_ids'; PRAGMA writable_schema = RESET; UPDATE _kin_ids SET next = 'x' "
      "WHERE model = " +
          model,
      row + "is of the wrong type");
}

// All ids are used up: one more than the largest is next.
TEST_F(BadRowsTest, NoNextIdIsNotDamage) {
  testing::RawDatabase(path_).Exec("UPDATE _kin_ids SET next = -9223372036854775808");
  Open();
  const absl::StatusOr<CommitNumber> commit =
      store_->Write([](Transaction& txn) { return txn.Insert(Everything()).status(); });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kResourceExhausted) << commit.status();
}

// What would only show when a record cannot be written.
TEST_F(BadRowsTest, WhatCouldRefuseARecordIsRefusedAtOpen) {
  auto expect = [this](const std::string& sql, const std::string& what) {
    SCOPED_TRACE(sql);
    testing::WriteFile(path_, original_);
    testing::RawDatabase(path_).Exec(sql);
    const std::string before = ReadFile(path_);
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr(what));
    EXPECT_EQ(ReadFile(path_), before);
  };
  auto edit = [](const std::string& table, const std::string& from, const std::string& to) {
    return "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '" + from +
           "', '" + to + "') WHERE name = '" + table + "'; PRAGMA writable_schema = RESET";
  };
  expect("CREATE TRIGGER spy AFTER INSERT ON tags BEGIN SELECT raise(ABORT, 'no'); END",
         "table tags: has a trigger spy");
  expect("CREATE UNIQUE INDEX one_weight ON tags (weight)",
         "table tags: has a unique index one_weight");
  expect(
      "DELETE FROM taggings; DELETE FROM tags; ALTER TABLE tags ADD COLUMN more TEXT NOT NULL "
      "DEFAULT 'x'; " +
          edit("tags", " DEFAULT ''x''", ""),
      "table tags: has a column more that is NOT NULL");
  expect(edit("tags", "\"weight\" ANY", "\"weight\" ANY check (weight < 5)"),
         "table tags: has a CHECK");
  expect("ALTER TABLE tags ADD COLUMN owner INTEGER REFERENCES users (id)",
         "table tags: has 1 more FOREIGN KEY");
  expect(edit("tags", "STRICT, ", ""), "table tags: is not STRICT");
  expect(edit("users", "\"email\" TEXT", "\"email\" TEXT NOT NULL DEFAULT ''x''") +
             "; UPDATE users SET email = id",
         "table users: has a column email that is NOT NULL");
  expect("CREATE TABLE other AS SELECT * FROM taggings; DROP TABLE taggings; " +
             std::string("CREATE TABLE taggings (post_slug TEXT NOT NULL, tag_code BLOB NOT NULL, "
                         "rank INTEGER NOT NULL DEFAULT 0, _unknown BLOB, PRIMARY KEY "
                         "(post_slug)) STRICT; CREATE INDEX i ON taggings (post_slug); "
                         "CREATE INDEX j ON taggings (tag_code)"),
         "table taggings: has the primary key (post_slug)");
  expect(
      "CREATE TEMP TABLE old AS SELECT * FROM posts; DROP TABLE posts; CREATE TABLE posts (slug "
      "TEXT "
      "NOT NULL COLLATE NOCASE, author TEXT, title TEXT NOT NULL DEFAULT '', _unknown BLOB, "
      "PRIMARY "
      "KEY (slug)) STRICT; INSERT INTO posts SELECT * FROM old; CREATE INDEX i ON posts (author)",
      "table posts: has a primary key with COLLATE NOCASE");
  expect(edit("profiles", "ON DELETE NO ACTION", "ON DELETE CASCADE"),
         "table profiles: has an ON UPDATE or ON DELETE action");
  expect(edit("profiles", "DEFERRABLE INITIALLY DEFERRED", ""),
         "table profiles: has a FOREIGN KEY without DEFERRABLE INITIALLY DEFERRED");
  expect(edit("profiles", "REFERENCES \"users\"", "REFERENCES \"everythings\""),
         "table profiles: has a FOREIGN KEY (user_id) REFERENCES everythings");
  for (const char* table : {"_kin_meta", "_kin_ids"}) {
    expect(std::string("CREATE TRIGGER spy AFTER UPDATE ON ") + table +
               " BEGIN SELECT raise(ABORT, 'no'); END",
           std::string("table ") + table + ": has a trigger spy");
  }
  expect("CREATE UNIQUE INDEX one ON _kin_meta (value) WHERE key = 'commit'",
         "table _kin_meta: has a unique index one");
}

// What is computed of each row that is written.
TEST_F(BadRowsTest, WhatMayFailIsRefusedAtOpen) {
  auto expect = [this](const std::string& sql, const std::string& what) {
    SCOPED_TRACE(sql);
    testing::WriteFile(path_, original_);
    testing::RawDatabase(path_).Exec(sql);
    const std::string before = ReadFile(path_);
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr("table everythings: has " + what));
    EXPECT_THAT(store.status().message(), HasSubstr("remove it, or have it compute by"));
    EXPECT_EQ(ReadFile(path_), before);
  };
  for (const char* expression :
       {"\"abs\" (an_int64)", "[abs](an_int64)", "abs /* so */ (an_int64)", "date(maybe_string)",
        "hex(some_bytes)", "maybe_string || maybe_string", "maybe_string LIKE a_string",
        "maybe_string glob a_string"}) {
    const std::string text = expression;
    expect("CREATE INDEX \"mine (\" ON everythings (an_int64, " + text + ")",
           "an index mine ( that may fail");
    expect("CREATE INDEX mine ON everythings (an_int64) WHERE " + text,
           "an index mine that may fail");
  }
}

TEST_F(BadRowsTest, WhatCannotFailIsLeftAlone) {
  for (const char* expression :
       {"lower(trim(a_string))", "an_int64 + 1 > 5 AND (a_bool OR NOT (an_int32 IN (1, 2)))",
        "CASE WHEN (a_bool) THEN (1) ELSE (an_int64 - 2) END", "CAST(a_double AS INTEGER)",
        "coalesce(maybe_string, 'abs(' /* hex( */) COLLATE NOCASE", "-an_int64 | 7"}) {
    SCOPED_TRACE(expression);
    testing::WriteFile(path_, original_);
    const std::string text = expression;
    testing::RawDatabase(path_).Exec("CREATE INDEX one ON everythings (" + text +
                                     "); CREATE INDEX two ON everythings (id) WHERE " + text +
                                     "; ALTER TABLE everythings ADD COLUMN mine ANY AS (" + text +
                                     ")");
    Open();
    Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(Everything()).ok()); });
    Close();
  }
}

TEST_F(BadRowsTest, ColumnsMayHaveTheNamesOfOperators) {
  testing::RawDatabase(path_).Exec(
      "ALTER TABLE everythings ADD COLUMN match TEXT; ALTER TABLE everythings ADD COLUMN regexp "
      "TEXT; "
      "CREATE INDEX one ON everythings (match COLLATE NOCASE DESC, regexp) WHERE regexp IS NOT "
      "NULL; "
      "CREATE INDEX two ON everythings (id) WHERE id > 0 AND match > 'a'; "
      "ALTER TABLE everythings ADD COLUMN mine INT AS (regexp IS NULL)");
  Open();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(Everything()).ok()); });
  Close();
}

TEST_F(BadRowsTest, WhatIsInNobodysWayIsLeftAlone) {
  testing::RawDatabase(path_).Exec(
      "CREATE INDEX by_weight ON tags (weight); ALTER TABLE tags ADD COLUMN \"check\" TEXT; "
      "CREATE TABLE mine (x CHECK (x > 0)); CREATE VIEW seen AS SELECT * FROM tags; "
      "CREATE TRIGGER mine_too AFTER INSERT ON mine BEGIN SELECT 1; END");
  Open();
  EXPECT_EQ(store_->GetSnapshot().Count<Tag>(), 1);
}

TEST_F(BadRowsTest, AnIntegerIsAlsoANumber) {
  testing::RawDatabase(path_).Exec("UPDATE everythings SET a_double = 3, a_float = 0.1");
  Open();
  EXPECT_EQ(store_->GetSnapshot().Find<Everything>(1)->a_double(), 3.0);
  EXPECT_EQ(store_->GetSnapshot().Find<Everything>(1)->a_float(), 0.1f);
}

}  // namespace
}  // namespace kin
