#include "kin/persistence/sqlite/table_plan.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

constexpr int kExamples = 5;

// A value of a row for messages, no longer than a line.
std::string ValueText(const Statement& row, int column) {
  switch (row.type(column)) {
    case SQLITE_NULL:
      return "NULL";
    case SQLITE_INTEGER:
      return absl::StrCat(row.Int(column));
    case SQLITE_FLOAT:
      return absl::StrCat(row.Real(column));
    default:
      return absl::StrCat("\"", absl::CHexEscape(row.Bytes(column).substr(0, 100)), "\"");
  }
}

// Adds the rows of `sql` to the examples: columns called `names`, then how many rows it stands for,
// then a text about them, if there is one.
absl::Status AddExamples(Database& database, const std::string& sql,
                         const std::vector<std::string>& names, MigrationStep* step) {
  absl::StatusOr<Statement> query = database.Prepare(sql);
  if (!query.ok()) return query.status();
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    const int count = static_cast<int>(names.size());
    if (step->examples.size() < kExamples) {
      std::vector<std::string> parts;
      for (int i = 0; i < count; ++i) {
        parts.push_back(absl::StrCat(names[i], "=", ValueText(*query, i)));
      }
      step->examples.push_back(absl::StrJoin(parts, ", "));
      if (sqlite3_column_count(query->get()) > count + 1) {
        absl::StrAppend(&step->examples.back(), " (", absl::CHexEscape(query->Bytes(count + 1)),
                        ")");
      }
    }
    step->rows += query->Int(count);
  }
}

// `t."a", t."b"`.
std::string ColumnsOf(const std::vector<std::string>& names) {
  return absl::StrJoin(names, ", ", [](std::string* out, const std::string& name) {
    absl::StrAppend(out, "t.", Quoted(name));
  });
}

std::vector<std::string> KeyNames(const TablePlan& plan) {
  std::vector<std::string> names;
  for (int part : plan.old->table->key) {
    names.push_back(plan.old->Find(plan.old->table->columns[part].field->number())->name);
  }
  return names;
}

// The key of a row as SQL that makes text of it: id=7.
std::string KeyText(const TablePlan& plan) {
  return absl::StrJoin(KeyNames(plan), " || ', ' || ",
                       [](std::string* out, const std::string& name) {
                         absl::StrAppend(out, "'", absl::StrReplaceAll(name, {{"'", "''"}}),
                                         "=' || substr(quote(t.", Quoted(name), "), 1, 100)");
                       });
}

}  // namespace

std::string TablePlan::Expression(int column, absl::string_view alias) const {
  return Expression(
      column, [&](int source) { return absl::StrCat(alias, ".", Quoted(sources[source]->name)); });
}

std::string TablePlan::Expression(int column, absl::FunctionRef<std::string(int)> name_of) const {
  if (sources[column] == nullptr) return DefaultLiteral(table->columns[column]);
  if (table->columns[column].field == nullptr) return UnknownFields(column, name_of);
  const std::string name = name_of(column);
  switch (changes[column].nan_bits) {
    case NanBits::kWiden:
      return absl::StrCat("kin_widen_nan(", name, ")");
    case NanBits::kNarrow:
      return absl::StrCat("kin_narrow_nan(", name, ")");
    case NanBits::kStay:
      break;
  }
  switch (changes[column].kind) {
    case TypeChange::Kind::kToJson:
    case TypeChange::Kind::kFromJson:
      return "NULL";  // The value is among the unknown fields, until the row is written again.
    default:
      break;
  }
  // STRICT tables convert nothing by themselves.
  const bool as_bytes = sources[column]->column->type == SqlType::kText &&
                        table->columns[column].type == SqlType::kBlob;
  return as_bytes ? absl::StrCat("CAST(", name, " AS BLOB)") : name;
}

