// Queries over the records of a view.
//
//   auto adults = snapshot.Query<User>()
//       .Where(UserModel::age >= 18 && UserModel::last_name.StartsWith("L"))
//       .OrderBy(UserModel::last_name, kin::Descending(UserModel::first_name))
//       .Limit(10);
//   for (UserRef user : adults) Use(user->email());
//
// A query is a value that owns what it was given; each call gives a new one. Nothing is done until
// it is asked for results; then the cheapest way is chosen, by the indexes' own counts, and
// Explain() says which. docs/queries.md has each operator and its plan.
//
// Not for a single record whose key is known: Find says that more simply.
//
// It must not outlive its snapshot or transaction, nor must the references it gives. Queries of a
// transaction see its changes so far; their results are determined when they are asked for, and the
// transaction may change records while it goes through them. Thread-safety: immutable; as the view.
//
// A query cannot fail, unless it was given bounds (With) or what is known only at run time (a
// Filter or pattern that is not valid): without With, asking such a query is a checked failure,
// which status() tells beforehand.
#ifndef KIN_STORE_QUERY_QUERY_H_
#define KIN_STORE_QUERY_QUERY_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/store/internal/record_vector.h"
#include "kin/store/query/explanation.h"
#include "kin/store/query/expression.h"
#include "kin/store/query/internal/aggregate.h"
#include "kin/store/query/internal/collect.h"
#include "kin/store/query/internal/cursor.h"
#include "kin/store/query/internal/explain.h"
#include "kin/store/query/internal/order.h"
#include "kin/store/query/internal/plan.h"
#include "kin/store/query/options.h"
#include "kin/store/ref.h"

namespace kin {

namespace query::internal {

// A checked failure: a query that was not given bounds was asked although it is not valid.
[[noreturn]] ABSL_ATTRIBUTE_NOINLINE void InvalidQuery(const absl::Status& status);

// Where a query's records come from: all of a model, or what an association leads to.
struct FromTable {};
template <typename Parent, typename A>
struct FromFollow {
  kin::internal::RecordVector<typename A::Target> Collect(const View* view,
                                                          Interrupt* interrupt) const {
    return CollectTargets<A>(view, parent.template OwnersFor<A>(interrupt), interrupt);
  }
  Parent parent;
};

// What few queries have: kept apart, so that the others are cheap to make and to copy.
struct Bounds {
  bool given = false;  // By With.
  QueryOptions options;
  absl::Status status;
};

// Which of the results are wanted.
template <typename M>
struct Page {
  std::int64_t offset = 0;
  std::int64_t limit = -1;  // None.
  std::optional<RefOf<M>> after;

  bool bounded() const { return offset > 0 || limit >= 0; }
  // How many results, from the first on, have to be known; -1: all.
  std::int64_t wanted() const {
    if (limit < 0) return -1;
    return offset > std::numeric_limits<std::int64_t>::max() - limit
               ? std::numeric_limits<std::int64_t>::max()
               : offset + limit;
  }
};

template <typename Query, typename F>
class Grouped;

}  // namespace query::internal

// `Writer`: kin::Transaction in a transaction, void in a snapshot. `kChecked`: With was called, and
// answers are absl::StatusOr. Programs write `auto`.
template <typename M, typename Source, typename Condition, typename Order, typename Writer,
          bool kChecked>
class Query {
  template <typename T>
  using Result = std::conditional_t<kChecked, absl::StatusOr<T>, T>;
  static constexpr bool kTable = std::is_same_v<Source, query::internal::FromTable>;
  static constexpr bool kFindsOne =
      kTable && !std::is_null_pointer_v<decltype(query::internal::FindsOne(
                    std::declval<const Condition&>()))>;

 public:
  using Record = M;
  using Ref = RefOf<M>;
  class iterator;

  // Narrows the query to records for which `condition` is true. All conditions apply, and before
  // Limit, whichever comes first.
  template <typename P>
  auto Where(P condition) const;

  // The order of results; fields or kin::Descending(field). Ties go by the key, ascending. Absent
  // values come first, last if descending. Takes the place of an order given before.
  template <typename... Terms>
  auto OrderBy(Terms... terms) const;

