#include "kin/persistence/overlay.h"

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/wire_format.h"
#include "kin/persistence/json_text.h"
#include "kin/persistence/nesting.h"

namespace kin::persistence {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using google::protobuf::internal::WireFormat;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// The field that fingerprints are in. No message may declare the numbers from 19000 to 19999.
constexpr int kFingerprints = 19001;

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

// Whether a field may have values in its column, and more, unknown when they were written, in the
// overlay: a list or map of a closed enum.
bool TakesMoreValues(const FieldDescriptor& field) {
  return field.is_map() ? IsClosedEnum(*field.message_type()->map_value())
                        : field.is_repeated() && IsClosedEnum(field);
}

bool HasKnownFields(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  return !fields.empty();
}

std::string Serialize(const UnknownFieldSet& fields) {
  std::string bytes;
  fields.SerializeToString(&bytes);
  return bytes;
}

bool IsJsonColumn(const Table& table, int number) {
  if (!table.has_json) return false;
  for (const Column& column : table.columns) {
    if (column.encoding == Encoding::kJson && column.field->number() == number) return true;
  }
  return false;
}

// Calls visit(field) with each fingerprint among `unknown`, until it returns false. False: so it
// did, or they are no fingerprints.
bool ForEachFingerprint(const UnknownFieldSet& unknown,
                        absl::FunctionRef<bool(const UnknownField&)> visit) {
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (unknown.field(i).number() != kFingerprints) continue;
    UnknownFieldSet fingerprints;
    if (unknown.field(i).type() != UnknownField::TYPE_LENGTH_DELIMITED ||
        !fingerprints.ParseFromString(unknown.field(i).length_delimited())) {
      return false;
    }
    for (int k = 0; k < fingerprints.field_count(); ++k) {
      if (!visit(fingerprints.field(k))) return false;
    }
  }
  return true;
}

// An overlay as nothing but unknown fields.
bool ParseUnknown(absl::string_view overlay, UnknownFieldSet* fields) {
  CodedInputStream input(reinterpret_cast<const std::uint8_t*>(overlay.data()),
                         static_cast<int>(overlay.size()));
  input.SetRecursionLimit(kRecursionLimit);
  return fields->MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
}

// Moves the fingerprints of the table's JSON columns out of unknown fields. Those of columns that
// this program does not know stay. False: they are no fingerprints.
bool TakeFingerprints(const Table& table, UnknownFieldSet* unknown, JsonFingerprints* taken) {
  UnknownFieldSet left;
  const bool whole = ForEachFingerprint(*unknown, [&](const UnknownField& field) {
    if (field.type() != UnknownField::TYPE_FIXED64) return false;
    if (IsJsonColumn(table, field.number())) {
      (*taken)[field.number()] = field.fixed64();
    } else {
      left.AddField(field);
    }
    return true;
  });
  if (!whole) return false;
  if (!taken->empty()) {
    unknown->DeleteByNumber(kFingerprints);
    if (!left.empty()) unknown->AddLengthDelimited(kFingerprints, Serialize(left));
  }
  return true;
}

// Whether what is an unknown field in `record` would, written and read again, be a known one. Where
// only the number is the same, and the value of another type or of no name in a closed enum, it
// stays unknown.
bool WouldBeKnown(const UnknownField& field, const Table& table, const Message& record) {
  UnknownFieldSet alone;
  alone.AddField(field);
  if (field.number() == kFingerprints) {
    JsonFingerprints taken;
    return !TakeFingerprints(table, &alone, &taken) || !taken.empty();
  }
  if (record.GetDescriptor()->FindFieldByNumber(field.number()) == nullptr &&
      record.GetReflection()->FindKnownExtensionByNumber(field.number()) == nullptr) {
    return false;
  }
  std::unique_ptr<Message> read(record.New());
  return !Merge(Serialize(alone), read.get()) || HasKnownFields(*read);
}

