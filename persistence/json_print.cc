// Printing. Not protobuf's own printer: that one writes to stderr where it fails, which a message
// nested 65 deep or a time out of range is enough for; here every value has a text.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "kin/persistence/json_text.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/time_text.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr int kSingular = -1;  // In place of an index.
constexpr int kMostDepthOfAny = 100;

void PrintText(absl::string_view text, std::string* out) {
  out->push_back('"');
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20) continue;
    out->append(text.data() + done, i - done);
    done = i + 1;
    if (c == '"' || c == '\\') {
      absl::StrAppend(out, "\\", text.substr(i, 1));
    } else if (c == '\n') {
      out->append("\\n");
    } else {
      absl::StrAppendFormat(out, "\\u%04x", static_cast<unsigned>(c));
    }
  }
  out->append(text.data() + done, text.size() - done);
  out->push_back('"');
}

// The shortest text that is read as the same number.
template <typename Float>
void PrintFloat(Float value, std::string* out) {
  if (std::isnan(value)) {
    out->append("\"NaN\"");
  } else if (std::isinf(value)) {
    out->append(value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  } else if (value == 0 && std::signbit(value)) {
    out->append("-0.0");  // Protobuf reads -0 as an integer, which has no such zero.
  } else {
    char text[32];
    out->append(text, std::to_chars(text, text + sizeof(text), value).ptr);
  }
}

const FieldDescriptor* Field(const Message& message, int number) {
  return message.GetDescriptor()->FindFieldByNumber(number);
}

std::string TextField(const Message& message, int number) {
  return message.GetReflection()->GetString(message, Field(message, number));
}

class Printer {
 public:
  explicit Printer(std::string* out) : out_(*out) {}

  void PrintField(const Message& message, const FieldDescriptor& field) {
    if (field.is_map()) {
      PrintMap(message, field);
    } else if (field.is_repeated()) {
      out_.push_back('[');
      const int size = message.GetReflection()->FieldSize(message, &field);
      for (int i = 0; i < size; ++i) {
        if (i > 0) out_.push_back(',');
        PrintValue(message, field, i);
      }
      out_.push_back(']');
    } else {
      PrintValue(message, field, kSingular);
    }
  }

 private:
  // Calls of reflection, for a singular field and for an element of a repeated one.
#define KIN_GET(Type)                                                       \
  (index == kSingular ? message.GetReflection()->Get##Type(message, &field) \
                      : message.GetReflection()->GetRepeated##Type(message, &field, index))

  void PrintValue(const Message& message, const FieldDescriptor& field, int index) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return absl::StrAppend(&out_, KIN_GET(Int32));
      case FieldDescriptor::CPPTYPE_UINT32:
        return absl::StrAppend(&out_, KIN_GET(UInt32));
      // As text, since many who read JSON take numbers for doubles.
      case FieldDescriptor::CPPTYPE_INT64:
        return absl::StrAppend(&out_, "\"", KIN_GET(Int64), "\"");
      case FieldDescriptor::CPPTYPE_UINT64:
        return absl::StrAppend(&out_, "\"", KIN_GET(UInt64), "\"");
      case FieldDescriptor::CPPTYPE_BOOL:
        return absl::StrAppend(&out_, KIN_GET(Bool) ? "true" : "false");
      case FieldDescriptor::CPPTYPE_FLOAT:
        return PrintFloat(KIN_GET(Float), &out_);
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return PrintFloat(KIN_GET(Double), &out_);
      case FieldDescriptor::CPPTYPE_ENUM:
        return PrintEnum(*field.enum_type(), KIN_GET(EnumValue));
      case FieldDescriptor::CPPTYPE_STRING: {
        const std::string text = KIN_GET(String);
        const bool is_text = field.type() == FieldDescriptor::TYPE_STRING;
        return PrintText(is_text ? text : absl::Base64Escape(text), &out_);
      }
      case FieldDescriptor::CPPTYPE_MESSAGE:
        return PrintMessage(KIN_GET(Message));
    }
  }
#undef KIN_GET

  void PrintEnum(const google::protobuf::EnumDescriptor& type, int number) {
    const auto* value = type.FindValueByNumber(number);
    if (type.full_name() == "google.protobuf.NullValue") {
      out_.append("null");
    } else if (value != nullptr) {
      absl::StrAppend(&out_, "\"", value->name(), "\"");
    } else {
      absl::StrAppend(&out_, number);
    }
  }

  // As an object, whose keys are texts whatever the map's are.
  void PrintMap(const Message& message, const FieldDescriptor& field) {
    std::vector<std::pair<std::string, int>> keys;
    const Reflection* reflection = message.GetReflection();
    const FieldDescriptor& key = *field.message_type()->map_key();
    const FieldDescriptor& value = *field.message_type()->map_value();
    for (int i = 0; i < reflection->FieldSize(message, &field); ++i) {
      std::string text;
      Printer(&text).PrintValue(reflection->GetRepeatedMessage(message, &field, i), key, kSingular);
      if (text.front() != '"') text = absl::StrCat("\"", text, "\"");
      keys.emplace_back(std::move(text), i);
    }
    std::sort(keys.begin(), keys.end());
    out_.push_back('{');
    for (const auto& [text, i] : keys) {
      if (out_.back() != '{') out_.push_back(',');
      absl::StrAppend(&out_, text, ":");
      PrintValue(reflection->GetRepeatedMessage(message, &field, i), value, kSingular);
    }
    out_.push_back('}');
  }

  void PrintMessage(const Message& message) {
    ++depth_;
    PrintAsItsType(message);
    --depth_;
  }

  void PrintAsItsType(const Message& message) {
    switch (message.GetDescriptor()->well_known_type()) {
      case Descriptor::WELLKNOWNTYPE_UNSPECIFIED:
        return PrintFields(message);
      case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      case Descriptor::WELLKNOWNTYPE_DURATION:
        return PrintTime(message);
      case Descriptor::WELLKNOWNTYPE_STRUCT:
      case Descriptor::WELLKNOWNTYPE_LISTVALUE:
        return PrintField(message, *Field(message, 1));
      case Descriptor::WELLKNOWNTYPE_VALUE:
        return PrintDynamicValue(message);
      case Descriptor::WELLKNOWNTYPE_FIELDMASK:
        return PrintFieldMask(message);
      case Descriptor::WELLKNOWNTYPE_ANY:
        return PrintAny(message);
      default:
        return PrintValue(message, *Field(message, 1), kSingular);  // A wrapper.
    }
  }

  void PrintFields(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    out_.push_back('{');
    PrintMembers(message, fields);
    out_.push_back('}');
  }

  // Within an object that may have members already.
  void PrintMembers(const Message& message, const std::vector<const FieldDescriptor*>& fields) {
    for (const FieldDescriptor* field : fields) {
      if (field->is_extension()) continue;
      if (out_.back() != '{') out_.push_back(',');
      absl::StrAppend(&out_, "\"", field->name(), "\":");
      PrintField(message, *field);
    }
  }

  void PrintTime(const Message& message) {
    const SecondsAndNanos time = TimeOf(message);
    const bool timestamp =
        message.GetDescriptor()->well_known_type() == Descriptor::WELLKNOWNTYPE_TIMESTAMP;
    if (!(timestamp ? IsTimestamp(time) : IsDuration(time))) return PrintFields(message);
    if (timestamp) return absl::StrAppend(&out_, "\"", TimestampToText(time), "\"");
    absl::StrAppend(&out_, "\"", DurationToText(time), "s\"");
  }

  void PrintDynamicValue(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    if (fields.empty()) return absl::StrAppend(&out_, "null");
    PrintField(message, *fields[0]);
  }

  void PrintFieldMask(const Message& message) {
    const FieldDescriptor& paths = *Field(message, 1);
    std::string text;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &paths); ++i) {
      if (i > 0) text.push_back(',');
      bool upper = false;
      for (char c : message.GetReflection()->GetRepeatedString(message, &paths, i)) {
        if (c != '_') text.push_back(upper ? absl::ascii_toupper(c) : c);
        upper = c == '_';
      }
    }
    PrintText(text, &out_);
  }

  // With its fields if this program knows the type, else with its bytes. So, too, if it is deep
  // down: an Any within an Any and so on has no end that its size does not set.
  void PrintAny(const Message& message) {
    const std::string url = TextField(message, 1);
    const std::string bytes = TextField(message, 2);
    if (url.empty() && bytes.empty()) return absl::StrAppend(&out_, "{}");
    out_.append("{\"@type\":");
    PrintText(url, &out_);
    const Descriptor* type =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(
            url.substr(url.rfind('/') + 1));
    std::unique_ptr<Message> inner;
    if (type != nullptr && depth_ < kMostDepthOfAny) {
      inner.reset(google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
      if (!ParseMessage(bytes, inner.get())) inner = nullptr;
    }
    if (inner == nullptr) {
      absl::StrAppend(&out_, ",\"value\":\"", absl::Base64Escape(bytes), "\"");
    } else if (type->well_known_type() != Descriptor::WELLKNOWNTYPE_UNSPECIFIED) {
      out_.append(",\"value\":");
      PrintMessage(*inner);
    } else {
      std::vector<const FieldDescriptor*> fields;
      inner->GetReflection()->ListFields(*inner, &fields);
      PrintMembers(*inner, fields);
    }
    out_.push_back('}');
  }

  std::string& out_;
  int depth_ = 0;  // Of messages in messages.
};

}  // namespace

std::string FieldToJson(const Message& record, const FieldDescriptor& field) {
  // A copy, since reflection makes a list of each map it looks at, and keeps it.
  std::unique_ptr<Message> copy(record.New());
  std::string json;
  if (ParseField(SerializeField(record, field), field, copy.get())) {
    Printer(&json).PrintField(*copy, field);
  }
  return json;
}

}  // namespace kin::persistence
