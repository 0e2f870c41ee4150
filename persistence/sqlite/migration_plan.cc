#include "kin/persistence/sqlite/migration_plan.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/functions.h"
#include "kin/persistence/sqlite/older.h"
#include "kin/persistence/sqlite/planner.h"
#include "kin/persistence/sqlite/rehearsal.h"
#include "kin/persistence/sqlite/script.h"

namespace kin::persistence::sqlite {
namespace {

void AppendSql(const MigrationAction& action, std::vector<std::string>* sql) {
  switch (action.kind) {
    case MigrationAction::Kind::kSql:
      sql->push_back(action.sql);
      break;
    case MigrationAction::Kind::kRebuild:
      sql->push_back(action.create);
      sql->push_back(action.sql);
      sql->push_back(absl::StrCat("DROP TABLE ", Quoted(action.table)));
      sql->push_back(
          absl::StrCat("ALTER TABLE ", Quoted(kNewTable), " RENAME TO ", Quoted(action.table)));
      break;
  }
}

}  // namespace

absl::StatusOr<Migration> PlanMigration(Database& database, const Catalogue& catalogue,
                                        const Mapping& mapping, const MigrateOptions& options) {
  Migration migration;
  absl::Status status = AddFunctions(database);
  if (!status.ok()) return status;
  Planner planner(database, catalogue, mapping, options);
  status = planner.Run();
  if (!status.ok()) return status;
  migration.plan.steps = std::move(planner.steps());
  migration.concerned = std::move(planner.concerned());
  migration.next.former_names = catalogue.former_names;
  status = Script(database, mapping, planner.tables(), &migration).Write();
  if (!status.ok()) return status;
  // Between tables of Kin's alone nothing is in the way, and SQLite takes its time: it reads the
  // whole schema again for each change.
  absl::StatusOr<bool> others = HasOthers(database, AsStored(catalogue));
  if (!others.ok()) return others.status();
  if (*others) status = Rehearse(database, mapping, &migration);
  if (!status.ok()) return status;
  for (const MigrationAction& action : migration.actions) AppendSql(action, &migration.plan.sql);
  return migration;
}

}  // namespace kin::persistence::sqlite
