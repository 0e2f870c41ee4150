#include "kin/store/internal/record_rules.h"

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/internal/utf8.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

}  // namespace

absl::Status CheckRecord(const Table& table, const Message& record) {
  for (const TextField& field : table.text_fields()) {
    if (field.Valid(record)) continue;
    const std::string path = FindInvalidUtf8(record);
    if (path.empty()) break;
    return absl::InvalidArgumentError(
        absl::StrCat(table.NameOf(record), ".", path,
                     ": the text is not UTF-8; use a field of type bytes for other data"));
  }
  return absl::OkStatus();
}

absl::Status CheckValues(const Table& table, const Message& record) {
  if (table.rules() == nullptr || table.rules()->values().empty()) return absl::OkStatus();
  const std::vector<BrokenRule> broken = table.rules()->values().Check(record);
  if (broken.empty()) return absl::OkStatus();
  std::string message;
  for (const BrokenRule& rule : broken) {
    absl::StrAppend(&message, message.empty() ? "" : "\n", table.NameOf(record), ".",
                    rule.field->name(), ": ", rule.text);
  }
  return absl::InvalidArgumentError(message);
}

absl::Status AllocateId(Table& table, Message* record) {
  const FieldDescriptor& field = *table.model().primary_key[0];
  if (table.next_id > table.largest_id()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(table.model().name, ".", field.name(),
                     ": every id up to the largest is used; give explicit ids"));
  }
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64) {
    record->GetReflection()->SetUInt64(record, &field, table.next_id);
  } else {
    record->GetReflection()->SetInt64(record, &field, static_cast<std::int64_t>(table.next_id));
  }
  ++table.next_id;
  return absl::OkStatus();
}

void FillUuid(const FieldDescriptor& field, Message* record) {
  std::string unused;
  const google::protobuf::Reflection& reflection = *record->GetReflection();
  if (!reflection.GetStringReference(*record, &field, &unused).empty()) return;
  std::random_device random;  // The system's generator.
  std::string bytes;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t word = random();
    bytes.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // Version 4.
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // Variant.
  if (field.type() == FieldDescriptor::TYPE_BYTES) {
    reflection.SetString(record, &field, bytes);
    return;
  }
  const std::string hex = absl::BytesToHexString(bytes);
  reflection.SetString(record, &field,
                       absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4),
                                    "-", hex.substr(16, 4), "-", hex.substr(20)));
}

}  // namespace kin::internal
