// Deadlines and cancelling; queries that are not valid; and how long a query may be kept.
#include <atomic>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using ::query_test::Person;
using ::query_test::PersonModel;
using ::query_test::PersonRef;
using ::query_test::Pet;
using ::testing::HasSubstr;

constexpr int kPeople = 2000;

class BoundsTest : public QueryTest {
 protected:
  BoundsTest() {
    Write([&](Transaction& txn) {
      for (int id = 1; id <= kPeople; ++id) {
        Person person = Named(id);
        person.set_age(id);
        Put(txn, person);
      }
    });
    snapshot_ = store_->GetSnapshot();
  }

  // A query of which each record that is judged is counted, and for which `meanwhile` is called.
  template <typename Meanwhile>
  auto Judging(Meanwhile meanwhile) {
    return snapshot_.Query<Person>().Where(Satisfies<Person>([this, meanwhile](const Person&) {
      ++judged_;
      meanwhile();
      return true;
    }));
  }

  static Filter<Person> WrongFilter() {
    auto name = query::Compare(*Pet::descriptor()->FindFieldByName("name"),
                               query::Comparison::kEqual, std::string("x"));
    EXPECT_TRUE(name.ok());
    return Filter<Person>(*name);
  }

  Snapshot snapshot_;
  int judged_ = 0;
};

TEST_F(BoundsTest, AQueryWithinItsBoundsAnswersAsOneWithout) {
  std::atomic<bool> cancelled{false};
  const auto query = snapshot_.Query<Person>()
                         .Where(PersonModel::age <= 3)
                         .With({.deadline = absl::InfiniteFuture(), .cancelled = &cancelled});
  EXPECT_EQ(*query.Count(), 3);
  EXPECT_EQ(*query.Exists(), true);
  EXPECT_EQ((*query.First())->id(), 1);
  EXPECT_EQ((*query.Last())->id(), 3);
  EXPECT_EQ(query.ToVector()->size(), 3u);
  EXPECT_EQ(*query.Sum(PersonModel::age), 6);
  EXPECT_EQ(*query.Max(PersonModel::age), 3);
  EXPECT_EQ(query.GroupBy(PersonModel::age).Count()->size(), 3u);
  EXPECT_EQ(query.Pluck(PersonModel::id)->size(), 3u);
  EXPECT_EQ(query.Resolve(PersonModel::boss)->size(), 3u);
  EXPECT_EQ(*query.Follow(PersonModel::boss).Count(), 0);
  EXPECT_TRUE(query.ForEach([](PersonRef) {}).ok());
  EXPECT_EQ(*query.Where(PersonModel::email == "p2").Count(), 1);
}

TEST_F(BoundsTest, WhatIsCancelledBeforehandAnswersNothing) {
  std::atomic<bool> cancelled{true};
  const auto query = snapshot_.Query<Person>().With({.cancelled = &cancelled});
  const auto expect_cancelled = [](const absl::Status& status) {
    EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  };
  expect_cancelled(query.Count().status());
  expect_cancelled(query.Exists().status());
  expect_cancelled(query.First().status());
  expect_cancelled(query.Last().status());
  expect_cancelled(query.ToVector().status());
  expect_cancelled(query.OrderBy(PersonModel::score).Limit(2).ToVector().status());
  expect_cancelled(query.Sum(PersonModel::age).status());
  expect_cancelled(query.Max(PersonModel::age).status());
  expect_cancelled(query.GroupBy(PersonModel::age).Count().status());
  expect_cancelled(query.Pluck(PersonModel::age).status());
  expect_cancelled(query.Resolve(PersonModel::boss).status());
  expect_cancelled(query.Follow(PersonModel::boss).ToVector().status());
  expect_cancelled(query.ForEach([](PersonRef) { FAIL(); }));
  expect_cancelled(query.Where(PersonModel::email == "p2").First().status());
}

TEST_F(BoundsTest, CancellingStopsWithinAFewHundredRecords) {
  std::atomic<bool> cancelled{false};
  const auto query = Judging([&] { cancelled = true; }).With({.cancelled = &cancelled});
  EXPECT_EQ(query.Count().status().code(), absl::StatusCode::kCancelled);
  EXPECT_GE(judged_, 1);
  EXPECT_LE(judged_, 600);
}

TEST_F(BoundsTest, ADeadlineStopsWithinAFewHundredRecordsAndIsNamed) {
  absl::Time now = absl::UnixEpoch();
  QueryOptions options;
  options.deadline = absl::UnixEpoch() + absl::Seconds(700);
  options.clock = [&] { return now; };
  const auto query = Judging([&] { now += absl::Seconds(1); }).With(options);
  const auto found = query.OrderBy(PersonModel::score).ToVector();
  EXPECT_EQ(found.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("1970-01-01T00:11:40"));
  EXPECT_GE(judged_, 700);
  EXPECT_LE(judged_, 1300);
}

