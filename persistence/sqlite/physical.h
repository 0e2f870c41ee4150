// The tables of a database as SQLite knows them.
#ifndef KIN_PERSISTENCE_SQLITE_PHYSICAL_H_
#define KIN_PERSISTENCE_SQLITE_PHYSICAL_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

struct PhysicalColumn {
  std::string name;
  std::string type;  // As declared, in upper case.
  bool not_null = false;
  std::string default_value;  // SQL; empty: none.
  int key = 0;                // Its place in the primary key, counted from 1; 0: in none.
  bool generated = false;
  std::string collation;

  // `"name" TYPE NOT NULL DEFAULT 0 COLLATE NOCASE`, without the key.
  std::string Definition() const;
};

struct PhysicalIndex {
  std::string name;
  bool unique = false;
  // Made by CREATE INDEX, over columns alone, of all rows.
  bool plain = false;
  bool computed = false;  // Over an expression, or of some rows.
  std::string sql;        // Empty: made with the table.
  std::vector<std::string> columns;

  // Whether it is over these columns, in this order, and is as unique.
  bool Is(const std::vector<std::string>& names, bool is_unique) const;
};

struct PhysicalTable {
  std::string name;
  bool strict = false;
  bool without_rowid = false;
  std::vector<PhysicalColumn> columns;
  std::vector<PhysicalIndex> indexes;  // But for that of the primary key.
  int foreign_keys = 0;

  // Null: there is no such column. Names fold case.
  const PhysicalColumn* Find(absl::string_view column) const;
  const PhysicalIndex* FindIndex(const std::vector<std::string>& names, bool unique) const;
};

// NOT_FOUND: there is no such table.
absl::StatusOr<PhysicalTable> ReadPhysicalTable(Database& database, const std::string& name);

// The names of all tables, indexes, views and triggers, in lower case.
absl::StatusOr<std::set<std::string>> AllNames(Database& database);

std::vector<std::string> NamesOf(const Table& table, const std::vector<int>& columns);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_PHYSICAL_H_
