// The models of a set of protobuf messages, with every default filled in and every rule checked.
//
// Both the code generator and the store read models through this library, so that a default means
// the same to both. It knows descriptors and options; of code and storage it knows only the names
// they will use, since those must not collide.
//
// A Graph points into the descriptor pool it was made from and must not outlive it.
// Thread-safety: immutable once built.
#ifndef KIN_PROTO_GRAPH_GRAPH_H_
#define KIN_PROTO_GRAPH_GRAPH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace kin::graph {

using FieldList = std::vector<const google::protobuf::FieldDescriptor*>;

struct Model;
struct Association;

// A mistake in a model. `line` and `column` count from 1; 0 where the position is not known (a
// descriptor compiled into a program carries no source positions).
struct Diagnostic {
  std::string file;
  int line = 0;
  int column = 0;
  std::string message;  // What is wrong, what was expected, what to write. No trailing period.

  // "file:line:column: error: message".
  std::string ToString() const;
};

// An index over fields of one model. Index 0 of a model is its primary key. The rest are, without
// duplicates (same fields in the same order are one index; its flags are the union): every foreign
// key, in the order of Graph::foreign_keys; every own_key that is not the primary key; every field
// with `unique`, `indexed` or `ordered`; every `index` option.
struct Index {
  FieldList fields;
  bool unique = false;       // Primary, `unique`, own_key, or the foreign key of a unique has_one.
  bool ordered = false;      // Asked for by `ordered`. An index may be both unique and ordered.
  bool foreign_key = false;  // Some foreign key is over exactly these fields.
};

// A foreign key: `fields` of `child` hold `own_key` of `parent`. One for each belongs_to, and one
// for each has_one / has_many over fields that no belongs_to names (it then has no accessor on the
// child). A belongs_to and the has_* associations over the same fields share one.
struct ForeignKey {
  Model* child = nullptr;
  Model* parent = nullptr;
  FieldList fields;
  FieldList own_key;
  int child_index = -1;           // In child->indexes.
  int parent_index = -1;          // In parent->indexes; always a unique one.
  bool optional = false;          // Some field has presence: an absent part means no parent.
  bool unique = false;            // A has_one (not `unique: false`) is declared over it.
  OnDelete on_delete = RESTRICT;  // Never ON_DELETE_UNSPECIFIED.
  const Association* belongs_to = nullptr;  // Null if the child declares none.
};

struct Association {
  enum class Kind { kBelongsTo, kHasOne, kHasMany };
  Kind kind = Kind::kBelongsTo;
  std::string name;
  Model* owner = nullptr;
  Model* target = nullptr;
  // A direct association; null for `through`.
  const ForeignKey* foreign_key = nullptr;
  // has_one with `unique: false`, or through something that may lead to several records: shows the
  // one with the lowest key.
  bool lowest = false;
  // `through`: follow `through` (of owner), then `source` (of its target).
  const Association* through = nullptr;
  const Association* source = nullptr;
  // `through` over a has_many/has_one whose middle model belongs directly to both ends, so that
  // Add and Remove can make and delete the middle record: `through` is a direct has_* and `source`
  // a direct belongs_to.
  bool can_add = false;
  // belongs_to over an arm of a oneof: that (real) oneof. Null otherwise.
  const google::protobuf::OneofDescriptor* oneof = nullptr;
};

// The value rules of one field; see kin.FieldOptions.
struct ValueRule {
  const google::protobuf::FieldDescriptor* field = nullptr;
  bool required = false;
  // Of an integer field: whole, and exact.
  std::optional<double> min;
  std::optional<double> max;
  std::optional<std::uint64_t> min_len;
  std::optional<std::uint64_t> max_len;
  std::shared_ptr<const re2::RE2> pattern;  // Null: none. For bytes it is Latin-1.
  std::vector<std::string> in;              // As written; empty: any.
  // The same of an integer or enum field, in two's complement.
  std::vector<std::uint64_t> in_numbers;
};

