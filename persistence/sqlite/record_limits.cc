#include "kin/persistence/sqlite/record_limits.h"

#include <sqlite3.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "kin/persistence/nesting.h"
#include "kin/persistence/sqlite/codec.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

// SQLite's own, unless it was built with another: a value, and a row, in bytes, and columns.
constexpr std::int64_t kMostBytes = 1'000'000'000;
constexpr std::size_t kMostColumns = 2000;
// What a value can take in a row beyond what it takes in a serialized message: a time as text.
constexpr std::int64_t kMostExtra = 64;

absl::Status TooLarge(const Table& table, const Message& record, const Column& largest,
                      std::int64_t size) {
  return absl::InvalidArgumentError(absl::StrCat(
      table.graph_model->name, " ", table.DescribeKey(record), ": field ",
      largest.field != nullptr ? largest.field->name() : std::string("(unknown fields)"),
      " is too large: the record would take ", size, " bytes in the database, whose limit is ",
      kMostBytes));
}

absl::Status CheckColumns(const Table& table, const Message& record) {
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
  return total <= kMostBytes ? absl::OkStatus() : TooLarge(table, record, *largest, total);
}

}  // namespace

absl::Status CheckLimits(const Mapping& mapping) {
  for (const Table& table : mapping.tables) {
    if (table.columns.size() <= kMostColumns) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(table.graph_model->name, ": has ", table.columns.size() - 1,
                     " fields, and a table of SQLite ", "holds at most ", kMostColumns - 1,
                     "; move some into a message of their own"));
  }
  return absl::OkStatus();
}

bool MayBeLarge(const Table& table) {
  for (const Column& column : table.columns) {
    if (column.field != nullptr && column.unbounded()) return true;
  }
  return table.graph_model->descriptor->extension_range_count() > 0;
}

absl::Status CheckSize(const Table& table, const Message& record) {
  const std::int64_t size = static_cast<std::int64_t>(record.ByteSizeLong());
  const std::int64_t extra = kMostExtra * static_cast<std::int64_t>(table.columns.size());
  if (size > 2 * kMostBytes) return TooLarge(table, record, table.columns.front(), size);
  if (size + extra > kMostBytes) {
    absl::Status status = CheckColumns(table, record);
    if (!status.ok()) return status;
  }
  for (const Column& column : table.columns) {
    if (!column.recursive || !IsNestedTooDeep(record, *column.field, size)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        table.graph_model->name, " ", table.DescribeKey(record), ": field ", column.field->name(),
        " is nested more than ", kMostNesting, " messages deep"));
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
