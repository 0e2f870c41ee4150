#include "kin/persistence/sqlite/table_writer.h"

#include <algorithm>
#include <numeric>

#include "absl/numeric/bits.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::Message;

// Rows in one INSERT. More gain nothing: preparing and binding is then all there is.
constexpr int kMostRows = 64;

int MostRows(const Database& database, const Table& table) {
  const int variables = sqlite3_limit(database.get(), SQLITE_LIMIT_VARIABLE_NUMBER, -1);
  const int rows = variables / static_cast<int>(table.columns.size());
  return static_cast<int>(absl::bit_floor(static_cast<unsigned>(std::clamp(rows, 1, kMostRows))));
}

}  // namespace

TableWriter::TableWriter(Database* database, const Schema* schema, const Mapping* mapping,
                         int table)
    : database_(database),
      schema_(schema),
      table_(mapping->tables[table]),
      most_rows_(MostRows(*database, table_)),
      inserts_(absl::bit_width(static_cast<unsigned>(most_rows_))) {}

absl::Status TableWriter::Prepare() {
  absl::Status status =
      Keep(absl::StrCat("DELETE FROM ", Quoted(table_.name), WhereKey()), &delete_);
  if (status.ok()) status = Keep(UpdateSql(table_.parking), &park_);
  if (status.ok()) status = Keep(UpdateSql(table_.plain), &update_plain_);
  if (status.ok()) status = Keep(UpdateSql(table_.not_key), &update_);
  return status.ok() ? Keep(InsertSql(1), &inserts_[0]) : status;
}

absl::Status TableWriter::Keep(const std::string& sql, Statement* statement) {
  if (sql.empty()) return absl::OkStatus();
  absl::StatusOr<Statement> prepared = database_->Prepare(sql);
  if (!prepared.ok()) {
    return absl::Status(prepared.status().code(),
                        absl::StrCat("table ", table_.name, ": ", prepared.status().message()));
  }
  *statement = *std::move(prepared);
  return absl::OkStatus();
}

std::string TableWriter::UpdateSql(const std::vector<int>& columns) const {
  if (columns.empty()) return "";
  return absl::StrCat("UPDATE OR ROLLBACK ", Quoted(table_.name), " SET ",
                      absl::StrJoin(columns, ", ",
                                    [&](std::string* out, int column) {
                                      absl::StrAppend(out, Quoted(table_.columns[column].name),
                                                      " = ?");
                                    }),
                      WhereKey());
}

std::string TableWriter::InsertSql(int rows) const {
  std::vector<int> all(table_.columns.size());
  std::iota(all.begin(), all.end(), 0);
  const std::string row =
      absl::StrCat("(", absl::StrJoin(std::vector<std::string>(all.size(), "?"), ","), ")");
  return absl::StrCat("INSERT OR ROLLBACK INTO ", Quoted(table_.name), " (",
                      ColumnList(table_, all), ") VALUES ",
                      absl::StrJoin(std::vector<std::string>(rows, row), ","));
}

std::string TableWriter::WhereKey() const {
  return absl::StrCat(" WHERE ",
                      absl::StrJoin(table_.key, " AND ", [&](std::string* out, int column) {
                        absl::StrAppend(out, Quoted(table_.columns[column].name), " = ?");
                      }));
}

int TableWriter::BindKey(const Message& record, int parameter, Statement* statement) {
  for (int column : table_.key) {
    BindColumn(table_, table_.columns[column], record, parameter++, statement, &scratch_);
  }
  return parameter;
}

absl::Status TableWriter::RunOnOneRow(Statement* statement, const Message& record) {
  absl::Status status = statement->Run();
  scratch_.values.clear();
  if (!status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(table_.Describe(record), ": ", status.message()));
  }
  if (sqlite3_changes64(database_->get()) == 1) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(table_.Describe(record),
                                          ": the row is gone; something other than this store "
                                          "changed the table. Insert a row with this "
                                          "key, and write-behind goes on"));
}

absl::Status TableWriter::Delete(absl::Span<const KeyView> keys) {
  if (keys.empty()) return absl::OkStatus();
  if (!key_holder_) key_holder_ = schema_->NewRecord(table_.model);
  for (const KeyView& key : keys) {
    schema_->SetKey(table_.model, key, key_holder_.get());
    BindKey(*key_holder_, 1, &delete_);
    absl::Status status = RunOnOneRow(&delete_, *key_holder_);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TableWriter::Park(const Records& records) {
  if (records.empty() || table_.parking.empty()) return absl::OkStatus();
  absl::BitGen random;
  for (const Message* record : records) {
    int parameter = 1;
    for (int position : table_.parking) {
      const Column& column = table_.columns[position];
      if (column.nullable) {
        park_.BindNull(parameter++);
      } else if (column.type == SqlType::kInteger) {
        park_.BindInt(parameter++, static_cast<std::int64_t>(absl::Uniform<std::uint64_t>(random)));
      } else {
        // kParkedBytes of it.
        scratch_.values.push_back(
            absl::StrCat("kin ", absl::Hex(absl::Uniform<std::uint64_t>(random), absl::kZeroPad16),
                         absl::Hex(absl::Uniform<std::uint64_t>(random), absl::kZeroPad16)));
        if (column.type == SqlType::kText) {
          park_.BindText(parameter++, scratch_.values.back());
        } else {
          park_.BindBlob(parameter++, scratch_.values.back());
        }
      }
    }
    BindKey(*record, parameter, &park_);
    absl::Status status = RunOnOneRow(&park_, *record);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TableWriter::UpdatePlain(const Records& records) {
  return UpdateColumns(table_.plain, records, &update_plain_);
}

absl::Status TableWriter::Update(const Records& records) {
  return UpdateColumns(table_.not_key, records, &update_);
}

absl::Status TableWriter::UpdateColumns(const std::vector<int>& columns, const Records& records,
                                        Statement* statement) {
  for (const Message* record : records) {
    int parameter = 1;
    for (int column : columns) {
      BindColumn(table_, table_.columns[column], *record, parameter++, statement, &scratch_);
    }
    BindKey(*record, parameter, statement);
    absl::Status status = RunOnOneRow(statement, *record);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TableWriter::Insert(const Records& records) {
  std::size_t done = 0;
  while (done < records.size()) {
    const unsigned left = static_cast<unsigned>(
        std::min<std::size_t>(records.size() - done, static_cast<std::size_t>(most_rows_)));
    const unsigned rows = absl::bit_floor(left);
    const std::size_t power = static_cast<std::size_t>(absl::bit_width(rows) - 1);
    absl::Status status;
    if (!inserts_[power]) status = Keep(InsertSql(static_cast<int>(rows)), &inserts_[power]);
    if (status.ok()) {
      status = InsertRows(absl::MakeConstSpan(records).subspan(done, rows), &inserts_[power]);
    }
    if (!status.ok()) return status;
    done += rows;
  }
  return absl::OkStatus();
}

absl::Status TableWriter::InsertRows(absl::Span<const Message* const> records,
                                     Statement* statement) {
  int parameter = 1;
  for (const Message* record : records) {
    for (const Column& column : table_.columns) {
      BindColumn(table_, column, *record, parameter++, statement, &scratch_);
    }
  }
  absl::Status status = statement->Run();
  scratch_.values.clear();
  if (status.ok()) return status;
  return absl::Status(
      status.code(),
      absl::StrCat("table ", table_.name, ", keys from ", table_.DescribeKey(*records.front()),
                   " to ", table_.DescribeKey(*records.back()), ": ", status.message()));
}

}  // namespace kin::persistence::sqlite