TEST_F(BoundsTest, ADeadlineStopsDynamicQueriesToo) {
  absl::Time now = absl::UnixEpoch();
  QueryOptions options;
  options.deadline = absl::UnixEpoch() + absl::Seconds(700);
  options.clock = [&] { return now; };
  auto query = DynamicQuery::Of(snapshot_, *Person::descriptor());
  ASSERT_TRUE(query.ok()) << query.status();
  query
      ->Where(query::Function(Person::descriptor(), "slow",
                              [&](const internal::View*, const google::protobuf::Message&) {
                                ++judged_;
                                now += absl::Seconds(1);
                                return true;
                              }))
      .With(options);
  EXPECT_EQ(query->Count().status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LE(judged_, 1300);
}

TEST_F(BoundsTest, BoundsHoldForTheQueryThatIsFollowedFrom) {
  std::atomic<bool> cancelled{false};
  const auto query = Judging([&] { cancelled = true; })
                         .Follow(PersonModel::boss)
                         .Follow(PersonModel::pets)
                         .With({.cancelled = &cancelled});
  EXPECT_EQ(query.Count().status().code(), absl::StatusCode::kCancelled);
  EXPECT_GE(judged_, 1);
  EXPECT_LE(judged_, 600);
}

TEST_F(BoundsTest, BoundsHoldForADynamicQueryThatIsFollowedFrom) {
  std::atomic<bool> cancelled{false};
  const auto judge = [&](const internal::View*, const google::protobuf::Message&) {
    ++judged_;
    cancelled = true;
    return true;
  };
  auto people = DynamicQuery::Of(snapshot_, *Person::descriptor());
  ASSERT_TRUE(people.ok()) << people.status();
  people->Where(query::Function(Person::descriptor(), "cancels", judge));
  auto bosses = people->Follow("boss");
  ASSERT_TRUE(bosses.ok()) << bosses.status();
  auto pets = bosses->Follow("pets");
  ASSERT_TRUE(pets.ok()) << pets.status();
  pets->With({.cancelled = &cancelled});
  EXPECT_EQ(pets->ToVector().status().code(), absl::StatusCode::kCancelled);
  EXPECT_LE(judged_, 600);
}

TEST_F(BoundsTest, ARunThatIsStoppedExplainsNothing) {
  std::atomic<bool> cancelled{false};
  const auto query = Judging([&] { cancelled = true; }).With({.cancelled = &cancelled});
  EXPECT_TRUE(query.Explain().ok()) << query.Explain().status();
  EXPECT_EQ(query.ExplainRun().status().code(), absl::StatusCode::kCancelled);
  EXPECT_LE(judged_, 600);
  EXPECT_EQ(snapshot_.Query<Person>().With({}).ExplainRun()->found, kPeople);
}

// How often the clock is asked while nothing is found to be judged.
class LooksTest : public BoundsTest {
 protected:
  QueryOptions Counting() {
    QueryOptions options;
    options.deadline = absl::UnixEpoch() + absl::Seconds(1);
    options.clock = [this] {
      ++looks_;
      return absl::UnixEpoch();
    };
    return options;
  }

  int looks_ = 0;
};

TEST_F(LooksTest, WhileOneRecordLeadsToManyOwners) {
  Write([&](Transaction& txn) {
    for (int id = 1; id <= kPeople; ++id) {
      Person person = Named(id);
      person.set_boss_id(1);
      Put(txn, person);
    }
  });
  const Snapshot snapshot = store_->GetSnapshot();
  int looks = 0;
  const auto query = snapshot.Query<Person>().Where(PersonModel::boss.Has(PersonModel::id == 1) &&
                                                    Satisfies<Person>([&](const Person&) {
                                                      if (looks == 0) looks = looks_;
                                                      return true;
                                                    }));
  ASSERT_THAT(query.Explain().chosen.path, HasSubstr("boss of query_test.Person by"));
  EXPECT_EQ(*query.With(Counting()).Count(), kPeople);
  EXPECT_GE(looks, kPeople / 256);
}

TEST_F(LooksTest, WhileKeysHaveNoRecords) {
  std::vector<std::int64_t> ids(300);
  std::iota(ids.begin(), ids.end(), 1'000'000);
  const auto query = snapshot_.Query<Person>().Where(PersonModel::id.In(ids));
  ASSERT_EQ(query.Explain().chosen.path, "key (id), 300 keys");
  EXPECT_EQ(query.With(Counting()).ToVector()->size(), 0u);
  EXPECT_GE(looks_, 2) << "one is before it begins";
}

TEST_F(LooksTest, WhileARangeHoldsWhatTheSnapshotDoesNotSee) {
  Write([&](Transaction& txn) {
    for (int id = kPeople + 1; id <= kPeople + 300; ++id) {
      Person person = Named(id);
      person.set_age(-id);
      Put(txn, person);
    }
  });
  const auto query = snapshot_.Query<Person>().Where(PersonModel::age < 0);
  ASSERT_EQ(query.Explain().chosen.path, "ordered index (age), a range of it");
  EXPECT_EQ(query.With(Counting()).ToVector()->size(), 0u);
  EXPECT_GE(looks_, 2);
}

TEST_F(BoundsTest, AStoppedUpdateAllHasChangedNothing) {
  std::atomic<bool> cancelled{false};
  Write([&](Transaction& txn) {
    const auto updated =
        txn.Query<Person>().With({.cancelled = &cancelled}).UpdateAll([&](Person& person) {
          person.set_score(1);
          if (person.id() == 700) cancelled = true;
        });
    EXPECT_EQ(updated.status().code(), absl::StatusCode::kCancelled) << updated.status();
    EXPECT_EQ(txn.Query<Person>().Where(PersonModel::score == 1).Count(), 0);
  });
}

TEST_F(BoundsTest, StatusTellsOfAPatternThatIsNone) {
  const auto query = snapshot_.Query<Person>().Where(PersonModel::email.Matches("("));
  EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(query.status().message()),
              HasSubstr("query_test.Person.email: \"(\" is no RE2 pattern"));
  EXPECT_EQ(query.With({}).Count().status(), query.status());
  EXPECT_EQ(query.With({}).Follow(PersonModel::pets).Count().status(), query.status());
  EXPECT_FALSE(snapshot_.Query<Person>()
                   .Where(PersonModel::age == 1 || !PersonModel::email.Matches("("))
                   .status()
                   .ok())
      << "wherever it is";
  EXPECT_FALSE(snapshot_.Query<Person>()
                   .Where(PersonModel::boss.Has(PersonModel::email.Matches("(")))
                   .status()
                   .ok());
  EXPECT_TRUE(snapshot_.Query<Person>().Where(PersonModel::email.Matches("()")).status().ok());
}

