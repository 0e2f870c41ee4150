// What queries answer whose types are known when they are compiled, on records of random models:
// sums and the like, groups, values and associations of what a condition finds; each beside what
// loops over the plain records say, and SQL. The models are made at random when the test is built.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_TYPED_ANSWERS_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_TYPED_ANSWERS_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kin/store/query/query.h"
#include "kin/store/store.h"
#include "kin/tests/persistence/sqlite/random_queries/plain_records.h"
#include "kin/tests/persistence/sqlite/random_queries/random_questions.h"

namespace kin::testing {

using Records = std::vector<const google::protobuf::Message*>;
// The rows of a SELECT, as BoundedSql gives them.
using RunSql = std::function<std::optional<std::vector<std::string>>(const std::string&)>;

// A query, and what it finds.
struct Asked {
  const internal::Reader* reader = nullptr;
  const World* world = nullptr;
  Dice* dice = nullptr;
  int model = 0;
  RandomQuestion question;
  std::int64_t offset = 0;
  std::optional<std::int64_t> limit;
  Records found;     // That the condition is true of, in the order of their keys,
  Records results;   // and those of them that are on the page by that order.
  RunSql sql;        // Null: there is no database of this state.
  std::string from;  // Of a SELECT of the results, called `a`.

  Records Page(const Records& records) const {
    const auto size = static_cast<std::int64_t>(records.size());
    const std::int64_t begin = std::min(offset, size);
    const std::int64_t end = limit.has_value() ? std::min(begin + *limit, size) : size;
    return Records(records.begin() + begin, records.begin() + end);
  }
};

using Changing = std::function<void(google::protobuf::Message&)>;

// Random models that are compiled.
struct TypedModels {
  std::uint64_t seed;  // Of RandomModels.
  Schema schema;
  RandomSchema::Find find;
  // Compares one of the answers below.
  void (*ask)(const Asked& asked);
  absl::StatusOr<std::int64_t> (*update)(const Asked& asked, Transaction* txn,
                                         const Changing& change);
  absl::StatusOr<std::int64_t> (*erase)(const Asked& asked, Transaction* txn);
};

template <typename T>
std::optional<PlainValue> PlainOf(const T& value) {
  using Class = PlainValue::Class;
  if constexpr (std::is_enum_v<T>) {
    return PlainValue{Class::kNumber, static_cast<int>(value), 0, ""};
  } else if constexpr (std::is_integral_v<T>) {
    return PlainValue{Class::kNumber, value, 0, ""};
  } else if constexpr (std::is_floating_point_v<T>) {
    return PlainValue{Class::kReal, 0, value, ""};
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return PlainValue{Class::kText, 0, 0, value};
  } else {  // A Timestamp or Duration.
    constexpr __int128 kSecond = 1000000000;
    return PlainValue{Class::kNumber, value.seconds() * kSecond + value.nanos(), 0, ""};
  }
}
template <typename T>
std::optional<PlainValue> PlainOf(const std::optional<T>& value) {
  if (!value.has_value()) return std::nullopt;
  return PlainOf(*value);
}

// `reader`: what is asked; a transaction also for what changes it.
template <typename M, typename Reader>
auto QueryOf(Reader& reader, const Asked& asked) {
  auto query = reader.template Query<M>().Where(Filter<M>(asked.question.tree));
  if (asked.offset > 0) query = query.Offset(asked.offset);
  if (asked.limit.has_value()) query = query.Limit(*asked.limit);
  return query;
}

// Of one value of the field that is grouped by, and the answers for another field.
struct Group {
  std::optional<PlainValue> value;
  std::int64_t count = 0;
  std::optional<PlainValue> sum;
  std::optional<PlainValue> average;
  std::optional<PlainValue> least;
  std::optional<PlainValue> greatest;
};

using Values = std::vector<std::optional<PlainValue>>;

// What the templates below have got is compared with what it has to be. `field`: its name.
void ExpectExtremes(const Asked& asked, const std::string& field,
                    const std::optional<PlainValue>& least,
                    const std::optional<PlainValue>& greatest);
void ExpectTotals(const Asked& asked, const std::string& field,
                  const std::optional<PlainValue>& sum,
                  const absl::StatusOr<std::optional<PlainValue>>& bounded_sum,
                  const std::optional<PlainValue>& average);
// `values`: in their order.
void ExpectOrdered(const Asked& asked, const std::string& field, const Values& values);
void ExpectCounts(const Asked& asked, const std::string& field, const std::vector<Group>& groups);
void ExpectGroups(const Asked& asked, const std::string& field, const std::string& number,
                  const std::vector<Group>& groups, const absl::Status& bounded);
// `resolved`: each result with what the association leads to from it.
void ExpectTargets(
    const Asked& asked, const std::string& association, const Records& followed, std::int64_t count,
    const std::vector<std::pair<const google::protobuf::Message*, Records>>& resolved);

template <typename F>
void CompareField(const Asked& asked, const Field<F>& field) {
  const auto query = QueryOf<typename F::Model>(*asked.reader, asked);
  ExpectExtremes(asked, F::kName, PlainOf(query.Min(field)), PlainOf(query.Max(field)));
  std::vector<Group> groups;
  for (const auto& [value, count] : query.GroupBy(field).Count()) {
    groups.push_back({PlainOf(value), count});
  }
  ExpectCounts(asked, F::kName, groups);
  Values values;
  for (const auto& [value] : query.OrderBy(field).Pluck(field)) values.push_back(PlainOf(value));
  ExpectOrdered(asked, F::kName, values);
}

template <typename F>
void CompareNumber(const Asked& asked, const Field<F>& field) {
  const auto query = QueryOf<typename F::Model>(*asked.reader, asked);
  const auto bounded = query.With({}).Sum(field);
  ExpectTotals(asked, F::kName, PlainOf(query.Sum(field)),
               bounded.ok() ? absl::StatusOr<std::optional<PlainValue>>(PlainOf(*bounded))
                            : bounded.status(),
               PlainOf(query.Average(field)));
}

template <typename F, typename G>
void CompareGroups(const Asked& asked, const Field<F>& field, const Field<G>& number) {
  const auto query = QueryOf<typename F::Model>(*asked.reader, asked);
  const auto grouped = query.GroupBy(field);
  std::vector<Group> groups;
  for (const auto& [value, count] : grouped.Count()) groups.push_back({PlainOf(value), count});
  const auto add = [&](const auto& answers, std::optional<PlainValue> Group::*to) {
    for (std::size_t i = 0; i < groups.size() && i < answers.size(); ++i) {
      groups[i].*to = PlainOf(answers[i].second);
    }
  };
  add(grouped.Sum(number), &Group::sum);
  add(grouped.Average(number), &Group::average);
  add(grouped.Min(number), &Group::least);
  add(grouped.Max(number), &Group::greatest);
  ExpectGroups(asked, F::kName, G::kName, groups,
               query.With({}).GroupBy(field).Sum(number).status());
}

template <typename Association>
void CompareAssociation(const Asked& asked, const Association& association) {
  const auto query = QueryOf<typename Association::Owner>(*asked.reader, asked);
  Records followed;
  for (const auto& target : query.Follow(association)) followed.push_back(target.get());
  std::vector<std::pair<const google::protobuf::Message*, Records>> resolved;
  for (const auto& [owner, found] : query.Resolve(association)) {
    Records targets;
    if constexpr (Association::kMany) {
      for (const auto& target : found) targets.push_back(target.get());
    } else if (found) {
      targets.push_back(found.get());
    }
    resolved.emplace_back(owner.get(), std::move(targets));
  }
  ExpectTargets(asked, Association::kName, followed, query.Follow(association).Count(), resolved);
}

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_TYPED_ANSWERS_H_
