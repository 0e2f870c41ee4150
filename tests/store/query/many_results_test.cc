// Results of many sizes: records are judged, and their memory is asked for, in groups.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <type_traits>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/store/query/query_fixture.h"
#include "tests/store/query/people.kin.h"

namespace kin::testing {
namespace {

using ::query_test::Person;
using ::query_test::PersonModel;
using ::query_test::Pet;
using ::query_test::PetModel;
using ::query_test::PetRef;
using ::query_test::Toy;
using ::query_test::ToyModel;
using ::query_test::ToyRef;

constexpr std::int64_t kOwner = 7;

class ManyResultsTest : public QueryTest, public ::testing::WithParamInterface<std::int64_t> {
 protected:
  // Of two people, the one who is asked of has so many pets: 2, 4, 6 and so on, every third of
  // them an "x". Each pet has a toy.
  ManyResultsTest() {
    Write([](Transaction& txn) {
      Person person;
      for (const std::int64_t id : {kOwner, kOwner + 1}) {
        person.set_id(id);
        person.set_email(absl::StrCat(id));
        Put(txn, person);
      }
      for (std::int64_t i = 2; i <= 2 * GetParam() + 1; ++i) {
        Pet pet;
        pet.set_id(static_cast<std::uint32_t>(i));
        pet.set_owner_id(kOwner + i % 2);
        pet.set_name(i % 3 == 0 ? "x" : "y");
        if (i % 4 == 0) pet.set_years(static_cast<std::int32_t>(i));
        Put(txn, pet);
        Toy toy;
        toy.set_id(i);
        toy.set_pet_id(pet.id());
        toy.set_price(static_cast<std::int32_t>(i));
        Put(txn, toy);
      }
    });
  }

  // The ids of the owner's pets for which `holds`.
  static Ids Expected(const std::function<bool(std::int64_t)>& holds) {
    Ids ids;
    for (std::int64_t i = 1; i <= GetParam(); ++i) {
      if (holds(2 * i)) ids.push_back(2 * i);
    }
    return ids;
  }

  // The ways to ask a query whose results, in any order, have these ids.
  template <bool kInTransaction, typename Query, typename Id>
  static void Check(const Query& query, const Id& id, const Ids& expected) {
    const auto size = static_cast<std::int64_t>(expected.size());
    EXPECT_EQ(Sorted(IdsOf(query)), expected);
    EXPECT_EQ(Sorted(IdsOf(query.ToVector())), expected);
    EXPECT_EQ(IdsOf(query.OrderBy(id)), expected);
    EXPECT_EQ(query.Count(), size);
    EXPECT_EQ(query.Exists(), size > 0);
    // Of a transaction the rest is the same code, and takes long to compile.
    if constexpr (!kInTransaction) CheckPages(query, id, expected);
  }

  template <typename Query, typename Id>
  static void CheckPages(const Query& query, const Id& id, const Ids& expected) {
    const auto size = static_cast<std::int64_t>(expected.size());
    Ids visited;
    query.ForEach([&](const auto& record) {
      visited.push_back(record->id());
      return true;
    });
    EXPECT_EQ(Sorted(visited), expected);
    std::int64_t sum = 0;
    for (const std::int64_t one : expected) sum += one;
    EXPECT_EQ(static_cast<std::int64_t>(query.Sum(id).value_or(0)), sum);
    for (const std::int64_t limit : {0, 1, 16, 17, 300}) {
      const Ids page = IdsOf(query.OrderBy(id).Limit(limit));
      EXPECT_EQ(page, Ids(expected.begin(), expected.begin() + std::min(limit, size)));
      EXPECT_EQ(query.Limit(limit).Count(), std::min(limit, size));
      EXPECT_EQ(query.Offset(limit).Count(), size - std::min(limit, size));
    }
    if (size == 0) {
      EXPECT_FALSE(query.First());
    } else {
      EXPECT_EQ(query.First()->id(), expected.front());
      int calls = 0;
      query.ForEach([&](const auto& /*record*/) { return ++calls < 3; });
      EXPECT_EQ(calls, std::min<std::int64_t>(size, 3));
      EXPECT_EQ(query.OrderBy(id).Last()->id(), expected.back());
      EXPECT_EQ(IdsOf(query.OrderBy(id).After(query.OrderBy(id).First())),
                Ids(expected.begin() + 1, expected.end()));
      const auto after = query.After(query.OrderBy(id).First());
      EXPECT_EQ(after.Count(), size - 1);
      EXPECT_EQ(after.Exists(), size > 1);
      EXPECT_EQ(static_cast<std::int64_t>(after.Sum(id).value_or(0)), sum - expected.front());
    }
  }

