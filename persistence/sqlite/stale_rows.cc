#include "kin/persistence/sqlite/stale_rows.h"

#include <memory>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

absl::Status Rewrite(Database& database, const Schema& schema, const Table& table,
                     TableWriter* writer) {
  std::vector<int> all(table.columns.size());
  std::iota(all.begin(), all.end(), 0);
  absl::StatusOr<Statement> rows = database.Prepare(
      absl::StrCat("SELECT ", ColumnList(table, all), " FROM ", Quoted(table.name)));
  if (!rows.ok()) return rows.status();
  std::vector<std::unique_ptr<Message>> kept;
  TableWriter::Records records;
  while (true) {
    absl::StatusOr<bool> row = rows->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    std::unique_ptr<Message> record = schema.NewRecord(table.model);
    int column = 0;
    bool stale = false;
    absl::Status status = ReadRow(table, {}, *rows, record.get(), &column, &stale);
    if (!status.ok()) return status;
    if (!stale) continue;
    records.push_back(record.get());
    kept.push_back(std::move(record));
  }
  rows->Reset();
  absl::Status status = writer->Park(records);
  return status.ok() ? writer->Update(records) : status;
}

}  // namespace

absl::Status RewriteStaleRows(Database& database, const Schema& schema, const Mapping& mapping,
                              const std::vector<int>& tables, std::vector<TableWriter>* writers) {
  if (tables.empty()) return absl::OkStatus();
  absl::Status status = database.Exec("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  for (std::size_t i = 0; status.ok() && i < tables.size(); ++i) {
    status = Rewrite(database, schema, mapping.tables[tables[i]], &(*writers)[tables[i]]);
  }
  if (status.ok()) status = database.Exec("COMMIT");
  if (!status.ok() && !sqlite3_get_autocommit(database.get())) {
    database.Exec("ROLLBACK").IgnoreError();
  }
  return status;
}

}  // namespace kin::persistence::sqlite
