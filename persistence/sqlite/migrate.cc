#include "kin/persistence/sqlite/migrate.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/functions.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

absl::StatusOr<std::vector<std::string>> IndexesOf(Database& database, const std::string& table) {
  absl::StatusOr<Statement> query = database.Prepare(
      "SELECT \"sql\" FROM \"sqlite_schema\" WHERE \"type\" = 'index' AND \"sql\" IS NOT NULL AND "
      "lower(\"tbl_name\") = lower(?)");
  if (!query.ok()) return query.status();
  query->BindText(1, table);
  std::vector<std::string> sql;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return sql;
    sql.emplace_back(query->Bytes(0));
  }
}

// As SQLite advises where ALTER TABLE has no way. Kin's indexes are gone already; the rest comes
// back.
absl::Status Rebuild(Database& database, const MigrationAction& action) {
  absl::StatusOr<std::vector<std::string>> indexes = IndexesOf(database, action.table);
  if (!indexes.ok()) return indexes.status();
  std::vector<std::string> script = {
      action.create, action.sql, absl::StrCat("DROP TABLE ", Quoted(action.table)),
      // Else views that name the table, which is not there just now, would be in the way.
      "PRAGMA legacy_alter_table = ON",
      absl::StrCat("ALTER TABLE ", Quoted(kNewTable), " RENAME TO ", Quoted(action.table)),
      "PRAGMA legacy_alter_table = OFF"};
  script.insert(script.end(), indexes->begin(), indexes->end());
  for (const std::string& sql : script) {
    absl::Status status = database.Exec(sql);
    if (!status.ok()) {
      database.Exec("PRAGMA legacy_alter_table = OFF").IgnoreError();
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Migrate(Database& database, const Migration& migration, const Catalogue& catalogue,
                     const StoredSchema& old, const StoredSchema& schema) {
  absl::Status ready = AddFunctions(database);
  if (ready.ok()) ready = DropViews(database);
  if (!ready.ok()) return ready;
  for (const MigrationAction& action : migration.actions) {
    absl::Status status;
    switch (action.kind) {
      case MigrationAction::Kind::kSql:
        status = database.Exec(action.sql);
        break;
      case MigrationAction::Kind::kRebuild:
        status = Rebuild(database, action);
        break;
    }
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cannot migrate: ", status.message()));
    }
  }
  return WriteCatalogue(database, &catalogue, old, schema, migration.next);
}

}  // namespace kin::persistence::sqlite
