// How the fields of generated messages are read and compared, with the types known.
#ifndef KIN_STORE_QUERY_INTERNAL_VALUE_H_
#define KIN_STORE_QUERY_INTERNAL_VALUE_H_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/model.h"
#include "kin/store/query/tree.h"

// So that who has no such fields need not include their headers.
namespace google::protobuf {
class BoolValue;
class BytesValue;
class DoubleValue;
class Duration;
class FloatValue;
class Int32Value;
class Int64Value;
class StringValue;
class Timestamp;
class UInt32Value;
class UInt64Value;
}  // namespace google::protobuf

namespace kin::query::internal {

template <typename T, typename... Of>
inline constexpr bool kIsOneOf = (std::is_same_v<T, Of> || ...);

// What a wrapper message holds; other types as they are.
template <typename V>
struct Unwrap {
  using Type = V;
};
template <typename V>
inline constexpr bool kIsWrapper = kIsOneOf<
    V, google::protobuf::BoolValue, google::protobuf::BytesValue, google::protobuf::DoubleValue,
    google::protobuf::FloatValue, google::protobuf::Int32Value, google::protobuf::Int64Value,
    google::protobuf::StringValue, google::protobuf::UInt32Value, google::protobuf::UInt64Value>;
template <typename V>
requires kIsWrapper<V>
struct Unwrap<V> {
  using Type = std::remove_cvref_t<decltype(std::declval<const V&>().value())>;
};

template <typename V>
constexpr FieldType KindOf() {
  if constexpr (std::is_same_v<V, void>) {
    return FieldType::kOther;
  } else if constexpr (kIsWrapper<V>) {
    return KindOf<typename Unwrap<V>::Type>();
  } else if constexpr (std::is_same_v<V, bool>) {
    return FieldType::kBool;
  } else if constexpr (std::is_enum_v<V>) {
    return FieldType::kEnum;
  } else if constexpr (std::is_floating_point_v<V>) {
    return FieldType::kDouble;
  } else if constexpr (std::is_integral_v<V>) {
    return std::is_signed_v<V> ? FieldType::kSigned : FieldType::kUnsigned;
  } else if constexpr (std::is_same_v<V, std::string>) {
    return FieldType::kText;
  } else if constexpr (std::is_same_v<V, google::protobuf::Timestamp>) {
    return FieldType::kTime;
  } else if constexpr (std::is_same_v<V, google::protobuf::Duration>) {
    return FieldType::kDuration;
  } else {
    return FieldType::kOther;
  }
}

template <typename T>
struct IsField : std::false_type {};
template <typename D>
struct IsField<Field<D>> : std::true_type {};
template <typename T>
inline constexpr bool kIsField = IsField<std::remove_cvref_t<T>>::value;

// A floating-point number that orders all values: NaN after infinity, both zeros equal.
struct Real {
  std::uint64_t biased = 0;
  Real() = default;
  explicit Real(double value) : biased(::kin::internal::BiasDouble(value)) {}
  friend auto operator<=>(const Real&, const Real&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Real& real) {
    return H::combine(std::move(h), real.biased);
  }
};

// A time or duration.
struct Moment {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  friend auto operator<=>(const Moment&, const Moment&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Moment& moment) {
    return H::combine(std::move(h), moment.seconds, moment.nanos);
  }
};

// The infinite ones are before and after all others.
Moment MomentOf(absl::Time time);
Moment MomentOf(absl::Duration duration);

// Nodes of trees, of values in the form that Keep gives.
Operand OperandOf(FieldType type, std::int64_t value);
Operand OperandOf(FieldType type, std::uint64_t value);
Operand OperandOf(FieldType type, bool value);
Operand OperandOf(FieldType type, Real value);
Operand OperandOf(FieldType type, absl::string_view value);
Operand OperandOf(FieldType type, Moment value);
inline Operand OperandOf(FieldType type, std::int32_t value) {
  return OperandOf(type, std::int64_t{value});
}
Condition NodeOf(Node::Kind kind, const google::protobuf::FieldDescriptor& field,
                 Comparison comparison, Operand operand);
// Of a field and distinct values, ascending.
Condition InNode(const google::protobuf::FieldDescriptor& field, std::vector<Operand> operands);

// What compares and hashes as a value does. Texts are views.
template <typename V>
auto Comparable(const V& value) {
  constexpr FieldType kind = KindOf<V>();
  if constexpr (kIsWrapper<V>) {
    return Comparable(value.value());
  } else if constexpr (kind == FieldType::kDouble) {
    return Real(value);
  } else if constexpr (kind == FieldType::kEnum) {
    return static_cast<std::int32_t>(value);
  } else if constexpr (kind == FieldType::kText) {
    return absl::string_view(value);
  } else if constexpr (kind == FieldType::kTime || kind == FieldType::kDuration) {
    return Moment{value.seconds(), value.nanos()};
  } else {
    return value;
  }
}

// `T` as it is kept: texts own their bytes.
template <typename T>
using Kept = std::conditional_t<std::is_same_v<T, absl::string_view>, std::string, T>;

// What comparing, hashing and returning values of field F goes by.
template <typename F>
struct Access {
  using Value = typename F::Value;
  static constexpr FieldType kKind = F::kRepeated ? FieldType::kOther : KindOf<Value>();
  static constexpr FieldType kElementKind = KindOf<Value>();
  // Whether a record may lack it.
  static constexpr bool kMayBeAbsent = F::kPresence;

