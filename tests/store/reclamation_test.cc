// What was deleted, superseded or aborted is freed once no snapshot can see it.
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::history::Badge;
using ::history::Enrolment;
using ::history::Person;
using ::history::PersonModel;
using ::history::PersonRef;
using ::history::Task;
using ::history::TaskRef;
using ::history::Team;

class ReclamationTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  // Whether nothing waits any more, in some seconds at most. Makes no transactions: the housekeeper
  // does it.
  bool NothingRetiredSoon() {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (store_->stats().retired > 0) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }

  static absl::Status Fill(Transaction& txn, int people) {
    for (int i = 0; i < people; ++i) {
      Person person;
      person.set_email(
          absl::StrCat("person", i, "@example.com, which is too long for a short string"));
      person.set_nick(absl::StrCat("nick", i));
      person.set_number(i);
      auto added = txn.Insert(person);
      if (!added.ok()) return added.status();
      Badge badge;
      if (auto set = txn.Set(*added, PersonModel::badge, badge); !set.ok()) return set.status();
      Team team;
      team.set_name(absl::StrCat("team", i % 7));
      if (auto upsert = txn.Upsert(team); !upsert.ok()) return upsert.status();
      if (auto joined = txn.Add(*added, PersonModel::teams, txn.Find<Team>(team.name()));
          !joined.ok()) {
        return joined.status();
      }
      for (int k = 0; k < i % 30; ++k) {
        Task task;
        task.set_reviewer_id((*added)->id());
        if (auto owns = txn.Add(*added, PersonModel::tasks, task); !owns.ok()) return owns.status();
      }
    }
    return absl::OkStatus();
  }

  static absl::Status DeleteAll(Transaction& txn) {
    for (TaskRef task : txn.All<Task>()) {
      if (auto status = txn.Delete(task); !status.ok()) return status;
    }
    for (PersonRef person : txn.All<Person>()) {
      if (auto status = txn.Delete(person); !status.ok()) return status;
    }
    for (auto team : txn.All<Team>()) {
      if (auto status = txn.Delete(team); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<Store> store_ = *Store::Open(testing::HistorySchema());
};

TEST_F(ReclamationTest, DeletingEverythingReturnsToTheBaseline) {
  const Stats empty = store_->stats();
  EXPECT_EQ(empty.versions, 0);
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 300); }).ok());
  const std::int64_t full = store_->stats().memory_bytes;
  {
    const Snapshot old = store_->GetSnapshot();
    ASSERT_TRUE(store_->Write(&DeleteAll).ok());
    EXPECT_EQ(old.Count<Person>(), 300);
    EXPECT_EQ(store_->stats().snapshots, 1);
    EXPECT_EQ(store_->stats().oldest_snapshot, old.commit());
    EXPECT_GT(store_->stats().retired, 300);
    EXPECT_GE(store_->stats().memory_bytes, full);
    EXPECT_EQ(old.Find<Person>(30).tasks().size(), 29u);
  }
  ASSERT_TRUE(NothingRetiredSoon());
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.records, 0);
  EXPECT_EQ(stats.versions, 0);
  EXPECT_EQ(stats.snapshots, 0);
  EXPECT_EQ(stats.oldest_snapshot, stats.commit);
  // Tables of up to 64 buckets are kept; there are 40 indexes at most.
  EXPECT_LE(stats.memory_bytes, empty.memory_bytes + 40 * 64 * 64);
  EXPECT_LT(stats.memory_bytes, full / 2);
}

TEST_F(ReclamationTest, FillingAndEmptyingAgainAndAgainNeedsNoMore) {
  std::int64_t first = 0;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 100); }).ok());
    ASSERT_TRUE(store_->Write(&DeleteAll).ok());
    ASSERT_TRUE(NothingRetiredSoon());
    const std::int64_t bytes = store_->stats().memory_bytes;
    if (round == 0) first = bytes;
    EXPECT_LE(bytes, first * 2) << "round " << round;
    EXPECT_EQ(store_->stats().versions, 0);
  }
}

