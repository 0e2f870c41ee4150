// The code of docs/filters.md, which is compared with this file.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/query/parse_filter.h"
#include "kin/store/store.h"
#include "tests/docs/filters.kin.h"

namespace docs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// clang-format off
// The names of those who match, or what is wrong with the filter.
absl::StatusOr<std::vector<std::string>> NamesOf(const kin::Snapshot& snapshot,
                                                 absl::string_view text) {
  absl::StatusOr<kin::Filter<User>> filter = kin::ParseFilter<User>(text);
  if (!filter.ok()) return filter.status();
  std::vector<std::string> names;
  for (UserRef user : snapshot.Query<User>().Where(*filter).OrderBy(UserModel::name)) {
    names.push_back(user->name());
  }
  return names;
}
// clang-format on

class FiltersDocTest : public ::testing::Test {
 protected:
  FiltersDocTest() {
    auto store = kin::Store::Open(kin::Schema::Of<User, Post>());
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    EXPECT_TRUE(store_->Write([](kin::Transaction& txn) { return Fill(txn); }).ok());
  }

  static absl::Status Fill(kin::Transaction& txn) {
    User ada;
    ada.set_name("Ada");
    ada.set_age(36);
    ada.add_tags("admin");
    ada.mutable_joined()->set_seconds(1700000000);
    auto inserted = txn.Insert(ada);
    if (!inserted.ok()) return inserted.status();
    User bo;
    bo.set_name("Bo");
    bo.set_manager_id((*inserted)->id());
    if (auto status = txn.Insert(bo).status(); !status.ok()) return status;
    for (const char* title : {"On graphs", "On sums"}) {
      Post post;
      post.set_author_id((*inserted)->id());
      post.set_title(title);
      post.set_likes(11);
      if (auto status = txn.Insert(post).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  std::vector<std::string> Names(absl::string_view text) {
    auto names = NamesOf(store_->GetSnapshot(), text);
    EXPECT_TRUE(names.ok()) << names.status();
    return names.ok() ? *names : std::vector<std::string>();
  }

  std::unique_ptr<kin::Store> store_;
};

TEST_F(FiltersDocTest, PrintsWhatMatchesAndWhatIsWrong) {
  const kin::Snapshot snapshot = store_->GetSnapshot();
  std::vector<std::string> printed;
  const auto Print = [&](const std::string& line) { printed.push_back(line); };
  // clang-format off
  for (const char* text : {
           R"(age >= 18 AND tags:admin)",
           R"(name = "A*" OR manager.name = "Ada")",
           R"(posts:(title = "*graph*" AND likes > 10) AND NOT manager:*)",
           R"(count(posts) >= 2 joined < 2024-01-01T00:00:00Z)",
           R"(agee >= 18)",
       }) {
    absl::StatusOr<std::vector<std::string>> names = NamesOf(snapshot, text);
    Print(names.ok() ? absl::StrJoin(*names, ", ") : names.status().ToString());
  }
  // The last prints
  // INVALID_ARGUMENT: filter, column 1: docs.User has no field or association "agee"; did you mean "age"?
  // clang-format on
  EXPECT_THAT(printed, ElementsAre("Ada", "Ada, Bo", "Ada", "Ada",
                                   "INVALID_ARGUMENT: filter, column 1: docs.User has no field or "
                                   "association \"agee\"; did you mean \"age\"?"));
}

TEST_F(FiltersDocTest, FindsWhatTheTableSays) {
  EXPECT_THAT(Names("posts:(title = \"*graph*\" AND likes > 11)"), IsEmpty());
  EXPECT_THAT(Names("NOT age = 18"), ElementsAre("Ada")) << "Bo has none";
  EXPECT_THAT(Names("NOT manager.age = 50"), ElementsAre("Ada", "Bo"));
}

// The rows of the table whose right side is C++.
TEST_F(FiltersDocTest, TextAndCodeAreOneCondition) {
  const auto expect_same = [](absl::string_view text, const auto& condition) {
    auto filter = kin::ParseFilter<User>(text);
    ASSERT_TRUE(filter.ok()) << filter.status();
    EXPECT_EQ(ToString(filter->condition()), ToString(condition.Tree())) << text;
  };
  expect_same("age = 18", UserModel::age == 18);
  expect_same("age:18", UserModel::age == 18);
  expect_same("age = (18 OR 21)", UserModel::age.In({18, 21}));
  expect_same("name = \"L*\"", UserModel::name.StartsWith("L"));
  expect_same("name = \"*L*\"", UserModel::name.Contains("L"));
  expect_same("matches(name, \"[A-Z].*\")", UserModel::name.Matches("[A-Z].*"));
  expect_same("age = null", UserModel::age.IsNull());
  expect_same("age:*", !UserModel::age.IsNull());
  expect_same("tags:admin", UserModel::tags.Contains("admin"));
  expect_same("tags:*", !UserModel::tags.IsNull());
  expect_same("manager.age > 50", UserModel::manager.Has(UserModel::age > 50));
  expect_same("posts.likes > 10", UserModel::posts.Has(PostModel::likes > 10));
  expect_same("posts:(title = \"x\" AND likes > 10)",
              UserModel::posts.Has(PostModel::title == "x" && PostModel::likes > 10));
  expect_same("manager:*", UserModel::manager.Has());
  expect_same("NOT posts:*", UserModel::posts.HasNone());
  expect_same("manager = null", !UserModel::manager.Has());
  expect_same("count(posts) >= 2", UserModel::posts.Count() >= 2);
  expect_same("age > 3 OR name = x AND -age = 9",
              (UserModel::age > 3 || UserModel::name == "x") && !(UserModel::age == 9));
}

TEST_F(FiltersDocTest, AFilterCombinesWithConditionsInCode) {
  auto filter = kin::ParseFilter<User>("tags:admin");
  ASSERT_TRUE(filter.ok());
  const kin::Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Query<User>().Where(*filter && UserModel::age > 30).Count(), 1);
  EXPECT_EQ(snapshot.Query<User>().Where(!*filter || UserModel::age > 30).Count(), 2);
}

}  // namespace
}  // namespace docs
