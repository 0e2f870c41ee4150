// What somebody added to Kin's tables that could refuse a record which the store accepts.
#ifndef KIN_PERSISTENCE_SQLITE_OBSTACLES_H_
#define KIN_PERSISTENCE_SQLITE_OBSTACLES_H_

#include "absl/status/status.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// FAILED_PRECONDITION: a table has a trigger, a CHECK, a unique index, a foreign key, a required
// column, a DEFAULT that cannot be stored, or an index or generated column that computes what may
// fail, that Kin did not make, or is not STRICT; or another table refers to it in a way that could
// keep records from being deleted. Says what, and what to do. Other indexes and columns, and tables
// that refer to none of Kin's, are of no concern.
absl::Status CheckObstacles(Database& database, const Mapping& mapping);
// Of one table of `mapping`.
absl::Status CheckObstacles(Database& database, const Mapping& mapping, const Table& table);
// Of these triggers, CHECKs and generated columns only, of a table that may be anybody's.
absl::Status CheckTriggersAndChecks(Database& database, const Table& table);

// FAILED_PRECONDITION: a foreign key is not one of `mapping`, does something by itself, or does not
// wait for the end of a transaction.
absl::Status CheckForeignKeys(Database& database, const Mapping& mapping);
// FAILED_PRECONDITION: a trigger, a CHECK or an index that may refuse, on what every batch writes.
absl::Status CheckOwnTables(Database& database);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_OBSTACLES_H_
