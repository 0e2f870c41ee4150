// The order of results, with the types known.
#ifndef KIN_STORE_QUERY_INTERNAL_ORDER_H_
#define KIN_STORE_QUERY_INTERNAL_ORDER_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "kin/store/model.h"
#include "kin/store/query/internal/plan.h"
#include "kin/store/query/internal/value.h"

namespace kin {

namespace query::internal {

template <typename F, bool kDescending>
struct Term {
  using Model = typename F::Model;
  static_assert(Access<F>::kKind != FieldType::kOther,
                "kin: OrderBy takes fields that hold one value, which has an order");

  // Negative, 0 or positive. What is absent comes first.
  static int Compare(const typename F::Model& a, const typename F::Model& b) {
    const int result = CompareAscending(a, b);
    return kDescending ? -result : result;
  }
  static OrderTerm Dynamic() { return {&DescriptorOf<F>(), kDescending}; }

 private:
  static int CompareAscending(const typename F::Model& a, const typename F::Model& b) {
    if constexpr (Access<F>::kMayBeAbsent) {
      if (F::Has(a) != F::Has(b)) return F::Has(a) ? 1 : -1;
      if (!F::Has(a)) return 0;
    }
    const auto left = Access<F>::Get(a);
    const auto right = Access<F>::Get(b);
    return left < right ? -1 : right < left ? 1 : 0;
  }
};

template <typename T>
struct TermOf {
  static_assert(kIsField<T>, "kin: OrderBy takes fields and kin::Descending(field)");
};
template <typename D>
struct TermOf<Field<D>> {
  using Type = Term<D, false>;
};
template <typename F, bool kDescending>
struct TermOf<Term<F, kDescending>> {
  using Type = Term<F, kDescending>;
};

// By terms, then by the key.
template <typename M, typename... Terms>
struct OrderList {
  static constexpr bool kEmpty = sizeof...(Terms) == 0;

  static bool Less(const M& a, const M& b) {
    int result = 0;
    static_cast<void>(((result = Terms::Compare(a, b), result != 0) || ...));
    return result != 0 ? result < 0 : ModelTraits<M>::KeyLess(a, b);
  }
  static std::vector<OrderTerm> Dynamic() { return {Terms::Dynamic()...}; }
};

// Keeps the first `wanted` (-1: all) of what is added, by `less`, without sorting the rest.
template <typename T, typename Less>
class TopList {
 public:
  TopList(std::int64_t wanted, Less less) : wanted_(wanted), less_(less) {}

  void Add(T item) {
    if (wanted_ < 0 || static_cast<std::int64_t>(items_.size()) < wanted_) {
      items_.push_back(item);
      if (wanted_ >= 0) std::push_heap(items_.begin(), items_.end(), less_);
    } else if (wanted_ > 0 && less_(item, items_.front())) {
      std::pop_heap(items_.begin(), items_.end(), less_);
      items_.back() = item;
      std::push_heap(items_.begin(), items_.end(), less_);
    }
  }
  // In order. To be called once, at the end.
  std::vector<T>& Sorted() {
    if (wanted_ < 0) {
      std::sort(items_.begin(), items_.end(), less_);
    } else {
      std::sort_heap(items_.begin(), items_.end(), less_);
    }
    return items_;
  }

 private:
  const std::int64_t wanted_;
  Less less_;
  std::vector<T> items_;
};

}  // namespace query::internal

// For OrderBy: from the largest value to the smallest, and absent ones last.
template <typename D>
query::internal::Term<D, true> Descending(const Field<D>& /*field*/) {
  return {};
}
// As the field alone.
template <typename D>
query::internal::Term<D, false> Ascending(const Field<D>& /*field*/) {
  return {};
}

}  // namespace kin

#endif  // KIN_STORE_QUERY_INTERNAL_ORDER_H_
