// From the schema that a database has to another: what changes, in which SQL, and which rows are in
// the way.
//
// 1. Rows are only ever copied into columns that hold the same values; what cannot be is refused.
// 2. Checks run on the database as it is, before anything is changed: a column of the new schema is
//    an expression over the old table.
// 3. The order of the SQL: indexes and tables that go; names (through names of no meaning where two
//    are exchanged); new tables; new columns; tables made anew, where SQLite has no ALTER for what
//    changes; indexes that come; Kin's own tables.
#ifndef KIN_PERSISTENCE_SQLITE_MIGRATION_PLAN_H_
#define KIN_PERSISTENCE_SQLITE_MIGRATION_PLAN_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kin/persistence/evolution/catalogue.h"
#include "kin/persistence/evolution/migration.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/physical.h"
#include "kin/persistence/sqlite/schema_store.h"

namespace kin::persistence::sqlite {

// One thing to do.
struct MigrationAction {
  enum class Kind {
    kSql,
    kRebuild,  // Makes `table` anew by `create` and `sql`, which fills it, and keeps its indexes.
  };
  Kind kind = Kind::kSql;
  std::string sql;
  std::string table = {};
  std::string create = {};
};

struct Migration {
  MigrationPlan plan;
  std::vector<MigrationAction> actions;
  NextCatalogue next;
  std::set<std::string> concerned;  // Full names of the models and fields that the steps are about.
};

// The name that a table has while it is made anew.
inline constexpr char kNewTable[] = "_kin_new";

// Reads only. `mapping` must outlive the result.
absl::StatusOr<Migration> PlanMigration(Database& database, const Catalogue& catalogue,
                                        const Mapping& mapping, const MigrateOptions& options);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_MIGRATION_PLAN_H_
