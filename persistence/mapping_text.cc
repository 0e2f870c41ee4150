// A mapping as text, to be stored in a database and compared.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/mapping.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;

std::string TypeOf(const FieldDescriptor& field) {
  std::string type = field.type_name();
  if (field.type() == FieldDescriptor::TYPE_MESSAGE ||
      field.type() == FieldDescriptor::TYPE_GROUP) {
    type = field.message_type()->full_name();
  } else if (field.type() == FieldDescriptor::TYPE_ENUM) {
    type = field.enum_type()->full_name();
  }
  if (field.is_map()) {
    const auto* entry = field.message_type();
    return absl::StrCat("map<", TypeOf(*entry->map_key()), ", ", TypeOf(*entry->map_value()), ">");
  }
  return field.is_repeated() ? absl::StrCat("repeated ", type) : type;
}

std::string NumbersOf(const Table& table, const std::vector<int>& columns) {
  return absl::StrJoin(columns, ", ", [&](std::string* out, int column) {
    absl::StrAppend(out, table.columns[column].field->number());
  });
}

}  // namespace

std::string Mapping::ToText() const {
  std::vector<std::string> lines;
  for (const Table& table : tables) {
    const std::string& model = table.graph_model->name;
    lines.push_back(absl::StrCat(model, " is table ", table.name, " with key (",
                                 NumbersOf(table, table.key), ")"));
    for (const Column& column : table.columns) {
      if (column.field == nullptr) {
        lines.push_back(absl::StrCat(model, " keeps unknown fields in column ", column.name));
        continue;
      }
      lines.push_back(absl::StrCat(model, " field ", column.field->number(), " is column ",
                                   column.name, ", ", TypeOf(*column.field),
                                   column.encoding == Encoding::kJson ? ", as JSON" : "",
                                   column.nullable ? ", may be absent" : ""));
    }
    for (const TableIndex& index : table.indexes) {
      lines.push_back(absl::StrCat(model, " has ", index.unique ? "unique index " : "index ",
                                   index.name, " over fields (", NumbersOf(table, index.columns),
                                   ")"));
    }
    for (const TableForeignKey& foreign_key : table.foreign_keys) {
      const Table& parent = tables[foreign_key.parent];
      lines.push_back(absl::StrCat(
          model, " has foreign key (", NumbersOf(table, foreign_key.columns), ") to ",
          parent.graph_model->name, " (", NumbersOf(parent, foreign_key.parent_columns), ")"));
    }
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

}  // namespace kin::persistence
