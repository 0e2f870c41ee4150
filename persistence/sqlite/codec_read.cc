#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "kin/persistence/json_text.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/time_text.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

const char* NameOfType(int type) {
  switch (type) {
    case SQLITE_INTEGER:
      return "an INTEGER";
    case SQLITE_FLOAT:
      return "a REAL";
    case SQLITE_TEXT:
      return "a TEXT";
    case SQLITE_BLOB:
      return "a BLOB";
    default:
      return "NULL";
  }
}

absl::Status WrongType(Value cell, absl::string_view expected) {
  return absl::DataLossError(
      absl::StrCat("is ", NameOfType(cell.type()), ", where ", expected, " belongs"));
}

absl::Status BadBytes(absl::string_view expected) {
  return absl::DataLossError(absl::StrCat("is a BLOB that is not ", expected));
}

template <typename T>
absl::Status ReadInteger(Value cell, T* value) {
  if (cell.type() != SQLITE_INTEGER) return WrongType(cell, "an INTEGER");
  const std::int64_t integer = cell.Int();
  if (integer < static_cast<std::int64_t>(std::numeric_limits<T>::min()) ||
      integer > static_cast<std::int64_t>(std::numeric_limits<T>::max())) {
    return absl::DataLossError(absl::StrCat("is ", integer, ", which is not from ",
                                            std::numeric_limits<T>::min(), " to ",
                                            std::numeric_limits<T>::max()));
  }
  *value = static_cast<T>(integer);
  return absl::OkStatus();
}

template <typename Bits, typename Float>
absl::Status ReadNan(absl::string_view bytes, Float* value) {
  Bits bits = 0;
  for (char byte : bytes) bits = static_cast<Bits>(bits << 8) | static_cast<unsigned char>(byte);
  std::memcpy(value, &bits, sizeof(bits));
  if (bytes.size() == sizeof(bits) && std::isnan(*value)) return absl::OkStatus();
  return BadBytes("the bits of a NaN");
}

template <typename Bits, typename Float>
absl::Status ReadFloat(Value cell, Float* value) {
  switch (cell.type()) {
    case SQLITE_BLOB:
      return ReadNan<Bits>(cell.Bytes(), value);
    case SQLITE_INTEGER:  // What somebody wrote as 3 and not as 3.0.
    case SQLITE_FLOAT: {
      const double number = cell.Real();
      // Also infinite: from where on a number would be rounded to infinity.
      if (!std::isinf(number) && std::abs(number) > std::numeric_limits<Float>::max()) {
        return absl::DataLossError(absl::StrCat("is ", number, ", which is too large for a float"));
      }
      *value = static_cast<Float>(number);
      return absl::OkStatus();
    }
    default:
      return WrongType(cell, "a REAL");
  }
}

// Text or bytes. `value` is made of them once, and then moved into the record.
absl::Status ReadBytes(Value cell, int type, absl::string_view* value) {
  if (cell.type() != type) {
    return WrongType(cell, type == SQLITE_TEXT ? "a TEXT" : "a BLOB");
  }
  *value = cell.Bytes();
  return absl::OkStatus();
}

// By generated code.
void SetInteger(Message* message, SetField set, std::int64_t value) {
  FieldValue field_value;
  field_value.integer = value;
  set(message, field_value);
}

void SetReal(Message* message, SetField set, double value) {
  FieldValue field_value;
  field_value.real = value;
  set(message, field_value);
}

void SetBytes(Message* message, SetField set, absl::string_view value) {
  FieldValue field_value;
  field_value.bytes = value;
  set(message, field_value);
}

// An integer of type T, by `set` or, where that is null, by `reflect`, a member of Reflection.
template <typename T, typename Reflect>
absl::Status ReadIntegerField(Value cell, const FieldDescriptor* field, SetField set,
                              Reflect reflect, Message* message) {
  T value = 0;
  absl::Status status = ReadInteger(cell, &value);
  if (!status.ok()) return status;
  if (set != nullptr) {
    SetInteger(message, set, static_cast<std::int64_t>(value));
  } else {
    (message->GetReflection()->*reflect)(message, field, value);
  }
  return status;
}

template <typename Bits, typename Float, typename Reflect>
absl::Status ReadFloatField(Value cell, const FieldDescriptor* field, SetField set, Reflect reflect,
                            Message* message) {
  Float value = 0;
  absl::Status status = ReadFloat<Bits>(cell, &value);
  if (!status.ok()) return status;
  // As a double, a NaN of a float may have other bits.
  if (set != nullptr && !std::isnan(value)) {
    SetReal(message, set, value);
  } else {
    (message->GetReflection()->*reflect)(message, field, value);
  }
  return status;
}

