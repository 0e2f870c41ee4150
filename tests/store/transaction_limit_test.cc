// A transaction that would be too large is told so before it has used up the memory, and one that
// finds none left.
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/internal/memory.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::history::Badge;
using ::history::Person;
using ::history::PersonModel;
using ::history::PersonRef;
using ::history::Task;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kLimit = 10;

Person NewPerson(int i) {
  Person person;
  person.set_email(absl::StrCat("p", i));
  return person;
}

class TransactionLimitTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  // RESOURCE_EXHAUSTED that names the record, the limit and what to do.
  static void ExpectTooMany(const absl::Status& status, const std::string& record) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(record), HasSubstr("max_transaction_changes"), HasSubstr("10"),
                      HasSubstr("several transactions"), HasSubstr("raise it")));
  }
  static absl::Status AddPeople(Transaction& txn, int count) {
    for (int i = 0; i < count; ++i) {
      if (auto added = txn.Insert(NewPerson(i)); !added.ok()) return added.status();
    }
    return absl::OkStatus();
  }
  // Person 1 with `tasks` tasks below one of its tasks, in transactions that are small enough.
  void AddTasks(int tasks) {
    ASSERT_TRUE(store_->Write([](Transaction& txn) { return AddPeople(txn, 1); }).ok());
    for (int i = 0; i <= tasks; ++i) {
      const auto commit = store_->Write([&](Transaction& txn) {
        Task task;
        task.set_reviewer_id(1);
        if (i > 0) task.set_parent_id(1);
        return txn.Insert(task).status();
      });
      ASSERT_TRUE(commit.ok()) << commit.status();
    }
  }

  const std::unique_ptr<Store> store_ =
      *Store::Open(testing::HistorySchema(), {.max_transaction_changes = kLimit});
};

TEST_F(TransactionLimitTest, AsManyChangesAsTheLimitCommit) {
  EXPECT_TRUE(store_->Write([](Transaction& txn) { return AddPeople(txn, kLimit); }).ok());
  EXPECT_EQ(store_->GetSnapshot().Count<Person>(), kLimit);
}

TEST_F(TransactionLimitTest, OneMoreIsRefusedAndNothingHasChanged) {
  const Stats before = store_->stats();
  const auto commit = store_->Write([](Transaction& txn) { return AddPeople(txn, kLimit + 1); });
  ExpectTooMany(commit.status(), "history.Person(11)");
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (store_->stats().retired > 0 && absl::Now() < deadline) {
    store_->Write([](Transaction&) { return absl::OkStatus(); }).IgnoreError();
  }
  const Stats after = store_->stats();
  EXPECT_EQ(after.commit, before.commit);
  EXPECT_EQ(after.records, 0);
  EXPECT_EQ(after.versions, before.versions);
  EXPECT_EQ(after.retired, 0);
}

TEST_F(TransactionLimitTest, TheFailedCallChangesNothingAndTheTransactionGoesOn) {
  const auto commit = store_->Write([](Transaction& txn) -> absl::Status {
    if (auto status = AddPeople(txn, kLimit); !status.ok()) return status;
    const PersonRef first = txn.Find<Person>(1);
    Badge badge;
    badge.set_id(7);
    badge.set_person_id(1);
    Task task;
    task.set_id(7);
    task.set_reviewer_id(1);
    ExpectTooMany(txn.Insert(badge).status(), "history.Badge(7)");
    ExpectTooMany(txn.Upsert(badge).status(), "history.Badge(7)");
    ExpectTooMany(txn.Set(first, PersonModel::badge, badge).status(), "history.Badge(7)");
    ExpectTooMany(txn.Add(first, PersonModel::tasks, task).status(), "history.Task(7)");
    ExpectTooMany(txn.Update(first, [](Person& p) { p.set_city("Paris"); }).status(),
                  "history.Person(1)");
    ExpectTooMany(txn.Delete(first), "history.Person(1)");
    EXPECT_EQ(txn.Find<Person>(1), first);
    EXPECT_EQ(txn.Count<Person>(), kLimit);
    EXPECT_EQ(txn.Count<Badge>(), 0);
    EXPECT_EQ(txn.Count<Task>(), 0);
    return absl::OkStatus();
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1)->city(), "");
}

