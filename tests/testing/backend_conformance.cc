#include "kin/tests/testing/backend_conformance.h"

#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <utility>

#include "kin/persistence/write_behind.h"
#include "kin/tests/persistence/ledger/ledger.h"
#include "tests/persistence/models.kin.h"

namespace kin::testing {

using persistence_test::Everything;
using persistence_test::EverythingRef;
using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Tag;
using persistence_test::Tagging;
using persistence_test::Unsigned;
using persistence_test::User;
using persistence_test::UserRef;

namespace {

User MakeUser(std::int64_t id) {
  User user;
  user.set_id(id);
  user.set_name("user" + std::to_string(id));
  user.set_desk(static_cast<int>(id));
  user.set_badge(static_cast<std::uint64_t>(id));
  return user;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> BackendConformanceTest::TryOpen() {
  return TryOpen(Schema::Of<Everything, User, Profile, Post, Tag, Tagging, Unsigned>());
}

absl::StatusOr<std::unique_ptr<Store>> BackendConformanceTest::TryOpen(Schema schema) {
  persistence::WriteBehindOptions options;
  options.flush_after = absl::InfiniteDuration();
  options.clock = &clock_;
  OpenOptions open;
  open.persistence = std::make_unique<persistence::WriteBehind>(
      std::make_unique<FaultyBackend>(database_->NewBackend(), &faults_), options);
  return Store::Open(std::move(schema), std::move(open));
}

void BackendConformanceTest::Open() {
  absl::StatusOr<std::unique_ptr<Store>> store = TryOpen();
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
}

void BackendConformanceTest::Reopen() {
  absl::Status closed = store_->Close();
  ASSERT_TRUE(closed.ok()) << closed;
  store_.reset();
  Open();
}

void BackendConformanceTest::Flush() {
  absl::Status flushed = store_->Flush();
  ASSERT_TRUE(flushed.ok()) << flushed;
}

void BackendConformanceTest::Write(const std::function<void(Transaction&)>& body) {
  absl::StatusOr<CommitNumber> commit = store_->Write([&](Transaction& txn) -> absl::Status {
    body(txn);
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
}

TEST_P(BackendConformanceTest, KeepsRecordsCommitsAndIds) {
  Open();
  Write([](Transaction& txn) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(txn.Insert(Everything()).ok());
    ASSERT_TRUE(txn.Delete(txn.Find<Everything>(3)).ok());
    Tagging tagging;
    tagging.set_post_slug(std::string("a\0b", 3));
    tagging.set_tag_code("\xff");
    ASSERT_TRUE(txn.Insert(tagging).ok());
    Post post;
    post.set_slug(std::string("a\0b", 3));
    ASSERT_TRUE(txn.Insert(post).ok());
    Tag tag;
    tag.set_code("\xff");
    ASSERT_TRUE(txn.Insert(tag).ok());
  });
  Reopen();
  {
    Snapshot snapshot = store_->GetSnapshot();
    EXPECT_EQ(snapshot.commit(), 1u);
    EXPECT_EQ(snapshot.Count<Everything>(), 2);
    EXPECT_TRUE(snapshot.Find<Tagging>(std::string("a\0b", 3), "\xff"));
  }
  Write([](Transaction& txn) {
    absl::StatusOr<EverythingRef> next = txn.Insert(Everything());
    ASSERT_TRUE(next.ok());
    EXPECT_EQ((*next)->id(), 4);
  });
}

TEST_P(BackendConformanceTest, EveryEndStateCanBeReached) {
  Open();
  Write([](Transaction& txn) {
    for (int i = 1; i <= 4; ++i) ASSERT_TRUE(txn.Insert(MakeUser(i)).ok());
    Profile profile;
    profile.set_user_id(4);
    ASSERT_TRUE(txn.Insert(profile).ok());
  });
  Flush();
  Write([](Transaction& txn) {
    auto rename = [&](int id, const std::string& name, std::uint64_t badge) {
      ASSERT_TRUE(txn.Update(txn.Find<User>(id),
                             [&](User& user) {
                               user.set_name(name);
                               user.set_badge(badge);
                             })
                      .ok());
    };
    rename(1, "x", 99);
    rename(2, "user1", 1);
    rename(1, "user2", 2);
    ASSERT_TRUE(txn.Delete(txn.Find<User>(3)).ok());
    ASSERT_TRUE(txn.Delete(txn.Find<User>(4)).ok());  // And its profile.
    ASSERT_TRUE(txn.Insert(MakeUser(3)).ok());
    User user = MakeUser(5);
    user.set_name("user4");
    user.set_badge(4);
    ASSERT_TRUE(txn.Insert(user).ok());
  });
  Reopen();
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<User>(1)->name(), "user2");
  EXPECT_EQ(snapshot.Find<User>(2)->name(), "user1");
  EXPECT_EQ(snapshot.Find<User>(5)->badge(), 4u);
  EXPECT_EQ(snapshot.Count<User>(), 4);
  EXPECT_EQ(snapshot.Count<Profile>(), 0);
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_P(BackendConformanceTest, ABatchIsNotAppliedTwice) {
  Open();
  faults_.FailAfter(absl::UnavailableError("lost the answer"), 2);
  Write([](Transaction& txn) {
    for (int i = 1; i <= 100; ++i) ASSERT_TRUE(txn.Insert(MakeUser(i)).ok());
  });
  absl::Status flushed;
  std::thread flush([&] { flushed = store_->Flush(); });
  while (store_->durable_commit() == 0) {
    clock_.Advance(absl::Seconds(1));
    clock_.Settle();
  }
  flush.join();
  EXPECT_TRUE(flushed.ok()) << flushed;
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 100);
}

TEST_P(BackendConformanceTest, WhatWasNotAppliedIsNotThere) {
  Open();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(MakeUser(1)).ok()); });
  Flush();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(MakeUser(2)).ok()); });
  faults_.FailBefore(absl::InternalError("no"), 1000);
  EXPECT_FALSE(store_->Close().ok());
  store_.reset();  // As if the process had died.
  faults_.Heal();
  Open();
  EXPECT_EQ(store_->GetSnapshot().commit(), 1u);
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 1);
}

