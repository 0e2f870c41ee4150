// The SQL of a migration whose tables are planned; in the order that migration_plan.h gives.
#ifndef KIN_PERSISTENCE_SQLITE_SCRIPT_H_
#define KIN_PERSISTENCE_SQLITE_SCRIPT_H_

#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "kin/persistence/sqlite/migration_plan.h"
#include "kin/persistence/sqlite/table_plan.h"

namespace kin::persistence::sqlite {

// Used once. Refers to all it is made from.
class Script {
 public:
  // `tables`: those of `mapping` first, in its order.
  Script(Database& database, const Mapping& mapping, std::vector<TablePlan>& tables,
         Migration* migration)
      : database_(database), mapping_(mapping), tables_(tables), migration_(*migration) {}

  absl::Status Write();

 private:
  using Renames = std::vector<std::pair<std::string, std::string>>;

  void Sql(std::string sql) { migration_.actions.push_back({MigrationAction::Kind::kSql, sql}); }
  void Refuse(std::string change, std::string why);
  // A name like `base` that is not among `names`, and is from now on.
  static std::string Unused(std::string base, std::set<std::string>* names);
  // Gives things their new names, `taken` being those of all there are; in two steps where the new
  // name is another's.
  void Rename(const Renames& renames, std::set<std::string>* taken,
              const std::function<void(const std::string&, const std::string&)>& rename);

  // Refuses what is no matter of models: too many columns, indexes of others over what is dropped.
  void CheckRoom(const TablePlan& plan);
  void CheckIndexes(const TablePlan& plan);
  void DropIndexes(const TablePlan& plan);
  void DropTables();
  void RenameTables();
  void RenameColumns(TablePlan* plan);
  void AddColumns(const TablePlan& plan);
  void ChangeNans(const TablePlan& plan);
  // Whether a column can be made anew; refuses it if not.
  bool CanBeMadeAnew(const TablePlan& plan, const PhysicalColumn& column);
  void Rebuild(const TablePlan& plan);
  void RebuildGone(const TablePlan& plan);
  void AddRebuild(const TablePlan& plan, std::string create, const std::vector<std::string>& names,
                  const std::vector<std::string>& values);
  void CreateIndexes(const TablePlan& plan);
  void UpdateIds();
  void Remember();
  bool Wants(const TablePlan& plan, const PhysicalIndex& index) const;
  // The indexes of the old table that Kin made.
  static std::vector<const PhysicalIndex*> OwnIndexes(const TablePlan& plan);

  Database& database_;
  const Mapping& mapping_;
  std::vector<TablePlan>& tables_;
  Migration& migration_;
  std::set<std::string> names_;  // Of everything in the database, in lower case.
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_SCRIPT_H_
