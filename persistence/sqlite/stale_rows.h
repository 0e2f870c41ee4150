// Rows whose columns do not have all that their record has. A program that did not know some field
// kept its value in the column `_unknown`; one that knows it reads it from there, but SQL looks for
// it in the field's own column, as do updates that leave indexed columns alone.
#ifndef KIN_PERSISTENCE_SQLITE_STALE_ROWS_H_
#define KIN_PERSISTENCE_SQLITE_STALE_ROWS_H_

#include <vector>

#include "absl/status/status.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/table_writer.h"
#include "kin/store/schema.h"

namespace kin::persistence::sqlite {

// Writes the stale rows of some tables anew, in a transaction of its own. Reads these tables once
// more, and keeps their stale records in memory meanwhile. `writers`: one a table of the mapping.
absl::Status RewriteStaleRows(Database& database, const Schema& schema, const Mapping& mapping,
                              const std::vector<int>& tables, std::vector<TableWriter>* writers);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_STALE_ROWS_H_
