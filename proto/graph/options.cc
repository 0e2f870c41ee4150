// Reading the options of models and fields from descriptors of any pool.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/unknown_field_set.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

// In a pool of its own, options are of this program's MessageOptions but were read without
// knowledge of the extension, or are of a dynamic one. Either way the wire format says it all.
template <typename Options, typename Extension>
auto ReadExtension(const Options& options, const Extension& extension) {
  if (options.HasExtension(extension) &&
      options.GetReflection()->GetUnknownFields(options).empty()) {
    return options.GetExtension(extension);
  }
  Options parsed;
  if (!parsed.ParsePartialFromString(options.SerializePartialAsString())) parsed.Clear();
  return parsed.GetExtension(extension);
}

void AppendModels(const Descriptor& message, std::vector<const Descriptor*>* models) {
  if (IsModel(message)) models->push_back(&message);
  for (int i = 0; i < message.nested_type_count(); ++i) {
    AppendModels(*message.nested_type(i), models);
  }
}

}  // namespace

bool IsModel(const Descriptor& message) {
  const google::protobuf::MessageOptions& options = message.options();
  if (options.HasExtension(kin::model)) return true;
  const google::protobuf::UnknownFieldSet& unknown =
      options.GetReflection()->GetUnknownFields(options);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() == kin::kModelFieldNumber) return true;
  }
  return false;
}

ModelOptions OptionsOf(const Descriptor& message) {
  return ReadExtension(message.options(), kin::model);
}

FieldOptions OptionsOf(const FieldDescriptor& field) {
  return ReadExtension(field.options(), kin::field);
}

bool HasPresence(const FieldDescriptor& field) {
  return field.has_presence() && !field.is_required();
}

std::vector<const Descriptor*> ModelsOf(const FileDescriptor& file) {
  std::vector<const Descriptor*> models;
  for (int i = 0; i < file.message_type_count(); ++i) AppendModels(*file.message_type(i), &models);
  return models;
}

std::vector<const FileDescriptor*> PublicFiles(const FileDescriptor& file) {
  std::vector<const FileDescriptor*> files = {&file};
  absl::flat_hash_set<const FileDescriptor*> seen = {&file};
  for (size_t i = 0; i < files.size(); ++i) {
    const FileDescriptor& next = *files[i];
    for (int j = 0; j < next.public_dependency_count(); ++j) {
      if (seen.insert(next.public_dependency(j)).second) files.push_back(next.public_dependency(j));
    }
  }
  return files;
}

std::string Model::Column(const FieldDescriptor& field) {
  const FieldOptions options = OptionsOf(field);
  return options.has_column() ? options.column() : field.name();
}

bool Model::IsJson(const FieldDescriptor& field) { return OptionsOf(field).json(); }

std::string Model::SqlIndex(const Index& index) const {
  const FieldList& fields = index.fields;
  const bool leads_key = fields.size() <= primary_key.size() &&
                         std::equal(fields.begin(), fields.end(), primary_key.begin());
  const bool is_key = leads_key && fields.size() == primary_key.size();
  if (is_key || (leads_key && !index.unique)) return "";
  std::string name = table;
  for (const FieldDescriptor* field : fields) absl::StrAppend(&name, "_", Column(*field));
  return name + "_index";
}

}  // namespace kin::graph
