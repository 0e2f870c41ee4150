// A migration that is broken off anywhere leaves the old database or the new one, and the next
// opening has the rows.
//
// KIN_CRASH_ROUNDS: how many processes and deaths; the stress run has hundreds.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/faulty_vfs.h"

namespace kin {
namespace {

using testing::DynamicSchema;
using testing::FaultyVfs;
using testing::RawDatabase;
using testing::ReadFile;
using testing::Row;
using testing::WriteFile;

const char kOld[] = R"(
  message User { option (kin.model) = {}; int64 id = 1; string a = 2; string b = 3; int32 c = 4; }
  message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; string text = 3; }
)";
// Names exchanged, columns added, both tables made anew, a unique index, a foreign key, a table.
const char kNew[] = R"(
  message Person {
    option (kin.model) = {table: 'posts'};
    int64 id = 1; string b = 2 [(kin.field).unique = true]; bytes a = 3; optional int64 c = 4;
    int32 more = 5;
  }
  message Post {
    option (kin.model) = {table: 'users'};
    int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {model: 'Person'}]; string text = 3;
  }
  message Tag { option (kin.model) = {}; string name = 1 [(kin.field).indexed = true]; int64 id = 2; }
)";

int Rounds() {
  const char* text = std::getenv("KIN_CRASH_ROUNDS");
  return text == nullptr ? 20 : std::atoi(text);
}

class MigrationCrashTest : public ::testing::Test {
 protected:
  static constexpr int kRows = 300;

  MigrationCrashTest() : seed_(std::random_device()()), random_(seed_) {
    for (int i = 1; i <= kRows; ++i) {
      const std::string padding(100 + i % 200, 'x');
      old_rows_.push_back(
          {"User", absl::StrCat("id: ", i, " a: 'a", i, "' b: '", padding, "' c: ", i)});
      new_rows_.push_back(
          {"Person", absl::StrCat("id: ", i, " b: 'a", i, "' a: '", padding, "' c: ", i)});
      for (auto* rows : {&old_rows_, &new_rows_}) {
        rows->push_back(
            {"Post", absl::StrCat("id: ", i, " user_id: ", 1 + i / 2, " text: '", padding, "'")});
      }
    }
  }

  void SetUp() override {
    RecordProperty("seed", std::to_string(seed_));
    auto store = OpenDynamic(old_, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Upsert(**store, old_, old_rows_).ok());
    ASSERT_TRUE((*store)->Close().ok());
    original_ = ReadFile(path_);
  }

  MigrateOptions Options() const {
    MigrateOptions options;
    options.renamed = {{"t.User", "t.Person"}};
    return options;
  }

  // As it was before any migration.
  void PutBack() {
    for (const char* suffix : {"-wal", "-shm", "-journal", "-lock"}) {
      std::filesystem::remove(path_ + suffix);
    }
    WriteFile(path_, original_);
  }

  // Old or new, and then new.
  void ExpectOldOrNew() {
    const auto plan = PlanMigration(path_, new_.schema(), Options());
    ASSERT_TRUE(plan.ok()) << plan.status();
    ++(plan->steps.empty() ? new_found_ : old_found_);
    if (!plan->steps.empty() && random_() % 2 == 0) {
      auto store = OpenDynamic(old_, path_);
      ASSERT_TRUE(store.ok()) << store.status();
      ASSERT_EQ(Difference(**store, old_, old_rows_), "");
      ASSERT_TRUE((*store)->Close().ok());
    }
    auto store = OpenDynamic(new_, path_, Options());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ(Difference(**store, new_, new_rows_), "");
    ASSERT_TRUE((*store)->Close().ok());
    RawDatabase raw(path_);
    ASSERT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    ASSERT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
  }

  const unsigned seed_;
  std::mt19937_64 random_;
  const DynamicSchema old_{kOld};
  const DynamicSchema new_{kNew};
  std::vector<Row> old_rows_, new_rows_;
  testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
  std::string original_;
  int old_found_ = 0;
  int new_found_ = 0;
};

TEST_F(MigrationCrashTest, AKilledProcessLeavesTheOldOrTheNew) {
  SCOPED_TRACE(seed_);
  int microseconds = 60'000;
  // Until both were seen.
  const auto both = [this] { return old_found_ > 0 && new_found_ > 0; };
  for (int round = 0; round < Rounds() || (round < 10 * Rounds() && !both()); ++round) {
    SCOPED_TRACE(round);
    PutBack();
    const pid_t child = fork();
    if (child == 0) {
      auto store = OpenDynamic(new_, path_, Options());
      _exit(store.ok() && (*store)->Close().ok() ? 0 : 1);
    }
    usleep(static_cast<useconds_t>(random_() % microseconds));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    // About as long as it takes here.
    microseconds = WIFSIGNALED(status) ? microseconds * 5 / 4 : microseconds * 3 / 4 + 1000;
    ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew());
  }
  EXPECT_GT(old_found_, 0);
  EXPECT_GT(new_found_, 0);
}

class MigrationFaultTest : public MigrationCrashTest {
 protected:
  absl::Status OpenFaulty() {
    persistence::WriteBehindOptions options;
    options.retry_for = absl::ZeroDuration();
    OpenOptions open;
    open.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<persistence::sqlite::SqliteBackend>(path_, vfs_->name(), Options()),
        options);
    return Store::Open(new_.schema(), std::move(open)).status();
  }

  // A new one for each round: it remembers what files were, and these are put back behind its back.
  void PutBackAll() {
    PutBack();
    vfs_.emplace();
  }

  std::optional<FaultyVfs> vfs_{std::in_place};
};

TEST_F(MigrationFaultTest, ADeathAtAnyCallLeavesTheOldOrTheNew) {
  SCOPED_TRACE(seed_);
  // So many calls does it take in all.
  std::int64_t calls = 16;
  for (bool died = true; died; calls *= 2) {
    PutBackAll();
    vfs_->Die(calls);
    OpenFaulty().IgnoreError();
    died = vfs_->dead();
    vfs_->Die();
    vfs_->Restart();
  }
  for (int round = 0; round < 2 * Rounds(); ++round) {
    SCOPED_TRACE(round);
    PutBackAll();
    vfs_->Die(static_cast<std::int64_t>(random_() % calls));
    OpenFaulty().IgnoreError();
    vfs_->Die();
    if (round % 2 == 0) {
      vfs_->Restart();
    } else {
      vfs_->PowerOn(random_());
    }
    ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew());
  }
  EXPECT_GT(old_found_, 0);
  EXPECT_GT(new_found_, 0);
}

TEST_F(MigrationFaultTest, AFaultIsAnErrorAndLeavesTheOldOrTheNew) {
  SCOPED_TRACE(seed_);
  int refused = 0;
  for (const FaultyVfs::Op op : FaultyVfs::kAllOps) {
    for (int i = 0; i < 1 + Rounds() / 10; ++i) {
      PutBackAll();
      vfs_->FailEvery(op, 1 + static_cast<int>(random_() % 40));
      refused += !OpenFaulty().ok();
      vfs_->Heal();
      ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew());
    }
  }
  PutBackAll();
  vfs_->FillDisk(5000);
  const absl::Status full = OpenFaulty();
  EXPECT_EQ(full.code(), absl::StatusCode::kUnavailable) << full;
  vfs_->Heal();
  ASSERT_NO_FATAL_FAILURE(ExpectOldOrNew());
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace kin
