#include "kin/persistence/sqlite/migrate.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

// The bits of a float's NaN, highest byte first, as a double's.
void WidenNan(sqlite3_context* context, int, sqlite3_value** values) {
  const auto* bytes = static_cast<const unsigned char*>(sqlite3_value_blob(values[0]));
  if (sqlite3_value_bytes(values[0]) != 4) return sqlite3_result_value(context, values[0]);
  std::uint32_t bits = 0;
  for (int i = 0; i < 4; ++i) bits = bits << 8 | bytes[i];
  const std::uint64_t wide = std::uint64_t{bits & 0x80000000u} << 32 | 0x7ff0000000000000u |
                             std::uint64_t{bits & 0x007fffffu} << 29;
  unsigned char result[8];
  for (int i = 0; i < 8; ++i) result[i] = static_cast<unsigned char>(wide >> (56 - 8 * i));
  sqlite3_result_blob(context, result, sizeof(result), SQLITE_TRANSIENT);
}

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

absl::Status AddWidenNan(Database& database) {
  const int code = sqlite3_create_function_v2(
      database.get(), "kin_widen_nan", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
      nullptr, WidenNan, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : database.ErrorOf(code);
}

}  // namespace

absl::Status Migrate(Database& database, const Migration& migration, const Catalogue& catalogue,
                     const StoredSchema& old, const StoredSchema& schema) {
  absl::Status dropped = DropViews(database);
  if (!dropped.ok()) return dropped;
  for (const MigrationAction& action : migration.actions) {
    absl::Status status;
    switch (action.kind) {
      case MigrationAction::Kind::kSql:
        status = database.Exec(action.sql);
        break;
      case MigrationAction::Kind::kRebuild:
        status = Rebuild(database, action);
        break;
      case MigrationAction::Kind::kWidenNan:
        status = AddWidenNan(database);
        if (status.ok()) status = database.Exec(action.sql);
        break;
    }
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat("cannot migrate: ", status.message()));
    }
  }
  return WriteCatalogue(database, &catalogue, old, schema, migration.next);
}

}  // namespace kin::persistence::sqlite
