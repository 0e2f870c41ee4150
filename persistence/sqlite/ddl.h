// The SQL that makes tables of a mapping.
#ifndef KIN_PERSISTENCE_SQLITE_DDL_H_
#define KIN_PERSISTENCE_SQLITE_DDL_H_

#include <string>
#include <vector>

#include "kin/persistence/mapping.h"

namespace kin::persistence::sqlite {

// `name`: what it is called instead, and `more`: definitions of further columns, while a table is
// made anew.
std::string CreateTable(const Mapping& mapping, const Table& table, const std::string& name,
                        const std::vector<std::string>& more);
std::string CreateTable(const Mapping& mapping, const Table& table);
std::string CreateIndex(const Table& table, const TableIndex& index);
std::string CreateIndex(const Table& table, const TableIndex& index, const std::string& name);

// `"age" INTEGER NOT NULL DEFAULT 0`. The default is what a row has that was made without this
// column: by a program that does not know it.
std::string ColumnDefinition(const Table& table, const Column& column);
// The value of a field that was never set, as SQL: NULL, 0, ''.
std::string DefaultLiteral(const Column& column);
// ` REFERENCES "users" ("id") ...`.
std::string References(const Mapping& mapping, const TableForeignKey& foreign_key);

// "INTEGER", "ANY", ...: the declared type of a column.
const char* DeclaredType(SqlType type);

// `"a", "b"`: the names of some columns.
std::string ColumnList(const Table& table, const std::vector<int>& columns);

// Kin's own tables: how far the database is, what it holds, and the ids to allocate next.
inline constexpr char kCreateMeta[] =
    "CREATE TABLE \"_kin_meta\" (\"key\" TEXT PRIMARY KEY, \"value\" ANY) STRICT, WITHOUT ROWID";
inline constexpr char kCreateIds[] =
    "CREATE TABLE \"_kin_ids\" (\"model\" TEXT PRIMARY KEY, \"next\" INTEGER NOT NULL) "
    "STRICT, WITHOUT ROWID";

// The version of Kin, as databases remember it.
inline constexpr char kVersion[] = "0.1";

// Raised when a database is laid out in a way that older versions of Kin cannot read.
inline constexpr int kFormat = 1;

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_DDL_H_