// The fields of JSON columns, and after them the fingerprints of their texts.
void AppendJsonFields(const Table& table, const Message& record, const JsonFingerprints* known,
                      std::string* overlay) {
  UnknownFieldSet fingerprints;
  for (const Column& column : table.columns) {
    if (column.encoding != Encoding::kJson || !HasField(record, *column.field)) continue;
    *overlay += SerializeField(record, *column.field);
    const int number = column.field->number();
    fingerprints.AddFixed64(number, known != nullptr && known->contains(number)
                                        ? known->at(number)
                                        : FingerprintOf(FieldToJson(record, *column.field)));
  }
  if (fingerprints.empty()) return;
  UnknownFieldSet outer;
  outer.AddLengthDelimited(kFingerprints, Serialize(fingerprints));
  *overlay += Serialize(outer);
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

bool HasField(const Message& record, const FieldDescriptor& field) {
  const Reflection* reflection = record.GetReflection();
  return field.is_repeated() ? reflection->FieldSize(record, &field) > 0
                             : reflection->HasField(record, &field);
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

std::string SerializeOverlay(const Table& table, const Message& record,
                             const JsonFingerprints* fingerprints) {
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
    UnknownFieldSet wrapper;
    wrapper.AddLengthDelimited(column.field->number(), Serialize(unknown));
    overlay += Serialize(wrapper);
  }
  if (table.has_json) AppendJsonFields(table, record, fingerprints, &overlay);
  const UnknownFieldSet& unknown = reflection->GetUnknownFields(record);
  if (!unknown.empty()) overlay += Serialize(unknown);
  return overlay;
}

bool ParseOverlay(absl::string_view bytes, const Table& table, const Message& like,
                  Overlay* overlay) {
  overlay->fields.reset(like.New());
  if (!Merge(bytes, overlay->fields.get())) return false;
  return TakeFingerprints(
      table, overlay->fields->GetReflection()->MutableUnknownFields(overlay->fields.get()),
      &overlay->json_fingerprints);
}

OverlayEffect EffectOf(const Overlay& overlay, const Table& table, const Message& record) {
  const Reflection* reflection = record.GetReflection();
  OverlayEffect effect = OverlayEffect::kAdds;
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*overlay.fields, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_extension()) continue;
    const Column& column = table.columns[field->index()];
    if (column.encoding == Encoding::kJson) continue;
    if (column.key) return OverlayEffect::kChangesColumns;
    if (!HasField(record, *field) || TakesMoreValues(*field)) {
      effect = OverlayEffect::kFillsColumns;
    } else if (!HoldsOneValueOf(column) ||
               HasKnownFields(reflection->GetMessage(*overlay.fields, field))) {
      return OverlayEffect::kChangesColumns;
    }
  }
  return effect;
}

bool OverlayComesBack(const Table& table, const Message& record, std::string* problem) {
  const UnknownFieldSet& unknown = record.GetReflection()->GetUnknownFields(record);
  for (int i = 0; i < unknown.field_count(); ++i) {
    if (!WouldBeKnown(unknown.field(i), table, record)) continue;
    *problem = absl::StrCat("has an unknown field with the number ", unknown.field(i).number(),
                            ", which is that of a known one; set that one instead");
    return false;
  }
  Overlay overlay;
  if (!ParseOverlay(SerializeOverlay(table, record), table, record, &overlay)) {
    *problem = absl::StrCat("has unknown fields that are nested more than ", kMostNesting,
                            " messages deep");
    return false;
  }
  if (EffectOf(overlay, table, record) == OverlayEffect::kAdds) return true;
  *problem = "has unknown fields within a time or wrapper, with the numbers of known ones";
  return false;
}

bool FingerprintIn(absl::string_view overlay, int number, std::uint64_t* fingerprint) {
  UnknownFieldSet fields;
  if (!ParseUnknown(overlay, &fields)) return false;
  bool found = false;
  ForEachFingerprint(fields, [&](const UnknownField& field) {
    if (field.number() != number || field.type() != UnknownField::TYPE_FIXED64) return true;
    *fingerprint = field.fixed64();
    found = true;
    return true;
  });
  return found;
}

bool HasFieldIn(absl::string_view overlay, int number) {
  UnknownFieldSet fields;
  if (!ParseUnknown(overlay, &fields)) return false;
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == number) return true;
  }
  return false;
}

void RemoveField(int number, std::string* overlay) {
  UnknownFieldSet fields;
  if (!ParseUnknown(*overlay, &fields)) return;
  fields.DeleteByNumber(number);
  *overlay = Serialize(fields);
  RemoveFingerprint(number, overlay);
}

void RemoveFingerprint(int number, std::string* overlay) {
  UnknownFieldSet fields, left;
  if (!ParseUnknown(*overlay, &fields)) return;
  const bool whole = ForEachFingerprint(fields, [&](const UnknownField& field) {
    if (field.number() != number) left.AddField(field);
    return true;
  });
  if (!whole) return;
  fields.DeleteByNumber(kFingerprints);
  if (!left.empty()) fields.AddLengthDelimited(kFingerprints, Serialize(left));
  *overlay = Serialize(fields);
}

std::uint64_t FingerprintOf(absl::string_view json) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, which stays the same for all time.
  for (const char c : json) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace kin::persistence
