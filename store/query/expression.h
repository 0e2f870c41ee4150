// Conditions on records, as expressions of the constants of a model.
//
//   UserModel::age >= 18 && UserModel::last_name.StartsWith("L")
//   UserModel::user_info.Has(UserInfoModel::infos != "") || !UserModel::manager.Has()
//   UserModel::posts.Count(PostModel::title.Contains("graph")) >= 3
//   kin::Satisfies<User>([](const User& user) { return user.age() % 2 == 0; })
//
// A condition is a value that owns what it was made of; its type says all of its form, so that it
// is evaluated with no virtual call. Logic and order are those of kin/store/query/tree.h: unknown
// where a value is absent; a record is found where the condition is true.
//
// What does not fit is a compile error: a field compared with a value of another type, conditions
// on two models combined by && or ||.
//
// Thread-safety: immutable.
#ifndef KIN_STORE_QUERY_EXPRESSION_H_
#define KIN_STORE_QUERY_EXPRESSION_H_

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/follow.h"
#include "kin/store/model.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/internal/value.h"
#include "kin/store/query/tree.h"
#include "kin/store/ref.h"

namespace kin::query {

// The base of all conditions. Each has
//   using Model
//   bool True(view, record), bool False(view, record): neither is so where it is unknown
//   Condition Tree(): the same as a tree
//   absl::Status Prepare(view): to be called once, before True and False
struct ConditionBase {
  absl::Status Prepare(const kin::internal::View* /*view*/) { return absl::OkStatus(); }
};

template <typename T>
concept ConditionType = std::derived_from<T, ConditionBase>;

// Every record.
template <typename M>
struct Everything : ConditionBase {
  using Model = M;
  bool True(const kin::internal::View* /*view*/, const M& /*record*/) const { return true; }
  bool False(const kin::internal::View* /*view*/, const M& /*record*/) const { return false; }
  Condition Tree() const { return Constant(true); }
};

namespace internal {

using ::kin::internal::View;

// Of numbers, whatever their types, and of what compares with itself.
template <Comparison kComparison, typename A, typename B>
constexpr bool Test(const A& a, const B& b) {
  constexpr bool kIntegers = kIsInteger<A> && kIsInteger<B>;
  if constexpr (kComparison == Comparison::kEqual) {
    if constexpr (kIntegers) {
      return std::cmp_equal(a, b);
    } else {
      return a == b;
    }
  } else if constexpr (kComparison == Comparison::kLess) {
    if constexpr (kIntegers) {
      return std::cmp_less(a, b);
    } else {
      return a < b;
    }
  } else if constexpr (kComparison == Comparison::kNotEqual) {
    return !Test<Comparison::kEqual>(a, b);
  } else if constexpr (kComparison == Comparison::kGreater) {
    return Test<Comparison::kLess>(b, a);
  } else if constexpr (kComparison == Comparison::kLessOrEqual) {
    return !Test<Comparison::kLess>(b, a);
  } else {
    return !Test<Comparison::kLess>(a, b);
  }
}

inline Condition CompareNode(const google::protobuf::FieldDescriptor& field, Comparison comparison,
                             Operand operand) {
  return NodeOf(Node::Kind::kCompare, field, comparison, std::move(operand));
}

// A text as a view, a number as it is.
template <typename T>
const T& Viewed(const T& value) {
  return value;
}
inline absl::string_view Viewed(const std::string& value) { return value; }

// field <comparison> value
template <typename F, Comparison kComparison, typename T>
class ValueCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  // Whether at most one record can have the value, and a hash index finds it.
  static constexpr bool kFindsOne =
      kComparison == Comparison::kEqual && F::kUniqueSlot >= 0 &&
      (Access<F>::kKind == FieldType::kSigned || Access<F>::kKind == FieldType::kUnsigned ||
       Access<F>::kKind == FieldType::kText);
  using Field = F;

  explicit ValueCondition(T value) : value_(std::move(value)) {}
  bool True(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && Test<kComparison>(Access<F>::Get(record), Viewed(value_));
  }
  bool False(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && !Test<kComparison>(Access<F>::Get(record), Viewed(value_));
  }
  Condition Tree() const {
    return CompareNode(DescriptorOf<F>(), kComparison, OperandOf(Access<F>::kKind, Viewed(value_)));
  }
  const T& value() const { return value_; }

