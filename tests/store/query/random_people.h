// Random people with all that hangs on them, kept twice: in a store, and in maps; and random
// conditions on them, judged by a function that knows nothing of stores and trees.
#ifndef KIN_TESTS_STORE_QUERY_RANDOM_PEOPLE_H_
#define KIN_TESTS_STORE_QUERY_RANDOM_PEOPLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kin/store/query/tree.h"
#include "kin/store/store.h"
#include "tests/store/query/people.kin.h"

namespace kin::testing {

struct World {
  std::map<std::int64_t, query_test::Person> people;
  std::map<std::uint32_t, query_test::Pet> pets;
  std::map<std::int64_t, query_test::Profile> profiles;
  std::map<std::string, query_test::Club> clubs;
  std::map<std::pair<std::int64_t, std::string>, query_test::Membership> memberships;
};

Schema PeopleSchema();

// A condition, three times.
struct Question {
  using Judge = std::function<std::optional<bool>(const World&, const query_test::Person&)>;
  query::Condition tree;
  Judge judge;
  std::string sql;  // On the table `p`; empty: it cannot be put in SQL.
};

class RandomPeople {
 public:
  explicit RandomPeople(std::uint64_t seed) : random_(seed) {}

  // Makes the same random change to both. Fails only if the store does.
  absl::Status Change(Transaction& txn, World* world);
  // A condition of at most `depth` levels.
  Question Ask(int depth);

  // 0 to n - 1.
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

 private:
  bool OneIn(int n) { return Below(n) == 0; }
  std::int64_t AnyId(const World& world);
  query_test::Person NewPerson(const World& world);
  absl::Status PutPerson(Transaction& txn, World* world);
  absl::Status DeletePerson(Transaction& txn, World* world);
  absl::Status ChangePet(Transaction& txn, World* world);
  absl::Status ChangeMembership(Transaction& txn, World* world);
  absl::Status PutProfile(Transaction& txn, World* world);
  Question AskField();
  Question AskText();
  Question AskAssociation();
  Question Combine(int depth);
  query::Comparison AnyComparison() { return static_cast<query::Comparison>(Below(6)); }

  std::mt19937_64 random_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_STORE_QUERY_RANDOM_PEOPLE_H_
