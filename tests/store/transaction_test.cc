// The edges of transactions: every error of every call, keys that the store gives, ranges that are
// iterated while they change, commit numbers. Long because it is one list: each row of the API's
// table with each of its errors, over one set of fixtures.
#include "kin/store/transaction.h"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/edges.kin.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::edges::Elsewhere;
using ::edges::Raw;
using ::edges::Signed;
using ::edges::Sorted;
using ::edges::SortedRef;
using ::edges::Text;
using ::edges::Unsigned;
using ::history::Badge;
using ::history::BadgeRef;
using ::history::Desk;
using ::history::DeskRef;
using ::history::Enrolment;
using ::history::Note;
using ::history::Person;
using ::history::PersonModel;
using ::history::PersonRef;
using ::history::Task;
using ::history::TaskModel;
using ::history::TaskRef;
using ::history::Team;
using ::history::TeamModel;
using ::history::TeamRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Person NewPerson(const std::string& email) {
  Person person;
  person.set_email(email);
  return person;
}

Task NewTask(std::int64_t reviewer) {
  Task task;
  task.set_reviewer_id(reviewer);
  return task;
}

class TransactionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write([](Transaction& txn) -> absl::Status {
      for (const char* email : {"ada", "bob"}) {
        if (auto status = txn.Insert(NewPerson(email)).status(); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store_->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  absl::Status WriteStatus(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status();
  }
  // The call fails with this code and text, and changes nothing; the transaction goes on.
  void ExpectRefused(absl::StatusCode code, const std::string& text,
                     absl::FunctionRef<absl::Status(Transaction&)> call) {
    const CommitNumber before = store_->GetSnapshot().commit();
    const auto commit = store_->Write([&](Transaction& txn) {
      const absl::Status status = call(txn);
      EXPECT_EQ(absl::StatusCodeToString(status.code()), absl::StatusCodeToString(code))
          << status.message();
      EXPECT_THAT(std::string(status.message()), HasSubstr(text));
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
    EXPECT_EQ(*commit, before) << "something changed";
  }
  // The call is fine, and the commit is refused.
  void ExpectRefusedAtCommit(const std::string& text,
                             absl::FunctionRef<absl::Status(Transaction&)> call) {
    const CommitNumber before = store_->GetSnapshot().commit();
    const absl::Status status = WriteStatus([&](Transaction& txn) {
      const absl::Status called = call(txn);
      EXPECT_EQ(called, absl::OkStatus());
      return called;
    });
    EXPECT_EQ(absl::StatusCodeToString(status.code()), "FAILED_PRECONDITION") << status.message();
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_EQ(store_->GetSnapshot().commit(), before);
  }

  const std::unique_ptr<Store> store_ = *Store::Open(testing::HistorySchema());
};

// --- Errors ---

TEST_F(TransactionTest, EveryCallRefusesAnEmptyReference) {
  const auto refused = [&](auto call) {
    ExpectRefused(absl::StatusCode::kNotFound, "reference given is empty", call);
  };
  const PersonRef none;
  const auto ada = [](Transaction& txn) { return txn.Find<Person>(1); };
  refused([&](Transaction& txn) { return txn.Update(none, [](Person&) {}).status(); });
  refused([&](Transaction& txn) { return txn.Delete(none); });
  refused([&](Transaction& txn) { return txn.Set(none, PersonModel::desk, Desk()).status(); });
  refused(
      [&](Transaction& txn) { return txn.Set(ada(txn), PersonModel::desk, DeskRef()).status(); });
  refused([&](Transaction& txn) { return txn.Clear(none, PersonModel::desk); });
  refused([&](Transaction& txn) { return txn.Add(none, PersonModel::tasks, Task()).status(); });
  refused(
      [&](Transaction& txn) { return txn.Add(ada(txn), PersonModel::tasks, TaskRef()).status(); });
  refused([&](Transaction& txn) { return txn.Remove(none, PersonModel::reports, ada(txn)); });
  refused([&](Transaction& txn) { return txn.Remove(ada(txn), PersonModel::reports, none); });
  refused([&](Transaction& txn) { return txn.Add(none, PersonModel::teams, Team()).status(); });
  refused(
      [&](Transaction& txn) { return txn.Add(ada(txn), PersonModel::teams, TeamRef()).status(); });
  refused([&](Transaction& txn) { return txn.Remove(ada(txn), PersonModel::teams, TeamRef()); });
}

TEST_F(TransactionTest, EveryCallRefusesAReferenceThatIsGone) {
  const Snapshot old = store_->GetSnapshot();
  const PersonRef gone = old.Find<Person>(2);
  Write([&](Transaction& txn) { return txn.Delete(gone); });
  const auto refused = [&](auto call) {
    ExpectRefused(absl::StatusCode::kNotFound, "history.Person(2)", call);
  };
  const PersonRef ada = old.Find<Person>(1);
  refused([&](Transaction& txn) { return txn.Update(gone, [](Person&) {}).status(); });
  refused([&](Transaction& txn) { return txn.Delete(gone); });
  refused([&](Transaction& txn) { return txn.Set(gone, PersonModel::desk, Desk()).status(); });
  refused([&](Transaction& txn) { return txn.Clear(gone, PersonModel::desk); });
  refused([&](Transaction& txn) { return txn.Add(gone, PersonModel::tasks, Task()).status(); });
  refused([&](Transaction& txn) { return txn.Add(ada, PersonModel::reports, gone).status(); });
  refused([&](Transaction& txn) { return txn.Remove(ada, PersonModel::reports, gone); });
  refused([&](Transaction& txn) { return txn.Add(gone, PersonModel::teams, Team()).status(); });
}

TEST_F(TransactionTest, AnUpdateWhoseChangeDeletesTheRecordIsRefused) {
  EXPECT_EQ(WriteStatus([](Transaction& txn) {
              const PersonRef ada = txn.Find<Person>(1);
              return txn.Update(ada, [&](Person&) { EXPECT_TRUE(txn.Delete(ada).ok()); }).status();
            }).code(),
            absl::StatusCode::kNotFound);
  EXPECT_TRUE(store_->GetSnapshot().Find<Person>(1));
}

TEST_F(TransactionTest, AnUpdateWhoseChangeUpdatesTheRecordIsRefused) {
  Write([](Transaction& txn) -> absl::Status {
    const PersonRef ada = txn.Find<Person>(1);
    const absl::Status status =
        txn.Update(ada,
                   [&](Person& outer) {
                     outer.set_email("outer");
                     EXPECT_TRUE(txn.Update(ada, [](Person& p) { p.set_email("inner"); }).ok());
                   })
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("history.Person(1)"));
    EXPECT_EQ(txn.Find<Person>(1)->email(), "inner");
    // Others may be changed.
    return txn
        .Update(ada,
                [&](Person& outer) {
                  outer.set_email("outer");
                  EXPECT_TRUE(txn.Insert(NewPerson("carol")).ok());
                })
        .status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1)->email(), "outer");
}

TEST_F(TransactionTest, TakenKeysAreRefused) {
  Person person = NewPerson("carol");
  person.set_id(1);
  ExpectRefused(absl::StatusCode::kAlreadyExists, "history.Person(1)",
                [&](Transaction& txn) { return txn.Insert(person).status(); });
  ExpectRefused(absl::StatusCode::kAlreadyExists, "history.Person(1)", [&](Transaction& txn) {
    return txn.Add(txn.Find<Person>(2), PersonModel::reports, person).status();
  });
}

TEST_F(TransactionTest, TakenUniqueValuesAreRefusedByEveryWayToChangeThem) {
  const auto refused = [&](auto call) {
    ExpectRefused(absl::StatusCode::kAlreadyExists, "email", call);
  };
  Person bob = NewPerson("ada");
  refused([&](Transaction& txn) { return txn.Insert(bob).status(); });
  refused([&](Transaction& txn) { return txn.Upsert(bob).status(); });
  refused([&](Transaction& txn) {
    return txn.Add(txn.Find<Person>(2), PersonModel::reports, bob).status();
  });
  bob.set_id(2);
  refused([&](Transaction& txn) { return txn.Upsert(bob).status(); });
  refused([&](Transaction& txn) {
    return txn.Update(txn.Find<Person>(2), [](Person& p) { p.set_email("ada"); }).status();
  });
}

TEST_F(TransactionTest, AFailedInsertGivesItsIdBack) {
  Person taken = NewPerson("ada");
  taken.set_id(100);
  ExpectRefused(absl::StatusCode::kAlreadyExists, "email",
                [&](Transaction& txn) { return txn.Insert(taken).status(); });
  taken.clear_id();  // Also one that the store would have given.
  ExpectRefused(absl::StatusCode::kAlreadyExists, "email",
                [&](Transaction& txn) { return txn.Insert(taken).status(); });
  Write([](Transaction& txn) { return txn.Insert(NewPerson("carol")).status(); });
  EXPECT_TRUE(store_->GetSnapshot().Find<Person>(3));
}

TEST_F(TransactionTest, ASecondChildOfAHasOneIsRefusedByInsertUpdateAndAdd) {
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t person : {1, 2}) {
      Badge badge;
      badge.set_person_id(person);
      if (auto status = txn.Insert(badge).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  Badge badge;
  badge.set_person_id(1);
  ExpectRefused(absl::StatusCode::kAlreadyExists, "person_id",
                [&](Transaction& txn) { return txn.Insert(badge).status(); });
  ExpectRefused(absl::StatusCode::kAlreadyExists, "person_id", [&](Transaction& txn) {
    return txn.Update(txn.Find<Badge>(2), [](Badge& b) { b.set_person_id(1); }).status();
  });
}

TEST_F(TransactionTest, TextThatIsNotUtf8IsRefusedWithItsField) {
  const auto refused = [&](auto call) {
    ExpectRefused(absl::StatusCode::kInvalidArgument, "UTF-8", call);
  };
  Desk desk;
  desk.set_code("\xed\xa0\x80");
  refused([&](Transaction& txn) { return txn.Insert(desk).status(); });
  refused([&](Transaction& txn) { return txn.Upsert(desk).status(); });
  refused([&](Transaction& txn) {
    return txn.Set(txn.Find<Person>(1), PersonModel::desk, desk).status();
  });
  refused([&](Transaction& txn) {
    return txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_city("\xff"); }).status();
  });
}

TEST_F(TransactionTest, AKeyMayNotChange) {
  ExpectRefused(absl::StatusCode::kInvalidArgument, "may not change the key", [](Transaction& txn) {
    return txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_id(9); }).status();
  });
  Write([](Transaction& txn) -> absl::Status {
    Team team;
    team.set_name("a");
    return txn.Add(txn.Find<Person>(1), PersonModel::teams, team).status();
  });
  ExpectRefused(absl::StatusCode::kInvalidArgument, "may not change the key", [](Transaction& txn) {
    return txn.Add(txn.Find<Person>(2), PersonModel::enrolments, txn.Find<Enrolment>(1, "a"))
        .status();
  });
}

TEST_F(TransactionTest, WhatIsNotAmongTheAssociatedCannotBeRemoved) {
  Write([](Transaction& txn) -> absl::Status {
    Team team;
    team.set_name("a");
    return txn.Insert(team).status();
  });
  ExpectRefused(absl::StatusCode::kNotFound, "not among them", [](Transaction& txn) {
    return txn.Remove(txn.Find<Person>(1), PersonModel::reports, txn.Find<Person>(2));
  });
  ExpectRefused(absl::StatusCode::kNotFound, "not among them", [](Transaction& txn) {
    return txn.Remove(txn.Find<Person>(1), PersonModel::teams, txn.Find<Team>("a"));
  });
  // Clear of nothing is fine.
  Write([](Transaction& txn) { return txn.Clear(txn.Find<Person>(1), PersonModel::desk); });
}

TEST_F(TransactionTest, AParentWhoseOwnKeyIsAbsentCannotHaveChildren) {
  ExpectRefused(absl::StatusCode::kFailedPrecondition, "number", [](Transaction& txn) {
    return txn.Add(txn.Find<Person>(1), PersonModel::lockers, history::Locker()).status();
  });
}

TEST_F(TransactionTest, AMissingParentIsRefusedAtCommitHoweverItCameAbout) {
  ExpectRefusedAtCommit("history.Task(1).reviewer_id",
                        [](Transaction& txn) { return txn.Insert(NewTask(77)).status(); });
  Write([](Transaction& txn) { return txn.Insert(NewTask(1)).status(); });
  const std::int64_t id = 2;  // The id of the refused one is not given again.
  ExpectRefusedAtCommit("there is no history.Person with id 77", [&](Transaction& txn) {
    return txn.Update(txn.Find<Task>(id), [](Task& t) { t.set_reviewer_id(77); }).status();
  });
  ExpectRefusedAtCommit("owner_id", [&](Transaction& txn) {
    return txn.Update(txn.Find<Task>(id), [](Task& t) { t.set_owner_id(0); }).status();
  });
  ExpectRefusedAtCommit("reviewer_id", [&](Transaction& txn) {
    Task task = NewTask(77);
    task.set_id(id);
    return txn.Upsert(task).status();
  });
}

TEST_F(TransactionTest, ARestrictedDeleteIsRefusedAtCommitUnlessTheChildrenGoToo) {
  Write([](Transaction& txn) { return txn.Insert(NewTask(1)).status(); });
  ExpectRefusedAtCommit("history.Person(1): it cannot be deleted",
                        [](Transaction& txn) { return txn.Delete(txn.Find<Person>(1)); });
  Write([](Transaction& txn) -> absl::Status {
    const TaskRef task = txn.Find<Task>(1);
    if (auto status = txn.Delete(txn.Find<Person>(1)); !status.ok()) return status;
    return txn.Update(task, [](Task& t) { t.set_reviewer_id(2); }).status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<Task>(1).reviewer()->email(), "bob");
}

TEST_F(TransactionTest, ACascadeReachesWhatRestricts) {
  Write([](Transaction& txn) -> absl::Status {
    Team team;
    team.set_name("a");
    if (auto status = txn.Add(txn.Find<Person>(1), PersonModel::teams, team).status();
        !status.ok()) {
      return status;
    }
    auto task = txn.Insert(NewTask(2));
    if (!task.ok()) return task.status();
    TaskRef last = *task;
    for (int i = 0; i < 1000; ++i) {  // A chain that a recursion would feel.
      Task next = NewTask(2);
      next.set_parent_id(last->id());
      auto added = txn.Insert(next);
      if (!added.ok()) return added.status();
      last = *added;
    }
    return txn.Update(*task, [&](Task& t) { t.set_parent_id(last->id()); }).status();  // A ring.
  });
  // The enrolments of a person cascade, those of a team restrict.
  ExpectRefusedAtCommit("history.Team(\"a\")",
                        [](Transaction& txn) { return txn.Delete(txn.Find<Team>("a")); });
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Person>(1)); });
  EXPECT_EQ(store_->GetSnapshot().Count<Enrolment>(), 0);
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Team>("a")); });
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Task>(500)); });
  EXPECT_EQ(store_->GetSnapshot().Count<Task>(), 0);
}