  // Skips results. Below 0 is 0. As Limit and After, by the order; if there is none, by the key.
  Query Offset(std::int64_t offset) const {
    Query query = *this;
    query.page_.offset = offset < 0 ? 0 : offset;
    return query;
  }
  // At most so many results. Below 0 is 0.
  Query Limit(std::int64_t limit) const {
    Query query = *this;
    query.page_.limit = limit < 0 ? 0 : limit;
    return query;
  }
  // Only what comes after `ref`, whether that is among the results or not: to go on with the next
  // page, also in a later snapshot while `ref` lives. An empty reference: from the start.
  Query After(const Ref& ref) const {
    Query query = *this;
    query.page_.after.reset();
    if (ref) query.page_.after = ref;
    return query;
  }

  // Bounds the time it may take. From then on results are absl::StatusOr.
  auto With(QueryOptions options) const;

  // Goes on to the records that an association leads to from the results, each once.
  template <typename A>
  auto Follow(const BelongsTo<A>& /*association*/) const {
    return FollowTo<A>();
  }
  template <typename A>
  auto Follow(const HasOne<A>& /*association*/) const {
    return FollowTo<A>();
  }
  template <typename A>
  auto Follow(const HasMany<A>& /*association*/) const {
    return FollowTo<A>();
  }

  // Whether it can be asked. INVALID_ARGUMENT: a Filter on another model or association than the
  // store has, or an invalid pattern.
  absl::Status status() const { return bounds_ == nullptr ? absl::OkStatus() : bounds_->status; }

  // Iteration. Without an order the results come as the chosen path gives them.
  iterator begin() const;
  iterator end() const { return iterator(); }
  // Calls visit(Ref) for each, until it returns false if it returns bool. Returns the status if the
  // query was given bounds.
  template <typename Visit>
  auto ForEach(Visit visit) const;
  Result<std::vector<Ref>> ToVector() const;
  // The first and last result, empty if there is none. By the key if no order was given.
  Result<Ref> First() const;
  Result<Ref> Last() const;
  // How many results there are, and whether there is one. From the index alone where that says it.
  Result<std::int64_t> Count() const;
  Result<bool> Exists() const;

  // Of the results that have a value of the field; nullopt if there are none. A Sum is int64 for
  // signed, uint64 for unsigned fields, double for the others; one that is out of its range is
  // OUT_OF_RANGE, and nullopt in a query without bounds.
  template <typename F>
  auto Sum(const Field<F>& /*field*/) const {
    return Aggregate<query::internal::Summing<F>>();
  }
  template <typename F>
  auto Average(const Field<F>& /*field*/) const {
    return Aggregate<query::internal::Averaging<F>>();
  }
  template <typename F>
  Result<std::optional<query::internal::Copied<F>>> Min(const Field<F>& /*field*/) const {
    return Extreme<F, false>();
  }
  template <typename F>
  Result<std::optional<query::internal::Copied<F>>> Max(const Field<F>& /*field*/) const {
    return Extreme<F, true>();
  }
  // GroupBy(field).Count(), .Sum(field) and so on: pairs of a value and the answer for the results
  // that have it, in the order of values. The value is a std::optional if it may be absent; that
  // group comes first.
  template <typename F>
  auto GroupBy(const Field<F>& /*field*/) const {
    return query::internal::Grouped<Query, F>(*this);
  }

  // The values of fields, as tuples that own them: of a field that may be absent a std::optional,
  // of a repeated one a vector.
  template <typename... F>
  Result<std::vector<std::tuple<query::internal::MaybeCopied<F>...>>> Pluck(
      const Field<F>&... /*fields*/) const;

  // Each result with what the association leads to: pairs of references, or of a reference and a
  // Range for a has_many. As Snapshot::Resolve.
  template <typename A>
  auto Resolve(const BelongsTo<A>& /*association*/) const {
    return ResolveTo<A, RefOf<typename A::Target>>();
  }
  template <typename A>
  auto Resolve(const HasOne<A>& /*association*/) const {
    return ResolveTo<A, RefOf<typename A::Target>>();
  }
  template <typename A>
  auto Resolve(const HasMany<A>& /*association*/) const {
    return ResolveTo<A, Range<typename A::Target>>();
  }

  // How the results are found; after a run, how many records that visited. Explain() does not run
  // the query.
  Result<query::Explanation> Explain() const { return Explained(false); }
  Result<query::Explanation> ExplainRun() const { return Explained(true); }

  // In a transaction: calls change(M&) for each result, as Transaction::Update does, or deletes
  // them, as Transaction::Delete; returns how many. The results are determined first. On error,
  // which is that of Update or Delete, nothing has changed.
  template <typename Change>
  absl::StatusOr<std::int64_t> UpdateAll(Change change) const;
  absl::StatusOr<std::int64_t> DeleteAll() const;

