#include "kin/persistence/overlay.h"

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/wire_format.h"
#include "kin/persistence/nesting.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownFieldSet;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Protobuf's own limit is 100: messages may be nested deeper in memory, and have to come back.
constexpr int kRecursionLimit = kMostNesting;

// Whether every tag at the top of `bytes` is of a field that `allowed` accepts.
bool CheckTags(absl::string_view bytes, absl::FunctionRef<bool(int number)> allowed) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kRecursionLimit);
  while (std::uint32_t tag = input.ReadTag()) {
    if (!allowed(WireFormatLite::GetTagFieldNumber(tag))) return false;
    if (!WireFormatLite::SkipField(&input, tag)) return false;
  }
  return input.ConsumedEntireMessage();
}

bool Merge(absl::string_view bytes, Message* record) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                         static_cast<int>(bytes.size()));
  input.SetRecursionLimit(kRecursionLimit);
  return record->MergePartialFromCodedStream(&input) && input.ConsumedEntireMessage();
}

// Columns that hold a message's value but not its unknown fields.
bool HoldsOneValueOf(const Column& column) {
  return column.wrapped != nullptr || column.encoding == Encoding::kTimestamp ||
         column.encoding == Encoding::kDuration;
}

bool IsClosedEnum(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
         field.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO2;
}

}  // namespace

std::string SerializeField(const Message& record, const FieldDescriptor& field) {
  std::string bytes;
  // Also leaves the sizes of nested messages where the next call looks for them.
  bytes.reserve(WireFormat::FieldByteSize(&field, record));
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    output.SetCur(
        WireFormat::InternalSerializeField(&field, record, output.Cur(), output.EpsCopy()));
  }
  return bytes;
}

bool ParseField(absl::string_view bytes, const FieldDescriptor& field, Message* record) {
  return CheckTags(bytes, [&](int number) { return number == field.number(); }) &&
         Merge(bytes, record);
}

std::string SerializeMessage(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.SetSerializationDeterministic(true);
    message.SerializePartialToCodedStream(&output);
  }
  return bytes;
}

bool ParseMessage(absl::string_view bytes, Message* message) { return Merge(bytes, message); }

std::string SerializeOverlay(const Table& table, const Message& record) {
  std::string overlay;
  const Reflection* reflection = record.GetReflection();
  if (record.GetDescriptor()->extension_range_count() > 0) {
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(record, &fields);
    for (const FieldDescriptor* field : fields) {
      if (field->is_extension()) overlay += SerializeField(record, *field);
    }
  }
  for (const Column& column : table.columns) {
    if (!HoldsOneValueOf(column) || !reflection->HasField(record, column.field)) continue;
    const Message& value = reflection->GetMessage(record, column.field);
    const UnknownFieldSet& unknown = value.GetReflection()->GetUnknownFields(value);
    if (unknown.empty()) continue;
    std::string bytes;
    unknown.SerializeToString(&bytes);
    UnknownFieldSet wrapper;
    wrapper.AddLengthDelimited(column.field->number(), bytes);
    wrapper.SerializeToString(&bytes);
    overlay += bytes;
  }
  const UnknownFieldSet& unknown = reflection->GetUnknownFields(record);
  if (!unknown.empty()) {
    std::string bytes;
    unknown.SerializeToString(&bytes);
    overlay += bytes;
  }
  return overlay;
}

bool ParseOverlay(absl::string_view bytes, const Table& table, Message* record) {
  auto allowed = [&](int number) {
    const FieldDescriptor* field = record->GetDescriptor()->FindFieldByNumber(number);
    // The value of a closed enum that is not among its names counts as an unknown field.
    return field == nullptr || IsClosedEnum(*field) ||
           HoldsOneValueOf(table.columns[field->index()]);
  };
  return CheckTags(bytes, allowed) && Merge(bytes, record);
}

}  // namespace kin::persistence
