// Which associations a model declares, and what they are called.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/position.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::FieldDescriptor;

// Lower case, digits and single underscores inside: what is an identifier in C++ and SQL, and no
// reserved one.
bool IsName(absl::string_view name) {
  if (name.empty() || !absl::ascii_islower(name.front()) || name.back() == '_') return false;
  for (size_t i = 0; i < name.size(); ++i) {
    if (!absl::ascii_islower(name[i]) && !absl::ascii_isdigit(name[i]) && name[i] != '_') {
      return false;
    }
    if (name[i] == '_' && name[i - 1] == '_') return false;
  }
  return true;
}

absl::string_view KindText(Association::Kind kind) {
  switch (kind) {
    case Association::Kind::kBelongsTo:
      return "belongs_to";
    case Association::Kind::kHasOne:
      return "has_one";
    case Association::Kind::kHasMany:
      return "has_many";
  }
  return "";
}

}  // namespace

void Builder::Declare(ModelState& state) {
  const auto& descriptor = state.descriptor();
  FieldList by_number;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    if (state.fields[i].has_belongs_to()) by_number.push_back(descriptor.field(i));
  }
  std::sort(
      by_number.begin(), by_number.end(),
      [](const FieldDescriptor* a, const FieldDescriptor* b) { return a->number() < b->number(); });
  for (const FieldDescriptor* field : by_number) {
    DeclareBelongsTo(state, state.fields[field->index()].belongs_to(), field,
                     {FieldOptions::kBelongsToFieldNumber});
  }
  const ModelOptions& options = state.options;
  for (int i = 0; i < options.belongs_to_size(); ++i) {
    DeclareBelongsTo(state, options.belongs_to(i), nullptr,
                     {ModelOptions::kBelongsToFieldNumber, i});
  }
  for (int i = 0; i < options.has_one_size(); ++i) {
    DeclareHas(state, options.has_one(i), Association::Kind::kHasOne,
               {ModelOptions::kHasOneFieldNumber, i});
  }
  for (int i = 0; i < options.has_many_size(); ++i) {
    DeclareHas(state, options.has_many(i), Association::Kind::kHasMany,
               {ModelOptions::kHasManyFieldNumber, i});
  }
}

void Builder::DeclareBelongsTo(ModelState& state, const BelongsToOptions& options,
                               const FieldDescriptor* field, OptionPath path) {
  auto& association = *state.model->associations.emplace_back(std::make_unique<Association>());
  association.kind = Association::Kind::kBelongsTo;
  association.owner = state.model;
  Declaration& declaration = state.declarations.emplace_back();
  declaration.association = &association;
  declaration.belongs_to = &options;
  declaration.field = field;
  declaration.path = std::move(path);
  absl::string_view key;
  if (field != nullptr) key = field->name();
  if (field == nullptr && options.foreign_key_size() == 1) key = options.foreign_key(0);
  association.name = options.name();
  if (!options.has_name()) {
    if (absl::ConsumeSuffix(&key, "_id") && !key.empty()) {
      association.name = absl::AsciiStrToLower(key);
    } else if (field != nullptr) {
      // An association called like its field would hide it.
      Report(
          PositionOf(declaration),
          absl::StrCat("the belongs_to of \"", field->name(),
                       "\" needs a name, since the field does not end in \"_id\"; write belongs_to "
                       "= { name: \"…\" }, or call the field \"",
                       field->name(), "_id\""));
      declaration.state = Declaration::State::kDone;
      return;
    }
  }
  CheckName(state, declaration);
}

void Builder::DeclareHas(ModelState& state, const HasOptions& options, Association::Kind kind,
                         OptionPath path) {
  auto& association = *state.model->associations.emplace_back(std::make_unique<Association>());
  association.kind = kind;
  association.owner = state.model;
  association.name = options.name();
  Declaration& declaration = state.declarations.emplace_back();
  declaration.association = &association;
  declaration.has = &options;
  declaration.path = std::move(path);
  CheckName(state, declaration);
  if (kind == Association::Kind::kHasMany && options.has_unique()) {
    Report(PositionOf(declaration, {HasOptions::kUniqueFieldNumber}),
           absl::StrCat(TextOf(declaration),
                        " cannot have unique, which is for has_one; remove it, or write has_one"));
  }
}

void Builder::CheckName(ModelState& state, Declaration& declaration) {
  const std::string& name = declaration.association->name;
  const absl::string_view kind = KindText(declaration.association->kind);
  const Position position = PositionOf(declaration, {kNameOption});
  if (name.empty()) {
    Report(position, absl::StrCat("a ", kind, " of ", state.model->name,
                                  " has no name; write name: \"…\", in lower case"));
  } else if (!IsName(name)) {
    Report(position, absl::StrCat("\"", name, "\" cannot be the name of a ", kind,
                                  "; write lower-case letters, digits and single underscores "
                                  "between them, as in \"",
                                  kind == "has_many" ? "blog_posts" : "blog_post", "\""));
  }
  if (name.empty()) return;
  const auto [place, inserted] = state.by_name.emplace(name, &declaration);
  if (!inserted) {
    Report(position, absl::StrCat(TextOf(declaration), ": ", state.model->name, " already has a ",
                                  KindText(place->second->association->kind),
                                  " of this name; write "
                                  "another name"));
  }
}

Position Builder::PositionOf(const Declaration& declaration, const OptionPath& inside) const {
  OptionPath path = declaration.path;
  path.insert(path.end(), inside.begin(), inside.end());
  if (declaration.field != nullptr) return PositionIn(*declaration.field, path);
  return PositionIn(*declaration.association->owner->descriptor, path);
}

std::string Builder::TextOf(const Declaration& declaration) {
  const Association& association = *declaration.association;
  if (association.name.empty()) return std::string(KindText(association.kind));
  return absl::StrCat(KindText(association.kind), " \"", association.name, "\"");
}

std::string Builder::LongTextOf(const Declaration& declaration) {
  return absl::StrCat(TextOf(declaration), " of ", declaration.association->owner->name);
}

}  // namespace kin::graph::internal
