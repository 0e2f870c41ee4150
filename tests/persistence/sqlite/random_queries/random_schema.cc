#include "kin/tests/persistence/sqlite/random_queries/random_schema.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kin::testing {
namespace {

using Kind = AssociationSpec::Kind;

constexpr const char* kKeyTypes[] = {"int64",   "int32",  "sint64", "uint64",
                                     "fixed32", "string", "string", "bytes"};
constexpr const char* kScalars[] = {
    "int32",    "int64", "sint32", "sint64", "uint32", "uint64", "fixed32", "fixed64", "sfixed32",
    "sfixed64", "bool",  "Color",  "float",  "double", "string", "string",  "bytes"};
constexpr const char* kMessages[] = {
    "google.protobuf.Timestamp",   "google.protobuf.Duration",    "google.protobuf.Int64Value",
    "google.protobuf.UInt64Value", "google.protobuf.Int32Value",  "google.protobuf.UInt32Value",
    "google.protobuf.BoolValue",   "google.protobuf.DoubleValue", "google.protobuf.FloatValue",
    "google.protobuf.StringValue", "google.protobuf.BytesValue"};
constexpr const char* kElements[] = {"int64", "string", "bool", "uint32", "double", "bytes"};

bool IsReal(const std::string& type) { return type == "float" || type == "double"; }

std::string Quoted(const std::vector<std::string>& names) {
  return absl::StrCat("[\"", absl::StrJoin(names, "\", \""), "\"]");
}

class Builder {
 public:
  explicit Builder(Dice* dice) : dice_(*dice) {}

  std::vector<ModelSpec> Build() {
    models_.resize(static_cast<std::size_t>(2 + dice_.Below(3)));
    for (std::size_t i = 0; i < models_.size(); ++i) models_[i].name = absl::StrCat("T", i);
    for (int i = 0; i < static_cast<int>(models_.size()); ++i) AddKey(i);
    for (int i = 0; i < static_cast<int>(models_.size()); ++i) {
      for (int count = 2 + dice_.Below(5); count > 0; --count) AddField(&models_[i]);
      for (int count = dice_.Below(3); count > 0; --count) AddBelongsTo(i);
      for (int count = dice_.Below(3); count > 0; --count) AddIndex(&models_[i]);
    }
    for (int count = dice_.Below(5); count > 0; --count) AddThrough();
    return std::move(models_);
  }

 private:
  ModelSpec& model(int i) { return models_[static_cast<std::size_t>(i)]; }
  std::string Name(const char* prefix) { return absl::StrCat(prefix, names_++); }

  void AddKey(int i) {
    ModelSpec& to = model(i);
    if (i > 0 && dice_.Once(4)) return AddJoinKey(i);
    if (dice_.Once(3)) {
      to.key = {"ka", "kb"};
      for (const std::string& name : to.key) to.fields.push_back({name, dice_.From(kKeyTypes)});
      if (dice_.Once(2)) to.indexes.push_back({to.key, false, true});
      return;
    }
    to.key = {"id"};
    to.fields.push_back({"id", dice_.From(kKeyTypes), "", dice_.Once(2) ? "ordered: true" : ""});
  }

  // A key of two foreign keys, where there are parents with keys of one field.
  void AddJoinKey(int i) {
    ModelSpec& to = model(i);
    for (const char* name : {"ka", "kb"}) {
      const int parent = dice_.Below(i);
      if (model(parent).key.size() != 1) {
        to.fields.push_back({name, "int32"});
      } else {
        AddForeignKey(i, parent, {name}, "", false);
      }
      to.key.push_back(name);
    }
  }

  std::string IndexOptions(const std::string& type) {
    switch (dice_.Below(6)) {
      case 0:
        return "indexed: true";
      case 1:
      case 2:
        return "ordered: true";
      case 3:
        if (IsReal(type) || type == "bool" || type == "Color" || !dice_.Once(3)) return "";
        return dice_.Once(2) ? "unique: true" : "unique: true ordered: true";
      default:
        return "";
    }
  }

  void AddField(ModelSpec* to) {
    FieldSpec field;
    field.name = Name("f");
    switch (dice_.Below(8)) {
      case 0:
      case 1:
        field.type = dice_.From(kMessages);
        field.unindexed = true;
        break;
      case 2:
        field.type = dice_.From(kElements);
        field.label = "repeated";
        field.unindexed = true;
        break;
      default:
        field.type = dice_.From(kScalars);
        field.label = dice_.Once(2) ? "optional" : "";
        field.options = IndexOptions(field.type);
    }
    to->fields.push_back(std::move(field));
  }

  void AddBelongsTo(int child) {
    const int parent = dice_.Below(static_cast<int>(models_.size()));
    // A record that needs one of its own model, or of one that is made later, could be the first.
    const bool optional = parent >= child || dice_.Once(2);
    std::vector<std::string> fields;
    for (std::size_t i = 0; i < model(parent).key.size(); ++i) fields.push_back(Name("r"));
    AddForeignKey(child, parent, fields, optional ? "optional" : "", true);
  }

  // Of new fields of the child. `unique`: it may be.
  void AddForeignKey(int child, int parent, const std::vector<std::string>& fields,
                     const std::string& label, bool unique) {
    AssociationSpec belongs;
    belongs.name = Name("to");
    belongs.owner = child;
    belongs.target = parent;
    belongs.foreign_key = fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      FieldSpec field;
      field.name = fields[i];
      field.type = model(parent).field(model(parent).key[i]).type;
      field.label = label;
      if (dice_.Once(4)) field.options = "ordered: true";
      model(child).fields.push_back(std::move(field));
    }
    model(child).associations.push_back(belongs);
    AddInverse(belongs, unique);
  }

