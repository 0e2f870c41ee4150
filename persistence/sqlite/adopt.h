// Makes a database of somebody else's one of Kin's.
#ifndef KIN_PERSISTENCE_SQLITE_ADOPT_H_
#define KIN_PERSISTENCE_SQLITE_ADOPT_H_

#include "absl/status/status.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/tables.h"
#include "kin/store/schema.h"

namespace kin::persistence::sqlite {

// See kin::Adopt. In the caller's transaction, with foreign keys switched off; on error it is to be
// rolled back. FAILED_PRECONDITION with every reason.
absl::Status AdoptTables(Database& database, const Schema& schema, const Mapping& mapping,
                         const StoredSchema& stored);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_ADOPT_H_
