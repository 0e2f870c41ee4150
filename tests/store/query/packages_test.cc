// Queries of programs in namespaces of their own, over models of several packages, with texts as
// keys.
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/query/elsewhere.kin.h"
#include "tests/store/query/people.kin.h"

namespace program {
namespace {

using ::elsewhere::deep::Visit;
using ::elsewhere::deep::VisitModel;
using ::elsewhere::deep::VisitRef;
using ::query_test::Person;
using ::query_test::PersonModel;
using ::testing::ElementsAre;

class PackagesTest : public ::testing::Test {
 protected:
  PackagesTest() {
    auto store = kin::Store::Open(
        kin::Schema::Of<Person, query_test::Profile, query_test::Pet, query_test::Toy,
                        query_test::Club, query_test::Membership, Visit>());
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    const auto commit = store_->Write([](kin::Transaction& txn) -> absl::Status {
      for (int id = 1; id <= 2; ++id) {
        Person person;
        person.set_id(id);
        person.set_email(std::string(1, static_cast<char>('a' + id)));
        person.set_age(20 * id);
        if (auto status = txn.Insert(person).status(); !status.ok()) return status;
      }
      for (const char* name : {"b2", "a1", "c2"}) {
        Visit visit;
        visit.set_id(name);
        visit.set_guest_id(name[1] - '0');
        visit.set_color(name[0] == 'c' ? query_test::COLOR_RED : query_test::COLOR_GREEN);
        if (name[0] == 'c') visit.set_first_id("a1");
        if (auto status = txn.Insert(visit).status(); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(commit.ok()) << commit.status();
  }

  template <typename Query>
  static std::vector<std::string> Names(const Query& query) {
    std::vector<std::string> names;
    for (const VisitRef visit : query) names.push_back(visit->id());
    return names;
  }

  std::unique_ptr<kin::Store> store_;
};

TEST_F(PackagesTest, AssociationsCrossThem) {
  const kin::Snapshot snapshot = store_->GetSnapshot();
  const auto visits = snapshot.Query<Visit>();
  EXPECT_THAT(Names(visits.Where(VisitModel::guest.Has(PersonModel::age >= 40)).Limit(9)),
              ElementsAre("b2", "c2"));
  EXPECT_EQ(visits.Follow(VisitModel::guest).Where(PersonModel::age == 20).Count(), 1);
  EXPECT_THAT(
      Names(visits.Where(VisitModel::color == query_test::COLOR_RED || !(VisitModel::id > "a1"))
                .OrderBy(VisitModel::id)),
      ElementsAre("a1", "c2"));
  EXPECT_EQ(visits.Resolve(VisitModel::guest).size(), 3u);
}

TEST_F(PackagesTest, KeysThatAreTextsAreFoundOrderedAndFollowed) {
  const kin::Snapshot snapshot = store_->GetSnapshot();
  const auto visits = snapshot.Query<Visit>();
  EXPECT_EQ(visits.Where(VisitModel::id == std::string_view("c2")).First()->guest_id(), 2);
  EXPECT_THAT(Names(visits.Where(VisitModel::id.In({"c2", "a1", "x"})).Limit(9)),
              ElementsAre("a1", "c2"));
  EXPECT_EQ(visits.First()->id(), "a1");
  EXPECT_EQ(visits.Last()->id(), "c2");
  EXPECT_THAT(Names(visits.After(snapshot.Find<Visit>("a1"))), ElementsAre("b2", "c2"));
  EXPECT_THAT(Names(visits.Where(VisitModel::id == "a1").Follow(VisitModel::follow_ups)),
              ElementsAre("c2"));
  EXPECT_THAT(Names(visits.Where(VisitModel::first.Has(VisitModel::id == "a1"))),
              ElementsAre("c2"));
  EXPECT_EQ(visits.Max(VisitModel::id), "c2");
}

}  // namespace
}  // namespace program
