#include "kin/tests/graph/fuzz/option_mutations.h"

#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/store.h"
#include "tests/store/relations.pb.h"
#include "tests/store/rules.pb.h"

namespace kin::graph {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorProto;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FieldDescriptorProto;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::FileDescriptorProto;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;

// Takes decisions from bytes; the first of all choices once these are used up.
class Choices {
 public:
  explicit Choices(absl::Span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool empty() const { return bytes_.empty(); }
  std::size_t Below(std::size_t n) {
    if (bytes_.empty() || n == 0) return 0;
    const std::size_t choice = bytes_.front() % n;
    bytes_.remove_prefix(1);
    return choice;
  }
  template <typename T>
  T OneOf(const std::vector<T>& all) {
    return all[Below(all.size())];
  }

 private:
  absl::Span<const std::uint8_t> bytes_;
};

class Mutator {
 public:
  Mutator(FileDescriptorProto* file, Choices* choices) : file_(*file), choices_(*choices) {
    words_ = {"",    "id", "x", "A b", "[a-z]+", "(", "a(?=b)", "7", "-1", "18446744073709551615",
              "\xff"};
    for (const DescriptorProto& message : file_.message_type()) {
      words_.push_back(message.name());
      for (const FieldDescriptorProto& field : message.field()) words_.push_back(field.name());
      const ModelOptions& model = message.options().GetExtension(kin::model);
      for (const auto& has : model.has_many()) words_.push_back(has.name());
      for (const auto& has : model.has_one()) words_.push_back(has.name());
    }
  }

  void MutateOnce() {
    DescriptorProto& message =
        *file_.mutable_message_type(static_cast<int>(choices_.Below(file_.message_type_size())));
    if (choices_.Below(3) == 0 || message.field_size() == 0) {
      return MutateMessage(message.mutable_options()->MutableExtension(kin::model));
    }
    FieldDescriptorProto& field =
        *message.mutable_field(static_cast<int>(choices_.Below(message.field_size())));
    if (choices_.Below(4) != 0) {
      return MutateMessage(field.mutable_options()->MutableExtension(kin::field));
    }
    MutateField(&field);
  }

 private:
  // Its type, label or name.
  void MutateField(FieldDescriptorProto* field) {
    switch (choices_.Below(3)) {
      case 0:
        field->set_name(choices_.OneOf(words_));
        return;
      case 1:
        field->clear_type_name();
        field->set_type(static_cast<FieldDescriptorProto::Type>(1 + choices_.Below(18)));
        return;
      default:
        field->set_label(static_cast<FieldDescriptorProto::Label>(1 + choices_.Below(3)));
        return;
    }
  }

  void MutateMessage(Message* options) {
    const Descriptor& type = *options->GetDescriptor();
    const FieldDescriptor* field =
        type.field(static_cast<int>(choices_.Below(static_cast<std::size_t>(type.field_count()))));
    const Reflection& reflection = *options->GetReflection();
    if (!field->is_repeated()) {
      if (choices_.Below(5) == 0) return reflection.ClearField(options, field);
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        return MutateMessage(reflection.MutableMessage(options, field));
      }
      return SetValue(options, field);
    }
    const int size = reflection.FieldSize(*options, field);
    if (size > 0 && choices_.Below(4) == 0) return reflection.RemoveLast(options, field);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      return reflection.AddString(options, field, choices_.OneOf(words_));
    }
    // Of a new one all fields are as likely to be absent.
    MutateMessage(size > 0 && choices_.Below(2) == 0
                      ? reflection.MutableRepeatedMessage(options, field,
                                                          static_cast<int>(choices_.Below(size)))
                      : reflection.AddMessage(options, field));
  }

  void SetValue(Message* options, const FieldDescriptor* field) {
    const Reflection& reflection = *options->GetReflection();
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection.SetBool(options, field, choices_.Below(2) == 0);
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection.SetEnumValue(options, field, static_cast<int>(choices_.Below(5)));
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection.SetDouble(
            options, field,
            choices_.OneOf<double>({0, 1, -1, 1.5, 1e300, -1e300, 2147483648, 9007199254740992,
                                    std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()}));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection.SetUInt64(
            options, field,
            choices_.OneOf<std::uint64_t>({0, 1, 5, std::numeric_limits<std::uint64_t>::max()}));
      default:
        return reflection.SetString(options, field, choices_.OneOf(words_));
    }
  }

  FileDescriptorProto& file_;
  Choices& choices_;
  std::vector<std::string> words_;
};

// The models of a file under another package, so that both can be in one program.
FileDescriptorProto CopyOf(const FileDescriptor& file) {
  FileDescriptorProto copy;
  file.CopyTo(&copy);
  const std::string old = absl::StrCat(".", copy.package(), ".");
  copy.set_name("mutated.proto");
  copy.set_package("mutated");
  for (DescriptorProto& message : *copy.mutable_message_type()) {
    for (FieldDescriptorProto& field : *message.mutable_field()) {
      if (!absl::StartsWith(field.type_name(), old)) continue;
      field.set_type_name(absl::StrCat(".mutated.", field.type_name().substr(old.size())));
    }
  }
  return copy;
}

class Silent final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string&, const std::string&, const Message*, ErrorLocation,
                const std::string&) override {}
};

// Opens a store of models that the resolver has accepted, and inserts an empty record of each.
std::string Use(const FileDescriptor& file) {
  std::vector<const Descriptor*> models = ModelsOf(file);
  for (int i = 0; i < file.dependency_count(); ++i) {
    for (const Descriptor* model : ModelsOf(*file.dependency(i))) models.push_back(model);
  }
  google::protobuf::DynamicMessageFactory factory;
  const Schema schema = Schema::OfDescriptors(models, &factory);
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(schema);
  if (!store.ok()) return store.status().ToString();
  for (int model = 0; model < static_cast<int>(models.size()); ++model) {
    // Refused or not: nothing may break.
    (*store)
        ->Write([&](Transaction& txn) {
          return txn.UpsertRecord(model, *schema.NewRecord(model)).status();
        })
        .status()
        .IgnoreError();
  }
  return std::string((*store)->CheckInvariants().message());
}

}  // namespace

MutationOutcome CheckMutation(absl::Span<const std::uint8_t> bytes, std::string* error) {
  Choices choices(bytes);
  FileDescriptorProto proto =
      CopyOf(choices.Below(2) == 0 ? *rules::Author::descriptor()->file()
                                   : *relations::Post::descriptor()->file());
  Mutator mutator(&proto, &choices);
  do {
    mutator.MutateOnce();
  } while (!choices.empty());
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  Silent silent;
  const FileDescriptor* file = pool.BuildFileCollectingErrors(proto, &silent);
  if (file == nullptr) return MutationOutcome::kNoDescriptor;
  std::vector<Diagnostic> diagnostics;
  const Graph graph = BuildForFile(*file, &diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) {
    if (diagnostic.file.empty() || diagnostic.message.empty()) *error = "an empty diagnostic";
  }
  if (!diagnostics.empty()) return MutationOutcome::kDiagnosed;
  *error = Use(*file);
  return MutationOutcome::kAccepted;
}

}  // namespace kin::graph
