#include "kin/persistence/nesting.h"

#include <memory>
#include <set>
#include <string>

#include "google/protobuf/descriptor.h"
#include "kin/persistence/overlay.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

bool Reaches(const Descriptor* from, const Descriptor* target, std::set<const Descriptor*>* seen) {
  for (int i = 0; i < from->field_count(); ++i) {
    const Descriptor* next = from->field(i)->message_type();
    if (next == nullptr) continue;
    if (next == target) return true;
    if (seen->insert(next).second && Reaches(next, target, seen)) return true;
  }
  return false;
}

}  // namespace

bool IsRecursive(const FieldDescriptor& field) {
  if (field.message_type() == nullptr) return false;
  std::set<const Descriptor*> below = {field.message_type()};
  Reaches(field.message_type(), nullptr, &below);
  for (const Descriptor* message : below) {
    if (message->extension_range_count() > 0) return true;  // By any message.
    std::set<const Descriptor*> seen;
    if (Reaches(message, message, &seen)) return true;
  }
  return false;
}

// Each level takes at least two bytes, so nearly every record is done with by its size.
bool IsNestedTooDeep(const google::protobuf::Message& record, const FieldDescriptor& field,
                     std::int64_t size) {
  if (size <= 2 * kMostNesting) return false;
  std::unique_ptr<google::protobuf::Message> copy(record.New());
  const std::string bytes = SerializeField(record, field);
  return !bytes.empty() && !ParseField(bytes, field, copy.get());
}

}  // namespace kin::persistence
