#include "kin/proto/graph/internal/builder.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/cpp_names.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {
namespace internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

// Whether `message` was declared by a `group` field, which is then its only use.
bool IsGroup(const Descriptor& message) {
  const Descriptor* parent = message.containing_type();
  const auto declares = [&message](const FieldDescriptor& field) {
    return field.type() == FieldDescriptor::TYPE_GROUP && field.message_type() == &message;
  };
  if (parent != nullptr) {
    for (int i = 0; i < parent->field_count(); ++i) {
      if (declares(*parent->field(i))) return true;
    }
    for (int i = 0; i < parent->extension_count(); ++i) {
      if (declares(*parent->extension(i))) return true;
    }
    return false;
  }
  for (int i = 0; i < message.file()->extension_count(); ++i) {
    if (declares(*message.file()->extension(i))) return true;
  }
  return false;
}

bool HasFieldOptions(const FieldDescriptor& field) {
  return OptionsOf(field).ByteSizeLong() > 0 || field.options().HasExtension(kin::field);
}

// All files that `file` imports, each once and after those it imports itself; then `file`.
void AppendFiles(const FileDescriptor& file, absl::flat_hash_set<const FileDescriptor*>* seen,
                 std::vector<const FileDescriptor*>* files) {
  if (!seen->insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AppendFiles(*file.dependency(i), seen, files);
  files->push_back(&file);
}

}  // namespace

Graph Builder::Build(absl::Span<const Descriptor* const> models) {
  for (const Descriptor* descriptor : models) AddModel(*descriptor);
  for (ModelState& state : states_) {
    ResolveKey(state);
    CheckFields(state);
    ResolveValueRules(state);
    ResolveStamps(state);
    CheckIndexes(state);
    CheckColumns(state);
    Declare(state);
  }
  for (ModelState& state : states_) {
    for (Declaration& declaration : state.declarations) {
      if (declaration.belongs_to != nullptr) ResolveBelongsTo(state, declaration);
    }
  }
  for (ModelState& state : states_) {
    for (Declaration& declaration : state.declarations) {
      if (declaration.has != nullptr && !declaration.has->has_through()) {
        ResolveHas(state, declaration);
      }
    }
  }
  CheckHasOnes();
  CheckRequiredForeignKeys();
  CheckFilledInKeys();
  for (ModelState& state : states_) {
    for (Declaration& declaration : state.declarations) ResolveThrough(declaration);
    CheckCppMembers(state);
  }
  CheckTables();
  CheckCppClasses();
  BuildIndexes();
  CheckSqlIndexes();
  return std::move(graph_);
}

void Builder::AddModel(const Descriptor& descriptor) {
  if (states_by_model_.contains(&descriptor)) return;
  graph_.models.push_back(std::make_unique<Model>());
  ModelState& state = states_.emplace_back();
  state.model = graph_.models.back().get();
  state.options = OptionsOf(descriptor);
  states_by_model_.emplace(&descriptor, &state);
  Model& model = *state.model;
  model.descriptor = &descriptor;
  model.name = descriptor.full_name();
  model.table = state.options.has_table() ? state.options.table() : TableName(FlatName(descriptor));
  for (int i = 0; i < descriptor.field_count(); ++i) {
    state.fields.push_back(OptionsOf(*descriptor.field(i)));
  }
  if (IsGroup(descriptor)) {
    Report(PositionIn(descriptor, {}),
           absl::StrCat("a group cannot be a model; write a message of its own for \"",
                        descriptor.name(), "\""));
  }
}

void Builder::Report(const Position& position, std::string message) {
  diagnostics_->push_back({.file = position.file,
                           .line = position.line,
                           .column = position.column,
                           .message = std::move(message)});
}

void Builder::CheckStrayOption(const FieldDescriptor& field, absl::string_view why) {
  if (HasFieldOptions(field)) {
    Report(PositionIn(field, {}), absl::StrCat("the (kin.field) option of \"", field.name(),
                                               "\" has no effect, since ", why));
  }
}

void Builder::CheckStrayOptions(const Descriptor& message) {
  if (!IsModel(message)) {
    for (int i = 0; i < message.field_count(); ++i) {
      CheckStrayOption(*message.field(i),
                       absl::StrCat(message.full_name(),
                                    " is not a model; write \"option (kin.model) = {};\" in it, or "
                                    "remove the option of the field"));
    }
  }
  for (int i = 0; i < message.extension_count(); ++i) {
    CheckStrayOption(*message.extension(i), "extensions are not fields of a model; remove it");
  }
  for (int i = 0; i < message.nested_type_count(); ++i) CheckStrayOptions(*message.nested_type(i));
}

void Builder::CheckStrayOptions(const FileDescriptor& file) {
  for (int i = 0; i < file.message_type_count(); ++i) CheckStrayOptions(*file.message_type(i));
  for (int i = 0; i < file.extension_count(); ++i) {
    CheckStrayOption(*file.extension(i), "extensions are not fields of a model; remove it");
  }
}

}  // namespace internal

namespace {

void SortByPosition(std::vector<Diagnostic>* diagnostics, size_t first) {
  std::stable_sort(diagnostics->begin() + static_cast<std::ptrdiff_t>(first), diagnostics->end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
                   });
}

}  // namespace

std::string Diagnostic::ToString() const {
  return absl::StrCat(file, ":", line, ":", column, ": error: ", message);
}

const Association* Model::FindAssociation(absl::string_view association_name) const {
  for (const auto& association : associations) {
    if (association->name == association_name) return association.get();
  }
  return nullptr;
}

const Model* Graph::Find(const google::protobuf::Descriptor* descriptor) const {
  for (const auto& model : models) {
    if (model->descriptor == descriptor) return model.get();
  }
  return nullptr;
}

const Model* Graph::Find(absl::string_view full_name) const {
  for (const auto& model : models) {
    if (model->name == full_name) return model.get();
  }
  return nullptr;
}

Graph Build(absl::Span<const google::protobuf::Descriptor* const> models,
            std::vector<Diagnostic>* diagnostics) {
  const size_t first = diagnostics->size();
  Graph graph = internal::Builder(diagnostics).Build(models);
  SortByPosition(diagnostics, first);
  return graph;
}

Graph BuildForFile(const google::protobuf::FileDescriptor& file,
                   std::vector<Diagnostic>* diagnostics) {
  const size_t first = diagnostics->size();
  absl::flat_hash_set<const google::protobuf::FileDescriptor*> seen;
  std::vector<const google::protobuf::FileDescriptor*> files;
  internal::AppendFiles(file, &seen, &files);
  std::vector<const google::protobuf::Descriptor*> models;
  for (const google::protobuf::FileDescriptor* each : files) {
    for (const google::protobuf::Descriptor* model : ModelsOf(*each)) models.push_back(model);
  }
  internal::Builder builder(diagnostics);
  builder.CheckStrayOptions(file);
  Graph graph = builder.Build(models);
  SortByPosition(diagnostics, first);
  return graph;
}

}  // namespace kin::graph
