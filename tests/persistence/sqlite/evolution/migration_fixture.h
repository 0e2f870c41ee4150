// A database that is opened with one schema after another.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_MIGRATION_FIXTURE_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_MIGRATION_FIXTURE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin::testing {

// A model with some fields.
inline std::string Model(const std::string& name, const std::string& fields,
                         const std::string& options = "") {
  return absl::StrCat("message ", name, " { option (kin.model) = {", options, "}; ", fields,
                      " }\n");
}

class MigrationTest : public ::testing::Test {
 protected:
  // A database of schema `text` with `rows`.
  void Make(const std::string& text, const std::vector<Row>& rows) {
    const DynamicSchema schema(text);
    auto store = OpenDynamic(schema, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    const absl::Status written = Upsert(**store, schema, rows);
    ASSERT_TRUE(written.ok()) << written;
    ASSERT_TRUE((*store)->Close().ok());
  }
  // Opens it with another, and expects `rows`; then once more, with nothing to be done.
  void ExpectBecomes(const std::string& text, const std::vector<Row>& rows,
                     MigrateOptions options = {}) {
    const DynamicSchema schema(text);
    for (int round = 0; round < 2; ++round) {
      const auto plan = PlanMigration(path_, schema.schema(), options);
      ASSERT_TRUE(plan.ok()) << plan.status();
      if (round == 0) {
        plan_ = plan->ToString();
        EXPECT_FALSE(plan->steps.empty());
        EXPECT_TRUE(plan->allowed()) << plan_;
      } else {
        EXPECT_TRUE(plan->steps.empty()) << plan->ToString();
      }
      auto store = OpenDynamic(schema, path_, options);
      ASSERT_TRUE(store.ok()) << store.status();
      EXPECT_EQ(Difference(**store, schema, rows), "") << plan_;
      EXPECT_TRUE((*store)->CheckInvariants().ok());
      // And can be written: each record once more, as it is.
      EXPECT_TRUE(Upsert(**store, schema, rows).ok());
      const absl::Status closed = (*store)->Close();
      EXPECT_TRUE(closed.ok()) << closed;
      ExpectSound();
    }
  }
  void ExpectSound() {
    RawDatabase raw(path_);
    EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
    EXPECT_THAT(raw.Query("PRAGMA foreign_key_check"), ::testing::IsEmpty());
    EXPECT_THAT(raw.Query("SELECT name FROM sqlite_schema WHERE name LIKE '\\_kin\\_new%' ESCAPE "
                          "'\\' OR name LIKE '\\_kin\\_moving%' ESCAPE '\\'"),
                ::testing::IsEmpty());
  }
  // Is refused with these words, and left as it was.
  void ExpectRefused(const std::string& text, const std::vector<std::string>& words,
                     MigrateOptions options = {}) {
    const DynamicSchema schema(text);
    const std::string before = ReadFile(path_);
    auto store = OpenDynamic(schema, path_, options);
    ASSERT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
    for (const std::string& word : words) {
      EXPECT_THAT(std::string(store.status().message()), ::testing::HasSubstr(word));
    }
    EXPECT_EQ(ReadFile(path_), before);
    const auto plan = PlanMigration(path_, schema.schema(), options);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_FALSE(plan->allowed() || plan->unchanged);
  }

  TempDir dir_;
  const std::string path_ = dir_.File("test.db");
  std::string plan_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_MIGRATION_FIXTURE_H_
