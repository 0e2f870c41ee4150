#include "kin/store/internal/read_field.h"

#include <cstdint>

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Read with the getters of single or of repeated fields.
struct Single {
  const Message& record;
  const FieldDescriptor* field;
  template <typename T>
  T operator()(T (Reflection::*single)(const Message&, const FieldDescriptor*) const,
               T (Reflection::*)(const Message&, const FieldDescriptor*, int) const) const {
    return (record.GetReflection()->*single)(record, field);
  }
};

struct Element {
  const Message& record;
  const FieldDescriptor* field;
  int index;
  template <typename T>
  T operator()(T (Reflection::*)(const Message&, const FieldDescriptor*) const,
               T (Reflection::*repeated)(const Message&, const FieldDescriptor*, int) const) const {
    return (record.GetReflection()->*repeated)(record, field, index);
  }
};

// Numbers; false for what is none.
template <typename Get>
bool ReadNumber(const FieldDescriptor& field, const Get& get, KeyPart* part) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      *part = MakeKeyPart(get(&Reflection::GetInt32, &Reflection::GetRepeatedInt32));
      return true;
    case FieldDescriptor::CPPTYPE_INT64:
      *part = MakeKeyPart(get(&Reflection::GetInt64, &Reflection::GetRepeatedInt64));
      return true;
    case FieldDescriptor::CPPTYPE_UINT32:
      *part = MakeKeyPart(get(&Reflection::GetUInt32, &Reflection::GetRepeatedUInt32));
      return true;
    case FieldDescriptor::CPPTYPE_UINT64:
      *part = MakeKeyPart(get(&Reflection::GetUInt64, &Reflection::GetRepeatedUInt64));
      return true;
    case FieldDescriptor::CPPTYPE_BOOL:
      *part = MakeKeyPart(get(&Reflection::GetBool, &Reflection::GetRepeatedBool));
      return true;
    case FieldDescriptor::CPPTYPE_ENUM:
      *part = MakeKeyPart(static_cast<std::int32_t>(
          get(&Reflection::GetEnumValue, &Reflection::GetRepeatedEnumValue)));
      return true;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      *part = MakeKeyPart(get(&Reflection::GetDouble, &Reflection::GetRepeatedDouble));
      return true;
    case FieldDescriptor::CPPTYPE_FLOAT:
      *part = MakeKeyPart(get(&Reflection::GetFloat, &Reflection::GetRepeatedFloat));
      return true;
    default:
      return false;
  }
}

}  // namespace

bool ReadField(const Message& record, const FieldDescriptor& field, KeyPart* part) {
  if (field.has_presence() && !record.GetReflection()->HasField(record, &field)) return false;
  return ReadFieldOrDefault(record, field, part);
}

bool ReadFieldOrDefault(const Message& record, const FieldDescriptor& field, KeyPart* part) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    // A string held as std::string is returned by reference; `unused` is for other
    // representations, which this protobuf has for extensions and cords only.
    std::string unused;
    *part = MakeKeyPart(record.GetReflection()->GetStringReference(record, &field, &unused));
    return true;
  }
  return ReadNumber(field, Single{record, &field}, part);
}

bool ReadElement(const Message& record, const FieldDescriptor& field, int index,
                 std::string* scratch, KeyPart* part) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    *part = MakeKeyPart(
        record.GetReflection()->GetRepeatedStringReference(record, &field, index, scratch));
    return true;
  }
  return ReadNumber(field, Element{record, &field, index}, part);
}

}  // namespace kin::internal
