// Sums and the like over the values of a field.
#ifndef KIN_STORE_QUERY_INTERNAL_AGGREGATE_H_
#define KIN_STORE_QUERY_INTERNAL_AGGREGATE_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kin/store/query/internal/value.h"

namespace kin::query::internal {

// Integers are added exactly, in 128 bits.
template <typename F>
class Totalling {
 public:
  using Model = typename F::Model;
  static_assert(Access<F>::kKind == FieldType::kSigned ||
                    Access<F>::kKind == FieldType::kUnsigned ||
                    Access<F>::kKind == FieldType::kDouble,
                "kin: Sum and Average are for fields that hold one number");
  static constexpr bool kReal = Access<F>::kKind == FieldType::kDouble;

  void Add(const Model& record) {
    if (!Access<F>::Has(record)) return;
    if constexpr (kIsWrapper<typename F::Value>) {
      total_ += F::Get(record).value();
    } else {
      total_ += F::Get(record);
    }
    ++count_;
  }

 protected:
  using Total = std::conditional_t<kReal, double, __int128>;
  Total total_ = 0;
  std::int64_t count_ = 0;
};

template <typename F>
class Summing : public Totalling<F> {
 public:
  using Number = std::conditional_t<
      Totalling<F>::kReal, double,
      std::conditional_t<Access<F>::kKind == FieldType::kSigned, std::int64_t, std::uint64_t>>;
  using Answer = std::optional<Number>;

  Answer Get() const {
    if (this->count_ == 0 || !Fits()) return std::nullopt;
    return static_cast<Number>(this->total_);
  }
  absl::Status status() const {
    if (Fits()) return absl::OkStatus();
    return absl::OutOfRangeError(absl::StrCat(DescriptorOf<F>().full_name(), ": the sum of ",
                                              this->count_, " values is beyond 64 bits"));
  }

 private:
  bool Fits() const {
    if constexpr (Totalling<F>::kReal) {
      return true;
    } else {
      return this->total_ >= std::numeric_limits<Number>::min() &&
             this->total_ <= std::numeric_limits<Number>::max();
    }
  }
};

template <typename F>
class Averaging : public Totalling<F> {
 public:
  using Answer = std::optional<double>;

  Answer Get() const {
    if (this->count_ == 0) return std::nullopt;
    return static_cast<double>(this->total_) / static_cast<double>(this->count_);
  }
  absl::Status status() const { return absl::OkStatus(); }
};

// The smallest or largest value.
template <typename F, bool kLargest>
class Extremum {
 public:
  using Model = typename F::Model;
  using Answer = std::optional<Copied<F>>;
  static_assert(Access<F>::kKind != FieldType::kOther,
                "kin: Min and Max are for fields that hold one value, which has an order");

  void Add(const Model& record) {
    if (!Access<F>::Has(record)) return;
    if (best_ == nullptr || (kLargest ? Access<F>::Get(*best_) < Access<F>::Get(record)
                                      : Access<F>::Get(record) < Access<F>::Get(*best_))) {
      best_ = &record;
    }
  }
  Answer Get() const {
    if (best_ == nullptr) return std::nullopt;
    return Access<F>::Copy(*best_);
  }
  absl::Status status() const { return absl::OkStatus(); }

 private:
  const Model* best_ = nullptr;
};

template <typename M>
class Counting {
 public:
  using Model = M;
  using Answer = std::int64_t;
  void Add(const M& /*record*/) { ++count_; }
  Answer Get() const { return count_; }
  absl::Status status() const { return absl::OkStatus(); }

 private:
  std::int64_t count_ = 0;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_AGGREGATE_H_
