// Which updates touch an index, so that a flush need not rewrite index entries that stay the same,
// nor step aside for unique values that did not change.
#ifndef KIN_PERSISTENCE_WATCHED_FIELDS_H_
#define KIN_PERSISTENCE_WATCHED_FIELDS_H_

#include <vector>

#include "google/protobuf/message.h"
#include "kin/persistence/change_log.h"
#include "kin/store/change.h"
#include "kin/store/schema.h"

namespace kin::persistence {

// The fields of one model that are part of an index or foreign key, those of its primary key left
// out since they never change. Immutable.
class WatchedFields {
 public:
  WatchedFields(const Schema& schema, int model);

  // kReindexed and kMoved, as far as they hold for an update from `before` to `after`. A few
  // nanoseconds a watched field.
  ChangeFlags Compare(const google::protobuf::Message& before,
                      const google::protobuf::Message& after) const;

 private:
  struct Watched {
    const google::protobuf::FieldDescriptor* field;
    FieldComparison comparison;
    ChangeFlags flags;  // If it changes.
  };
  std::vector<Watched> fields_;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_WATCHED_FIELDS_H_
