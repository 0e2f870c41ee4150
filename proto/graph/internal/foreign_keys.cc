// Direct associations: each belongs_to, has_one and has_many finds or makes its foreign key.
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
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/proto/graph/internal/position.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

std::string NamesOf(const FieldList& fields) {
  std::vector<std::string> names;
  for (const FieldDescriptor* field : fields) names.push_back(field->name());
  return Quoted(names);
}

bool HasPart(const FieldList& fields, bool presence) {
  for (const FieldDescriptor* field : fields) {
    if (HasPresence(*field) == presence) return true;
  }
  return false;
}

std::string DefaultForeignKey(const Model& parent) {
  return absl::StrCat(SnakeCase(parent.descriptor->name()), "_id");
}

}  // namespace

ModelState* Builder::FindModel(const Declaration& declaration, absl::string_view name, int option) {
  const Descriptor& scope = *declaration.association->owner->descriptor;
  const Position position = PositionOf(declaration, {option});
  const MessageLookup lookup = FindMessage(name, scope);
  if (lookup.found != nullptr) {
    const auto state = states_by_model_.find(lookup.found);
    if (state != states_by_model_.end()) return state->second;
    const std::string& full_name = lookup.found->full_name();
    if (!IsModel(*lookup.found)) {
      Report(position, absl::StrCat(TextOf(declaration), ": the message ", full_name,
                                    " is not a model; write \"option (kin.model) = {};\" in it"));
    } else {
      Report(position,
             absl::StrCat(TextOf(declaration), ": the model ", full_name,
                          " is not part of this schema; add it to the models of the schema"));
    }
    return nullptr;
  }
  std::string cure;
  if (lookup.not_imported != nullptr) {
    const std::string& file = lookup.not_imported->file()->name();
    cure = absl::StrCat("; ", lookup.not_imported->full_name(), " is in \"", file,
                        "\", which this file does not import: write import \"", file, "\";");
  } else {
    std::vector<std::string> names;
    for (const ModelState& state : states_) names.push_back(NameIn(state.descriptor(), scope));
    cure = DidYouMean(name, names);
  }
  const bool given = declaration.has != nullptr ? declaration.has->has_model()
                                                : declaration.belongs_to->has_model();
  if (!given && cure.empty()) cure = "; write model: \"…\"";
  Report(position, absl::StrCat(TextOf(declaration), ": there is no model \"", name, "\"",
                                given ? "" : ", as its name says", cure));
  return nullptr;
}

std::optional<FieldList> Builder::OwnKey(
    ModelState& parent, const google::protobuf::RepeatedPtrField<std::string>& names,
    const Declaration& declaration, int option) {
  if (names.empty()) {
    if (!parent.has_key) return std::nullopt;
    return parent.model->primary_key;
  }
  const auto position = [&](int part) { return PositionOf(declaration, {option, part}); };
  const std::string what = absl::StrCat(TextOf(declaration), ": own_key");
  std::optional<FieldList> fields = FindFields(names, parent.descriptor(), position, what);
  if (!fields.has_value()) return std::nullopt;
  for (size_t i = 0; i < fields->size(); ++i) {
    const FieldDescriptor& field = *(*fields)[i];
    if (CanBeKey(field)) continue;
    Report(position(static_cast<int>(i)),
           absl::StrCat(what, ": \"", field.name(), "\" of ", parent.model->name, " is ",
                        TypeText(field), "; a key is of integers, string or bytes"));
    return std::nullopt;
  }
  return fields;
}

bool Builder::CheckMatch(const Declaration& declaration, const Position& position,
                         const Model& child, const FieldList& fields, const Model& parent,
                         const FieldList& own_key) {
  if (fields.size() != own_key.size()) {
    const bool primary = own_key == parent.primary_key;
    Report(position,
           absl::StrCat(TextOf(declaration), ": the foreign key of ", child.name, " has ",
                        fields.size(), fields.size() == 1 ? " field (" : " fields (",
                        NamesOf(fields), "), but the ", primary ? "primary key" : "own_key", " of ",
                        parent.name, " has ", own_key.size(), " (", NamesOf(own_key), "); ",
                        declaration.belongs_to != nullptr && declaration.field != nullptr
                            ? "write a belongs_to with foreign_key: [ … ] in (kin.model)"
                            : "write as many fields in foreign_key, in the same order"));
    return false;
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!CanBeKey(*fields[i])) {
      Report(position,
             absl::StrCat(TextOf(declaration), ": \"", fields[i]->name(), "\" of ", child.name,
                          " is ", TypeText(*fields[i]), " and cannot be a foreign key; ",
                          parent.name, ".", own_key[i]->name(), " is ", TypeText(*own_key[i])));
      return false;
    }
    if (!SameKeyType(*fields[i], *own_key[i])) {
      Report(position, absl::StrCat(TextOf(declaration), ": the foreign key ", child.name, ".",
                                    fields[i]->name(), " is ", TypeText(*fields[i]),
                                    ", but the key ", parent.name, ".", own_key[i]->name(), " is ",
                                    TypeText(*own_key[i]), "; give both one type"));
      return false;
    }
  }
  return true;
}

