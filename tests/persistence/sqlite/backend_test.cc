// The backend alone, as write-behind calls it.
#include "kin/persistence/sqlite/backend.h"

#include <sqlite3.h>

#include "kin/tests/persistence/sqlite/connection_hook.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using persistence_test::Tag;

// For a database that has nothing to load.
class NoLoader final : public Loader {
 public:
  void Reserve(int, std::int64_t) override {}
  google::protobuf::Message* New(int) override { return nullptr; }
  absl::Status Add(int, google::protobuf::Message*) override { return absl::InternalError("no"); }
  void Discard(int, google::protobuf::Message*) override {}
};

TEST(SqliteBackendTest, WritesAfterACloseThatFailed) {
  testing::TempDir dir;
  sqlite3* last = nullptr;
  const testing::ConnectionHook hook([&last](sqlite3* connection) { last = connection; });
  const Schema schema = Schema::Of<Tag>();
  persistence::sqlite::SqliteBackend backend(dir.File("test.db"));
  NoLoader loader;
  ASSERT_TRUE(backend.Load(schema, loader).ok());
  ASSERT_TRUE(backend.Start().ok());
  Tag tag;
  persistence::Batch batch;
  batch.next_ids = {0};
  batch.models.resize(1);
  batch.models[0].inserts = {&tag};
  for (const char* code : {"a", "b", "c"}) {
    tag.set_code(code);
    batch.from = batch.to++;
    const absl::Status applied = backend.Apply(batch);
    ASSERT_TRUE(applied.ok()) << applied;

    sqlite3_stmt* held = nullptr;
    ASSERT_EQ(sqlite3_prepare_v2(last, "SELECT 1", -1, &held, nullptr), SQLITE_OK);
    EXPECT_FALSE(backend.Close().ok());
    sqlite3_finalize(held);
  }
  EXPECT_TRUE(backend.Sync().ok());
  EXPECT_TRUE(backend.Close().ok());
  EXPECT_EQ(testing::RawDatabase(dir.File("test.db")).QueryOne("SELECT count(*) FROM tags"), "3");
}

}  // namespace
}  // namespace kin
