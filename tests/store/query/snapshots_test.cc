// Queries of snapshots between which records change: each has to see its own, whether it is newer
// than all changes, when records need not be looked at for that, or older than some.
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.

class SnapshotsTest : public QueryTest {
 protected:
  static Ids Scanned(const Snapshot& snapshot) {
    return Sorted(IdsOf(snapshot.Query<Person>().Where(PersonModel::small >= 5u)));
  }
  static Person Of(std::int64_t id, std::uint32_t small) {
    Person person = Named(id);
    person.set_small(small);
    return person;
  }
  static absl::Status DeleteIn(Transaction& txn, std::int64_t id) {
    return txn.Delete(txn.Find<Person>(id));
  }
};

TEST_F(SnapshotsTest, AScanDoesNotShowWhatWasDeletedBeforeTheSnapshot) {
  Add(Of(1, 9), Of(2, 9));
  const Snapshot before = store_->GetSnapshot();
  Write([](Transaction& txn) { EXPECT_EQ(DeleteIn(txn, 1), absl::OkStatus()); });
  // `before` keeps what says that it was deleted in the table.
  EXPECT_EQ(Scanned(store_->GetSnapshot()), Ids({2}));
  EXPECT_EQ(store_->GetSnapshot().Query<Person>().ToVector().size(), 1u);
  EXPECT_EQ(Scanned(before), Ids({1, 2}));
  Add(Of(1, 7));
  EXPECT_EQ(Scanned(store_->GetSnapshot()), Ids({1, 2})) << "it is there again";
}

TEST_F(SnapshotsTest, AScanDoesNotShowWhatCameAfterTheSnapshot) {
  Add(Of(1, 9), Of(2, 0));
  const Snapshot before = store_->GetSnapshot();
  Add(Of(2, 9), Of(3, 9));
  EXPECT_EQ(Scanned(before), Ids({1}));
  EXPECT_EQ(Scanned(store_->GetSnapshot()), Ids({1, 2, 3}));
}

TEST_F(SnapshotsTest, AScanDoesNotShowWhatWasUndone) {
  Add(Of(1, 9), Of(2, 9));
  const auto aborted = store_->Write([](Transaction& txn) -> absl::Status {
    EXPECT_EQ(DeleteIn(txn, 1), absl::OkStatus());
    Put(txn, Of(2, 0));
    Put(txn, Of(3, 9));
    EXPECT_EQ(Sorted(IdsOf(txn.Query<Person>().Where(PersonModel::small >= 5u))), Ids({3}));
    const auto savepoint = txn.Savepoint();
    EXPECT_EQ(DeleteIn(txn, 3), absl::OkStatus());
    EXPECT_FALSE(txn.Query<Person>().Where(PersonModel::small >= 5u).Exists());
    txn.RollbackTo(savepoint);
    EXPECT_EQ(Sorted(IdsOf(txn.Query<Person>().Where(PersonModel::small >= 5u))), Ids({3}));
    return absl::CancelledError("");
  });
  EXPECT_FALSE(aborted.ok());
  EXPECT_EQ(Scanned(store_->GetSnapshot()), Ids({1, 2}));
  Add(Of(4, 9));  // Under the number of the transaction that was undone.
  EXPECT_EQ(Scanned(store_->GetSnapshot()), Ids({1, 2, 4}));
}

// What a snapshot has to show.
struct Kept {
  Snapshot snapshot;
  std::map<std::int64_t, Person> people;
};

void ExpectShown(const Kept& kept) {
  Ids scanned;
  std::map<std::int64_t, Ids> reports;
  std::map<Color, std::int64_t> colors;
  std::map<std::int64_t, std::int64_t> ages;
  for (const auto& [id, person] : kept.people) {
    if (person.small() >= 5) scanned.push_back(id);
    if (person.has_boss_id()) reports[person.boss_id()].push_back(id);
    colors[person.color()] += person.small();
    ++ages[person.age()];
  }
  const auto people = kept.snapshot.Query<Person>();
  EXPECT_EQ(Sorted(IdsOf(people.Where(PersonModel::small >= 5u))), scanned);
  EXPECT_EQ(people.Where(PersonModel::small >= 5u).Count(),
            static_cast<std::int64_t>(scanned.size()));
  std::size_t all = 0;
  for (const auto& [boss, ids] : reports) {
    all += ids.size();
    EXPECT_EQ(Sorted(IdsOf(people.Where(PersonModel::id == boss).Follow(PersonModel::reports))),
              ids);
    EXPECT_EQ(people.Where(PersonModel::boss_id == boss).Count(),
              static_cast<std::int64_t>(ids.size()));
  }
  EXPECT_EQ(people.Follow(PersonModel::reports).ToVector().size(), all);
  for (const Color color : {COLOR_UNSPECIFIED, COLOR_RED, COLOR_GREEN, COLOR_BELOW}) {
    EXPECT_EQ(people.Where(PersonModel::color == color).Sum(PersonModel::small).value_or(0),
              static_cast<std::uint64_t>(colors[color]));
  }
  for (int age = 0; age < 20; age += 4) {
    std::int64_t expected = 0;
    for (int i = age; i < age + 4; ++i) expected += ages[i];
    EXPECT_EQ(people.Where(PersonModel::age.Between(age, age + 3)).Count(), expected);
  }
}

TEST_F(SnapshotsTest, EachShowsItsOwnInRandomHistories) {
  std::uint64_t seed = std::random_device()();
  const char* given = std::getenv("KIN_SEED");
  if (given != nullptr && !absl::SimpleAtoi(given, &seed)) std::abort();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  std::map<std::int64_t, Person> people;
  std::deque<Kept> kept;
  const auto change = [&](Transaction& txn, std::map<std::int64_t, Person>* now) {
    const std::int64_t id = 1 + below(200);
    if (below(3) == 0) {
      // Of nobody, for who reports to it would lose that.
      if (now->count(id) == 0 || id <= 5) return;
      EXPECT_EQ(DeleteIn(txn, id), absl::OkStatus());
      now->erase(id);
      return;
    }
    Person person = Of(id, static_cast<std::uint32_t>(below(10)));
    person.set_color(static_cast<Color>(below(4) - 1));
    person.set_age(below(20));
    if (id > 5 && below(4) != 0) person.set_boss_id(1 + below(5));
    Put(txn, person);
    (*now)[id] = person;
  };
  for (std::int64_t id = 1; id <= 5; ++id) {
    Add(Of(id, 1));
    people[id] = Of(id, 1);
    people[id].set_age(0);
    Add(people[id]);
  }
  for (int step = 0; step < 300 && !HasFailure(); ++step) {
    std::map<std::int64_t, Person> next = people;
    const bool abort = below(8) == 0;
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (int i = below(6); i >= 0; --i) change(txn, &next);
      return abort ? absl::CancelledError("") : absl::OkStatus();
    });
    ASSERT_EQ(commit.ok(), !abort) << commit.status();
    if (!abort) people = std::move(next);
    if (below(3) == 0) kept.push_back({store_->GetSnapshot(), people});
    // At times none is left, so that what was deleted goes.
    while (!kept.empty() && (kept.size() > 4 || below(6) == 0)) kept.pop_front();
    ExpectShown({store_->GetSnapshot(), people});
    for (const Kept& each : kept) ExpectShown(each);
  }
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
}

}  // namespace
}  // namespace kin::testing
