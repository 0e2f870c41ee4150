// Structs that describe fields and associations, and the traits of models.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/printer.h"
#include "kin/proto/compiler/cpp.h"
#include "kin/proto/compiler/emit_parts.h"
#include "kin/proto/graph/cpp_names.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::io::Printer;
using ::kin::graph::FieldAccessor;
using ::kin::graph::FieldList;

absl::string_view Bool(bool value) { return value ? "true" : "false"; }

bool IsOrdered(const graph::Model& model, const FieldDescriptor& field) {
  return std::any_of(model.indexes.begin(), model.indexes.end(), [&](const graph::Index& index) {
    return index.ordered && index.fields == FieldList{&field};
  });
}

// Which index FindBy uses for a field: 0 the primary key, -1 none.
int UniqueSlot(const graph::Model& model, const FieldDescriptor& field) {
  if (model.primary_key == FieldList{&field}) return 0;
  for (size_t i = 0; i < model.unique_fields.size(); ++i) {
    if (model.unique_fields[i].field == &field) {
      return static_cast<int>(1 + model.associations.size() + i);
    }
  }
  return -1;
}

// "o.a(), o.b()".
std::string Values(absl::string_view message, const FieldList& fields) {
  return absl::StrJoin(fields, ", ", [&](std::string* text, const FieldDescriptor* field) {
    absl::StrAppend(text, message, ".", FieldAccessor(*field), "()");
  });
}

// "o.has_a() && o.has_b()" of those with presence; empty if there are none.
std::string Presence(absl::string_view message, const FieldList& fields) {
  std::vector<std::string> terms;
  for (const FieldDescriptor* field : fields) {
    if (!graph::HasPresence(*field)) continue;
    terms.push_back(absl::StrCat(message, ".has_", FieldAccessor(*field), "()"));
  }
  return absl::StrJoin(terms, " && ");
}

std::string Equal(absl::string_view a, const FieldList& a_fields, absl::string_view b,
                  const FieldList& b_fields) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < a_fields.size(); ++i) {
    terms.push_back(absl::StrCat(a, ".", FieldAccessor(*a_fields[i]), "() == ", b, ".",
                                 FieldAccessor(*b_fields[i]), "()"));
  }
  return absl::StrJoin(terms, " && ");
}

// "a.x() != b.x() ? a.x() < b.x() : a.y() < b.y()".
std::string Less(absl::string_view a, absl::string_view b, const FieldList& fields) {
  std::string less;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string accessor = FieldAccessor(*fields[i]);
    if (i + 1 < fields.size()) {
      absl::StrAppend(&less, a, ".", accessor, "() != ", b, ".", accessor, "() ? ");
    }
    absl::StrAppend(&less, a, ".", accessor, "() < ", b, ".", accessor, "()",
                    i + 1 < fields.size() ? " : " : "");
  }
  return less;
}

void EmitField(const graph::Model& model, const FieldDescriptor& field, Printer& out) {
  const std::string accessor = FieldAccessor(field);
  const bool presence = graph::HasPresence(field);
  std::string has = "true";
  if (field.is_repeated()) has = absl::StrCat("!m.", accessor, "().empty()");
  if (presence) has = absl::StrCat("m.has_", accessor, "()");
  out.Print({{"struct", FieldStruct(field)},
             {"model", Class(model)},
             {"value", ValueType(field)},
             {"number", absl::StrCat(field.number())},
             {"name", field.name()},
             {"presence", std::string(Bool(presence))},
             {"repeated", std::string(Bool(field.is_repeated()))},
             {"ordered", std::string(Bool(IsOrdered(model, field)))},
             {"slot", absl::StrCat(UniqueSlot(model, field))},
             {"accessor", accessor},
             {"m", has == "true" ? "" : " m"},
             {"has", has}},
            "struct $struct$ {\n"
            "  using Model = $model$;\n"
            "  using Value = $value$;\n"
            "  static constexpr int kNumber = $number$;\n"
            "  static constexpr const char* kName = \"$name$\";\n"
            "  static constexpr bool kPresence = $presence$;\n"
            "  static constexpr bool kRepeated = $repeated$;\n"
            "  static constexpr bool kOrdered = $ordered$;\n"
            "  static constexpr int kUniqueSlot = $slot$;\n"
            "  static decltype(auto) Get(const Model& m) { return m.$accessor$(); }\n"
            "  static bool Has(const Model&$m$) { return $has$; }\n"
            "};\n");
}

void EmitDirect(const graph::Association& association, Printer& out) {
  const graph::ForeignKey& key = *association.foreign_key;
  const bool belongs = association.kind == graph::Association::Kind::kBelongsTo;
  const FieldList& own = belongs ? key.fields : key.own_key;
  const FieldList& other = belongs ? key.own_key : key.fields;
  const std::string own_presence = Presence("o", own);
  std::string equal = Equal("t", other, "o", own);
  const std::string other_presence = Presence("t", other);
  if (!other_presence.empty()) equal = absl::StrCat(other_presence, " && ", equal);
  out.Print({{"o", own_presence.empty() ? "" : " o"},
             {"present", own_presence.empty() ? "true" : own_presence},
             {"values", Values("o", own)},
             {"equal", equal}},
            "  static bool Present(const Owner&$o$) { return $present$; }\n"
            "  static ::std::uint64_t Hash(const Owner& o) {\n"
            "    return ::kin::internal::HashKey($values$);\n"
            "  }\n"
            "  static bool Equal(const Owner& o, const Target& t) {\n"
            "    return $equal$;\n"
            "  }\n");
}