  static bool Has(const typename F::Model& record) {
    if constexpr (kMayBeAbsent) return F::Has(record);
    return true;
  }
  // REQUIRES: Has(record).
  static auto Get(const typename F::Model& record) { return Comparable<Value>(F::Get(record)); }
  // A copy for the program: of a wrapper what it holds, of a repeated field a vector.
  static auto Copy(const typename F::Model& record) {
    if constexpr (F::kRepeated) {
      return std::vector<Value>(F::Get(record).begin(), F::Get(record).end());
    } else if constexpr (kIsWrapper<Value>) {
      return typename Unwrap<Value>::Type(F::Get(record).value());
    } else {
      return Value(F::Get(record));
    }
  }
};

template <typename F>
using Copied = decltype(Access<F>::Copy(std::declval<const typename F::Model&>()));
// The value for the program; optional where a record may lack it.
template <typename F>
using MaybeCopied =
    std::conditional_t<Access<F>::kMayBeAbsent, std::optional<Copied<F>>, Copied<F>>;
template <typename F>
MaybeCopied<F> CopyOf(const typename F::Model& record) {
  if constexpr (Access<F>::kMayBeAbsent) {
    if (!F::Has(record)) return std::nullopt;
  }
  return Access<F>::Copy(record);
}

template <typename F>
const google::protobuf::FieldDescriptor& DescriptorOf() {
  static const google::protobuf::FieldDescriptor* const field =
      F::Model::descriptor()->FindFieldByNumber(F::kNumber);
  return *field;
}

template <typename T>
inline constexpr bool kIsInteger =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char>;
template <typename T>
inline constexpr bool kIsText = std::is_convertible_v<const T&, absl::string_view> ||
                                std::is_convertible_v<const T&, std::string_view>;

template <typename T>
std::string TextOf(const T& text) {
  if constexpr (std::is_convertible_v<const T&, absl::string_view>) {
    return std::string(absl::string_view(text));
  } else {
    return std::string(std::string_view(text));
  }
}

// A value of the program, in the form in which fields of V's kind compare with it (`kept`), and
// that in which a tree has it (`tree`). A mismatch is a compile error that says what is wanted.
template <typename V, typename T>
auto Keep(const T& value) {
  constexpr FieldType kind = KindOf<V>();
  if constexpr (kind == FieldType::kSigned || kind == FieldType::kUnsigned) {
    static_assert(kIsInteger<T>,
                  "kin: an integer field is compared with what is no integer; give it an integer");
    if constexpr (std::is_signed_v<T>) {
      return static_cast<std::int64_t>(value);
    } else {
      return static_cast<std::uint64_t>(value);
    }
  } else if constexpr (kind == FieldType::kBool) {
    static_assert(std::is_same_v<T, bool>,
                  "kin: a bool field is compared with what is no bool; give it true or false");
    return value;
  } else if constexpr (kind == FieldType::kEnum) {
    static_assert(std::is_same_v<T, V>,
                  "kin: an enum field is compared with what is no value of its enum");
    return static_cast<std::int32_t>(value);
  } else if constexpr (kind == FieldType::kDouble) {
    static_assert(kIsInteger<T> || std::is_floating_point_v<T>,
                  "kin: a floating-point field is compared with what is no number");
    return Real(static_cast<double>(value));
  } else if constexpr (kind == FieldType::kText) {
    static_assert(kIsText<T>,
                  "kin: a string or bytes field is compared with what is no text; give it a "
                  "std::string, a std::string_view, an absl::string_view or a literal");
    return TextOf(value);
  } else if constexpr (kind == FieldType::kTime) {
    if constexpr (std::is_same_v<T, absl::Time>) {
      return MomentOf(value);
    } else {
      static_assert(std::is_same_v<T, V>,
                    "kin: a Timestamp field is compared with what is no time; give it an "
                    "absl::Time or a google::protobuf::Timestamp");
      return Moment{value.seconds(), value.nanos()};
    }
  } else if constexpr (kind == FieldType::kDuration) {
    if constexpr (std::is_same_v<T, absl::Duration>) {
      return MomentOf(value);
    } else {
      static_assert(std::is_same_v<T, V>,
                    "kin: a Duration field is compared with what is no duration; give it an "
                    "absl::Duration or a google::protobuf::Duration");
      return Moment{value.seconds(), value.nanos()};
    }
  } else {
    static_assert(kind != FieldType::kOther,
                  "kin: a field that is a message or a map cannot be compared with a value; ask "
                  "IsNull(), or use kin::Satisfies");
  }
}

// Text that the caller has no more use for needs no copy.
template <typename V>
requires(KindOf<V>() == FieldType::kText) std::string Keep(std::string&& value) {
  return std::move(value);
}

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_VALUE_H_
