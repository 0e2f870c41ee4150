#include <cmath>
#include <cstring>

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

template <typename Bits, typename Float>
std::string BitsOf(Float value) {
  Bits bits;
  static_assert(sizeof(bits) == sizeof(value));
  std::memcpy(&bits, &value, sizeof(bits));
  std::string bytes(sizeof(bits), '\0');
  for (std::size_t i = sizeof(bits); i-- > 0; bits >>= 8) {
    bytes[i] = static_cast<char>(bits & 0xff);  // Highest byte first, so that hex() reads well.
  }
  return bytes;
}

// A NaN would be bound as NULL, so its bits are bound as a BLOB.
template <typename Bits, typename Float>
void BindFloat(int parameter, Float value, Statement* statement, Scratch* scratch) {
  if (std::isnan(value)) {
    scratch->values.push_back(BitsOf<Bits>(value));
    statement->BindBlob(parameter, scratch->values.back());
  } else {
    statement->BindReal(parameter, static_cast<double>(value));
  }
}

const std::string& TextOf(const Message& message, const FieldDescriptor* field, Scratch* scratch) {
  scratch->values.emplace_back();
  const std::string& value =
      message.GetReflection()->GetStringReference(message, field, &scratch->values.back());
  if (&value != &scratch->values.back()) scratch->values.pop_back();
  return value;
}

void BindScalar(const Column& column, const Message& message, const FieldDescriptor* field,
                int parameter, Statement* statement, Scratch* scratch) {
  const Reflection* reflection = message.GetReflection();
  switch (column.encoding) {
    case Encoding::kInt32:
      return statement->BindInt(parameter, reflection->GetInt32(message, field));
    case Encoding::kInt64:
      return statement->BindInt(parameter, reflection->GetInt64(message, field));
    case Encoding::kUint32:
      return statement->BindInt(parameter, reflection->GetUInt32(message, field));
    case Encoding::kUint64:
      return statement->BindInt(parameter,
                                static_cast<std::int64_t>(reflection->GetUInt64(message, field)));
    case Encoding::kBool:
      return statement->BindInt(parameter, reflection->GetBool(message, field));
    case Encoding::kEnum:
      return statement->BindInt(parameter, reflection->GetEnumValue(message, field));
    case Encoding::kFloat:
      return BindFloat<std::uint32_t>(parameter, reflection->GetFloat(message, field), statement,
                                      scratch);
    case Encoding::kDouble:
      return BindFloat<std::uint64_t>(parameter, reflection->GetDouble(message, field), statement,
                                      scratch);
    case Encoding::kText:
      return statement->BindText(parameter, TextOf(message, field, scratch));
    default:
      return statement->BindBlob(parameter, TextOf(message, field, scratch));
  }
}

// Binds what was made for it.
void BindMade(const Column& column, std::string value, int parameter, Statement* statement,
              Scratch* scratch) {
  scratch->values.push_back(std::move(value));
  if (column.type == SqlType::kText) {
    statement->BindText(parameter, scratch->values.back());
  } else {
    statement->BindBlob(parameter, scratch->values.back());
  }
}

// The value of a column that is not a scalar, and is there.
std::string MakeValue(const Column& column, const Message& record) {
  const Reflection* reflection = record.GetReflection();
  switch (column.encoding) {
    case Encoding::kTimestamp:
      return TimestampToText(TimeOf(reflection->GetMessage(record, column.field)));
    case Encoding::kDuration:
      return DurationToText(TimeOf(reflection->GetMessage(record, column.field)));
    case Encoding::kMessage:
      return SerializeMessage(reflection->GetMessage(record, column.field));
    case Encoding::kJson:
      return FieldToJson(record, *column.field);
    default:
      return SerializeField(record, *column.field);
  }
}

bool IsAbsent(const Column& column, const Message& record) {
  if (!column.nullable) return false;
  const Reflection* reflection = record.GetReflection();
  return column.field->is_repeated() ? reflection->FieldSize(record, column.field) == 0
                                     : !reflection->HasField(record, column.field);
}

bool IsScalar(const Column& column) { return column.encoding <= Encoding::kBytes; }

}  // namespace

void BindColumn(const Table& table, const Column& column, const Message& record, int parameter,
                Statement* statement, Scratch* scratch) {
  if (column.encoding == Encoding::kOverlay) {
    std::string overlay = SerializeOverlay(table, record, &scratch->fingerprints);
    scratch->fingerprints.clear();
    if (overlay.empty()) {
      statement->BindNull(parameter);
    } else {
      BindMade(column, std::move(overlay), parameter, statement, scratch);
    }
  } else if (IsAbsent(column, record)) {
    statement->BindNull(parameter);
  } else if (column.wrapped != nullptr) {
    BindScalar(column, record.GetReflection()->GetMessage(record, column.field), column.wrapped,
               parameter, statement, scratch);
  } else if (IsScalar(column)) {
    BindScalar(column, record, column.field, parameter, statement, scratch);
  } else {
    BindMade(column, MakeValue(column, record), parameter, statement, scratch);
    if (column.encoding == Encoding::kJson) {
      scratch->fingerprints[column.field->number()] = FingerprintOf(scratch->values.back());
    }
  }
}

std::int64_t SizeOfColumn(const Table& table, const Column& column, const Message& record) {
  constexpr std::int64_t kSmall = 16;  // A number, and the header of any value.
  if (column.encoding == Encoding::kOverlay) {
    // Where there is JSON it nearly is the record, which is faster to measure.
    return 2 * kSmall + static_cast<std::int64_t>(table.has_json
                                                      ? record.ByteSizeLong()
                                                      : SerializeOverlay(table, record).size());
  }
  if (!column.unbounded() || IsAbsent(column, record)) return kSmall;
  if (!IsScalar(column)) {
    return kSmall + static_cast<std::int64_t>(MakeValue(column, record).size());
  }
  Scratch scratch;
  const Message& holder =
      column.wrapped != nullptr ? record.GetReflection()->GetMessage(record, column.field) : record;
  const FieldDescriptor* field = column.wrapped != nullptr ? column.wrapped : column.field;
  return kSmall + static_cast<std::int64_t>(TextOf(holder, field, &scratch).size());
}

}  // namespace kin::persistence::sqlite
