#include "kin/proto/compiler/cpp.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/cpp_names.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

std::string In(const FileDescriptor& file, absl::string_view name) {
  return absl::StrCat(graph::CppNamespace(file), "::", name);
}

std::string InInternal(const FileDescriptor& file, absl::string_view name) {
  return absl::StrCat(graph::CppNamespace(file), "::kin_internal::", name);
}

}  // namespace

std::string Class(const graph::Model& model) {
  return In(*model.descriptor->file(), graph::CppClass(*model.descriptor));
}

std::string Ref(const graph::Model& model) {
  return In(*model.descriptor->file(), graph::RefClass(*model.descriptor));
}

std::string Constants(const graph::Model& model) {
  return In(*model.descriptor->file(), graph::ModelClass(*model.descriptor));
}

// Accessors and associations are in lower case, so the last _F_ or _A_ is always this one, and no
// two names are equal.
std::string FieldStruct(const FieldDescriptor& field) {
  return absl::StrCat(graph::FlatName(*field.containing_type()), "_F_",
                      graph::FieldAccessor(field));
}

std::string AssociationStruct(const graph::Association& association) {
  return absl::StrCat(graph::FlatName(*association.owner->descriptor), "_A_", association.name);
}

std::string QualifiedFieldStruct(const FieldDescriptor& field) {
  return InInternal(*field.file(), FieldStruct(field));
}

std::string QualifiedAssociationStruct(const graph::Association& association) {
  return InInternal(*association.owner->descriptor->file(), AssociationStruct(association));
}

std::string ValueType(const FieldDescriptor& field) {
  if (field.is_map()) return "void";
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return "::std::int32_t";
    case FieldDescriptor::CPPTYPE_INT64:
      return "::std::int64_t";
    case FieldDescriptor::CPPTYPE_UINT32:
      return "::std::uint32_t";
    case FieldDescriptor::CPPTYPE_UINT64:
      return "::std::uint64_t";
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return "double";
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "float";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "bool";
    case FieldDescriptor::CPPTYPE_STRING:
      return "::std::string";
    case FieldDescriptor::CPPTYPE_ENUM:
      return In(*field.enum_type()->file(), graph::CppClass(*field.enum_type()));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return In(*field.message_type()->file(), graph::CppClass(*field.message_type()));
  }
  return "void";
}

std::string KeyParameter(const FieldDescriptor& field) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) return "::absl::string_view";
  return ValueType(field);
}

absl::string_view Template(const graph::Association& association) {
  switch (association.kind) {
    case graph::Association::Kind::kBelongsTo:
      return "BelongsTo";
    case graph::Association::Kind::kHasOne:
      return "HasOne";
    case graph::Association::Kind::kHasMany:
      return "HasMany";
  }
  return "";
}

std::string ReturnType(const graph::Association& association) {
  if (association.kind != graph::Association::Kind::kHasMany) return Ref(*association.target);
  return absl::StrCat("::kin::Range<", Class(*association.target), ">");
}

std::vector<Polymorphic> PolymorphicOf(const graph::Model& model) {
  std::vector<Polymorphic> all;
  for (const auto& association : model.associations) {
    if (association->oneof == nullptr) continue;
    auto known = std::find_if(all.begin(), all.end(), [&](const Polymorphic& each) {
      return each.oneof == association->oneof;
    });
    if (known == all.end()) known = all.insert(all.end(), {association->oneof, {}});
    known->arms.push_back(association.get());
  }
  return all;
}

std::string Spoken(const graph::Model& model, const FileDescriptor& file) {
  absl::string_view name = model.name;
  const std::string& package = file.package();
  if (!package.empty() && model.descriptor->file()->package() == package) {
    name.remove_prefix(package.size() + 1);
  }
  return std::string(name);
}

}  // namespace kin::compiler