TEST_F(TransactionTest, AnOwnKeyMayPassToAnotherRecordWithItsChildren) {
  Write([](Transaction& txn) -> absl::Status {
    auto ada = txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_number(7); });
    if (!ada.ok()) return ada.status();
    history::Locker locker;
    locker.set_tag("l");
    return txn.Add(*ada, PersonModel::lockers, locker).status();
  });
  ExpectRefusedAtCommit("change its number", [](Transaction& txn) {
    return txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_number(8); }).status();
  });
  const Snapshot before = store_->GetSnapshot();
  Write([](Transaction& txn) -> absl::Status {
    auto ada = txn.Update(txn.Find<Person>(1), [](Person& p) { p.clear_number(); });
    if (!ada.ok()) return ada.status();
    return txn.Update(txn.Find<Person>(2), [](Person& p) { p.set_number(7); }).status();
  });
  EXPECT_EQ(before.Find<history::Locker>("l").person()->email(), "ada");
  EXPECT_EQ(store_->GetSnapshot().Find<history::Locker>("l").person()->email(), "bob");
}

using TransactionDeathTest = TransactionTest;

TEST_F(TransactionDeathTest, AReferenceOfAnotherStoreIsACheckedFailure) {
  const std::unique_ptr<Store> other = *Store::Open(testing::HistorySchema());
  ASSERT_TRUE(
      other->Write([](Transaction& txn) { return txn.Insert(NewPerson("x")).status(); }).ok());
  const Snapshot snapshot = other->GetSnapshot();
  EXPECT_DEATH(WriteStatus([&](Transaction& txn) {
                 return txn.Delete(snapshot.Find<Person>(1));
               }).IgnoreError(),
               "history.Person of another store");
}

