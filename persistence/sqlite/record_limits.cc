#include "kin/persistence/sqlite/record_limits.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "kin/persistence/nesting.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/table_writer.h"
#include "kin/persistence/time_text.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

// What values can take in a row beyond what they take in a serialized message: a time as text, or a
// parked value and its header.
std::int64_t MostExtra(const Table& table) {
  constexpr std::int64_t kMostExtra = 64;
  static_assert(kMostExtra > kParkedBytes + 16);
  return kMostExtra * static_cast<std::int64_t>(table.columns.size());
}

absl::Status Refusal(const Table& table, const Message& record, const Column& column,
                     absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(table.graph_model->name, " ",
                                                 table.DescribeKey(record), ": field ",
                                                 column.field->name(), " ", problem));
}

// Times, durations and wrappers, whose columns hold one value; and the unknown fields.
absl::Status CheckValues(const Table& table, const Message& record) {
  const google::protobuf::Reflection* reflection = record.GetReflection();
  bool has_overlay = !reflection->GetUnknownFields(record).empty() ||
                     table.graph_model->descriptor->extension_range_count() > 0;
  for (const Column& column : table.columns) {
    const bool timestamp = column.encoding == Encoding::kTimestamp;
    const bool duration = column.encoding == Encoding::kDuration;
    if (!timestamp && !duration && column.wrapped == nullptr) continue;
    if (!reflection->HasField(record, column.field)) continue;
    const Message& value = reflection->GetMessage(record, column.field);
    has_overlay = has_overlay || !value.GetReflection()->GetUnknownFields(value).empty();
    if (timestamp && !IsTimestamp(TimeOf(value))) {
      return Refusal(table, record, column,
                     "is no time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z, with "
                     "nanos from 0 to 999999999");
    }
    if (duration && !IsDuration(TimeOf(value))) {
      return Refusal(table, record, column,
                     "is no duration of at most 315576000000 seconds either way, with nanos of the "
                     "same sign, from -999999999 to 999999999");
    }
  }
  std::string problem;
  if (!has_overlay || OverlayComesBack(table, record, &problem)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(table.graph_model->name, " ", table.DescribeKey(record), ": ", problem));
}

absl::Status TooLarge(const Table& table, const Message& record, const Column& largest,
                      std::int64_t size, const Limits& limits) {
  return absl::InvalidArgumentError(absl::StrCat(
      table.graph_model->name, " ", table.DescribeKey(record), ": field ",
      largest.field != nullptr ? largest.field->name() : std::string("(unknown fields)"),
      " is too large: the record would take ", size, " bytes in the database, whose limit is ",
      limits.bytes));
}

absl::Status CheckColumns(const Table& table, const Message& record, const Limits& limits) {
  std::int64_t total = 0, most = 0;
  const Column* largest = &table.columns.front();
  for (const Column& column : table.columns) {
    const std::int64_t size = SizeOfColumn(table, column, record);
    total += size;
    if (size > most) {
      most = size;
      largest = &column;
    }
  }
  // For a moment, on the way to other values, a row may have these in place of shorter ones.
  for (const int column : table.parking) {
    if (!table.columns[column].nullable && table.columns[column].unbounded()) total += kParkedBytes;
  }
  return total <= limits.bytes ? absl::OkStatus()
                               : TooLarge(table, record, *largest, total, limits);
}

}  // namespace

absl::StatusOr<Limits> Limits::OfSqlite() {
  absl::StatusOr<Database> database =
      Database::Open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, "");
  if (!database.ok()) return database.status();
  return Limits{sqlite3_limit(database->get(), SQLITE_LIMIT_LENGTH, -1),
                std::min(sqlite3_limit(database->get(), SQLITE_LIMIT_COLUMN, -1),
                         sqlite3_limit(database->get(), SQLITE_LIMIT_VARIABLE_NUMBER, -1))};
}

absl::Status CheckLimits(const Mapping& mapping, const Limits& limits) {
  for (const Table& table : mapping.tables) {
    if (static_cast<std::int64_t>(table.columns.size()) <= limits.columns) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(table.graph_model->name, ": has ", table.columns.size() - 1,
                     " fields, and a table of SQLite holds at most ", limits.columns - 1,
                     " beside Kin's own column; move some into a message of their own"));
  }
  return absl::OkStatus();
}

std::int64_t SurelyFits(const Table& table, const Limits& limits) {
  if (table.has_json || table.graph_model->descriptor->extension_range_count() > 0) return -1;
  bool bounded = true;
  for (const Column& column : table.columns) {
    if (column.field == nullptr) continue;
    const bool is_time =
        column.encoding == Encoding::kTimestamp || column.encoding == Encoding::kDuration;
    // A wrapper may have unknown fields.
    if (is_time || column.wrapped != nullptr || column.recursive) return -1;
    bounded = bounded && !column.unbounded();
  }
  return bounded ? kAnySize : limits.bytes - MostExtra(table);
}

absl::Status CheckRecord(const Table& table, const Message& record, const Limits& limits) {
  absl::Status status = CheckValues(table, record);
  if (!status.ok()) return status;
  const std::int64_t size = static_cast<std::int64_t>(record.ByteSizeLong());
  if (size > 2 * limits.bytes) {
    return TooLarge(table, record, table.columns.front(), size, limits);
  }
  for (const Column& column : table.columns) {
    if (!column.recursive || !IsNestedTooDeep(record, *column.field, size)) continue;
    return Refusal(table, record, column,
                   absl::StrCat("is nested more than ", kMostNesting, " messages deep"));
  }
  if (table.has_json || size + MostExtra(table) > limits.bytes)
    return CheckColumns(table, record, limits);
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