TEST_P(BackendConformanceTest, AWriteThatIsToBeSyncedReturns) {
  Open();
  absl::StatusOr<CommitNumber> commit =
      store_->Write([](Transaction& txn) { return txn.Insert(MakeUser(1)).status(); },
                    {.durability = Durability::kSynced});
  EXPECT_TRUE(commit.ok()) << commit.status();
}

TEST_P(BackendConformanceTest, WhatWasSyncedSurvivesThePower) {
  for (int round = 0; round < 5; ++round) {
    Open();
    const auto insert = [this](int id, Durability durability) {
      absl::StatusOr<CommitNumber> commit =
          store_->Write([id](Transaction& txn) { return txn.Insert(MakeUser(id)).status(); },
                        {.durability = durability});
      ASSERT_TRUE(commit.ok()) << commit.status();
    };
    ASSERT_NO_FATAL_FAILURE(insert(2 * round + 1, Durability::kSynced));
    const CommitNumber synced = store_->GetSnapshot().commit();
    ASSERT_NO_FATAL_FAILURE(insert(2 * round + 2, Durability::kWritten));
    if (!database_->CutPower()) GTEST_SKIP() << "DatabaseUnderTest::CutPower is not there";
    // No use in trying again.
    faults_.FailBefore(absl::InternalError("no power"), 1000);
    faults_.FailSync(absl::InternalError("no power"), 1000);
    store_.reset();
    faults_.Heal();
    Open();
    const Snapshot snapshot = store_->GetSnapshot();
    EXPECT_GE(snapshot.commit(), synced);
    EXPECT_TRUE(snapshot.Find<User>(2 * round + 1));
    EXPECT_EQ(bool(snapshot.Find<User>(2 * round + 2)), snapshot.commit() > synced);
    ASSERT_TRUE(store_->Close().ok());
  }
}

TEST_P(BackendConformanceTest, OneStoreOwnsADatabase) {
  Open();
  absl::StatusOr<std::unique_ptr<Store>> second = TryOpen();
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable) << second.status();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(MakeUser(1)).ok()); });
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 1);
}

TEST_P(BackendConformanceTest, ABatchOfCommitsThatCancelEachOtherIsStored) {
  Open();
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(MakeUser(1)).ok()); });
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Delete(txn.Find<User>(1)).ok()); });
  Flush();
  EXPECT_EQ(store_->durable_commit(), 2u);
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().commit(), 2u);
  EXPECT_EQ(store_->GetSnapshot().Count<User>(), 0);
}

TEST_P(BackendConformanceTest, ManyRowsOfEveryKindOfChange) {
  constexpr int kRows = 1500;
  Open();
  Write([](Transaction& txn) {
    for (int i = 1; i <= kRows; ++i) ASSERT_TRUE(txn.Insert(MakeUser(i)).ok());
  });
  Flush();
  Write([](Transaction& txn) {
    for (int i = 1; i <= kRows; ++i) {
      const UserRef user = txn.Find<User>(i);
      if (i % 3 == 0) {
        ASSERT_TRUE(txn.Delete(user).ok());
      } else {
        ASSERT_TRUE(txn.Update(user,
                               [i](User& u) {
                                 if (i % 3 == 1) {
                                   u.set_city("here");
                                 } else {
                                   u.set_name("renamed" + std::to_string(i));
                                 }
                               })
                        .ok());
      }
    }
    for (int i = 1; i <= kRows; ++i) ASSERT_TRUE(txn.Insert(MakeUser(kRows + i)).ok());
  });
  Reopen();
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<User>(), kRows + 2 * kRows / 3);
  EXPECT_EQ(snapshot.Find<User>(1)->city(), "here");
  EXPECT_EQ(snapshot.Find<User>(2)->name(), "renamed2");
  EXPECT_FALSE(snapshot.Find<User>(3));
}

// Bank transfers, moves and exchanges, by batches of any size, with faults at any point of them.
TEST_P(BackendConformanceTest, HistoriesWithFaultsComeBackAsTheyWere) {
  std::mt19937_64 random(1);
  Ledger ledger(1);
  for (int life = 0; life < 10; ++life) {
    absl::StatusOr<std::unique_ptr<Store>> store = TryOpen(Ledger::StoreSchema());
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_EQ((*store)->GetSnapshot().commit(), ledger.number());
    ASSERT_EQ(ledger.Difference((*store)->GetSnapshot()), "");
    for (int i = 0; i < 60; ++i) {
      ledger.Advance();
      ASSERT_TRUE((*store)->Write([&](Transaction& txn) { return ledger.Replay(txn); }).ok());
      if (random() % 8 != 0) continue;
      const absl::Status fault = absl::InternalError("told to");
      switch (random() % 4) {
        case 0:
          faults_.FailBefore(fault);
          break;
        case 1:
          faults_.FailDuring(fault);
          break;
        case 2:
          faults_.FailAfter(fault);
          break;
        default:
          break;
      }
      // A lasting fault halts; the next Flush tries again.
      if (!(*store)->Flush().ok()) {
        ASSERT_TRUE((*store)->Flush().ok());
      }
      ASSERT_EQ((*store)->durable_commit(), ledger.number());
    }
    ASSERT_TRUE((*store)->Close().ok());
  }
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BackendConformanceTest);

}  // namespace kin::testing
