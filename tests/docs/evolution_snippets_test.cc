// The code of docs/schema_evolution.md, which is compared with this file, and the plan that it
// shows.
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/testing/temp_dir.h"
#include "tests/docs/evolution.kin.h"

namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::string> Plan(const std::string& path) {
  const kin::Schema schema = kin::Schema::Of<shop::Customer, shop::Order>();
  absl::StatusOr<kin::MigrationPlan> plan = kin::PlanMigration(path, schema);
  if (!plan.ok()) return plan.status();
  return plan->ToString();  // Whether Store::Open would do it: plan->allowed().
}

absl::StatusOr<std::unique_ptr<kin::Store>> Open(const std::string& path) {
  const kin::Schema schema = kin::Schema::Of<shop::Customer, shop::Order>();
  kin::SqliteOptions options;
  options.migrate.renamed = {{"shop.Purchase", "shop.Order"}};
  return kin::Store::Open(schema, {.persistence = kin::Sqlite(path, std::move(options))});
}

absl::Status DropAges(const std::string& path) {
  const kin::Schema schema = kin::Schema::Of<shop::Customer, shop::Order>();
  kin::SqliteOptions options;
  options.migrate.drop = {"shop.Customer.age"};
  return kin::Store::Open(schema, {.persistence = kin::Sqlite(path, std::move(options))}).status();
}

absl::Status AdoptTheirs(const kin::Schema& schema) {
  absl::Status adopted = kin::Adopt("theirs.db", schema);
  return adopted;
}

std::string Read(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// What follows the imports.
std::string Messages(const std::string& proto) { return proto.substr(proto.find("message ")); }

class EvolutionDocTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const kin::testing::DynamicSchema before(Messages(Read("tests/docs/evolution_before.proto")),
                                             "shop");
    auto store = OpenDynamic(before, path_);
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE(Upsert(**store, before,
                       {{"Customer", "id: 1 mail: 'ada@example.com' age: 36"},
                        {"Purchase", "id: 1 customer_id: 1 cents: 250"}})
                    .ok());
    ASSERT_TRUE((*store)->Close().ok());
  }

  kin::testing::TempDir dir_;
  const std::string path_ = dir_.File("shop.db");
};

TEST_F(EvolutionDocTest, ThePlanThatIsShown) {
  const absl::StatusOr<std::string> plan = Plan(path_);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(*plan, Read("tests/docs/evolution_plan.txt"));
}

TEST_F(EvolutionDocTest, OpeningMigrates) {
  {
    auto store = Open(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    const kin::Snapshot snapshot = (*store)->GetSnapshot();
    EXPECT_EQ(snapshot.Find<shop::Order>(1).customer()->email(), "ada@example.com");
    EXPECT_EQ(snapshot.Find<shop::Order>(1)->cents(), 250);
  }
  const absl::Status dropped = DropAges(path_);
  EXPECT_TRUE(dropped.ok()) << dropped;
}

TEST_F(EvolutionDocTest, WhatIsNotThereCannotBeAdopted) {
  EXPECT_THAT(std::string(AdoptTheirs(kin::Schema::Of<shop::Customer, shop::Order>()).message()),
              HasSubstr("no database"));
}

}  // namespace
