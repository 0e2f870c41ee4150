#include "kin/persistence/sqlite/tables.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kin/persistence/evolution/schema_image.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/sqlite/physical.h"

namespace kin::persistence::sqlite {
namespace {

// A value of _kin_meta of the given type.
absl::StatusOr<Statement> MetaValue(Database& database, absl::string_view key, int type) {
  absl::StatusOr<Statement> query =
      database.Prepare("SELECT \"value\" FROM \"_kin_meta\" WHERE \"key\" = ?");
  if (!query.ok()) return query.status();
  query->BindText(1, key);
  absl::StatusOr<bool> row = query->Step();
  if (!row.ok()) return row.status();
  if (!*row || query->type(0) != type) {
    return absl::DataLossError(absl::StrCat("table _kin_meta, key ", key, ", column value: is ",
                                            *row ? "of the wrong type" : "not there"));
  }
  return std::move(*query);
}

// The tables that are there, by folded name.
absl::StatusOr<std::set<std::string>> TableNames(Database& database) {
  absl::StatusOr<Statement> query =
      database.Prepare("SELECT \"name\" FROM \"sqlite_schema\" WHERE \"type\" = 'table'");
  if (!query.ok()) return query.status();
  std::set<std::string> names;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return names;
    names.insert(absl::AsciiStrToLower(query->Bytes(0)));
  }
}

absl::Status WriteMeta(Database& database, absl::string_view key, absl::string_view value,
                       bool text) {
  absl::StatusOr<Statement> insert = database.Prepare(
      "INSERT INTO \"_kin_meta\" (\"key\", \"value\") VALUES (?, ?) "
      "ON CONFLICT (\"key\") DO UPDATE SET \"value\" = excluded.\"value\"");
  if (!insert.ok()) return insert.status();
  insert->BindText(1, key);
  if (text) {
    insert->BindText(2, value);
  } else {
    insert->BindBlob(2, value);
  }
  return insert->Run();
}

// Whether _kin_ids is there.
absl::Status CheckIds(Database& database) {
  absl::StatusOr<PhysicalTable> ids = ReadPhysicalTable(database, "_kin_ids");
  if (absl::IsNotFound(ids.status())) {
    return absl::DataLossError(
        absl::StrCat("table _kin_ids: is not there; make it again with: ", kCreateIds));
  }
  if (!ids.ok()) return ids.status();
  for (const char* column : {"model", "next"}) {
    if (ids->Find(column) != nullptr) continue;
    return absl::DataLossError(absl::StrCat("table _kin_ids, column ", column,
                                            ": is not there; drop the table, and make it again "
                                            "with: ",
                                            kCreateIds));
  }
  return absl::OkStatus();
}

// What `row` says of the next id that the model of `table` allocates.
absl::Status CheckNextId(const Table& table, absl::string_view name, const Statement& row) {
  constexpr absl::string_view kAdvice =
      "; delete the row (the next id is then above those of all records there are)";
  const std::string where =
      absl::StrCat("table _kin_ids, key model=\"", name, "\", column next: is ");
  if (row.type(0) != SQLITE_INTEGER) {
    return absl::DataLossError(absl::StrCat(where, "of the wrong type", kAdvice));
  }
  // After the largest id of all, the next one is 2^63, or one more than an unsigned one can be.
  const bool used_up = row.Int(0) == std::numeric_limits<std::int64_t>::min();
  if (!table.graph_model->allocates_id || row.Int(0) >= 0 || used_up ||
      table.columns[table.key[0]].encoding == Encoding::kUint64) {
    return absl::OkStatus();
  }
  return absl::DataLossError(
      absl::StrCat(where, row.Int(0), ", which no id of the model can be", kAdvice));
}

}  // namespace

absl::StatusOr<bool> IsEmpty(Database& database) {
  absl::StatusOr<std::int64_t> count = database.QueryInt("SELECT count(*) FROM \"sqlite_schema\"");
  if (!count.ok()) return count.status();
  return *count == 0;
}

absl::StatusOr<StoredSchema> ReadStoredSchema(Database& database) {
  absl::StatusOr<std::set<std::string>> names = TableNames(database);
  if (!names.ok()) return names.status();
  if (names->count("_kin_meta") == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("is an SQLite database that Kin did not make: it has no table _kin_meta",
                     names->empty() ? "" : absl::StrCat(", but one called ", *names->begin()),
                     "; kin::Adopt makes it one of Kin's, or give the path of another file"));
  }
  absl::StatusOr<Statement> format = MetaValue(database, "format", SQLITE_INTEGER);
  if (!format.ok()) return format.status();
  if (format->Int(0) != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("was written by another version of Kin: its format is ", format->Int(0),
                     ", and this version knows ", kFormat, "; use that version"));
  }
  absl::StatusOr<Statement> mapping = MetaValue(database, "mapping", SQLITE_TEXT);
  if (!mapping.ok()) return mapping.status();
  absl::StatusOr<Statement> descriptors = MetaValue(database, "descriptors", SQLITE_BLOB);
  if (!descriptors.ok()) return descriptors.status();
  return StoredSchema{std::string(mapping->Bytes(0)), std::string(descriptors->Bytes(0))};
}

