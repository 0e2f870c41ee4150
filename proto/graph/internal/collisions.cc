// Names that cannot stand side by side: in SQL, where case does not count, and in generated C++.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/cpp_names.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/proto/graph/internal/position.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::OneofDescriptor;

// What every reference has.
constexpr absl::string_view kRefMembers[] = {"get", "internal_view"};

// The classes that protobuf generates into a namespace, each with what it is of.
struct CppScope {
  // Qualified class to the full name and position of its message or enum.
  struct Owner {
    std::string text;
    const Descriptor* message;  // Null for others.
  };
  absl::flat_hash_map<std::string, Owner> names;
};

std::string Qualified(const FileDescriptor& file, absl::string_view name) {
  return absl::StrCat(CppNamespace(file), "::", name);
}

void AddEnum(const EnumDescriptor& type, CppScope* scope) {
  const std::string name = CppClass(type);
  scope->names.emplace(Qualified(*type.file(), name),
                       CppScope::Owner{absl::StrCat("the enum ", type.full_name()), nullptr});
  for (int i = 0; i < type.value_count(); ++i) {
    const std::string value = type.containing_type() == nullptr
                                  ? CppIdentifier(type.value(i)->name())
                                  : absl::StrCat(name, "_", type.value(i)->name());
    scope->names.emplace(
        Qualified(*type.file(), value),
        CppScope::Owner{absl::StrCat("the enum value ", type.value(i)->full_name()), nullptr});
  }
}

// Where the name of its table comes from.
Position PositionOfTable(const ModelState& state) {
  return state.options.has_table()
             ? PositionIn(state.descriptor(), {ModelOptions::kTableFieldNumber})
             : PositionOf(state.descriptor());
}

}  // namespace

void Builder::CheckTables() {
  absl::flat_hash_map<std::string, const Model*> tables;
  for (ModelState& state : states_) {
    const Model& model = *state.model;
    const Position position = PositionOfTable(state);
    const auto report = [&](const std::string& message) {
      state.has_sql_names = false;
      Report(position, message);
    };
    const std::string folded = absl::AsciiStrToLower(model.table);
    if (folded.empty() || absl::StrContains(folded, absl::string_view("\0", 1))) {
      report(absl::StrCat("the table of ", model.name, " needs a name; write table: \"…\""));
      continue;
    }
    if (absl::StartsWith(folded, "sqlite_") || absl::StartsWith(folded, "_kin_")) {
      report(absl::StrCat("the table \"", model.table, "\" of ", model.name,
                          " cannot begin with \"", folded.substr(0, folded.find('_', 1) + 1),
                          "\", which the database keeps for itself; write table: \"…\""));
      continue;
    }
    const auto [known, inserted] = tables.emplace(folded, &model);
    if (inserted) continue;
    report(absl::StrCat("the table \"", model.table, "\" of ", model.name,
                        known->second->table == model.table ? " is also that of "
                                                            : " differs only in case from that of ",
                        known->second->name, "; write table: \"…\" with another name"));
  }
}

// SQL has tables, indexes and views in one name space. Views have a prefix that no table may have.
void Builder::CheckSqlIndexes() {
  absl::flat_hash_map<std::string, std::string> names;  // Folded, with whose it is.
  for (const ModelState& state : states_) {
    if (!state.has_sql_names) continue;
    names.emplace(absl::AsciiStrToLower(state.model->table),
                  absl::StrCat("the table of ", state.model->name));
  }
  for (const ModelState& state : states_) {
    if (!state.has_sql_names) continue;
    const Model& model = *state.model;
    for (const Index& index : model.indexes) {
      const std::string name = model.SqlIndex(index);
      if (name.empty()) continue;
      std::vector<std::string> fields;
      for (const FieldDescriptor* field : index.fields) fields.push_back(field->name());
      const std::string text = absl::StrCat("the index over ", Quoted(fields), " of ", model.name);
      const auto [known, inserted] = names.emplace(absl::AsciiStrToLower(name), text);
      if (inserted) continue;
      Report(PositionOfTable(state),
             absl::StrCat(text, " would be called \"", name, "\" in SQL, as ", known->second,
                          "; write another table: \"…\", or another column = \"…\""));
    }
  }
}

void Builder::CheckColumns(ModelState& state) {
  absl::flat_hash_map<std::string, const FieldDescriptor*> columns;
  for (int i = 0; i < state.descriptor().field_count(); ++i) {
    const FieldDescriptor& field = *state.descriptor().field(i);
    const FieldOptions& options = state.fields[i];
    const std::string& column = options.has_column() ? options.column() : field.name();
    const Position position = options.has_column()
                                  ? PositionIn(field, {FieldOptions::kColumnFieldNumber})
                                  : internal::PositionOf(field);
    const auto report = [&](const std::string& message) {
      state.has_sql_names = false;
      Report(position, message);
    };
    if (column.empty() || absl::StrContains(column, absl::string_view("\0", 1))) {
      report(
          absl::StrCat("the column of \"", field.name(), "\" needs a name; write column = \"…\""));
      continue;
    }
    const auto [known, inserted] = columns.emplace(absl::AsciiStrToLower(column), &field);
    if (inserted) continue;
    report(absl::StrCat("the column \"", column, "\" of \"", field.name(),
                        "\" is, but for case, also that of \"", known->second->name(),
                        "\"; write column = \"…\" with another name"));
  }
}

