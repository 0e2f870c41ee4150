// Changes a database as a migration plan says.
#ifndef KIN_PERSISTENCE_SQLITE_MIGRATE_H_
#define KIN_PERSISTENCE_SQLITE_MIGRATE_H_

#include "absl/status/status.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/migration_plan.h"
#include "kin/persistence/sqlite/schema_store.h"

namespace kin::persistence::sqlite {

// One step of it. Errors name the statement.
absl::Status RunAction(Database& database, const MigrationAction& action);

// All of it, Kin's own tables included, within the caller's transaction, with foreign keys switched
// off. The views are gone afterwards (views.h). On error the transaction is to be rolled back.
absl::Status Migrate(Database& database, const Migration& migration, const Catalogue& catalogue,
                     const StoredSchema& old, const StoredSchema& schema);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_MIGRATE_H_
