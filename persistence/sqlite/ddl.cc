#include "kin/persistence/sqlite/ddl.h"

#include <cmath>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {
namespace {

// As codec_bind.cc binds it: a NaN as a BLOB of its bits.
template <typename Float>
std::string RealLiteral(Float value, int bytes) {
  if (std::isnan(value)) return bytes == 4 ? "x'7fc00000'" : "x'7ff8000000000000'";
  if (std::isinf(value)) return value > 0 ? "9e999" : "-9e999";
  std::string digits = absl::StrFormat("%.17g", static_cast<double>(value));
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits;
}

}  // namespace

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

std::string DefaultLiteral(const Column& column) {
  if (column.nullable || column.field == nullptr) return "NULL";
  const google::protobuf::FieldDescriptor& field = *column.field;
  switch (column.encoding) {
    case Encoding::kInt32:
      return absl::StrCat(field.default_value_int32());
    case Encoding::kInt64:
      return absl::StrCat(field.default_value_int64());
    case Encoding::kUint32:
      return absl::StrCat(field.default_value_uint32());
    case Encoding::kUint64:
      return absl::StrCat(static_cast<std::int64_t>(field.default_value_uint64()));
    case Encoding::kBool:
      return field.default_value_bool() ? "1" : "0";
    case Encoding::kEnum:
      return absl::StrCat(field.default_value_enum()->number());
    case Encoding::kFloat:
      return RealLiteral(field.default_value_float(), 4);
    case Encoding::kDouble:
      return RealLiteral(field.default_value_double(), 8);
    case Encoding::kText:
      if (!absl::StrContains(field.default_value_string(), '\0')) {
        return absl::StrCat("'", absl::StrReplaceAll(field.default_value_string(), {{"'", "''"}}),
                            "'");
      }
      return "''";
    default:
      return absl::StrCat("x'", absl::BytesToHexString(field.default_value_string()), "'");
  }
}

std::string ColumnDefinition(const Table& table, const Column& column) {
  std::string text = absl::StrCat(Quoted(column.name), " ", DeclaredType(column.type));
  // One integer as the key is SQLite's row id itself: no second tree, and the fastest to find.
  if (column.key && table.integer_key) absl::StrAppend(&text, " PRIMARY KEY");
  if (!column.nullable) absl::StrAppend(&text, " NOT NULL");
  if (!column.nullable && !column.key) {
    absl::StrAppend(&text, " DEFAULT ", DefaultLiteral(column));
  }
  return text;
}

std::string References(const Mapping& mapping, const TableForeignKey& foreign_key) {
  const Table& parent = mapping.tables[foreign_key.parent];
  return absl::StrCat(" REFERENCES ", Quoted(parent.name), " (",
                      ColumnList(parent, foreign_key.parent_columns),
                      ") ON UPDATE NO ACTION ON DELETE NO ACTION DEFERRABLE INITIALLY DEFERRED");
}

std::string CreateTable(const Mapping& mapping, const Table& table, const std::string& name,
                        const std::vector<std::string>& more) {
  std::vector<std::string> parts;
  for (const Column& column : table.columns) parts.push_back(ColumnDefinition(table, column));
  parts.insert(parts.end(), more.begin(), more.end());
  if (!table.integer_key) {
    parts.push_back(absl::StrCat("PRIMARY KEY (", ColumnList(table, table.key), ")"));
  }
  for (const TableForeignKey& foreign_key : table.foreign_keys) {
    parts.push_back(absl::StrCat("FOREIGN KEY (", ColumnList(table, foreign_key.columns), ")",
                                 References(mapping, foreign_key)));
  }
  return absl::StrCat("CREATE TABLE ", Quoted(name), " (\n  ", absl::StrJoin(parts, ",\n  "),
                      "\n) STRICT", table.integer_key ? "" : ", WITHOUT ROWID");
}

std::string CreateTable(const Mapping& mapping, const Table& table) {
  return CreateTable(mapping, table, table.name, {});
}

std::string CreateIndex(const Table& table, const TableIndex& index) {
  return CreateIndex(table, index, index.name);
}

std::string CreateIndex(const Table& table, const TableIndex& index, const std::string& name) {
  return absl::StrCat("CREATE ", index.unique ? "UNIQUE " : "", "INDEX ", Quoted(name), " ON ",
                      Quoted(table.name), " (", ColumnList(table, index.columns), ")");
}

}  // namespace kin::persistence::sqlite
