#include "kin/persistence/sqlite/ddl.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

const char* DeclaredType(SqlType type) {
  switch (type) {
    case SqlType::kInteger:
      return "INTEGER";
    case SqlType::kReal:
      return "ANY";  // REAL would turn -0.0 into 0.0, and has no place for a NaN.
    case SqlType::kText:
      return "TEXT";
    case SqlType::kBlob:
      return "BLOB";
  }
  return "ANY";
}

std::string ColumnList(const Table& table, const std::vector<int>& columns) {
  return absl::StrJoin(columns, ", ", [&](std::string* out, int column) {
    out->append(Quoted(table.columns[column].name));
  });
}

std::string CreateTable(const Mapping& mapping, const Table& table) {
  std::vector<std::string> parts;
  for (const Column& column : table.columns) {
    std::string part = absl::StrCat(Quoted(column.name), " ", DeclaredType(column.type));
    // One integer as the key is SQLite's row id itself: no second tree, and the fastest to find.
    if (column.key && table.integer_key) absl::StrAppend(&part, " PRIMARY KEY");
    if (!column.nullable) absl::StrAppend(&part, " NOT NULL");
    parts.push_back(std::move(part));
  }
  if (!table.integer_key) {
    parts.push_back(absl::StrCat("PRIMARY KEY (", ColumnList(table, table.key), ")"));
  }
  for (const TableForeignKey& foreign_key : table.foreign_keys) {
    const Table& parent = mapping.tables[foreign_key.parent];
    parts.push_back(absl::StrCat("FOREIGN KEY (", ColumnList(table, foreign_key.columns),
                                 ") REFERENCES ", Quoted(parent.name), " (",
                                 ColumnList(parent, foreign_key.parent_columns),
                                 ") ON UPDATE NO ACTION ON DELETE NO ACTION "
                                 "DEFERRABLE INITIALLY DEFERRED"));
  }
  return absl::StrCat("CREATE TABLE ", Quoted(table.name), " (\n  ", absl::StrJoin(parts, ",\n  "),
                      "\n) STRICT", table.integer_key ? "" : ", WITHOUT ROWID");
}

std::string CreateIndex(const Table& table, const TableIndex& index) {
  return absl::StrCat("CREATE ", index.unique ? "UNIQUE " : "", "INDEX ", Quoted(index.name),
                      " ON ", Quoted(table.name), " (", ColumnList(table, index.columns), ")");
}

}  // namespace kin::persistence::sqlite