 private:
  T value_;
};

// field <comparison> field
template <typename F, Comparison kComparison, typename G>
class FieldCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  bool True(const View* /*view*/, const Model& record) const {
    return Both(record) && Test<kComparison>(Access<F>::Get(record), Access<G>::Get(record));
  }
  bool False(const View* /*view*/, const Model& record) const {
    return Both(record) && !Test<kComparison>(Access<F>::Get(record), Access<G>::Get(record));
  }
  Condition Tree() const {
    return *CompareFields(DescriptorOf<F>(), kComparison, DescriptorOf<G>());
  }

 private:
  static bool Both(const Model& record) { return Access<F>::Has(record) && Access<G>::Has(record); }
};

template <typename F, typename T>
class InCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  explicit InCondition(std::vector<T> values) : values_(std::move(values)) {
    std::sort(values_.begin(), values_.end());
    values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  }
  bool True(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && Contains(Access<F>::Get(record));
  }
  bool False(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && !Contains(Access<F>::Get(record));
  }
  Condition Tree() const {
    std::vector<Operand> operands;
    for (const auto& value : values_) {
      operands.push_back(OperandOf(Access<F>::kKind, Viewed<T>(value)));
    }
    return InNode(DescriptorOf<F>(), std::move(operands));
  }

 private:
  template <typename V>
  bool Contains(const V& value) const {
    const auto at = std::lower_bound(
        values_.begin(), values_.end(), value,
        [](const auto& a, const V& b) { return Test<Comparison::kLess>(Viewed<T>(a), b); });
    return at != values_.end() && Test<Comparison::kEqual>(Viewed<T>(*at), value);
  }

  std::vector<T> values_;  // Ascending.
};

template <typename F>
class NullCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  bool True(const View* /*view*/, const Model& record) const { return !F::Has(record); }
  bool False(const View* /*view*/, const Model& record) const { return F::Has(record); }
  Condition Tree() const { return *IsNull(DescriptorOf<F>()); }
};

// Starts with, contains, matches.
template <typename F, Node::Kind kKind>
class TextCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  explicit TextCondition(std::string text) : text_(std::move(text)) {
    if constexpr (kKind == Node::Kind::kMatches)
      pattern_ = CompilePattern(DescriptorOf<F>(), text_);
  }
  absl::Status Prepare(const View* /*view*/) {
    if constexpr (kKind == Node::Kind::kMatches) return CheckPattern(DescriptorOf<F>(), *pattern_);
    return absl::OkStatus();
  }
  bool True(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && Holds(Access<F>::Get(record));
  }
  bool False(const View* /*view*/, const Model& record) const {
    return Access<F>::Has(record) && !Holds(Access<F>::Get(record));
  }
  Condition Tree() const {
    if constexpr (kKind == Node::Kind::kStartsWith) return *StartsWith(DescriptorOf<F>(), text_);
    if constexpr (kKind == Node::Kind::kContains) return *Contains(DescriptorOf<F>(), text_);
    return *Matches(DescriptorOf<F>(), pattern_);
  }

 private:
  bool Holds(absl::string_view text) const {
    if constexpr (kKind == Node::Kind::kStartsWith) return absl::StartsWith(text, text_);
    if constexpr (kKind == Node::Kind::kContains) return absl::StrContains(text, text_);
    return MatchesPattern(*pattern_, text);
  }

  std::string text_;
  std::shared_ptr<const re2::RE2> pattern_;
};

// Whether a repeated field has an element.
template <typename F, typename T>
class ElementCondition : public ConditionBase {
 public:
  using Model = typename F::Model;
  explicit ElementCondition(T value) : value_(std::move(value)) {}
  bool True(const View* /*view*/, const Model& record) const {
    for (const auto& element : F::Get(record)) {
      if (Test<Comparison::kEqual>(Comparable<typename F::Value>(element), Viewed(value_))) {
        return true;
      }
    }
    return false;
  }
  bool False(const View* view, const Model& record) const { return !True(view, record); }
  Condition Tree() const {
    return NodeOf(Node::Kind::kHasElement, DescriptorOf<F>(), Comparison::kEqual,
                  OperandOf(Access<F>::kElementKind, Viewed(value_)));
  }

 private:
  T value_;
};

template <typename A, typename B>
struct AndCondition : ConditionBase {
  using Model = typename A::Model;
  AndCondition(A left, B right) : a(std::move(left)), b(std::move(right)) {}
  absl::Status Prepare(const View* view) {
    absl::Status status = a.Prepare(view);
    status.Update(b.Prepare(view));
    return status;
  }
  bool True(const View* view, const Model& record) const {
    return a.True(view, record) && b.True(view, record);
  }
  bool False(const View* view, const Model& record) const {
    return a.False(view, record) || b.False(view, record);
  }
  Condition Tree() const { return And({a.Tree(), b.Tree()}); }

