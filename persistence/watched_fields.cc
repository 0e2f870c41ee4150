#include "kin/persistence/watched_fields.h"

#include <algorithm>

#include "google/protobuf/descriptor.h"
#include "kin/store/change.h"

namespace kin::persistence {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

WatchedFields::WatchedFields(const Schema& schema, int position) {
  const graph::Model& model = *schema.graph().models[static_cast<std::size_t>(position)];
  for (const graph::Index& index : model.indexes) {
    for (const FieldDescriptor* field : index.fields) {
      const graph::FieldList& key = model.primary_key;
      if (std::find(key.begin(), key.end(), field) != key.end()) continue;
      auto known = std::find_if(fields_.begin(), fields_.end(),
                                [field](const Watched& watched) { return watched.field == field; });
      if (known == fields_.end()) {
        known = fields_.insert(fields_.end(),
                               {field, schema.ComparisonOf(position, *field), kReindexed});
      }
      if (index.unique) known->flags |= kMoved;
    }
  }
}

ChangeFlags WatchedFields::Compare(const Message& before, const Message& after) const {
  ChangeFlags flags = 0;
  for (const Watched& watched : fields_) {
    if ((flags & watched.flags) != watched.flags && !watched.comparison.Same(before, after)) {
      flags |= watched.flags;
    }
  }
  return flags;
}

}  // namespace kin::persistence