absl::Status ReadScalar(const Column& column, Value cell, const FieldDescriptor* field,
                        SetField set, Message* message) {
  switch (column.encoding) {
    case Encoding::kInt32:
      return ReadIntegerField<std::int32_t>(cell, field, set, &Reflection::SetInt32, message);
    case Encoding::kInt64:
      return ReadIntegerField<std::int64_t>(cell, field, set, &Reflection::SetInt64, message);
    case Encoding::kUint32:
      return ReadIntegerField<std::uint32_t>(cell, field, set, &Reflection::SetUInt32, message);
    case Encoding::kUint64:
      if (cell.type() != SQLITE_INTEGER) return WrongType(cell, "an INTEGER");
      if (set != nullptr) {
        SetInteger(message, set, cell.Int());
      } else {
        message->GetReflection()->SetUInt64(message, field, static_cast<std::uint64_t>(cell.Int()));
      }
      return absl::OkStatus();
    case Encoding::kBool:
      return ReadIntegerField<bool>(cell, field, set, &Reflection::SetBool, message);
    case Encoding::kEnum:
      return ReadIntegerField<std::int32_t>(cell, field, set, &Reflection::SetEnumValue, message);
    case Encoding::kFloat:
      return ReadFloatField<std::uint32_t, float>(cell, field, set, &Reflection::SetFloat, message);
    case Encoding::kDouble:
      return ReadFloatField<std::uint64_t, double>(cell, field, set, &Reflection::SetDouble,
                                                   message);
    default: {
      absl::string_view value;
      const bool text = column.encoding == Encoding::kText;
      absl::Status status = ReadBytes(cell, text ? SQLITE_TEXT : SQLITE_BLOB, &value);
      // Without presence, empty is what the field is already.
      if (!status.ok() || (value.empty() && !field->has_presence())) return status;
      if (set != nullptr) {
        SetBytes(message, set, value);
      } else {
        message->GetReflection()->SetString(message, field, std::string(value));
      }
      return status;
    }
  }
}

absl::Status ReadTime(const Column& column, Value cell, Message* record) {
  absl::string_view text;
  absl::Status status = ReadBytes(cell, SQLITE_TEXT, &text);
  if (!status.ok()) return status;
  SecondsAndNanos value;
  const bool timestamp = column.encoding == Encoding::kTimestamp;
  if (!(timestamp ? ParseTimestamp(text, &value) : ParseDuration(text, &value))) {
    return absl::DataLossError(absl::StrCat("is '", absl::CHexEscape(text.substr(0, 100)),
                                            "', which is not a ",
                                            timestamp ? "time like 2024-02-29T12:00:00.000000000Z"
                                                      : "number of seconds like 1.500000000"));
  }
  Message* time = record->GetReflection()->MutableMessage(record, column.field);
  const Reflection* reflection = time->GetReflection();
  reflection->SetInt64(time, time->GetDescriptor()->FindFieldByNumber(1), value.seconds);
  reflection->SetInt32(time, time->GetDescriptor()->FindFieldByNumber(2), value.nanos);
  return absl::OkStatus();
}

absl::Status ReadSerialized(const Column& column, Value cell, Message* record) {
  absl::string_view bytes;
  absl::Status status = ReadBytes(cell, SQLITE_BLOB, &bytes);
  if (!status.ok()) return status;
  if (column.encoding == Encoding::kMessage) {
    Message* message = record->GetReflection()->MutableMessage(record, column.field);
    if (ParseMessage(bytes, message)) return status;
    return BadBytes(absl::StrCat("a serialized ", message->GetTypeName()));
  }
  if (ParseField(bytes, *column.field, record)) return status;
  return BadBytes(absl::StrCat("the serialized field ", column.field->name()));
}

// A row with two fields of a oneof would lose one. REQUIRES: the field is in a oneof.
absl::Status CheckAlone(const Column& column, const Message& record) {
  if (!record.GetReflection()->HasOneof(record, column.oneof)) return absl::OkStatus();
  const FieldDescriptor* other =
      record.GetReflection()->GetOneofFieldDescriptor(record, column.oneof);
  return absl::DataLossError(absl::StrCat("has a value, and so has field ", other->name(),
                                          ", the other of oneof ", column.oneof->name(),
                                          "; set one of them to NULL"));
}

