// Random records of models with every kind of field that proto2 and proto3 have: written, changed,
// and read again by a store opened anew, bit for bit as they were.
//
// KIN_RECORDS: how many; the stress run has half a million.
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/random_message.h"
#include "tests/persistence/kinds.kin.h"
#include "tests/persistence/old_kinds.kin.h"

namespace kin {
namespace {

using persistence_test::Kinds;
using persistence_test::OldKinds;
using persistence_test::Token;

Schema KindsSchema() { return Schema::Of<Kinds, OldKinds, Token>(); }

class EveryKindTest : public testing::SqliteTest {
 protected:
  EveryKindTest()
      : seed_(SeedToUse()), random_(seed_, {.depth = 1}), deep_(seed_ + 1, {.depth = 3}) {}

  static std::uint32_t SeedToUse() {
    const char* seed = std::getenv("KIN_SEED");
    return seed != nullptr ? static_cast<std::uint32_t>(std::atoll(seed)) : std::random_device()();
  }
  static int Records() {
    const char* records = std::getenv("KIN_RECORDS");
    return records != nullptr ? std::atoi(records) : 1000;
  }
  void SetUp() override { std::printf("KIN_SEED=%u\n", seed_); }

  void OpenKinds() {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(path_, KindsSchema());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  template <typename M>
  M RandomRecord(int ids) {
    M record;
    testing::RandomMessages& messages = random_.Below(20) == 0 ? deep_ : random_;
    messages.Fill(&record, [](const auto& field) { return field.name() == "id"; });
    record.set_id(1 + random_.Below(ids));
    return record;
  }

  // Writes random records, each of which may replace one that is there.
  template <typename M>
  void WriteSome(int count, int ids, std::map<std::int64_t, M>* expected) {
    Write([&](Transaction& txn) {
      for (int i = 0; i < count; ++i) {
        const M record = RandomRecord<M>(ids);
        const auto written = txn.Upsert(record);
        ASSERT_TRUE(written.ok()) << written.status();
        (*expected)[record.id()] = record;
      }
    });
  }

  template <typename M>
  void ExpectAll(const std::map<std::int64_t, M>& expected) {
    Snapshot snapshot = store_->GetSnapshot();
    ASSERT_EQ(snapshot.Count<M>(), static_cast<std::int64_t>(expected.size()));
    for (const auto& [id, record] : expected) {
      const auto found = snapshot.Find<M>(id);
      ASSERT_TRUE(found);
      ASSERT_EQ(testing::FirstDifference(record, *found), "") << "id " << id;
    }
  }

  const std::uint32_t seed_;
  testing::RandomMessages random_;
  testing::RandomMessages deep_;
};

TEST_F(EveryKindTest, RandomRecordsComeBackBitForBit) {
  constexpr int kBatch = 250, kBatchesAFile = 8;
  for (int written = 0, file = 0; written < Records(); ++file) {
    path_ = dir_.File(std::to_string(file));
    std::map<std::int64_t, Kinds> kinds;
    std::map<std::int64_t, OldKinds> old_kinds;
    OpenKinds();
    for (int batch = 0; batch < kBatchesAFile; ++batch, written += 2 * kBatch) {
      WriteSome(kBatch, 800, &kinds);
      WriteSome(kBatch, 800, &old_kinds);
      if (random_.Below(2) == 0) Flush();  // Else the next change finds it not yet written.
    }
    Close();
    OpenKinds();
    ExpectAll(kinds);
    ExpectAll(old_kinds);
    const absl::Status sound = store_->CheckInvariants();
    EXPECT_TRUE(sound.ok()) << sound;
    Close();

    testing::RawDatabase raw(path_);
    EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    for (const std::string column : {"one_json", "json_kind", "json_kinds", "json_kind_map",
                                     "json_doubles", "json_struct", "\"Some \"\"durations\"\"\""}) {
      EXPECT_EQ(raw.QueryOne("SELECT count(*) FROM kinds WHERE json_valid(" + column +
                             ") = 0 AND " + column + " IS NOT NULL"),
                "0")
          << column;
    }
    EXPECT_EQ(raw.Query("SELECT * FROM _kin_view_kinds").size(), kinds.size());
    EXPECT_EQ(raw.Query("SELECT * FROM _kin_view_old_kinds").size(), old_kinds.size());
    if (HasFailure()) return;
  }
}

TEST_F(EveryKindTest, AUuidInBytesIsShownAsOneIsWritten) {
  OpenKinds();
  Write([](Transaction& txn) {
    Token token;
    token.set_id("\x01\x23\x45\x67\x89\xab\xcd\xef\x01\x23\x45\x67\x89\xab\xcd\xef");
    ASSERT_TRUE(txn.Insert(token).ok());
    token.set_id("\xff");
    ASSERT_TRUE(txn.Insert(token).ok());
  });
  Flush();
  EXPECT_THAT(testing::RawDatabase(path_).Query("SELECT id FROM _kin_view_tokens ORDER BY 1"),
              ::testing::ElementsAre("01234567-89ab-cdef-0123-456789abcdef", "ff"));
}

}  // namespace
}  // namespace kin
