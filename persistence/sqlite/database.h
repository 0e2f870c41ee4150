// The SQLite C API with lifetimes and statuses.
#ifndef KIN_PERSISTENCE_SQLITE_DATABASE_H_
#define KIN_PERSISTENCE_SQLITE_DATABASE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kin::persistence::sqlite {

// A value of a row, valid until the next step. To ask it is cheaper than to ask the statement,
// which makes sure of itself with each call. Of a statement that one thread uses.
class Value {
 public:
  explicit Value(sqlite3_value* value) : value_(value) {}

  int type() const { return sqlite3_value_type(value_); }
  std::int64_t Int() const { return sqlite3_value_int64(value_); }
  double Real() const { return sqlite3_value_double(value_); }
  // Bytes of a TEXT or BLOB. No conversion.
  absl::string_view Bytes() const {
    const void* data = sqlite3_value_blob(value_);
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_value_bytes(value_))};
  }

 private:
  sqlite3_value* value_;
};

// A prepared statement. Columns count from 0, parameters from 1, as in SQLite. Must not outlive its
// Database. Thread-compatible.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  explicit operator bool() const { return statement_ != nullptr; }
  sqlite3_stmt* get() const { return statement_.get(); }

  // A value that cannot be bound fails the next step, so that nothing else is written in its place.
  void BindNull(int parameter) { Note(sqlite3_bind_null(get(), parameter)); }
  void BindInt(int parameter, std::int64_t value) {
    Note(sqlite3_bind_int64(get(), parameter, value));
  }
  void BindReal(int parameter, double value) { Note(sqlite3_bind_double(get(), parameter, value)); }
  // The bytes must live until the statement is reset.
  void BindText(int parameter, absl::string_view value) {
    Note(sqlite3_bind_text64(get(), parameter, value.data() ? value.data() : "", value.size(),
                             SQLITE_STATIC, SQLITE_UTF8));
  }
  void BindBlob(int parameter, absl::string_view value) {
    Note(sqlite3_bind_blob64(get(), parameter, value.data() ? value.data() : "", value.size(),
                             SQLITE_STATIC));
  }

  Value operator[](int column) const { return Value(sqlite3_column_value(get(), column)); }
  int type(int column) const { return (*this)[column].type(); }
  std::int64_t Int(int column) const { return (*this)[column].Int(); }
  double Real(int column) const { return (*this)[column].Real(); }
  absl::string_view Bytes(int column) const { return (*this)[column].Bytes(); }

  // True: there is a row.
  absl::StatusOr<bool> Step();
  // Steps to the end, and makes the statement ready to be bound and run again.
  absl::Status Run();
  void Reset() { sqlite3_reset(get()); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  void Note(int code) {
    if (code != SQLITE_OK) [[unlikely]]
      bind_error_ = code;
  }

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bind_error_ = SQLITE_OK;  // Of the values bound since the last step.
};

// A connection. Thread-compatible.
class Database {
 public:
  // `flags` as of sqlite3_open_v2. `vfs`: empty for the default. Errors name the file.
  static absl::StatusOr<Database> Open(const std::string& path, int flags, const std::string& vfs);
  Database() = default;

  explicit operator bool() const { return connection_ != nullptr; }
  sqlite3* get() const { return connection_.get(); }

  absl::Status Exec(const std::string& sql);
  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // The first column of the only row.
  absl::StatusOr<std::int64_t> QueryInt(absl::string_view sql);
  absl::StatusOr<std::string> QueryText(absl::string_view sql);

  // Closes; all statements must be gone. The last connection to a file moves what is in the
  // write-ahead log into it.
  absl::Status Close();

  // The last error, whose extended code is `code`.
  absl::Status ErrorOf(int code) const;

 private:
  absl::StatusOr<Statement> QueryRow(absl::string_view sql);

  struct CloseConnection {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, CloseConnection> connection_;
};

// What an extended result code of SQLite means to Kin: UNAVAILABLE for what may pass by itself,
// DATA_LOSS for a damaged file, and so on. `message` says what SQLite says.
absl::Status ToStatus(int code, absl::string_view message);

// "name", with quotes within doubled.
std::string Quoted(absl::string_view name);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_DATABASE_H_
