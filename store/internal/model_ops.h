// What generated code tells the engine of a model, beyond what its descriptor says.
#ifndef KIN_STORE_INTERNAL_MODEL_OPS_H_
#define KIN_STORE_INTERNAL_MODEL_OPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/field_value.h"
#include "kin/store/internal/key_parts.h"

namespace kin {

template <typename M>
struct ModelTraits;

namespace internal {

// The first of the places that a model has in View::slots: its primary index, then one for each
// association, then one for each unique field. Given out when the model is first part of a schema,
// for the whole process, so that generated code finds its index with no search. 0: not yet.
struct SlotBase {
  std::atomic<std::uint32_t> offset{0};  // In bytes: spares lookups an instruction or two.
};
inline constexpr std::uint32_t kSlotBytes = 16;

struct FieldOps {
  int number;
  // Reads the field for a key. False if it is absent.
  bool (*get)(const google::protobuf::Message& record, KeyPart* part);
  // Null for a closed enum, of which not every number can be set.
  SetField set;
};

// What a field of type T is set to.
template <typename T>
T ValueOf(const FieldValue& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    return std::string(value.bytes);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value.integer != 0;
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value.real);
  } else {
    return static_cast<T>(value.integer);
  }
}

struct ModelOps {
  const google::protobuf::Descriptor* descriptor = nullptr;
  // Of the C++ class; 0 for a model known only at run time, whose message is allocated separately.
  std::size_t message_size = 0;
  google::protobuf::Message* (*construct)(void* where) = nullptr;
  google::protobuf::Message* (*copy)(void* where, const google::protobuf::Message& from) = nullptr;
  absl::Span<const FieldOps> fields;
  // HashParts of the primary key, and whether two records have the same; null for a model known
  // only at run time.
  std::uint64_t (*hash)(const google::protobuf::Message& record) = nullptr;
  bool (*same_key)(const google::protobuf::Message& a,
                   const google::protobuf::Message& b) = nullptr;
  SlotBase* slot_base = nullptr;  // Null for a model known only at run time.
  int slots = 0;
  const google::protobuf::Message* prototype = nullptr;
};

template <typename M>
ModelOps MakeModelOps(absl::Span<const FieldOps> fields) {
  static_assert(alignof(M) <= 16);
  ModelOps ops;
  ops.descriptor = M::descriptor();
  ops.message_size = sizeof(M);
  ops.construct = [](void* where) -> google::protobuf::Message* { return new (where) M(); };
  ops.copy = [](void* where, const google::protobuf::Message& from) -> google::protobuf::Message* {
    return new (where) M(static_cast<const M&>(from));
  };
  ops.fields = fields;
  ops.hash = [](const google::protobuf::Message& record) {
    return ModelTraits<M>::HashOf(static_cast<const M&>(record));
  };
  ops.same_key = [](const google::protobuf::Message& a, const google::protobuf::Message& b) {
    return ModelTraits<M>::SameKey(static_cast<const M&>(a), static_cast<const M&>(b));
  };
  ops.slot_base = &ModelTraits<M>::slot_base;
  ops.slots = ModelTraits<M>::kSlots;
  ops.prototype = &M::default_instance();
  return ops;
}

}  // namespace internal
}  // namespace kin

#endif  // KIN_STORE_INTERNAL_MODEL_OPS_H_