// What lets lookups keep a key that is one number in a register.
void EmitNumber(const graph::Association& association, Printer& out) {
  const graph::ForeignKey& key = *association.foreign_key;
  if (key.fields.size() != 1 || key.fields[0]->cpp_type() == FieldDescriptor::CPPTYPE_STRING)
    return;
  const bool belongs = association.kind == graph::Association::Kind::kBelongsTo;
  const FieldList& own = belongs ? key.fields : key.own_key;
  const FieldList& other = belongs ? key.own_key : key.fields;
  const std::string presence = Presence("t", other);
  out.Print({{"type", ValueType(*own[0])},
             {"own", FieldAccessor(*own[0])},
             {"presence", presence.empty() ? "" : absl::StrCat(presence, " && ")},
             {"other", FieldAccessor(*other[0])}},
            "  static $type$ Key(const Owner& o) { return o.$own$(); }\n"
            "  static bool Holds(const Target& t, $type$ key) {\n"
            "    return $presence$t.$other$() == key;\n"
            "  }\n");
}

void EmitAssociation(const graph::Association& association, size_t slot, Printer& out) {
  const bool through = association.through != nullptr;
  out.Print({{"struct", AssociationStruct(association)},
             {"owner", Class(*association.owner)},
             {"target", Class(*association.target)},
             {"name", association.name},
             {"slot", absl::StrCat(slot)},
             {"many", std::string(Bool(association.kind == graph::Association::Kind::kHasMany))},
             {"through", std::string(Bool(through))},
             {"lowest", std::string(Bool(association.lowest))},
             {"can_add", std::string(Bool(association.can_add))}},
            "struct $struct$ {\n"
            "  using Owner = $owner$;\n"
            "  using Target = $target$;\n"
            "  static constexpr const char* kName = \"$name$\";\n"
            "  static constexpr int kSlot = $slot$;\n"
            "  static constexpr bool kMany = $many$;\n"
            "  static constexpr bool kThrough = $through$;\n"
            "  static constexpr bool kLowest = $lowest$;\n"
            "  static constexpr bool kCanAdd = $can_add$;\n");
  if (through) {
    out.Print("  using Through = $through$;\n  using Source = $source$;\n", "through",
              QualifiedAssociationStruct(*association.through), "source",
              QualifiedAssociationStruct(*association.source));
  } else {
    EmitDirect(association, out);
    EmitNumber(association, out);
  }
  out.Print("};\n");
}

}  // namespace

void EmitDescriptors(const graph::Model& model, Printer& out) {
  for (int i = 0; i < model.descriptor->field_count(); ++i) {
    EmitField(model, *model.descriptor->field(i), out);
  }
  for (size_t i = 0; i < model.associations.size(); ++i) {
    EmitAssociation(*model.associations[i], i + 1, out);
  }
}

void EmitTraits(const graph::Model& model, Printer& out) {
  std::vector<std::string> parameters;
  std::vector<std::string> names;
  std::vector<std::string> equal;
  for (size_t i = 0; i < model.primary_key.size(); ++i) {
    names.push_back(absl::StrCat("k", i));
    parameters.push_back(absl::StrCat(KeyParameter(*model.primary_key[i]), " k", i));
    equal.push_back(absl::StrCat("m.", FieldAccessor(*model.primary_key[i]), "() == k", i));
  }
  out.Print({{"model", Class(model)},
             {"ref", Ref(model)},
             {"constants", Constants(model)},
             {"name", model.name},
             {"slots", absl::StrCat(1 + model.associations.size() + model.unique_fields.size())},
             {"parameters", absl::StrJoin(parameters, ", ")},
             {"names", absl::StrJoin(names, ", ")},
             {"equal", absl::StrJoin(equal, " && ")},
             {"values", Values("m", model.primary_key)},
             {"same", Equal("a", model.primary_key, "b", model.primary_key)},
             {"less", Less("a", "b", model.primary_key)}},
            "template <>\n"
            "struct ModelTraits<$model$> {\n"
            "  using Ref = $ref$;\n"
            "  using Model = $constants$;\n"
            "  static constexpr const char* kName = \"$name$\";\n"
            "  static constexpr int kSlots = $slots$;\n"
            "  static ::std::uint64_t HashKey($parameters$) {\n"
            "    return ::kin::internal::HashKey($names$);\n"
            "  }\n"
            "  static bool KeyEquals(const $model$& m, $parameters$) {\n"
            "    return $equal$;\n"
            "  }\n"
            "  static ::std::uint64_t HashOf(const $model$& m) {\n"
            "    return ::kin::internal::HashKey($values$);\n"
            "  }\n"
            "  static bool SameKey(const $model$& a, const $model$& b) {\n"
            "    return $same$;\n"
            "  }\n"
            "  static bool KeyLess(const $model$& a, const $model$& b) {\n"
            "    return $less$;\n"
            "  }\n"
            "  static inline constinit ::kin::internal::SlotBase slot_base{};\n"
            "  static const ::kin::internal::ModelOps& Ops();\n"
            "};\n");
}

}  // namespace kin::compiler