// Sets one field of a record, which has it unset. Of a JSON column only the type is looked at.
absl::Status ReadColumn(const Column& column, Value cell, SetField set, Message* record) {
  if (cell.type() == SQLITE_NULL) {
    if (column.nullable) return absl::OkStatus();
    return absl::DataLossError("is NULL, where a value is required");
  }
  if (column.oneof != nullptr) {
    absl::Status alone = CheckAlone(column, *record);
    if (!alone.ok()) return alone;
  }
  switch (column.encoding) {
    case Encoding::kTimestamp:
    case Encoding::kDuration:
      return ReadTime(column, cell, record);
    case Encoding::kMessage:
    case Encoding::kRepeated:
      return ReadSerialized(column, cell, record);
    case Encoding::kJson: {
      absl::string_view unused;
      return ReadBytes(cell, SQLITE_TEXT, &unused);
    }
    default:
      break;
  }
  if (column.wrapped == nullptr) return ReadScalar(column, cell, column.field, set, record);
  Message* wrapper = record->GetReflection()->MutableMessage(record, column.field);
  return ReadScalar(column, cell, column.wrapped, nullptr, wrapper);
}

// Sets the field of a JSON column, from the overlay where it is there too and the text is still the
// one it was written with; else from the text.
absl::Status ReadJson(const Table& table, const Column& column, Value cell, Overlay* overlay,
                      Message* record, bool* stale) {
  const FieldDescriptor& field = *column.field;
  const bool has_text = cell.type() == SQLITE_TEXT;
  if (has_text && column.oneof != nullptr) {
    absl::Status alone = CheckAlone(column, *record);
    if (!alone.ok()) return alone;
  }
  const absl::string_view text = has_text ? cell.Bytes() : absl::string_view();
  if (overlay->fields != nullptr && HasField(*overlay->fields, field)) {
    const auto fingerprint = overlay->json_fingerprints.find(field.number());
    const bool marked = fingerprint != overlay->json_fingerprints.end();
    if (marked && has_text && FingerprintOf(text) == fingerprint->second) return absl::OkStatus();
    *stale = true;
    // From a program that did not know the field.
    if (!marked && !has_text) return absl::OkStatus();
    if (!IsAllInJson(*overlay->fields, field)) {
      return absl::DataLossError(absl::StrCat(
          "is not the text that was written, and column ", table.columns.back().name,
          " has what it had that no JSON can hold; set that column to NULL, to go by the text "
          "alone"));
    }
    overlay->fields->GetReflection()->ClearField(overlay->fields.get(), &field);
  }
  if (!has_text) return absl::OkStatus();
  *stale = true;
  absl::Status status = FieldFromJson(text, field, record);
  if (status.ok()) return status;
  return absl::DataLossError(absl::StrCat("is not JSON of this field: ", status.message()));
}

// What the last column, and those it speaks of, add to a record that has the other fields.
absl::Status ReadOverlay(const Table& table, const Statement& row, Message* record, int* bad_column,
                         bool* stale) {
  const int position = static_cast<int>(table.columns.size()) - 1;
  const Value cell = row[position];
  Overlay overlay;
  if (cell.type() != SQLITE_NULL) {
    absl::string_view bytes;
    *bad_column = position;
    absl::Status status = ReadBytes(cell, SQLITE_BLOB, &bytes);
    if (!status.ok()) return status;
    if (!ParseOverlay(bytes, table, *record, &overlay)) {
      return BadBytes("a set of serialized unknown fields");
    }
    const OverlayEffect effect = EffectOf(overlay, table, *record);
    if (effect == OverlayEffect::kChangesColumns) {
      return BadBytes("a set of unknown fields: another column has one of them");
    }
    if (effect == OverlayEffect::kFillsColumns) *stale = true;
  }
  for (int i = 0; table.has_json && i < position; ++i) {
    if (table.columns[i].encoding != Encoding::kJson) continue;
    *bad_column = i;
    absl::Status status = ReadJson(table, table.columns[i], row[i], &overlay, record, stale);
    if (!status.ok()) return status;
  }
  if (overlay.fields != nullptr) record->MergeFrom(*overlay.fields);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadRow(const Table& table, absl::Span<const SetField> setters, const Statement& row,
                     Message* record, int* bad_column, bool* stale) {
  const int last = static_cast<int>(table.columns.size()) - 1;
  for (int i = 0; i < last; ++i) {
    const SetField set = setters.empty() ? nullptr : setters[static_cast<std::size_t>(i)];
    absl::Status status = ReadColumn(table.columns[i], row[i], set, record);
    if (!status.ok()) {
      *bad_column = i;
      return status;
    }
  }
  if (!table.has_json && row.type(last) == SQLITE_NULL) return absl::OkStatus();
  return ReadOverlay(table, row, record, bad_column, stale);
}

}  // namespace kin::persistence::sqlite
