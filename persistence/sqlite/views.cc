#include "kin/persistence/sqlite/views.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/descriptor.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Of more values the numbers are shown: the text of the view is read whenever a database is opened.
constexpr int kMostEnumValues = 200;

std::string EnumName(const std::string& column, const EnumDescriptor& type) {
  if (type.value_count() > kMostEnumValues) return column;
  std::string sql = absl::StrCat("CASE ", column);
  std::set<int> seen;  // Of two names of one number, the first.
  for (int i = 0; i < type.value_count(); ++i) {
    if (!seen.insert(type.value(i)->number()).second) continue;
    absl::StrAppend(&sql, " WHEN ", type.value(i)->number(), " THEN '", type.value(i)->name(), "'");
  }
  return absl::StrCat(sql, " ELSE ", column, " END");
}

std::string Hex(const std::string& column) { return absl::StrCat("lower(hex(", column, "))"); }

// "01234567-89ab-cdef-0123-456789abcdef".
std::string Uuid(const std::string& column) {
  const std::string hex = Hex(column);
  std::vector<std::string> parts;
  for (auto [from, length] : {std::pair(1, 8), {9, 4}, {13, 4}, {17, 4}, {21, 12}}) {
    parts.push_back(absl::StrCat("substr(", hex, ", ", from, ", ", length, ")"));
  }
  return absl::StrCat("CASE length(", column, ") WHEN 16 THEN ",
                      absl::StrJoin(parts, " || '-' || "), " ELSE ", hex, " END");
}

// "<Point, 12 bytes>": what only a program can read.
std::string Placeholder(const std::string& column, const FieldDescriptor& field) {
  const std::string type = field.is_map()        ? "map"
                           : field.is_repeated() ? "repeated"
                                                 : field.message_type()->name();
  return absl::StrCat("'<", type, ", ' || length(", column, ") || ' bytes>'");
}

// The readable value of a column.
std::string Expression(const Table& table, const Column& column) {
  const std::string name = Quoted(column.name);
  switch (column.encoding) {
    case Encoding::kUint64:
      return absl::StrCat("CASE WHEN ", name, " < 0 THEN printf('%u', ", name, ") ELSE ", name,
                          " END");
    case Encoding::kEnum:
      return EnumName(name, *column.field->enum_type());
    case Encoding::kFloat:
    case Encoding::kDouble:
      return absl::StrCat("CASE typeof(", name, ") WHEN 'blob' THEN 'NaN' ELSE ", name, " END");
    case Encoding::kBytes:
      if (table.graph_model->uuid && column.key) return Uuid(name);
      return column.nullable ? absl::StrCat("iif(", name, " IS NULL, NULL, ", Hex(name), ")")
                             : Hex(name);
    case Encoding::kMessage:
    case Encoding::kRepeated:
      return Placeholder(name, *column.field);
    default:
      return name;
  }
}

// The views that are there, by folded name: the SQL of each.
absl::StatusOr<std::map<std::string, std::string>> ViewsOf(Database& database) {
  absl::StatusOr<Statement> query = database.Prepare(
      "SELECT \"name\", \"sql\" FROM \"sqlite_schema\" WHERE \"type\" = 'view' AND "
      "lower(substr(\"name\", 1, length(?1))) = ?1");
  if (!query.ok()) return query.status();
  query->BindText(1, kViewPrefix);
  std::map<std::string, std::string> views;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return views;
    views.emplace(absl::AsciiStrToLower(query->Bytes(0)), query->Bytes(1));
  }
}

absl::Status Remake(Database& database, const Mapping& mapping) {
  absl::Status status = DropViews(database);
  return status.ok() ? CreateViews(database, mapping) : status;
}

}  // namespace

std::string ViewName(const Table& table) { return absl::StrCat(kViewPrefix, table.name); }

std::string CreateView(const Table& table) {
  std::vector<std::string> columns;
  for (const Column& column : table.columns) {
    if (column.encoding == Encoding::kOverlay) continue;
    const std::string name = Quoted(column.name);
    const std::string expression = Expression(table, column);
    columns.push_back(expression == name ? name : absl::StrCat(expression, " AS ", name));
  }
  return absl::StrCat("CREATE VIEW ", Quoted(ViewName(table)), " AS SELECT\n  ",
                      absl::StrJoin(columns, ",\n  "), "\nFROM ", Quoted(table.name));
}

absl::Status DropViews(Database& database) {
  absl::StatusOr<std::map<std::string, std::string>> views = ViewsOf(database);
  if (!views.ok()) return views.status();
  for (const auto& [name, sql] : *views) {
    absl::Status status = database.Exec(absl::StrCat("DROP VIEW ", Quoted(name)));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CreateViews(Database& database, const Mapping& mapping) {
  for (const Table& table : mapping.tables) {
    absl::Status status = database.Exec(CreateView(table));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RefreshViews(Database& database, const Mapping& mapping) {
  std::map<std::string, std::string> wanted;
  for (const Table& table : mapping.tables) {
    wanted.emplace(absl::AsciiStrToLower(ViewName(table)), CreateView(table));
  }
  absl::StatusOr<std::map<std::string, std::string>> views = ViewsOf(database);
  if (!views.ok()) return views.status();
  if (*views == wanted) return absl::OkStatus();
  absl::Status status = database.Exec("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  status = Remake(database, mapping);
  if (status.ok()) status = database.Exec("COMMIT");
  if (!status.ok() && !sqlite3_get_autocommit(database.get())) {
    database.Exec("ROLLBACK").IgnoreError();
  }
  return status;
}

}  // namespace kin::persistence::sqlite
