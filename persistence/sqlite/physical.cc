#include "kin/persistence/sqlite/physical.h"

#include <algorithm>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kin::persistence::sqlite {
namespace {

absl::Status ForEachRow(Database& database, absl::string_view sql, absl::string_view parameter,
                        absl::FunctionRef<void(const Statement&)> visit) {
  absl::StatusOr<Statement> query = database.Prepare(sql);
  if (!query.ok()) return query.status();
  if (sqlite3_bind_parameter_count(query->get()) > 0) query->BindText(1, parameter);
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    visit(*query);
  }
}

absl::Status ReadColumns(Database& database, PhysicalTable* table) {
  absl::Status status = ForEachRow(database,
                                   "SELECT \"name\", \"type\", \"notnull\", \"dflt_value\", "
                                   "\"pk\", \"hidden\" "
                                   "FROM pragma_table_xinfo(?)",
                                   table->name, [&](const Statement& row) {
                                     PhysicalColumn column;
                                     column.name = std::string(row.Bytes(0));
                                     column.type = absl::AsciiStrToUpper(row.Bytes(1));
                                     column.not_null = row.Int(2) != 0;
                                     column.default_value = std::string(row.Bytes(3));
                                     column.key = static_cast<int>(row.Int(4));
                                     column.generated = row.Int(5) > 1;
                                     table->columns.push_back(std::move(column));
                                   });
  for (PhysicalColumn& column : table->columns) {
    const char* collation = nullptr;
    if (!status.ok() || sqlite3_table_column_metadata(database.get(), "main", table->name.c_str(),
                                                      column.name.c_str(), nullptr, &collation,
                                                      nullptr, nullptr, nullptr) != SQLITE_OK) {
      continue;
    }
    if (collation != nullptr) column.collation = collation;
  }
  return status;
}

// Whether it is one name in quotes, and not an expression that begins with one.
bool IsQuotedName(const std::string& value) {
  if (value[0] != '"' && value[0] != '`' && value[0] != '[') return false;
  const char end = value[0] == '[' ? ']' : value[0];
  for (std::size_t i = 1; i < value.size(); ++i) {
    if (value[i] != end) continue;
    const bool doubled = end != ']' && i + 1 < value.size() && value[i + 1] == end;
    if (!doubled) return i + 1 == value.size();
    ++i;
  }
  return false;
}

// The default of a column as it is written in CREATE TABLE. SQLite tells an expression without its
// parentheses; a name stands for itself as text, and within parentheses would be that of a column.
std::string DefaultText(const std::string& value) {
  const bool quoted = IsQuotedName(value);
  const bool word = std::all_of(value.begin(), value.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
  });
  return quoted || word ? value : absl::StrCat("(", value, "\n)");
}

absl::Status ReadIndexes(Database& database, PhysicalTable* table) {
  absl::Status status = ForEachRow(
      database,
      "SELECT l.\"name\", l.\"unique\", l.\"origin\" = 'c' AND NOT l.\"partial\", s.\"sql\", "
      "l.\"partial\" "
      "FROM pragma_index_list(?) AS l LEFT JOIN \"sqlite_schema\" AS s ON s.\"name\" = l.\"name\" "
      "AND s.\"type\" = 'index' WHERE l.\"origin\" <> 'pk' ORDER BY l.\"seq\" DESC",
      table->name, [&](const Statement& row) {
        PhysicalIndex index;
        index.name = std::string(row.Bytes(0));
        index.unique = row.Int(1) != 0;
        index.plain = row.Int(2) != 0;
        index.sql = std::string(row.Bytes(3));
        index.computed = row.Int(4) != 0;
        table->indexes.push_back(std::move(index));
      });
  for (PhysicalIndex& index : table->indexes) {
    if (!status.ok()) break;
    status = ForEachRow(database,
                        "SELECT \"name\", \"cid\", \"coll\", \"desc\" FROM pragma_index_xinfo(?) "
                        "WHERE \"key\" ORDER BY \"seqno\"",
                        index.name, [&](const Statement& row) {
                          constexpr std::int64_t kExpression = -2;
                          if (row.Int(1) == kExpression) index.computed = true;
                          // An expression, or another order than that of the values.
                          if (row.Int(1) < 0 || row.Int(3) != 0 ||
                              !absl::EqualsIgnoreCase(row.Bytes(2), "BINARY")) {
                            index.plain = false;
                          }
                          index.columns.emplace_back(row.Bytes(0));
                        });
  }
  return status;
}

}  // namespace

std::string PhysicalColumn::Definition() const {
  const bool collates = !collation.empty() && !absl::EqualsIgnoreCase(collation, "BINARY");
  return absl::StrCat(Quoted(name), type.empty() ? "" : " ", type, not_null ? " NOT NULL" : "",
                      default_value.empty() ? "" : " DEFAULT ",
                      default_value.empty() ? "" : DefaultText(default_value),
                      collates ? " COLLATE " : "", collates ? Quoted(collation) : "");
}

bool PhysicalIndex::Is(const std::vector<std::string>& names, bool is_unique) const {
  return plain && unique == is_unique &&
         std::equal(columns.begin(), columns.end(), names.begin(), names.end(),
                    [](const std::string& a, const std::string& b) {
                      return absl::EqualsIgnoreCase(a, b);
                    });
}

const PhysicalColumn* PhysicalTable::Find(absl::string_view column) const {
  for (const PhysicalColumn& candidate : columns) {
    if (absl::EqualsIgnoreCase(candidate.name, column)) return &candidate;
  }
  return nullptr;
}

const PhysicalIndex* PhysicalTable::FindIndex(const std::vector<std::string>& names,
                                              bool unique) const {
  for (const PhysicalIndex& index : indexes) {
    if (index.Is(names, unique)) return &index;
  }
  return nullptr;
}

absl::StatusOr<PhysicalTable> ReadPhysicalTable(Database& database, const std::string& name) {
  PhysicalTable table;
  absl::Status status = ForEachRow(database,
                                   "SELECT \"name\", \"strict\", \"wr\" FROM pragma_table_list "
                                   "WHERE \"schema\" = 'main' AND \"type\" = 'table' AND "
                                   "lower(\"name\") = lower(?)",
                                   name, [&](const Statement& row) {
                                     table.name = std::string(row.Bytes(0));
                                     table.strict = row.Int(1) != 0;
                                     table.without_rowid = row.Int(2) != 0;
                                   });
  if (!status.ok()) return status;
  if (table.name.empty()) {
    return absl::NotFoundError(absl::StrCat("table ", name, ": is not there"));
  }
  status = ReadColumns(database, &table);
  if (status.ok()) status = ReadIndexes(database, &table);
  if (status.ok()) {
    status = ForEachRow(database, "SELECT DISTINCT \"id\" FROM pragma_foreign_key_list(?)",
                        table.name, [&](const Statement&) { ++table.foreign_keys; });
  }
  if (!status.ok()) return status;
  return table;
}

absl::StatusOr<std::set<std::string>> AllNames(Database& database) {
  std::set<std::string> names;
  absl::Status status =
      ForEachRow(database, "SELECT \"name\" FROM \"sqlite_schema\"", "",
                 [&](const Statement& row) { names.insert(absl::AsciiStrToLower(row.Bytes(0))); });
  if (!status.ok()) return status;
  return names;
}

std::vector<std::string> NamesOf(const Table& table, const std::vector<int>& columns) {
  std::vector<std::string> names;
  for (int column : columns) names.push_back(table.columns[column].name);
  return names;
}

}  // namespace kin::persistence::sqlite
