#include "kin/persistence/sqlite/reader.h"

#include <numeric>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/message.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/utf8.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

// The key of a row, as it is there, right or wrong.
std::string DescribeRowKey(const Table& table, const Statement& row) {
  return absl::StrJoin(table.key, ", ", [&](std::string* out, int column) {
    absl::StrAppend(out, table.columns[column].name, "=");
    switch (row.type(column)) {
      case SQLITE_NULL:
        absl::StrAppend(out, "NULL");
        break;
      case SQLITE_INTEGER:
        if (table.columns[column].encoding == Encoding::kUint64) {
          absl::StrAppend(out, static_cast<std::uint64_t>(row.Int(column)));
        } else {
          absl::StrAppend(out, row.Int(column));
        }
        break;
      case SQLITE_FLOAT:
        absl::StrAppend(out, row.Real(column));
        break;
      default:
        absl::StrAppend(out, "\"", absl::CHexEscape(row.Bytes(column).substr(0, 100)), "\"");
    }
  });
}

absl::Status BadRow(const Table& table, const Statement& row, absl::string_view column,
                    absl::string_view problem) {
  return absl::DataLossError(absl::StrCat("table ", table.name, ", key ",
                                          DescribeRowKey(table, row), ", column ", column, ": ",
                                          problem));
}

// Puts the store's refusal of the record that `row` holds in terms of the table.
absl::Status Refused(const Table& table, const Statement& row, const absl::Status& refusal) {
  if (absl::IsAlreadyExists(refusal)) {
    std::vector<std::string> names;
    for (int column : table.key) names.push_back(table.columns[column].name);
    return BadRow(table, row, absl::StrJoin(names, ", "),
                  absl::StrCat("another row has the same key: ", refusal.message()));
  }
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const int column = static_cast<int>(i);
    if (table.columns[i].encoding == Encoding::kText && row.type(column) == SQLITE_TEXT &&
        !IsValidUtf8(row.Bytes(column))) {
      return BadRow(table, row, table.columns[i].name, "is not valid UTF-8");
    }
  }
  return BadRow(table, row, "*", refusal.message());
}

absl::Status ReadRow(const Table& table, const Statement& row, Loader& loader) {
  Message* record = loader.New(table.model);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    absl::Status status = ReadColumn(table, table.columns[i], row, static_cast<int>(i), record);
    if (!status.ok()) {
      loader.Discard(table.model, record);
      return BadRow(table, row, table.columns[i].name, status.message());
    }
  }
  absl::Status status = loader.Add(table.model, record);
  return status.ok() ? status : Refused(table, row, status);
}

absl::Status ReadTable(Database& database, const Table& table, Loader& loader) {
  absl::StatusOr<std::int64_t> count =
      database.QueryInt(absl::StrCat("SELECT count(*) FROM ", Quoted(table.name)));
  if (!count.ok()) return count.status();
  loader.Reserve(table.model, *count);

  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  absl::StatusOr<Statement> rows =
      database.Prepare(absl::StrCat("SELECT ", ColumnList(table, all), " FROM ", Quoted(table.name),
                                    " ORDER BY ", ColumnList(table, table.key)));
  if (!rows.ok()) return rows.status();
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    absl::Status status = ReadRow(table, *rows, loader);
    if (!status.ok()) return status;
  }
}

}  // namespace

absl::Status ReadTables(Database& database, const Mapping& mapping, Loader& loader) {
  for (const Table& table : mapping.tables) {
    absl::Status status = ReadTable(database, table, loader);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
