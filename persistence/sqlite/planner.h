// Plans a migration; migration_plan.h says what for. Two steps: Planner decides what becomes of
// each table and judges it; Script (script.h) puts that into SQL.
#ifndef KIN_PERSISTENCE_SQLITE_PLANNER_H_
#define KIN_PERSISTENCE_SQLITE_PLANNER_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kin/persistence/evolution/type_change.h"
#include "kin/persistence/sqlite/migration_plan.h"
#include "kin/persistence/sqlite/table_plan.h"

namespace kin::persistence::sqlite {

// Used once. Refers to all it is made from.
class Planner {
 public:
  Planner(Database& database, const Catalogue& catalogue, const Mapping& mapping,
          const MigrateOptions& options);

  absl::Status Run();

  // By table of the new mapping, then those whose model is gone.
  std::vector<TablePlan>& tables() { return tables_; }
  std::vector<MigrationStep>& steps() { return steps_; }
  // Migration::concerned.
  std::set<std::string>& concerned() { return concerned_; }

 private:
  // A name of a model or field in MigrateOptions, by any of the names that it has had.
  using Names = std::vector<std::string>;

  void PlanRenames();
  absl::Status MakePlans();
  absl::Status PlanTable(TablePlan* plan);
  absl::Status PlanGone(TablePlan* plan);
  absl::Status PlanColumns(TablePlan* plan);
  absl::Status PlanSource(TablePlan* plan, int column);
  absl::Status PlanType(TablePlan* plan, int column);
  void PlanInner(const TablePlan& plan, const Column& column,
                 const std::vector<InnerChange>& changes);
  absl::Status JudgeNarrower(TablePlan* plan, int column, std::string what);
  absl::Status JudgeFromJson(TablePlan* plan, int column);
  absl::Status JudgeOther(TablePlan* plan, int column, const TypeChange& change);
  absl::Status PlanPresence(TablePlan* plan, int column);
  absl::Status PlanLeft(TablePlan* plan, const StoredColumn& column);
  void PlanForeign(TablePlan* plan);
  absl::Status PlanKey(TablePlan* plan);
  absl::Status PlanOneofs(TablePlan* plan);
  void PlanFormerOneofs(const TablePlan& plan);
  absl::Status PlanIndexes(TablePlan* plan);
  absl::Status PlanForeignKeys(TablePlan* plan);
  bool HasForeignKey(const TablePlan& plan, const TableForeignKey& foreign_key) const;
  bool CanAddInline(const TablePlan& plan, const TableForeignKey& foreign_key) const;

  absl::Status CountRows(const TablePlan& plan, MigrationStep* step);
  Names NamesOfModel(const TablePlan& plan) const;
  Names NamesOfField(const TablePlan& plan, const StoredColumn* old_column,
                     const Column* column) const;
  bool Allowed(const Names& names) const { return IsIn(allow_, names); }
  bool Dropped(const Names& names) const { return IsIn(drop_, names); }
  void Concern(const Names& names);
  // `table`: the new or the old one of `plan`.
  void ConcernFields(const TablePlan& plan, const Table& table, const std::vector<int>& columns);
  static bool IsIn(const std::set<std::string>& set, const Names& names);
  void Add(std::string change, std::string refused = "");
  void Add(MigrationStep step) { steps_.push_back(std::move(step)); }

  Database& database_;
  const Catalogue& catalogue_;
  const Mapping& mapping_;
  const std::set<std::string> allow_;
  const std::set<std::string> drop_;
  const std::map<std::string, std::string> renamed_;
  ModelMatches matches_;
  std::vector<TablePlan> tables_;
  std::vector<MigrationStep> steps_;
  std::set<std::string> concerned_;
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_PLANNER_H_
