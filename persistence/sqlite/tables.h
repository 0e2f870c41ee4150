// Kin's tables in an SQLite database: making them, and telling whether they are those of a schema.
#ifndef KIN_PERSISTENCE_SQLITE_TABLES_H_
#define KIN_PERSISTENCE_SQLITE_TABLES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/store/persistence.h"

namespace kin::persistence::sqlite {

// What a database says of itself.
struct StoredSchema {
  std::string mapping;             // Mapping::ToText() of the schema last used.
  std::string descriptors;         // A serialized google.protobuf.FileDescriptorSet of it.
  std::string fingerprint;         // Fingerprint() of it; not read.
  std::string former_fingerprint;  // FormerFingerprint() of it; not read.
};

// Whether the database has no tables at all.
absl::StatusOr<bool> IsEmpty(Database& database);

// FAILED_PRECONDITION: the database was not made by Kin, or by a later version of it. DATA_LOSS:
// what it says of itself is damaged.
absl::StatusOr<StoredSchema> ReadStoredSchema(Database& database);

// The schema to be stored with a mapping.
StoredSchema SchemaToStore(const Mapping& mapping, const graph::Graph& graph);

// Whether the tables and indexes are there and have the columns that the mapping says; others are
// of no concern. DATA_LOSS.
absl::Status CheckTables(Database& database, const Mapping& mapping);

// The SQL that makes Kin's own tables, but for what WriteCatalogue makes.
std::vector<std::string> KinTables();

// The SQL that makes all tables of a new database: those, and the models'.
std::vector<std::string> CreateScript(const Mapping& mapping);

// Stores the values that every opening reads, in the caller's transaction.
absl::Status StoreSchema(Database& database, const StoredSchema& schema);

// The commit the database is at, and the next ids, of models that are called `id_names` there.
// DATA_LOSS.
absl::StatusOr<LoadedState> ReadState(Database& database, const Mapping& mapping,
                                      const std::vector<std::string>& id_names);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_TABLES_H_
