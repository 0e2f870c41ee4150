#include "kin/persistence/mapping.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/nesting.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsWrapper(const Descriptor& message) {
  return message.well_known_type() >= Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
         message.well_known_type() <= Descriptor::WELLKNOWNTYPE_BOOLVALUE;
}

void SetScalarEncoding(const FieldDescriptor& field, Column* column) {
  column->type = SqlType::kInteger;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      column->encoding = Encoding::kInt32;
      break;
    case FieldDescriptor::CPPTYPE_INT64:
      column->encoding = Encoding::kInt64;
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
      column->encoding = Encoding::kUint32;
      break;
    case FieldDescriptor::CPPTYPE_UINT64:
      column->encoding = Encoding::kUint64;
      break;
    case FieldDescriptor::CPPTYPE_BOOL:
      column->encoding = Encoding::kBool;
      break;
    case FieldDescriptor::CPPTYPE_ENUM:
      column->encoding = Encoding::kEnum;
      break;
    case FieldDescriptor::CPPTYPE_FLOAT:
      column->encoding = Encoding::kFloat;
      column->type = SqlType::kReal;
      break;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      column->encoding = Encoding::kDouble;
      column->type = SqlType::kReal;
      break;
    default: {
      // proto2 does not promise that a `string` is UTF-8, so for the database it may be any bytes;
      // the store decides what it accepts.
      const bool text = field.type() == FieldDescriptor::TYPE_STRING;
      column->encoding = text ? Encoding::kText : Encoding::kBytes;
      column->type = text ? SqlType::kText : SqlType::kBlob;
    }
  }
}

Column ColumnOf(const FieldDescriptor& field) {
  Column column;
  column.name = graph::Model::Column(field);
  column.field = &field;
  column.nullable = field.is_repeated() || field.has_presence();
  column.oneof = field.real_containing_oneof();
  column.recursive = IsRecursive(field);
  if (graph::Model::IsJson(field)) {
    column.encoding = Encoding::kJson;
    column.type = SqlType::kText;
    return column;
  }
  if (field.is_repeated()) {
    column.encoding = Encoding::kRepeated;
    return column;
  }
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    SetScalarEncoding(field, &column);
    return column;
  }
  const Descriptor& message = *field.message_type();
  if (message.well_known_type() == Descriptor::WELLKNOWNTYPE_TIMESTAMP) {
    column.encoding = Encoding::kTimestamp;
    column.type = SqlType::kText;
  } else if (message.well_known_type() == Descriptor::WELLKNOWNTYPE_DURATION) {
    column.encoding = Encoding::kDuration;
    column.type = SqlType::kText;
  } else if (IsWrapper(message)) {
    column.wrapped = message.field(0);
    SetScalarEncoding(*column.wrapped, &column);
  } else {
    column.encoding = Encoding::kMessage;
  }
  return column;
}

int PositionOf(const FieldDescriptor* field) { return field->index(); }

std::vector<int> PositionsOf(const graph::FieldList& fields) {
  std::vector<int> positions;
  for (const FieldDescriptor* field : fields) positions.push_back(PositionOf(field));
  return positions;
}

void AddColumns(Table* table) {
  const graph::Model& model = *table->graph_model;
  absl::flat_hash_set<std::string> names;
  for (int i = 0; i < model.descriptor->field_count(); ++i) {
    table->columns.push_back(ColumnOf(*model.descriptor->field(i)));
    names.insert(absl::AsciiStrToLower(table->columns.back().name));
    table->has_json = table->has_json || table->columns.back().encoding == Encoding::kJson;
  }
  table->key = PositionsOf(model.primary_key);
  for (int position : table->key) {
    table->columns[position].key = true;
    table->columns[position].nullable = false;
  }
  table->integer_key =
      table->key.size() == 1 && table->columns[table->key[0]].type == SqlType::kInteger;
  Column overlay;
  overlay.name = "_unknown";
  while (names.contains(overlay.name)) overlay.name += '_';
  table->columns.push_back(overlay);
}

// Whether two values that the store tells apart are two values for SQL as well, and the reverse.
bool ComparesAsInStore(const Column& column) {
  return column.type != SqlType::kReal && column.encoding != Encoding::kMessage &&
         column.encoding != Encoding::kRepeated && column.encoding != Encoding::kJson;
}

void AddIndexes(Table* table) {
  for (std::size_t i = 1; i < table->graph_model->indexes.size(); ++i) {
    const graph::Index& index = table->graph_model->indexes[i];
    TableIndex out;
    out.name = table->graph_model->SqlIndex(index);
    if (out.name.empty()) continue;
    out.columns = PositionsOf(index.fields);
    out.unique = index.unique;
    for (int column : out.columns) {
      if (!ComparesAsInStore(table->columns[column])) out.unique = false;
    }
    table->indexes.push_back(std::move(out));
  }
}