// With the values of fields that become JSON or were: as a program wrote them that did not know the
// field.
std::string TablePlan::UnknownFields(int column,
                                     absl::FunctionRef<std::string(int)> name_of) const {
  std::string unknown = name_of(column), more;
  for (const StoredColumn* gone : dropped) {
    unknown = absl::StrCat("kin_without(", unknown, ", ", gone->number(), ")");
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (sources[i] == nullptr || table->columns[i].field == nullptr) continue;
    const google::protobuf::FieldDescriptor& field = *sources[i]->column->field;
    if (changes[i].kind == TypeChange::Kind::kFromJson) {
      unknown = absl::StrCat("kin_unmark(", unknown, ", ", field.number(), ")");
    } else if (changes[i].kind == TypeChange::Kind::kToJson) {
      const bool group = field.type() == google::protobuf::FieldDescriptor::TYPE_GROUP;
      absl::StrAppend(&more, ", kin_field(", name_of(static_cast<int>(i)), ", ", field.number(),
                      field.is_repeated() ? ", 'repeated')"
                      : group             ? ", 'group')"
                                          : ", 'message')");
    }
  }
  return more.empty() ? unknown : absl::StrCat("kin_join(", unknown, more, ")");
}

bool TablePlan::MayBeNull(int column) const {
  if (sources[column] == nullptr) return table->columns[column].nullable;
  const PhysicalColumn* there = physical.Find(sources[column]->name);
  return there == nullptr || !there->not_null;
}

absl::Status FindRows(Database& database, const TablePlan& plan, const std::string& where,
                      MigrationStep* step, const std::vector<std::string>& shown) {
  absl::StatusOr<std::int64_t> count = database.QueryInt(
      absl::StrCat("SELECT count(*) FROM ", Quoted(plan.physical.name), " AS t WHERE ", where));
  if (!count.ok()) return count.status();
  if (*count == 0) return absl::OkStatus();
  std::vector<std::string> names = KeyNames(plan);
  const std::string key = ColumnsOf(names);
  for (const std::string& name : shown) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  absl::Status status =
      AddExamples(database,
                  absl::StrCat("SELECT ", ColumnsOf(names), ", 0 FROM ", Quoted(plan.physical.name),
                               " AS t WHERE ", where, " ORDER BY ", key, " LIMIT ", kExamples),
                  names, step);
  step->rows += *count;
  return status;
}

std::string HasValue(const TablePlan& plan, const StoredColumn& column) {
  const std::string in_column = absl::StrCat("t.", Quoted(column.name), " IS NOT NULL");
  const StoredColumn* unknown = plan.old->Find(0);
  if (unknown == nullptr) return in_column;
  return absl::StrCat("(", in_column, " OR kin_has(t.", Quoted(unknown->name), ", ",
                      column.number(), "))");
}

// Values that several rows have, and the keys of two of these rows.
absl::Status FindDuplicates(Database& database, const TablePlan& plan,
                            const std::vector<int>& columns, MigrationStep* step) {
  std::vector<std::string> names, values, present, places;
  for (int column : columns) {
    const std::string value = plan.Expression(column, "t");
    names.push_back(plan.table->columns[column].name);
    values.push_back(value);
    present.push_back(absl::StrCat(value, " IS NOT NULL"));
    places.push_back(absl::StrCat(values.size()));
  }
  const std::string key = KeyText(plan);
  return AddExamples(
      database,
      absl::StrCat("SELECT ", absl::StrJoin(values, ", "), ", count(*), min(", key,
                   ") || ' and ' || max(", key, ") FROM ", Quoted(plan.physical.name),
                   " AS t WHERE ", absl::StrJoin(present, " AND "), " GROUP BY ",
                   absl::StrJoin(places, ", "), " HAVING count(*) > 1"),
      names, step);
}

absl::Status FindOrphans(Database& database, const TablePlan& child, const TablePlan& parent,
                         const TableForeignKey& foreign_key, MigrationStep* step) {
  std::vector<std::string> present, equal, shown;
  for (std::size_t i = 0; i < foreign_key.columns.size(); ++i) {
    const std::string value = child.Expression(foreign_key.columns[i], "t");
    const StoredColumn* source = child.sources[foreign_key.columns[i]];
    if (source != nullptr) shown.push_back(source->name);
    present.push_back(absl::StrCat(value, " IS NOT NULL"));
    if (parent.is_new()) continue;
    equal.push_back(
        absl::StrCat(parent.Expression(foreign_key.parent_columns[i], "p"), " = ", value));
  }
  std::string where = absl::StrJoin(present, " AND ");
  if (!parent.is_new()) {
    absl::StrAppend(&where, " AND NOT EXISTS (SELECT 1 FROM ", Quoted(parent.physical.name),
                    " AS p WHERE ", absl::StrJoin(equal, " AND "), ")");
  }
  return FindRows(database, child, where, step, shown);
}

}  // namespace kin::persistence::sqlite