TEST_F(TransactionDeathTest, AModelThatIsNotInTheSchemaIsACheckedFailure) {
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_DEATH(snapshot.Find<Elsewhere>(1), "edges.Elsewhere is not in the schema");
  EXPECT_DEATH(snapshot.Count<Elsewhere>(), "edges.Elsewhere is not in the schema");
  EXPECT_DEATH(
      WriteStatus([&](Transaction& txn) { return txn.Insert(Elsewhere()).status(); }).IgnoreError(),
      "edges.Elsewhere is not in the schema");
  // Also once another store has it.
  const std::unique_ptr<Store> other = *Store::Open(Schema::Of<Elsewhere>());
  EXPECT_DEATH(snapshot.Find<Elsewhere>(1), "edges.Elsewhere is not in the schema");
}

TEST_F(TransactionDeathTest, DereferencingAnEmptyReferenceIsACheckedFailure) {
  const PersonRef none;
  EXPECT_EQ(none.get(), nullptr);
  EXPECT_DEATH(none->email(), "empty reference to a history.Person");
  EXPECT_DEATH((*none).email(), "empty reference to a history.Person");
}

// --- Schema mistakes ---

TEST(SchemaTest, AModelGivenTwiceAndOneThatIsMissingAreMistakes) {
  const auto twice = Store::Open(Schema::Of<Signed, Signed>());
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("edges.Signed"));
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("twice"));
  const auto missing = Store::Open(Schema::Of<Badge>());
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("Person"));
}