TEST_F(TransactionLimitTest, WhatASavepointTakesBackIsNotCounted) {
  const auto commit = store_->Write([](Transaction& txn) -> absl::Status {
    for (int round = 0; round < 3; ++round) {
      const Savepoint savepoint = txn.Savepoint();
      EXPECT_EQ(AddPeople(txn, kLimit), absl::OkStatus());
      txn.RollbackTo(savepoint);
    }
    return AddPeople(txn, kLimit);
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
}

TEST_F(TransactionLimitTest, ACascadeWithinTheLimitDeletes) {
  AddTasks(kLimit - 1);
  EXPECT_TRUE(store_->Write([](Transaction& txn) { return txn.Delete(txn.Find<Task>(1)); }).ok());
  EXPECT_EQ(store_->GetSnapshot().Count<Task>(), 0);
}

TEST_F(TransactionLimitTest, ACascadeOverTheLimitNamesTheRecordAndDeletesNothing) {
  AddTasks(kLimit);
  const auto commit = store_->Write([](Transaction& txn) {
    ExpectTooMany(txn.Delete(txn.Find<Task>(1)), "history.Task(1): the delete reaches");
    EXPECT_EQ(txn.Count<Task>(), kLimit + 1);
    EXPECT_EQ(txn.Find<Task>(1).subtasks().size(), static_cast<std::size_t>(kLimit));
    return absl::OkStatus();
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(store_->GetSnapshot().Count<Task>(), kLimit + 1);
  // As the error says: children first.
  EXPECT_TRUE(store_->Write([](Transaction& txn) { return txn.Delete(txn.Find<Task>(2)); }).ok());
  EXPECT_TRUE(store_->Write([](Transaction& txn) { return txn.Delete(txn.Find<Task>(1)); }).ok());
  EXPECT_EQ(store_->GetSnapshot().Count<Task>(), 0);
}

TEST_F(TransactionLimitTest, ChildrenThatLoseTheirParentCountToo) {
  AddTasks(kLimit);  // All reviewed by 1; now all but the first are owned by 2.
  ASSERT_TRUE(
      store_->Write([](Transaction& txn) { return txn.Insert(NewPerson(2)).status(); }).ok());
  for (std::int64_t id = 2; id <= kLimit + 1; ++id) {
    const auto commit = store_->Write([&](Transaction& txn) {
      return txn.Update(txn.Find<Task>(id), [](Task& t) { t.set_owner_id(2); }).status();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  const auto commit = store_->Write([](Transaction& txn) {
    ExpectTooMany(txn.Delete(txn.Find<Person>(2)), "history.Person(2): the delete reaches");
    EXPECT_EQ(txn.Find<Person>(2).tasks().size(), static_cast<std::size_t>(kLimit));
    return absl::OkStatus();
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
}

// As long as it lives, the system has no memory for tables and versions.
class NoMemory {
 public:
  NoMemory() { internal::SetAllocationsFail(true); }
  ~NoMemory() { internal::SetAllocationsFail(false); }
};

class NoMemoryTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  static void ExpectNoMemory(const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("history.Person("), HasSubstr("no memory")));
  }
  // Inserts until there is no memory; how many there are then, from the first on.
  static int FillUp(Transaction& txn, int from) {
    for (int i = from;; ++i) {
      const absl::Status status = txn.Insert(NewPerson(i)).status();
      if (status.ok()) continue;
      ExpectNoMemory(status);
      return i;
    }
  }

  const std::unique_ptr<Store> store_ = *Store::Open(testing::HistorySchema());
};

TEST_F(NoMemoryTest, ACallThatNeedsMemoryChangesNothingAndWhatWasMadeBeforeCommits) {
  ASSERT_TRUE(
      store_->Write([](Transaction& txn) { return txn.Insert(NewPerson(0)).status(); }).ok());
  int people = 0;
  const auto commit = store_->Write([&](Transaction& txn) {
    const NoMemory none;
    people = FillUp(txn, 1);
    EXPECT_EQ(txn.Count<Person>(), people);
    ExpectNoMemory(txn.Upsert(NewPerson(people)).status());
    EXPECT_EQ(txn.Count<Person>(), people);
    EXPECT_FALSE(txn.FindBy(PersonModel::email, absl::StrCat("p", people)));
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_GE(people, 5) << "a table has room for some";
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<Person>(), people);
  for (int i = 0; i < people; ++i) {
    EXPECT_TRUE(snapshot.FindBy(PersonModel::email, absl::StrCat("p", i))) << i;
  }
  // Once there is memory again, all goes on.
  for (int i = people; i < 500; ++i) {
    const auto more =
        store_->Write([&](Transaction& txn) { return txn.Insert(NewPerson(i)).status(); });
    ASSERT_TRUE(more.ok()) << more.status();
  }
  EXPECT_EQ(store_->GetSnapshot().Count<Person>(), 500);
}

TEST_F(NoMemoryTest, ATransactionThatGivesUpLeavesNothing) {
  ASSERT_TRUE(
      store_->Write([](Transaction& txn) { return txn.Insert(NewPerson(0)).status(); }).ok());
  const NoMemory none;
  const auto commit = store_->Write([](Transaction& txn) -> absl::Status {
    FillUp(txn, 1);
    return absl::ResourceExhaustedError("as Insert said");
  });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kResourceExhausted);
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<Person>(), 1);
  EXPECT_TRUE(snapshot.FindBy(PersonModel::email, "p0"));
}

TEST_F(NoMemoryTest, UpdatesAndDeletesFailWholeOrAreMade) {
  constexpr int kPeople = 300;
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) {
                    for (int i = 0; i < kPeople; ++i) {
                      if (auto s = txn.Insert(NewPerson(i)).status(); !s.ok()) return s;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const NoMemory none;
  int moved = 0;
  int deleted = 0;
  const auto commit = store_->Write([&](Transaction& txn) {
    // Each value left behind, and each version superseded, takes memory as long as it is needed.
    for (int round = 0; round < 20; ++round) {
      for (PersonRef person : txn.All<Person>()) {
        const std::string email = absl::StrCat("r", round, "-", person->id());
        const std::string before = person->email();
        const auto status = txn.Update(person, [&](Person& p) { p.set_email(email); }).status();
        if (!status.ok()) ExpectNoMemory(status);
        moved += static_cast<int>(status.ok());
        const std::string now = status.ok() ? email : before;
        EXPECT_TRUE(txn.FindBy(PersonModel::email, now));
      }
    }
    for (std::int64_t id = 1; id <= kPeople; ++id) {
      const absl::Status status = txn.Delete(txn.Find<Person>(id));
      if (!status.ok()) ExpectNoMemory(status);
      deleted += static_cast<int>(status.ok());
      EXPECT_EQ(static_cast<bool>(txn.Find<Person>(id)), !status.ok());
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_GT(moved, 0);
  EXPECT_LT(moved, 20 * kPeople);
  EXPECT_EQ(store_->GetSnapshot().Count<Person>(), kPeople - deleted);
}

TEST_F(NoMemoryTest, WhatIsThereCanBeDeletedWhenNothingCanBeAdded) {
  ASSERT_TRUE(
      store_->Write([](Transaction& txn) { return txn.Insert(NewPerson(0)).status(); }).ok());
  const NoMemory none;
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) {
                    FillUp(txn, 1);
                    return absl::OkStatus();
                  })
                  .ok());
  const auto commit = store_->Write([](Transaction& txn) {
    const PersonRef person = *txn.All<Person>().begin();
    return txn.Delete(person);
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
}

TEST(OpenOptionsTest, ALimitThatAllowsNothingIsRefused) {
  const auto store = Store::Open(testing::HistorySchema(), {.max_transaction_changes = 0});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(store.status().message()), HasSubstr("max_transaction_changes is 0"));
}

}  // namespace
}  // namespace kin
