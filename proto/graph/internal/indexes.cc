// The indexes of each model, each once however often it is asked for.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

using ::google::protobuf::FieldDescriptor;

bool IsFloating(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT;
}

}  // namespace

void Builder::CheckIndexes(ModelState& state) {
  for (int i = 0; i < state.options.index_size(); ++i) {
    const IndexOptions& options = state.options.index(i);
    const OptionPath path = {ModelOptions::kIndexFieldNumber, i};
    const Position position = PositionIn(state.descriptor(), path);
    if (options.fields().empty()) {
      Report(position, absl::StrCat("an index of ", state.model->name,
                                    " has no fields; write fields: [ … ]"));
      continue;
    }
    const std::optional<FieldList> fields = FindFields(
        options.fields(), state.descriptor(), [&](int) { return position; }, "index");
    if (!fields.has_value()) continue;
    bool sound = true;
    for (const FieldDescriptor* field : *fields) {
      if (!CanBeIndexed(*field)) {
        Report(position,
               absl::StrCat("index: \"", field->name(), "\" is ", TypeText(*field),
                            "; an index is of integers, bool, enum, float, double, string "
                            "or bytes"));
        sound = false;
      } else if (options.unique() && IsFloating(*field)) {
        Report(position,
               absl::StrCat("index: \"", field->name(), "\" is ", TypeText(*field),
                            " and cannot be in a unique index, since a NaN equals nothing, "
                            "not even itself"));
        sound = false;
      }
    }
    if (sound)
      state.indexes.push_back(
          {.fields = *fields, .unique = options.unique(), .ordered = options.ordered()});
  }
}

int Builder::AddIndex(Model* model, const FieldList& fields) {
  const auto [place, inserted] =
      indexes_.emplace(std::make_pair(model, fields), static_cast<int>(model->indexes.size()));
  if (inserted) model->indexes.push_back({.fields = fields});
  return place->second;
}

void Builder::BuildIndexes() {
  for (ModelState& state : states_) {
    if (!state.has_key) continue;
    AddIndex(state.model, state.model->primary_key);
    state.model->indexes[0].unique = true;
  }
  for (const auto& key : graph_.foreign_keys) {
    key->child_index = AddIndex(key->child, key->fields);
    Index& index = key->child->indexes[key->child_index];
    index.foreign_key = true;
    index.unique = index.unique || key->unique;
  }
  for (const auto& key : graph_.foreign_keys) {
    key->parent_index = AddIndex(key->parent, key->own_key);
    key->parent->indexes[key->parent_index].unique = true;
  }
  for (ModelState& state : states_) {
    BuildAskedIndexes(state);
  }
}

void Builder::BuildAskedIndexes(ModelState& state) {
  Model& model = *state.model;
  const auto add = [&](const FieldList& fields, bool unique, bool ordered) {
    const int number = AddIndex(&model, fields);
    model.indexes[number].unique |= unique;
    model.indexes[number].ordered |= ordered;
    if (!unique || fields.size() > 1) return;
    for (const Model::UniqueField& known : model.unique_fields) {
      if (known.index == number) return;
    }
    model.unique_fields.push_back({fields[0], number});
  };
  for (int i = 0; i < model.descriptor->field_count(); ++i) {
    const FieldOptions& options = state.fields[i];
    if (!options.unique() && !options.ordered() && !options.indexed()) continue;
    add({model.descriptor->field(i)}, options.unique(), options.ordered());
  }
  for (const Index& index : state.indexes) add(index.fields, index.unique, index.ordered);
  std::sort(model.unique_fields.begin(), model.unique_fields.end(),
            [](const Model::UniqueField& a, const Model::UniqueField& b) {
              return a.field->number() < b.field->number();
            });
}

}  // namespace kin::graph::internal
