// Each kind of change of a schema (changes.h): made as documented, with all rows; then the program
// of before, and again the one after it.
#include "kin/tests/persistence/sqlite/evolution/changes.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using testing::Change;
using testing::Changes;
using testing::DynamicSchema;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::OpenDynamic;
using testing::RawDatabase;
using testing::ReadFile;
using testing::Row;
using testing::Stage;

// A database that goes from stage to stage.
class ChangesTest : public ::testing::TestWithParam<int> {
 protected:
  // Opens with `schema`, which has `rows`, and writes each of them once more if `write`.
  void Use(const DynamicSchema& schema, const std::vector<Row>& rows, MigrateOptions options = {},
           bool write = true) {
    auto store = OpenDynamic(schema, path_, std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    EXPECT_EQ(Difference(**store, schema, rows), "");
    const absl::Status sound = (*store)->CheckInvariants();
    EXPECT_TRUE(sound.ok()) << sound;
    const absl::Status written = write ? Upsert(**store, schema, rows) : absl::OkStatus();
    EXPECT_TRUE(written.ok()) << written;
    const absl::Status closed = (*store)->Close();
    EXPECT_TRUE(closed.ok()) << closed;
    RawDatabase raw(path_);
    EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    EXPECT_THAT(raw.Query("PRAGMA foreign_key_check"), IsEmpty());
  }

  void ExpectRefused(const DynamicSchema& schema, const std::string& words, absl::StatusCode code,
                     const MigrateOptions& options) {
    const std::string before = ReadFile(path_);
    const auto store = OpenDynamic(schema, path_, options);
    EXPECT_EQ(store.status().code(), code) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr(words));
    if (code != absl::StatusCode::kFailedPrecondition) return;
    EXPECT_TRUE(ReadFile(path_) == before);
    const auto plan = PlanMigration(path_, schema.schema(), options);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_FALSE(plan->allowed()) << plan->ToString();
  }

