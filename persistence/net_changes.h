// From what the change logs remember to what has to be written.
#ifndef KIN_PERSISTENCE_NET_CHANGES_H_
#define KIN_PERSISTENCE_NET_CHANGES_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "google/protobuf/message.h"
#include "kin/persistence/backend.h"
#include "kin/persistence/change_log.h"
#include "kin/store/commit.h"
#include "kin/store/snapshot.h"

namespace kin::persistence {

// A batch together with what its records and keys live in. Movable. Thread-compatible.
struct PendingBatch {
  Snapshot snapshot;  // Empty from when the records are copies.
  std::vector<std::unique_ptr<const google::protobuf::Message>> copies;
  std::vector<ChangeLog> logs;
  Batch batch;
};

// Compacts pending->logs and fills in pending->batch.models from them and the snapshot: each record
// that changed is written once, as it is in the snapshot; one born and gone in between, not at all.
// `batch.from` and the rest are the caller's.
void ComputeNetChanges(PendingBatch* pending);

// Copies the records and lets go of the snapshot, unless the copies would take more than
// `most_bytes`, about. Every version superseded while a snapshot is there stays in memory, and is
// cold when it is freed at last and given to the next commit; a database takes much longer to write
// than the copies to make.
void CopyRecords(std::size_t most_bytes, PendingBatch* pending);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_NET_CHANGES_H_
