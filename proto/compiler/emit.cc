#include "kin/proto/compiler/emit.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/printer.h"
#include "kin/proto/compiler/cpp.h"
#include "kin/proto/compiler/emit_parts.h"
#include "kin/proto/graph/cpp_names.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::io::Printer;

std::string Stem(const FileDescriptor& file) {
  absl::string_view name = file.name();
  if (!absl::ConsumeSuffix(&name, ".proto")) absl::ConsumeSuffix(&name, ".protodevel");
  return std::string(name);
}

// Different for different paths: what is no letter or digit is spelt by its code.
std::string Guard(const FileDescriptor& file) {
  std::string guard = "KIN_GENERATED_";
  for (const char c : file.name()) {
    if (absl::ascii_isalnum(c)) {
      guard.push_back(c);
    } else {
      absl::StrAppendFormat(&guard, "_%02x", static_cast<unsigned char>(c));
    }
  }
  return guard;
}

std::vector<const graph::Model*> ModelsOf(const FileDescriptor& file, const graph::Graph& graph) {
  std::vector<const graph::Model*> models;
  for (const auto& model : graph.models) {
    if (model->descriptor->file() == &file) models.push_back(model.get());
  }
  return models;
}

// Whether a file has models, or publicly imports one that does. Others have no header worth
// including, and may have none at all if they are not of this build.
bool HasModels(const FileDescriptor& file) {
  const std::vector<const FileDescriptor*> files = graph::PublicFiles(file);
  return std::any_of(files.begin(), files.end(),
                     [](const FileDescriptor* each) { return !graph::ModelsOf(*each).empty(); });
}

bool IsDeprecated(const graph::Model& model) {
  const Descriptor& descriptor = *model.descriptor;
  if (descriptor.options().deprecated()) return true;
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.options().deprecated()) return true;
    if (field.enum_type() != nullptr && field.enum_type()->options().deprecated()) return true;
    if (field.message_type() != nullptr && field.message_type()->options().deprecated()) {
      return true;
    }
  }
  return false;
}

// Whether the code for `models` uses something deprecated; the warning is for who uses it by hand.
bool UsesDeprecated(const std::vector<const graph::Model*>& models) {
  return std::any_of(models.begin(), models.end(), [](const graph::Model* model) {
    return IsDeprecated(*model) ||
           std::any_of(model->associations.begin(), model->associations.end(),
                       [](const auto& association) { return IsDeprecated(*association->target); });
  });
}

// What stands around the code of a file, in its namespace.
class Namespace {
 public:
  Namespace(const FileDescriptor& file, Printer& out)
      : name_(absl::StripPrefix(graph::CppNamespace(file), "::")), out_(out) {
    if (!name_.empty()) out_.Print("namespace $name$ {\n\n", "name", name_);
  }
  ~Namespace() {
    if (!name_.empty()) out_.Print("\n}  // namespace $name$\n", "name", name_);
  }
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

 private:
  const std::string name_;
  Printer& out_;
};

void EmitIncludes(const FileDescriptor& file, const std::vector<const graph::Model*>& models,
                  Printer& out) {
  if (!models.empty()) {
    const bool variant = std::any_of(models.begin(), models.end(), [](const graph::Model* model) {
      return !PolymorphicOf(*model).empty();
    });
    out.Print("#include <cstdint>\n#include <string>\n");
    if (variant) out.Print("#include <utility>\n#include <variant>\n");
    out.Print("\n");
  }
  out.Print("#include \"$stem$.pb.h\"\n", "stem", Stem(file));
  for (int i = 0; i < file.dependency_count(); ++i) {
    if (!HasModels(*file.dependency(i))) continue;
    out.Print("#include \"$header$\"\n", "header", HeaderName(*file.dependency(i)));
  }
  out.Print("#include \"kin/store/generated.h\"\n");
}

void EmitModels(const FileDescriptor& file, const std::vector<const graph::Model*>& models,
                Printer& out) {
  {
    const Namespace in_namespace(file, out);
    for (const graph::Model* model : models) {
      out.Print("class $ref$;\nstruct $constants$;\n", "ref", graph::RefClass(*model->descriptor),
                "constants", graph::ModelClass(*model->descriptor));
    }
    out.Print("\nnamespace kin_internal {\n\n");
    for (const graph::Model* model : models) {
      for (const auto& association : model->associations) {
        out.Print("struct $name$;\n", "name", AssociationStruct(*association));
      }
    }
    out.Print("\n");
    for (const graph::Model* model : models) EmitDescriptors(*model, out);
    out.Print("\n}  // namespace kin_internal\n");
  }
  out.Print("\nnamespace kin {\n\n");
  for (const graph::Model* model : models) EmitTraits(*model, out);
  out.Print("\n}  // namespace kin\n\n");
  const Namespace in_namespace(file, out);
  for (const graph::Model* model : models) {
    EmitConstants(*model, out);
    out.Print("\n");
    EmitRef(*model, out);
    out.Print("\n");
  }
  for (const graph::Model* model : models) EmitRefMethods(*model, out);
}

constexpr char kIgnoreDeprecated[] =
    "\n#pragma GCC diagnostic push\n"
    "#pragma GCC diagnostic ignored \"-Wdeprecated-declarations\"\n";

constexpr char kStopIgnoring[] = "\n#pragma GCC diagnostic pop\n";

}  // namespace

std::string HeaderName(const FileDescriptor& file) { return absl::StrCat(Stem(file), ".kin.h"); }

std::string SourceName(const FileDescriptor& file) { return absl::StrCat(Stem(file), ".kin.cc"); }

void EmitHeader(const FileDescriptor& file, const graph::Graph& graph, Printer& out) {
  const std::vector<const graph::Model*> models = ModelsOf(file, graph);
  out.Print(
      "// Generated by protoc-gen-kin from $file$. Do not edit.\n"
      "#ifndef $guard$\n"
      "#define $guard$\n\n",
      "file", file.name(), "guard", Guard(file));
  EmitIncludes(file, models, out);
  if (!models.empty()) {
    const bool deprecated = UsesDeprecated(models);
    if (deprecated) out.Print(kIgnoreDeprecated);
    out.Print("\n");
    EmitModels(file, models, out);
    if (deprecated) out.Print(kStopIgnoring);
  }
  out.Print("\n#endif  // $guard$\n", "guard", Guard(file));
}

void EmitSource(const FileDescriptor& file, const graph::Graph& graph, Printer& out) {
  const std::vector<const graph::Model*> models = ModelsOf(file, graph);
  out.Print(
      "// Generated by protoc-gen-kin from $file$. Do not edit.\n"
      "#include \"$header$\"\n",
      "file", file.name(), "header", HeaderName(file));
  if (models.empty()) return;
  const bool deprecated = UsesDeprecated(models);
  if (deprecated) out.Print(kIgnoreDeprecated);
  for (const graph::Model* model : models) EmitOps(*model, out);
  if (deprecated) out.Print(kStopIgnoring);
}

}  // namespace kin::compiler
