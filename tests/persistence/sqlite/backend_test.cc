// The backend alone, as write-behind calls it.
#include "kin/persistence/sqlite/backend.h"

#include <sqlite3.h>

#include <string>

#include "kin/tests/persistence/sqlite/connection_hook.h"
#include "kin/tests/persistence/sqlite/no_loader.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using persistence_test::Tag;
using testing::NoLoader;

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

// What no batch could ever do shows before any commit depends on it.
TEST(SqliteBackendTest, AStatementThatCannotBePreparedShowsAtOpen) {
  for (int refused : {SQLITE_DELETE, SQLITE_UPDATE, SQLITE_INSERT}) {
    testing::TempDir dir;
    const Schema schema = Schema::Of<Tag>();
    {
      persistence::sqlite::SqliteBackend backend(dir.File("test.db"));
      NoLoader loader;
      ASSERT_TRUE(backend.Load(schema, loader).ok());
      ASSERT_TRUE(backend.Start().ok());
      ASSERT_TRUE(backend.Close().ok());
    }
    const testing::ConnectionHook hook([&refused](sqlite3* connection) {
      sqlite3_set_authorizer(
          connection,
          [](void* what, int action, const char* table, const char*, const char*, const char*) {
            return action == *static_cast<int*>(what) && table == std::string("tags") ? SQLITE_DENY
                                                                                      : SQLITE_OK;
          },
          &refused);
    });
    persistence::sqlite::SqliteBackend backend(dir.File("test.db"));
    NoLoader loader;
    ASSERT_TRUE(backend.Load(schema, loader).ok());
    const absl::Status started = backend.Start();
    EXPECT_EQ(started.code(), absl::StatusCode::kFailedPrecondition) << started;
    EXPECT_THAT(std::string(started.message()), ::testing::HasSubstr("table tags: "));
  }
}

// A next id outlives a time in which the model allocates none.
TEST(SqliteBackendTest, AStoredNextIdIsNotLostToAModelWithoutOne) {
  testing::TempDir dir;
  const Schema schema = Schema::Of<Tag>();
  {
    persistence::sqlite::SqliteBackend backend(dir.File("test.db"));
    NoLoader loader;
    ASSERT_TRUE(backend.Load(schema, loader).ok());
    ASSERT_TRUE(backend.Start().ok());
    ASSERT_TRUE(backend.Close().ok());
  }
  testing::RawDatabase(dir.File("test.db"))
      .Exec("INSERT INTO _kin_ids VALUES ('persistence_test.Tag', 7)");
  persistence::sqlite::SqliteBackend backend(dir.File("test.db"));
  NoLoader loader;
  ASSERT_TRUE(backend.Load(schema, loader).ok());
  ASSERT_TRUE(backend.Start().ok());
  Tag tag;
  persistence::Batch batch;
  batch.to = 1;
  batch.next_ids = {0};
  batch.models.resize(1);
  batch.models[0].inserts = {&tag};
  const absl::Status applied = backend.Apply(batch);
  ASSERT_TRUE(applied.ok()) << applied;
  ASSERT_TRUE(backend.Close().ok());
  EXPECT_EQ(testing::RawDatabase(dir.File("test.db")).QueryOne("SELECT next FROM _kin_ids"), "7");
}

// Counts how often SQLite waits for others.
class SleepCounter {
 public:
  SleepCounter() : vfs_(*sqlite3_vfs_find(nullptr)) {
    vfs_.zName = "sleep_counter";
    vfs_.xSleep = [](sqlite3_vfs*, int) { return ++sleeps(); };
    sqlite3_vfs_register(&vfs_, /*makeDflt=*/0);
  }
  ~SleepCounter() { sqlite3_vfs_unregister(&vfs_); }
  SleepCounter(const SleepCounter&) = delete;
  SleepCounter& operator=(const SleepCounter&) = delete;
  static int& sleeps() {
    static int sleeps = 0;
    return sleeps;
  }

 private:
  sqlite3_vfs vfs_;
};

// While a checkpoint waited, it would keep batches out.
TEST(SqliteBackendTest, ACheckpointDoesNotWaitForReaders) {
  const SleepCounter counter;
  testing::TempDir dir;
  const Schema schema = Schema::Of<Tag>();
  persistence::sqlite::SqliteBackend backend(dir.File("test.db"), "sleep_counter");
  NoLoader loader;
  ASSERT_TRUE(backend.Load(schema, loader).ok());
  ASSERT_TRUE(backend.Start().ok());
  testing::RawDatabase reader(dir.File("test.db"));
  reader.Exec("BEGIN");
  EXPECT_EQ(reader.QueryOne("SELECT count(*) FROM tags"), "0");
  // A log so large that it would be cut off.
  Tag tag;
  tag.set_code(std::string(80 << 20, 'x'));
  persistence::Batch batch;
  batch.to = 1;
  batch.next_ids = {0};
  batch.models.resize(1);
  batch.models[0].inserts = {&tag};
  const absl::Status applied = backend.Apply(batch);
  ASSERT_TRUE(applied.ok()) << applied;
  ASSERT_TRUE(backend.NeedsTidy());
  const absl::Status tidied = backend.Tidy();
  EXPECT_TRUE(tidied.ok()) << tidied;
  EXPECT_EQ(SleepCounter::sleeps(), 0);
  reader.Exec("COMMIT");
  EXPECT_TRUE(backend.Close().ok());
}

}  // namespace
}  // namespace kin
