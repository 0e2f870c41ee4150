#include "kin/store/change.h"

#include <cstring>
#include <string>

#include "google/protobuf/util/field_comparator.h"
#include "google/protobuf/util/message_differencer.h"
#include "kin/store/internal/key_parts.h"

namespace kin {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <typename T>
bool SameBits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// Of messages, repeated fields and maps.
bool SameContents(const Message& a, const Message& b, const FieldDescriptor& field) {
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_treat_nan_as_equal(true);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  return differencer.CompareWithFields(a, b, {&field}, {&field});
}

}  // namespace

bool SameField(const Message& a, const Message& b, const FieldDescriptor& described) {
  const FieldDescriptor* field = &described;
  const Reflection* reflection = a.GetReflection();
  if (field->is_repeated()) return SameContents(a, b, *field);
  if (field->has_presence() && reflection->HasField(a, field) != reflection->HasField(b, field)) {
    return false;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection->GetInt32(a, field) == reflection->GetInt32(b, field);
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection->GetInt64(a, field) == reflection->GetInt64(b, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->GetUInt32(a, field) == reflection->GetUInt32(b, field);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection->GetUInt64(a, field) == reflection->GetUInt64(b, field);
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(a, field) == reflection->GetBool(b, field);
    case FieldDescriptor::CPPTYPE_ENUM:
      return reflection->GetEnumValue(a, field) == reflection->GetEnumValue(b, field);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return SameBits(reflection->GetFloat(a, field), reflection->GetFloat(b, field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return SameBits(reflection->GetDouble(a, field), reflection->GetDouble(b, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch_a, scratch_b;
      return reflection->GetStringReference(a, field, &scratch_a) ==
             reflection->GetStringReference(b, field, &scratch_b);
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SameContents(a, b, *field);
  }
  return false;
}

bool FieldComparison::Same(const Message& a, const Message& b) const {
  if (get_ == nullptr) return SameField(a, b, *field_);
  internal::KeyPart part_a, part_b;
  const bool has_a = get_(a, &part_a);
  const bool has_b = get_(b, &part_b);
  return has_a == has_b && (!has_a || part_a == part_b);
}

}  // namespace kin
