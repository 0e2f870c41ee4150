// Queries in transactions: they see its changes, which go on while results are gone through; and
// changes of all results at once.
#include <string>
#include <utility>
#include <vector>

#include "kin/store/hooks.h"
#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.
using ::testing::HasSubstr;

// Five people, aged 10 to 50; 1 is the boss of the others; a profile and a pet of each.
class QueriesInTransactionsTest : public QueryTest {
 protected:
  QueriesInTransactionsTest() { Fill(); }

  void Fill() {
    for (std::int64_t id = 1; id <= 5; ++id) {
      AddPerson(id, [&](Person& person) {
        person.set_age(10 * id);
        if (id != 1) person.set_boss_id(1);
      });
      Profile profile;
      profile.set_id(id);
      profile.set_person_id(id);
      Add(profile, PetOf(static_cast<std::uint32_t>(id), id, "x"));
    }
  }
  static Ids Ages(const internal::Reader& reader) {
    Ids ages;
    for (const auto& [age] :
         reader.Query<Person>().OrderBy(PersonModel::id).Pluck(PersonModel::age)) {
      ages.push_back(age.value_or(0));
    }
    return ages;
  }
  static void SetAge(Transaction& txn, std::int64_t id, std::int64_t age) {
    ASSERT_TRUE(txn.Update(txn.Find<Person>(id), [&](Person& p) { p.set_age(age); }).ok());
  }
};

TEST_F(QueriesInTransactionsTest, SeeInsertsUpdatesAndDeletesOfTheirOwnByEveryPath) {
  Write([&](Transaction& txn) {
    Person sixth = Named(6);
    sixth.set_age(25);
    sixth.set_city("Oslo");
    Put(txn, sixth);
    SetAge(txn, 1, 26);
    ASSERT_TRUE(txn.Delete(txn.Find<Person>(2)).ok());
    const auto all = txn.Query<Person>();
    EXPECT_EQ(all.Count(), 5);
    EXPECT_EQ(IdsOf(all.Where(PersonModel::age.Between(20, 30)).OrderBy(PersonModel::age)),
              Ids({6, 1, 3}))
        << "by the ordered index";
    EXPECT_EQ(all.Where(PersonModel::email == "p6").First()->id(), 6);
    EXPECT_FALSE(all.Where(PersonModel::email == "p2").Exists());
    EXPECT_EQ(all.Where(PersonModel::boss_id == 1).Count(), 3) << "by the foreign key";
    EXPECT_EQ(all.Where(PersonModel::boss.Has(PersonModel::age == 26)).Count(), 3);
    EXPECT_EQ(all.Where(PersonModel::boss.Has(PersonModel::age == 10)).Count(), 0);
    EXPECT_EQ(all.Where(PersonModel::city == "Oslo").Count(), 1);
    EXPECT_EQ(all.Max(PersonModel::age), 50);
    EXPECT_EQ(all.Follow(PersonModel::pets).Count(), 4) << "the pet of 2 is nobody's";
    EXPECT_EQ(Ages(store_->GetSnapshot()), Ids({10, 20, 30, 40, 50})) << "nobody else sees them";
  });
  EXPECT_EQ(Ages(store_->GetSnapshot()), Ids({26, 30, 40, 50, 25}));
}

TEST_F(QueriesInTransactionsTest, ResultsAreSettledWhenTheyAreAskedFor) {
  Write([&](Transaction& txn) {
    int seen = 0;
    for (const PersonRef person : txn.Query<Person>().Where(PersonModel::age > 0)) {
      ++seen;
      SetAge(txn, person->id(), 10 * person->id() + 1000);  // Behind all others in the index.
      Put(txn, Named(100 + person->id()));
    }
    EXPECT_EQ(seen, 5) << "each once, and none of those that were added";
    txn.Query<Person>().Where(PersonModel::age.IsNull()).ForEach([&](PersonRef person) {
      EXPECT_TRUE(txn.Delete(person).ok());
    });
    EXPECT_EQ(txn.Query<Person>().Count(), 5);
  });
}

