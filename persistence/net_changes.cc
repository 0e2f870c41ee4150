#include "kin/persistence/net_changes.h"

#include <cstddef>

#include "google/protobuf/message.h"

namespace kin::persistence {
namespace {

void Add(const KeyView& key, const google::protobuf::Message* record, ChangeFlags flags,
         ModelChanges* changes) {
  const bool was_there = !(flags & kInserted);
  if (was_there && (record == nullptr || (flags & kReborn))) changes->deletes.push_back(key);
  if (record == nullptr) return;
  if (!was_there || (flags & kReborn)) {
    changes->inserts.push_back(record);
  } else if (flags & kMoved) {
    changes->moved.push_back(record);
  } else if (flags & kReindexed) {
    changes->reindexed.push_back(record);
  } else {
    changes->updates.push_back(record);
  }
}

}  // namespace

void ComputeNetChanges(PendingBatch* pending) {
  pending->batch.models.clear();
  pending->batch.models.resize(pending->logs.size());
  for (std::size_t model = 0; model < pending->logs.size(); ++model) {
    ChangeLog& log = pending->logs[model];
    log.Compact();
    ModelChanges* changes = &pending->batch.models[model];
    log.ForEach([&](const KeyView& key, ChangeFlags flags) {
      Add(key, pending->snapshot.FindRecord(static_cast<int>(model), key), flags, changes);
    });
  }
}

}  // namespace kin::persistence