  A a;
  B b;
};

template <typename A, typename B>
struct OrCondition : ConditionBase {
  using Model = typename A::Model;
  OrCondition(A left, B right) : a(std::move(left)), b(std::move(right)) {}
  absl::Status Prepare(const View* view) {
    absl::Status status = a.Prepare(view);
    status.Update(b.Prepare(view));
    return status;
  }
  bool True(const View* view, const Model& record) const {
    return a.True(view, record) || b.True(view, record);
  }
  bool False(const View* view, const Model& record) const {
    return a.False(view, record) && b.False(view, record);
  }
  Condition Tree() const { return Or({a.Tree(), b.Tree()}); }

  A a;
  B b;
};

template <typename A>
struct NotCondition : ConditionBase {
  using Model = typename A::Model;
  explicit NotCondition(A negated) : a(std::move(negated)) {}
  absl::Status Prepare(const View* view) { return a.Prepare(view); }
  bool True(const View* view, const Model& record) const { return a.False(view, record); }
  bool False(const View* view, const Model& record) const { return a.True(view, record); }
  Condition Tree() const { return Not(a.Tree()); }

  A a;
};

// Calls visit(reference) for each record of an association until it returns true, and returns
// whether it did. Over a `through` a record may be visited more than once.
template <typename A, typename Visit>
bool AnyOf(const RefBase<typename A::Owner>& ref, Visit&& visit) {
  if constexpr (A::kMany && A::kThrough) {
    return AnyOf<typename A::Through>(
        ref, [&](const auto& middle) { return AnyOf<typename A::Source>(middle, visit); });
  } else if constexpr (A::kMany) {
    for (const auto& target : kin::internal::Many<A>(ref)) {
      if (visit(target)) return true;
    }
    return false;
  } else {
    const auto target = kin::internal::One<A>(ref);
    return target && visit(target);
  }
}

template <typename A>
AssociationName NameOf() {
  return AssociationName(A::Owner::descriptor(), A::Target::descriptor(), A::kName);
}

// A condition on the other end of an association, or none.
template <typename A, typename P>
struct TargetCondition {
  static constexpr bool kAny = std::is_same_v<P, Everything<typename A::Target>>;

  bool Holds(const View* view, const typename A::Target& target) const {
    return condition.True(view, target);
  }
  Condition Tree() const { return kAny ? nullptr : condition.Tree(); }

  P condition;
};

// Whether the association leads to a record for which P is true.
template <typename A, typename P>
class HasCondition : public ConditionBase {
 public:
  using Model = typename A::Owner;
  explicit HasCondition(P target) : target_{std::move(target)} {}
  absl::Status Prepare(const View* view) { return target_.condition.Prepare(view); }
  bool True(const View* view, const Model& record) const {
    return AnyOf<A>(RefBase<Model>(&record, view),
                    [&](const auto& target) { return target_.Holds(view, *target); });
  }
  bool False(const View* view, const Model& record) const { return !True(view, record); }
  Condition Tree() const { return *query::Has(NameOf<A>(), target_.Tree()); }

 private:
  TargetCondition<A, P> target_;
};

// The number of such records <comparison> a number.
template <typename A, typename P, Comparison kComparison>
class CountCondition : public ConditionBase {
 public:
  using Model = typename A::Owner;
  CountCondition(TargetCondition<A, P> target, std::int64_t bound)
      : target_(std::move(target)), bound_(bound) {}
  absl::Status Prepare(const View* view) { return target_.condition.Prepare(view); }
  bool True(const View* view, const Model& record) const {
    return Test<kComparison>(CountOf(view, record), bound_);
  }
  bool False(const View* view, const Model& record) const { return !True(view, record); }
  Condition Tree() const { return *query::Count(NameOf<A>(), kComparison, bound_, target_.Tree()); }

 private:
  std::int64_t CountOf(const View* view, const Model& record) const {
    const RefBase<Model> ref(&record, view);
    if constexpr (A::kMany && !A::kThrough && TargetCondition<A, P>::kAny) {
      return static_cast<std::int64_t>(kin::internal::Many<A>(ref).size());
    } else if constexpr (A::kMany && A::kThrough) {
      std::int64_t count = 0;
      for (const auto* target : kin::internal::CollectThrough<A>(ref)) {
        if (target_.Holds(view, *target)) ++count;
      }
      return count;
    } else {
      const std::int64_t enough = EnoughToKnow(kComparison, bound_);
      std::int64_t count = 0;
      AnyOf<A>(ref, [&](const auto& target) {
        if (target_.Holds(view, *target)) ++count;
        return count >= enough;
      });
      return count;
    }
  }

