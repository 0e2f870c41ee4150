#include "kin/tests/testing/random_message.h"

#include <cstring>
#include <limits>
#include <set>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/wrappers.pb.h"

namespace kin::testing {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;

template <typename T>
T RandomMessages::Integer() {
  switch (Below(6)) {
    case 0:
      return 0;
    case 1:
      return std::numeric_limits<T>::max();
    case 2:
      return std::numeric_limits<T>::min();
    case 3:
      return static_cast<T>(-1);
    default:
      return static_cast<T>(Bits() >> Below(64));
  }
}

template <typename Float, typename IntegerBits>
Float RandomMessages::Floating() {
  using Limits = std::numeric_limits<Float>;
  constexpr Float kSpecial[] = {Float{0},           -Float{0},         Float{1},
                                Limits::max(),      Limits::lowest(),  Limits::denorm_min(),
                                Limits::min(),      Limits::epsilon(), Limits::infinity(),
                                -Limits::infinity()};
  if (Below(2) == 0) return kSpecial[Below(std::size(kSpecial))];
  const auto bits = static_cast<IntegerBits>(Bits());
  Float value;
  std::memcpy(&value, &bits, sizeof(value));
  if (Below(8) == 0) {
    // A NaN, with whatever else is in its bits.
    const auto nan =
        bits | static_cast<IntegerBits>(sizeof(Float) == 4 ? 0x7f800001 : 0x7ff0000000000001);
    std::memcpy(&value, &nan, sizeof(value));
  }
  if (!options_.beyond_json && value != value) return Float{0.1f};
  return value;
}

std::string RandomMessages::Text() {
  static const std::string* const kPieces = new std::string[12]{std::string(1, '\0'),
                                                                "a",
                                                                "\"",
                                                                "\\",
                                                                "\n",
                                                                "\x7f",
                                                                "\xc3\xbc",
                                                                "\xe2\x82\xac",
                                                                "'",
                                                                "\xf0\x9f\x98\x80",
                                                                "\xe2\x80\xa8",
                                                                "</x>\x01"};
  std::string text;
  const int pieces = Below(50) == 0 ? 3000 : Below(8);
  for (int i = 0; i < pieces; ++i) text += kPieces[Below(12)];
  return text;
}

std::string RandomMessages::Bytes() {
  std::string bytes(static_cast<std::size_t>(Below(50) == 0 ? 5000 : Below(12)), '\0');
  for (char& byte : bytes) byte = static_cast<char>(Bits());
  return bytes;
}

void RandomMessages::MayFill(Message* message, const FieldDescriptor* field, int depth) {
  if (!options_.beyond_json && field->enum_type() != nullptr &&
      field->enum_type()->full_name() == "google.protobuf.NullValue") {
    return;  // In JSON null is absent.
  }
  // Deep down seldom, or the messages would have no end.
  if (!field->is_required() && Below(options_.depth - depth + 2) != 0) return;
  if (!field->is_repeated()) return SetValue(message, field, depth);
  const int count = Below(4);
  std::set<std::string> keys;
  for (int i = 0; i < count; ++i) {
    SetValue(message, field, depth);
    const Reflection* reflection = message->GetReflection();
    const int size = reflection->FieldSize(*message, field);
    if (!field->is_map() || size == 0) continue;
    // Reflection sees a map as a list, in which a key could be twice.
    std::string key;
    google::protobuf::TextFormat::PrintFieldValueToString(
        reflection->GetRepeatedMessage(*message, field, size - 1), field->message_type()->map_key(),
        -1, &key);
    if (!keys.insert(key).second) reflection->RemoveLast(message, field);
  }
}

void RandomMessages::FillAll(Message* message, int depth) {
  const Descriptor* descriptor = message->GetDescriptor();
  switch (descriptor->well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_ANY:
      return FillAny(message, depth);
    case Descriptor::WELLKNOWNTYPE_TIMESTAMP:
    case Descriptor::WELLKNOWNTYPE_DURATION:
      FillTime(message, depth);
      break;
    case Descriptor::WELLKNOWNTYPE_FIELDMASK:
      message->GetReflection()->AddString(message, descriptor->field(0), "a_b.c");
      break;
    case Descriptor::WELLKNOWNTYPE_VALUE:
      if (!options_.beyond_json) {
        message->GetReflection()->SetString(message, descriptor->FindFieldByName("string_value"),
                                            Text());
        break;
      }
      FillFields(message, depth);
      break;
    case Descriptor::WELLKNOWNTYPE_STRUCT:
      if (options_.beyond_json || depth > 1) FillFields(message, depth);
      break;
    default:
      FillFields(message, depth);
  }
  if (options_.beyond_json && !descriptor->options().map_entry()) FillRest(message, depth);
}

void RandomMessages::FillFields(Message* message, int depth) {
  const Descriptor* descriptor = message->GetDescriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    if (descriptor->options().map_entry()) {
      SetValue(message, descriptor->field(i), depth);
    } else {
      MayFill(message, descriptor->field(i), depth);
    }
  }
}

