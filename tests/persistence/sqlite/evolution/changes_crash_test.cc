// Each kind of change of a schema (changes.h), alone and all together, broken off by the death of
// the process or of the power at any call to the file system: the database is of the old schema or
// of the new one, with all rows, and goes on to the new one.
//
// KIN_CRASH_ROUNDS: how often each.
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
#include "kin/tests/persistence/sqlite/evolution/changes.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/faulty_vfs.h"

namespace kin {
namespace {

using testing::Changes;
using testing::DynamicSchema;
using testing::FaultyVfs;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::ReadFile;
using testing::Row;
using testing::Stage;
using testing::WriteFile;

int Rounds() {
  const char* text = std::getenv("KIN_CRASH_ROUNDS");
  return text == nullptr ? 1 : std::atoi(text);
}

class ChangesCrashTest : public ::testing::Test {
 protected:
  ChangesCrashTest() : seed_(std::random_device()()), random_(seed_) {}

  // Goes from one stage to the next in every way, and is there at the end. Up to `most` rounds,
  // until one has died before the change was made.
  void Break(const Stage& from, const Stage& to, int rounds, int most) {
    SCOPED_TRACE(absl::StrCat("seed ", seed_, "\n", from.schema, "\n", to.schema));
    const DynamicSchema old_schema(from.schema), new_schema(to.schema);
    const std::string original = ReadFile(path_);
    // How many calls it takes in all.
    std::int64_t calls = 128;
    for (bool died = true; died;) {
      calls *= 2;
      PutBack(original);
      vfs_->Die(calls);
      OpenFaulty(new_schema, to.then.options).IgnoreError();
      died = vfs_->dead();
    }
    for (int round = 0; round < rounds || (old_found_ == 0 && round < most); ++round) {
      PutBack(original);
      vfs_->Die(static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(calls)));
      OpenFaulty(new_schema, to.then.options).IgnoreError();
      vfs_->Die();
      random_() % 2 == 0 ? vfs_->Restart() : vfs_->PowerOn(random_());
      const auto plan = PlanMigration(path_, new_schema.schema(), to.then.options);
      ASSERT_TRUE(plan.ok()) << plan.status();
      if (!plan->steps.empty()) {
        ++old_found_;
        ASSERT_NO_FATAL_FAILURE(Expect(old_schema, from.rows, {}));
      } else {
        ++new_found_;
      }
      ASSERT_NO_FATAL_FAILURE(Expect(new_schema, to.rows, to.then.options));
    }
  }

  void Make(const Stage& first) {
    PutBack("");
    const DynamicSchema schema(first.schema);
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status written = Upsert(**store, schema, first.rows);
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_TRUE((*store)->Close().ok());
  }

  int old_found_ = 0;
  int new_found_ = 0;

 private:
  void PutBack(const std::string& original) {
    for (const char* suffix : {"-wal", "-shm", "-journal", "-lock"}) {
      std::filesystem::remove(path_ + suffix);
    }
    WriteFile(path_, original);
    vfs_.emplace();
  }

  absl::Status OpenFaulty(const DynamicSchema& schema, const MigrateOptions& migrate) {
    persistence::WriteBehindOptions options;
    options.retry_for = absl::ZeroDuration();
    OpenOptions open;
    open.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<persistence::sqlite::SqliteBackend>(path_, vfs_->name(), migrate),
        options);
    return Store::Open(schema.schema(), std::move(open)).status();
  }

  void Expect(const DynamicSchema& schema, const std::vector<Row>& rows, MigrateOptions options) {
    auto store = OpenDynamic(schema, path_, std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ(Difference(**store, schema, rows), "");
    ASSERT_TRUE((*store)->Close().ok());
    RawDatabase raw(path_);
    ASSERT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    ASSERT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
  }

  const unsigned seed_;
  std::mt19937_64 random_;
  testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
  std::optional<FaultyVfs> vfs_;  // New for each round: it remembers what files were.
};

// What somebody has to do by hand between is left out.
std::vector<Stage> StagesOf(std::size_t change) {
  std::vector<Stage> stages;
  for (const Stage& stage : Changes()[change].stages) {
    if (!stage.then.done || !stage.then.sql.empty()) break;
    stages.push_back(Numbered(stage, static_cast<int>(change)));
  }
  return stages;
}

TEST_F(ChangesCrashTest, EachAlone) {
  for (std::size_t i = 0; i < Changes().size(); ++i) {
    const std::vector<Stage> stages = StagesOf(i);
    if (stages.size() < 2) continue;
    SCOPED_TRACE(absl::StrCat(Changes()[i].line, ": ", Changes()[i].what));
    ASSERT_NO_FATAL_FAILURE(Make(stages[0]));
    for (std::size_t k = 1; k < stages.size(); ++k) {
      ASSERT_NO_FATAL_FAILURE(Break(stages[k - 1], stages[k], Rounds(), Rounds()));
    }
  }
  EXPECT_GT(old_found_, 0);
  EXPECT_GT(new_found_, 0);
}

TEST_F(ChangesCrashTest, AllTogether) {
  Stage from, to;
  for (std::size_t i = 0; i < Changes().size(); ++i) {
    const std::vector<Stage> stages = StagesOf(i);
    if (stages.size() < 2) continue;
    for (auto [all, stage] : {std::pair(&from, &stages[0]), {&to, &stages[1]}}) {
      all->schema += stage->schema;
      all->rows.insert(all->rows.end(), stage->rows.begin(), stage->rows.end());
    }
    const MigrateOptions& own = stages[1].then.options;
    MigrateOptions& options = to.then.options;
    options.allow.insert(options.allow.end(), own.allow.begin(), own.allow.end());
    options.drop.insert(options.drop.end(), own.drop.begin(), own.drop.end());
    options.renamed.insert(options.renamed.end(), own.renamed.begin(), own.renamed.end());
  }
  ASSERT_NO_FATAL_FAILURE(Make(from));
  ASSERT_NO_FATAL_FAILURE(Break(from, to, 6 * Rounds(), 60 * Rounds()));
  EXPECT_GT(old_found_, 0);
}

}  // namespace
}  // namespace kin