TEST_F(BoundsTest, StatusTellsOfAFilterOnAnotherModel) {
  const auto query = snapshot_.Query<Person>().Where(WrongFilter());
  EXPECT_EQ(query.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(query.status().message()), HasSubstr("query_test.Pet"));
  EXPECT_EQ(query.With({}).First().status(), query.status());
  const auto order = snapshot_.Query<Person>().OrderBy(PersonModel::age).Where(WrongFilter());
  EXPECT_EQ(order.With({}).ToVector().status(), query.status());
}

TEST_F(BoundsTest, AQueryThatIsNotValidCannotBeExplained) {
  const auto wrong = snapshot_.Query<Person>().Where(PersonModel::pets.Has(
      Filter<Pet>(*query::Compare(*Person::descriptor()->FindFieldByName("city"),
                                  query::Comparison::kEqual, std::string("x")))));
  EXPECT_EQ(wrong.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong.With({}).Explain().status(), wrong.status());
  EXPECT_EQ(wrong.With({}).ExplainRun().status(), wrong.status());
}

TEST_F(BoundsTest, UpdateAllOfAQueryThatIsNotValidIsAnErrorAlsoWithoutBounds) {
  Write([&](Transaction& txn) {
    const auto deleted = txn.Query<Person>().Where(WrongFilter()).DeleteAll();
    EXPECT_EQ(deleted.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(txn.Query<Person>().Count(), kPeople);
  });
}

using BoundsDeathTest = BoundsTest;

TEST_F(BoundsDeathTest, AskingAQueryThatIsNotValidIsACheckedFailure) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto query = snapshot_.Query<Person>().Where(WrongFilter());
  EXPECT_DEATH(static_cast<void>(query.Count()), "a query that is not valid was asked");
  EXPECT_DEATH(static_cast<void>(query.begin()), "a query that is not valid was asked");
  EXPECT_DEATH(static_cast<void>(query.Explain()), "a query that is not valid was asked");
}

TEST_F(BoundsTest, AQueryOwnsWhatItWasGiven) {
  const auto made = [&] {
    const std::string prefix = "p199";
    const std::vector<std::string> emails = {"p1990", "p1991", "p5"};
    return snapshot_.Query<Person>()
        .Where(PersonModel::email.StartsWith(prefix) && PersonModel::email.In(emails))
        .OrderBy(Descending(PersonModel::id));
  }();
  EXPECT_EQ(IdsOf(made), Ids({1991, 1990}));
  EXPECT_EQ(IdsOf(made), Ids({1991, 1990})) << "and can be asked again";
  auto copy = made;
  EXPECT_EQ(IdsOf(copy.Limit(1)), Ids({1991}));
}

// The query itself is gone when the loop begins.
TEST_F(BoundsTest, ALoopOverATemporaryQueryKeepsIt) {
  Ids ids;
  for (const PersonRef person :
       snapshot_.Query<Person>().Where(PersonModel::email.StartsWith(std::string("p199")))) {
    ids.push_back(person->id());
  }
  for (const PersonRef person : snapshot_.Query<Person>()
                                    .Where(PersonModel::email.Contains(std::string("p123456789")) ||
                                           PersonModel::age >= kPeople)
                                    .OrderBy(PersonModel::age)
                                    .Limit(3)) {
    ids.push_back(person->id());
  }
  EXPECT_EQ(ids.size(), 12u) << "199, 1990 to 1999, and the last one";
}

}  // namespace
}  // namespace kin::testing
