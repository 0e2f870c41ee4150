#include "kin/persistence/sqlite/reader.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/ddl.h"

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

// The column of the field that a refusal of text is about: it says "….field.inner: the text is not
// UTF-8". Null: the refusal is about something else.
const Column* ColumnOfText(const Table& table, absl::string_view refusal) {
  const auto end = refusal.find(": the text is not UTF-8");
  if (end == absl::string_view::npos) return nullptr;
  const absl::string_view before = refusal.substr(0, end);
  auto start = before.size();
  while (start > 0 && (absl::ascii_isalnum(before[start - 1]) || before[start - 1] == '_' ||
                       before[start - 1] == '.')) {
    --start;
  }
  for (const absl::string_view name : absl::StrSplit(before.substr(start), '.')) {
    for (const Column& column : table.columns) {
      if (column.field != nullptr && column.field->name() == name) return &column;
    }
  }
  return &table.columns.back();  // An extension.
}

// Puts the store's refusal of the record that `row` holds in terms of the table.
absl::Status Refused(const Table& table, const Statement& row, const absl::Status& refusal) {
  if (const Column* column = ColumnOfText(table, refusal.message())) {
    const bool text = column->encoding == Encoding::kText;
    return BadRow(table, row, column->name, text ? "is not valid UTF-8" : refusal.message());
  }
  return BadRow(table, row, "*", refusal.message());
}

// By columns.
std::vector<SetField> SettersOf(const Table& table, const Loader& loader) {
  std::vector<SetField> setters(table.columns.size(), nullptr);
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (column.field != nullptr) setters[i] = loader.SetterOf(table.model, *column.field);
  }
  return setters;
}

absl::Status FillRecord(const Table& table, absl::Span<const SetField> setters,
                        const Statement& row, Message* record, bool* stale) {
  int column = 0;
  absl::Status status = ReadRow(table, setters, row, record, &column, stale);
  return status.ok() ? status : BadRow(table, row, table.columns[column].name, status.message());
}

absl::Status ReadTable(Database& database, const Table& table, Loader& loader, bool* stale) {
  absl::StatusOr<std::int64_t> count =
      database.QueryInt(absl::StrCat("SELECT count(*) FROM ", Quoted(table.name)));
  if (!count.ok()) return count.status();
  // In a damaged file pages may be counted again and again; a row takes more than this.
  constexpr std::int64_t kFewestBytes = 4;
  absl::StatusOr<std::int64_t> bytes = database.QueryInt(
      "SELECT p.\"page_count\" * s.\"page_size\" FROM pragma_page_count AS p, pragma_page_size AS "
      "s");
  if (!bytes.ok()) return bytes.status();
  loader.Reserve(table.model, std::min(*count, *bytes / kFewestBytes));

  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  absl::StatusOr<Statement> rows =
      database.Prepare(absl::StrCat("SELECT ", ColumnList(table, all), " FROM ", Quoted(table.name),
                                    " ORDER BY ", ColumnList(table, table.key)));
  if (!rows.ok()) return rows.status();
  const std::vector<SetField> setters = SettersOf(table, loader);
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    Message* record = loader.New(table.model);
    absl::Status status = FillRecord(table, setters, *rows, record, stale);
    if (!status.ok()) {
      loader.Discard(table.model, record);
      return status;
    }
    status = loader.Add(table.model, record);
    if (!status.ok()) return Refused(table, *rows, status);
  }
}

}  // namespace

absl::Status ReadTables(Database& database, const Mapping& mapping, Loader& loader,
                        std::vector<int>* stale) {
  for (const Table& table : mapping.tables) {
    bool table_is_stale = false;
    absl::Status status = ReadTable(database, table, loader, &table_is_stale);
    if (!status.ok()) return status;
    if (table_is_stale) stale->push_back(table.model);
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
