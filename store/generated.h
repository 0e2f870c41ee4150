// Just enough for generated code to compile: names and shapes, without a store behind them.
#ifndef KIN_STORE_GENERATED_H_
#define KIN_STORE_GENERATED_H_

#include <cstdint>

#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace kin {

template <typename M>
struct ModelTraits;

template <typename Descriptor>
struct Field {};
template <typename Descriptor>
struct BelongsTo {};
template <typename Descriptor>
struct HasOne {};
template <typename Descriptor>
struct HasMany {};

template <typename M>
class RefBase {
 public:
  constexpr RefBase() = default;
  explicit operator bool() const { return message_ != nullptr; }
  const M* operator->() const { return message_; }
  const M* get() const { return message_; }

 private:
  const M* message_ = nullptr;
};

template <typename M>
class Range {};

namespace internal {

struct SlotBase {
  int value = 0;
};
struct KeyPart {};
struct FieldOps {
  int number;
  bool (*get)(const google::protobuf::Message& message, KeyPart* part);
};
struct ModelOps {};

template <typename... Parts>
std::uint64_t HashKey(const Parts&...) {
  return 0;
}

template <typename Value>
KeyPart MakeKeyPart(const Value&) {
  return {};
}

template <typename M>
ModelOps MakeModelOps(absl::Span<const FieldOps>) {
  return {};
}

template <typename A>
auto One(const RefBase<typename A::Owner>&) {
  return typename ModelTraits<typename A::Target>::Ref();
}

template <typename A>
Range<typename A::Target> Many(const RefBase<typename A::Owner>&) {
  return {};
}

}  // namespace internal
}  // namespace kin

#endif  // KIN_STORE_GENERATED_H_
