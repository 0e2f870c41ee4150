// What kin/store/query/query.h declares. Over 600 lines: the members of one template, and its
// iterator.
#ifndef KIN_STORE_QUERY_INTERNAL_QUERY_IMPL_H_
#define KIN_STORE_QUERY_INTERNAL_QUERY_IMPL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "kin/store/query/query.h"  // IWYU pragma: keep

namespace kin {

#define KIN_QUERY_TEMPLATE                                                                    \
  template <typename M, typename Source, typename Condition, typename Order, typename Writer, \
            bool kChecked>
#define KIN_QUERY Query<M, Source, Condition, Order, Writer, kChecked>

namespace query::internal {

template <typename M, typename Writer>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline auto StartQuery(const kin::internal::View* view,
                                                    Writer* writer) {
  return Query<M, FromTable, Everything<M>, OrderList<M>, Writer, false>(view, writer, FromTable(),
                                                                         Everything<M>());
}

// What `use` gives for the value of a condition on a unique field, by the types that FindBy has; a
// default where the field cannot hold it.
template <typename C, typename Use>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline auto WithUnique(const C& condition, Use use) {
  using V = typename C::Field::Value;
  if constexpr (std::is_same_v<V, std::string>) {
    return use(absl::string_view(condition.value()));
  } else {
    using Result = decltype(use(V()));
    if (!std::in_range<V>(condition.value())) return Result();
    return use(static_cast<V>(condition.value()));
  }
}

template <typename C>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline const typename C::Model* FindUnique(
    const kin::internal::View* view, const C& condition) {
  using F = typename C::Field;
  using M = typename C::Model;
  return WithUnique(condition, [view](const auto& value) {
    using Here = kin::internal::Place<M, F::kUniqueSlot>;
    return kin::internal::FindRecord<M, Here>(
        view, Here::Of(view), kin::internal::HashKey(value),
        [value](const M& record) { return F::Has(record) && F::Get(record) == value; });
  });
}

// Asks for the record that has a key and, at the same time, for the list of a has_many from it,
// which is found by the same key, unless it refers to another field: then for nothing.
template <typename A, typename C>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchMany(const kin::internal::View* view,
                                                      const C& condition) {
  using kin::internal::LineTable;
  WithUnique(condition, [view](const auto& value) {
    const std::uint64_t hash = kin::internal::HashKey(value);
    // Pairs with the release in HashIndex::Publish.
    const kin::internal::Home homes[] = {
        kin::internal::SlotOf<typename A::Owner>(view, 0).home.load(std::memory_order_acquire),
        kin::internal::SlotOf<typename A::Owner>(view, A::kSlot)
            .home.load(std::memory_order_acquire)};
    for (const auto home : homes) LineTable::Prefetch(home, hash);
    for (const auto home : homes) {
      kin::internal::PrefetchCell(LineTable::FindFirst(home, hash));
    }
    return true;
  });
}

// A condition that has been prepared; it is judged only where no index has.
template <typename M, typename A, typename B>
auto Both(const A& a, B b) {
  if constexpr (std::is_same_v<A, Everything<M>>) {
    return b;
  } else {
    return AndCondition<A, B>(a, std::move(b));
  }
}

// Whether all that a condition reads of a record itself are numbers.
template <typename C>
inline constexpr bool kReadsNumbers = false;
template <typename F, Comparison kComparison, typename T>
inline constexpr bool kReadsNumbers<ValueCondition<F, kComparison, T>> =
    !F::kPresence &&  // Which is read from the message's beginning.
    (Access<F>::kKind == FieldType::kSigned || Access<F>::kKind == FieldType::kUnsigned ||
     Access<F>::kKind == FieldType::kBool || Access<F>::kKind == FieldType::kEnum ||
     Access<F>::kKind == FieldType::kDouble);
template <typename A, typename B>
inline constexpr bool kReadsNumbers<AndCondition<A, B>> =
    std::conjunction_v<std::bool_constant<kReadsNumbers<A>>, std::bool_constant<kReadsNumbers<B>>>;
template <typename A, typename B>
inline constexpr bool kReadsNumbers<OrCondition<A, B>> = kReadsNumbers<AndCondition<A, B>>;
template <typename A>
inline constexpr bool kReadsNumbers<NotCondition<A>> = kReadsNumbers<A>;

// Asks for what a condition reads of a record.
template <typename C>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchFor(const typename C::Model* record) {
  if constexpr (kReadsNumbers<C>) {
    kin::internal::PrefetchNumbers(record);
  } else {
    kin::internal::PrefetchRecord(record);
  }
}

// Asks for what is read of an entry of a cursor's batch: by condition C, or, if that is not judged,
// by whoever gets the record. `shown`: the cursor's.
template <typename C>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchEntry(const kin::internal::Version* entry,
                                                       bool shown, bool judged) {
  if (!shown) __builtin_prefetch(entry, /*rw=*/0, /*locality=*/2);
  const auto* record = kin::internal::RecordIn<typename C::Model>(entry);
  if (judged) {
    PrefetchFor<C>(record);
  } else {
    kin::internal::PrefetchRecord(record);
  }
}

// A value of a field as the key of a group.
template <typename F>
using GroupKey =
    std::optional<Kept<decltype(Access<F>::Get(std::declval<const typename F::Model&>()))>>;

// Abseil knows of no std::optional where it has one of its own.
struct GroupHash {
  template <typename T>
  std::size_t operator()(const std::optional<T>& key) const {
    return key.has_value() ? absl::HashOf(*key) : 0;
  }
};

}  // namespace query::internal

KIN_QUERY_TEMPLATE
template <typename P>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline auto KIN_QUERY::Where(P condition) const {
  static_assert(query::ConditionType<P>,
                "kin: Where takes a condition, such as UserModel::age >= 18; write "
                "UserModel::active == true for a bool field");
  if constexpr (query::ConditionType<P>) {
    static_assert(std::is_same_v<typename P::Model, M>,
                  "kin: the condition is on another model than the query's; ask an association "
                  "with Has(condition)");
    absl::Status prepared = condition.Prepare(view_);
    auto query =
        As<decltype(query::internal::Both<M>(condition_, std::move(condition))), Order, kChecked>(
            query::internal::Both<M>(condition_, std::move(condition)));
    if (ABSL_PREDICT_FALSE(!prepared.ok())) {
      auto bounds = bounds_ == nullptr ? std::make_shared<query::internal::Bounds>()
                                       : std::make_shared<query::internal::Bounds>(*bounds_);
      bounds->status.Update(prepared);
      query.bounds_ = std::move(bounds);
    }
    return query;
  }
}

KIN_QUERY_TEMPLATE
template <typename... Terms>
auto KIN_QUERY::OrderBy(Terms... /*terms*/) const {
  static_assert((std::is_same_v<typename query::internal::TermOf<Terms>::Type::Model, M> && ...),
                "kin: OrderBy takes fields of the query's model");
  return As<Condition,
            query::internal::OrderList<M, typename query::internal::TermOf<Terms>::Type...>,
            kChecked>(condition_);
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::With(QueryOptions options) const {
  auto query = As<Condition, Order, true>(condition_);
  auto bounds = std::make_shared<query::internal::Bounds>();
  bounds->status = status();
  bounds->given = true;
  bounds->options = std::move(options);
  query.bounds_ = std::move(bounds);
  return query;
}

KIN_QUERY_TEMPLATE
template <typename A>
auto KIN_QUERY::FollowTo() const {
  static_assert(std::is_same_v<typename A::Owner, M>,
                "kin: Follow takes an association of the query's model");
  using Target = typename A::Target;
  using From = query::internal::FromFollow<Query, A>;
  using Next = Query<Target, From, query::Everything<Target>, query::internal::OrderList<Target>,
                     Writer, kChecked>;
  Next next(view_, writer_, From{*this}, query::Everything<Target>());
  next.bounds_ = bounds_;
  return next;
}

KIN_QUERY_TEMPLATE
query::internal::PlanRequest KIN_QUERY::RequestOf(bool ordered, bool reversed,
                                                  std::int64_t wanted) const {
  query::internal::PlanRequest request;
  request.view = view_;
  request.table = &table();
  request.condition = condition_.Tree();
  request.ordered = ordered;
  request.reversed = reversed;
  request.wanted = wanted;
  if (ordered) {
    request.order = Order::Dynamic();
    if (page_.after.has_value()) request.after = page_.after->get();
  }
  return request;
}

KIN_QUERY_TEMPLATE
ABSL_ATTRIBUTE_ALWAYS_INLINE inline const M* KIN_QUERY::FindOne() const {
  const auto* found = query::internal::FindsOne(condition_);
  const M* record = query::internal::FindUnique(view_, *found);
  // Whether there is more to the condition than what the record was found by.
  constexpr bool kMore = !std::is_same_v<decltype(found), const Condition*>;
  if (record == nullptr || (kMore && !condition_.True(view_, *record)) || !AfterHolds(*record)) {
    return nullptr;
  }
  return record;
}

KIN_QUERY_TEMPLATE
template <typename A>
internal::RecordVector<M> KIN_QUERY::OwnersFor(Interrupt* interrupt) const {
  if constexpr (kFindsOne && A::kMany && !A::kThrough) {
    const auto* found = query::internal::FindsOne(condition_);
    using F = typename std::remove_pointer_t<decltype(found)>::Field;
    if constexpr (F::kUniqueSlot == 0) query::internal::PrefetchMany<A>(view_, *found);
  }
  return Records(false, interrupt);
}

KIN_QUERY_TEMPLATE
template <typename Visit>
void KIN_QUERY::ForEachOfTable(const Plan& plan, Interrupt* interrupt, Visit& visit) const {
  query::internal::Cursor cursor(plan, interrupt);
  const internal::Version* batch[query::internal::Cursor::kBatch];
  const bool judged = !plan.exact();
  const internal::Stamp limit = view_->Limit();
  while (const int size = cursor.Next(batch)) {
    // Also where this query has no bounds: one with bounds may follow from it.
    if (interrupt->Stopped()) return;
    const bool shown = cursor.shown();
    for (int i = 0; i < size; ++i) {
      for (auto [next, end] = query::internal::AheadOf(i, size); next < end; ++next) {
        query::internal::PrefetchEntry<Condition>(batch[next], shown, judged);
      }
      const internal::Version* version = shown ? batch[i] : internal::VisibleAt(batch[i], limit);
      if (ABSL_PREDICT_FALSE(version == nullptr)) continue;
      const M& record = *internal::RecordIn<M>(version);
      if (judged && !condition_.True(view_, record)) continue;
      if (ABSL_PREDICT_FALSE(page_.after.has_value()) && !AfterHolds(record)) continue;
      if (!visit(record)) return;
    }
  }
}

KIN_QUERY_TEMPLATE
template <typename Visit>
void KIN_QUERY::ForEachMatch(bool ordered, bool reversed, std::int64_t wanted, bool* delivered,
                             Interrupt* interrupt, Visit visit) const {
  if (ABSL_PREDICT_FALSE(interrupt->Stopped())) return;
  if constexpr (kFindsOne) {
    *delivered = true;
    if (const M* record = FindOne()) visit(*record);
  } else if constexpr (kTable) {
    const Plan plan(RequestOf(ordered, reversed, wanted));
    *delivered = plan.ordered();
    ForEachOfTable(plan, interrupt, visit);
  } else {
    *delivered = false;
    internal::RecordVector<M> records = source_.Collect(view_, interrupt);
    // Few at first: unless all are put in order, `visit` may be content with those.
    constexpr std::size_t kMost = query::internal::Cursor::kBatch;
    std::size_t at_once = ordered ? kMost : kMost / 16;
    for (std::size_t begin = 0; begin < records.size();
         begin += std::exchange(at_once, std::min(2 * at_once, kMost))) {
      if (interrupt->Stopped()) return;
      const std::size_t end = std::min(begin + at_once, records.size());
      const std::size_t found = MoveMatches(begin, end, begin, &records);
      for (std::size_t i = begin; i < found; ++i) {
        if (!visit(*records[i])) return;
      }
    }
  }
}

KIN_QUERY_TEMPLATE
std::size_t KIN_QUERY::MoveMatches(std::size_t begin, std::size_t end, std::size_t to,
                                   internal::RecordVector<M>* records) const {
  const M** const all = records->data();
  const auto move = [&](std::size_t from, std::size_t last, const auto& matches) {
    for (std::size_t i = from; i < last; ++i) {
      const M* const record = all[i];
      all[to] = record;
      to += static_cast<std::size_t>(matches(*record));
    }
  };
  const View* const view = view_;
  const Condition& condition = condition_;
  while (begin < end) {
    for (auto [next, last] = query::internal::AheadOf(begin, records->size()); next < last;
         ++next) {
      if (next >= internal::kPrefetchedTargets) query::internal::PrefetchFor<Condition>(all[next]);
    }
    const std::size_t group_end = std::min(end, query::internal::GroupEnd(begin));
    // Asked once and not for each record, or else there is a branch for each after all.
    if (ABSL_PREDICT_TRUE(!page_.after.has_value())) {
      move(begin, group_end, [&](const M& record) { return condition.True(view, record); });
    } else {
      move(begin, group_end,
           [&](const M& record) { return condition.True(view, record) && AfterHolds(record); });
    }
    begin = group_end;
  }
  return to;
}

KIN_QUERY_TEMPLATE
template <typename Visit>
void KIN_QUERY::ForEachInOrder(bool reversed, query::internal::Page<M> page, Interrupt* interrupt,
                               Visit visit) const {
  if (page.limit == 0) return;
  const std::int64_t wanted = page.wanted();
  const auto less = [reversed](const M* a, const M* b) {
    return reversed ? Order::Less(*b, *a) : Order::Less(*a, *b);
  };
  bool delivered = false;
  std::int64_t skipped = 0;
  std::int64_t given = 0;
  query::internal::TopList<const M*, decltype(less)> top(wanted, less);
  const auto give = [&](const M& record) {
    if (skipped < page.offset) {
      ++skipped;
      return true;
    }
    ++given;
    return visit(record) && (page.limit < 0 || given < page.limit);
  };
  ForEachMatch(true, reversed, wanted, &delivered, interrupt, [&](const M& record) {
    if (delivered) return give(record);
    top.Add(&record);
    return true;
  });
  if (delivered || !interrupt->status().ok()) return;
  for (const M* record : top.Sorted()) {
    if (!give(*record)) return;
  }
}

KIN_QUERY_TEMPLATE
template <typename Visit>
void KIN_QUERY::ForEachResult(bool ordered, Interrupt* interrupt, Visit visit) const {
  if (page_.bounded() || (ordered && (!Order::kEmpty || page_.after.has_value()))) {
    ForEachInOrder(false, page_, interrupt, visit);
    return;
  }
  bool delivered;
  ForEachMatch(false, false, -1, &delivered, interrupt, visit);
}

KIN_QUERY_TEMPLATE
internal::RecordVector<M> KIN_QUERY::Records(bool ordered, Interrupt* interrupt) const {
  if constexpr (!kTable && Order::kEmpty) {
    if (!Paged()) {
      // Of what the association leads to, as it comes.
      if (interrupt->Stopped()) return {};
      internal::RecordVector<M> records = source_.Collect(view_, interrupt);
      if constexpr (!std::is_same_v<Condition, query::Everything<M>>) {
        std::size_t kept = 0;
        for (std::size_t begin = 0; begin < records.size();
             begin += query::internal::Cursor::kBatch) {
          if (interrupt->Stopped()) break;
          const std::size_t end = std::min(begin + query::internal::Cursor::kBatch, records.size());
          kept = MoveMatches(begin, end, kept, &records);
        }
        records.resize(kept);
      }
      return records;
    }
  }
  internal::RecordVector<M> records;
  constexpr std::int64_t kAtOnce = query::internal::kFirstRecords;
  if constexpr (!kFindsOne) {
    records.reserve(
        static_cast<std::size_t>(page_.limit < 0 ? kAtOnce : std::min(page_.limit, kAtOnce)));
  }
  ForEachResult(ordered, interrupt, [&](const M& record) {
    records.push_back(&record);
    return true;
  });
  return records;
}

KIN_QUERY_TEMPLATE
template <typename Visit>
auto KIN_QUERY::ForEach(Visit visit) const {
  Interrupt interrupt = NewInterrupt();
  const auto call = [&](const M& record) {
    if constexpr (std::is_same_v<decltype(visit(Ref())), bool>) {
      return visit(Ref(&record, view_));
    } else {
      visit(Ref(&record, view_));
      return true;
    }
  };
  if constexpr (std::is_void_v<Writer>) {
    ForEachResult(true, &interrupt, call);
  } else {
    // `visit` may change records.
    for (const M* record : Records(true, &interrupt)) {
      if (!interrupt.status().ok() || !call(*record)) break;
    }
  }
  if constexpr (kChecked) return interrupt.status();
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::ToVector() const -> Result<std::vector<Ref>> {
  Interrupt interrupt = NewInterrupt();
  std::vector<Ref> refs;
  ForEachResult(true, &interrupt, [&](const M& record) {
    refs.emplace_back(&record, view_);
    return true;
  });
  return Answer(interrupt, std::move(refs));
}

KIN_QUERY_TEMPLATE
ABSL_ATTRIBUTE_ALWAYS_INLINE inline auto KIN_QUERY::First() const -> Result<Ref> {
  if constexpr (kFindsOne) {
    // As Find, and as fast.
    if (ABSL_PREDICT_TRUE(bounds_ == nullptr && !page_.bounded())) {
      const M* record = FindOne();
      return record == nullptr ? Ref() : Ref(record, view_);
    }
  }
  return FirstInOrder();
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::FirstInOrder() const -> Result<Ref> {
  Interrupt interrupt = NewInterrupt();
  Ref first;
  const auto keep = [&](const M& record) {
    first = Ref(&record, view_);
    return false;
  };
  query::internal::Page<M> page = page_;
  page.limit = page.limit < 0 ? 1 : std::min<std::int64_t>(page.limit, 1);
  ForEachInOrder(false, page, &interrupt, keep);
  return Answer(interrupt, first);
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::Last() const -> Result<Ref> {
  Interrupt interrupt = NewInterrupt();
  Ref last;
  if (page_.bounded()) {
    ForEachInOrder(false, page_, &interrupt, [&](const M& record) {
      last = Ref(&record, view_);
      return true;
    });
  } else {
    query::internal::Page<M> page = page_;
    page.limit = 1;
    ForEachInOrder(true, page, &interrupt, [&](const M& record) {
      last = Ref(&record, view_);
      return false;
    });
  }
  return Answer(interrupt, last);
}

KIN_QUERY_TEMPLATE
std::int64_t KIN_QUERY::CountMatches(std::int64_t wanted, Interrupt* interrupt) const {
  std::int64_t count = 0;
  const auto add = [&](const M& /*record*/) { return ++count != wanted; };
  if constexpr (kTable && !kFindsOne) {
    if (interrupt->Stopped()) return 0;
    const Plan plan(RequestOf(false, false, wanted));
    if (!page_.after.has_value()) {
      if (const std::optional<std::int64_t> known = plan.KnownCount()) return *known;
    }
    ForEachOfTable(plan, interrupt, add);
  } else {
    bool delivered;
    ForEachMatch(false, false, wanted, &delivered, interrupt, add);
  }
  return count;
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::Count() const -> Result<std::int64_t> {
  Interrupt interrupt = NewInterrupt();
  if (page_.limit == 0) return Answer(interrupt, std::int64_t{0});
  const std::int64_t matches = CountMatches(page_.wanted(), &interrupt);
  const std::int64_t left = std::max<std::int64_t>(matches - page_.offset, 0);
  return Answer(interrupt, page_.limit < 0 ? left : std::min(left, page_.limit));
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::Exists() const -> Result<bool> {
  Interrupt interrupt = NewInterrupt();
  if (page_.limit == 0) return Answer(interrupt, false);
  const std::int64_t enough =
      page_.offset == std::numeric_limits<std::int64_t>::max() ? page_.offset : page_.offset + 1;
  return Answer(interrupt, CountMatches(enough, &interrupt) > page_.offset);
}

KIN_QUERY_TEMPLATE
template <typename Fold>
auto KIN_QUERY::Aggregate() const -> Result<typename Fold::Answer> {
  static_assert(std::is_same_v<typename Fold::Model, M>,
                "kin: the field is not one of the query's model");
  Interrupt interrupt = NewInterrupt();
  Fold fold;
  ForEachResult(false, &interrupt, [&](const M& record) {
    fold.Add(record);
    return true;
  });
  if constexpr (kChecked) {
    if (absl::Status status = fold.status(); interrupt.status().ok() && !status.ok()) return status;
  }
  return Answer(interrupt, fold.Get());
}

KIN_QUERY_TEMPLATE
template <typename F, bool kLargest>
auto KIN_QUERY::Extreme() const -> Result<std::optional<query::internal::Copied<F>>> {
  if constexpr (kTable && F::kOrdered && !kFindsOne) {
    if (!Paged()) {
      // The first one in the order of the field, which an index may give.
      const auto present = [&] {
        if constexpr (F::kPresence) {
          return Where(!query::internal::NullCondition<F>());
        } else {
          return *this;
        }
      };
      const auto first = present().OrderBy(query::internal::Term<F, kLargest>()).Limit(1).First();
      if constexpr (kChecked) {
        if (!first.ok()) return first.status();
        if (!*first) return std::optional<query::internal::Copied<F>>();
        return std::optional(query::internal::Access<F>::Copy(**first));
      } else {
        if (!first) return std::nullopt;
        return query::internal::Access<F>::Copy(*first);
      }
    }
  }
  return Aggregate<query::internal::Extremum<F, kLargest>>();
}

KIN_QUERY_TEMPLATE
template <typename... F>
auto KIN_QUERY::Pluck(const Field<F>&... /*fields*/) const
    -> Result<std::vector<std::tuple<query::internal::MaybeCopied<F>...>>> {
  static_assert((std::is_same_v<typename F::Model, M> && ...),
                "kin: Pluck takes fields of the query's model");
  Interrupt interrupt = NewInterrupt();
  std::vector<std::tuple<query::internal::MaybeCopied<F>...>> rows;
  ForEachResult(true, &interrupt, [&](const M& record) {
    rows.emplace_back(query::internal::CopyOf<F>(record)...);
    return true;
  });
  return Answer(interrupt, std::move(rows));
}

KIN_QUERY_TEMPLATE
template <typename A, typename Out>
auto KIN_QUERY::ResolveTo() const -> Result<std::vector<std::pair<Ref, Out>>> {
  static_assert(std::is_same_v<typename A::Owner, M>,
                "kin: Resolve takes an association of the query's model");
  Interrupt interrupt = NewInterrupt();
  std::vector<Ref> refs;
  for (const M* record : Records(true, &interrupt)) refs.emplace_back(record, view_);
  std::vector<Out> resolved(refs.size());
  internal::ResolveAll<A>(absl::Span<const Ref>(refs), absl::MakeSpan(resolved));
  std::vector<std::pair<Ref, Out>> pairs;
  pairs.reserve(refs.size());
  for (std::size_t i = 0; i < refs.size(); ++i) {
    pairs.emplace_back(refs[i], std::move(resolved[i]));
  }
  return Answer(interrupt, std::move(pairs));
}

KIN_QUERY_TEMPLATE
auto KIN_QUERY::Explained(bool run) const -> Result<query::Explanation> {
  static_assert(kTable, "kin: Explain is for a query of a model; explain the one before Follow");
  Interrupt interrupt = NewInterrupt();
  if (!interrupt.status().ok()) return Answer(interrupt, query::Explanation());
  const bool ordered = !Order::kEmpty || Paged();
  const Plan plan(RequestOf(ordered, false, page_.wanted()));
  query::Explanation explanation = query::internal::Explain(plan);
  if (!run) return explanation;
  std::int64_t visited = 0;
  std::int64_t found = 0;
  query::internal::Cursor cursor(plan, &interrupt);
  const internal::Version* batch[query::internal::Cursor::kBatch];
  bool done = interrupt.Stopped();
  while (const int size = done ? 0 : cursor.Next(batch)) {
    for (int i = 0; i < size && !done; ++i) {
      const internal::Version* version = internal::VisibleAt(batch[i], view_->Limit());
      if (version == nullptr) continue;
      const M& record = *internal::RecordIn<M>(version);
      ++visited;
      if (condition_.True(view_, record) && AfterHolds(record)) ++found;
      done = page_.limit >= 0 && (!ordered || plan.ordered()) && found >= page_.wanted();
    }
    done = done || interrupt.Stopped();
  }
  explanation.visited = visited;
  explanation.found = found;
  return Answer(interrupt, std::move(explanation));
}

KIN_QUERY_TEMPLATE
template <typename Change>
absl::StatusOr<std::int64_t> KIN_QUERY::ChangeAll(Change change) const {
  Interrupt interrupt = BoundInterrupt();
  const internal::RecordVector<M> records = Records(true, &interrupt);
  if (!interrupt.status().ok()) return interrupt.status();
  const auto savepoint = writer_->Savepoint();
  std::int64_t changed = 0;
  for (const M* record : records) {
    // The record may have changed since, or be gone: by a cascade, or a hook.
    const internal::Version* newest =
        internal::NewestOf(table(), internal::Table::VersionOf(const_cast<M*>(record)));
    absl::Status status = interrupt.Stopped() ? interrupt.status() : absl::OkStatus();
    if (status.ok() && newest != nullptr) {
      status = change(Ref(internal::RecordIn<M>(newest), view_));
      ++changed;
    }
    if (!status.ok()) {
      writer_->RollbackTo(savepoint);
      return status;
    }
  }
  return changed;
}

KIN_QUERY_TEMPLATE
template <typename Change>
absl::StatusOr<std::int64_t> KIN_QUERY::UpdateAll(Change change) const {
  static_assert(!std::is_void_v<Writer>, "kin: UpdateAll is for queries of a transaction");
  if constexpr (!std::is_void_v<Writer>) {
    return ChangeAll([&](const Ref& ref) { return writer_->Update(ref, change).status(); });
  }
}

KIN_QUERY_TEMPLATE
absl::StatusOr<std::int64_t> KIN_QUERY::DeleteAll() const {
  static_assert(!std::is_void_v<Writer>, "kin: DeleteAll is for queries of a transaction");
  if constexpr (!std::is_void_v<Writer>) {
    return ChangeAll([&](const Ref& ref) { return writer_->Delete(ref); });
  }
}

// Goes through results as they are found, where no order is asked for; else through all of them.
KIN_QUERY_TEMPLATE
class KIN_QUERY::iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = Ref;
  using difference_type = std::ptrdiff_t;
  using pointer = const Ref*;
  using reference = Ref;

  iterator() = default;
  Ref operator*() const { return Ref(*at_, state_->query.view_); }
  iterator& operator++() {
    if (ABSL_PREDICT_FALSE(++at_ == end_)) Refill();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }

 private:
  friend class Query;
  // Whether there may be more to be found than what has been.
  static constexpr bool kStreams = kTable && !kFindsOne && Order::kEmpty && std::is_void_v<Writer>;
  struct Search {
    std::optional<Plan> plan;
    std::optional<query::internal::Cursor> cursor;  // If there is more to be found.
  };
  struct None {};
  struct State {
    explicit State(const Query& of) : query(of), interrupt(query.NewInterrupt()) {}
    Query query;
    Interrupt interrupt;
    internal::RecordVector<M> records;  // Found, and to be gone through.
    // Most of a State would be for nothing where there is none.
    [[no_unique_address]] std::conditional_t<kStreams, Search, None> search;
  };

  explicit iterator(const Query& query) : state_(std::make_shared<State>(query)) {
    if constexpr (kStreams) {
      if (!query.Paged()) {
        state_->search.plan.emplace(state_->query.RequestOf(false, false, -1));
        state_->search.cursor.emplace(*state_->search.plan, &state_->interrupt);
        Refill();
        return;
      }
    }
    state_->records = state_->query.Records(true, &state_->interrupt);
    Point();
  }

  void Point() {
    at_ = state_->records.data();
    end_ = at_ + state_->records.size();
    if (at_ == end_) at_ = end_ = nullptr;
  }
  ABSL_ATTRIBUTE_NOINLINE void Refill() {
    [[maybe_unused]] const bool first = at_ == nullptr;
    state_->records.clear();
    if constexpr (kStreams) {
      internal::RecordVector<M>& records = state_->records;
      // Who has gone on has the next ones found together, for each time costs something; but not
      // from far ahead, since they may not be asked for.
      const std::size_t enough = first ? 1 : query::internal::Cursor::kBatch / 4;
      const internal::Version* batch[query::internal::Cursor::kBatch];
      for (int batches = 0; state_->search.cursor.has_value(); ++batches) {
        if (records.size() >= enough || (batches >= kBatchesAhead && !records.empty())) break;
        const int size = state_->search.cursor->Next(batch);
        AddJudged(batch, size);
        if (size == 0) state_->search.cursor.reset();
      }
    }
    Point();
  }
  // Adds to the records those of a batch for which the condition is true.
  void AddJudged(const internal::Version* const* batch, int size) {
    const Query& query = state_->query;
    const Condition& condition = query.condition_;
    const internal::View* view = query.view_;
    const bool shown = state_->search.cursor->shown();
    const bool judged = !state_->search.plan->exact();
    const internal::Stamp limit = view->Limit();
    const M* found[query::internal::Cursor::kBatch];
    int count = 0;
    for (int i = 0; i < size; ++i) {
      for (auto [next, end] = query::internal::AheadOf(i, size); next < end; ++next) {
        query::internal::PrefetchEntry<Condition>(batch[next], shown, judged);
      }
      const internal::Version* version = shown ? batch[i] : internal::VisibleAt(batch[i], limit);
      if (ABSL_PREDICT_FALSE(version == nullptr)) continue;
      const M* record = internal::RecordIn<M>(version);
      if (!judged || condition.True(view, *record)) found[count++] = record;
    }
    internal::RecordVector<M>& records = state_->records;
    records.resize(records.size() + static_cast<std::size_t>(count));
    std::copy(found, found + count, records.end() - count);
  }

  static constexpr int kBatchesAhead = 16;

  std::shared_ptr<State> state_;
  const M* const* at_ = nullptr;
  const M* const* end_ = nullptr;
};

KIN_QUERY_TEMPLATE
auto KIN_QUERY::begin() const -> iterator {
  static_assert(!kChecked,
                "kin: a query with bounds may fail while it is iterated; use ForEach or ToVector, "
                "which return a status");
  return iterator(*this);
}

#undef KIN_QUERY
#undef KIN_QUERY_TEMPLATE

namespace query::internal {

// Aggregates for each value of a field.
template <typename Query, typename F>
class Grouped {
  using M = typename Query::Record;
  static_assert(std::is_same_v<typename F::Model, M>,
                "kin: GroupBy takes a field of the query's model");
  static_assert(Access<F>::kKind != FieldType::kOther,
                "kin: GroupBy takes a field that holds one value, which has an order");
  template <typename T>
  using Result = typename Query::template Result<T>;
  using Value = MaybeCopied<F>;

 public:
  explicit Grouped(const Query& query) : query_(query) {}

  auto Count() const { return Fold<Counting<M>>(); }
  template <typename G>
  auto Sum(const Field<G>& /*field*/) const {
    return Fold<Summing<G>>();
  }
  template <typename G>
  auto Average(const Field<G>& /*field*/) const {
    return Fold<Averaging<G>>();
  }
  template <typename G>
  auto Min(const Field<G>& /*field*/) const {
    return Fold<Extremum<G, false>>();
  }
  template <typename G>
  auto Max(const Field<G>& /*field*/) const {
    return Fold<Extremum<G, true>>();
  }

 private:
  using Key = GroupKey<F>;

  static Key KeyOf(const M& record) {
    if (!Access<F>::Has(record)) return std::nullopt;
    return Key(Access<F>::Get(record));
  }

  template <typename Folding>
  auto Fold() const -> Result<std::vector<std::pair<Value, typename Folding::Answer>>> {
    static_assert(std::is_same_v<typename Folding::Model, M>,
                  "kin: the field is not one of the query's model");
    struct Group {
      const M* first;
      Folding folding;
    };
    auto interrupt = query_.NewInterrupt();
    absl::flat_hash_map<Key, Group, GroupHash> groups;
    query_.ForEachResult(false, &interrupt, [&](const M& record) {
      groups.try_emplace(KeyOf(record), Group{&record, Folding()})
          .first->second.folding.Add(record);
      return true;
    });
    std::vector<const std::pair<const Key, Group>*> sorted;
    for (const auto& group : groups) sorted.push_back(&group);
    std::sort(sorted.begin(), sorted.end(),
              [](const auto* a, const auto* b) { return a->first < b->first; });
    std::vector<std::pair<Value, typename Folding::Answer>> answer;
    for (const auto* group : sorted) {
      if (absl::Status status = group->second.folding.status(); !status.ok()) {
        interrupt.Stop(std::move(status));
      }
      answer.emplace_back(CopyOf<F>(*group->second.first), group->second.folding.Get());
    }
    return Query::Answer(interrupt, std::move(answer));
  }

  Query query_;
};

}  // namespace query::internal

}  // namespace kin

#endif  // KIN_STORE_QUERY_INTERNAL_QUERY_IMPL_H_