ForeignKey* Builder::AddForeignKey(Model* child, FieldList fields, Model* parent,
                                   FieldList own_key) {
  ForeignKey& key = *graph_.foreign_keys.emplace_back(std::make_unique<ForeignKey>());
  key.child = child;
  key.parent = parent;
  key.optional = HasPart(fields, true);
  key.on_delete = key.optional ? NULLIFY : RESTRICT;
  key.fields = std::move(fields);
  key.own_key = std::move(own_key);
  // Whose key is a parent's is not given one by the store.
  if (child->allocates_id &&
      std::find(key.fields.begin(), key.fields.end(), child->primary_key[0]) != key.fields.end()) {
    child->allocates_id = false;
  }
  return foreign_keys_[{child, key.fields}] = &key;
}

bool Builder::CheckDelete(const Declaration& declaration, const ForeignKey& key) {
  if (declaration.belongs_to->on_delete() != NULLIFY || key.optional) return true;
  const FieldDescriptor& field = *key.fields.front();
  const bool in_key = std::find(key.child->primary_key.begin(), key.child->primary_key.end(),
                                &field) != key.child->primary_key.end();
  Report(PositionOf(declaration, {BelongsToOptions::kOnDeleteFieldNumber}),
         absl::StrCat(
             TextOf(declaration), ": NULLIFY needs a foreign key that may be absent, and ",
             NamesOf(key.fields), " is required; write ",
             in_key ? ""
                    : absl::StrCat("\"optional ", field.type_name(), " ", field.name(), "\", or "),
             "on_delete: RESTRICT or CASCADE"));
  return false;
}

void Builder::ResolveBelongsTo(ModelState& state, Declaration& declaration) {
  const BelongsToOptions& options = *declaration.belongs_to;
  Association& association = *declaration.association;
  std::optional<FieldList> fields;
  if (declaration.field != nullptr) {
    fields = FieldList{declaration.field};
    if (options.foreign_key_size() > 0) {
      Report(
          PositionOf(declaration, {BelongsToOptions::kForeignKeyFieldNumber}),
          absl::StrCat("the belongs_to of \"", declaration.field->name(),
                       "\" cannot have foreign_key, which is this field; remove it, or write the "
                       "belongs_to in (kin.model)"));
      fields.reset();
    }
  } else if (options.foreign_key().empty()) {
    Report(PositionOf(declaration),
           absl::StrCat(TextOf(declaration),
                        " has no foreign_key; write foreign_key: [ … ] with "
                        "fields of ",
                        state.model->name));
  } else {
    fields = FindFields(
        options.foreign_key(), state.descriptor(),
        [&](int part) {
          return PositionOf(declaration, {BelongsToOptions::kForeignKeyFieldNumber, part});
        },
        absl::StrCat(TextOf(declaration), ": foreign_key"));
  }
  const bool named = !association.name.empty() || options.has_model();
  ModelState* parent =
      named && declaration.state != Declaration::State::kDone
          ? FindModel(declaration,
                      options.has_model() ? options.model() : CamelCase(association.name),
                      BelongsToOptions::kModelFieldNumber)
          : nullptr;
  declaration.state = Declaration::State::kDone;
  if (!fields.has_value()) return;
  const auto [known, is_new] = foreign_keys_.emplace(ForeignKeyId(state.model, *fields), nullptr);
  if (!is_new) {
    Report(PositionOf(declaration), absl::StrCat(TextOf(declaration), ": ", NamesOf(*fields),
                                                 " has a belongs_to already; remove one"));
    return;
  }
  if (parent == nullptr) return;
  std::optional<FieldList> own_key =
      OwnKey(*parent, options.own_key(), declaration, BelongsToOptions::kOwnKeyFieldNumber);
  if (!own_key.has_value()) return;
  const Position position =
      declaration.field != nullptr
          ? PositionOfType(*declaration.field)
          : PositionOf(declaration, {BelongsToOptions::kForeignKeyFieldNumber});
  if (!CheckMatch(declaration, position, *state.model, *fields, *parent->model, *own_key)) return;
  ForeignKey* key =
      AddForeignKey(state.model, *std::move(fields), parent->model, *std::move(own_key));
  key->belongs_to = &association;
  if (options.on_delete() != ON_DELETE_UNSPECIFIED && CheckDelete(declaration, *key)) {
    key->on_delete = options.on_delete();
  }
  association.target = parent->model;
  association.foreign_key = key;
  if (key->fields.size() == 1) association.oneof = key->fields[0]->real_containing_oneof();
}

