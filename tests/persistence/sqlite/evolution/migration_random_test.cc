// Schemas that change at random, many things at a time, with rows that change between; each state
// compared with a plain model. Now and then an older version of the schema goes on, and the newest
// after it.
//
//   KIN_SEED  of the first history, KIN_HISTORIES how many.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/persistence/sqlite/evolution/schema_history.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using testing::DynamicSchema;
using testing::RawDatabase;
using testing::Row;
using testing::SchemaHistory;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

class MigrationRandomTest : public ::testing::Test {
 protected:
  // False: refused, as an older version may be.
  bool Use(SchemaHistory* history, const SchemaHistory::Version& version, MigrateOptions options,
           bool older) {
    const std::string text = SchemaHistory::Text(version);
    SCOPED_TRACE(text);
    const DynamicSchema schema(text);
    auto store = OpenDynamic(schema, path_, std::move(options));
    if (older && store.status().code() == absl::StatusCode::kFailedPrecondition) return false;
    EXPECT_TRUE(store.ok()) << store.status();
    if (!store.ok()) return false;
    EXPECT_EQ(Difference(**store, schema, history->Rows(version)), "");
    std::vector<Row> upserts, deletes;
    history->ChangeRecords(version, &upserts, &deletes);
    absl::Status status = Delete(**store, schema, deletes);
    EXPECT_TRUE(status.ok()) << status;
    status = Upsert(**store, schema, upserts);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(Difference(**store, schema, history->Rows(version)), "");
    EXPECT_TRUE((*store)->CheckInvariants().ok());
    status = (*store)->Close();
    EXPECT_TRUE(status.ok()) << status;
    return true;
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
};

TEST_F(MigrationRandomTest, EveryStateIsThatOfThePlainModel) {
  const std::uint64_t first = FromEnvironment("KIN_SEED", std::random_device()());
  const std::uint64_t histories = FromEnvironment("KIN_HISTORIES", 6);
  int went_back = 0;
  for (std::uint64_t seed = first; seed < first + histories; ++seed) {
    SCOPED_TRACE(seed);
    RecordProperty("seed", std::to_string(seed));
    std::filesystem::remove(path_);
    std::mt19937_64 random(seed);
    SchemaHistory history(seed);
    std::vector<SchemaHistory::Version> versions;
    for (int step = 0; step < 12; ++step) {
      SCOPED_TRACE(step);
      MigrateOptions options;
      history.Evolve(&options);
      versions.push_back(history.current());
      // It may be what the schema was once: no older program, all the same.
      for (const auto& [number, model] : history.current()) {
        for (const auto& [field, each] : model.fields) {
          options.allow.push_back(absl::StrCat("t.", model.name, ".", each.name));
        }
      }
      ASSERT_TRUE(Use(&history, history.current(), std::move(options), /*older=*/false));
      if (random() % 3 == 0) {
        const auto& old =
            versions[versions.size() - 1 - random() % std::min<std::size_t>(4, versions.size())];
        went_back += Use(&history, old, MigrateOptions(), /*older=*/true);
        ASSERT_TRUE(Use(&history, history.current(), MigrateOptions(), /*older=*/false));
      }
      if (HasFailure()) return;
    }
    EXPECT_EQ(RawDatabase(path_).QueryOne("PRAGMA integrity_check"), "ok");
  }
  EXPECT_GT(went_back, 0);
}

}  // namespace
}  // namespace kin
