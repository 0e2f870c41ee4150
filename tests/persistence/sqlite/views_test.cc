// The views beside the tables: what they show, and that they are there whenever a store is open.
#include "kin/persistence/sqlite/views.h"

#include <cstring>
#include <limits>
#include <string>

#include "kin/persistence/mapping.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using persistence::sqlite::Database;
using persistence_test::Everything;
using persistence_test::Unsigned;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kViews[] =
    "SELECT name FROM sqlite_schema WHERE type = 'view' AND name LIKE '\\_kin\\_view\\_%' ESCAPE "
    "'\\' ORDER BY name";

class ViewsTest : public testing::SqliteTest {
 protected:
  void Insert(Everything record) {
    Open();
    Write([&](Transaction& txn) { ASSERT_TRUE(txn.Insert(record).ok()); });
    Close();
  }
  std::string Show(const std::string& columns) {
    return testing::RawDatabase(path_).QueryOne("SELECT " + columns +
                                                " FROM _kin_view_everythings");
  }
};

TEST_F(ViewsTest, EachTableHasOne) {
  Open();
  Close();
  EXPECT_THAT(testing::RawDatabase(path_).Query(kViews),
              ElementsAre("_kin_view_everythings", "_kin_view_olds", "_kin_view_posts",
                          "_kin_view_profiles", "_kin_view_taggings", "_kin_view_tags",
                          "_kin_view_unsigneds", "_kin_view_users"));
}

TEST_F(ViewsTest, UnsignedNumbersAreAsTheyAre) {
  Everything record;
  record.set_a_uint64(std::numeric_limits<std::uint64_t>::max());
  record.set_a_fixed64(std::uint64_t{1} << 63);
  record.set_maybe_uint64(7);
  Insert(record);
  EXPECT_EQ(Show("a_uint64, a_fixed64, maybe_uint64, typeof(maybe_uint64), boxed_uint64"),
            "18446744073709551615|9223372036854775808|7|integer|NULL");
}

TEST_F(ViewsTest, EnumsHaveNamesAndNumbersWithoutNameStay) {
  Everything record;
  record.set_a_color(persistence_test::RED);
  record.set_maybe_color(static_cast<persistence_test::Color>(77));
  Insert(record);
  EXPECT_EQ(Show("a_color, maybe_color"), "RED|77");
  Everything none;
  none.set_id(2);
  Insert(none);
  EXPECT_EQ(testing::RawDatabase(path_).QueryOne(
                "SELECT a_color, maybe_color FROM _kin_view_everythings WHERE id = 2"),
            "NONE|NULL");
}

TEST_F(ViewsTest, ANanIsCalledSo) {
  Everything record;
  record.set_a_double(std::numeric_limits<double>::quiet_NaN());
  record.set_a_float(1.5);
  record.mutable_boxed_float()->set_value(std::numeric_limits<float>::quiet_NaN());
  Insert(record);
  EXPECT_EQ(Show("a_double, a_float, boxed_float, maybe_double"), "NaN|1.5|NaN|NULL");
}

TEST_F(ViewsTest, BytesAreHexadecimalAndSerializedValuesSayWhatTheyAre) {
  Everything record;
  record.set_some_bytes(std::string("\0\xff", 2));
  record.mutable_point()->set_x(1);
  record.add_numbers(1);
  record.add_numbers(2);
  (*record.mutable_places())["a"];
  Insert(record);
  EXPECT_EQ(Show("some_bytes, maybe_bytes, point, numbers, places, points"),
            "00ff|NULL|<Point, 9 bytes>|<repeated, 5 bytes>|<map, 8 bytes>|NULL");
}

TEST_F(ViewsTest, WhatWasDroppedOrChangedIsMadeAgain) {
  Insert(Everything());
  testing::RawDatabase(path_).Exec(
      "DROP VIEW _kin_view_posts; DROP VIEW _kin_view_everythings; "
      "CREATE VIEW _kin_view_everythings AS SELECT 5 AS five; "
      "CREATE VIEW _kin_view_of_another_time AS SELECT * FROM tags; "
      "CREATE VIEW mine AS SELECT 6 AS six");
  Open();
  Close();
  testing::RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("SELECT a_string FROM _kin_view_everythings"), "");
  EXPECT_EQ(raw.QueryOne("SELECT six FROM mine"), "6");
  EXPECT_EQ(raw.Query(kViews).size(), 8u);
}

TEST_F(ViewsTest, OpeningAnUnchangedDatabaseWritesNothingToThem) {
  Insert(Everything());
  const std::string before = testing::RawDatabase(path_).QueryOne("PRAGMA schema_version");
  Open();
  Close();
  EXPECT_EQ(testing::RawDatabase(path_).QueryOne("PRAGMA schema_version"), before);
}

// As who changes tables does it.
TEST_F(ViewsTest, TablesCanBeRenamedBetweenDropAndCreate) {
  Insert(Everything());
  graph::Graph graph;
  std::vector<graph::Diagnostic> diagnostics;
  graph = graph::Build({Unsigned::descriptor()}, &diagnostics);
  absl::StatusOr<persistence::Mapping> mapping = persistence::Mapping::Of(graph);
  ASSERT_TRUE(mapping.ok()) << mapping.status();
  absl::StatusOr<Database> database = Database::Open(path_, SQLITE_OPEN_READWRITE, "");
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(database->Exec("BEGIN").ok());
  ASSERT_TRUE(persistence::sqlite::DropViews(*database).ok());
  ASSERT_TRUE(database->Exec("ALTER TABLE unsigneds RENAME TO others").ok());
  mapping->tables[0].name = "others";
  ASSERT_TRUE(persistence::sqlite::CreateViews(*database, *mapping).ok());
  ASSERT_TRUE(database->Exec("COMMIT").ok());
  EXPECT_THAT(testing::RawDatabase(path_).Query(kViews), ElementsAre("_kin_view_others"));
}

TEST_F(ViewsTest, ATableInTheWayIsAnErrorThatNamesIt) {
  Insert(Everything());
  testing::RawDatabase(path_).Exec("DROP VIEW _kin_view_posts; CREATE TABLE _kin_view_posts (x)");
  absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
  EXPECT_FALSE(store.ok());
  EXPECT_THAT(store.status().message(), HasSubstr("_kin_view_posts"));
  EXPECT_EQ(testing::RawDatabase(path_).Query(kViews).size(), 7u);  // As before.
}

}  // namespace
}  // namespace kin
