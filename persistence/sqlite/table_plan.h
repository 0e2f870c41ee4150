// What becomes of one table, as a migration is planned.
#ifndef KIN_PERSISTENCE_SQLITE_TABLE_PLAN_H_
#define KIN_PERSISTENCE_SQLITE_TABLE_PLAN_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kin/persistence/evolution/catalogue.h"
#include "kin/persistence/evolution/migration.h"
#include "kin/persistence/evolution/type_change.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/physical.h"

namespace kin::persistence::sqlite {

// A column that stays without being used.
struct KeptColumn {
  const StoredColumn* stored = nullptr;  // Null: it is not Kin's.
  std::string name;                      // As it is now.
  std::string new_name;
};

struct TablePlan {
  const Table* table = nullptr;      // Of the new mapping; null: the model is gone.
  const StoredTable* old = nullptr;  // Null: it is new.
  PhysicalTable physical;            // If there is an old one.
  std::string new_name;
  // By column of `table`: where its values are; null: nowhere.
  std::vector<const StoredColumn*> sources;
  std::vector<TypeChange> changes;  // By column of `table`; of no meaning without a source.
  std::vector<KeptColumn> kept;
  std::vector<const StoredColumn*> dropped;
  bool drop = false;     // The whole table.
  bool rebuild = false;  // It has to be made anew.

  bool is_new() const { return old == nullptr; }
  // A column of `table` as SQL over the old table, which is called `alias` there.
  std::string Expression(int column, absl::string_view alias) const;
  // The same with the columns of the old table called otherwise: `name_of` gives, for a column of
  // `table` that has a source, how its source is called.
  std::string Expression(int column, absl::FunctionRef<std::string(int)> name_of) const;
  // Whether rows have different values in it: it is no constant.
  bool Varies(int column) const { return sources[column] != nullptr; }
  bool MayBeNull(int column) const;

 private:
  std::string UnknownFields(int column, absl::FunctionRef<std::string(int)> name_of) const;
};

// The rows of the old table for which `where` holds (over alias "t") are in the way of `step`.
// `shown`: columns of it that tell why, beside the key.
absl::Status FindRows(Database& database, const TablePlan& plan, const std::string& where,
                      MigrationStep* step, const std::vector<std::string>& shown = {});

// SQL over alias "t" of the old table: whether a row has a value for the field of `column`, in the
// column or among the unknown fields, where that of a JSON field lies as well.
std::string HasValue(const TablePlan& plan, const StoredColumn& column);

// Those of `plan` for which a unique index over `columns` has no place: adds to `step`, by value,
// with the keys of two of them.
absl::Status FindDuplicates(Database& database, const TablePlan& plan,
                            const std::vector<int>& columns, MigrationStep* step);

// Those that have no parent.
absl::Status FindOrphans(Database& database, const TablePlan& child, const TablePlan& parent,
                         const TableForeignKey& foreign_key, MigrationStep* step);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_TABLE_PLAN_H_
