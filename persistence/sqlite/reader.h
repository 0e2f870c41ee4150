// From tables to records.
#ifndef KIN_PERSISTENCE_SQLITE_READER_H_
#define KIN_PERSISTENCE_SQLITE_READER_H_

#include <vector>

#include "absl/status/status.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/store/persistence.h"

namespace kin::persistence::sqlite {

// Gives all rows to `loader`, in the order of keys. The caller has begun a transaction, so that all
// tables are read as of one moment. DATA_LOSS: a row does not fit; names table, key and column.
// `stale`: the tables in which some row is stale (stale_rows.h).
absl::Status ReadTables(Database& database, const Mapping& mapping, Loader& loader,
                        std::vector<int>* stale);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_READER_H_
