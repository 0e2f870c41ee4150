#include "kin/persistence/sqlite/rehearsal.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/functions.h"
#include "kin/persistence/sqlite/migrate.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

absl::StatusOr<std::vector<std::string>> Texts(Database& database, absl::string_view sql,
                                               absl::string_view parameter = "") {
  absl::StatusOr<Statement> query = database.Prepare(sql);
  if (!query.ok()) return query.status();
  if (sqlite3_bind_parameter_count(query->get()) > 0) query->BindText(1, parameter);
  std::vector<std::string> texts;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return texts;
    texts.emplace_back(query->Bytes(0));
  }
}

// A text in double quotes that is no name is one to SQLite, by default. An index over a column that
// is gone would become one over a text, without a word.
void SetQuotedTexts(Database& database, bool allowed) {
  sqlite3_db_config(database.get(), SQLITE_DBCONFIG_DQS_DDL, allowed ? 1 : 0, nullptr);
}

class Rehearsal {
 public:
  Rehearsal(Database& database, const Mapping& mapping, Migration* migration)
      : database_(database), mapping_(mapping), migration_(*migration) {}

  absl::Status Run() {
    absl::StatusOr<Database> scratch = Database::Open(
        ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, "");
    if (!scratch.ok()) return scratch.status();
    scratch_ = *std::move(scratch);
    for (const char* sql : {"PRAGMA foreign_keys = OFF", "PRAGMA trusted_schema = OFF"}) {
      absl::Status status = scratch_.Exec(sql);
      if (!status.ok()) return status;
    }
    SetQuotedTexts(scratch_, false);
    absl::StatusOr<bool> copied = Copy();
    // What cannot be had without rows is seen when it is done.
    if (!copied.ok() || !*copied) return copied.status();
    absl::Status status = AddFunctions(scratch_);
    if (!status.ok()) return status;
    absl::StatusOr<std::vector<std::string>> views = Views();
    if (!views.ok()) return views.status();
    // Those that work, and whether only if texts may be in double quotes. Of the others such a one
    // would become a text where it was a column.
    std::vector<std::pair<std::string, bool>> working;
    for (const std::string& view : *views) {
      if (absl::StartsWithIgnoreCase(view, kViewPrefix)) continue;
      const bool strict = Works(view, false).ok();
      if (strict || Works(view, true).ok()) working.emplace_back(view, !strict);
    }
    for (const MigrationAction& action : migration_.actions) {
      status = RunAction(scratch_, action);
      if (!status.ok()) return Refuse(status, *views);
    }
    status = DropViews(scratch_);
    if (status.ok()) status = CreateViews(scratch_, mapping_);
    if (!status.ok()) return Refuse(status, *views);
    for (const auto& [view, quoted_texts] : working) {
      status = Works(view, quoted_texts);
      if (!status.ok()) {
        Add(absl::StrCat("view ", view),
            absl::StrCat("it would not work any more: ", status.message(), "; ", Advice(view)));
      }
    }
    return absl::OkStatus();
  }

 private:
  // Everything but rows. False: it cannot be had.
  absl::StatusOr<bool> Copy() {
    absl::StatusOr<std::vector<std::string>> virtual_tables =
        Texts(database_,
              "SELECT \"name\" FROM pragma_table_list WHERE "
              "\"schema\" = 'main' AND \"type\" = "
              "'virtual'");
    if (!virtual_tables.ok()) return virtual_tables.status();
    for (const std::string& table : *virtual_tables) {
      absl::StatusOr<std::vector<std::string>> columns =
          Texts(database_, "SELECT \"name\" FROM pragma_table_xinfo(?)", table);
      if (!columns.ok() || columns->empty()) continue;  // Its module is not here.
      const std::string list = absl::StrJoin(
          *columns, ", ",
          [](std::string* out, const std::string& name) { out->append(Quoted(name)); });
      if (!Make(absl::StrCat("CREATE TABLE ", Quoted(table), " (", list, ")"))) return false;
    }
    absl::StatusOr<std::vector<std::string>> script =
        Texts(database_,
              "SELECT \"sql\" FROM \"sqlite_schema\" WHERE \"sql\" IS NOT NULL AND "
              "\"name\" NOT LIKE "
              "'sqlite\\_%' ESCAPE '\\' AND \"sql\" NOT LIKE 'CREATE VIRTUAL %' "
              "ORDER BY \"type\" <> 'table', rowid");
    if (!script.ok()) return script.status();
    for (const std::string& sql : *script) {
      if (!Make(sql)) return false;
    }
    return true;
  }

