// A store of people, for tests of what their queries answer.
#ifndef KIN_TESTS_STORE_QUERY_QUERY_FIXTURE_H_
#define KIN_TESTS_STORE_QUERY_QUERY_FIXTURE_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/query/dynamic_query.h"
#include "kin/store/store.h"
#include "kin/tests/store/query/random_people.h"

namespace kin::testing {

using Ids = std::vector<std::int64_t>;

// The ids, in the order in which records come.
template <typename Records>
Ids IdsOf(const Records& records) {
  Ids ids;
  for (const auto& record : records) ids.push_back(record->id());
  return ids;
}

inline Ids Sorted(Ids ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

class QueryTest : public ::testing::Test {
 protected:
  QueryTest() {
    auto store = Store::Open(PeopleSchema());
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  // A transaction that has to succeed.
  template <typename Body>
  void Write(Body body) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      body(txn);
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  template <typename M>
  static void Put(Transaction& txn, const M& record) {
    const absl::Status status = txn.Upsert(record).status();
    EXPECT_TRUE(status.ok()) << status;
  }
  template <typename... M>
  void Add(const M&... records) {
    Write([&](Transaction& txn) { (Put(txn, records), ...); });
  }

  static query_test::Person Named(std::int64_t id) {
    query_test::Person person;
    person.set_id(id);
    person.set_email(absl::StrCat("p", id));
    return person;
  }
  // Adds a person, of whom `set` says more.
  template <typename Set>
  void AddPerson(std::int64_t id, Set set) {
    query_test::Person person = Named(id);
    set(person);
    Add(person);
  }
  void AddPerson(std::int64_t id) { Add(Named(id)); }

  static query_test::Pet PetOf(std::uint32_t id, std::int64_t owner, const std::string& name) {
    query_test::Pet pet;
    pet.set_id(id);
    pet.set_name(name);
    if (owner != 0) pet.set_owner_id(owner);
    return pet;
  }
  static query_test::Club ClubOf(const std::string& name, int rank) {
    query_test::Club club;
    club.set_name(name);
    club.set_rank(rank);
    return club;
  }
  static query_test::Membership MembershipOf(std::int64_t person, const std::string& club) {
    query_test::Membership membership;
    membership.set_person_id(person);
    membership.set_club_name(club);
    return membership;
  }

  // For which records a condition is true, by id: judged with its types, and found by a query, by
  // reflection with and without an index, which have to find the same.
  template <typename M = query_test::Person, typename P>
  Ids Found(P condition) {
    const Snapshot snapshot = store_->GetSnapshot();
    const absl::Status prepared = condition.Prepare(snapshot.internal_view());
    EXPECT_TRUE(prepared.ok()) << prepared;
    Ids found;
    for (const RefOf<M> record : snapshot.All<M>()) {
      if (condition.True(snapshot.internal_view(), *record)) found.push_back(record->id());
    }
    std::sort(found.begin(), found.end());
    ExpectFound<M>(snapshot, condition.Tree(), found);
    return found;
  }

  std::unique_ptr<Store> store_;

 private:
  template <typename M>
  static void ExpectFound(const Snapshot& snapshot, const query::Condition& tree,
                          const Ids& found) {
    SCOPED_TRACE(query::ToString(tree));
    EXPECT_EQ(Sorted(IdsOf(snapshot.Query<M>().Where(Filter<M>(tree)).ToVector())), found);
    const auto never = [](const internal::View*, const google::protobuf::Message&) {
      return false;
    };
    // Of a union with what only a function can tell, no index can find both sides.
    const query::Condition scanned =
        query::Or({tree, query::Function(M::descriptor(), "never", never)});
    EXPECT_EQ(Sorted(IdsOf(snapshot.Query<M>().Where(Filter<M>(scanned)).ToVector())), found);
    auto dynamic = DynamicQuery::Of(snapshot, *M::descriptor());
    ASSERT_TRUE(dynamic.ok()) << dynamic.status();
    const auto records = dynamic->Where(tree).ToVector();
    ASSERT_TRUE(records.ok()) << records.status();
    Ids ids;
    for (const auto* record : *records) ids.push_back(static_cast<const M*>(record)->id());
    EXPECT_EQ(Sorted(ids), found);
  }
};

}  // namespace kin::testing

#endif  // KIN_TESTS_STORE_QUERY_QUERY_FIXTURE_H_