TEST_F(QueriesInTransactionsTest, AQueryIsAskedAnewEachTime) {
  Write([&](Transaction& txn) {
    const auto old = txn.Query<Person>().Where(PersonModel::age >= 50);
    EXPECT_EQ(old.Count(), 1);
    SetAge(txn, 1, 60);
    EXPECT_EQ(old.Count(), 2);
    EXPECT_EQ(old.Last()->id(), 5);
  });
}

TEST_F(QueriesInTransactionsTest, SeeWhatASavepointUndoes) {
  Write([&](Transaction& txn) {
    const auto savepoint = txn.Savepoint();
    SetAge(txn, 1, 99);
    ASSERT_TRUE(txn.Delete(txn.Find<Person>(5)).ok());
    EXPECT_EQ(IdsOf(txn.Query<Person>().Where(PersonModel::age > 45)), Ids({1}));
    txn.RollbackTo(savepoint);
    EXPECT_EQ(IdsOf(txn.Query<Person>().Where(PersonModel::age > 45)), Ids({5}));
    EXPECT_EQ(txn.Query<Person>().Where(PersonModel::age < 20).Count(), 1);
    EXPECT_EQ(txn.Query<Person>().Where(PersonModel::boss_id == 1).Count(), 4);
  });
}

TEST_F(QueriesInTransactionsTest, AnOlderSnapshotAnswersAsItDid) {
  const Snapshot before = store_->GetSnapshot();
  Write([&](Transaction& txn) {
    SetAge(txn, 1, 99);
    ASSERT_TRUE(txn.Delete(txn.Find<Person>(5)).ok());
    Person sixth = Named(6);
    sixth.set_boss_id(1);
    Put(txn, sixth);
  });
  const auto query = before.Query<Person>();
  EXPECT_EQ(query.Count(), 5);
  EXPECT_EQ(IdsOf(query.Where(PersonModel::age > 45)), Ids({5}));
  EXPECT_EQ(query.Max(PersonModel::age), 50);
  EXPECT_EQ(query.Where(PersonModel::age == 99).Count(), 0);
  EXPECT_EQ(query.Where(PersonModel::boss_id == 1).Count(), 4);
  EXPECT_EQ(Sorted(IdsOf(query.Where(PersonModel::boss.Has()))), Ids({2, 3, 4, 5}));
  EXPECT_FALSE(query.Where(PersonModel::email == "p6").Exists());
  EXPECT_EQ(query.OrderBy(Descending(PersonModel::age)).First()->id(), 5);
  EXPECT_EQ(store_->GetSnapshot().Query<Person>().Where(PersonModel::boss_id == 1).Count(), 4);
}

TEST_F(QueriesInTransactionsTest, UpdateAllChangesEachResultOnce) {
  Write([&](Transaction& txn) {
    const auto updated =
        txn.Query<Person>().Where(PersonModel::age >= 30).UpdateAll([](Person& person) {
          person.set_age(person.age() + 30);
        });
    ASSERT_TRUE(updated.ok()) << updated.status();
    EXPECT_EQ(*updated, 3) << "though they go on in the index that finds them";
    const auto first = txn.Query<Person>()
                           .OrderBy(Descending(PersonModel::age))
                           .Limit(1)
                           .UpdateAll([](Person& person) { person.set_age(1); });
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(*first, 1);
    const auto none = txn.Query<Person>().Where(PersonModel::age > 500).UpdateAll([](Person&) {});
    ASSERT_TRUE(none.ok()) << none.status();
    EXPECT_EQ(*none, 0);
  });
  EXPECT_EQ(Ages(store_->GetSnapshot()), Ids({10, 20, 60, 70, 1}));
}