void RandomMessages::FillTime(Message* message, int depth) {
  const Descriptor* descriptor = message->GetDescriptor();
  const bool timestamp = descriptor->well_known_type() == Descriptor::WELLKNOWNTYPE_TIMESTAMP;
  const std::int64_t least = timestamp ? -62135596800 : -315576000000;
  const std::int64_t most = timestamp ? 253402300799 : 315576000000;
  std::int64_t seconds = 0;
  switch (Below(4)) {
    case 0:
      seconds = least;
      break;
    case 1:
      seconds = most;
      break;
    case 2:
      seconds = std::uniform_int_distribution<std::int64_t>(least, most)(random_);
      break;
    default:
      break;
  }
  std::int32_t nanos = Below(2) == 0 ? Below(1000000000) : Below(2) * 999999999;
  if (!timestamp && (seconds < 0 || (seconds == 0 && Below(2) == 0))) nanos = -nanos;
  if (options_.beyond_json && depth + 1 < options_.depth && Below(10) == 0) {
    seconds = Integer<std::int64_t>();
    nanos = Integer<std::int32_t>();
  }
  const Reflection* reflection = message->GetReflection();
  if (seconds != 0) reflection->SetInt64(message, descriptor->FindFieldByNumber(1), seconds);
  if (nanos != 0) reflection->SetInt32(message, descriptor->FindFieldByNumber(2), nanos);
}

void RandomMessages::FillAny(Message* message, int depth) {
  auto* any = google::protobuf::DynamicCastToGenerated<google::protobuf::Any>(message);
  if (any == nullptr || depth <= 0) return;
  if (options_.beyond_json && Below(2) == 0) {
    any->set_type_url(Text());
    any->set_value(Bytes());
    return;
  }
  google::protobuf::StringValue inner;
  inner.set_value("x" + Text());
  any->PackFrom(inner);
}

void RandomMessages::SetEnum(Message* message, const FieldDescriptor* field) {
  const google::protobuf::EnumDescriptor* type = field->enum_type();
  int value = type->value(Below(type->value_count()))->number();
  if (options_.beyond_json && Below(4) == 0 && !field->is_required() &&
      !message->GetDescriptor()->options().map_entry()) {
    value = Integer<std::int32_t>();
  }
  const Reflection* reflection = message->GetReflection();
  field->is_repeated() ? reflection->AddEnumValue(message, field, value)
                       : reflection->SetEnumValue(message, field, value);
}

void RandomMessages::SetValue(Message* message, const FieldDescriptor* field, int depth) {
  const Reflection* reflection = message->GetReflection();
  const bool add = field->is_repeated();
#define KIN_SET(Type, value)                           \
  {                                                    \
    const auto made = value;                           \
    add ? reflection->Add##Type(message, field, made)  \
        : reflection->Set##Type(message, field, made); \
    return;                                            \
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      KIN_SET(Int32, Integer<std::int32_t>());
    case FieldDescriptor::CPPTYPE_INT64:
      KIN_SET(Int64, Integer<std::int64_t>());
    case FieldDescriptor::CPPTYPE_UINT32:
      KIN_SET(UInt32, Integer<std::uint32_t>());
    case FieldDescriptor::CPPTYPE_UINT64:
      KIN_SET(UInt64, Integer<std::uint64_t>());
    case FieldDescriptor::CPPTYPE_BOOL:
      KIN_SET(Bool, Below(2) == 0);
    case FieldDescriptor::CPPTYPE_FLOAT:
      KIN_SET(Float, (Floating<float, std::uint32_t>()));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      KIN_SET(Double, (Floating<double, std::uint64_t>()));
    case FieldDescriptor::CPPTYPE_STRING:
      KIN_SET(String, field->type() == FieldDescriptor::TYPE_STRING ? Text() : Bytes());
    case FieldDescriptor::CPPTYPE_ENUM:
      return SetEnum(message, field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth > 0 || field->is_required()) {
        FillAll(add ? reflection->AddMessage(message, field)
                    : reflection->MutableMessage(message, field),
                depth - 1);
      }
  }
#undef KIN_SET
}

// Extensions and unknown fields.
void RandomMessages::FillRest(Message* message, int depth) {
  const Descriptor* descriptor = message->GetDescriptor();
  if (descriptor->extension_range_count() > 0) {
    std::vector<const FieldDescriptor*> extensions;
    descriptor->file()->pool()->FindAllExtensions(descriptor, &extensions);
    for (const FieldDescriptor* field : extensions) MayFill(message, field, depth);
  }
  if (Below(6) != 0 || descriptor->options().message_set_wire_format()) return;
  UnknownFieldSet* unknown = message->GetReflection()->MutableUnknownFields(message);
  const int count = 1 + Below(3);
  for (int i = 0; i < count; ++i) AddUnknown(unknown, 20000 + Below(1000000), 2);
  // As of a writer who gave a field another type.
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (field->type() == FieldDescriptor::TYPE_STRING && Below(20) == 0) {
      unknown->AddVarint(field->number(), Integer<std::uint64_t>());
    }
  }
}

void RandomMessages::AddUnknown(UnknownFieldSet* fields, int number, int depth) {
  switch (Below(5)) {
    case 0:
      return fields->AddVarint(number, Integer<std::uint64_t>());
    case 1:
      return fields->AddFixed32(number, Integer<std::uint32_t>());
    case 2:
      return fields->AddFixed64(number, Integer<std::uint64_t>());
    case 3:
      return fields->AddLengthDelimited(number, Bytes());
    default: {
      UnknownFieldSet* group = fields->AddGroup(number);
      for (int i = Below(3); depth > 0 && i > 0; --i) AddUnknown(group, 1 + Below(9), depth - 1);
    }
  }
}

}  // namespace kin::testing