// For each unique index that an update can touch, a column that takes a row out of it: one that may
// be NULL if there is one, since that takes no invented value.
void AddParking(Table* table) {
  for (const TableIndex& index : table->indexes) {
    if (!index.unique) continue;
    int best = -1;
    for (int column : index.columns) {
      if (table->columns[column].key) continue;
      if (best < 0 || (!table->columns[best].nullable && table->columns[column].nullable)) {
        best = column;
      }
    }
    std::vector<int>& parking = table->parking;
    if (best >= 0 && std::find(parking.begin(), parking.end(), best) == parking.end()) {
      parking.push_back(best);
    }
  }
}

void AddColumnGroups(Table* table) {
  std::vector<bool> indexed(table->columns.size(), false);
  for (const TableIndex& index : table->indexes) {
    for (int column : index.columns) indexed[column] = true;
  }
  for (const TableForeignKey& foreign_key : table->foreign_keys) {
    for (int column : foreign_key.columns) indexed[column] = true;
  }
  for (int i = 0; i < static_cast<int>(table->columns.size()); ++i) {
    if (table->columns[i].key) continue;
    table->not_key.push_back(i);
    if (!indexed[i]) table->plain.push_back(i);
  }
}

absl::Status CheckTableName(const Table& table, absl::flat_hash_map<std::string, int>* tables,
                            const Mapping& mapping) {
  const std::string folded = absl::AsciiStrToLower(table.name);
  if (absl::StartsWith(folded, "sqlite_") || absl::StartsWith(folded, "_kin_")) {
    return absl::InvalidArgumentError(absl::StrCat(table.graph_model->name,
                                                   ": a table cannot be called ", table.name,
                                                   "; set another `table`"));
  }
  auto [known, is_new] = tables->emplace(folded, table.model);
  if (is_new) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      mapping.tables[known->second].graph_model->name, " and ", table.graph_model->name,
      " would both be in the table ", table.name, "; set another `table` in one of them"));
}

void VisitParents(const Mapping& mapping, int table, std::vector<bool>* seen,
                  std::vector<int>* order) {
  if ((*seen)[table]) return;
  (*seen)[table] = true;
  for (const TableForeignKey& foreign_key : mapping.tables[table].foreign_keys) {
    VisitParents(mapping, foreign_key.parent, seen, order);
  }
  order->push_back(table);
}

std::string KeyPart(const Message& record, const Column& column) {
  const Reflection* reflection = record.GetReflection();
  switch (column.field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(record, column.field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(record, column.field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection->GetUInt32(record, column.field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection->GetUInt64(record, column.field));
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string value = reflection->GetString(record, column.field);
      if (value.size() > 100) value = value.substr(0, 100) + "...";
      return absl::StrCat("\"", absl::CHexEscape(value), "\"");
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrCat(reflection->GetEnumValue(record, column.field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(record, column.field) ? "1" : "0";
    default:
      return "?";
  }
}

}  // namespace

std::string Table::DescribeKey(const Message& record) const {
  return absl::StrJoin(key, ", ", [&](std::string* out, int column) {
    absl::StrAppend(out, columns[column].name, "=", KeyPart(record, columns[column]));
  });
}

std::string Table::Describe(const Message& record) const {
  return absl::StrCat("table ", name, ", key ", DescribeKey(record));
}

absl::StatusOr<Mapping> Mapping::Of(const graph::Graph& graph) {
  Mapping mapping;
  absl::flat_hash_map<const graph::Model*, int> numbers;
  absl::flat_hash_map<std::string, int> tables;
  for (const auto& model : graph.models) {
    Table table;
    table.model = static_cast<int>(mapping.tables.size());
    table.graph_model = model.get();
    table.name = model->table;
    absl::Status status = CheckTableName(table, &tables, mapping);
    if (!status.ok()) return status;
    AddColumns(&table);
    numbers[model.get()] = table.model;
    mapping.tables.push_back(std::move(table));
  }
  for (const auto& foreign_key : graph.foreign_keys) {
    TableForeignKey out;
    out.columns = PositionsOf(foreign_key->fields);
    out.parent = numbers.at(foreign_key->parent);
    out.parent_columns = PositionsOf(foreign_key->own_key);
    mapping.tables[numbers.at(foreign_key->child)].foreign_keys.push_back(std::move(out));
  }
  for (Table& table : mapping.tables) {
    AddIndexes(&table);
    AddParking(&table);
    AddColumnGroups(&table);
  }
  std::vector<bool> seen(mapping.tables.size(), false);
  for (const Table& table : mapping.tables) {
    VisitParents(mapping, table.model, &seen, &mapping.parents_first);
  }
  return mapping;
}

}  // namespace kin::persistence
