#include "kin/persistence/sqlite/obstacles.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/physical.h"

namespace kin::persistence::sqlite {
namespace {

absl::Status InTheWay(const Table& table, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      "table ", table.name, ": ", what,
      ", which Kin did not make, and which may refuse what the store accepts; remove it"));
}

// Whether an SQL text has the word CHECK, other than within quotes or as part of another word.
bool HasCheck(absl::string_view sql) {
  std::string word;
  for (std::size_t i = 0; i <= sql.size(); ++i) {
    const char c = i < sql.size() ? sql[i] : ' ';
    if (absl::ascii_isalnum(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80) {
      word.push_back(absl::ascii_toupper(c));
      continue;
    }
    if (word == "CHECK") return true;
    word.clear();
    if (c == '"' || c == '\'' || c == '`' || c == '[') {
      i = sql.find(c == '[' ? ']' : c, i + 1);
      if (i == absl::string_view::npos) return false;
    }
  }
  return false;
}

// Calls visit(row) with each row of `sql`, whose parameter is the table's name, until it returns an
// error.
template <typename Visit>
absl::Status ForEachRow(Database& database, const Table& table, absl::string_view sql,
                        Visit visit) {
  absl::StatusOr<Statement> query = database.Prepare(sql);
  if (!query.ok()) return query.status();
  query->BindText(1, table.name);
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    absl::Status status = visit(*query);
    if (!status.ok()) return status;
  }
}

template <typename Range>
bool HasName(const Range& range, absl::string_view name) {
  return std::any_of(range.begin(), range.end(),
                     [name](const auto& item) { return absl::EqualsIgnoreCase(item.name, name); });
}

absl::Status FindTriggersAndChecks(Database& database, const Table& table) {
  return ForEachRow(
      database, table,
      "SELECT \"type\", \"name\", \"sql\" FROM \"sqlite_schema\" WHERE lower(\"tbl_name\") = "
      "lower(?) AND \"type\" IN ('table', 'trigger')",
      [&](const Statement& row) -> absl::Status {
        if (row.Bytes(0) == "trigger") {
          return InTheWay(table, absl::StrCat("has a trigger ", row.Bytes(1)));
        }
        return HasCheck(row.Bytes(2)) ? InTheWay(table, "has a CHECK") : absl::OkStatus();
      });
}

absl::Status CheckDefinition(Database& database, const Table& table) {
  absl::Status status = FindTriggersAndChecks(database, table);
  if (!status.ok()) return status;
  return ForEachRow(database, table,
                    "SELECT \"strict\" FROM pragma_table_list WHERE \"schema\" = 'main' AND "
                    "lower(\"name\") = lower(?)",
                    [&](const Statement& row) -> absl::Status {
                      if (row.Int(0) == 1) return absl::OkStatus();
                      return absl::FailedPreconditionError(absl::StrCat(
                          "table ", table.name,
                          ": is not STRICT, so that SQLite may change values; make it STRICT"));
                    });
}

absl::Status CheckColumns(Database& database, const Table& table) {
  return ForEachRow(
      database, table,
      "SELECT \"name\" FROM pragma_table_xinfo(?) WHERE \"notnull\" AND \"dflt_value\" IS NULL",
      [&](const Statement& row) -> absl::Status {
        if (HasName(table.columns, row.Bytes(0))) return absl::OkStatus();
        return InTheWay(table, absl::StrCat("has a column ", row.Bytes(0), " that is NOT NULL"));
      });
}

absl::Status CheckIndexes(Database& database, const Table& table) {
  absl::StatusOr<PhysicalTable> there = ReadPhysicalTable(database, table.name);
  if (!there.ok()) return there.status();
  for (const PhysicalIndex& index : there->indexes) {
    const bool known = std::any_of(
        table.indexes.begin(), table.indexes.end(),
        [&](const TableIndex& wanted) { return index.Is(NamesOf(table, wanted.columns), true); });
    if (index.unique && !known) {
      return InTheWay(table, absl::StrCat("has a unique index ", index.name));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckForeignKeys(Database& database, const Table& table) {
  std::size_t there = 0;
  absl::Status status =
      ForEachRow(database, table, "SELECT DISTINCT \"id\" FROM pragma_foreign_key_list(?)",
                 [&there](const Statement&) -> absl::Status {
                   ++there;
                   return absl::OkStatus();
                 });
  if (!status.ok() || there <= table.foreign_keys.size()) return status;
  return InTheWay(table, absl::StrCat("has ", there - table.foreign_keys.size(),
                                      " more FOREIGN KEY than the schema"));
}

}  // namespace

absl::Status CheckTriggersAndChecks(Database& database, const Table& table) {
  return FindTriggersAndChecks(database, table);
}

absl::Status CheckObstacles(Database& database, const Table& table) {
  for (auto check : {CheckDefinition, CheckColumns, CheckIndexes, CheckForeignKeys}) {
    absl::Status status = check(database, table);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckObstacles(Database& database, const Mapping& mapping) {
  for (const Table& table : mapping.tables) {
    absl::Status status = CheckObstacles(database, table);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