  template <typename Reader>
  static void CheckAll(const Reader& reader) {
    constexpr bool kIn = std::is_same_v<Reader, Transaction>;
    const auto pets =
        reader.template Query<Person>().Where(PersonModel::id == kOwner).Follow(PersonModel::pets);
    Check<kIn>(pets, PetModel::id, Expected([](std::int64_t) { return true; }));
    Check<kIn>(pets.Where(PetModel::id > 100u), PetModel::id,
               Expected([](std::int64_t id) { return id > 100; }));
    Check<kIn>(pets.Where(PetModel::name == "x"), PetModel::id,
               Expected([](std::int64_t id) { return id % 3 == 0; }));
    Check<kIn>(pets.Where(PetModel::years >= 0 && PetModel::id < 400u), PetModel::id,
               Expected([](std::int64_t id) { return id % 4 == 0 && id < 400; }));
    Check<kIn>(pets.Where(PetModel::toys.Has(ToyModel::price > 100)), PetModel::id,
               Expected([](std::int64_t id) { return id > 100; }));
    Check<kIn>(pets.Follow(PetModel::toys).Where(ToyModel::price > 100), ToyModel::id,
               Expected([](std::int64_t id) { return id > 100; }));
    // By going through all of a model.
    const auto even = [](std::int64_t id) { return id % 2 == 0; };
    Ids toys;
    for (std::int64_t id = 2; id <= 2 * GetParam() + 1; ++id) {
      if (!even(id) || id > 100) toys.push_back(id);
    }
    Check<kIn>(reader.template Query<Toy>().Where(ToyModel::price > 100 ||
                                                  ToyModel::pet.Has(PetModel::owner_id != kOwner)),
               ToyModel::id, toys);
    Ids all;
    for (std::int64_t id = 2; id <= 2 * GetParam() + 1; ++id) all.push_back(id);
    Check<kIn>(reader.template Query<Toy>().Where(!(ToyModel::price < 0)), ToyModel::id, all);
    EXPECT_EQ(Sorted(IdsOf(reader.template All<Toy>())), all);
  }
};

TEST_P(ManyResultsTest, AreAllFoundHoweverTheyAreAskedFor) { CheckAll(store_->GetSnapshot()); }

TEST_P(ManyResultsTest, AreFoundInATransactionThatChangedThem) {
  Write([](Transaction& txn) {
    // There and back, so that the newest versions are the transaction's own.
    for (std::int64_t i = 1; i <= GetParam(); ++i) {
      const PetRef pet = txn.Find<Pet>(static_cast<std::uint32_t>(2 * i));
      ASSERT_TRUE(txn.Update(pet, [](Pet& changed) { changed.set_owner_id(kOwner + 1); }).ok());
      const PetRef moved = txn.Find<Pet>(static_cast<std::uint32_t>(2 * i));
      ASSERT_TRUE(txn.Update(moved, [](Pet& changed) { changed.set_owner_id(kOwner); }).ok());
    }
    CheckAll(txn);
  });
}

TEST_P(ManyResultsTest, OfAnOldSnapshotStayWhatTheyWere) {
  const Snapshot before = store_->GetSnapshot();
  Write([](Transaction& txn) {
    for (std::int64_t i = 1; i <= GetParam(); ++i) {
      const PetRef pet = txn.Find<Pet>(static_cast<std::uint32_t>(2 * i));
      if (i % 2 == 0) {
        ASSERT_TRUE(txn.Delete(pet).ok());
      } else {
        ASSERT_TRUE(txn.Update(pet, [](Pet& changed) { changed.set_owner_id(kOwner + 1); }).ok());
      }
    }
  });
  CheckAll(before);
}

// The deadline passes after so many looks at the clock, of each number in turn until all is done.
TEST_P(ManyResultsTest, AreNotCutShortByADeadlineInSilence) {
  const Snapshot snapshot = store_->GetSnapshot();
  const auto pets = snapshot.Query<Person>()
                        .Where(PersonModel::id == kOwner)
                        .Follow(PersonModel::pets)
                        .Where(PetModel::id > 100u);
  const auto size =
      static_cast<std::int64_t>(Expected([](std::int64_t id) { return id > 100; }).size());
  const auto answers = [&](const std::function<absl::StatusOr<std::int64_t>(QueryOptions)>& ask) {
    for (int looks = 0;; ++looks) {
      int left = looks;
      const auto answer = ask({.deadline = absl::UnixEpoch(), .clock = [&left] {
                                 return left-- > 0 ? absl::InfinitePast() : absl::UnixEpoch();
                               }});
      if (answer.ok()) {
        EXPECT_EQ(*answer, size);
        return looks;
      }
      EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
    }
  };
  const int least = GetParam() > 256 ? 2 : 1;
  EXPECT_GE(answers([&](QueryOptions options) { return pets.With(options).Count(); }), least);
  EXPECT_GE(answers([&](QueryOptions options) -> absl::StatusOr<std::int64_t> {
              const auto all = pets.With(options).ToVector();
              if (!all.ok()) return all.status();
              return static_cast<std::int64_t>(all->size());
            }),
            least);
  EXPECT_GE(answers([&](QueryOptions options) -> absl::StatusOr<std::int64_t> {
              const auto all = pets.OrderBy(PetModel::id).With(options).ToVector();
              if (!all.ok()) return all.status();
              return static_cast<std::int64_t>(all->size());
            }),
            least);
}

// At, below and above the sizes of groups.
INSTANTIATE_TEST_SUITE_P(Sizes, ManyResultsTest,
                         ::testing::Values(0, 1, 2, 15, 16, 17, 63, 64, 65, 128, 255, 256, 257, 321,
                                           1000));

}  // namespace
}  // namespace kin::testing