  TargetCondition<A, P> target_;
  std::int64_t bound_;
};

// What Count() gives: to be compared.
template <typename A, typename P>
struct Counted {
  TargetCondition<A, P> target;
};

template <typename M, typename Fn>
class FunctionCondition : public ConditionBase {
 public:
  using Model = M;
  explicit FunctionCondition(Fn function) : function_(std::move(function)) {}
  bool True(const View* view, const M& record) const {
    if constexpr (std::is_invocable_v<const Fn&, const M&>) {
      return function_(record);
    } else {
      return function_(RefOf<M>(&record, view));
    }
  }
  bool False(const View* view, const M& record) const { return !True(view, record); }
  Condition Tree() const {
    return query::Function(M::descriptor(), "Satisfies(function)",
                           [*this](const View* view, const google::protobuf::Message& record) {
                             return True(view, static_cast<const M&>(record));
                           });
  }

 private:
  Fn function_;
};

// The part of a conjunction that finds at most one record by a hash index; nullptr if there is
// none.
template <typename C>
constexpr auto FindsOne(const C& condition) {
  if constexpr (requires { C::kFindsOne; }) {
    if constexpr (C::kFindsOne) {
      return &condition;
    } else {
      return nullptr;
    }
  } else {
    return nullptr;
  }
}
template <typename A, typename B>
constexpr auto FindsOne(const AndCondition<A, B>& condition) {
  if constexpr (!std::is_null_pointer_v<decltype(FindsOne(condition.a))>) {
    return FindsOne(condition.a);
  } else {
    return FindsOne(condition.b);
  }
}

template <typename F, Comparison kComparison, typename T>
auto CompareWithValue(T&& value) {
  static_assert(!F::kRepeated,
                "kin: a repeated field has no one value to compare; use Contains(element) or "
                "IsNull()");
  auto kept = Keep<typename F::Value>(std::forward<T>(value));
  return ValueCondition<F, kComparison, decltype(kept)>(std::move(kept));
}

template <typename F, Comparison kComparison, typename G>
auto CompareTwoFields() {
  using A = typename F::Value;
  using B = typename G::Value;
  static_assert(std::is_same_v<typename F::Model, typename G::Model>,
                "kin: the two fields are not of one model; follow the association with "
                "Has(condition)");
  static_assert(!F::kRepeated && !G::kRepeated,
                "kin: a repeated field has no one value to compare");
  constexpr bool kIntegers =
      kIsInteger<typename Unwrap<A>::Type> && kIsInteger<typename Unwrap<B>::Type>;
  constexpr bool kReals = KindOf<A>() == FieldType::kDouble && KindOf<B>() == FieldType::kDouble;
  static_assert(
      kIntegers || kReals || std::is_same_v<typename Unwrap<A>::Type, typename Unwrap<B>::Type>,
      "kin: the two fields are of different types, which cannot be compared");
  static_assert(KindOf<A>() != FieldType::kOther, "kin: messages and maps cannot be compared");
  return FieldCondition<F, kComparison, G>();
}

template <typename A, typename P>
constexpr void CheckTarget() {
  static_assert(ConditionType<P>,
                "kin: Has, HasNone and Count take a condition on the model that the association "
                "leads to, such as PostModel::title == \"x\"");
  if constexpr (ConditionType<P>) {
    static_assert(std::is_same_v<typename P::Model, typename A::Target>,
                  "kin: the condition is on another model than the association leads to");
  }
}

template <typename A, typename B>
constexpr void CheckSameModel() {
  static_assert(ConditionType<A> && ConditionType<B>,
                "kin: && and || take conditions, such as UserModel::age >= 18; write "
                "UserModel::active == true for a bool field");
  if constexpr (ConditionType<A> && ConditionType<B>) {
    static_assert(std::is_same_v<typename A::Model, typename B::Model>,
                  "kin: both sides of && and || must be conditions on the same model; ask an "
                  "association with Has(condition)");
  }
}

}  // namespace internal

