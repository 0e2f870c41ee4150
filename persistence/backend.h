// What an SQL database has to offer to be kept up to date by WriteBehind (write_behind.h): it loads
// all records, and then applies batches, each in one SQL transaction. Threads, limits, waiting and
// retries are the worker's business; a backend has none of them.
//
// Whoever writes one: the tests in tests/testing/backend_conformance.h run over any backend.
#ifndef KIN_PERSISTENCE_BACKEND_H_
#define KIN_PERSISTENCE_BACKEND_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/commit.h"
#include "kin/store/key.h"
#include "kin/store/persistence.h"
#include "kin/store/schema.h"

namespace kin::persistence {

// What a batch does to the rows of one model. Each list is in the order of keys, and no key is in
// two of them, except that a record deleted and then inserted anew is both a delete and an insert.
struct ModelChanges {
  using Records = std::vector<const google::protobuf::Message*>;

  std::vector<KeyView> deletes;  // Rows that are in the database.
  // Rows in the database that get new contents. `updates`: no field of an index or foreign key
  // changed. `reindexed`: some did, but no value of a unique index. `moved`: the values of a unique
  // index may have changed, so that on the way to the new state two rows may want the same value
  // (A and B exchange theirs).
  Records updates;
  Records reindexed;
  Records moved;
  Records inserts;  // Rows that are not in the database.

  std::int64_t size() const {
    return static_cast<std::int64_t>(deletes.size() + updates.size() + reindexed.size() +
                                     moved.size() + inserts.size());
  }
};

// The net effect of the commits (from, to]. Records and keys live as long as the batch.
struct Batch {
  CommitNumber from = 0;
  CommitNumber to = 0;
  std::vector<std::uint64_t> next_ids;  // As LoadedState::next_ids.
  std::vector<ModelChanges> models;     // In the order of the schema.
};

// Errors: UNAVAILABLE means that the same call may succeed later (busy, I/O, full, out of memory);
// any other code, that it will not until somebody does something. Messages name what they are
// about.
//
// Called in this order: Load once; Start once, or Describe; then the rest. Thread-compatible,
// except for Admit, NeedsTidy and Tidy, which may run beside each other and beside Apply and Sync.
// Apply and Sync are called on the thread of whoever waits for a commit, or on that of
// write-behind; one at a time.
class Backend {
 public:
  virtual ~Backend() = default;

  // Opens the database, takes ownership of it, and gives all records to `loader`. On error the
  // database is as it was, and released.
  virtual absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) = 0;

  // See Persistence::Describe. DATA_LOSS.
  virtual absl::Status Describe(absl::Span<const Violation> violations) = 0;

  // Makes the database ready for Apply; a new one gets its tables here.
  virtual absl::Status Start() = 0;

  // INVALID_ARGUMENT: a record that Apply could not write. Cheap.
  virtual absl::Status Admit(absl::Span<const Change> changes) const = 0;

  // Applies `batch` in one transaction, which also stores batch.to and the next ids. If the
  // database already is at batch.to (an earlier call was applied but seemed to fail), does nothing.
  // Any legal end state must be reachable, in whatever order rows would collide on the way. OK: the
  // batch survives the end of the process. On error nothing of it is in the database, unless the
  // error is that of the final commit; then all or nothing.
  virtual absl::Status Apply(const Batch& batch) = 0;

  // Makes all that was applied survive the machine.
  virtual absl::Status Sync() = 0;

  // Asked after each attempt at a batch: whether Tidy has something to do. Cheap.
  virtual bool NeedsTidy() const { return false; }
  // For chores such as checkpoints: called on a thread of its own, one at a time, so that no commit
  // waits for it. May keep Apply waiting, but not for long. On error it is called again after a
  // while, and again, and the error shows in Stats; batches go on meanwhile.
  virtual absl::Status Tidy() { return absl::OkStatus(); }

  // Releases the database; nothing else runs. After OK nothing else is called. On error nothing was
  // released.
  virtual absl::Status Close() = 0;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_BACKEND_H_
