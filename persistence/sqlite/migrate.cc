#include "kin/persistence/sqlite/migrate.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/functions.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

struct Index {
  std::string name, sql;
};

absl::StatusOr<std::vector<Index>> IndexesOf(Database& database, const std::string& table) {
  absl::StatusOr<Statement> query = database.Prepare(
      "SELECT \"name\", \"sql\" FROM \"sqlite_schema\" WHERE "
      "\"type\" = 'index' AND \"sql\" IS "
      "NOT NULL AND lower(\"tbl_name\") = lower(?)");
  if (!query.ok()) return query.status();
  query->BindText(1, table);
  std::vector<Index> indexes;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return indexes;
    indexes.push_back({std::string(query->Bytes(0)), std::string(query->Bytes(1))});
  }
}

absl::Status Exec(Database& database, const std::string& sql) {
  const absl::Status status = database.Exec(sql);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(), ", in: ", sql));
}

// As SQLite advises where ALTER TABLE has no way. Kin's indexes are gone already; the rest comes
// back.
absl::Status Rebuild(Database& database, const MigrationAction& action) {
  absl::StatusOr<std::vector<Index>> indexes = IndexesOf(database, action.table);
  if (!indexes.ok()) return indexes.status();
  for (const std::string& sql :
       {action.create, action.sql, absl::StrCat("DROP TABLE ", Quoted(action.table)),
        // Else views that name the table, which is not there just now, would be in the way.
        std::string("PRAGMA legacy_alter_table = ON"),
        absl::StrCat("ALTER TABLE ", Quoted(kNewTable), " RENAME TO ", Quoted(action.table)),
        std::string("PRAGMA legacy_alter_table = OFF")}) {
    absl::Status status = Exec(database, sql);
    if (!status.ok()) {
      database.Exec("PRAGMA legacy_alter_table = OFF").IgnoreError();
      return status;
    }
  }
  for (const Index& index : *indexes) {
    const absl::Status status = Exec(database, index.sql);
    if (status.ok()) continue;
    return absl::Status(
        status.code(),
        absl::StrCat("table ", action.table, ", index ", index.name,
                     ", which Kin did not make, cannot be made again: ", status.message(),
                     "; remove it first, with: DROP INDEX ", Quoted(index.name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RunAction(Database& database, const MigrationAction& action) {
  switch (action.kind) {
    case MigrationAction::Kind::kSql:
      return Exec(database, action.sql);
    case MigrationAction::Kind::kRebuild:
      return Rebuild(database, action);
  }
  return absl::OkStatus();
}

absl::Status Migrate(Database& database, const Migration& migration, const Catalogue& catalogue,
                     const StoredSchema& old, const StoredSchema& schema) {
  absl::Status status = AddFunctions(database);
  for (const MigrationAction& action : migration.actions) {
    if (!status.ok()) break;
    status = RunAction(database, action);
    if (!status.ok()) {
      status = absl::Status(status.code(), absl::StrCat("cannot migrate: ", status.message()));
    }
  }
  // Not before: views of others may be over them, and SQLite renames nothing then.
  if (status.ok()) status = DropViews(database);
  if (!status.ok()) return status;
  return WriteCatalogue(database, &catalogue, old, schema, migration.next);
}

}  // namespace kin::persistence::sqlite
