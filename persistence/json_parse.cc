#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "kin/persistence/json_text.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/utf8.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr char kPrefix[] = "type.googleapis.com";

// Whether `json` is at most one value, so that put into an object it cannot add members to that.
// What else it has to be the parser finds.
bool IsOneValue(absl::string_view json) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_text) {
      if (c == '\\') ++i;
      in_text = c != '"';
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      if (--depth < 0) return false;
    } else if (depth == 0 && (c == ',' || c == ':')) {
      return false;
    }
  }
  return depth == 0 && !in_text;
}

}  // namespace

absl::Status FieldFromJson(absl::string_view json, const FieldDescriptor& field, Message* record) {
  if (!IsValidUtf8(json) || !IsOneValue(json)) {
    return absl::InvalidArgumentError("it is not one JSON value");
  }
  // Not JsonStringToMessage, which wants all required fields.
  const auto* pool = record->GetDescriptor()->file()->pool();
  std::unique_ptr<google::protobuf::util::TypeResolver> resolver(
      google::protobuf::util::NewTypeResolverForDescriptorPool(kPrefix, pool));
  std::string bytes;
  const auto status = google::protobuf::util::JsonToBinaryString(
      resolver.get(), absl::StrCat(kPrefix, "/", record->GetDescriptor()->full_name()),
      absl::StrCat("{\"", field.name(), "\":", json, "}"), &bytes);
  if (!status.ok()) {
    const std::string message(status.message().data(), status.message().size());
    return absl::InvalidArgumentError(message.substr(0, message.find('\n')));
  }
  if (bytes.empty() || ParseField(bytes, field, record)) return absl::OkStatus();
  return absl::InvalidArgumentError("it is nested too deep, or has a value that is not allowed");
}

bool IsAllInJson(const Message& record, const FieldDescriptor& field) {
  std::unique_ptr<Message> parsed(record.New());
  return FieldFromJson(FieldToJson(record, field), field, parsed.get()).ok() &&
         SerializeField(*parsed, field) == SerializeField(record, field);
}

}  // namespace kin::persistence
