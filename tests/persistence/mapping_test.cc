#include "kin/persistence/mapping.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/nesting.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/utf8.h"
#include "tests/persistence/models.kin.h"
#include "tests/persistence/old_models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Everything;
using persistence_test::Old;
using persistence_test::Point;
using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Tag;
using persistence_test::Tagging;
using persistence_test::Unsigned;
using persistence_test::User;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MappingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<graph::Diagnostic> diagnostics;
    graph_ = graph::Build(
        {Everything::descriptor(), Profile::descriptor(), User::descriptor(), Tagging::descriptor(),
         Post::descriptor(), Tag::descriptor(), Unsigned::descriptor(), Old::descriptor()},
        &diagnostics);
    ASSERT_TRUE(diagnostics.empty()) << diagnostics[0].ToString();
    absl::StatusOr<Mapping> mapping = Mapping::Of(graph_);
    ASSERT_TRUE(mapping.ok()) << mapping.status();
    mapping_ = *std::move(mapping);
  }
  const Table& TableOf(const std::string& name) {
    for (const Table& table : mapping_.tables) {
      if (table.name == name) return table;
    }
    ADD_FAILURE() << "no table " << name;
    return mapping_.tables[0];
  }
  const Column& ColumnOf(const Table& table, const std::string& name) {
    for (const Column& column : table.columns) {
      if (column.name == name) return column;
    }
    ADD_FAILURE() << "no column " << name;
    return table.columns[0];
  }

  graph::Graph graph_;
  Mapping mapping_;
};

TEST_F(MappingTest, ColumnsHaveTheTypeOfTheirField) {
  const Table& table = TableOf("everythings");
  EXPECT_EQ(ColumnOf(table, "an_int32").type, SqlType::kInteger);
  EXPECT_EQ(ColumnOf(table, "a_double").type, SqlType::kReal);
  EXPECT_EQ(ColumnOf(table, "a_string").type, SqlType::kText);
  EXPECT_EQ(ColumnOf(table, "at").type, SqlType::kText);
  EXPECT_EQ(ColumnOf(table, "boxed_uint64").type, SqlType::kInteger);
  EXPECT_EQ(ColumnOf(table, "boxed_string").type, SqlType::kText);
  EXPECT_EQ(ColumnOf(table, "point").type, SqlType::kBlob);
  EXPECT_FALSE(ColumnOf(table, "a_string").nullable);
  EXPECT_TRUE(ColumnOf(table, "maybe_string").nullable);
  EXPECT_TRUE(ColumnOf(table, "chosen_number").nullable);
  EXPECT_TRUE(ColumnOf(table, "numbers").nullable);
  EXPECT_TRUE(ColumnOf(table, "point").recursive);
  EXPECT_FALSE(ColumnOf(table, "at").recursive);
}

TEST_F(MappingTest, KinsOwnColumnMakesRoomForAFieldOfItsName) {
  EXPECT_EQ(TableOf("everythings").columns.back().name, "_unknown_");
  EXPECT_EQ(TableOf("users").columns.back().name, "_unknown");
}

TEST_F(MappingTest, ParentsComeFirst) {
  std::vector<std::string> names;
  for (int table : mapping_.parents_first) names.push_back(mapping_.tables[table].name);
  EXPECT_THAT(names, ElementsAre("everythings", "users", "profiles", "posts", "tags", "taggings",
                                 "unsigneds", "olds"));
}

TEST_F(MappingTest, ParkingPrefersColumnsThatMayBeNull) {
  const Table& users = TableOf("users");
  std::vector<std::string> names;
  for (int column : users.parking) names.push_back(users.columns[column].name);
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("name", "email", "city", "badge"));
  EXPECT_TRUE(TableOf("taggings").parking.empty());
}

TEST_F(MappingTest, TwoModelsCannotShareATable) {
  auto copy = [](const graph::Model& model) {
    auto out = std::make_unique<graph::Model>();
    out->descriptor = model.descriptor;
    out->name = "Other";
    out->table = "USERS";
    out->primary_key = model.primary_key;
    return out;
  };
  graph_.models.push_back(copy(*graph_.Find(User::descriptor())));
  absl::StatusOr<Mapping> mapping = Mapping::Of(graph_);
  EXPECT_EQ(mapping.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(mapping.status().message(), HasSubstr("persistence_test.User and Other"));
}

TEST_F(MappingTest, RowsAreNamedByTheirKey) {
  Tagging tagging;
  tagging.set_post_slug("a\nb");
  tagging.set_tag_code("\x01");
  EXPECT_EQ(TableOf("taggings").Describe(tagging),
            "table taggings, key post_slug=\"a\\nb\", tag_code=\"\\x01\"");
}

TEST(OverlayTest, AFieldIsSerializedTheSameWayEachTime) {
  Everything a, b;
  for (int i = 0; i < 100; ++i) {
    (*a.mutable_places())[std::to_string(i)].set_x(i);
    (*b.mutable_places())[std::to_string(99 - i)].set_x(99 - i);
  }
  const auto* field = Everything::descriptor()->FindFieldByName("places");
  EXPECT_EQ(SerializeField(a, *field), SerializeField(b, *field));
  Everything back;
  ASSERT_TRUE(ParseField(SerializeField(a, *field), *field, &back));
  EXPECT_EQ(back.places_size(), 100);
  EXPECT_EQ(back.places().at("7").x(), 7);
}

TEST(OverlayTest, AFieldsBytesHoldNoOtherField) {
  Everything other;
  other.set_id(7);
  Everything record;
  const auto* field = Everything::descriptor()->FindFieldByName("numbers");
  EXPECT_FALSE(ParseField(other.SerializeAsString(), *field, &record));
  EXPECT_FALSE(ParseField("\xff", *field, &record));
}

TEST(NestingTest, OnlyWhatComesBackIsNotTooDeep) {
  const auto* field = Everything::descriptor()->FindFieldByName("point");
  Everything record;
  Point* point = record.mutable_point();
  for (int i = 0; i < kMostNesting - 2; ++i) point = point->mutable_next();
  EXPECT_FALSE(IsNestedTooDeep(record, *field, static_cast<std::int64_t>(record.ByteSizeLong())));
  for (int i = 0; i < 10; ++i) point = point->mutable_next();
  EXPECT_TRUE(IsNestedTooDeep(record, *field, static_cast<std::int64_t>(record.ByteSizeLong())));
}

TEST(Utf8Test, TellsTextFromBytes) {
  for (const char* text :
       {"", "abc", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  for (const char* text :
       {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xe2\x82", "a\xffz", "\xf0\x80\x80\x80"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text;
  }
}

}  // namespace
}  // namespace kin::persistence
