// The code of docs/queries.md, which is compared with this file.
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/docs/queries.kin.h"

namespace docs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class QueriesDocTest : public ::testing::Test {
 protected:
  QueriesDocTest() {
    auto opened = kin::Store::Open(kin::Schema::Of<User, UserInfo, Post, Group, Membership>());
    EXPECT_TRUE(opened.ok()) << opened.status();
    store = *std::move(opened);
    const auto commit = store->Write([](kin::Transaction& txn) {
      Fill(txn);
      return absl::OkStatus();
    });
    EXPECT_TRUE(commit.ok()) << commit.status();
  }

  template <typename M>
  static void Insert(kin::Transaction& txn, const M& record) {
    const absl::Status status = txn.Insert(record).status();
    EXPECT_TRUE(status.ok()) << status;
  }

  // 1 is Ada, who manages Bo (2), the author of four posts; users 10 to 39 are called L….
  static void Fill(kin::Transaction& txn) {
    AddUser(txn, 1, "ada", "Love", std::nullopt);
    AddUser(txn, 2, "bo", "Berg", 1);
    for (int id = 10; id < 40; ++id) {
      AddUser(txn, id, absl::StrCat("u", id), absl::StrCat("L", id), std::nullopt);
      UserInfo info;
      info.set_user_id(id);
      info.set_infos("x");
      Insert(txn, info);
    }
    for (const char* title : {"graph 1", "graph 2", "graph 3", ""}) {
      Post post;
      post.set_author_id(2);
      post.set_title(title);
      Insert(txn, post);
    }
    Group group;
    group.set_id(7);
    Insert(txn, group);
    Membership membership;
    membership.set_user_id(1);
    membership.set_group_id(7);
    Insert(txn, membership);
  }
  static void AddUser(kin::Transaction& txn, std::int64_t id, const std::string& name,
                      const std::string& last_name, std::optional<std::int64_t> manager) {
    User user;
    user.set_id(id);
    user.set_email(absl::StrCat(name, "@example.com"));
    user.set_first_name(name);
    user.set_last_name(last_name);
    if (id != 2) user.set_age(20 + id);
    if (manager.has_value()) user.set_manager_id(*manager);
    Insert(txn, user);
  }

  std::vector<std::string> used;
  std::unique_ptr<kin::Store> store;
};

// As it says in the text.
TEST_F(QueriesDocTest, FiltersOrdersAndPages) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  const auto Use = [&](const std::string& text) { used.push_back(text); };
  // clang-format off
  auto adults = snapshot.Query<User>()
      .Where(UserModel::age >= 18 && UserModel::last_name.StartsWith("L"))
      .Where(UserModel::user_info.Has(UserInfoModel::infos != ""))
      .OrderBy(UserModel::last_name, kin::Descending(UserModel::first_name))
      .Offset(20).Limit(10);
  for (UserRef user : adults) Use(user->email());
  // clang-format on
  EXPECT_EQ(used.size(), 10u);
  EXPECT_EQ(used.front(), "u30@example.com");
}

TEST_F(QueriesDocTest, AsksAssociations) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  // clang-format off
  // Users who manage somebody who has written three posts on graphs.
  auto managers = snapshot.Query<User>().Where(
      UserModel::reports.Has(UserModel::posts.Count(PostModel::title.Contains("graph")) >= 3));
  // Those in no group, or with a rule that only C++ can tell.
  auto others = snapshot.Query<User>().Where(
      UserModel::groups.HasNone() ||
      kin::Satisfies<User>([](UserRef user) { return user.posts().size() % 2 == 1; }));
  // clang-format on
  EXPECT_EQ(managers.Count(), 1);
  EXPECT_EQ(managers.First()->id(), 1);
  EXPECT_EQ(others.Count(), 31) << "all but Ada";
}

TEST_F(QueriesDocTest, GivesValuesAndWhatIsAssociated) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  const auto Use = [&](const std::string& text) { used.push_back(text); };
  // clang-format off
  std::vector<std::tuple<std::string, std::optional<std::int64_t>>> rows =
      snapshot.Query<User>().OrderBy(UserModel::email).Pluck(UserModel::email, UserModel::age);
  // The titles that ada's reports have written.
  for (PostRef post : snapshot.Query<User>()
                          .Where(UserModel::email == "ada@example.com")
                          .Follow(UserModel::reports)
                          .Follow(UserModel::posts)
                          .OrderBy(PostModel::title)) {
    Use(post->title());
  }
  for (const auto& [age, count] : snapshot.Query<User>().GroupBy(UserModel::age).Count()) {
    Use(absl::StrCat(age.value_or(0), ": ", count));
  }
  // clang-format on
  ASSERT_EQ(rows.size(), 32u);
  EXPECT_EQ(rows[0], std::tuple("ada@example.com", 21));
  EXPECT_EQ(rows[1], std::tuple("bo@example.com", std::nullopt));
  ASSERT_EQ(used.size(), 4u + 32u);
  used.resize(6);
  EXPECT_THAT(used, ElementsAre("", "graph 1", "graph 2", "graph 3", "0: 1", "21: 1"));
}

TEST_F(QueriesDocTest, GoesFromPageToPage) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  // clang-format off
  UserRef last;
  for (;;) {
    std::vector<UserRef> page =
        snapshot.Query<User>().OrderBy(UserModel::age).After(last).Limit(100).ToVector();
    if (page.empty()) break;
    last = page.back();
  }
  // clang-format on
  ASSERT_TRUE(last);
  EXPECT_EQ(last->id(), 39);
}

TEST_F(QueriesDocTest, IsBounded) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  // clang-format off
  std::atomic<bool> cancelled{false};
  absl::StatusOr<std::int64_t> count =
      snapshot.Query<User>()
          .Where(UserModel::email.Matches(".*@example\\.com"))
          .With({.deadline = absl::Now() + absl::Seconds(1), .cancelled = &cancelled})
          .Count();
  // clang-format on
  if (count.ok()) {
    EXPECT_EQ(*count, 32);
  } else {  // On a machine that stood still for a second.
    EXPECT_EQ(count.status().code(), absl::StatusCode::kDeadlineExceeded);
  }
}

TEST_F(QueriesDocTest, ChangesAllInATransaction) {
  // clang-format off
  absl::StatusOr<kin::CommitNumber> commit = store->Write([](kin::Transaction& txn) -> absl::Status {
    absl::StatusOr<std::int64_t> older = txn.Query<User>()
        .Where(!UserModel::age.IsNull())
        .UpdateAll([](User& user) { user.set_age(user.age() + 1); });
    if (!older.ok()) return older.status();
    return txn.Query<Post>().Where(PostModel::title == "").DeleteAll().status();
  });
  // clang-format on
  ASSERT_TRUE(commit.ok()) << commit.status();
  const kin::Snapshot snapshot = store->GetSnapshot();
  EXPECT_EQ(snapshot.Find<User>(1)->age(), 22);
  EXPECT_FALSE(snapshot.Find<User>(2)->has_age());
  EXPECT_EQ(snapshot.Count<Post>(), 3);
}

TEST_F(QueriesDocTest, Explains) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  // clang-format off
  kin::query::Explanation plan =
      snapshot.Query<User>().Where(UserModel::age >= 30 && UserModel::first_name != "").ExplainRun();
  std::string text = plan.ToString();
  // clang-format on
  EXPECT_THAT(text, HasSubstr("found 30"));
  EXPECT_THAT(text, HasSubstr("for each record: first_name != \"\""));
}

}  // namespace
}  // namespace docs
