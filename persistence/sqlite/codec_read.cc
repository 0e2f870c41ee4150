#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
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

absl::Status WrongType(const Statement& row, int position, absl::string_view expected) {
  return absl::DataLossError(
      absl::StrCat("is ", NameOfType(row.type(position)), ", where ", expected, " belongs"));
}

absl::Status BadBytes(absl::string_view expected) {
  return absl::DataLossError(absl::StrCat("is a BLOB that is not ", expected));
}

template <typename T>
absl::Status ReadInteger(const Statement& row, int position, T* value) {
  if (row.type(position) != SQLITE_INTEGER) return WrongType(row, position, "an INTEGER");
  const std::int64_t integer = row.Int(position);
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
absl::Status ReadFloat(const Statement& row, int position, Float* value) {
  switch (row.type(position)) {
    case SQLITE_BLOB:
      return ReadNan<Bits>(row.Bytes(position), value);
    case SQLITE_INTEGER:  // What somebody wrote as 3 and not as 3.0.
    case SQLITE_FLOAT: {
      const double number = row.Real(position);
      // Also infinite: from where on a number would be rounded to infinity.
      if (!std::isinf(number) && std::abs(number) > std::numeric_limits<Float>::max()) {
        return absl::DataLossError(absl::StrCat("is ", number, ", which is too large for a float"));
      }
      *value = static_cast<Float>(number);
      return absl::OkStatus();
    }
    default:
      return WrongType(row, position, "a REAL");
  }
}

// Text or bytes. `value` is made of them once, and then moved into the record.
absl::Status ReadBytes(const Statement& row, int position, int type, absl::string_view* value) {
  if (row.type(position) != type) {
    return WrongType(row, position, type == SQLITE_TEXT ? "a TEXT" : "a BLOB");
  }
  *value = row.Bytes(position);
  return absl::OkStatus();
}

absl::Status ReadScalar(const Column& column, const Statement& row, int position,
                        const FieldDescriptor* field, Message* message) {
  const Reflection* reflection = message->GetReflection();
  absl::Status status;
  switch (column.encoding) {
    case Encoding::kInt32: {
      std::int32_t value = 0;
      status = ReadInteger(row, position, &value);
      if (status.ok()) reflection->SetInt32(message, field, value);
      return status;
    }
    case Encoding::kInt64:
      if (row.type(position) != SQLITE_INTEGER) return WrongType(row, position, "an INTEGER");
      reflection->SetInt64(message, field, row.Int(position));
      return status;
    case Encoding::kUint32: {
      std::uint32_t value = 0;
      status = ReadInteger(row, position, &value);
      if (status.ok()) reflection->SetUInt32(message, field, value);
      return status;
    }
    case Encoding::kUint64:
      if (row.type(position) != SQLITE_INTEGER) return WrongType(row, position, "an INTEGER");
      reflection->SetUInt64(message, field, static_cast<std::uint64_t>(row.Int(position)));
      return status;
    case Encoding::kBool: {
      bool value = false;
      status = ReadInteger(row, position, &value);
      if (status.ok()) reflection->SetBool(message, field, value);
      return status;
    }
    case Encoding::kEnum: {
      std::int32_t value = 0;
      status = ReadInteger(row, position, &value);
      if (status.ok()) reflection->SetEnumValue(message, field, value);
      return status;
    }
    case Encoding::kFloat: {
      float value = 0;
      status = ReadFloat<std::uint32_t>(row, position, &value);
      if (status.ok()) reflection->SetFloat(message, field, value);
      return status;
    }
    case Encoding::kDouble: {
      double value = 0;
      status = ReadFloat<std::uint64_t>(row, position, &value);
      if (status.ok()) reflection->SetDouble(message, field, value);
      return status;
    }
    default: {
      absl::string_view value;
      const bool text = column.encoding == Encoding::kText;
      status = ReadBytes(row, position, text ? SQLITE_TEXT : SQLITE_BLOB, &value);
      // Without presence, empty is what the field is already.
      if (!status.ok() || (value.empty() && !field->has_presence())) return status;
      reflection->SetString(message, field, std::string(value));
      return status;
    }
  }
}

absl::Status ReadTime(const Column& column, const Statement& row, int position, Message* record) {
  absl::string_view text;
  absl::Status status = ReadBytes(row, position, SQLITE_TEXT, &text);
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

absl::Status ReadSerialized(const Table& table, const Column& column, const Statement& row,
                            int position, Message* record) {
  absl::string_view bytes;
  absl::Status status = ReadBytes(row, position, SQLITE_BLOB, &bytes);
  if (!status.ok()) return status;
  switch (column.encoding) {
    case Encoding::kMessage: {
      Message* message = record->GetReflection()->MutableMessage(record, column.field);
      if (ParseMessage(bytes, message)) return status;
      return BadBytes(absl::StrCat("a serialized ", message->GetTypeName()));
    }
    case Encoding::kRepeated:
      if (ParseField(bytes, *column.field, record)) return status;
      return BadBytes(absl::StrCat("the serialized field ", column.field->name()));
    default:
      if (ParseOverlay(bytes, table, record)) return status;
      return BadBytes("a set of serialized unknown fields");
  }
}

}  // namespace

absl::Status ReadColumn(const Table& table, const Column& column, const Statement& row,
                        int position, Message* record) {
  if (row.type(position) == SQLITE_NULL) {
    if (column.nullable) return absl::OkStatus();
    return absl::DataLossError("is NULL, where a value is required");
  }
  switch (column.encoding) {
    case Encoding::kTimestamp:
    case Encoding::kDuration:
      return ReadTime(column, row, position, record);
    case Encoding::kMessage:
    case Encoding::kRepeated:
    case Encoding::kOverlay:
      return ReadSerialized(table, column, row, position, record);
    default:
      break;
  }
  if (column.wrapped == nullptr) return ReadScalar(column, row, position, column.field, record);
  Message* wrapper = record->GetReflection()->MutableMessage(record, column.field);
  return ReadScalar(column, row, position, column.wrapped, wrapper);
}

}  // namespace kin::persistence::sqlite