  bool Make(const std::string& sql) {
    if (scratch_.Exec(sql).ok()) return true;
    SetQuotedTexts(scratch_, true);
    const bool made = scratch_.Exec(sql).ok();
    SetQuotedTexts(scratch_, false);
    return made;
  }

  absl::StatusOr<std::vector<std::string>> Views() {
    return Texts(scratch_, "SELECT \"name\" FROM \"sqlite_schema\" WHERE \"type\" = 'view'");
  }

  absl::Status Works(const std::string& view, bool quoted_texts) {
    sqlite3_db_config(scratch_.get(), SQLITE_DBCONFIG_DQS_DML, quoted_texts ? 1 : 0, nullptr);
    return scratch_.Prepare(absl::StrCat("SELECT * FROM ", Quoted(view))).status();
  }

  static std::string Advice(const std::string& view) {
    return absl::StrCat("remove it, with: DROP VIEW ", Quoted(view),
                        "; and make it again when this is done");
  }

  void Add(std::string change, std::string refused) {
    MigrationStep step;
    step.change = std::move(change);
    step.refused = std::move(refused);
    migration_.plan.steps.push_back(std::move(step));
  }

  absl::Status Refuse(const absl::Status& error, const std::vector<std::string>& views) {
    if (absl::IsUnavailable(error)) return error;
    // SQLite renames nothing as long as a view names what is not there, and says which one.
    const std::string* found = nullptr;
    for (const std::string& view : views) {
      if (absl::StrContains(error.message(), absl::StrCat("error in view ", view)) &&
          (found == nullptr || view.size() > found->size())) {
        found = &view;
      }
    }
    Add(found == nullptr ? "the SQL" : absl::StrCat("view ", *found),
        absl::StrCat("SQLite would refuse: ", error.message(), "; ",
                     found != nullptr ? Advice(*found)
                                      : "remove first what Kin did not make and is in the way"));
    return absl::OkStatus();
  }

  Database& database_;
  const Mapping& mapping_;
  Migration& migration_;
  Database scratch_;
};

}  // namespace

absl::StatusOr<bool> HasOthers(Database& database, const Mapping& known) {
  std::set<std::string> names;
  for (const Table& table : known.tables) {
    names.insert(absl::AsciiStrToLower(table.name));
    for (const TableIndex& index : table.indexes) names.insert(absl::AsciiStrToLower(index.name));
  }
  absl::StatusOr<std::vector<std::string>> found =
      Texts(database,
            "SELECT CASE WHEN \"type\" IN ('table', 'index') THEN lower(\"name\") ELSE '' END FROM "
            "\"sqlite_schema\" WHERE \"name\" NOT LIKE '\\_kin\\_%' ESCAPE '\\' AND \"name\" NOT "
            "LIKE 'sqlite\\_%' ESCAPE '\\'");
  if (!found.ok()) return found.status();
  for (const std::string& name : *found) {
    if (names.count(name) == 0) return true;
  }
  for (const Table& table : known.tables) {
    names.clear();
    for (const Column& column : table.columns) names.insert(absl::AsciiStrToLower(column.name));
    found = Texts(database, "SELECT lower(\"name\") FROM pragma_table_xinfo(?)", table.name);
    if (!found.ok()) return found.status();
    for (const std::string& name : *found) {
      if (names.count(name) == 0) return true;
    }
  }
  return false;
}

absl::Status Rehearse(Database& database, const Mapping& mapping, Migration* migration) {
  // The SQL of what is refused need not be sound.
  if (migration->actions.empty() || !migration->plan.allowed()) return absl::OkStatus();
  return Rehearsal(database, mapping, migration).Run();
}

}  // namespace kin::persistence::sqlite
