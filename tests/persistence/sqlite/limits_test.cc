// What SQLite would refuse is refused at commit or at open; what was accepted can be written.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "google/protobuf/unknown_field_set.h"
#include "kin/tests/persistence/sqlite/connection_hook.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"
#include "tests/persistence/collisions.kin.h"

namespace kin {
namespace {

using persistence_test::Everything;
using persistence_test::Post;
using persistence_test::Tag;
using testing::ConnectionHook;
using ::testing::HasSubstr;

// An SQLite that was built to take less.
class LimitsTest : public testing::SqliteTest {
 protected:
  static constexpr int kBytes = 20'000;

  static auto Limit(int which, int value) {
    return [which, value](sqlite3* connection) { sqlite3_limit(connection, which, value); };
  }
  absl::Status Insert(const google::protobuf::Message& record) {
    return store_
        ->Write([&](Transaction& txn) -> absl::Status {
          if (const auto* everything = dynamic_cast<const Everything*>(&record)) {
            return txn.Insert(*everything).status();
          }
          return txn.Insert(dynamic_cast<const Tag&>(record)).status();
        })
        .status();
  }
};

TEST_F(LimitsTest, ARowTooLargeIsRefusedAtCommit) {
  const ConnectionHook hook(Limit(SQLITE_LIMIT_LENGTH, kBytes));
  Open();
  Tag tag;
  tag.set_code(std::string(kBytes + 1, 'x'));
  absl::Status status = Insert(tag);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_THAT(status.message(), HasSubstr("persistence_test.Tag code="));
  EXPECT_THAT(status.message(), HasSubstr("field code is too large"));
  EXPECT_THAT(status.message(), HasSubstr(std::to_string(kBytes)));
  Everything everything;  // No value is too large, but the row is.
  everything.set_a_string(std::string(kBytes / 2, 'x'));
  everything.set_some_bytes(std::string(kBytes / 2, 'x'));
  status = Insert(everything);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(store_->GetSnapshot().commit(), 0u);
  tag.set_code(std::string(kBytes / 2, 'x'));
  EXPECT_TRUE(Insert(tag).ok());
  Flush();
}

// Around the limit, with the bytes in any of the fields that may be long.
TEST_F(LimitsTest, WhatIsAcceptedCanBeWritten) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE("KIN_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const ConnectionHook hook(Limit(SQLITE_LIMIT_LENGTH, kBytes));
  Open();
  int accepted = 0, refused = 0;
  for (int i = 0; i < 400; ++i) {
    Everything record;
    std::int64_t left = kBytes - 2000 + static_cast<std::int64_t>(random() % 2200);
    auto take = [&](bool all) {
      const std::int64_t taken = all ? left : static_cast<std::int64_t>(random()) % (left + 1);
      left -= taken;
      return std::string(static_cast<std::size_t>(taken), 'x');
    };
    if (random() % 2) record.set_maybe_string(take(false));
    if (random() % 2) record.mutable_boxed_bytes()->set_value(take(false));
    if (random() % 2) record.mutable_at()->set_seconds(random());
    if (random() % 2) record.set_a_double(0.1);
    if (random() % 2) record.add_names(take(false));
    if (random() % 2) (*record.mutable_places())[take(false)];
    if (random() % 2) {
      record.GetReflection()->MutableUnknownFields(&record)->AddLengthDelimited(9999, take(false));
    }
    switch (random() % 4) {
      case 0:
        record.set_a_string(take(true));
        break;
      case 1:
        record.set_chosen_text(take(true));
        break;
      case 2:
        (*record.mutable_point()->mutable_labels())[take(true)] = 1;
        break;
      default:
        record.mutable_at()
            ->GetReflection()
            ->MutableUnknownFields(record.mutable_at())
            ->AddLengthDelimited(77, take(true));
    }
    const absl::Status status = Insert(record);
    if (!status.ok()) {
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      ++refused;
      continue;
    }
    ++accepted;
    const absl::Status flushed = store_->Flush();
    ASSERT_TRUE(flushed.ok()) << record.ByteSizeLong() << " bytes: " << flushed;
  }
  EXPECT_GT(accepted, 50);
  EXPECT_GT(refused, 50);
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Count<Everything>(), accepted);
}

TEST_F(LimitsTest, AModelOfTooManyFieldsCannotBeOpened) {
  for (int which : {SQLITE_LIMIT_COLUMN, SQLITE_LIMIT_VARIABLE_NUMBER}) {
    const ConnectionHook hook(Limit(which, 20));
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument) << store.status();
    EXPECT_THAT(store.status().message(), HasSubstr("persistence_test.Everything: has "));
  }
}

