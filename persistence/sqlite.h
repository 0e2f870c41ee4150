// Keeps the records of a store in an SQLite file.
//
//   absl::StatusOr<std::unique_ptr<kin::Store>> store =
//       kin::Store::Open(schema, {.persistence = kin::Sqlite("accounts.db")});
//
// The store loads all records when it opens, and then writes what changed in batches, a little
// behind the memory. The file always equals the memory as of some commit, also after a crash; how
// far behind it may be is up to `flush_after`, and to Durability for single writes. It is an
// ordinary SQLite database with one table a model, and may be read with `sqlite3` while in use.
//
// One store owns a file. docs/persistence.md tells the rest.
#ifndef KIN_PERSISTENCE_SQLITE_H_
#define KIN_PERSISTENCE_SQLITE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kin/store/persistence.h"

namespace kin {

struct SqliteOptions {
  // The longest that a change waits before it is written, while the database can be written.
  absl::Duration flush_after = absl::Seconds(1);

  // The memory that changes not yet in the database may take: about 16 bytes a changed record, plus
  // the key if it is not one integer. Beyond it a write waits for space, `space_timeout` at most,
  // and is then refused with RESOURCE_EXHAUSTED.
  std::int64_t max_lag_bytes = std::int64_t{256} << 20;
  absl::Duration space_timeout = absl::Seconds(10);

  // Told when writing halts, with the cause, and when it goes on, with OK. Runs on the writing
  // thread: be quick, and call nothing of the store but stats(). Told DATA_LOSS if the store is
  // destroyed with changes that could not be written; on that thread, and there is no store to
  // call.
  std::function<void(const absl::Status&)> on_halt = nullptr;
};

// A database in the file `path`, which is made, when the store opens, if there is none. Nothing
// happens before Store::Open; all errors are its errors.
std::unique_ptr<Persistence> Sqlite(std::string path, SqliteOptions options = {});

}  // namespace kin

#endif  // KIN_PERSISTENCE_SQLITE_H_
