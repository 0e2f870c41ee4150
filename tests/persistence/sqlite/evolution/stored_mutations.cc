#include "kin/tests/persistence/sqlite/evolution/stored_mutations.h"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::testing {
namespace {

const char kFirst[] = R"(
  message User { option (kin.model) = {}; int64 id = 1; string name = 2; int32 gone = 3; }
)";
const char kOwn[] = R"(
  message User {
    option (kin.model) = {};
    int64 id = 1; string name = 2 [(kin.field).unique = true]; reserved 3;
    optional float height = 4; oneof o { int32 a = 5; bytes b = 6; } Point p = 7;
  }
  message Post {
    option (kin.model) = {};
    int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; google.protobuf.Timestamp at = 3;
  }
  message Point { int32 x = 1; repeated Point more = 2; }
)";
const char kNewer[] = R"(
  message User {
    option (kin.model) = {};
    int64 id = 1; bytes title = 2 [(kin.field).unique = true]; int64 gone = 3;
    optional double height = 4; oneof o { int32 a = 5; bytes b = 6; } Point p = 7; string more = 8;
  }
  message Article {
    option (kin.model) = {};
    int64 id = 1; int64 user_id = 2 [(kin.field).belongs_to = {}]; google.protobuf.Timestamp at = 3;
  }
  message Point { int64 x = 1; repeated Point more = 2; string s = 3; }
)";

const std::vector<Row> kOwnRows = {
    {"User", "id: 1 name: 'ada' height: 1.5 a: 7 p { x: 1 more { x: 2 } }"},
    {"User", "id: 2 name: 'bob'"},
    {"Post", "id: 1 user_id: 1 at { seconds: 5 }"}};
const std::vector<Row> kNewerRows = {
    {"User", "id: 1 title: 'ada' gone: 5 height: 1.5 a: 7 p { x: 1 more { x: 2 } }"},
    {"User", "id: 2 title: 'bob'"},
    {"Article", "id: 1 user_id: 1 at { seconds: 5 }"}};

// What may be changed: a table, a column, which row.
constexpr const char* kPlaces[][3] = {
    {"_kin_meta", "value", "key = 'descriptors'"},
    {"_kin_meta", "value", "key = 'mapping'"},
    {"_kin_meta", "value", "key = 'fingerprint'"},
    {"_kin_meta", "key", "key = 'mapping'"},
    {"_kin_schemas", "descriptors", "id = 1"},
    {"_kin_schemas", "models", "id = 1"},
    {"_kin_schemas", "id", "id = 2"},
    {"_kin_columns", "name", "field = 3"},
    {"_kin_columns", "field", "field = 3"},
    {"_kin_columns", "schema", "field = 3"},
    {"_kin_columns", "model", "field = 0"},
    {"_kin_columns", "model_then", "field = 2"},
    {"_kin_names", "model", "1"},
    {"users", "name", "id = 1"},
    {"users", "height", "id = 1"},
    {"users", "a", "id = 1"},
    {"users", "p", "id = 1"},
    {"users", "_unknown", "id = 1"},
    {"users", "gone", "id = 1"},
    {"posts", "user_id", "id = 1"},
    {"posts", "at", "id = 1"},
};

class Bytes {
 public:
  explicit Bytes(absl::Span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  unsigned Next() {
    if (bytes_.empty()) return 0;
    const unsigned byte = bytes_.front();
    bytes_.remove_prefix(1);
    return byte;
  }

 private:
  absl::Span<const std::uint8_t> bytes_;
};

class Raw {
 public:
  explicit Raw(const std::string& path) { sqlite3_open(path.c_str(), &database_); }
  ~Raw() { sqlite3_close(database_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  std::string Read(const std::string& sql, int* type) {
    sqlite3_stmt* statement = nullptr;
    std::string value;
    *type = SQLITE_NULL;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
      *type = sqlite3_column_type(statement, 0);
      const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, 0));
      value.assign(data == nullptr ? "" : data,
                   static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
    }
    sqlite3_finalize(statement);
    return value;
  }
  // All rows of all tables, and the SQL that makes them.
  std::string Everything() {
    std::string all;
    for (const std::string& sql : Rows("SELECT sql FROM sqlite_schema ORDER BY name")) all += sql;
    for (const std::string& table :
         Rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")) {
      for (const std::string& row : Rows(absl::StrCat("SELECT * FROM \"", table, "\""))) {
        absl::StrAppend(&all, table, row);
      }
    }
    return all;
  }
  // Refused by the table or not.
  void Write(const std::string& sql, const std::string& value, int type) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      const int size = static_cast<int>(value.size());
      if (type == SQLITE_INTEGER) {
        sqlite3_bind_int64(statement, 1, std::atoll(value.c_str()));
      } else if (type == SQLITE_TEXT) {
        sqlite3_bind_text(statement, 1, value.data(), size, SQLITE_TRANSIENT);
      } else if (type == SQLITE_BLOB) {
        sqlite3_bind_blob(statement, 1, value.data(), size, SQLITE_TRANSIENT);
      } else if (type == SQLITE_FLOAT) {
        sqlite3_bind_double(statement, 1, std::atof(value.c_str()));
      }
      sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
  }

