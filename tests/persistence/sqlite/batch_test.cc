// Batches of which rows get into each other's way, and what happens when SQLite refuses one.
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/fake_clock.h"
#include "kin/tests/testing/faulty_vfs.h"

namespace kin {
namespace {

using persistence_test::Everything;
using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Tag;
using persistence_test::Tagging;
using persistence_test::Unsigned;
using persistence_test::User;
using persistence_test::UserModel;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class BatchTest : public testing::SqliteTest {
 protected:
  // Only Flush and Close write.
  void OpenLazy() {
    OpenOptions options;
    SqliteOptions sqlite;
    sqlite.flush_after = absl::InfiniteDuration();
    options.persistence = Sqlite(path_, std::move(sqlite));
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(testing::FullSchema(), std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  static User MakeUser(std::int64_t id) {
    User user;
    user.set_id(id);
    user.set_name("user" + std::to_string(id));
    user.set_email("mail" + std::to_string(id));
    user.set_desk(static_cast<int>(id));
    user.set_badge(static_cast<std::uint64_t>(id));
    return user;
  }
  template <typename F>
  static void Update(Transaction& txn, std::int64_t id, F change) {
    absl::Status status = txn.Update(txn.Find<User>(id), change).status();
    ASSERT_TRUE(status.ok()) << status;
  }
  void InsertUsers(int count) {
    Write([&](Transaction& txn) {
      for (int i = 1; i <= count; ++i) ASSERT_TRUE(txn.Insert(MakeUser(i)).ok());
    });
    Flush();
  }
  std::string Database(const std::string& sql) { return testing::RawDatabase(path_).QueryOne(sql); }
};

TEST_F(BatchTest, UniqueValuesAreExchanged) {
  OpenLazy();
  InsertUsers(3);
  Write([](Transaction& txn) {
    Update(txn, 1, [](User& u) {
      u.set_name("third");
      u.clear_email();
      u.set_badge(99);
      u.set_desk(99);
    });
    Update(txn, 2, [](User& u) {
      u.set_name("user1");
      u.set_email("mail1");
      u.set_badge(1);
      u.set_desk(1);
    });
    Update(txn, 3, [](User& u) {
      u.set_name("user2");
      u.set_email("mail2");
      u.set_badge(2);
      u.set_desk(2);
    });
    Update(txn, 1, [](User& u) {
      u.set_name("user3");
      u.set_email("mail3");
      u.set_badge(3);
      u.set_desk(3);
    });
  });
  Flush();
  EXPECT_THAT(testing::RawDatabase(path_).Query(
                  "SELECT id, name, email, badge, desk FROM users ORDER BY id"),
              ElementsAre("1|user3|mail3|3|3", "2|user1|mail1|1|1", "3|user2|mail2|2|2"));
  Reopen();
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_F(BatchTest, AUniqueValuePassesFromADeletedToANewRow) {
  OpenLazy();
  InsertUsers(2);
  Write([](Transaction& txn) {
    ASSERT_TRUE(txn.Delete(txn.Find<User>(2)).ok());
    Update(txn, 1, [](User& u) {
      u.set_name("user2");
      u.set_email("mail2");
      u.set_badge(2);
    });
    User user = MakeUser(0);
    user.set_name("user1");
    user.set_email("mail1");
    user.set_badge(1);
    ASSERT_TRUE(txn.Insert(user).ok());
  });
  Flush();
  EXPECT_THAT(testing::RawDatabase(path_).Query("SELECT id, name FROM users ORDER BY id"),
              ElementsAre("1|user2", "3|user1"));
}

TEST_F(BatchTest, ParentKeysAndForeignKeysMoveTogether) {
  OpenLazy();
  InsertUsers(3);
  Write([](Transaction& txn) {
    Profile profile;
    profile.set_user_id(1);
    ASSERT_TRUE(txn.Insert(profile).ok());
    Post post;
    post.set_slug("post");
    post.set_author("user1");
    ASSERT_TRUE(txn.Insert(post).ok());
    Update(txn, 2, [](User& u) { u.set_manager_id(1); });
    Update(txn, 1, [](User& u) { u.set_manager_id(2); });
  });
  Flush();
  Write([](Transaction& txn) {
    Update(txn, 1, [](User& u) { u.set_name("x"); });
    Update(txn, 2, [](User& u) { u.set_name("user1"); });
    ASSERT_TRUE(txn.Update(txn.Find<Profile>(1), [](Profile& p) { p.set_user_id(3); }).ok());
  });
  Flush();
  EXPECT_TRUE(testing::RawDatabase(path_).Query("PRAGMA foreign_key_check").empty());
  Write([](Transaction& txn) {
    for (int i = 3; i >= 1; --i) ASSERT_TRUE(txn.Delete(txn.Find<User>(i)).ok());
    absl::StatusOr<persistence_test::UserRef> user = txn.Insert(MakeUser(1));
    ASSERT_TRUE(user.ok());
  });
  Flush();
  EXPECT_EQ(Database("SELECT count(*) FROM profiles"), "0");
  EXPECT_EQ(Database("SELECT author FROM posts"), "NULL");
  EXPECT_EQ(Database("SELECT name, manager_id FROM users"), "user1|NULL");
}

TEST_F(BatchTest, ParentsAndChildrenGoTogether) {
  OpenLazy();
  Write([](Transaction& txn) {
    for (int i = 0; i < 100; ++i) {
      const std::string name = std::to_string(i);
      Tagging tagging;  // Before its parents.
      tagging.set_post_slug(name);
      tagging.set_tag_code(name);
      ASSERT_TRUE(txn.Insert(tagging).ok());
      Post post;
      post.set_slug(name);
      ASSERT_TRUE(txn.Insert(post).ok());
      Tag tag;
      tag.set_code(name);
      ASSERT_TRUE(txn.Insert(tag).ok());
    }
  });
  Flush();
  EXPECT_EQ(Database("SELECT count(*) FROM taggings"), "100");
  Write([](Transaction& txn) {
    for (int i = 0; i < 100; ++i) {
      const std::string name = std::to_string(i);
      ASSERT_TRUE(txn.Delete(txn.Find<Post>(name)).ok());
      ASSERT_TRUE(txn.Delete(txn.Find<Tag>(name)).ok());
    }
  });
  Flush();
  EXPECT_EQ(Database("SELECT count(*) FROM taggings"), "0");
}

TEST_F(BatchTest, AKeyIsUsedAgain) {
  OpenLazy();
  InsertUsers(1);
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Delete(txn.Find<User>(1)).ok()); });
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Insert(MakeUser(1)).ok()); });
  Write([](Transaction& txn) { Update(txn, 1, [](User& u) { u.set_age(40); }); });
  Flush();
  EXPECT_EQ(Database("SELECT id, name, age FROM users"), "1|user1|40");
}