std::optional<FieldList> Builder::ForeignKeyFields(ModelState& parent, ModelState& child,
                                                   const Declaration& declaration) {
  const HasOptions& options = *declaration.has;
  const auto position = [&](int part) {
    return PositionOf(declaration, {HasOptions::kForeignKeyFieldNumber, part});
  };
  if (options.foreign_key_size() > 0) {
    return FindFields(options.foreign_key(), child.descriptor(), position,
                      absl::StrCat(TextOf(declaration), ": foreign_key"));
  }
  const std::string name = DefaultForeignKey(*parent.model);
  const FieldDescriptor* field = child.descriptor().FindFieldByName(name);
  if (field != nullptr) return FieldList{field};
  // Which of the child's foreign keys may have been meant.
  std::string cure = "…";
  for (const Declaration& other : child.declarations) {
    if (other.field != nullptr && other.association->target == parent.model) {
      cure = other.field->name();
    }
  }
  Report(position(0),
         absl::StrCat(TextOf(declaration), ": ", child.model->name, " has no field \"", name,
                      "\", which is the default; write foreign_key: \"", cure, "\""));
  return std::nullopt;
}

void Builder::ResolveHas(ModelState& state, Declaration& declaration) {
  declaration.state = Declaration::State::kDone;
  const HasOptions& options = *declaration.has;
  Association& association = *declaration.association;
  const bool many = association.kind == Association::Kind::kHasMany;
  if (options.has_source()) {
    Report(PositionOf(declaration, {HasOptions::kSourceFieldNumber}),
           absl::StrCat(TextOf(declaration),
                        " has source but no through; write through: \"…\", or "
                        "remove source"));
    return;
  }
  if (association.name.empty() && !options.has_model()) return;
  ModelState* child = FindModel(
      declaration,
      options.has_model() ? options.model()
                          : CamelCase(many ? Singularize(association.name) : association.name),
      HasOptions::kModelFieldNumber);
  if (child == nullptr) return;
  std::optional<FieldList> fields = ForeignKeyFields(state, *child, declaration);
  if (!fields.has_value()) return;
  std::optional<FieldList> own_key =
      OwnKey(state, options.own_key(), declaration, HasOptions::kOwnKeyFieldNumber);
  if (!own_key.has_value()) return;
  const auto known = foreign_keys_.find({child->model, *fields});
  ForeignKey* key = nullptr;
  if (known != foreign_keys_.end()) {
    key = known->second;
    if (key == nullptr) return;
    if (key->parent != state.model || key->own_key != *own_key) {
      Report(PositionOf(declaration),
             absl::StrCat(TextOf(declaration), ": the foreign key ", NamesOf(*fields), " of ",
                          child->model->name, " already holds ", NamesOf(key->own_key), " of ",
                          key->parent->name, ", and cannot hold ", NamesOf(*own_key), " of ",
                          state.model->name, "; write another foreign_key"));
      return;
    }
  } else {
    const Position position = PositionOf(declaration, {HasOptions::kForeignKeyFieldNumber});
    if (!CheckMatch(declaration, position, *child->model, *fields, *state.model, *own_key)) {
      return;
    }
    key = AddForeignKey(child->model, *std::move(fields), state.model, *std::move(own_key));
  }
  association.target = child->model;
  association.foreign_key = key;
  association.lowest = !many && !options.unique();
  key->unique = key->unique || (!many && options.unique());
  has_over_[key].push_back(&declaration);
}

void Builder::CheckHasOnes() {
  for (const auto& key : graph_.foreign_keys) {
    const Declaration* many = nullptr;
    for (const Declaration* declaration : has_over_[key.get()]) {
      if (declaration->association->kind == Association::Kind::kHasMany) many = declaration;
    }
    if (many == nullptr) continue;
    for (const Declaration* declaration : has_over_[key.get()]) {
      const Association& one = *declaration->association;
      if (one.kind != Association::Kind::kHasOne || one.lowest) continue;
      Report(
          PositionOf(*declaration),
          absl::StrCat(TextOf(*declaration), " makes the foreign key ", NamesOf(key->fields),
                       " of ", key->child->name, " unique, but ", TextOf(*many),
                       " has many over it; write unique: false, to show the child with the lowest "
                       "key, or remove one of the two"));
    }
  }
}

}  // namespace kin::graph::internal
