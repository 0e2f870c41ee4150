// Rows that break the value rules of their model are found when the store is opened.
#include <string>

#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "tests/store/rules.kin.h"

namespace kin {
namespace {

using ::rules::Author;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RulesOnLoadTest : public testing::SqliteTest {
 protected:
  static Schema RulesSchema() {
    return Schema::Of<Author, rules::Article, rules::Card, rules::Like>();
  }
  void SetUp() override {
    auto store = TryOpen(path_, RulesSchema());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)
                    ->Write([](Transaction& txn) {
                      Author author;
                      author.set_email("ada@x");
                      author.set_age(20);
                      return txn.Insert(author).status();
                    })
                    .ok());
    ASSERT_TRUE((*store)->Close().ok());
  }
};

TEST_F(RulesOnLoadTest, StampsAndVersionsAreKept) {
  auto store = TryOpen(path_, RulesSchema());
  ASSERT_TRUE(store.ok()) << store.status();
  const Snapshot snapshot = (*store)->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Author>(1)->version(), 1);
  EXPECT_GT(snapshot.Find<Author>(1)->created_at().seconds(), 0);
}

TEST_F(RulesOnLoadTest, EachBrokenRuleNamesTableKeyAndColumn) {
  testing::RawDatabase(path_).Exec("UPDATE authors SET age = 7, email = 'nobody'");
  const std::string before = testing::ReadFile(path_);
  const absl::Status status = TryOpen(path_, RulesSchema()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("authors"),
                    HasSubstr("column age: value not allowed: 7 is less than "
                              "its min, 18"),
                    HasSubstr("column email: value not allowed: \"nobody\" does not match")));
  EXPECT_EQ(testing::ReadFile(path_), before);
}

}  // namespace
}  // namespace kin