void Builder::CheckCppMembers(ModelState& state) {
  absl::flat_hash_map<std::string, const FieldDescriptor*> accessors;
  for (int i = 0; i < state.descriptor().field_count(); ++i) {
    const FieldDescriptor& field = *state.descriptor().field(i);
    accessors.emplace(FieldAccessor(field), &field);
  }
  absl::flat_hash_map<std::string, const OneofDescriptor*> oneofs;
  for (const Declaration& declaration : state.declarations) {
    const OneofDescriptor* oneof = declaration.association->oneof;
    if (oneof != nullptr) oneofs.emplace(CppIdentifier(oneof->name()), oneof);
  }
  const auto is_ref_member = [](absl::string_view name) {
    for (absl::string_view member : kRefMembers) {
      if (name == member) return true;
    }
    return false;
  };
  for (const Declaration& declaration : state.declarations) {
    if (declaration.association->name.empty()) continue;
    const std::string name = CppIdentifier(declaration.association->name);
    const Position position = PositionOf(declaration, {kNameOption});
    const auto report = [&](absl::string_view what) {
      Report(position, absl::StrCat(TextOf(declaration), " would have the C++ name of ", what,
                                    "; write another name"));
    };
    if (const auto field = accessors.find(name); field != accessors.end()) {
      report(absl::StrCat("the field \"", field->second->name(), "\", ",
                          ModelClass(state.descriptor()), "::", name));
    } else if (const auto oneof = oneofs.find(name); oneof != oneofs.end()) {
      report(absl::StrCat("the oneof \"", oneof->second->name(), "\", ",
                          RefClass(state.descriptor()), "::", name));
    } else if (is_ref_member(name)) {
      report(absl::StrCat("what every reference has, ", RefClass(state.descriptor()), "::", name));
    }
  }
  for (const auto& [name, oneof] : oneofs) {
    if (!is_ref_member(name)) continue;
    Report(internal::PositionOf(*oneof),
           absl::StrCat("the oneof \"", oneof->name(),
                        "\" would have the C++ name of what every "
                        "reference has, ",
                        RefClass(state.descriptor()), "::", name, "; write another name"));
  }
}

void Builder::CheckCppClasses() {
  CppScope scope;
  absl::flat_hash_set<const FileDescriptor*> files;
  const std::function<void(const Descriptor&)> add_message = [&](const Descriptor& message) {
    const auto [known, inserted] = scope.names.emplace(
        Qualified(*message.file(), CppClass(message)),
        CppScope::Owner{absl::StrCat("the message ", message.full_name()), &message});
    const bool concerns_model =
        IsModel(message) || (known->second.message != nullptr && IsModel(*known->second.message));
    if (!inserted && concerns_model) {
      Report(internal::PositionOf(message),
             absl::StrCat("the message ", message.full_name(), " and ", known->second.text,
                          " would both be ", known->first, " in C++; call one of them otherwise"));
    }
    for (int i = 0; i < message.nested_type_count(); ++i) {
      if (!message.nested_type(i)->options().map_entry()) add_message(*message.nested_type(i));
    }
    for (int i = 0; i < message.enum_type_count(); ++i) AddEnum(*message.enum_type(i), &scope);
  };
  for (const ModelState& state : states_) {
    const FileDescriptor& file = *state.descriptor().file();
    if (!files.insert(&file).second) continue;
    for (int i = 0; i < file.enum_type_count(); ++i) AddEnum(*file.enum_type(i), &scope);
    for (int i = 0; i < file.message_type_count(); ++i) add_message(*file.message_type(i));
  }
  for (const ModelState& state : states_) {
    const Descriptor& model = state.descriptor();
    for (const std::string& name : {RefClass(model), ModelClass(model)}) {
      const auto known = scope.names.find(Qualified(*model.file(), name));
      if (known == scope.names.end()) continue;
      const Descriptor* other = known->second.message;
      const bool blame_other = other != nullptr && other->file() == model.file();
      Report(internal::PositionOf(blame_other ? *other : model),
             absl::StrCat(known->second.text, " would be ", known->first,
                          " in C++, which Kin generates for the model ", model.full_name(),
                          "; call one of them otherwise"));
    }
  }
}

}  // namespace kin::graph::internal