// --- Keys ---

class KeysTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }
  // The id that the store has for a record inserted with `id`.
  template <typename M>
  auto Insert(std::decay_t<decltype(M().id())> id) {
    absl::StatusOr<std::decay_t<decltype(M().id())>> given = absl::UnknownError("");
    const auto commit = store_->Write([&](Transaction& txn) {
      M record;
      record.set_id(id);
      auto inserted = txn.Insert(record);
      if (inserted.ok()) given = (*inserted)->id();
      return inserted.status();
    });
    if (!commit.ok()) given = commit.status();
    return given;
  }

  const std::unique_ptr<Store> store_ =
      *Store::Open(Schema::Of<Signed, Unsigned, Sorted, Text, Raw>());
};

TEST_F(KeysTest, IdsAreAllocatedAboveEveryExplicitOne) {
  EXPECT_EQ(*Insert<Signed>(0), 1);
  EXPECT_EQ(*Insert<Signed>(10), 10);
  EXPECT_EQ(*Insert<Signed>(0), 11);
  EXPECT_EQ(*Insert<Signed>(5), 5);
  EXPECT_EQ(*Insert<Signed>(-7), -7);
  EXPECT_EQ(*Insert<Signed>(std::numeric_limits<std::int64_t>::min()),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(*Insert<Signed>(0), 12);
}

TEST_F(KeysTest, AnIdIsNotGivenAgainAfterItsRecordIsDeleted) {
  const std::int64_t id = *Insert<Signed>(0);
  ASSERT_TRUE(
      store_->Write([&](Transaction& txn) { return txn.Delete(txn.Find<Signed>(id)); }).ok());
  EXPECT_GT(*Insert<Signed>(0), id);
  EXPECT_EQ(*Insert<Signed>(id), id) << "but it may be asked for";
}

TEST_F(KeysTest, AnExplicitIdOfAnAbortedTransactionRaisesNothing) {
  for (bool abort : {true, false}) {
    store_
        ->Write([&](Transaction& txn) -> absl::Status {
          const Savepoint savepoint = txn.Savepoint();
          Signed record;
          record.set_id(std::numeric_limits<std::int64_t>::max());
          EXPECT_TRUE(txn.Insert(record).ok());
          EXPECT_EQ(txn.Insert(Signed()).status().code(), absl::StatusCode::kResourceExhausted);
          if (abort) return absl::CancelledError("");
          txn.RollbackTo(savepoint);
          return absl::OkStatus();
        })
        .IgnoreError();
    EXPECT_TRUE(Insert<Signed>(0).ok());
  }
}

TEST_F(KeysTest, TheLastIdIsGivenAndThenNoMore) {
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(*Insert<Signed>(kLast - 1), kLast - 1);
  EXPECT_EQ(*Insert<Signed>(0), kLast);
  const auto none = Insert<Signed>(0);
  EXPECT_EQ(none.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(none.status().message()), HasSubstr("edges.Signed.id"));
  EXPECT_EQ(*Insert<Signed>(3), 3) << "explicit ids still do";

  constexpr std::uint64_t kLastUnsigned = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(*Insert<Unsigned>(std::uint64_t{1} << 63), std::uint64_t{1} << 63);
  EXPECT_EQ(*Insert<Unsigned>(0), (std::uint64_t{1} << 63) + 1);
  EXPECT_EQ(*Insert<Unsigned>(kLastUnsigned - 2), kLastUnsigned - 2);
  EXPECT_EQ(*Insert<Unsigned>(0), kLastUnsigned - 1);
  EXPECT_EQ(Insert<Unsigned>(0).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*Insert<Unsigned>(kLastUnsigned), kLastUnsigned);
  EXPECT_EQ(Insert<Unsigned>(0).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(*Insert<Unsigned>(4), 4u);
}

TEST_F(KeysTest, UuidKeysAreFilledInWhereEmpty) {
  std::set<std::string> given;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(store_
                    ->Write([&](Transaction& txn) -> absl::Status {
                      auto text = i % 2 == 0 ? txn.Insert(Text()) : txn.Upsert(Text());
                      auto raw = txn.Insert(Raw());
                      if (!text.ok()) return text.status();
                      if (!raw.ok()) return raw.status();
                      EXPECT_THAT(std::string((*text)->id()),
                                  ::testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-"
                                                          "[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
                      EXPECT_EQ((*raw)->id().size(), 16u);
                      EXPECT_TRUE(given.insert((*text)->id()).second);
                      EXPECT_TRUE(given.insert((*raw)->id()).second);
                      return absl::OkStatus();
                    })
                    .ok());
  }
  EXPECT_EQ(*Insert<Text>("mine"), "mine");
  EXPECT_EQ(Insert<Text>("mine").status().code(), absl::StatusCode::kAlreadyExists);
}

// --- Ranges that change while they are iterated ---

TEST_F(TransactionTest, IteratingAllWhileRecordsChangeVisitsWhatStaysOnce) {
  Write([](Transaction& txn) -> absl::Status {
    for (int i = 0; i < 50; ++i) {
      if (auto status = txn.Insert(NewTask(1)).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  Write([](Transaction& txn) -> absl::Status {
    std::map<std::int64_t, int> visits;
    int added = 0;
    for (TaskRef task : txn.All<Task>()) {
      const std::int64_t id = task->id();
      ++visits[id];
      EXPECT_TRUE(txn.Find<Task>(id)) << "visited after it was deleted";
      if (id % 5 == 0) {
        EXPECT_TRUE(txn.Delete(task).ok());
      }
      if (id % 5 == 1) {
        EXPECT_TRUE(txn.Update(task, [](Task& t) { t.set_title("x"); }).ok());
      }
      // Enough that the table grows, more than once.
      for (int i = 0; i < 20 && added < 2000; ++i, ++added) {
        EXPECT_TRUE(txn.Insert(NewTask(1)).ok());
      }
      // One ahead, which must not be visited once it is gone.
      if (id <= 50 && id % 5 == 2 && txn.Find<Task>(id + 1)) {
        EXPECT_TRUE(txn.Delete(txn.Find<Task>(id + 1)).ok());
      }
    }
    for (const auto& [id, times] : visits) EXPECT_EQ(times, 1) << id;
    for (std::int64_t id = 1; id <= 50; ++id) {
      EXPECT_TRUE(visits.contains(id) || !txn.Find<Task>(id)) << id;
    }
    return absl::OkStatus();
  });
}

TEST_F(TransactionTest, IteratingAHasManyWhileItChangesVisitsWhatStaysOnce) {
  for (int size : {1, 2, 30, 300}) {
    Write([&](Transaction& txn) -> absl::Status {
      for (TaskRef task : txn.All<Task>()) EXPECT_TRUE(txn.Delete(task).ok());
      for (int i = 0; i < size; ++i) {
        EXPECT_TRUE(txn.Add(txn.Find<Person>(1), PersonModel::tasks, NewTask(1)).ok());
      }
      return absl::OkStatus();
    });
    Write([&](Transaction& txn) -> absl::Status {
      std::set<std::int64_t> before;
      for (TaskRef task : txn.Find<Person>(1).tasks()) before.insert(task->id());
      EXPECT_EQ(before.size(), static_cast<std::size_t>(size));
      std::map<std::int64_t, int> visits;
      int added = 0;
      for (TaskRef task : txn.Find<Person>(1).tasks()) {
        const std::int64_t id = task->id();
        ++visits[id];
        EXPECT_EQ(task.owner()->id(), 1);
        if (id % 3 == 0) {
          EXPECT_TRUE(txn.Delete(task).ok());
        }
        if (id % 3 == 1 && before.contains(id)) {  // There and back again.
          EXPECT_TRUE(txn.Add(txn.Find<Person>(2), PersonModel::tasks, task).ok());
          if (id % 2 == 0) {
            EXPECT_TRUE(txn.Add(txn.Find<Person>(1), PersonModel::tasks, task).ok());
          }
        }
        if (added++ < 500) {
          EXPECT_TRUE(txn.Add(txn.Find<Person>(1), PersonModel::tasks, NewTask(1)).ok());
        }
      }
      for (std::int64_t id : before) EXPECT_EQ(visits[id], 1) << id;
      return absl::OkStatus();
    });
  }
}

TEST_F(KeysTest, IteratingInOrderSkipsWhatASavepointTookBack) {
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) -> absl::Status {
                    for (std::int64_t id : {1, 4}) {
                      Sorted record;
                      record.set_id(id);
                      if (auto status = txn.Insert(record).status(); !status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  ASSERT_TRUE(store_
                  ->Write([](Transaction& txn) -> absl::Status {
                    const Savepoint savepoint = txn.Savepoint();
                    for (std::int64_t id : {2, 3}) {
                      Sorted record;
                      record.set_id(id);
                      EXPECT_TRUE(txn.Insert(record).ok());
                    }
                    std::vector<std::int64_t> visited;
                    for (SortedRef record : txn.All<Sorted>()) {
                      visited.push_back(record->id());
                      if (record->id() == 1) txn.RollbackTo(savepoint);
                    }
                    EXPECT_THAT(visited, ElementsAre(1, 4));
                    return absl::OkStatus();
                  })
                  .ok());
}

// --- Snapshots and commit numbers ---

TEST_F(TransactionTest, ReferencesStayGoodWhileTheirSnapshotIsMoved) {
  Snapshot first = store_->GetSnapshot();
  const PersonRef ada = first.Find<Person>(1);
  const auto people = first.All<Person>();
  Snapshot second = std::move(first);
  Snapshot third;
  third = std::move(second);
  Write([](Transaction& txn) {
    return txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_email("lovelace"); }).status();
  });
  EXPECT_EQ(ada->email(), "ada");
  EXPECT_EQ(third.Find<Person>(1), ada);
  EXPECT_EQ(people.size(), 2u);
  EXPECT_EQ(store_->stats().snapshots, 1);
  third = Snapshot();
  EXPECT_EQ(store_->stats().snapshots, 0);
}

TEST_F(TransactionTest, AReferenceFromASnapshotNamesTheNewestVersion) {
  const Snapshot old = store_->GetSnapshot();
  Write([](Transaction& txn) {
    return txn.Update(txn.Find<Person>(1), [](Person& p) { p.set_city("London"); }).status();
  });
  Write([&](Transaction& txn) {
    return txn
        .Update(old.Find<Person>(1),
                [](Person& p) {
                  EXPECT_EQ(p.city(), "London");
                  p.set_nick("countess");
                })
        .status();
  });
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1)->nick(), "countess");
  EXPECT_EQ(old.Find<Person>(1)->city(), "");
}

TEST_F(TransactionTest, OnlyWhatChangesSomethingGetsACommitNumber) {
  const CommitNumber before = store_->GetSnapshot().commit();
  EXPECT_EQ(*store_->Write([](Transaction&) { return absl::OkStatus(); }), before);
  EXPECT_EQ(*store_->Write([](Transaction& txn) {
    const Savepoint savepoint = txn.Savepoint();
    EXPECT_TRUE(txn.Insert(NewPerson("carol")).ok());
    txn.RollbackTo(savepoint);
    return absl::OkStatus();
  }),
            before);
  EXPECT_FALSE(store_
                   ->Write([](Transaction& txn) {
                     EXPECT_TRUE(txn.Insert(NewPerson("carol")).ok());
                     return absl::AbortedError("");
                   })
                   .ok());
  EXPECT_EQ(store_->GetSnapshot().commit(), before);
  const auto next =
      store_->Write([](Transaction& txn) { return txn.Insert(NewPerson("carol")).status(); });
  EXPECT_EQ(*next, before + 1);
  EXPECT_EQ(store_->durable_commit(), before + 1);
  EXPECT_EQ(store_->Flush(), absl::OkStatus());
  EXPECT_EQ(store_->WaitDurable(before + 1), absl::OkStatus());
}

TEST_F(TransactionTest, AClosedStoreIsReadAndNotWritten) {
  ASSERT_EQ(store_->Close(), absl::OkStatus());
  ASSERT_EQ(store_->Close(), absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Count<Person>(), 2);
  const absl::Status status = WriteStatus([](Transaction&) { return absl::OkStatus(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
}

// A list of two is made by the second child; an abort takes the child out and leaves the list.
TEST_F(TransactionTest, AListMadeByAnAbortedTransactionCountsRight) {
  Write([](Transaction& txn) {
    return txn.Add(txn.Find<Person>(1), PersonModel::tasks, NewTask(1)).status();
  });
  EXPECT_EQ(WriteStatus([](Transaction& txn) -> absl::Status {
              EXPECT_TRUE(txn.Add(txn.Find<Person>(1), PersonModel::tasks, NewTask(1)).ok());
              EXPECT_EQ(txn.Find<Person>(1).tasks().size(), 2u);
              return absl::CancelledError("");
            }),
            absl::CancelledError(""));
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1).tasks().size(), 1u);
  Write([](Transaction& txn) { return txn.Insert(NewPerson("carol")).status(); });
  EXPECT_EQ(store_->GetSnapshot().Find<Person>(1).tasks().size(), 1u);
}

TEST_F(TransactionTest, ARecordMovedTwiceInOneTransactionIsUnderItsLastParentAlone) {
  Write([](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(NewPerson("carol")).ok());
    return txn.Add(txn.Find<Person>(1), PersonModel::tasks, NewTask(1)).status();
  });
  const Snapshot before = store_->GetSnapshot();
  Write([](Transaction& txn) -> absl::Status {
    for (std::int64_t to : {2, 3, 2, 1, 3}) {
      auto moved = txn.Add(txn.Find<Person>(to), PersonModel::tasks, txn.Find<Task>(1));
      if (!moved.ok()) return moved.status();
      for (std::int64_t id : {1, 2, 3}) {
        EXPECT_EQ(txn.Find<Person>(id).tasks().size(), id == to ? 1u : 0u);
      }
    }
    return absl::OkStatus();
  });
  const Snapshot after = store_->GetSnapshot();
  for (std::int64_t id : {1, 2, 3}) {
    EXPECT_EQ(before.Find<Person>(id).tasks().size(), id == 1 ? 1u : 0u);
    EXPECT_EQ(after.Find<Person>(id).tasks().size(), id == 3 ? 1u : 0u);
  }
}

}  // namespace
}  // namespace kin