template <typename A, typename B>
requires(ConditionType<A> || ConditionType<B>) auto operator&&(A a, B b) {
  internal::CheckSameModel<A, B>();
  return internal::AndCondition<A, B>(std::move(a), std::move(b));
}
template <typename A, typename B>
requires(ConditionType<A> || ConditionType<B>) auto operator||(A a, B b) {
  internal::CheckSameModel<A, B>();
  return internal::OrCondition<A, B>(std::move(a), std::move(b));
}
template <ConditionType A>
auto operator!(A a) {
  return internal::NotCondition<A>(std::move(a));
}

#define KIN_QUERY_COUNT_OPERATOR(op, comparison)                                         \
  template <typename A, typename P>                                                      \
  auto operator op(internal::Counted<A, P> counted, std::int64_t bound) {                \
    return internal::CountCondition<A, P, comparison>(std::move(counted.target), bound); \
  }                                                                                      \
  template <typename A, typename P>                                                      \
  auto operator op(std::int64_t bound, internal::Counted<A, P> counted) {                \
    return internal::CountCondition<A, P, internal::MirrorOf(comparison)>(               \
        std::move(counted.target), bound);                                               \
  }

namespace internal {
constexpr Comparison MirrorOf(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessOrEqual:
      return Comparison::kGreaterOrEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterOrEqual:
      return Comparison::kLessOrEqual;
    default:
      return comparison;
  }
}
// In the namespace of what they take, for lookup by argument.
KIN_QUERY_COUNT_OPERATOR(==, Comparison::kEqual)
KIN_QUERY_COUNT_OPERATOR(!=, Comparison::kNotEqual)
KIN_QUERY_COUNT_OPERATOR(<, Comparison::kLess)
KIN_QUERY_COUNT_OPERATOR(<=, Comparison::kLessOrEqual)
KIN_QUERY_COUNT_OPERATOR(>, Comparison::kGreater)
KIN_QUERY_COUNT_OPERATOR(>=, Comparison::kGreaterOrEqual)
}  // namespace internal
#undef KIN_QUERY_COUNT_OPERATOR

}  // namespace kin::query

namespace kin {

#define KIN_QUERY_FIELD_OPERATOR(op, comparison)                                               \
  template <typename D, typename T>                                                            \
  requires(!query::internal::kIsField<T>) auto operator op(const Field<D>& /*field*/,          \
                                                           const T& value) {                   \
    return query::internal::CompareWithValue<D, comparison>(value);                            \
  }                                                                                            \
  template <typename D>                                                                        \
  auto operator op(const Field<D>& /*field*/, std::string&& value) {                           \
    return query::internal::CompareWithValue<D, comparison>(std::move(value));                 \
  }                                                                                            \
  template <typename T, typename D>                                                            \
  requires(!query::internal::kIsField<T>) auto operator op(const T& value,                     \
                                                           const Field<D>& /*field*/) {        \
    return query::internal::CompareWithValue<D, query::internal::MirrorOf(comparison)>(value); \
  }                                                                                            \
  template <typename D, typename E>                                                            \
  auto operator op(const Field<D>& /*field*/, const Field<E>& /*other*/) {                     \
    return query::internal::CompareTwoFields<D, comparison, E>();                              \
  }
KIN_QUERY_FIELD_OPERATOR(==, query::Comparison::kEqual)
KIN_QUERY_FIELD_OPERATOR(!=, query::Comparison::kNotEqual)
KIN_QUERY_FIELD_OPERATOR(<, query::Comparison::kLess)
KIN_QUERY_FIELD_OPERATOR(<=, query::Comparison::kLessOrEqual)
KIN_QUERY_FIELD_OPERATOR(>, query::Comparison::kGreater)
KIN_QUERY_FIELD_OPERATOR(>=, query::Comparison::kGreaterOrEqual)
#undef KIN_QUERY_FIELD_OPERATOR

// A condition on records of M that is known only at run time, such as a filter from outside. Goes
// wherever other conditions go: Where(filter), filter && UserModel::active == true. Evaluated by
// reflection, which costs some ten times as much.
template <typename M>
class Filter : public query::ConditionBase {
 public:
  using Model = M;
  // Every record.
  Filter() = default;
  // REQUIRES: `condition` is one on M; else a query of it is INVALID_ARGUMENT.
  explicit Filter(query::Condition condition) : condition_(std::move(condition)) {}

  const query::Condition& condition() const { return condition_; }

