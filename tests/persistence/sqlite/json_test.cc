// Columns with `json: true`: what SQL sees, what comes back, and what happens if the text is
// edited.
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "tests/persistence/kinds.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin {
namespace {

using persistence_test::Kinds;
using persistence_test::OldKinds;
using ::testing::HasSubstr;

class JsonTest : public testing::SqliteTest {
 protected:
  void OpenKinds() {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_, Schema::Of<Kinds, OldKinds>());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Insert(const Kinds& record) {
    OpenKinds();
    Write([&](Transaction& txn) { ASSERT_TRUE(txn.Insert(record).ok()); });
    Close();
  }
  std::string Query(const std::string& sql) { return testing::RawDatabase(path_).QueryOne(sql); }
  void Exec(const std::string& sql) { testing::RawDatabase(path_).Exec(sql); }
  Kinds Reread() {
    OpenKinds();
    Kinds record;
    if (store_ != nullptr) record = *store_->GetSnapshot().Find<Kinds>(1);
    return record;
  }
  void ExpectDataLoss(const std::string& where) {
    const absl::Status status = TryOpen(path_, Schema::Of<Kinds, OldKinds>()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(where));
  }
};

TEST_F(JsonTest, SqlCanLookInside) {
  Kinds record;
  record.set_id(1);
  record.mutable_json_kind()->set_a_string("x");
  record.mutable_json_kind()->mutable_kind()->set_an_int32(7);
  record.add_json_doubles(1.5);
  record.add_json_doubles(2.5);
  record.mutable_one_json();
  Insert(record);
  EXPECT_EQ(Query("SELECT json_kind ->> '$.kind.an_int32', json_doubles ->> 1, one_json, "
                  "typeof(json_kind), json_kinds, \"Some \"\"durations\"\"\" FROM kinds"),
            "7|2.5|{}|text|NULL|NULL");
  EXPECT_EQ(Query("SELECT json_kind FROM _kin_view_kinds"),
            "{\"a_string\":\"x\",\"kind\":{\"an_int32\":7}}");
}

TEST_F(JsonTest, WhatJsonCannotHoldComesBackAsWell) {
  Kinds record;
  record.set_id(1);
  auto* kind = record.add_json_kinds();
  kind->GetReflection()->MutableUnknownFields(kind)->AddVarint(5000, 1);
  record.mutable_json_any()->set_type_url("nowhere/of.Nothing");
  record.mutable_json_value();
  record.mutable_json_kind()->mutable_timestamp()->set_nanos(-1);
  Insert(record);
  const Kinds back = Reread();
  EXPECT_EQ(back.SerializeAsString(), record.SerializeAsString());
  EXPECT_EQ(Query("SELECT json_kinds, json_value FROM kinds"), "[{}]|null");
}

TEST_F(JsonTest, AnEditedTextIsRead) {
  Kinds record;
  record.set_id(1);
  record.mutable_json_kind()->set_an_int32(5);
  record.add_json_doubles(1);
  record.GetReflection()->MutableUnknownFields(&record)->AddVarint(5000, 1);
  Insert(record);
  Exec(
      "UPDATE kinds SET json_kind = json_set(json_kind, '$.an_int32', 6, '$.texts', "
      "json('[\"a\"]'))"
      ", json_doubles = NULL, json_kinds = '[{}, {}]'");
  {
    const Kinds back = Reread();
    EXPECT_EQ(back.json_kind().an_int32(), 6);
    EXPECT_EQ(back.json_kind().texts(0), "a");
    EXPECT_EQ(back.json_doubles_size(), 0);
    EXPECT_EQ(back.json_kinds_size(), 2);
    EXPECT_EQ(back.GetReflection()->GetUnknownFields(back).field_count(), 1);
  }
  // Opening wrote it as it would have been written by a store.
  EXPECT_EQ(Query("SELECT json_kinds FROM kinds"), "[{},{}]");
  Close();
  EXPECT_EQ(Reread().json_kind().an_int32(), 6);
}

TEST_F(JsonTest, AnEditThatWouldLoseSomethingIsRefused) {
  Kinds record;
  record.set_id(1);
  auto* kind = record.mutable_json_kind();
  kind->GetReflection()->MutableUnknownFields(kind)->AddVarint(5000, 1);
  Insert(record);
  Exec("UPDATE kinds SET json_kind = '{\"an_int32\":5}'");
  ExpectDataLoss("table kinds, key id=1, column json_kind: is not the text that was written");
  Exec("UPDATE kinds SET _unknown = NULL");  // As the message says.
  EXPECT_EQ(Reread().json_kind().an_int32(), 5);
}

TEST_F(JsonTest, WhatIsNoJsonOfTheFieldIsRefused) {
  Kinds record;
  record.set_id(1);
  record.mutable_json_kind();
  Insert(record);
  Exec("UPDATE kinds SET json_kind = '{\"an_int32\":\"x\"}'");
  ExpectDataLoss("table kinds, key id=1, column json_kind: is not JSON of this field: ");
  Exec("UPDATE kinds SET json_kind = '{},\"id\":7'");
  ExpectDataLoss("column json_kind: is not JSON of this field: ");
  Exec("UPDATE kinds SET json_kind = CAST(x'ff' AS TEXT)");
  ExpectDataLoss("column json_kind: is not JSON of this field: ");
}

TEST_F(JsonTest, RowsOfOthersHaveTheTextOnly) {
  Insert(Kinds());
  Exec("UPDATE kinds SET json_kind = '{\"a_string\" : \"x\"}', _unknown = NULL");
  EXPECT_EQ(Reread().json_kind().a_string(), "x");
  Close();
  EXPECT_EQ(Query("SELECT json_kind, _unknown IS NULL FROM kinds"), "{\"a_string\":\"x\"}|0");
}

TEST_F(JsonTest, TheColumnIsTextInTheSchemaThatIsCompared) {
  Insert(Kinds());
  EXPECT_THAT(Query("SELECT value FROM _kin_meta WHERE key = 'mapping'"),
              HasSubstr("is column json_kind, persistence_test.Kind, as JSON, may be absent"));
}

TEST_F(JsonTest, GroupsAndMapsOfClosedEnums) {
  OpenKinds();
  OldKinds record;
  record.set_id(1);
  record.set_required_grade(persistence_test::LOW_GRADE);
  record.set_required_double(0);
  record.set_required_string("");
  record.mutable_required_kind()->set_number(1);
  record.mutable_jsongroup()->set_grade(persistence_test::HIGH_GRADE);
  (*record.mutable_json_ranks())[1] = persistence_test::TOP_RANK;
  // A rank that this program does not know makes the entry an unknown field.
  const std::string unknown_entry("\xba\x01\x04\x08\x05\x10\x63", 7);
  ASSERT_TRUE(record.MergeFromString(unknown_entry));
  ASSERT_EQ(record.unknown_fields().field_count(), 1);
  Write([&](Transaction& txn) { ASSERT_TRUE(txn.Insert(record).ok()); });
  Close();
  EXPECT_EQ(Query("SELECT jsongroup, json_ranks FROM old_kinds"),
            "{\"grade\":\"HIGH_GRADE\"}|{\"1\":\"TOP_RANK\"}");
  OpenKinds();
  EXPECT_EQ(store_->GetSnapshot().Find<OldKinds>(1)->DebugString(), record.DebugString());
}

}  // namespace
}  // namespace kin