  void Go(const Stage& from, const Stage& to) {
    SCOPED_TRACE(to.schema);
    const DynamicSchema before(from.schema), after(to.schema);
    // What `sql` does is what is refused, if nothing helps.
    if (!to.then.done && !to.then.sql.empty()) RawDatabase(path_).Exec(to.then.sql);
    if (!to.then.refused.empty()) {
      ExpectRefused(after, to.then.refused, to.then.code,
                    to.then.done ? MigrateOptions() : to.then.options);
    }
    if (!to.then.done) return;
    if (!to.then.sql.empty()) RawDatabase(path_).Exec(to.then.sql);
    const auto plan = PlanMigration(path_, after.schema(), to.then.options);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_TRUE(plan->allowed()) << plan->ToString();
    EXPECT_EQ(plan->steps.empty(), to.then.same_tables) << plan->ToString();
    ASSERT_NO_FATAL_FAILURE(Use(after, to.rows, to.then.options, /*write=*/false))
        << plan->ToString();
    for (const auto& [query, row] : to.then.sees) {
      EXPECT_EQ(RawDatabase(path_).QueryOne(query), row) << query;
    }
    ASSERT_NO_FATAL_FAILURE(Use(after, to.rows));
    const auto again = PlanMigration(path_, after.schema(), to.then.options);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_TRUE(again->steps.empty() && again->sql.empty()) << again->ToString();
    if (to.then.older.empty()) {
      ASSERT_NO_FATAL_FAILURE(
          Use(before, to.then.older_rows.empty() ? from.rows : to.then.older_rows));
    } else {
      ExpectRefused(before, to.then.older, absl::StatusCode::kFailedPrecondition, {});
    }
    // Nothing is lost by that. A former schema that was gone back to has to be so once more.
    ASSERT_NO_FATAL_FAILURE(Use(after, to.rows, to.then.options));
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("test.db");
};

TEST_P(ChangesTest, IsMadeAndUndoneAsDocumented) {
  const int number = GetParam();
  const Change& change = Changes()[static_cast<std::size_t>(number)];
  SCOPED_TRACE(absl::StrCat(change.line, ": ", change.what));
  std::vector<Stage> stages;
  for (const Stage& stage : change.stages) stages.push_back(Numbered(stage, number));
  {
    SCOPED_TRACE(stages[0].schema);
    const DynamicSchema first(stages[0].schema);
    auto store = OpenDynamic(first, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status written = Upsert(**store, first, stages[0].rows);
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_TRUE((*store)->Close().ok());
  }
  for (std::size_t i = 1; i < stages.size(); ++i) {
    ASSERT_NO_FATAL_FAILURE(Go(stages[i - 1], stages[i]));
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(EachKind, ChangesTest,
                         ::testing::Range(0, static_cast<int>(Changes().size())));

#if defined(__SANITIZE_ADDRESS__)
// For each change SQLite reads the whole schema again, which takes instrumented code too long.
constexpr std::size_t kOneIn = 4;
#else
constexpr std::size_t kOneIn = 1;
#endif

// All that can be done, at once and by halves: in random order, each change at its own pace.
TEST_F(ChangesTest, TogetherTheyAreMadeAsAlone) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::vector<std::vector<Stage>> changes;
  for (std::size_t i = 0; i < Changes().size(); ++i) {
    if (i % kOneIn != seed % kOneIn) continue;
    std::vector<Stage> stages;
    for (const Stage& stage : Changes()[i].stages) {
      // What somebody has to do by hand between is for the tests of each.
      if (!stage.then.done || !stage.then.sql.empty()) break;
      stages.push_back(Numbered(stage, static_cast<int>(i)));
    }
    if (stages.size() > 1) changes.push_back(std::move(stages));
  }
  std::mt19937 random(seed);
  for (const unsigned pace : {1u, 2u, 4u}) {
    SCOPED_TRACE(pace);
    std::filesystem::remove(path_);
    std::vector<std::size_t> at(changes.size(), 0);
    bool first = true;
    for (bool more = true; more || first; first = false) {
      std::string text;
      std::vector<Row> rows;
      MigrateOptions options;
      more = false;
      for (std::size_t i = 0; i < changes.size(); ++i) {
        if (!first && at[i] + 1 < changes[i].size() && random() % pace == 0) ++at[i];
        more |= at[i] + 1 < changes[i].size();
        const Stage& stage = changes[i][at[i]];
        absl::StrAppend(&text, stage.schema);
        rows.insert(rows.end(), stage.rows.begin(), stage.rows.end());
        const MigrateOptions& own = stage.then.options;
        options.allow.insert(options.allow.end(), own.allow.begin(), own.allow.end());
        options.drop.insert(options.drop.end(), own.drop.begin(), own.drop.end());
        options.renamed.insert(options.renamed.end(), own.renamed.begin(), own.renamed.end());
      }
      const DynamicSchema schema(text);
      if (first) {
        auto store = OpenDynamic(schema, path_);
        ASSERT_TRUE(store.ok()) << store.status();
        const absl::Status written = Upsert(**store, schema, rows);
        ASSERT_TRUE(written.ok()) << written;
      } else {
        ASSERT_NO_FATAL_FAILURE(Use(schema, rows, options));
      }
      if (HasFailure()) return;
    }
  }
}

// The first column of the table, by line.
std::set<std::string> DocumentedLines() {
  std::ifstream file("docs/schema_evolution.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::set<std::string> lines;
  bool inside = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line == "| change | what happens | in SQL |") {
      inside = true;
    } else if (inside && line.empty()) {
      break;
    } else if (inside && !absl::StartsWith(line, "| ---")) {
      const std::vector<absl::string_view> cells = absl::StrSplit(line, " | ");
      lines.emplace(absl::StripPrefix(cells[0], "| "));
    }
  }
  return lines;
}

TEST(ChangesTableTest, EachLineOfTheDocumentIsTestedAndNothingElse) {
  std::set<std::string> tested;
  for (const Change& change : Changes()) tested.insert(change.line);
  EXPECT_THAT(tested, ::testing::ContainerEq(DocumentedLines()));
}

}  // namespace
}  // namespace kin
