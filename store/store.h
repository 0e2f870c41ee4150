// A store: the records of a schema, in memory, indexed, and kept in a database if one is given.
//
//   absl::StatusOr<std::unique_ptr<kin::Store>> store =
//       kin::Store::Open(kin::Schema::Of<User, UserInfo>(), {.persistence = kin::Sqlite("a.db")});
//
// Not for data that does not fit in memory, nor for several processes that write one database.
//
// Any number of threads read through snapshots; they neither wait for a writer nor make one wait.
// Write transactions run one at a time and are serializable.
#ifndef KIN_STORE_STORE_H_
#define KIN_STORE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/attributes.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kin/store/commit.h"
#include "kin/store/hooks.h"
#include "kin/store/persistence.h"
#include "kin/store/schema.h"
#include "kin/store/snapshot.h"
#include "kin/store/stats.h"
#include "kin/store/transaction.h"
#include "kin/store/watch.h"

namespace kin {

namespace internal {
class Engine;
}  // namespace internal

struct OpenOptions {
  // Where records are kept beyond the process. None: memory only.
  std::unique_ptr<Persistence> persistence = nullptr;
  // How many changes a transaction may make: records inserted, updated and deleted, those that a
  // delete reaches (CASCADE, NULLIFY) included. The call that would exceed it is
  // RESOURCE_EXHAUSTED. It ends a mistaken loop or cascade before that has used up the memory: a
  // change is held, with what undoes it, in some hundreds of bytes until the commit. At least 1.
  std::int64_t max_transaction_changes = 10'000'000;
  // Memory for the newest commits, so that who begins to watch can be given them. 0: none are held,
  // and commits that nobody watches cost nothing more.
  std::int64_t watch_history_bytes = 0;
  // What created_at and updated_at are filled from; called by the thread that writes. Null: the
  // machine's clock.
  std::function<absl::Time()> clock = nullptr;
};

struct WriteOptions {
  // How safe the commit is when Write returns. In a memory-only store every level is reached at
  // once.
  Durability durability = Durability::kBuffered;
  // How long to wait for that level.
  absl::Duration timeout = absl::InfiniteDuration();
};

// Thread-safe.
class Store {
 public:
  // Opens a store and loads all records of its database, if there is one.
  // INVALID_ARGUMENT: a mistake in the schema, or in the options. FAILED_PRECONDITION: the database
  // is of another schema. UNAVAILABLE: it cannot be read or written, or another store owns it.
  // DATA_LOSS: it holds what breaks the rules of the models; each is named, and nothing is changed.
  static absl::StatusOr<std::unique_ptr<Store>> Open(Schema schema, OpenOptions options = {});

  // Closes the store first, waiting as long as that takes; call Close to learn of a failure.
  // Every snapshot must be gone.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Runs `body` in a transaction and commits what it did, all or nothing. If `body` returns an
  // error, or the commit breaks a rule, nothing has changed and the error is returned. A body that
  // changes nothing makes no commit: the newest commit's number is returned.
  //
  // The wait for `durability` does not hold the writer's lock; if it fails, its error is returned,
  // and the commit stands. FAILED_PRECONDITION: the store is closed, or the call is made inside a
  // body or a hook. RESOURCE_EXHAUSTED: write-behind is full. If a hook has failed in the
  // transaction, that is the error, whatever `body` returns.
  absl::StatusOr<CommitNumber> Write(absl::FunctionRef<absl::Status(Transaction&)> body,
                                     const WriteOptions& options = {});

  // A view of the newest commit. Tens of nanoseconds. Must not outlive the store.
  Snapshot GetSnapshot() const ABSL_ATTRIBUTE_LIFETIME_BOUND;

  // Waits until all that has been committed is in the database. DEADLINE_EXCEEDED; UNAVAILABLE or
  // DATA_LOSS with the cause if the database cannot be written; FAILED_PRECONDITION inside a body.
  absl::Status Flush(absl::Duration timeout = absl::InfiniteDuration());
  // The same for one commit.
  absl::Status WaitDurable(CommitNumber commit, absl::Duration timeout = absl::InfiniteDuration());
  // The newest commit that is in the database; in a memory-only store, the newest.
  CommitNumber durable_commit() const;

  // Refuses further writes, waits until all is in the database, and releases it. Reads go on. On
  // error, which says what is not in the database yet, it may be called again.
  // FAILED_PRECONDITION inside a body. `timeout` is for the database; before that the call waits
  // for the running transaction, and for another thread's Close.
  absl::Status Close(absl::Duration timeout = absl::InfiniteDuration());

  // Begins to follow the commits; see kin/store/watch.h. INVALID_ARGUMENT: `options.from` is beyond
  // the next commit. Waits at most for one commit, never for a body; may be called in a hook.
  absl::StatusOr<std::unique_ptr<kin::Watch>> Watch(const WatchOptions& options = {});

  // Counters. Waits for the running transaction, except inside its body.
  Stats stats() const;

  // Checks that all indexes, associations and counts agree with the records: INTERNAL, with what
  // does not, is an error in Kin. Visits everything; waits for the running transaction, and makes
  // others wait. FAILED_PRECONDITION inside a body. For tests.
  absl::Status CheckInvariants() const;

  const Schema& schema() const;

 private:
  explicit Store(std::unique_ptr<internal::Engine> engine);

  const std::unique_ptr<internal::Engine> engine_;
};

}  // namespace kin

#endif  // KIN_STORE_STORE_H_
