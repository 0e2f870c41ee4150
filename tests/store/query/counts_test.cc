// What is counted from an index alone: no record is looked at. A query with bounds looks at the
// clock before it begins and then each time that it has records to judge, which is how the tests
// know.
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/tests/store/query/query_fixture.h"

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.

constexpr int kPeople = 1000;

class CountsTest : public QueryTest {
 protected:
  CountsTest() {
    Write([&](Transaction& txn) {
      for (int id = 1; id <= kPeople; ++id) {
        Person person = Named(id);
        person.set_color(static_cast<Color>(id % 4 - 1));
        person.set_last_name(absl::StrCat("l", id % 10));
        person.set_first_name(absl::StrCat("f", id % 20));
        person.set_big(static_cast<std::uint64_t>(id));
        person.set_small(static_cast<std::uint32_t>(id % 2));
        person.set_age(id % 100);
        person.set_city("Oslo");
        if (id > 100) person.set_boss_id(1 + id % 50);
        Put(txn, person);
      }
    });
    snapshot_ = store_->GetSnapshot();
  }

  auto All() const { return snapshot_.Query<Person>(); }

  QueryOptions Watched() {
    return {.deadline = absl::FromUnixSeconds(2), .clock = [this] {
              ++looks_;
              return absl::FromUnixSeconds(1);
            }};
  }
  // How often the clock is looked at meanwhile.
  template <typename Body>
  int Looks(Body body) {
    looks_ = 0;
    body();
    return looks_;
  }

  template <typename Query>
  void ExpectFromIndex(const Query& query, std::int64_t count) {
    SCOPED_TRACE(query.Explain().ToString());
    const auto watched = query.With(Watched());
    EXPECT_EQ(Looks([&] { EXPECT_EQ(*watched.Count(), count); }), 1);
    EXPECT_EQ(Looks([&] { EXPECT_EQ(*watched.Exists(), count > 0); }), 1);
    // Within a page of them.
    EXPECT_EQ(Looks([&] {
                EXPECT_EQ(*watched.Offset(1).Limit(3).Count(),
                          std::min<std::int64_t>(std::max<std::int64_t>(count - 1, 0), 3));
              }),
              1);
    EXPECT_EQ(query.Count(), count);
    EXPECT_EQ(query.Exists(), count > 0);
  }
  template <typename Query, typename P>
  void ExpectFromIndex(const Query& query, const P& condition, std::int64_t count) {
    ExpectFromIndex(query.Where(condition), count);
    auto dynamic = DynamicQuery::Of(snapshot_, *Person::descriptor());
    dynamic->Where(condition.Tree()).With(Watched());
    EXPECT_EQ(Looks([&] { EXPECT_EQ(*dynamic->Count(), count); }), 0);
  }
  template <typename P>
  void ExpectLooks(const P& condition) {
    const auto watched = All().Where(condition).With(Watched());
    EXPECT_GT(Looks([&] { EXPECT_GT(*watched.Count(), 0); }), 1)
        << All().Where(condition).Explain().ToString();
    EXPECT_GT(Looks([&] { EXPECT_TRUE(*watched.Exists()); }), 1);
  }

  Snapshot snapshot_;
  int looks_ = 0;
};

TEST_F(CountsTest, WithoutConditions) {
  ExpectFromIndex(All(), kPeople);
  ExpectFromIndex(All(), kin::Filter<Person>(query::Constant(true)), kPeople);
  ExpectFromIndex(snapshot_.Query<Pet>(), 0);
}

TEST_F(CountsTest, ByOneKeyOfAnIndexThatIsNotUnique) {
  ExpectFromIndex(All(), PersonModel::color == COLOR_RED, 250);
  ExpectFromIndex(All(), PersonModel::boss_id == 3, 18);
  ExpectFromIndex(All(), PersonModel::last_name == "l3" && PersonModel::first_name == "f3", 50);
}

TEST_F(CountsTest, BySeveralKeys) {
  ExpectFromIndex(All(), PersonModel::color.In({COLOR_RED, COLOR_GREEN}), 500);
  ExpectFromIndex(All(), PersonModel::boss_id.In({1, 2, 3}), 54);
}

TEST_F(CountsTest, OfWhatCannotBeTrue) {
  ExpectFromIndex(All(), PersonModel::big == -1, 0);
  ExpectFromIndex(All(), PersonModel::age > 5 && PersonModel::age < 4, 0);
}

TEST_F(CountsTest, RecordsAreLookedAtWhereTheIndexDoesNotTell) {
  ExpectLooks(PersonModel::small == 1U);
  ExpectLooks(PersonModel::color == COLOR_RED && PersonModel::small == 0U);
  ExpectLooks(PersonModel::age >= 90);
  ExpectLooks(PersonModel::big == 7U);  // A key that one record has.
}

TEST_F(CountsTest, OlderSnapshotsCountWhatWasThen) {
  Write([&](Transaction& txn) {
    for (int id = 1; id <= kPeople; id += 2) {
      Person person = Named(id);
      person.set_color(COLOR_GREEN);
      Put(txn, person);
    }
    ASSERT_TRUE(txn.Delete(txn.Find<Person>(1000)).ok());
  });
  ExpectFromIndex(All(), kPeople);
  ExpectFromIndex(All(), PersonModel::color == COLOR_GREEN, 250);
  ExpectFromIndex(All(), PersonModel::boss_id == 3, 18);
  const Snapshot now = store_->GetSnapshot();
  EXPECT_EQ(now.Query<Person>().Count(), kPeople - 1);
  EXPECT_EQ(now.Query<Person>().Where(PersonModel::color == COLOR_GREEN).Count(), 500);
}

TEST_F(CountsTest, TransactionsCountTheirOwnChanges) {
  Write([&](Transaction& txn) {
    for (int id = 2001; id <= 2010; ++id) {
      Person person = Named(id);
      person.set_color(COLOR_RED);
      Put(txn, person);
    }
    ASSERT_TRUE(txn.Delete(txn.Find<Person>(1000)).ok());
    const auto all = txn.Query<Person>().With(Watched());
    EXPECT_EQ(Looks([&] { EXPECT_EQ(*all.Count(), kPeople + 9); }), 1);
    const auto red = all.Where(PersonModel::color == COLOR_RED);
    EXPECT_EQ(Looks([&] { EXPECT_EQ(*red.Count(), 260); }), 1);
  });
}

}  // namespace
}  // namespace kin::testing
