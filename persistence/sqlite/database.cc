#include "kin/persistence/sqlite/database.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace kin::persistence::sqlite {
namespace {

absl::StatusCode CodeOf(int extended) {
  if (extended == SQLITE_IOERR_CORRUPTFS) return absl::StatusCode::kDataLoss;
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_CANTOPEN:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_SCHEMA:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status ToStatus(int code, absl::string_view message) {
  return absl::Status(CodeOf(code), absl::StrCat("SQLite: ", message, " (", sqlite3_errstr(code),
                                                 ", code ", code, ")"));
}

std::string Quoted(absl::string_view name) {
  return absl::StrCat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

absl::StatusOr<bool> Statement::Step() {
  if (bind_error_ != SQLITE_OK) {
    sqlite3_reset(get());
    return ToStatus(std::exchange(bind_error_, SQLITE_OK), "cannot bind a value");
  }
  const int code = sqlite3_step(get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  sqlite3* connection = sqlite3_db_handle(get());
  absl::Status status = ToStatus(sqlite3_extended_errcode(connection), sqlite3_errmsg(connection));
  sqlite3_reset(get());
  return status;
}

absl::Status Statement::Run() {
  while (true) {
    absl::StatusOr<bool> row = Step();
    if (!row.ok()) return row.status();
    if (*row) continue;
    Reset();
    return absl::OkStatus();
  }
}

absl::StatusOr<Database> Database::Open(const std::string& path, int flags,
                                        const std::string& vfs) {
  sqlite3* connection = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &connection, flags, vfs.empty() ? nullptr : vfs.c_str());
  Database database;
  database.connection_.reset(connection);
  if (code != SQLITE_OK) {
    absl::Status status = database.ErrorOf(code);
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  sqlite3_extended_result_codes(connection, 1);
  return database;
}

absl::Status Database::ErrorOf(int code) const {
  if (!connection_) return ToStatus(code, "cannot open");
  const int extended = sqlite3_extended_errcode(get());
  return ToStatus((extended & 0xff) == (code & 0xff) ? extended : code, sqlite3_errmsg(get()));
}

absl::Status Database::Exec(const std::string& sql) {
  const int code = sqlite3_exec(get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(code);
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(code);
  return Statement(statement);
}

absl::StatusOr<Statement> Database::QueryRow(absl::string_view sql) {
  absl::StatusOr<Statement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::InternalError(absl::StrCat("no row: ", sql));
  return statement;
}

absl::StatusOr<std::int64_t> Database::QueryInt(absl::string_view sql) {
  absl::StatusOr<Statement> row = QueryRow(sql);
  if (!row.ok()) return row.status();
  return row->Int(0);
}

absl::StatusOr<std::string> Database::QueryText(absl::string_view sql) {
  absl::StatusOr<Statement> row = QueryRow(sql);
  if (!row.ok()) return row.status();
  return std::string(row->Bytes(0));
}

absl::Status Database::Close() {
  const int code = sqlite3_close(get());
  if (code != SQLITE_OK) return ErrorOf(code);
  (void)connection_.release();
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
