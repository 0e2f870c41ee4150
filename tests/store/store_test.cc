// The store as a program sees it, over the models of examples/accounts.
#include "kin/store/store.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "accounts.kin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kin {
namespace {

using ::accounts::Group;
using ::accounts::GroupModel;
using ::accounts::GroupRef;
using ::accounts::Membership;
using ::accounts::MembershipRef;
using ::accounts::Post;
using ::accounts::PostModel;
using ::accounts::PostRef;
using ::accounts::User;
using ::accounts::UserInfo;
using ::accounts::UserInfoModel;
using ::accounts::UserInfoRef;
using ::accounts::UserModel;
using ::accounts::UserRef;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

User NewUser(const std::string& email) {
  User user;
  user.set_email(email);
  return user;
}

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = Store::Open(Schema::Of<User, UserInfo, Post, Group, Membership>());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = std::move(*opened);
  }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  // Commits `body`, which must succeed.
  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    auto commit = store_->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  std::int64_t AddUser(const std::string& email) {
    std::int64_t id = 0;
    Write([&](Transaction& txn) {
      auto user = txn.Insert(NewUser(email));
      if (user.ok()) id = (*user)->id();
      return user.status();
    });
    return id;
  }
  std::int64_t AddPost(std::int64_t author, const std::string& title) {
    std::int64_t id = 0;
    Write([&](Transaction& txn) {
      Post post;
      post.set_title(title);
      auto added = txn.Add(txn.Find<User>(author), UserModel::posts, std::move(post));
      if (added.ok()) id = (*added)->id();
      return added.status();
    });
    return id;
  }

  std::unique_ptr<Store> store_;
};

std::vector<std::string> Titles(const Range<Post>& posts) {
  std::vector<std::string> titles;
  for (PostRef post : posts) titles.push_back(post->title());
  return titles;
}

TEST_F(StoreTest, StartsEmpty) {
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.commit(), 0u);
  EXPECT_FALSE(snapshot.Find<User>(1));
  EXPECT_EQ(snapshot.Count<User>(), 0);
  EXPECT_TRUE(snapshot.All<User>().empty());
  EXPECT_EQ(snapshot.All<User>().begin(), snapshot.All<User>().end());
}

TEST_F(StoreTest, FindsWhatWasInsertedByKeyAndUniqueField) {
  const std::int64_t id = AddUser("ada@example.com");
  EXPECT_EQ(id, 1);
  Snapshot snapshot = store_->GetSnapshot();
  UserRef ada = snapshot.Find<User>(id);
  ASSERT_TRUE(ada);
  EXPECT_EQ(ada->email(), "ada@example.com");
  EXPECT_EQ(snapshot.FindBy(UserModel::email, "ada@example.com"), ada);
  EXPECT_EQ(snapshot.FindBy(UserModel::email, std::string_view("ada@example.com")), ada);
  EXPECT_EQ(snapshot.FindBy(UserModel::id, id), ada);
  EXPECT_FALSE(snapshot.FindBy(UserModel::email, "bob@example.com"));
}

static_assert(sizeof(UserRef) == 2 * sizeof(void*));
static_assert(std::is_trivially_copyable_v<UserRef>);

TEST_F(StoreTest, RefsAreHashable) {
  AddUser("ada");
  AddUser("bob");
  Snapshot snapshot = store_->GetSnapshot();
  absl::flat_hash_set<UserRef> flat;
  std::unordered_set<UserRef> standard;
  for (int i = 0; i < 2; ++i) {
    for (UserRef user : snapshot.All<User>()) {
      flat.insert(user);
      standard.insert(user);
    }
  }
  EXPECT_EQ(flat.size(), 2u);
  EXPECT_EQ(standard.size(), 2u);
}