 private:
  // A text each.
  std::vector<std::string> Rows(const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    std::vector<std::string> rows;
    if (sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK) {
      while (sqlite3_step(statement) == SQLITE_ROW) {
        rows.emplace_back();
        const int columns = sqlite3_column_count(statement);
        for (int i = 0; i < columns; ++i) {
          // Before the bytes, for which SQLite may convert the value.
          if (columns > 1) absl::StrAppend(&rows.back(), sqlite3_column_type(statement, i), ":");
          const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, i));
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, i));
          rows.back().append(data == nullptr ? "" : data, size);
        }
      }
    }
    sqlite3_finalize(statement);
    return rows;
  }

  sqlite3* database_ = nullptr;
};

// Returns whether it was a row of a model.
bool Mutate(Raw& raw, Bytes* bytes) {
  const auto& place = kPlaces[bytes->Next() % std::size(kPlaces)];
  const bool of_model = place[0][0] != '_';
  const unsigned how = bytes->Next();
  if (how % 16 == 0) {
    raw.Write(absl::StrCat("DELETE FROM ", place[0], " WHERE ", place[2]), "", SQLITE_NULL);
    return of_model;
  }
  int type = SQLITE_NULL;
  std::string value =
      raw.Read(absl::StrCat("SELECT ", place[1], " FROM ", place[0], " WHERE ", place[2]), &type);
  constexpr int kTypes[] = {SQLITE_INTEGER, SQLITE_FLOAT, SQLITE_TEXT, SQLITE_BLOB, SQLITE_NULL};
  if (how % 16 == 1) type = kTypes[bytes->Next() % 5];
  if (how % 16 == 2) value = std::string(bytes->Next() % 20, static_cast<char>(bytes->Next()));
  if (type == SQLITE_INTEGER) value = absl::StrCat(static_cast<int>(bytes->Next()) - 3);
  for (unsigned changes = how % 4; changes > 0 && !value.empty(); --changes) {
    const std::size_t at = (bytes->Next() * 256 + bytes->Next()) % value.size();
    value[at] = static_cast<char>(bytes->Next());
  }
  raw.Write(absl::StrCat("UPDATE ", place[0], " SET ", place[1], " = ? WHERE ", place[2]), value,
            type);
  return of_model;
}

}  // namespace

StoredMutations::StoredMutations(std::string path)
    : path_(std::move(path)), first_(kFirst), own_(kOwn), newer_(kNewer) {
  {
    auto store = OpenDynamic(first_, path_);
    Upsert(**store, first_, {{"User", "id: 1 name: 'ada' gone: 5"}}).IgnoreError();
  }
  {
    auto store = OpenDynamic(own_, path_);
    Upsert(**store, own_, kOwnRows).IgnoreError();
  }
  original_ = ReadFile(path_);
}

StoredMutations::Outcome StoredMutations::Check(absl::Span<const std::uint8_t> data,
                                                std::string* error) {
  for (const char* suffix : {"-wal", "-shm", "-journal", "-lock"}) {
    std::filesystem::remove(path_ + suffix);
  }
  WriteFile(path_, original_);
  Bytes bytes(data);
  const bool newer = bytes.Next() % 3 != 0;
  bool rows_changed = false;
  {
    Raw raw(path_);
    for (int i = 0; i < 4 && !bytes.empty(); ++i) rows_changed |= Mutate(raw, &bytes);
  }
  const std::string before = Raw(path_).Everything();
  const DynamicSchema& schema = newer ? newer_ : own_;
  MigrateOptions options;
  options.renamed = {{"t.Post", "t.Article"}};
  auto store = OpenDynamic(schema, path_, options);
  if (store.ok()) {
    const absl::Status invariants = (*store)->CheckInvariants();
    if (!invariants.ok()) *error = invariants.ToString();
    if (!rows_changed) {
      const std::string difference = Difference(**store, schema, newer ? kNewerRows : kOwnRows);
      if (!difference.empty()) *error = difference;
    }
    const absl::Status closed = (*store)->Close();
    if (!closed.ok()) *error = closed.ToString();
  }
  Raw raw(path_);
  int type = 0;
  if (raw.Read("PRAGMA integrity_check", &type) != "ok") *error = "the file is damaged";
  if (!store.ok() && raw.Everything() != before) {
    *error = absl::StrCat("refused, and changed: ", store.status().ToString());
  }
  return !store.ok() ? Outcome::kRefused : newer ? Outcome::kMigrated : Outcome::kOpened;
}

}  // namespace kin::testing
