// How the store reaches the fields of a model's messages.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
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

// Whether a field's value can be a part of a key of the store.
bool HasKeyPart(const FieldDescriptor& field) {
  return !field.is_repeated() && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
}

// A number without a name goes among the unknown fields of a message of proto2.
bool IsClosedEnum(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         field.file()->syntax() != ::google::protobuf::FileDescriptor::SYNTAX_PROTO3;
}

graph::FieldList FieldsByNumber(const graph::Model& model) {
  graph::FieldList fields;
  for (int i = 0; i < model.descriptor->field_count(); ++i) {
    const FieldDescriptor* field = model.descriptor->field(i);
    if (HasKeyPart(*field)) fields.push_back(field);
  }
  std::sort(fields.begin(), fields.end(), [](const FieldDescriptor* a, const FieldDescriptor* b) {
    return a->number() < b->number();
  });
  return fields;
}

void EmitFieldOps(const graph::Model& model, const FieldDescriptor& field, Printer& out) {
  const std::string accessor = graph::FieldAccessor(field);
  out.Print(
      "      {$number$,\n"
      "       [](const ::google::protobuf::Message& m, ::kin::internal::KeyPart* part) {\n"
      "         const auto& record = static_cast<const $model$&>(m);\n",
      "number", absl::StrCat(field.number()), "model", Class(model));
  if (graph::HasPresence(field)) {
    out.Print("         if (!record.has_$accessor$()) return false;\n", "accessor", accessor);
  }
  out.Print(
      "         *part = ::kin::internal::MakeKeyPart(record.$accessor$());\n"
      "         return true;\n"
      "       },\n",
      "accessor", accessor);
  if (IsClosedEnum(field)) {
    out.Print("       nullptr},\n");
    return;
  }
  out.Print(
      "       [](::google::protobuf::Message* m, const ::kin::FieldValue& value) {\n"
      "         auto* record = static_cast<$model$*>(m);\n"
      // Not const, clear_id() may be what clears another field.
      "         using T = std::decay_t<decltype(std::as_const(*record).$accessor$())>;\n"
      "         record->set_$accessor$(::kin::internal::ValueOf<T>(value));\n"
      "       }},\n",
      "model", Class(model), "accessor", accessor);
}

}  // namespace

void EmitOps(const graph::Model& model, Printer& out) {
  out.Print(
      "\nconst ::kin::internal::ModelOps& kin::ModelTraits<$model$>::Ops() {\n"
      "  static constexpr ::kin::internal::FieldOps kFields[] = {\n",
      "model", Class(model));
  for (const FieldDescriptor* field : FieldsByNumber(model)) EmitFieldOps(model, *field, out);
  out.Print(
      "  };\n"
      "  static const ::kin::internal::ModelOps ops =\n"
      "      ::kin::internal::MakeModelOps<$model$>(kFields);\n"
      "  return ops;\n"
      "}\n",
      "model", Class(model));
}

}  // namespace kin::compiler