TEST_F(StoreTest, ANumberThatIsNoKeyFindsNothing) {
  AddUser("ada");
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_TRUE(snapshot.Find<User>(1u));
  EXPECT_FALSE(snapshot.Find<User>(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_FALSE(snapshot.FindBy(UserModel::id, std::numeric_limits<std::uint64_t>::max()));
}

TEST_F(StoreTest, AUserMayExistWithoutItsInfo) {
  const std::int64_t id = AddUser("ada@example.com");
  Snapshot before = store_->GetSnapshot();
  EXPECT_FALSE(before.Find<User>(id).user_info());
  Write([&](Transaction& txn) {
    UserInfo info;
    info.set_infos("countess");
    return txn.Set(txn.Find<User>(id), UserModel::user_info, std::move(info)).status();
  });
  Snapshot after = store_->GetSnapshot();
  UserInfoRef info = after.Find<User>(id).user_info();
  ASSERT_TRUE(info);
  EXPECT_EQ(info->infos(), "countess");
  EXPECT_EQ(info->user_id(), id);
  EXPECT_EQ(info.user().get(), after.Find<User>(info->user_id()).get());
  EXPECT_FALSE(before.Find<User>(id).user_info());
}

TEST_F(StoreTest, AnEmptyRefFollowsToEmptyOnes) {
  UserRef nobody;
  EXPECT_FALSE(nobody.user_info());
  EXPECT_FALSE(nobody.manager());
  EXPECT_TRUE(nobody.posts().empty());
  EXPECT_TRUE(nobody.groups().empty());
  EXPECT_EQ(nobody.posts().size(), 0u);
}

TEST_F(StoreTest, HasManyGivesEachChildOnceWithItsCount) {
  const std::int64_t ada = AddUser("ada");
  EXPECT_EQ(store_->GetSnapshot().Find<User>(ada).posts().size(), 0u);
  AddPost(ada, "a");
  Snapshot one = store_->GetSnapshot();
  AddPost(ada, "b");
  Snapshot two = store_->GetSnapshot();
  const std::int64_t third = AddPost(ada, "c");
  Snapshot three = store_->GetSnapshot();
  Write([&](Transaction& txn) { return txn.Delete(txn.Find<Post>(third)); });
  Snapshot four = store_->GetSnapshot();
  EXPECT_THAT(Titles(one.Find<User>(ada).posts()), UnorderedElementsAre("a"));
  EXPECT_THAT(Titles(two.Find<User>(ada).posts()), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(Titles(three.Find<User>(ada).posts()), UnorderedElementsAre("a", "b", "c"));
  EXPECT_THAT(Titles(four.Find<User>(ada).posts()), UnorderedElementsAre("a", "b"));
  EXPECT_EQ(one.Find<User>(ada).posts().size(), 1u);
  EXPECT_EQ(two.Find<User>(ada).posts().size(), 2u);
  EXPECT_EQ(three.Find<User>(ada).posts().size(), 3u);
  EXPECT_EQ(four.Find<User>(ada).posts().size(), 2u);
}

TEST_F(StoreTest, AMovedChildIsUnderItsOldParentForOlderSnapshots) {
  const std::int64_t ada = AddUser("ada");
  const std::int64_t bob = AddUser("bob");
  const std::int64_t post = AddPost(ada, "a");
  AddPost(ada, "b");
  Snapshot before = store_->GetSnapshot();
  Write([&](Transaction& txn) {
    return txn.Add(txn.Find<User>(bob), UserModel::posts, txn.Find<Post>(post)).status();
  });
  Snapshot moved = store_->GetSnapshot();
  Write([&](Transaction& txn) {
    return txn.Add(txn.Find<User>(ada), UserModel::posts, txn.Find<Post>(post)).status();
  });
  Snapshot back = store_->GetSnapshot();
  for (const Snapshot* snapshot : {&before, &back}) {
    EXPECT_THAT(Titles(snapshot->Find<User>(ada).posts()), UnorderedElementsAre("a", "b"));
    EXPECT_EQ(snapshot->Find<User>(ada).posts().size(), 2u);
    EXPECT_THAT(Titles(snapshot->Find<User>(bob).posts()), UnorderedElementsAre());
    EXPECT_EQ(snapshot->Find<Post>(post).author()->email(), "ada");
  }
  EXPECT_THAT(Titles(moved.Find<User>(ada).posts()), UnorderedElementsAre("b"));
  EXPECT_THAT(Titles(moved.Find<User>(bob).posts()), UnorderedElementsAre("a"));
  EXPECT_EQ(moved.Find<User>(bob).posts().size(), 1u);
  EXPECT_EQ(moved.Find<Post>(post).author()->email(), "bob");
}

TEST_F(StoreTest, SettingAHasOneReplacesTheChild) {
  const std::int64_t ada = AddUser("ada");
  for (const char* text : {"first", "second"}) {
    Write([&](Transaction& txn) {
      UserInfo info;
      info.set_infos(text);
      return txn.Set(txn.Find<User>(ada), UserModel::user_info, info).status();
    });
  }
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<User>(ada).user_info()->infos(), "second");
  EXPECT_EQ(snapshot.Count<UserInfo>(), 1);
}

TEST_F(StoreTest, SettingTheSameChildWithOtherContentsUpdatesIt) {
  const std::int64_t ada = AddUser("ada");
  for (const char* text : {"first", "second"}) {
    Write([&](Transaction& txn) {
      UserInfo info;
      info.set_id(7);
      info.set_infos(text);
      return txn.Set(txn.Find<User>(ada), UserModel::user_info, info).status();
    });
  }
  EXPECT_EQ(store_->GetSnapshot().Find<UserInfo>(7)->infos(), "second");
  EXPECT_EQ(store_->GetSnapshot().Find<User>(ada).user_info()->id(), 7);
}

TEST_F(StoreTest, ASecondChildOfAHasOneIsRefused) {
  const std::int64_t ada = AddUser("ada");
  UserInfo info;
  info.set_user_id(ada);
  Write([&](Transaction& txn) { return txn.Insert(info).status(); });
  auto again = store_->Write([&](Transaction& txn) { return txn.Insert(info).status(); });
  EXPECT_EQ(again.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.status().message()), HasSubstr("accounts.UserInfo(2).user_id"));
  EXPECT_EQ(store_->GetSnapshot().Count<UserInfo>(), 1);
}

TEST_F(StoreTest, DuplicateKeyAndUniqueValueAreRefusedAndTheTransactionGoesOn) {
  const std::int64_t ada = AddUser("ada");
  Write([&](Transaction& txn) -> absl::Status {
    User same_key = NewUser("bob");
    same_key.set_id(ada);
    EXPECT_EQ(txn.Insert(same_key).status().code(), absl::StatusCode::kAlreadyExists);
    absl::Status taken = txn.Insert(NewUser("ada")).status();
    EXPECT_EQ(taken.code(), absl::StatusCode::kAlreadyExists);
    EXPECT_THAT(std::string(taken.message()), HasSubstr("email"));
    return txn.Insert(NewUser("carol")).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 2);
}

TEST_F(StoreTest, AMissingParentIsFoundAtCommitAndAllAreListed) {
  auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    for (int author : {7, 8}) {
      Post post;
      post.set_author_id(author);
      if (absl::Status status = txn.Insert(post).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(commit.status().message()), HasSubstr("accounts.Post(1).author_id"));
  EXPECT_THAT(std::string(commit.status().message()), HasSubstr("accounts.Post(2).author_id"));
  EXPECT_EQ(store_->GetSnapshot().Count<Post>(), 0);
  EXPECT_EQ(store_->GetSnapshot().commit(), 0u);
}

TEST_F(StoreTest, AChildMayBeInsertedBeforeItsParentInOneTransaction) {
  Write([&](Transaction& txn) -> absl::Status {
    Post post;
    post.set_author_id(5);
    if (absl::Status status = txn.Insert(post).status(); !status.ok()) return status;
    User user = NewUser("ada");
    user.set_id(5);
    return txn.Insert(user).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<Post>(1).author()->email(), "ada");
}

TEST_F(StoreTest, DeleteRulesApply) {
  const std::int64_t boss = AddUser("boss");
  const std::int64_t ada = AddUser("ada");
  Write([&](Transaction& txn) -> absl::Status {
    if (auto s = txn.Add(txn.Find<User>(boss), UserModel::reports, txn.Find<User>(ada)).status();
        !s.ok()) {
      return s;
    }
    return txn.Set(txn.Find<User>(boss), UserModel::user_info, UserInfo()).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<User>(boss).reports().size(), 1u);
  const std::int64_t post = AddPost(boss, "p");
  auto refused = store_->Write([&](Transaction& txn) { return txn.Delete(txn.Find<User>(boss)); });
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("accounts.User(1)"));
  Write([&](Transaction& txn) -> absl::Status {
    if (auto s = txn.Delete(txn.Find<User>(boss)); !s.ok()) return s;
    return txn.Delete(txn.Find<Post>(post));
  });
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_FALSE(snapshot.Find<User>(boss));
  EXPECT_EQ(snapshot.Count<UserInfo>(), 0);          // CASCADE
  EXPECT_FALSE(snapshot.Find<User>(ada).manager());  // NULLIFY
  EXPECT_FALSE(snapshot.Find<User>(ada)->has_manager_id());
}

TEST_F(StoreTest, ThroughGivesEachRecordOnceAndAddsAndRemoves) {
  const std::int64_t ada = AddUser("ada");
  Write([&](Transaction& txn) -> absl::Status {
    Group group;
    group.set_name("math");
    auto math = txn.Add(txn.Find<User>(ada), UserModel::groups, group);
    if (!math.ok()) return math.status();
    return txn.Add(txn.Find<User>(ada), UserModel::groups, *math).status();  // No second one.
  });
  Snapshot snapshot = store_->GetSnapshot();
  ASSERT_EQ(snapshot.Find<User>(ada).groups().size(), 1u);
  EXPECT_EQ((*snapshot.Find<User>(ada).groups().begin())->name(), "math");
  EXPECT_TRUE(snapshot.Find<Membership>(ada, 1));
  Write([&](Transaction& txn) {
    return txn.Remove(txn.Find<User>(ada), UserModel::groups, txn.Find<Group>(1));
  });
  EXPECT_TRUE(store_->GetSnapshot().Find<User>(ada).groups().empty());
  EXPECT_EQ(store_->GetSnapshot().Count<Group>(), 1);
}

TEST_F(StoreTest, UpdateKeepsTheKeyAndOldSnapshotsKeepTheOldVersion) {
  const std::int64_t ada = AddUser("ada");
  Snapshot before = store_->GetSnapshot();
  Write([&](Transaction& txn) {
    return txn.Update(txn.Find<User>(ada), [](User& u) { u.set_email("lovelace"); }).status();
  });
  EXPECT_EQ(before.Find<User>(ada)->email(), "ada");
  EXPECT_EQ(before.FindBy(UserModel::email, "ada"), before.Find<User>(ada));
  EXPECT_FALSE(before.FindBy(UserModel::email, "lovelace"));
  Snapshot after = store_->GetSnapshot();
  EXPECT_FALSE(after.FindBy(UserModel::email, "ada"));
  EXPECT_EQ(after.FindBy(UserModel::email, "lovelace"), after.Find<User>(ada));
  auto changed = store_->Write([&](Transaction& txn) {
    return txn.Update(txn.Find<User>(ada), [](User& u) { u.set_id(9); }).status();
  });
  EXPECT_EQ(changed.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(StoreTest, AFailedBodyLeavesNothing) {
  auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    auto user = txn.Insert(NewUser("ada"));
    EXPECT_TRUE(txn.FindBy(UserModel::email, "ada"));
    EXPECT_EQ(txn.Count<User>(), 1);
    return absl::CancelledError("changed my mind");
  });
  EXPECT_EQ(commit.status(), absl::CancelledError("changed my mind"));
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 0);
  EXPECT_FALSE(store_->GetSnapshot().FindBy(UserModel::email, "ada"));
  EXPECT_EQ(AddUser("ada"), 2);  // An id that was given out is not given again.
}

TEST_F(StoreTest, ASavepointUndoesPart) {
  Write([&](Transaction& txn) -> absl::Status {
    if (auto s = txn.Insert(NewUser("ada")).status(); !s.ok()) return s;
    Savepoint savepoint = txn.Savepoint();
    if (auto s = txn.Insert(NewUser("bob")).status(); !s.ok()) return s;
    if (auto s = txn.Delete(txn.FindBy(UserModel::email, "ada")); !s.ok()) return s;
    txn.RollbackTo(savepoint);
    EXPECT_FALSE(txn.FindBy(UserModel::email, "bob"));
    EXPECT_TRUE(txn.FindBy(UserModel::email, "ada"));
    EXPECT_EQ(txn.Count<User>(), 1);
    return absl::OkStatus();
  });
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 1);
}

TEST_F(StoreTest, InvalidUtf8IsRefused) {
  auto commit =
      store_->Write([&](Transaction& txn) { return txn.Insert(NewUser("\xff")).status(); });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(commit.status().message()), HasSubstr("accounts.User(1).email"));
}

TEST_F(StoreTest, AWriteInsideAWriteIsAnErrorAndNotADeadlock) {
  Write([&](Transaction&) -> absl::Status {
    EXPECT_EQ(store_->Write([](Transaction&) { return absl::OkStatus(); }).status().code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store_->Close().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store_->CheckInvariants().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store_->stats().commit, 0u);
    EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(store_->WaitDurable(0).code(), absl::StatusCode::kFailedPrecondition);
    return absl::OkStatus();
  });
  EXPECT_EQ(store_->GetSnapshot().commit(), 0u);
}

TEST_F(StoreTest, ResolveGivesWhatTheMethodsGive) {
  std::vector<UserRef> users;
  for (int i = 0; i < 100; ++i) {
    const std::int64_t id = AddUser("user" + std::to_string(i));
    if (i % 3 != 0) AddPost(id, "a");
    if (i % 3 == 2) AddPost(id, "b");
    if (i % 2 == 0) {
      Write([&](Transaction& txn) {
        return txn.Set(txn.Find<User>(id), UserModel::user_info, UserInfo()).status();
      });
    }
  }
  Snapshot snapshot = store_->GetSnapshot();
  for (UserRef user : snapshot.All<User>()) users.push_back(user);
  users.push_back(UserRef());
  ASSERT_EQ(users.size(), 101u);
  std::vector<UserInfoRef> infos(users.size());
  snapshot.Resolve(users, UserModel::user_info, absl::MakeSpan(infos));
  std::vector<Range<Post>> posts(users.size());
  snapshot.Resolve(users, UserModel::posts, absl::MakeSpan(posts));
  for (std::size_t i = 0; i < users.size(); ++i) {
    EXPECT_EQ(infos[i], users[i].user_info());
    EXPECT_EQ(Titles(posts[i]), Titles(users[i].posts()));
  }
}

}  // namespace
}  // namespace kin
