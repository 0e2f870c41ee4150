#include "kin/persistence/watched_fields.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "google/protobuf/descriptor.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

template <typename T>
bool SameBits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

// False if in doubt.
bool Same(const Message& a, const Message& b, const FieldDescriptor* field) {
  const Reflection* reflection = a.GetReflection();
  if (field->is_repeated()) return false;
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
      return !reflection->HasField(a, field) && !reflection->HasField(b, field);
  }
  return false;
}

}  // namespace

WatchedFields::WatchedFields(const graph::Model& model) {
  for (const graph::Index& index : model.indexes) {
    for (const FieldDescriptor* field : index.fields) {
      const graph::FieldList& key = model.primary_key;
      if (std::find(key.begin(), key.end(), field) != key.end()) continue;
      auto known = std::find_if(fields_.begin(), fields_.end(),
                                [field](const Watched& watched) { return watched.field == field; });
      if (known == fields_.end()) known = fields_.insert(fields_.end(), {field, kReindexed});
      if (index.unique) known->flags |= kMoved;
    }
  }
}

ChangeFlags WatchedFields::Compare(const Message& before, const Message& after) const {
  ChangeFlags flags = 0;
  for (const Watched& watched : fields_) {
    if ((flags & watched.flags) != watched.flags && !Same(before, after, watched.field)) {
      flags |= watched.flags;
    }
  }
  return flags;
}

}  // namespace kin::persistence
