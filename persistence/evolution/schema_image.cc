#include "kin/persistence/evolution/schema_image.h"

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.pb.h"
#include "kin/persistence/overlay.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

// The first mistake in a file that is added to a pool; protobuf would print it.
class FirstError final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(file, ": ", element, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("the descriptors of the schema it was made with are damaged: ", what));
}

void AddFile(const FileDescriptor* file, std::set<std::string>* seen,
             google::protobuf::FileDescriptorSet* files) {
  if (!seen->insert(file->name()).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), seen, files);
  file->CopyTo(files->add_file());
}

// Which fields exclude each other, by number: "(2, 3)"; the names of oneofs do not matter.
std::string Exclusions(const Descriptor& message) {
  std::set<std::string> exclusions;
  for (int i = 0; i < message.real_oneof_decl_count(); ++i) {
    std::set<int> numbers;
    for (int j = 0; j < message.oneof_decl(i)->field_count(); ++j) {
      numbers.insert(message.oneof_decl(i)->field(j)->number());
    }
    if (numbers.size() > 1) exclusions.insert(absl::StrCat("(", absl::StrJoin(numbers, ", "), ")"));
  }
  return absl::StrJoin(exclusions, " ");
}

// One line a field of `message`, and of all that it holds.
void Describe(const Descriptor& message, bool with_oneofs,
              std::map<std::string, std::string>* described) {
  auto [entry, is_new] = described->emplace(message.full_name(), "");
  if (!is_new) return;
  std::map<int, std::string> fields;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    const bool nested = field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    fields[field.number()] =
        absl::StrCat(field.name(), " ", field.label(), " ", field.type_name(), " ",
                     nested ? field.message_type()->full_name() : "", ";");
    if (nested) Describe(*field.message_type(), with_oneofs, described);
  }
  std::string text;
  for (const auto& [number, field] : fields) absl::StrAppend(&text, number, " ", field);
  const std::string exclusions = with_oneofs ? Exclusions(message) : "";
  if (!exclusions.empty()) absl::StrAppend(&text, "one of ", exclusions, ";");
  // The map may have grown meanwhile; its entries stay where they are.
  (*described)[message.full_name()] = std::move(text);
}

// FNV-1a.
std::uint64_t Hash(absl::string_view text, std::uint64_t hash) {
  for (char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

std::string Fingerprint(const Mapping& mapping, bool with_oneofs) {
  std::map<std::string, std::string> described;
  for (const Table& table : mapping.tables) {
    for (const Column& column : table.columns) {
      if (column.field != nullptr && column.field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        Describe(*column.field->message_type(), with_oneofs, &described);
      }
    }
    const std::string exclusions =
        with_oneofs ? Exclusions(*table.graph_model->descriptor) : std::string();
    if (exclusions.empty()) continue;
    described.emplace(absl::StrCat(table.graph_model->name, " has one of"), exclusions);
  }
  std::string text = mapping.ToText();
  for (const auto& [name, fields] : described) absl::StrAppend(&text, name, " {", fields, "}\n");
  return absl::StrFormat("%016x%016x", Hash(text, 0xcbf29ce484222325),
                         Hash(text, Hash("kin", 0xcbf29ce484222325)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SchemaImage>> SchemaImage::Read(
    absl::string_view descriptors, absl::Span<const std::string> models) {
  google::protobuf::FileDescriptorSet files;
  if (!ParseMessage(descriptors, &files)) return Damaged("they cannot be parsed");
  std::unique_ptr<SchemaImage> image(new SchemaImage);
  for (const google::protobuf::FileDescriptorProto& file : files.file()) {
    FirstError error;
    if (image->pool_.BuildFileCollectingErrors(file, &error) == nullptr) {
      return Damaged(error.text());
    }
  }
  std::vector<const Descriptor*> messages;
  std::set<std::string> seen;
  for (const std::string& model : models) {
    const Descriptor* message = image->pool_.FindMessageTypeByName(model);
    if (message == nullptr || !graph::IsModel(*message) || !seen.insert(model).second) {
      return Damaged(absl::StrCat("there is no model ", model));
    }
    messages.push_back(message);
  }
  std::vector<graph::Diagnostic> diagnostics;
  image->graph_ = graph::Build(messages, &diagnostics);
  if (!diagnostics.empty()) return Damaged(diagnostics[0].ToString());
  absl::StatusOr<Mapping> mapping = Mapping::Of(image->graph_);
  if (!mapping.ok()) return Damaged(mapping.status().message());
  image->mapping_ = *std::move(mapping);
  return image;
}

std::string SerializeDescriptors(const graph::Graph& graph) {
  google::protobuf::FileDescriptorSet files;
  std::set<std::string> seen;
  for (const auto& model : graph.models) AddFile(model->descriptor->file(), &seen, &files);
  return SerializeMessage(files);
}

std::vector<std::string> ModelsOfText(absl::string_view mapping_text) {
  std::vector<std::string> models;
  for (absl::string_view line : absl::StrSplit(mapping_text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
    if (words.size() == 4 && words[1] == "is" && words[2] == "table") {
      models.emplace_back(words[0]);
    }
  }
  return models;
}

std::string Fingerprint(const Mapping& mapping) { return Fingerprint(mapping, true); }

std::string FormerFingerprint(const Mapping& mapping) { return Fingerprint(mapping, false); }

}  // namespace kin::persistence
