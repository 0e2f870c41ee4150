// The values of an index's fields in one record, in a form that hashes and compares without knowing
// their types, and the hash that generated code computes from the typed values. Both agree.
#ifndef KIN_STORE_INTERNAL_KEY_PARTS_H_
#define KIN_STORE_INTERNAL_KEY_PARTS_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace kin::internal {

// Bijection of integers onto unsigned ones that keeps the order.
template <typename T>
constexpr std::uint64_t BiasInteger(T value) {
  static_assert(std::is_integral_v<T>);
  if constexpr (std::is_signed_v<T>) {
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)) ^ (std::uint64_t{1} << 63);
  } else {
    return static_cast<std::uint64_t>(value);
  }
}

// The same for floating point: both zeros are equal, every NaN is one value after +infinity.
inline std::uint64_t BiasDouble(double value) {
  if (value != value) return std::numeric_limits<std::uint64_t>::max();
  if (value == 0) value = 0;
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  const std::uint64_t sign = std::uint64_t{1} << 63;
  return (bits & sign) != 0 ? ~bits : bits | sign;
}

// The inverses, of signed integers and of floating point.
constexpr std::int64_t UnbiasInteger(std::uint64_t biased) {
  return static_cast<std::int64_t>(biased ^ (std::uint64_t{1} << 63));
}
inline double UnbiasDouble(std::uint64_t biased) {
  if (biased == std::numeric_limits<std::uint64_t>::max()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  const std::uint64_t sign = std::uint64_t{1} << 63;
  const std::uint64_t bits = (biased & sign) != 0 ? biased & ~sign : ~biased;
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// One field's value: a biased number, or bytes (then `data` is not null). Not initialised by
// default, so that KeyParts costs no more than the parts it has.
struct KeyPart {
  std::uint64_t number;  // Or the length of the bytes.
  const char* data;

  absl::string_view bytes() const { return {data, static_cast<std::size_t>(number)}; }
  friend bool operator==(const KeyPart& a, const KeyPart& b) {
    return a.number == b.number && (a.data == nullptr) == (b.data == nullptr) &&
           (a.data == nullptr || a.number == 0 || std::memcmp(a.data, b.data, a.number) == 0);
  }
};

template <typename T>
requires std::is_integral_v<T>
constexpr KeyPart MakeKeyPart(T value) { return {BiasInteger(value), nullptr}; }
template <typename T>
requires std::is_enum_v<T>
constexpr KeyPart MakeKeyPart(T value) {
  return {BiasInteger(static_cast<std::int32_t>(value)), nullptr};
}
inline KeyPart MakeKeyPart(double value) { return {BiasDouble(value), nullptr}; }
inline KeyPart MakeKeyPart(float value) { return {BiasDouble(value), nullptr}; }
inline KeyPart MakeKeyPart(absl::string_view value) {
  return {value.size(), value.data() == nullptr ? "" : value.data()};
}
inline KeyPart MakeKeyPart(const std::string& value) { return {value.size(), value.data()}; }

inline constexpr int kMaxKeyParts = 8;

struct KeyParts {
  int size = 0;
  std::array<KeyPart, kMaxKeyParts> parts;  // Those from `size` on are not initialised.

  KeyParts() {}  // NOLINT(modernize-use-equals-default): leaves the array as it is.
  friend bool operator==(const KeyParts& a, const KeyParts& b) {
    if (a.size != b.size) return false;
    for (int i = 0; i < a.size; ++i) {
      if (!(a.parts[i] == b.parts[i])) return false;
    }
    return true;
  }
};

// Mixes one word: the folded 128-bit product, as in wyhash (Wang Yi).
inline std::uint64_t MixWord(std::uint64_t word) {
  // The flipped bit is BiasInteger's: a signed number is multiplied as it is.
  const __uint128_t product =
      static_cast<__uint128_t>(word ^ (std::uint64_t{1} << 63)) * 0x9e3779b97f4a7c15u;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

inline std::uint64_t HashPart(const KeyPart& part) {
  return MixWord(part.data == nullptr ? part.number
                                      : absl::Hash<absl::string_view>{}(part.bytes()));
}

inline std::uint64_t CombineHash(std::uint64_t hash, std::uint64_t part) {
  return MixWord(hash ^ (part + 0x2545f4914f6cdd1du));
}

inline std::uint64_t HashParts(const KeyParts& key) {
  std::uint64_t hash = HashPart(key.parts[0]);
  for (int i = 1; i < key.size; ++i) hash = CombineHash(hash, HashPart(key.parts[i]));
  return hash;
}

// The hash of typed key values: HashParts of the same values.
template <typename First, typename... Rest>
inline std::uint64_t HashKey(const First& first, const Rest&... rest) {
  std::uint64_t hash = HashPart(MakeKeyPart(first));
  ((hash = CombineHash(hash, HashPart(MakeKeyPart(rest)))), ...);
  return hash;
}

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_KEY_PARTS_H_