TEST_F(BatchTest, AnyNumberOfRows) {
  OpenLazy();
  int next = 0;
  for (int rows : {1, 2, 3, 63, 64, 65, 127, 1000}) {
    Write([&](Transaction& txn) {
      for (int i = 0; i < rows; ++i) {
        Unsigned record;
        record.set_number(static_cast<std::uint64_t>(next++));
        ASSERT_TRUE(txn.Insert(record).ok());
      }
    });
    Flush();
  }
  EXPECT_EQ(Database("SELECT count(*), max(number) FROM unsigneds"), "1325|1324");
}

// A backend that may be looked at and told what the clock says.
class FaultTest : public BatchTest {
 protected:
  void OpenWithClock(std::string vfs = "") {
    persistence::WriteBehindOptions options;
    options.flush_after = absl::InfiniteDuration();
    options.clock = &clock_;
    OpenOptions open;
    open.persistence = std::make_unique<persistence::WriteBehind>(
        std::make_unique<persistence::sqlite::SqliteBackend>(path_, std::move(vfs)), options);
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(testing::FullSchema(), std::move(open));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  // The store looks at the clock until it is gone.
  void TearDown() override { store_.reset(); }
  void InsertUnsigned(std::uint64_t number) {
    Write([&](Transaction& txn) {
      Unsigned record;
      record.set_number(number);
      ASSERT_TRUE(txn.Insert(record).ok());
    });
  }
  testing::FakeClock clock_;
};

TEST_F(FaultTest, ABusyDatabaseIsTriedAgain) {
  OpenWithClock();
  InsertUnsigned(1);
  testing::RawDatabase other(path_);
  other.Exec("BEGIN IMMEDIATE");
  absl::Status flushed;
  std::thread flush([&] { flushed = store_->Flush(); });
  while (store_->stats().retries < 2) {
    clock_.Advance(absl::Seconds(1));
    clock_.Settle();
  }
  EXPECT_FALSE(store_->stats().halted);
  other.Exec("ROLLBACK");
  while (store_->durable_commit() < 1) {
    clock_.Advance(absl::Seconds(1));
    clock_.Settle();
  }
  flush.join();
  EXPECT_TRUE(flushed.ok()) << flushed;
}

TEST_F(FaultTest, ABatchThatFailsInTheMiddleLeavesNothing) {
  OpenWithClock();
  InsertUsers(1);
  testing::RawDatabase(path_).Exec(
      "CREATE TRIGGER no BEFORE INSERT ON unsigneds WHEN new.number = 7 BEGIN "
      "SELECT raise(ABORT, 'seven'); END");
  Write([](Transaction& txn) { ASSERT_TRUE(txn.Delete(txn.Find<User>(1)).ok()); });
  for (int i = 0; i < 10; ++i) InsertUnsigned(i);
  absl::Status flushed = store_->Flush();
  EXPECT_EQ(flushed.code(), absl::StatusCode::kUnavailable) << flushed;
  EXPECT_THAT(flushed.message(), HasSubstr("seven"));
  EXPECT_THAT(flushed.message(), HasSubstr("table unsigneds"));
  EXPECT_TRUE(store_->stats().halted);
  EXPECT_EQ(Database("SELECT count(*) FROM users"), "1");
  EXPECT_EQ(Database("SELECT count(*) FROM unsigneds"), "0");
  EXPECT_EQ(Database("SELECT value FROM _kin_meta WHERE key = 'commit'"), "1");

  testing::RawDatabase(path_).Exec("DROP TRIGGER no");
  Flush();
  EXPECT_EQ(Database("SELECT count(*) FROM unsigneds"), "10");
  EXPECT_EQ(Database("SELECT value FROM _kin_meta WHERE key = 'commit'"), "12");
}

TEST_F(FaultTest, ARowThatIsGoneIsReported) {
  OpenWithClock();
  InsertUsers(1);
  testing::RawDatabase(path_).Exec("DELETE FROM users");
  Write([](Transaction& txn) { Update(txn, 1, [](User& u) { u.set_age(5); }); });
  absl::Status flushed = store_->Flush();
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(flushed.message(), HasSubstr("table users, key id=1: the row is gone"));
}

TEST_F(FaultTest, AMovedFileIsReported) {
  OpenWithClock();
  InsertUnsigned(1);
  Flush();
  std::filesystem::rename(path_, path_ + ".away");
  InsertUnsigned(2);
  absl::Status flushed = store_->Flush();
  EXPECT_EQ(flushed.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(flushed.message(), HasSubstr("was moved away"));
  std::filesystem::rename(path_ + ".away", path_);
  Flush();
  Reopen();
  EXPECT_EQ(store_->GetSnapshot().Count<Unsigned>(), 2);
}

TEST_F(FaultTest, AnotherWritersCommitNumberIsReported) {
  OpenWithClock();
  InsertUnsigned(1);
  Flush();
  testing::RawDatabase(path_).Exec("UPDATE _kin_meta SET value = 77 WHERE key = 'commit'");
  InsertUnsigned(2);
  absl::Status flushed = store_->Flush();
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(flushed.message(), HasSubstr("at commit 77"));
}

// A power cut keeps any part of what was not synced.
TEST_F(FaultTest, SyncedIsSynced) {
  testing::FaultyVfs vfs;
  for (std::uint64_t round = 1; round <= 5; ++round) {
    ASSERT_NO_FATAL_FAILURE(OpenWithClock(vfs.name()));
    absl::StatusOr<CommitNumber> commit = store_->Write(
        [round](Transaction& txn) {
          Unsigned record;
          record.set_number(round);
          return txn.Insert(record).status();
        },
        {.durability = Durability::kSynced});
    EXPECT_TRUE(commit.ok()) << commit.status();
    vfs.Die();
    store_.reset();
    vfs.PowerOn(round);
    ASSERT_NO_FATAL_FAILURE(OpenWithClock(vfs.name()));
    EXPECT_EQ(store_->GetSnapshot().Count<Unsigned>(), static_cast<std::int64_t>(round));
    store_.reset();
  }
}

TEST_F(FaultTest, WhatSqliteCouldNotHoldIsRefusedAtCommit) {
  OpenWithClock();
  absl::StatusOr<CommitNumber> commit = store_->Write([](Transaction& txn) {
    Everything record;
    persistence_test::Point* point = record.mutable_point();
    for (int i = 0; i < 3000; ++i) point = point->mutable_next();
    return txn.Insert(std::move(record)).status();
  });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kInvalidArgument) << commit.status();
  EXPECT_THAT(commit.status().message(),
              HasSubstr("persistence_test.Everything id=1: field point"));
  EXPECT_EQ(store_->GetSnapshot().Count<Everything>(), 0);
}

}  // namespace
}  // namespace kin
