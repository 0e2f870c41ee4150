#include "kin/persistence/sqlite/tables.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.pb.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/sqlite/ddl.h"

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

// The tables and indexes that are there, by folded name.
absl::StatusOr<std::set<std::string>> NamesOf(Database& database, absl::string_view type) {
  absl::StatusOr<Statement> query =
      database.Prepare("SELECT \"name\" FROM \"sqlite_schema\" WHERE \"type\" = ?");
  if (!query.ok()) return query.status();
  query->BindText(1, type);
  std::set<std::string> names;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) return names;
    names.insert(absl::AsciiStrToLower(query->Bytes(0)));
  }
}

absl::Status CheckColumns(Database& database, const Table& table) {
  absl::StatusOr<Statement> query =
      database.Prepare("SELECT \"name\", \"type\" FROM pragma_table_info(?)");
  if (!query.ok()) return query.status();
  query->BindText(1, table.name);
  std::set<std::pair<std::string, std::string>> there;
  while (true) {
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    there.emplace(absl::AsciiStrToLower(query->Bytes(0)), std::string(query->Bytes(1)));
  }
  for (const Column& column : table.columns) {
    const char* type = DeclaredType(column.type);
    if (there.count({absl::AsciiStrToLower(column.name), type}) == 0) {
      return absl::DataLossError(absl::StrCat("table ", table.name, ", column ", column.name,
                                              ": there is no such column of type ", type));
    }
  }
  return absl::OkStatus();
}

void AddFile(const google::protobuf::FileDescriptor* file, std::set<std::string>* seen,
             google::protobuf::FileDescriptorSet* files) {
  if (!seen->insert(file->name()).second) return;
  for (int i = 0; i < file->dependency_count(); ++i) AddFile(file->dependency(i), seen, files);
  file->CopyTo(files->add_file());
}

// The first word of a line: the model it is about.
std::string ModelOf(const std::string& line) { return line.substr(0, line.find(' ')); }

// A few of the lines that are in `lines` and not in `others`. Of a model that is not in `others` at
// all, one line is enough.
std::string OnlyIn(const std::vector<std::string>& lines, const std::vector<std::string>& others) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> only;
  std::set_difference(lines.begin(), lines.end(), others.begin(), others.end(),
                      std::back_inserter(only));
  std::set<std::string> other_models;
  for (const std::string& line : others) other_models.insert(ModelOf(line));
  only.erase(std::remove_if(only.begin(), only.end(),
                            [&](const std::string& line) {
                              return other_models.count(ModelOf(line)) == 0 &&
                                     !absl::StrContains(line, " is table ");
                            }),
             only.end());
  const std::size_t count = only.size();
  if (count == 0) return "\n  nothing";
  if (count > kMost) {
    only.resize(kMost);
    only.push_back(absl::StrCat("and ", count - kMost, " more"));
  }
  return absl::StrCat("\n  ", absl::StrJoin(only, "\n  "));
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

}  // namespace

absl::StatusOr<bool> IsEmpty(Database& database) {
  absl::StatusOr<std::int64_t> count = database.QueryInt("SELECT count(*) FROM \"sqlite_schema\"");
  if (!count.ok()) return count.status();
  return *count == 0;
}

absl::StatusOr<StoredSchema> ReadStoredSchema(Database& database) {
  absl::StatusOr<std::set<std::string>> names = NamesOf(database, "table");
  if (!names.ok()) return names.status();
  if (names->count("_kin_meta") == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("is an SQLite database that Kin did not make: it has no table _kin_meta",
                     names->empty() ? "" : absl::StrCat(", but one called ", *names->begin()),
                     "; give the path of another file"));
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
  google::protobuf::FileDescriptorSet files;
  std::set<std::string> seen;
  for (const auto& model : graph.models) AddFile(model->descriptor->file(), &seen, &files);
  return {mapping.ToText(), SerializeMessage(files)};
}

absl::Status CompareSchemas(const StoredSchema& stored, const StoredSchema& wanted) {
  if (stored.mapping == wanted.mapping) return absl::OkStatus();
  const std::vector<std::string> old_lines = absl::StrSplit(stored.mapping, '\n');
  const std::vector<std::string> new_lines = absl::StrSplit(wanted.mapping, '\n');
  return absl::FailedPreconditionError(absl::StrCat(
      "holds another schema than this program has.\nOnly in the database:",
      OnlyIn(old_lines, new_lines), "\nOnly in the program:", OnlyIn(new_lines, old_lines),
      "\nOpen it with the schema it was made with, or give another path"));
}

absl::Status CheckTables(Database& database, const Mapping& mapping) {
  absl::StatusOr<std::set<std::string>> tables = NamesOf(database, "table");
  if (!tables.ok()) return tables.status();
  absl::StatusOr<std::set<std::string>> indexes = NamesOf(database, "index");
  if (!indexes.ok()) return indexes.status();
  for (const Table& table : mapping.tables) {
    if (tables->count(absl::AsciiStrToLower(table.name)) == 0) {
      return absl::DataLossError(absl::StrCat("table ", table.name, ": is not there"));
    }
    absl::Status status = CheckColumns(database, table);
    if (!status.ok()) return status;
    for (const TableIndex& index : table.indexes) {
      if (indexes->count(absl::AsciiStrToLower(index.name)) == 0) {
        return absl::DataLossError(
            absl::StrCat("table ", table.name, ": its index ", index.name,
                         " is not there; make it again with: ", CreateIndex(table, index)));
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CreateTables(Database& database, const Mapping& mapping, const StoredSchema& schema) {
  std::vector<std::string> script = {"BEGIN IMMEDIATE", kCreateMeta, kCreateIds};
  for (int table : mapping.parents_first) {
    script.push_back(CreateTable(mapping, mapping.tables[table]));
    for (const TableIndex& index : mapping.tables[table].indexes) {
      script.push_back(CreateIndex(mapping.tables[table], index));
    }
  }
  script.push_back(absl::StrCat("INSERT INTO \"_kin_meta\" (\"key\", \"value\") VALUES ('format', ",
                                kFormat, "), ('commit', 0)"));
  absl::Status status;
  for (const std::string& sql : script) {
    status = database.Exec(sql);
    if (!status.ok()) break;
  }
  if (status.ok()) status = WriteMeta(database, "mapping", schema.mapping, /*text=*/true);
  if (status.ok()) status = WriteMeta(database, "descriptors", schema.descriptors, false);
  if (status.ok()) status = database.Exec("COMMIT");
  if (!status.ok()) database.Exec("ROLLBACK").IgnoreError();
  return status;
}

absl::Status StoreDescriptors(Database& database, const StoredSchema& schema) {
  return WriteMeta(database, "descriptors", schema.descriptors, /*text=*/false);
}

absl::StatusOr<LoadedState> ReadState(Database& database, const Mapping& mapping) {
  LoadedState state;
  absl::StatusOr<Statement> commit = MetaValue(database, "commit", SQLITE_INTEGER);
  if (!commit.ok()) return commit.status();
  state.commit = static_cast<CommitNumber>(commit->Int(0));
  absl::StatusOr<Statement> ids =
      database.Prepare("SELECT \"next\" FROM \"_kin_ids\" WHERE \"model\" = ?");
  if (!ids.ok()) return ids.status();
  for (const Table& table : mapping.tables) {
    ids->BindText(1, table.graph_model->name);
    absl::StatusOr<bool> row = ids->Step();
    if (!row.ok()) return row.status();
    state.next_ids.push_back(*row ? static_cast<std::uint64_t>(ids->Int(0)) : 0);
    ids->Reset();
  }
  return state;
}

}  // namespace kin::persistence::sqlite