TEST_F(LimitsTest, RowsOfAStatementFitItsParameters) {
  const ConnectionHook hook(Limit(SQLITE_LIMIT_VARIABLE_NUMBER, 70));
  Open();
  Write([](Transaction& txn) {
    for (int i = 0; i < 300; ++i) {
      Tag tag;
      tag.set_code(std::to_string(i));
      ASSERT_TRUE(txn.Insert(tag).ok());
      ASSERT_TRUE(txn.Insert(Everything()).ok());
    }
  });
  Flush();
  Write([](Transaction& txn) {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(
          txn.Update(txn.Find<Tag>(std::to_string(i)), [](Tag& tag) { tag.set_weight(1); }).ok());
      ASSERT_TRUE(txn.Delete(txn.Find<Everything>(i + 1)).ok());
    }
  });
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Count<Tag>(), 300);
  EXPECT_EQ(store_->GetSnapshot().Count<Everything>(), 0);
}

TEST_F(LimitsTest, TextThatIsNotUtf8IsRefusedAtAnyDepth) {
  Open();
  Everything text, nested, listed, mapped, boxed;
  text.set_a_string("\xff");
  (*nested.mutable_point()->mutable_next()->mutable_labels())["\xc0\x80"] = 1;
  listed.add_names("\xed\xa0\x80");
  (*mapped.mutable_places())["\xf5"];
  boxed.mutable_boxed_string()->set_value("a\x80");
  for (const Everything* record : {&text, &nested, &listed, &mapped, &boxed}) {
    const absl::Status status = Insert(*record);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << record->DebugString();
    EXPECT_THAT(status.message(), HasSubstr("not UTF-8"));
  }
  EXPECT_EQ(store_->GetSnapshot().Count<Everything>(), 0);
}

// On the way to its new values a row must not be larger than it was and will be.
TEST_F(LimitsTest, RowsAtTheLimitExchangeUniqueValues) {
  using collisions::Tight;
  const ConnectionHook hook(Limit(SQLITE_LIMIT_LENGTH, kBytes));
  absl::StatusOr<std::unique_ptr<Store>> opened = TryOpen(path_, Schema::Of<Tight>());
  ASSERT_TRUE(opened.ok()) << opened.status();
  store_ = *std::move(opened);
  const auto set = [](const std::string& value, Tight* record) {
    record->set_a(value);
    record->set_b(value);
    record->set_c(value);
    record->set_d(value);
    record->set_e(value);
    record->set_f(value);
    record->set_g(value);
  };
  // As large as is accepted, to the byte.
  for (const auto& [id, value] : {std::pair(1, "x"), std::pair(2, "y")}) {
    Tight record;
    record.set_id(id);
    set(value, &record);
    int size = kBytes;
    absl::Status status;
    do {
      record.set_filling(std::string(static_cast<std::size_t>(size--), 'x'));
      status =
          store_->Write([&](Transaction& txn) { return txn.Insert(record).status(); }).status();
    } while (absl::IsInvalidArgument(status));
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_GT(size, kBytes - 1000);
  }
  Flush();
  Write([&](Transaction& txn) {
    for (const auto& [id, value] : {std::pair(1, "z"), std::pair(2, "x"), std::pair(1, "y")}) {
      const absl::Status status =
          txn.Update(txn.Find<Tight>(id), [&](Tight& record) { set(value, &record); }).status();
      ASSERT_TRUE(status.ok()) << status;
    }
  });
  Flush();
}

// An owner that cannot let go goes on owning, and can be closed later.
TEST_F(LimitsTest, ACloseThatFailsLeavesTheDatabaseOpen) {
  sqlite3* last = nullptr;
  const ConnectionHook hook([&last](sqlite3* connection) { last = connection; });
  Open();
  sqlite3_stmt* held = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(last, "SELECT 1", -1, &held, nullptr), SQLITE_OK);
  Tag tag;
  tag.set_code("a");
  ASSERT_TRUE(Insert(tag).ok());
  absl::Status closed = store_->Close();
  EXPECT_EQ(closed.code(), absl::StatusCode::kUnavailable) << closed;
  EXPECT_EQ(TryOpen(path_).status().code(), absl::StatusCode::kUnavailable);
  sqlite3_finalize(held);
  closed = store_->Close();
  EXPECT_TRUE(closed.ok()) << closed;
  store_.reset();
  Open();
  EXPECT_EQ(store_->GetSnapshot().Count<Tag>(), 1);
}

}  // namespace
}  // namespace kin
