#include "kin/persistence/sqlite/obstacles.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kin/persistence/sqlite/physical.h"
#include "kin/persistence/sqlite/sql_tokens.h"

namespace kin::persistence::sqlite {
namespace {

absl::Status InTheWay(const Table& table, absl::string_view what,
                      absl::string_view advice = "remove it") {
  return absl::FailedPreconditionError(absl::StrCat(
      "table ", table.name, ": ", what,
      ", which Kin did not make, and which may refuse what the store accepts; ", advice));
}

constexpr absl::string_view kMakeAnew = "make the table anew as Kin makes it, and copy its rows";

constexpr absl::string_view kComputeOtherwise =
    "remove it, or have it compute by comparisons, arithmetic, CAST, CASE and functions that "
    "cannot fail, such as lower(), alone";

bool HasCheck(absl::string_view sql) {
  const std::vector<SqlToken> tokens = SqlTokens(sql);
  return std::any_of(tokens.begin(), tokens.end(),
                     [](const SqlToken& token) { return token.IsWord("CHECK"); });
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

std::vector<std::string> Folded(std::vector<std::string> names) {
  for (std::string& name : names) absl::AsciiStrToLower(&name);
  return names;
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

absl::Status FindGeneratedColumns(Database& database, const Table& table) {
  return ForEachRow(database, table,
                    "SELECT \"sql\" FROM \"sqlite_schema\" WHERE lower(\"name\") = lower(?) AND "
                    "\"type\" = 'table'",
                    [&](const Statement& row) -> absl::Status {
                      if (!GeneratedColumnsMayFail(row.Bytes(0))) return absl::OkStatus();
                      return InTheWay(table, "has a generated column that may fail",
                                      kComputeOtherwise);
                    });
}

absl::Status CheckDefinition(Database& database, const Table& table) {
  absl::Status status = FindTriggersAndChecks(database, table);
  if (status.ok()) status = FindGeneratedColumns(database, table);
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

// That the key is the table's, compared byte by byte.
absl::Status CheckKey(Database& database, const Table& table) {
  std::vector<std::string> key;
  absl::Status status = ForEachRow(
      database, table,
      "SELECT lower(\"name\") FROM pragma_table_xinfo(?) WHERE \"pk\" > 0 ORDER BY \"pk\"",
      [&key](const Statement& row) -> absl::Status {
        key.emplace_back(row.Bytes(0));
        return absl::OkStatus();
      });
  std::string order;
  if (status.ok()) {
    status = ForEachRow(database, table,
                        "SELECT x.\"coll\" FROM pragma_index_list(?) AS l, "
                        "pragma_index_xinfo(l.\"name\") AS x WHERE l.\"origin\" = 'pk' AND "
                        "x.\"key\" AND x.\"coll\" <> 'BINARY' COLLATE NOCASE",
                        [&order](const Statement& row) -> absl::Status {
                          order = std::string(row.Bytes(0));
                          return absl::OkStatus();
                        });
  }
  if (!status.ok()) return status;
  if (Folded(NamesOf(table, table.key)) != key) {
    return InTheWay(table, absl::StrCat("has the primary key (", absl::StrJoin(key, ", "), ")"),
                    kMakeAnew);
  }
  if (order.empty()) return absl::OkStatus();
  return InTheWay(table, absl::StrCat("has a primary key with COLLATE ", order), kMakeAnew);
}

absl::Status CheckColumns(Database& database, const Table& table) {
  absl::Status status = ForEachRow(
      database, table,
      "SELECT \"name\", \"dflt_value\" IS NULL FROM pragma_table_xinfo(?) WHERE \"notnull\"",
      [&](const Statement& row) -> absl::Status {
        const auto column = std::find_if(
            table.columns.begin(), table.columns.end(),
            [&](const Column& known) { return absl::EqualsIgnoreCase(known.name, row.Bytes(0)); });
        // Into one of Kin's own NULL is written as such, whatever its default.
        const bool fits =
            column == table.columns.end() ? row.Int(1) == 0 : !column->nullable || column->key;
        if (fits) return absl::OkStatus();
        return InTheWay(table, absl::StrCat("has a column ", row.Bytes(0), " that is NOT NULL"));
      });
  return status.ok() ? CheckKey(database, table) : status;
}

// That what others' columns get when Kin inserts a row can be had and be stored: SQLite looks at a
// DEFAULT when it is used. Tried out in a database beside this one, since what an expression gives
// and what a STRICT column takes is best told by SQLite.
absl::Status CheckDefaults(const Table& table, const PhysicalTable& there) {
  absl::StatusOr<Database> beside = Database();
  for (PhysicalColumn column : there.columns) {
    const bool known = std::any_of(
        table.columns.begin(), table.columns.end(),
        [&](const Column& wanted) { return absl::EqualsIgnoreCase(wanted.name, column.name); });
    if (known || column.generated || column.default_value.empty()) continue;
    if (!*beside) {
      beside = Database::Open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "");
      if (!beside.ok()) return beside.status();
      absl::Status status = beside->Exec("PRAGMA trusted_schema = OFF");
      if (!status.ok()) return status;
    }
    column.collation.clear();  // Which may be known to another program only.
    const absl::Status tried = beside->Exec(
        absl::StrCat("DROP TABLE IF EXISTS \"tried\"; CREATE TABLE \"tried\" (",
                     column.Definition(), ") STRICT; INSERT INTO \"tried\" DEFAULT VALUES"));
    if (absl::IsUnavailable(tried) || absl::IsResourceExhausted(tried)) return tried;
    if (!tried.ok()) {
      return InTheWay(
          table,
          absl::StrCat("has a column ", column.name, " whose DEFAULT ", column.default_value,
                       " cannot be stored (", tried.message(), ")"),
          "make the column anew with another one");
    }
  }
  return absl::OkStatus();
}

// Whether an SQL text has one of these names, which are in upper case.
bool Mentions(absl::string_view sql, const std::set<std::string>& names) {
  const std::vector<SqlToken> tokens = SqlTokens(sql);
  return std::any_of(tokens.begin(), tokens.end(), [&names](const SqlToken& token) {
    const bool name = token.kind == SqlToken::Kind::kWord || token.kind == SqlToken::Kind::kQuoted;
    return name && names.count(token.text) > 0;
  });
}

absl::Status CheckIndexes(const Table& table, const PhysicalTable& there) {
  for (const PhysicalIndex& index : there.indexes) {
    const bool known =
        std::any_of(table.indexes.begin(), table.indexes.end(), [&](const TableIndex& wanted) {
          return wanted.unique && index.Is(NamesOf(table, wanted.columns), true);
        });
    if (index.unique && !known) {
      return InTheWay(table, absl::StrCat("has a unique index ", index.name));
    }
    if (!index.plain && IndexMayFail(index.sql)) {
      return InTheWay(table, absl::StrCat("has an index ", index.name, " that may fail"),
                      kComputeOtherwise);
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

// A foreign key of a table that is nobody's model to one that is.
struct Reference {
  std::string child, parent;
  std::string on_delete;
  std::vector<std::string> from, to;  // Columns; `to` is empty if it is the key.
};

absl::StatusOr<std::vector<Reference>> ReadReferences(Database& database, const Mapping& mapping) {
  std::set<std::string> models;
  for (const Table& table : mapping.tables) models.insert(absl::AsciiStrToLower(table.name));
  absl::StatusOr<Statement> query = database.Prepare(
      "SELECT t.\"name\", f.\"id\", f.\"table\", f.\"on_delete\", f.\"from\", f.\"to\" FROM "
      "pragma_table_list AS t, pragma_foreign_key_list(t.\"name\") AS f WHERE t.\"schema\" = "
      "'main' AND t.\"type\" = 'table' ORDER BY t.\"name\", f.\"id\", f.\"seq\"");
  if (!query.ok()) return query.status();
  std::vector<Reference> references;
  std::int64_t last = -1;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return references;
    const std::string child(query->Bytes(0));
    if (models.count(absl::AsciiStrToLower(child)) > 0) continue;
    if (references.empty() || references.back().child != child || last != query->Int(1)) {
      references.push_back(
          {child, std::string(query->Bytes(2)), std::string(query->Bytes(3)), {}, {}});
    }
    last = query->Int(1);
    references.back().from.emplace_back(query->Bytes(4));
    if (query->type(5) != SQLITE_NULL) references.back().to.emplace_back(query->Bytes(5));
  }
}

// Whether NULL can be put into these columns of any row of `child`. Unique constraints and plain
// unique indexes take any number of NULLs.
absl::StatusOr<bool> TakesNull(Database& database, const Table& child,
                               const std::vector<std::string>& columns) {
  absl::StatusOr<PhysicalTable> physical = ReadPhysicalTable(database, child.name);
  if (!physical.ok()) return physical.status();
  for (const std::string& name : columns) {
    const PhysicalColumn* column = physical->Find(name);
    if (column == nullptr || column->not_null || column->key != 0) return false;
  }
  // What changes: these columns and, as these may be computed from them, all generated ones.
  std::set<std::string> changing;
  for (const std::string& name : columns) changing.insert(absl::AsciiStrToUpper(name));
  for (const PhysicalColumn& column : physical->columns) {
    if (column.generated) changing.insert(absl::AsciiStrToUpper(column.name));
  }
  for (const PhysicalIndex& index : physical->indexes) {
    for (const std::string& name : index.columns) {
      const PhysicalColumn* column = physical->Find(name);
      if (index.unique && column != nullptr && column->generated) return false;
    }
    if (!index.computed || !Mentions(index.sql, changing)) continue;
    if (index.unique || IndexMayFail(index.sql)) return false;
  }
  bool takes = true;
  absl::Status status =
      ForEachRow(database, child,
                 "SELECT 1 FROM pragma_table_xinfo(?) WHERE \"hidden\" IN (2, 3) AND \"notnull\"",
                 [&takes](const Statement&) -> absl::Status {
                   takes = false;
                   return absl::OkStatus();
                 });
  if (status.ok()) status = FindGeneratedColumns(database, child);
  // A row is judged as a whole when it is written, with what a later column gives to older rows.
  if (status.ok() && physical->strict) status = CheckDefaults(child, *physical);
  if (absl::IsFailedPrecondition(status)) return false;
  if (!status.ok()) return status;
  return takes;
}

// Whether SQLite would let a record go that rows of `reference` refer to, and let go of them, with
// nothing else in the way.
absl::StatusOr<bool> LetsGo(Database& database, const Table& parent, const Reference& reference,
                            const std::vector<Reference>& all) {
  const bool nulls = reference.on_delete == "SET NULL";
  if (!nulls && reference.on_delete != "CASCADE") return false;
  // Values of other columns may change.
  std::vector<std::string> key = reference.to, wanted = NamesOf(parent, parent.key);
  for (std::vector<std::string>* names : {&key, &wanted}) {
    for (std::string& name : *names) absl::AsciiStrToLower(&name);
    std::sort(names->begin(), names->end());
  }
  if (!key.empty() && key != wanted) return false;
  for (const Reference& other : all) {
    if (absl::EqualsIgnoreCase(other.parent, reference.child)) return false;
  }
  Table child;
  child.name = reference.child;
  absl::Status status = FindTriggersAndChecks(database, child);
  if (absl::IsFailedPrecondition(status)) return false;
  if (!status.ok()) return status;
  if (!nulls) return true;
  return TakesNull(database, child, reference.from);
}

absl::Status CheckReferences(Database& database, const Table& table,
                             const std::vector<Reference>& references) {
  for (const Reference& reference : references) {
    if (!absl::EqualsIgnoreCase(reference.parent, table.name)) continue;
    absl::StatusOr<bool> lets_go = LetsGo(database, table, reference, references);
    if (!lets_go.ok()) return lets_go.status();
    if (*lets_go) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "table ", table.name, ": table ", reference.child, " refers to it by (",
        absl::StrJoin(reference.from, ", "),
        "), which Kin does not know of, and which may refuse what the store accepts; remove that "
        "FOREIGN KEY, or make a model of the table with a belongs_to. It may stay if it refers to "
        "the primary key and says ON DELETE CASCADE, or SET NULL where NULL is allowed (also by "
        "generated columns, and by indexes over these, over expressions or with a WHERE), and no "
        "trigger, CHECK or other FOREIGN KEY hangs on its table"));
  }
  return absl::OkStatus();
}

absl::Status CheckAll(Database& database, const Table& table,
                      const std::vector<Reference>& references) {
  for (auto check : {CheckDefinition, CheckColumns, CheckForeignKeys}) {
    absl::Status status = check(database, table);
    if (!status.ok()) return status;
  }
  absl::StatusOr<PhysicalTable> there = ReadPhysicalTable(database, table.name);
  if (!there.ok()) return there.status();
  absl::Status status = CheckIndexes(table, *there);
  if (status.ok()) status = CheckDefaults(table, *there);
  if (!status.ok()) return status;
  return CheckReferences(database, table, references);
}

}  // namespace

absl::Status CheckTriggersAndChecks(Database& database, const Table& table) {
  return FindTriggersAndChecks(database, table);
}

absl::Status CheckObstacles(Database& database, const Mapping& mapping, const Table& table) {
  absl::StatusOr<std::vector<Reference>> references = ReadReferences(database, mapping);
  return references.ok() ? CheckAll(database, table, *references) : references.status();
}

absl::Status CheckObstacles(Database& database, const Mapping& mapping) {
  absl::StatusOr<std::vector<Reference>> references = ReadReferences(database, mapping);
  if (!references.ok()) return references.status();
  for (const Table& table : mapping.tables) {
    absl::Status status = CheckAll(database, table, *references);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

namespace {

// A foreign key as SQLite tells of it, in lower case.
struct FoundForeignKey {
  std::string parent;
  std::vector<std::string> from, to;  // `to` is empty if it is the parent's key.
  bool acts = false;                  // Does more, or earlier, than refuse at the end.
};

absl::StatusOr<std::map<std::int64_t, FoundForeignKey>> FindForeignKeys(Database& database,
                                                                        const Table& table) {
  std::map<std::int64_t, FoundForeignKey> found;
  absl::Status status = ForEachRow(
      database, table,
      "SELECT \"id\", lower(\"table\"), lower(\"from\"), lower(\"to\"), \"on_update\" <> "
      "'NO ACTION' OR \"on_delete\" <> 'NO ACTION' FROM pragma_foreign_key_list(?) "
      "ORDER BY \"id\", \"seq\"",
      [&found](const Statement& row) -> absl::Status {
        FoundForeignKey& key = found[row.Int(0)];
        key.parent = std::string(row.Bytes(1));
        key.from.emplace_back(row.Bytes(2));
        if (row.type(3) != SQLITE_NULL) key.to.emplace_back(row.Bytes(3));
        key.acts = row.Int(4) != 0;
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return found;
}

bool IsKnown(const Mapping& mapping, const Table& table, const FoundForeignKey& found) {
  return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                     [&](const TableForeignKey& wanted) {
                       const Table& parent = mapping.tables[wanted.parent];
                       const std::vector<std::string> to =
                           found.to.empty() ? Folded(NamesOf(parent, parent.key)) : found.to;
                       return absl::AsciiStrToLower(parent.name) == found.parent &&
                              Folded(NamesOf(table, wanted.columns)) == found.from &&
                              Folded(NamesOf(parent, wanted.parent_columns)) == to;
                     });
}

// How many foreign keys in an SQL text wait for the end of the transaction, as Kin writes it.
std::size_t CountDeferred(absl::string_view sql) {
  const std::string text = absl::StrJoin(
      absl::StrSplit(absl::AsciiStrToUpper(sql), absl::ByAnyChar(" \t\r\n"), absl::SkipEmpty()),
      " ");
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find("DEFERRABLE INITIALLY DEFERRED", at)) != text.npos;
       ++at) {
    if (!absl::EndsWith(text.substr(0, at), "NOT ")) ++count;
  }
  return count;
}

// That foreign keys are those of the schema: others may refuse, or change, what it allows.
absl::Status CheckReferencesOf(Database& database, const Mapping& mapping, const Table& table) {
  absl::StatusOr<std::map<std::int64_t, FoundForeignKey>> found = FindForeignKeys(database, table);
  if (!found.ok()) return found.status();
  for (const auto& [id, key] : *found) {
    const std::string what =
        absl::StrCat("FOREIGN KEY (", absl::StrJoin(key.from, ", "), ") REFERENCES ", key.parent);
    if (!IsKnown(mapping, table, key)) return InTheWay(table, absl::StrCat("has a ", what));
    if (key.acts) {
      return InTheWay(table, absl::StrCat("has an ON UPDATE or ON DELETE action on its ", what));
    }
  }
  return ForEachRow(database, table,
                    "SELECT \"sql\" FROM \"sqlite_schema\" WHERE \"type\" = 'table' AND "
                    "lower(\"name\") = lower(?)",
                    [&](const Statement& row) -> absl::Status {
                      if (CountDeferred(row.Bytes(0)) >= found->size()) return absl::OkStatus();
                      return InTheWay(table,
                                      "has a FOREIGN KEY without DEFERRABLE INITIALLY DEFERRED",
                                      kMakeAnew);
                    });
}

}  // namespace

absl::Status CheckForeignKeys(Database& database, const Mapping& mapping) {
  for (const Table& table : mapping.tables) {
    absl::Status status = CheckReferencesOf(database, mapping, table);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckOwnTables(Database& database) {
  for (const char* name : {"_kin_meta", "_kin_ids"}) {
    Table table;
    table.name = name;
    absl::Status status = FindTriggersAndChecks(database, table);
    if (!status.ok()) return status;
    absl::StatusOr<PhysicalTable> there = ReadPhysicalTable(database, name);
    status = there.ok() ? CheckIndexes(table, *there) : there.status();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
