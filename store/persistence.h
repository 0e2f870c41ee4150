// The contract between a store and what keeps its records beyond the process: the one seam through
// which a store reaches outward. `kin::Sqlite()` (kin/persistence/sqlite.h) makes an
// implementation; programs only pass it to Store::Open.
//
// The store calls a Persistence in this order: Load once; if it is OK, Start once; then any number
// of the others from any thread; Close; the destructor.
#ifndef KIN_STORE_PERSISTENCE_H_
#define KIN_STORE_PERSISTENCE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/change.h"
#include "kin/store/commit.h"
#include "kin/store/field_value.h"
#include "kin/store/key.h"
#include "kin/store/schema.h"
#include "kin/store/stats.h"

namespace kin {

class Snapshot;

// Takes the records of a database into a store that is being opened.
// Thread-compatible: one thread at a time.
class Loader {
 public:
  virtual ~Loader() = default;

  // Makes room for `records` of a model. Optional; saves rehashing.
  virtual void Reserve(int model, std::int64_t records) = 0;
  // An empty record in the store's own memory, to be filled, on any thread, and then given to Add
  // or Discard. Several may be under way.
  virtual google::protobuf::Message* New(int model) = 0;
  // What sets a field of such a record as generated code does, which reflection takes several times
  // as long for. Null where there is none: a field that is repeated, a message or a closed enum,
  // and any field of a model known only at run time. For records from New of the same model only.
  virtual SetField SetterOf(int /*model*/,
                            const google::protobuf::FieldDescriptor& /*field*/) const {
    return nullptr;
  }
  // INVALID_ARGUMENT: the record breaks a rule of a single record (text that is not UTF-8), and is
  // discarded. Value rules, keys, unique values and parents are checked when all are loaded, and
  // told of by Persistence::Describe.
  virtual absl::Status Add(int model, google::protobuf::Message* record) = 0;
  virtual void Discard(int model, google::protobuf::Message* record) = 0;
};

// A rule of the model that loaded records break, found when all are loaded.
struct Violation {
  int model = 0;                                      // Of `record`.
  const google::protobuf::Message* record = nullptr;  // Valid during Persistence::Describe only.
  // The fields that break the rule: a foreign key without its parent, a key or value that another
  // record has, a value that a rule of the field refuses.
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  enum class Kind { kMissingParent, kDuplicate, kValue } kind = Kind::kMissingParent;
  std::string detail;  // Such as "there is no accounts.User with id 7".
};

// What a database holds besides records.
struct LoadedState {
  CommitNumber commit = 0;
  // For each model the next id to allocate; 0 where none is stored or the model allocates none.
  // The store raises it above every id loaded.
  std::vector<std::uint64_t> next_ids;
};

// The store, as a persistence plugin sees it. Thread-safe.
class CommitSource {
 public:
  virtual ~CommitSource() = default;

  // Calls `cut` with a snapshot of the newest commit and with the ids to be allocated next (in the
  // order of the models, 0 where none are), while no commit is published: all commits up to
  // snapshot.commit(), and none after it, have been passed to OnCommit, and `cut` and OnCommit
  // exclude one another. Waits at most for one OnCommit, never for the body of a transaction. `cut`
  // must be short and must not call the store.
  virtual void Cut(
      absl::FunctionRef<void(Snapshot snapshot, absl::Span<const std::uint64_t> next_ids)> cut) = 0;
};

class Persistence {
 public:
  virtual ~Persistence() = default;

  // Opens the database, takes ownership of it, and gives all its records to `loader`, which is
  // valid during the call. Errors are those of section "Errors" in docs: UNAVAILABLE, DATA_LOSS,
  // FAILED_PRECONDITION, and say what to do. On error the database is left as it was.
  virtual absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) = 0;

  // Puts what the store found wrong among the loaded records in terms of the database (table, key,
  // column). Called instead of Start; DATA_LOSS.
  virtual absl::Status Describe(absl::Span<const Violation> violations) = 0;

  // Begins to follow the commits of `source`, which outlives this object's Close and destructor.
  virtual absl::Status Start(CommitSource* source) = 0;

  // Called before a transaction takes the writer's lock. Waits until there is room for changes, up
  // to a limit of its own; RESOURCE_EXHAUSTED if there is none by then.
  virtual absl::Status WaitForSpace() = 0;

  // Called under the writer's lock, before the commit is visible. An error refuses the
  // commit: INVALID_ARGUMENT for a record that the database could not hold, RESOURCE_EXHAUSTED.
  virtual absl::Status Admit(absl::Span<const Change> changes) = 0;

  // Called under the writer's lock for every commit, in order, just before it becomes visible. At
  // most one Change a record, in no particular order. One call at a time, and none beside the
  // callback of CommitSource::Cut. Must be quick and cannot refuse.
  virtual void OnCommit(CommitNumber commit, absl::Span<const Change> changes) = 0;

  // Waits until all that was committed before the call is in the database.
  // DEADLINE_EXCEEDED; UNAVAILABLE or DATA_LOSS if write-behind is halted, with the cause.
  virtual absl::Status Flush(absl::Duration timeout) = 0;
  // Waits until `commit` is as durable as `durability` says.
  virtual absl::Status WaitDurable(CommitNumber commit, Durability durability,
                                   absl::Duration timeout) = 0;
  // Drains, then releases the database. On error nothing is released, and Close may be called
  // again. After OK the only calls are durable_commit and AddStats.
  virtual absl::Status Close(absl::Duration timeout) = 0;

  // The newest commit that is in the database. Never decreases. Cheap.
  virtual CommitNumber durable_commit() const = 0;
  // Fills in the members of `stats` that speak of persistence.
  virtual void AddStats(Stats* stats) const = 0;
};

}  // namespace kin

#endif  // KIN_STORE_PERSISTENCE_H_
