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
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kin/persistence/evolution/migration.h"
#include "kin/store/persistence.h"
#include "kin/store/schema.h"

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

  // What may become of the tables if the database is of another schema than the store.
  MigrateOptions migrate = {};
};

// A database in the file `path`, which is made, when the store opens, if there is none. Nothing
// happens before Store::Open; all errors are its errors.
std::unique_ptr<Persistence> Sqlite(std::string path, SqliteOptions options = {});

// What Store::Open would do to the tables of the database in `path`, and what it would refuse, with
// the rows in the way, and what others put into tables that could refuse records. Changes nothing;
// the database may be in use. Costs as much as reading the rows, for some changes.
// FAILED_PRECONDITION: it was not made by Kin. UNAVAILABLE, DATA_LOSS: it cannot be read.
// INVALID_ARGUMENT: a mistake in the schema.
absl::StatusOr<MigrationPlan> PlanMigration(const std::string& path, const Schema& schema,
                                            const MigrateOptions& options = {});

// Makes the SQLite database in `path`, which Kin did not make, one that Store::Open opens with this
// schema. Its tables and columns are matched by name; the key has to be the same, and every value
// has to be of its column's type. What is missing is added; columns and tables that the schema does
// not know are kept. Tables are made STRICT, in one transaction; on error nothing was changed.
//
// FAILED_PRECONDITION, with each reason by table and column: types, keys or rows do not fit; or the
// database is Kin's already. NOT_FOUND: there is none. DATA_LOSS: a row does not fit, by table, key
// and column. UNAVAILABLE: it is in use, or cannot be read or written. INVALID_ARGUMENT: a mistake
// in the schema.
absl::Status Adopt(const std::string& path, const Schema& schema);

}  // namespace kin

#endif  // KIN_PERSISTENCE_SQLITE_H_