  // For the library; see ConditionBase.
  absl::Status Prepare(const internal::View* view) {
    auto bound = query::internal::BoundCondition::Bind(view, M::descriptor(), condition_);
    if (!bound.ok()) return bound.status();
    bound_ = std::make_shared<const query::internal::BoundCondition>(*std::move(bound));
    return absl::OkStatus();
  }
  bool True(const internal::View* /*view*/, const M& record) const { return bound_->True(record); }
  bool False(const internal::View* /*view*/, const M& record) const {
    return bound_->False(record);
  }
  query::Condition Tree() const { return condition_; }

 private:
  query::Condition condition_ = query::Constant(true);
  std::shared_ptr<const query::internal::BoundCondition> bound_;
};

// Whether `function`, bool(const M&) or bool(MRef), says so. It must not change the store.
template <typename M, typename Fn>
auto Satisfies(Fn function) {
  static_assert(std::is_invocable_r_v<bool, const Fn&, const M&> ||
                    std::is_invocable_r_v<bool, const Fn&, RefOf<M>>,
                "kin: Satisfies takes a function bool(const M&) or bool(MRef) that is const");
  return query::internal::FunctionCondition<M, Fn>(std::move(function));
}

template <typename D>
template <typename List>
auto Field<D>::In(const List& values) const {
  static_assert(!D::kRepeated, "kin: a repeated field has no one value; use Contains(element)");
  using query::internal::Keep;
  using Kept = decltype(Keep<typename D::Value>(*std::begin(values)));
  std::vector<Kept> kept;
  for (const auto& value : values) kept.push_back(Keep<typename D::Value>(value));
  return query::internal::InCondition<D, Kept>(std::move(kept));
}
template <typename D>
template <typename T>
auto Field<D>::In(std::initializer_list<T> values) const {
  return In<std::initializer_list<T>>(values);
}
template <typename D>
template <typename Low, typename High>
auto Field<D>::Between(const Low& low, const High& high) const {
  return *this >= low && *this <= high;
}
template <typename D>
auto Field<D>::IsNull() const {
  static_assert(D::kPresence || D::kRepeated,
                "kin: this field is never absent; declare it optional, or compare it with its "
                "default");
  return query::internal::NullCondition<D>();
}
template <typename D>
template <typename Text>
auto Field<D>::StartsWith(const Text& prefix) const {
  static_assert(query::internal::Access<D>::kKind == query::FieldType::kText &&
                    query::internal::kIsText<Text>,
                "kin: StartsWith is for string and bytes fields, and takes a text");
  return query::internal::TextCondition<D, query::Node::Kind::kStartsWith>(
      query::internal::TextOf(prefix));
}
template <typename D>
template <typename Value>
auto Field<D>::Contains(const Value& part) const {
  if constexpr (D::kRepeated) {
    auto kept = query::internal::Keep<typename D::Value>(part);
    return query::internal::ElementCondition<D, decltype(kept)>(std::move(kept));
  } else {
    static_assert(query::internal::Access<D>::kKind == query::FieldType::kText &&
                      query::internal::kIsText<Value>,
                  "kin: Contains is for string, bytes and repeated fields");
    return query::internal::TextCondition<D, query::Node::Kind::kContains>(
        query::internal::TextOf(part));
  }
}
template <typename D>
template <typename Text>
auto Field<D>::Matches(const Text& pattern) const {
  static_assert(query::internal::Access<D>::kKind == query::FieldType::kText &&
                    query::internal::kIsText<Text>,
                "kin: Matches is for string and bytes fields, and takes an RE2 pattern");
  return query::internal::TextCondition<D, query::Node::Kind::kMatches>(
      query::internal::TextOf(pattern));
}

template <typename A>
auto AssociationConditions<A>::Has() const {
  return Has(query::Everything<typename A::Target>());
}
template <typename A>
template <typename Target>
auto AssociationConditions<A>::Has(const Target& target) const {
  query::internal::CheckTarget<A, Target>();
  return query::internal::HasCondition<A, Target>(target);
}
template <typename A>
auto AssociationConditions<A>::HasNone() const {
  return !Has();
}
template <typename A>
template <typename Target>
auto AssociationConditions<A>::HasNone(const Target& target) const {
  return !Has(target);
}
template <typename A>
auto AssociationConditions<A>::Count() const {
  return Count(query::Everything<typename A::Target>());
}
template <typename A>
template <typename Target>
auto AssociationConditions<A>::Count(const Target& target) const {
  query::internal::CheckTarget<A, Target>();
  return query::internal::Counted<A, Target>{{target}};
}

}  // namespace kin

#endif  // KIN_STORE_QUERY_EXPRESSION_H_