  void AddInverse(AssociationSpec belongs, bool unique) {
    AssociationSpec inverse = belongs;
    std::swap(inverse.owner, inverse.target);
    std::vector<AssociationSpec>& associations = model(inverse.owner).associations;
    const int what = dice_.Below(5);
    if (what == 0) return;
    if (what == 1 && unique) {
      inverse.name = Name("one");
      inverse.kind = Kind::kHasOne;
      associations.push_back(inverse);
      return;
    }
    inverse.name = Name("many");
    inverse.kind = Kind::kHasMany;
    associations.push_back(inverse);
    if (what != 2) return;
    inverse.name = Name("least");
    inverse.kind = Kind::kHasOne;
    inverse.lowest = true;
    associations.push_back(inverse);
  }

  void AddThrough() {
    const int owner = dice_.Below(static_cast<int>(models_.size()));
    if (model(owner).associations.empty()) return;
    const AssociationSpec first = dice_.From(model(owner).associations);
    if (model(first.target).associations.empty()) return;
    const AssociationSpec second = dice_.From(model(first.target).associations);
    AssociationSpec through;
    through.name = Name("far");
    through.owner = owner;
    through.target = second.target;
    through.through = first.name;
    through.source = second.name;
    through.kind = dice_.Once(3) ? Kind::kHasOne : Kind::kHasMany;
    through.lowest = through.kind == Kind::kHasOne;
    model(owner).associations.push_back(std::move(through));
  }

  void AddIndex(ModelSpec* to) {
    IndexSpec index;
    bool real = false;
    for (int count = 2 + dice_.Below(2); count > 0; --count) {
      const FieldSpec& field = dice_.From(to->fields);
      const bool has = std::count(index.fields.begin(), index.fields.end(), field.name) != 0;
      if (field.unindexed || has) continue;
      index.fields.push_back(field.name);
      real = real || IsReal(field.type);
    }
    if (index.fields.size() < 2) return;
    index.unique = !real && dice_.Once(6);
    index.ordered = !dice_.Once(3);
    to->indexes.push_back(std::move(index));
  }

  Dice& dice_;
  std::vector<ModelSpec> models_;
  int names_ = 0;
};

std::string OptionText(const AssociationSpec& association, const std::vector<ModelSpec>& models) {
  if (association.kind == Kind::kBelongsTo) {
    if (association.foreign_key.size() == 1) return "";  // In the field.
    return absl::StrCat("    belongs_to: { name: \"", association.name, "\" model: \"",
                        models[static_cast<std::size_t>(association.target)].name,
                        "\" foreign_key: ", Quoted(association.foreign_key), " }\n");
  }
  const bool one = association.kind == Kind::kHasOne;
  std::string text =
      absl::StrCat(one ? "    has_one: { name: \"" : "    has_many: { name: \"", association.name,
                   "\" model: \"", models[static_cast<std::size_t>(association.target)].name, "\"");
  if (association.through.empty()) {
    absl::StrAppend(&text, " foreign_key: ", Quoted(association.foreign_key),
                    association.lowest ? " unique: false" : "");
  } else {
    absl::StrAppend(&text, " through: \"", association.through, "\" source: \"", association.source,
                    "\"");
  }
  return absl::StrCat(text, " }\n");
}

std::string FieldText(const ModelSpec& model, const FieldSpec& field, int number,
                      const std::vector<ModelSpec>& models) {
  std::string options = field.options;
  for (const AssociationSpec& association : model.associations) {
    if (association.kind != Kind::kBelongsTo || association.foreign_key.size() != 1 ||
        association.foreign_key[0] != field.name) {
      continue;
    }
    absl::StrAppend(&options, " belongs_to: { name: \"", association.name, "\" model: \"",
                    models[static_cast<std::size_t>(association.target)].name,
                    "\" on_delete: RESTRICT }");
  }
  return absl::StrCat(
      "  ", field.label, field.label.empty() ? "" : " ", field.type, " ", field.name, " = ", number,
      options.empty() ? "" : absl::StrCat(" [(kin.field) = { ", options, " }]"), ";\n");
}

}  // namespace

const FieldSpec& ModelSpec::field(const std::string& wanted) const {
  for (const FieldSpec& field : fields) {
    if (field.name == wanted) return field;
  }
  std::abort();
}

const AssociationSpec& ModelSpec::association(const std::string& wanted) const {
  for (const AssociationSpec& association : associations) {
    if (association.name == wanted) return association;
  }
  std::abort();
}

std::vector<ModelSpec> RandomModels(Dice* dice) { return Builder(dice).Build(); }

std::string ProtoText(const std::vector<ModelSpec>& models) {
  std::string text = "enum Color { GREY = 0; RED = 1; BLUE = 5; DARK = -3; }\n";
  for (const ModelSpec& model : models) {
    absl::StrAppend(&text, "message ", model.name, " {\n  option (kin.model) = {\n    table: \"",
                    model.name, "\" primary_key: ", Quoted(model.key), "\n");
    for (const AssociationSpec& association : model.associations) {
      absl::StrAppend(&text, OptionText(association, models));
    }
    for (const IndexSpec& index : model.indexes) {
      absl::StrAppend(&text, "    index: { fields: ", Quoted(index.fields),
                      index.unique ? " unique: true" : "", index.ordered ? " ordered: true" : "",
                      " }\n");
    }
    absl::StrAppend(&text, "  };\n");
    int number = 0;
    for (const FieldSpec& field : model.fields) {
      absl::StrAppend(&text, FieldText(model, field, ++number, models));
    }
    absl::StrAppend(&text, "}\n");
  }
  return text;
}

}  // namespace kin::testing
