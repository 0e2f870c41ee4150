// What a batch is made of, and how fields are compared to make it.
#include "kin/persistence/net_changes.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/store/change.h"
#include "kin/store/store.h"
#include "kin/tests/testing/random_message.h"
#include "kin/tests/testing/seed.h"
#include "tests/persistence/models.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using persistence_test::Everything;
using persistence_test::OldKinds;

class CopyRecordsTest : public ::testing::Test {
 protected:
  CopyRecordsTest() : store_(*Store::Open(Schema::Of<Everything>(), {})) {
    Put({1, 2, 3}, "old");
    pending_.snapshot = store_->GetSnapshot();
    ChangeLog& log = pending_.logs.emplace_back();
    log.Append(Key(1), kInserted);
    log.Append(Key(2), 0);
    log.Append(Key(3), kMoved);
    log.Append(Key(4), 0);  // Is not there: a delete.
    ComputeNetChanges(&pending_);
  }

  static KeyView Key(std::int64_t id) {
    Everything record;
    record.set_id(id);
    std::string unused;
    return Schema::Of<Everything>().KeyOf(0, record, &unused);
  }

  void Put(const std::vector<std::int64_t>& ids, const std::string& text) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (const std::int64_t id : ids) {
        Everything record;
        record.set_id(id);
        record.set_a_string(absl::StrCat(text, " of more than a few bytes: ", id));
        (*record.mutable_places())[text].set_x(0.5);
        absl::Status status = txn.Upsert(record).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  const ModelChanges& changes() const { return pending_.batch.models[0]; }
  const Message* Stored(std::int64_t id) const {
    return pending_.snapshot.Find<Everything>(id).get();
  }

  std::unique_ptr<Store> store_;
  PendingBatch pending_;
};

TEST_F(CopyRecordsTest, CopiesReplaceTheSnapshot) {
  CopyRecords(1 << 20, &pending_);
  EXPECT_EQ(store_->stats().snapshots, 0);
  Put({1, 2, 3}, "new");
  ASSERT_EQ(changes().inserts.size(), 1u);
  ASSERT_EQ(changes().updates.size(), 1u);
  ASSERT_EQ(changes().moved.size(), 1u);
  ASSERT_EQ(changes().deletes.size(), 1u);
  EXPECT_EQ(changes().deletes[0].number, Key(4).number);
  for (const auto& [record, id] :
       {std::pair(changes().inserts[0], 1), std::pair(changes().updates[0], 2),
        std::pair(changes().moved[0], 3)}) {
    const auto& copy = static_cast<const Everything&>(*record);
    EXPECT_EQ(copy.id(), id);
    EXPECT_EQ(copy.a_string(), absl::StrCat("old of more than a few bytes: ", id));
    EXPECT_EQ(copy.places().at("old").x(), 0.5);
  }
}

TEST_F(CopyRecordsTest, WhereTheyWouldTakeTooMuchTheSnapshotStays) {
  // Too many records, and, for the others, too large ones.
  for (const std::size_t most : {0, 47, 600}) {
    CopyRecords(most, &pending_);
    EXPECT_EQ(store_->stats().snapshots, 1);
    EXPECT_EQ(changes().inserts[0], Stored(1));
    EXPECT_EQ(changes().updates[0], Stored(2));
    EXPECT_EQ(changes().moved[0], Stored(3));
    EXPECT_TRUE(pending_.copies.empty());
  }
}

TEST_F(CopyRecordsTest, OfManyEachIsWrittenOnce) {
  // Around as many as are looked up together.
  for (const std::int64_t size : {1, 255, 256, 257, 512, 700}) {
    std::vector<std::int64_t> ids;
    for (std::int64_t id = 1; id <= size; ++id) ids.push_back(id);
    Put(ids, absl::StrCat("of ", size));
    pending_ = PendingBatch();
    pending_.snapshot = store_->GetSnapshot();
    ChangeLog& log = pending_.logs.emplace_back();
    for (std::int64_t id = size; id >= 1; --id) log.Append(Key(id), kInserted);
    log.Append(Key(10'000), 0);
    ComputeNetChanges(&pending_);
    CopyRecords(std::size_t{1} << 30, &pending_);
    EXPECT_EQ(store_->stats().snapshots, 0);
    ASSERT_EQ(changes().inserts.size(), ids.size());
    EXPECT_EQ(changes().deletes.size(), 1u);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& copy = static_cast<const Everything&>(*changes().inserts[i]);
      EXPECT_EQ(copy.id(), ids[i]);
      EXPECT_EQ(copy.places_size(), 1);
      EXPECT_TRUE(copy.places().contains(absl::StrCat("of ", size)));
    }
  }
}

TEST_F(CopyRecordsTest, ManyOfEachKind) {
  constexpr ChangeFlags kKinds[] = {kInserted, 0, kMoved, kReindexed};
  std::vector<std::int64_t> ids;
  for (std::int64_t id = 1; id <= 100; ++id) ids.push_back(id);
  Put(ids, "new");
  pending_ = PendingBatch();
  pending_.snapshot = store_->GetSnapshot();
  ChangeLog& log = pending_.logs.emplace_back();
  for (const std::int64_t id : ids) log.Append(Key(id), kKinds[id % 4]);
  ComputeNetChanges(&pending_);
  CopyRecords(std::size_t{1} << 30, &pending_);
  EXPECT_EQ(store_->stats().snapshots, 0);
  Put(ids, "newer");
  const std::vector<const Message*>* lists[] = {&changes().inserts, &changes().updates,
                                                &changes().moved, &changes().reindexed};
  for (std::int64_t kind = 0; kind < 4; ++kind) {
    ASSERT_EQ(lists[kind]->size(), 25u);
    for (std::size_t i = 0; i < 25; ++i) {
      const auto& copy = static_cast<const Everything&>(*(*lists[kind])[i]);
      EXPECT_EQ(copy.id(), (kind == 0 ? 4 : kind) + 4 * static_cast<std::int64_t>(i));
      EXPECT_EQ(copy.a_string(), absl::StrCat("new of more than a few bytes: ", copy.id()));
    }
  }
}

TEST_F(CopyRecordsTest, NothingToCopyLetsGoOfTheSnapshotToo) {
  pending_.logs.clear();
  pending_.logs.emplace_back();
  ComputeNetChanges(&pending_);
  CopyRecords(1 << 20, &pending_);
  EXPECT_EQ(store_->stats().snapshots, 0);
}

// Every pair of these records, and each with one field set to its default, or without it.
template <typename M>
void CompareEveryField(unsigned seed) {
  testing::RandomMessages random(seed, {});
  std::vector<std::unique_ptr<Message>> records;
  for (int i = 0; i < 12; ++i) {
    records.push_back(std::make_unique<M>());
    if (i > 1) random.Fill(records.back().get(), [](const FieldDescriptor&) { return false; });
  }
  const Schema schema = Schema::Of<M>();
  const google::protobuf::Descriptor& model = *M::descriptor();
  int same = 0;
  int different = 0;
  for (int i = 0; i < model.field_count(); ++i) {
    const FieldDescriptor& field = *model.field(i);
    const FieldComparison comparison = schema.ComparisonOf(0, field);
    // With the second of the empty ones, its default that was set.
    const auto* reflection = records[1]->GetReflection();
    records[1]->Clear();
    if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection->SetString(records[1].get(), &field, field.default_value_string());
    } else if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      reflection->SetInt64(records[1].get(), &field, field.default_value_int64());
    } else if (!field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      reflection->SetEnum(records[1].get(), &field, field.default_value_enum());
    }
    for (const auto& a : records) {
      for (const auto& b : records) {
        const bool expected = SameField(*a, *b, field);
        ++(expected ? same : different);
        EXPECT_EQ(comparison.Same(*a, *b), expected)
            << "seed " << seed << ", " << field.full_name() << "\n"
            << a->ShortDebugString() << "\n"
            << b->ShortDebugString();
      }
    }
  }
  EXPECT_GT(same, 100);
  EXPECT_GT(different, 100);
}

TEST(FieldComparisonTest, IsSameFieldOfEveryKindOfField) {
  CompareEveryField<Everything>(testing::Seed());
}

TEST(FieldComparisonTest, IsSameFieldOfRequiredFieldsAndClosedEnums) {
  CompareEveryField<OldKinds>(testing::Seed());
}

}  // namespace
}  // namespace kin::persistence
