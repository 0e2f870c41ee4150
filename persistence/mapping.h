// How models lie in SQL tables, whatever the SQL engine: one table a model, one column a field.
// docs/persistence.md has the table of which field becomes what.
#ifndef KIN_PERSISTENCE_MAPPING_H_
#define KIN_PERSISTENCE_MAPPING_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"

namespace kin::persistence {

// How a field's value is written into its column.
enum class Encoding {
  kInt32,
  kInt64,
  kUint32,
  kUint64,  // As two's complement.
  kBool,
  kEnum,  // Its number.
  kFloat,
  kDouble,
  kText,
  kBytes,
  kTimestamp,  // Text, time_text.h.
  kDuration,   // Text, time_text.h.
  kMessage,    // The message, serialized.
  kRepeated,   // The field with its tags, serialized: repeated fields and maps.
  kJson,       // Either, as JSON text (json_text.h).
  kOverlay,    // What no other column holds: unknown fields and extensions (overlay.h).
};

// The kind of values in a column.
enum class SqlType { kInteger, kReal, kText, kBlob };

struct Column {
  std::string name;
  const google::protobuf::FieldDescriptor* field = nullptr;  // Null for kOverlay.
  // A google.protobuf.Int64Value and the like: the field within, whose value is in the column.
  const google::protobuf::FieldDescriptor* wrapped = nullptr;
  Encoding encoding = Encoding::kOverlay;
  SqlType type = SqlType::kBlob;
  bool nullable = true;
  bool key = false;
  const google::protobuf::OneofDescriptor* oneof = nullptr;  // That the field is in.
  bool recursive = false;  // Messages of its type may be nested without end.

  // Whether the value may be large: a limit on sizes matters to it.
  bool unbounded() const { return type == SqlType::kText || type == SqlType::kBlob; }
};

struct TableIndex {
  std::string name;
  std::vector<int> columns;
  bool unique = false;
};

struct TableForeignKey {
  std::vector<int> columns;
  int parent = -1;  // In Mapping::tables.
  std::vector<int> parent_columns;
};

struct Table {
  int model = -1;  // In Graph::models.
  const graph::Model* graph_model = nullptr;
  std::string name;
  std::vector<Column> columns;  // In order of the fields' declaration; the overlay is the last.
  std::vector<int> key;         // In order of the primary key.
  std::vector<TableIndex> indexes;
  std::vector<TableForeignKey> foreign_keys;
  bool integer_key = false;  // The key is one INTEGER column.
  bool has_json = false;     // Some column is kJson.

  // For an exchange of unique values: columns which, given a value of no meaning, take a row out of
  // every unique index that an update can touch.
  std::vector<int> parking;
  // Columns that are part of no key, index or foreign key.
  std::vector<int> plain;
  // Columns that are not part of the key.
  std::vector<int> not_key;

  // "users, key id=5": a row, for messages.
  std::string Describe(const google::protobuf::Message& record) const;
  // "id=5".
  std::string DescribeKey(const google::protobuf::Message& record) const;
};

struct Mapping {
  std::vector<Table> tables;  // In the order of the models.
  // The same, parents before children as far as foreign keys have no cycles.
  std::vector<int> parents_first;

  // `graph` must outlive the result. INVALID_ARGUMENT: two models have one table, and the like.
  static absl::StatusOr<Mapping> Of(const graph::Graph& graph);

  // All that matters for the SQL side, one fact a line, sorted, models and fields named by what
  // stays when they are renamed. Two schemas with the same text have the same tables.
  std::string ToText() const;
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_MAPPING_H_
