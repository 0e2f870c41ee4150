// What a user of a model names: its constants and its reference.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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
using ::kin::graph::Association;
using ::kin::graph::CppIdentifier;

std::string FieldsText(const graph::FieldList& fields) {
  return absl::StrJoin(fields, " and ", [](std::string* text, const FieldDescriptor* field) {
    absl::StrAppend(text, field->name());
  });
}

// What the method of an association returns, as a sentence.
std::string Sentence(const Association& association) {
  const google::protobuf::FileDescriptor& file = *association.owner->descriptor->file();
  const std::string target = Spoken(*association.target, file);
  const std::string owner = Spoken(*association.owner, file);
  if (association.through != nullptr) {
    const std::string way =
        absl::StrCat(association.through->name, " and then its ", association.source->name);
    if (association.kind == Association::Kind::kHasMany) {
      return absl::StrCat("Each ", target, " that is reached by ", way, ", once.");
    }
    return absl::StrCat("The ", target, " that is reached by ", way,
                        association.lowest ? ", of several the one with the lowest key" : "",
                        "; empty if there is none.");
  }
  const graph::ForeignKey& key = *association.foreign_key;
  const std::string fields = FieldsText(key.fields);
  const absl::string_view name = key.fields.size() == 1 ? " names" : " name";
  switch (association.kind) {
    case Association::Kind::kBelongsTo:
      return absl::StrCat("The ", target, " that ", fields, name, "; empty if there is none.");
    case Association::Kind::kHasOne:
      return absl::StrCat("The ", target, " whose ", fields, name, " this ", owner,
                          association.lowest ? ", of several the one with the lowest key" : "",
                          "; empty if there is none.");
    case Association::Kind::kHasMany:
      return absl::StrCat("Each ", target, " whose ", fields, name, " this ", owner, ".");
  }
  return "";
}

std::string VariantOf(const Polymorphic& polymorphic) {
  std::string type = "::std::variant<::std::monostate";
  for (const Association* arm : polymorphic.arms) absl::StrAppend(&type, ", ", Ref(*arm->target));
  return absl::StrCat(type, ">");
}

std::string ArmsText(const Polymorphic& polymorphic) {
  return absl::StrJoin(polymorphic.arms, ", ", [](std::string* text, const Association* arm) {
    absl::StrAppend(text, arm->name);
  });
}

}  // namespace

void EmitConstants(const graph::Model& model, Printer& out) {
  const google::protobuf::FileDescriptor& file = *model.descriptor->file();
  const std::string name = graph::ModelClass(*model.descriptor);
  out.Print(
      "// Fields and associations of $spoken$: for FindBy, Set, Add, Resolve and queries.\n"
      "struct $name$ final {\n"
      "  $name$() = delete;\n",
      "spoken", Spoken(model, file), "name", name);
  for (int i = 0; i < model.descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *model.descriptor->field(i);
    out.Print("  static constexpr ::kin::Field<$struct$> $name${};\n", "struct",
              QualifiedFieldStruct(field), "name", graph::FieldAccessor(field));
  }
  for (const auto& association : model.associations) {
    out.Print("  static constexpr ::kin::$template$<$struct$> $name${};\n", "template",
              std::string(Template(*association)), "struct",
              QualifiedAssociationStruct(*association), "name", CppIdentifier(association->name));
  }
  out.Print("};\n");
}

void EmitRef(const graph::Model& model, Printer& out) {
  const google::protobuf::FileDescriptor& file = *model.descriptor->file();
  out.Print({{"spoken", Spoken(model, file)},
             {"ref", graph::RefClass(*model.descriptor)},
             {"model", Class(model)}},
            "// A $spoken$ in a view of the store, with a method for each association.\n"
            "class $ref$ final : public ::kin::RefBase<$model$> {\n"
            " public:\n"
            "  using ::kin::RefBase<$model$>::RefBase;\n"
            "  $ref$() = default;\n");
  for (const auto& association : model.associations) {
    out.Print("\n  // $sentence$\n  $type$ $name$() const;\n", "sentence", Sentence(*association),
              "type", ReturnType(*association), "name", CppIdentifier(association->name));
  }
  for (const Polymorphic& polymorphic : PolymorphicOf(model)) {
    out.Print(
        "\n  // Whichever of $arms$ the oneof names; std::monostate if it names none.\n"
        "  $type$ $name$() const;\n",
        "arms", ArmsText(polymorphic), "type", VariantOf(polymorphic), "name",
        CppIdentifier(polymorphic.oneof->name()));
  }
  out.Print("};\n");
}

void EmitRefMethods(const graph::Model& model, Printer& out) {
  const std::string ref = graph::RefClass(*model.descriptor);
  for (const auto& association : model.associations) {
    const bool many = association->kind == Association::Kind::kHasMany;
    out.Print({{"type", ReturnType(*association)},
               {"ref", ref},
               {"name", CppIdentifier(association->name)},
               {"get", many ? "Many" : "One"},
               // One is what a loop over records calls; see kin/store/internal/follow.h.
               {"inline", many ? "inline" : "ABSL_ATTRIBUTE_ALWAYS_INLINE inline"},
               {"struct", QualifiedAssociationStruct(*association)}},
              "$inline$ $type$ $ref$::$name$() const {\n"
              "  return ::kin::internal::$get$<$struct$>(*this);\n"
              "}\n");
  }
  for (const Polymorphic& polymorphic : PolymorphicOf(model)) {
    out.Print("inline $type$ $ref$::$name$() const {\n  using Variant = $type$;\n", "type",
              VariantOf(polymorphic), "ref", ref, "name", CppIdentifier(polymorphic.oneof->name()));
    // At most one arm is set. By index, since two arms may be of one model.
    for (size_t i = 0; i < polymorphic.arms.size(); ++i) {
      const Association& arm = *polymorphic.arms[i];
      out.Print(
          "  if (const $type$ arm = $ref$::$name$()) {\n"
          "    return Variant(::std::in_place_index<$index$>, arm);\n"
          "  }\n",
          "type", Ref(*arm.target), "ref", ref, "name", CppIdentifier(arm.name), "index",
          absl::StrCat(i + 1));
    }
    out.Print("  return Variant();\n}\n");
  }
}

}  // namespace kin::compiler
