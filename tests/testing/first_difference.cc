// The comparison of random_message.h.
#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"
#include "kin/tests/testing/random_message.h"

namespace kin::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kSingular = -1;

#define KIN_GET(Type, message)                                              \
  (index == kSingular ? message.GetReflection()->Get##Type(message, &field) \
                      : message.GetReflection()->GetRepeated##Type(message, &field, index))

template <typename T>
std::string BitsOf(T value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// A scalar's value.
std::string ScalarOf(const Message& message, const FieldDescriptor& field, int index) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return BitsOf(KIN_GET(Int32, message));
    case FieldDescriptor::CPPTYPE_INT64:
      return BitsOf(KIN_GET(Int64, message));
    case FieldDescriptor::CPPTYPE_UINT32:
      return BitsOf(KIN_GET(UInt32, message));
    case FieldDescriptor::CPPTYPE_UINT64:
      return BitsOf(KIN_GET(UInt64, message));
    case FieldDescriptor::CPPTYPE_BOOL:
      return BitsOf(KIN_GET(Bool, message));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return BitsOf(KIN_GET(Float, message));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return BitsOf(KIN_GET(Double, message));
    case FieldDescriptor::CPPTYPE_ENUM:
      return BitsOf(KIN_GET(EnumValue, message));
    case FieldDescriptor::CPPTYPE_STRING:
      return KIN_GET(String, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return "";
}

std::string DifferenceOfValue(const Message& a, const Message& b, const FieldDescriptor& field,
                              int index) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    return FirstDifference(KIN_GET(Message, a), KIN_GET(Message, b));
  }
  return ScalarOf(a, field, index) == ScalarOf(b, field, index) ? "" : "another value";
}
#undef KIN_GET

std::string DifferenceOfMap(const Message& a, const Message& b, const FieldDescriptor& field) {
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  std::map<std::string, const Message*> entries;
  for (int i = 0; i < b.GetReflection()->FieldSize(b, &field); ++i) {
    const Message& entry = b.GetReflection()->GetRepeatedMessage(b, &field, i);
    entries[ScalarOf(entry, key, kSingular)] = &entry;
  }
  for (int i = 0; i < a.GetReflection()->FieldSize(a, &field); ++i) {
    const Message& entry = a.GetReflection()->GetRepeatedMessage(a, &field, i);
    const auto other = entries.find(ScalarOf(entry, key, kSingular));
    if (other == entries.end()) return "a key is missing";
    std::string difference = DifferenceOfValue(entry, *other->second, value, kSingular);
    if (!difference.empty()) return difference;
  }
  return "";
}

std::string DifferenceOfField(const Message& a, const Message& b, const FieldDescriptor& field) {
  if (!field.is_repeated()) return DifferenceOfValue(a, b, field, kSingular);
  const int size = a.GetReflection()->FieldSize(a, &field);
  if (size != b.GetReflection()->FieldSize(b, &field)) return "another number of elements";
  if (field.is_map()) return DifferenceOfMap(a, b, field);
  for (int i = 0; i < size; ++i) {
    std::string difference = DifferenceOfValue(a, b, field, i);
    if (!difference.empty()) return "[" + std::to_string(i) + "] " + difference;
  }
  return "";
}

std::string UnknownOf(const Message& message) {
  std::string bytes;
  message.GetReflection()->GetUnknownFields(message).SerializeToString(&bytes);
  return bytes;
}

}  // namespace

std::string FirstDifference(const Message& a, const Message& b) {
  std::vector<const FieldDescriptor*> of_a, of_b;
  a.GetReflection()->ListFields(a, &of_a);
  b.GetReflection()->ListFields(b, &of_b);
  for (const FieldDescriptor* field : of_a) {
    if (std::find(of_b.begin(), of_b.end(), field) == of_b.end()) {
      return field->name() + " is not in the second";
    }
    std::string difference = DifferenceOfField(a, b, *field);
    if (!difference.empty()) return field->name() + " " + difference;
  }
  if (of_a.size() != of_b.size()) return "the second has more fields";
  return UnknownOf(a) == UnknownOf(b) ? "" : "other unknown fields";
}

}  // namespace kin::testing