struct Model {
  const google::protobuf::Descriptor* descriptor = nullptr;
  std::string name;   // descriptor->full_name()
  std::string table;  // SQL table
  FieldList primary_key;
  // The primary key is one 64-bit integer called `id`: the store allocates it where it is left 0.
  bool allocates_id = false;
  // The primary key is one string or bytes with `uuid`.
  bool uuid = false;
  std::vector<Index> indexes;  // [0] is the primary key.
  // In order: belongs_to of fields by field number, belongs_to of the model option, has_one,
  // has_many, the last three as declared. The addresses of associations are stable.
  std::vector<std::unique_ptr<Association>> associations;
  // Fields with `unique`, or with a unique `index` over them alone, in order of field number, and
  // the index each has.
  struct UniqueField {
    const google::protobuf::FieldDescriptor* field;
    int index;
  };
  std::vector<UniqueField> unique_fields;
  // Of the fields that have any, in order of declaration.
  std::vector<ValueRule> value_rules;
  // The fields that the store fills in; null where there is none.
  const google::protobuf::FieldDescriptor* created_at = nullptr;
  const google::protobuf::FieldDescriptor* updated_at = nullptr;
  const google::protobuf::FieldDescriptor* lock_version = nullptr;

  const Association* FindAssociation(absl::string_view association_name) const;
  // SQL column of a field of this model.
  static std::string Column(const google::protobuf::FieldDescriptor& field);
  // Whether the column of the field is to be JSON text.
  static bool IsJson(const google::protobuf::FieldDescriptor& field);
  // Name of the SQL index for an index of this model: "users_last_name_first_name_index". Empty: it
  // needs none, since the table is in that order itself.
  std::string SqlIndex(const Index& index) const;
};

struct Graph {
  std::vector<std::unique_ptr<Model>> models;  // In the order given.
  std::vector<std::unique_ptr<ForeignKey>> foreign_keys;

  const Model* Find(const google::protobuf::Descriptor* descriptor) const;
  const Model* Find(absl::string_view full_name) const;
};

// Builds the graph of `models`, all of one descriptor pool and each with the `kin.model` option.
// Every mistake found is added to `diagnostics`, in order of position; the graph is only to be used
// if none was.
//
// An association that names a model which is not in `models` is a mistake. The code generator gives
// the models of a file and of all that it imports; a store, those of its schema. Index numbers may
// differ between the two (another file may declare a has_many over a field); the order of
// `associations` and `unique_fields` does not.
//
// Runs in time linear in the number of models, fields and associations.
Graph Build(absl::Span<const google::protobuf::Descriptor* const> models,
            std::vector<Diagnostic>* diagnostics);

// What a code generator builds for one file: the graph of the models of all that it imports and its
// own, in this order. Also finds options on fields that are not of a model, which nothing would
// read.
Graph BuildForFile(const google::protobuf::FileDescriptor& file,
                   std::vector<Diagnostic>* diagnostics);

// Whether a message has the `kin.model` option, also where the descriptor comes from a pool in
// which the option is not linked in and thus is an unknown field.
bool IsModel(const google::protobuf::Descriptor& message);
// The options of a model or field, from whichever pool its descriptor is.
ModelOptions OptionsOf(const google::protobuf::Descriptor& message);
FieldOptions OptionsOf(const google::protobuf::FieldDescriptor& field);

// Whether absent can be told from the default. `required` of proto2 counts as without presence.
bool HasPresence(const google::protobuf::FieldDescriptor& field);

// All models of a file, nested ones included, in order of declaration.
std::vector<const google::protobuf::Descriptor*> ModelsOf(
    const google::protobuf::FileDescriptor& file);

// `file` and all that it imports publicly: whose messages those who import `file` can name.
std::vector<const google::protobuf::FileDescriptor*> PublicFiles(
    const google::protobuf::FileDescriptor& file);

// "user_infos" for "UserInfo": snake_case, plural. And "memberships" -> "membership".
std::string TableName(absl::string_view message_name);
std::string Pluralize(absl::string_view word);
std::string Singularize(absl::string_view word);
std::string SnakeCase(absl::string_view camel);  // "HTTPServer" -> "http_server"
std::string CamelCase(absl::string_view snake);  // "user_info" -> "UserInfo"

}  // namespace kin::graph

#endif  // KIN_PROTO_GRAPH_GRAPH_H_