  // For the library.
  Query(const internal::View* view, Writer* writer, Source source, Condition condition)
      : view_(view),
        writer_(writer),
        source_(std::move(source)),
        condition_(std::move(condition)) {}

 private:
  template <typename, typename, typename, typename, typename, bool>
  friend class Query;
  template <typename, typename>
  friend class query::internal::Grouped;
  template <typename, typename>
  friend struct query::internal::FromFollow;

  using View = internal::View;
  using Interrupt = query::internal::Interrupt;
  using Plan = query::internal::Plan;

  template <typename Condition2, typename Order2, bool kChecked2>
  ABSL_ATTRIBUTE_ALWAYS_INLINE auto As(Condition2 condition) const {
    Query<M, Source, Condition2, Order2, Writer, kChecked2> query(view_, writer_, source_,
                                                                  std::move(condition));
    query.page_ = page_;
    query.bounds_ = bounds_;
    return query;
  }
  template <typename A>
  auto FollowTo() const;
  template <typename A, typename Out>
  Result<std::vector<std::pair<Ref, Out>>> ResolveTo() const;

  bool Paged() const { return page_.bounded() || page_.after.has_value(); }
  const internal::Table& table() const { return *internal::SlotOf<M>(view_, 0).index->table(); }
  query::internal::PlanRequest RequestOf(bool ordered, bool reversed, std::int64_t wanted) const;
  bool AfterHolds(const M& record) const {
    return !page_.after.has_value() || Order::Less(**page_.after, record);
  }
  // Moves the records from `begin` up to `end` that match to `to` and behind it, which may be where
  // they are; returns the end of these. Without a branch on what is found: it cannot be foreseen.
  std::size_t MoveMatches(std::size_t begin, std::size_t end, std::size_t to,
                          internal::RecordVector<M>* records) const;
  const M* FindOne() const;
  // The records, from which A is to be followed: asks for what A needs of them, where it can.
  template <typename A>
  internal::RecordVector<M> OwnersFor(Interrupt* interrupt) const;
  Result<Ref> FirstInOrder() const;
  // Calls visit(record) for each that satisfies the condition and After, until it returns false.
  // Sets *delivered first: whether they come in the order that is asked for.
  template <typename Visit>
  void ForEachMatch(bool ordered, bool reversed, std::int64_t wanted, bool* delivered,
                    Interrupt* interrupt, Visit visit) const;
  template <typename Visit>
  void ForEachOfTable(const Plan& plan, Interrupt* interrupt, Visit& visit) const;
  // The same for each result: in the order, if `ordered` or if it decides which are results.
  template <typename Visit>
  void ForEachResult(bool ordered, Interrupt* interrupt, Visit visit) const;
  template <typename Visit>
  void ForEachInOrder(bool reversed, query::internal::Page<M> page, Interrupt* interrupt,
                      Visit visit) const;
  internal::RecordVector<M> Records(bool ordered, Interrupt* interrupt) const;
  std::int64_t CountMatches(std::int64_t wanted, Interrupt* interrupt) const;
  template <typename F, bool kLargest>
  Result<std::optional<query::internal::Copied<F>>> Extreme() const;
  template <typename Fold>
  auto Aggregate() const -> Result<typename Fold::Answer>;
  Result<query::Explanation> Explained(bool run) const;
  template <typename Change>
  absl::StatusOr<std::int64_t> ChangeAll(Change change) const;

  Interrupt NewInterrupt() const {
    if (ABSL_PREDICT_TRUE(bounds_ == nullptr)) return Interrupt(nullptr, absl::OkStatus());
    if (!bounds_->status.ok() && !kChecked) query::internal::InvalidQuery(bounds_->status);
    return BoundInterrupt();
  }
  Interrupt BoundInterrupt() const {
    if (bounds_ == nullptr) return Interrupt(nullptr, absl::OkStatus());
    return Interrupt(bounds_->given ? &bounds_->options : nullptr, bounds_->status);
  }
  template <typename T>
  static Result<T> Answer(const Interrupt& interrupt, T answer) {
    if constexpr (kChecked) {
      if (!interrupt.status().ok()) return interrupt.status();
    }
    return answer;
  }

  const View* view_;
  Writer* writer_;
  Source source_;
  Condition condition_;
  query::internal::Page<M> page_;
  std::shared_ptr<const query::internal::Bounds> bounds_;  // Null: none.
};

}  // namespace kin

#include "kin/store/query/internal/query_impl.h"  // IWYU pragma: export

#endif  // KIN_STORE_QUERY_QUERY_H_