TEST_F(QueriesInTransactionsTest, UpdateAllChangesWhatIsFollowedTo) {
  Write([&](Transaction& txn) {
    const auto renamed = txn.Query<Person>()
                             .Where(PersonModel::id <= 2)
                             .Follow(PersonModel::pets)
                             .UpdateAll([](Pet& pet) { pet.set_name("new"); });
    ASSERT_TRUE(renamed.ok()) << renamed.status();
    EXPECT_EQ(*renamed, 2);
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Query<Pet>().Where(PetModel::name == "new").Count(), 2);
}

TEST_F(QueriesInTransactionsTest, DeleteAllAppliesTheRulesForDeletes) {
  Write([&](Transaction& txn) {
    const auto deleted = txn.Query<Person>().Where(PersonModel::age < 30).DeleteAll();
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    EXPECT_EQ(*deleted, 2);
  });
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(Sorted(IdsOf(snapshot.Query<Person>())), Ids({3, 4, 5}));
  EXPECT_EQ(snapshot.Count<Profile>(), 3) << "CASCADE";
  EXPECT_EQ(snapshot.Count<Pet>(), 5);
  EXPECT_EQ(snapshot.Query<Pet>().Where(PetModel::owner.Has()).Count(), 3) << "set to null";
  EXPECT_EQ(snapshot.Query<Person>().Where(PersonModel::boss.Has()).Count(), 0);
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_F(QueriesInTransactionsTest, IfOneFailsNothingOfTheCallIsLeftAndTheTransactionGoesOn) {
  Write([&](Transaction& txn) {
    SetAge(txn, 1, 11);
    const auto updated = txn.Query<Person>().OrderBy(PersonModel::id).UpdateAll([](Person& person) {
      person.set_age(99);
      if (person.id() == 4) person.set_email("p5");
    });
    EXPECT_EQ(updated.status().code(), absl::StatusCode::kAlreadyExists) << updated.status();
    EXPECT_THAT(std::string(updated.status().message()), HasSubstr("email"));
    EXPECT_EQ(Ages(txn), Ids({11, 20, 30, 40, 50})) << "what was done before stays";
    SetAge(txn, 2, 22);
  });
  EXPECT_EQ(Ages(store_->GetSnapshot()), Ids({11, 22, 30, 40, 50}));
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_F(QueriesInTransactionsTest, HooksRunAndMayRefuse) {
  int updates = 0;
  Schema schema = PeopleSchema();
  schema.Before<Person>(Change::kUpdate, [&](ChangeOf<Person>&) {
    ++updates;
    return absl::OkStatus();
  });
  schema.Before<Person>(Change::kDelete, [](ChangeOf<Person>& change) -> absl::Status {
    if (change.before()->id() == 3) return absl::FailedPreconditionError("3 stays");
    return absl::OkStatus();
  });
  auto store = Store::Open(std::move(schema));
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  Fill();
  updates = 0;
  Write([&](Transaction& txn) {
    const auto updated = txn.Query<Person>().UpdateAll([](Person& person) { person.set_age(1); });
    ASSERT_TRUE(updated.ok()) << updated.status();
    EXPECT_EQ(updates, 5);
  });
  const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    const auto deleted = txn.Query<Person>().OrderBy(PersonModel::id).DeleteAll();
    EXPECT_EQ(deleted.status().code(), absl::StatusCode::kFailedPrecondition) << deleted.status();
    return absl::OkStatus();
  });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kFailedPrecondition)
      << "a hook that fails ends the transaction, whatever calls it";
  EXPECT_EQ(Ages(store_->GetSnapshot()), Ids({1, 1, 1, 1, 1}));
  EXPECT_TRUE(store_->CheckInvariants().ok());
}

TEST_F(QueriesInTransactionsTest, ARecordThatTheCallItselfHasDeletedIsNotDeletedAgain) {
  Schema schema = PeopleSchema();
  schema.After<Person>(Change::kDelete, [](const ChangeOf<Person>& change, Transaction& txn) {
    // Who goes takes the next one along.
    const PersonRef next = txn.Find<Person>(change.before()->id() + 1);
    return next && change.before()->id() % 2 == 1 ? txn.Delete(next) : absl::OkStatus();
  });
  auto store = Store::Open(std::move(schema));
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  Fill();
  Write([&](Transaction& txn) {
    const auto deleted = txn.Query<Person>().OrderBy(PersonModel::id).DeleteAll();
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    EXPECT_EQ(*deleted, 3) << "1, 3 and 5; the others went along";
    EXPECT_EQ(txn.Query<Person>().Count(), 0);
  });
}

}  // namespace
}  // namespace kin::testing
