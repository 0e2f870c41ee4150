// What a database says of its schema, beyond the few values that every opening reads: the names
// that tables and columns have, what is retired, and which schemas there have been.
#ifndef KIN_PERSISTENCE_SQLITE_SCHEMA_STORE_H_
#define KIN_PERSISTENCE_SQLITE_SCHEMA_STORE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/persistence/evolution/catalogue.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/tables.h"

namespace kin::persistence::sqlite {

// A table or column, to be remembered.
struct Remembered {
  std::string model;
  int field = 0;     // Its number; kTableEntry: the table itself; kOverlayEntry.
  std::string name;  // In the database.
  // Retired: the schema that last had it, and what the model was called there. Null: the new one.
  const SchemaImage* image = nullptr;
  std::string model_then = {};
};
inline constexpr int kTableEntry = 0;
inline constexpr int kOverlayEntry = -1;

struct NextCatalogue {
  std::vector<Remembered> entries;
  std::map<std::string, std::string> former_names;
};

// What is remembered of a schema whose tables and columns are called as its mapping says.
NextCatalogue CatalogueOf(const Mapping& mapping);

// DATA_LOSS: what the database says of itself is damaged.
absl::StatusOr<Catalogue> ReadCatalogue(Database& database, const StoredSchema& stored);

// Makes Kin's own tables if they are not there, and stores `schema` as the current one. `from`:
// what was there, null or without a current schema if nothing of Kin's was. In the caller's
// transaction.
absl::Status WriteCatalogue(Database& database, const Catalogue* from, const StoredSchema& old,
                            const StoredSchema& schema, const NextCatalogue& next);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_SCHEMA_STORE_H_