TEST_F(ReclamationTest, AnAbortedTransactionLeavesNothing) {
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 50); }).ok());
  ASSERT_TRUE(NothingRetiredSoon());
  const Stats before = store_->stats();
  const auto abort = [&](auto body) {
    EXPECT_EQ(store_
                  ->Write([&](Transaction& txn) -> absl::Status {
                    if (absl::Status status = body(txn); !status.ok()) return status;
                    return absl::CancelledError("on purpose");
                  })
                  .status(),
              absl::CancelledError("on purpose"));
    ASSERT_TRUE(NothingRetiredSoon());
    EXPECT_EQ(store_->stats().versions, before.versions);
    EXPECT_EQ(store_->stats().records, before.records);
    EXPECT_EQ(store_->stats().commit, before.commit);
    EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  };
  abort(&DeleteAll);
  abort([](Transaction& txn) -> absl::Status {
    for (PersonRef person : txn.All<Person>()) {
      auto changed = txn.Update(person, [](Person& p) {
        p.set_nick("new " + p.nick());
        p.clear_number();
        if (p.id() > 1) p.set_boss_id(1);
      });
      if (!changed.ok()) return changed.status();
    }
    return absl::OkStatus();
  });
  abort([](Transaction& txn) -> absl::Status {
    for (int i = 0; i < 500; ++i) {
      Task task;
      task.set_reviewer_id(1 + i % 3);
      if (auto added = txn.Insert(task); !added.ok()) return added.status();
    }
    return absl::OkStatus();
  });
}

TEST_F(ReclamationTest, ABodyThatThrowsLeavesTheStoreUsable) {
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 10); }).ok());
  ASSERT_TRUE(NothingRetiredSoon());
  const Stats before = store_->stats();
  EXPECT_THROW(store_
                   ->Write([](Transaction& txn) -> absl::Status {
                     DeleteAll(txn).IgnoreError();
                     throw std::runtime_error("the body's own");
                   })
                   .IgnoreError(),
               std::runtime_error);
  EXPECT_EQ(store_->GetSnapshot().Count<Person>(), 10);
  EXPECT_EQ(store_->stats().commit, before.commit);
  ASSERT_TRUE(NothingRetiredSoon()) << "what it changed waits for another transaction";
  EXPECT_EQ(store_->stats().versions, before.versions);
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  ASSERT_TRUE(store_->Write(&DeleteAll).ok());
  ASSERT_TRUE(NothingRetiredSoon());
  EXPECT_EQ(store_->stats().versions, 0);
}

TEST_F(ReclamationTest, AnUpdateThatThrowsChangesNothingAndTheTransactionGoesOn) {
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 2); }).ok());
  const auto commit = store_->Write([](Transaction& txn) -> absl::Status {
    EXPECT_THROW(txn.Update(txn.Find<Person>(1),
                            [](Person& p) {
                              p.set_nick("half done");
                              throw std::runtime_error("the change's own");
                            })
                     .status()
                     .IgnoreError(),
                 std::runtime_error);
    EXPECT_EQ(txn.Find<Person>(1)->nick(), "nick0");
    return txn.Update(txn.Find<Person>(2), [](Person& p) { p.set_nick("done"); }).status();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1)->nick(), "nick0");
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(2)->nick(), "done");
}

TEST_F(ReclamationTest, TheListsOfAHasManyAreCounted) {
  constexpr int kTasks = 5000;
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 1); }).ok());
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) -> absl::Status {
                    for (int i = 0; i < kTasks; ++i) {
                      Task task;
                      task.set_reviewer_id(1);
                      if (auto status = txn.Insert(task).status(); !status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(NothingRetiredSoon());
  const std::int64_t without = store_->stats().memory_bytes;
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) -> absl::Status {
                    for (TaskRef task : txn.All<Task>()) {
                      auto owned = txn.Update(task, [](Task& t) { t.set_owner_id(1); });
                      if (!owned.ok()) return owned.status();
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(NothingRetiredSoon());
  // One pointer a record at least.
  EXPECT_GE(store_->stats().memory_bytes,
            without + kTasks * static_cast<std::int64_t>(sizeof(void*)));
  ASSERT_TRUE(store_->Write(&DeleteAll).ok());
  ASSERT_TRUE(NothingRetiredSoon());
  EXPECT_LT(store_->stats().memory_bytes, without);
}

TEST_F(ReclamationTest, AnOldSnapshotKeepsOnlyWhatItSees) {
  ASSERT_TRUE(store_->Write([](Transaction& txn) { return Fill(txn, 1); }).ok());
  const Snapshot old = store_->GetSnapshot();
  for (int i = 0; i < 5000; ++i) {
    ASSERT_TRUE(
        store_
            ->Write([&](Transaction& txn) {
              return txn.Update(txn.Find<Person>(1), [&](Person& p) { p.set_number(i); }).status();
            })
            .ok());
  }
  // Versions that no snapshot sees wait behind the old one only as long as it is open.
  EXPECT_EQ(old.Find<Person>(1)->nick(), "nick0");
  EXPECT_EQ(old.FindBy(PersonModel::number, 0), old.Find<Person>(1));
  EXPECT_FALSE(old.FindBy(PersonModel::number, 4999));
}

}  // namespace
}  // namespace kin
