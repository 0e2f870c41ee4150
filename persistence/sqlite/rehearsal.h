// Runs the SQL of a plan on tables without rows, so that what SQLite would refuse is in the plan:
// because of views that somebody made, indexes over expressions, limits.
#ifndef KIN_PERSISTENCE_SQLITE_REHEARSAL_H_
#define KIN_PERSISTENCE_SQLITE_REHEARSAL_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/migration_plan.h"

namespace kin::persistence::sqlite {

// Whether a database of `known` has anything else in it: a view, a trigger, a table, an index or a
// column that somebody made, or that is kept of a schema of before.
absl::StatusOr<bool> HasOthers(Database& database, const Mapping& known);

// Adds a refused step to the plan if its SQL would fail, and one for each view that worked before
// and would not afterwards. Reads the database only.
absl::Status Rehearse(Database& database, const Mapping& mapping, Migration* migration);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_REHEARSAL_H_