StoredSchema SchemaToStore(const Mapping& mapping, const graph::Graph& graph) {
  return {mapping.ToText(), SerializeDescriptors(graph), Fingerprint(mapping),
          FormerFingerprint(mapping)};
}

absl::Status CheckTables(Database& database, const Mapping& mapping) {
  for (const Table& table : mapping.tables) {
    absl::StatusOr<PhysicalTable> there = ReadPhysicalTable(database, table.name);
    if (absl::IsNotFound(there.status())) return absl::DataLossError(there.status().message());
    if (!there.ok()) return there.status();
    for (const Column& column : table.columns) {
      const PhysicalColumn* found = there->Find(column.name);
      const char* type = DeclaredType(column.type);
      if (found == nullptr || found->type != type) {
        return absl::DataLossError(absl::StrCat("table ", table.name, ", column ", column.name,
                                                ": there is no such column of type ", type));
      }
    }
    // By their columns: when a table or column gets another name, its indexes keep theirs.
    for (const TableIndex& index : table.indexes) {
      const std::vector<std::string> names = NamesOf(table, index.columns);
      if (there->FindIndex(names, true) || there->FindIndex(names, false)) continue;
      return absl::DataLossError(
          absl::StrCat("table ", table.name, ": its index ", index.name,
                       " is not there; make it again with: ", CreateIndex(table, index)));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> KinTables() {
  return {kCreateMeta, kCreateIds,
          absl::StrCat("INSERT INTO \"_kin_meta\" (\"key\", \"value\") VALUES ('format', ", kFormat,
                       "), ('commit', 0)")};
}

std::vector<std::string> CreateScript(const Mapping& mapping) {
  std::vector<std::string> script = KinTables();
  for (int table : mapping.parents_first) {
    script.push_back(CreateTable(mapping, mapping.tables[table]));
    for (const TableIndex& index : mapping.tables[table].indexes) {
      script.push_back(CreateIndex(mapping.tables[table], index));
    }
  }
  return script;
}

absl::Status StoreSchema(Database& database, const StoredSchema& schema) {
  absl::Status status = WriteMeta(database, "mapping", schema.mapping, /*text=*/true);
  if (status.ok()) status = WriteMeta(database, "descriptors", schema.descriptors, false);
  if (status.ok()) status = WriteMeta(database, "fingerprint", schema.fingerprint, true);
  if (status.ok()) status = WriteMeta(database, "version", kVersion, true);
  return status;
}

absl::StatusOr<LoadedState> ReadState(Database& database, const Mapping& mapping,
                                      const std::vector<std::string>& id_names) {
  // No store gets this far, and one that is near the end of its numbers could not go on.
  constexpr std::int64_t kLastCommit = std::int64_t{1} << 62;
  LoadedState state;
  absl::StatusOr<Statement> commit = MetaValue(database, "commit", SQLITE_INTEGER);
  if (!commit.ok()) return commit.status();
  const std::int64_t number = commit->Int(0);
  if (number < 0 || number >= kLastCommit) {
    return absl::DataLossError(
        absl::StrCat("table _kin_meta, key commit, column value: is ", number,
                     ", which no store reaches; set it to what it was, or to 0"));
  }
  state.commit = static_cast<CommitNumber>(number);
  absl::Status status = CheckIds(database);
  if (!status.ok()) return status;
  absl::StatusOr<Statement> ids =
      database.Prepare("SELECT \"next\" FROM \"_kin_ids\" WHERE \"model\" = ?");
  if (!ids.ok()) return ids.status();
  for (std::size_t model = 0; model < id_names.size(); ++model) {
    ids->BindText(1, id_names[model]);
    absl::StatusOr<bool> row = ids->Step();
    if (!row.ok()) return row.status();
    if (*row) status = CheckNextId(mapping.tables[model], id_names[model], *ids);
    if (!status.ok()) return status;
    state.next_ids.push_back(*row ? static_cast<std::uint64_t>(ids->Int(0)) : 0);
    ids->Reset();
  }
  return state;
}

}  // namespace kin::persistence::sqlite
