#include "kin/persistence/sqlite/schema_store.h"

#include <cstdint>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

constexpr const char* kCreate[] = {
    "CREATE TABLE IF NOT EXISTS \"_kin_schemas\" (\"id\" INTEGER PRIMARY KEY, "
    "\"fingerprint\" TEXT NOT NULL, \"version\" TEXT NOT NULL, \"models\" TEXT NOT NULL, "
    "\"descriptors\" BLOB) STRICT",
    "CREATE TABLE IF NOT EXISTS \"_kin_columns\" (\"model\" TEXT, \"field\" INTEGER, "
    "\"name\" TEXT NOT NULL, \"schema\" INTEGER NOT NULL, \"model_then\" TEXT NOT NULL, "
    "PRIMARY KEY (\"model\", \"field\")) STRICT, WITHOUT ROWID",
    ("CREATE TABLE IF NOT EXISTS \"_kin_names\" (\"was\" TEXT PRIMARY KEY, "
     "\"model\" TEXT NOT NULL) STRICT, WITHOUT ROWID"),
};

absl::Status Damaged(absl::string_view table, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("table ", table, ": ", what));
}

// An entry, before what it refers to is known.
struct Row {
  std::string model;
  int field = 0;
  std::string name;
  std::int64_t schema = 0;
  std::string model_then;
};

class Reading {
 public:
  Reading(Database& database, const StoredSchema& stored) : database_(database), stored_(stored) {}

  absl::StatusOr<Catalogue> Read() {
    absl::StatusOr<std::unique_ptr<SchemaImage>> image =
        SchemaImage::Read(stored_.descriptors, ModelsOfText(stored_.mapping));
    if (!image.ok()) {
      return Damaged("_kin_meta, key descriptors", image.status().message());
    }
    catalogue_.current = image->get();
    catalogue_.images.push_back(*std::move(image));
    catalogue_.fingerprint = Fingerprint(catalogue_.current->mapping());
    catalogue_.fingerprints.insert(catalogue_.fingerprint);
    absl::StatusOr<std::int64_t> remembers = database_.QueryInt(
        "SELECT count(*) FROM \"sqlite_schema\" WHERE \"type\" = 'table' AND "
        "\"name\" IN ('_kin_schemas', '_kin_columns', '_kin_names')");
    if (!remembers.ok()) return remembers.status();
    absl::Status status = *remembers == 3 ? ReadRemembered() : AssumeNames();
    if (!status.ok()) return status;
    return std::move(catalogue_);
  }

 private:
  // A database of Kin's first version: what things are called follows from the schema.
  absl::Status AssumeNames() {
    for (const Table& table : catalogue_.current->mapping().tables) {
      StoredTable stored{table.graph_model->name, table.name, &table,
                         catalogue_.current,      false,      {}};
      for (const Column& column : table.columns) {
        stored.columns.push_back({column.name, &column, catalogue_.current, false});
      }
      catalogue_.tables.push_back(std::move(stored));
    }
    return absl::OkStatus();
  }

  absl::Status ReadRemembered() {
    absl::StatusOr<Statement> query =
        // Of the current one it is known already, and may be written as it was of old.
        database_.Prepare(
            "SELECT \"fingerprint\" FROM \"_kin_schemas\" WHERE \"id\" < "
            "(SELECT max(\"id\") FROM \"_kin_schemas\")");
    if (!query.ok()) return query.status();
    while (true) {
      absl::StatusOr<bool> row = query->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      catalogue_.fingerprints.emplace(query->Bytes(0));
    }
    query = database_.Prepare("SELECT \"was\", \"model\" FROM \"_kin_names\"");
    if (!query.ok()) return query.status();
    while (true) {
      absl::StatusOr<bool> row = query->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      catalogue_.former_names.emplace(query->Bytes(0), query->Bytes(1));
    }
    absl::StatusOr<std::int64_t> current =
        database_.QueryInt("SELECT coalesce(max(\"id\"), 0) FROM \"_kin_schemas\"");
    if (!current.ok()) return current.status();
    images_[*current] = catalogue_.current;
    catalogue_.ids[catalogue_.current] = *current;
    absl::StatusOr<std::vector<Row>> rows = ReadRows();
    if (!rows.ok()) return rows.status();
    return AddTables(*rows);
  }

  absl::StatusOr<std::vector<Row>> ReadRows() {
    absl::StatusOr<Statement> query = database_.Prepare(
        "SELECT \"model\", \"field\", \"name\", \"schema\", \"model_then\" FROM \"_kin_columns\"");
    if (!query.ok()) return query.status();
    std::vector<Row> rows;
    while (true) {
      absl::StatusOr<bool> row = query->Step();
      if (!row.ok()) return row.status();
      if (!*row) return rows;
      rows.push_back({std::string(query->Bytes(0)), static_cast<int>(query->Int(1)),
                      std::string(query->Bytes(2)), query->Int(3), std::string(query->Bytes(4))});
    }
  }

  absl::StatusOr<const SchemaImage*> ImageOf(std::int64_t schema) {
    const auto known = images_.find(schema);
    if (known != images_.end()) return known->second;
    absl::StatusOr<Statement> query = database_.Prepare(
        "SELECT \"descriptors\", \"models\" FROM \"_kin_schemas\" WHERE \"id\" = ?");
    if (!query.ok()) return query.status();
    query->BindInt(1, schema);
    absl::StatusOr<bool> row = query->Step();
    if (!row.ok()) return row.status();
    const std::string name = absl::StrCat("_kin_schemas, key id=", schema);
    if (!*row) return Damaged(name, "there is no such row");
    const std::vector<std::string> models = absl::StrSplit(query->Bytes(1), '\n');
    absl::StatusOr<std::unique_ptr<SchemaImage>> image = SchemaImage::Read(query->Bytes(0), models);
    if (!image.ok()) return Damaged(name, image.status().message());
    images_[schema] = image->get();
    catalogue_.ids[image->get()] = schema;
    catalogue_.images.push_back(*std::move(image));
    return images_[schema];
  }

  static const Table* TableOf(const SchemaImage& image, const std::string& model) {
    for (const Table& table : image.mapping().tables) {
      if (table.graph_model->name == model) return &table;
    }
    return nullptr;
  }

  static const Column* ColumnOf(const Table& table, int field) {
    for (const Column& column : table.columns) {
      if (field == (column.field == nullptr ? kOverlayEntry : column.field->number())) {
        return &column;
      }
    }
    return nullptr;
  }

  absl::Status AddTables(const std::vector<Row>& rows) {
    std::map<std::string, StoredTable> tables;
    for (const Row& row : rows) {
      if (row.field != kTableEntry) continue;
      absl::StatusOr<const SchemaImage*> image = ImageOf(row.schema);
      if (!image.ok()) return image.status();
      const Table* table = TableOf(**image, row.model_then);
      if (table == nullptr) return Damaged("_kin_columns", NoSuch(row));
      tables[row.model] = {row.model, row.name, table, *image, *image != catalogue_.current, {}};
    }
    for (const Row& row : rows) {
      if (row.field == kTableEntry) continue;
      absl::StatusOr<const SchemaImage*> image = ImageOf(row.schema);
      if (!image.ok()) return image.status();
      const auto stored = tables.find(row.model);
      const Table* table = TableOf(**image, row.model_then);
      const Column* column = table == nullptr ? nullptr : ColumnOf(*table, row.field);
      if (stored == tables.end() || column == nullptr) {
        return Damaged("_kin_columns", NoSuch(row));
      }
      stored->second.columns.push_back({row.name, column, *image, *image != stored->second.image});
    }
    return CheckComplete(&tables);
  }

  // Every column of a table that was in use together, and every table of the current schema.
  absl::Status CheckComplete(std::map<std::string, StoredTable>* tables) {
    for (const auto& [model, stored] : *tables) {
      for (const Column& column : stored.table->columns) {
        const StoredColumn* found = stored.Find(column.field ? column.field->number() : 0);
        if (found == nullptr) {
          return Damaged("_kin_columns",
                         absl::StrCat("nothing is said of column ", column.name, " of ", model));
        }
      }
    }
    for (const Table& table : catalogue_.current->mapping().tables) {
      const auto stored = tables->find(table.graph_model->name);
      if (stored == tables->end() || stored->second.retired) {
        return Damaged("_kin_columns",
                       absl::StrCat("nothing is said of ", table.graph_model->name));
      }
      catalogue_.tables.push_back(std::move(stored->second));
      tables->erase(stored);
    }
    for (auto& [model, stored] : *tables) {
      if (!stored.retired) {
        return Damaged("_kin_columns", absl::StrCat(model, " is not in the schema"));
      }
      catalogue_.tables.push_back(std::move(stored));
    }
    return absl::OkStatus();
  }

  static std::string NoSuch(const Row& row) {
    return absl::StrCat("key model=", row.model, ", field=", row.field,
                        ": its schema has no such thing");
  }

  Database& database_;
  const StoredSchema& stored_;
  Catalogue catalogue_;
  std::map<std::int64_t, const SchemaImage*> images_;
};

class Writing {
 public:
  Writing(Database& database, const Catalogue* from, const StoredSchema& old)
      : database_(database), from_(from), old_(old) {}

  absl::Status Write(const StoredSchema& schema, const NextCatalogue& next) {
    absl::Status status;
    for (const char* sql : kCreate) {
      if (status.ok()) status = database_.Exec(sql);
    }
    if (status.ok() && from_ != nullptr && from_->current != nullptr) status = RememberOld(next);
    if (status.ok()) status = ForgetLater(schema);
    std::int64_t id = 0;
    if (status.ok()) status = AddSchema(schema.fingerprint, schema.mapping, nullptr, &id);
    if (status.ok()) status = ForgetFormer(schema, id, next);
    if (status.ok()) status = WriteEntries(next, id);
    if (status.ok()) status = WriteNames(next);
    if (status.ok()) {
      status = database_.Exec(
          "UPDATE \"_kin_schemas\" SET \"descriptors\" = NULL WHERE \"id\" NOT IN "
          "(SELECT \"schema\" FROM \"_kin_columns\")");
    }
    if (status.ok()) status = StoreSchema(database_, schema);
    return status;
  }

 private:
  absl::Status AddSchema(const std::string& fingerprint, const std::string& mapping,
                         const std::string* descriptors, std::int64_t* id) {
    absl::StatusOr<Statement> insert = database_.Prepare(
        "INSERT INTO \"_kin_schemas\" (\"fingerprint\", \"version\", \"models\", \"descriptors\") "
        "VALUES (?, ?, ?, ?)");
    if (!insert.ok()) return insert.status();
    const std::string models = absl::StrJoin(ModelsOfText(mapping), "\n");
    insert->BindText(1, fingerprint);
    insert->BindText(2, kVersion);
    insert->BindText(3, models);
    if (descriptors == nullptr) {
      insert->BindNull(4);
    } else {
      insert->BindBlob(4, *descriptors);
    }
    absl::Status status = insert->Run();
    *id = sqlite3_last_insert_rowid(database_.get());
    return status;
  }

  // A fingerprint that `schema` may have had too. It is another's if it is that of the schema
  // before it, or if the database knows `schema` by the one that it has now.
  const std::string& FormerOf(const StoredSchema& schema) const {
    const bool another = from_ == nullptr || from_->fingerprint == schema.former_fingerprint ||
                         from_->fingerprints.count(schema.fingerprint) > 0;
    return another ? schema.fingerprint : schema.former_fingerprint;
  }

  // A program that goes back to a former schema takes those after it back: if they come again they
  // are new. What is retired refers to their rows.
  absl::Status ForgetLater(const StoredSchema& schema) {
    absl::StatusOr<Statement> forget = database_.Prepare(
        "UPDATE \"_kin_schemas\" SET \"fingerprint\" = '' WHERE \"id\" > (SELECT max(\"id\") FROM "
        "\"_kin_schemas\" WHERE \"fingerprint\" IN (?, ?))");
    if (!forget.ok()) return forget.status();
    forget->BindText(1, schema.fingerprint);
    forget->BindText(2, FormerOf(schema));
    return forget->Run();
  }

  // Programs take turns, and comments change: of rows that say the same one is enough. Those that
  // what is retired refers to stay.
  absl::Status ForgetFormer(const StoredSchema& schema, std::int64_t id,
                            const NextCatalogue& next) {
    std::set<std::int64_t> used = {id};
    for (const Remembered& entry : next.entries) {
      if (entry.image != nullptr) used.insert(ids_.at(entry.image));
    }
    absl::StatusOr<Statement> forget = database_.Prepare(
        absl::StrCat("DELETE FROM \"_kin_schemas\" WHERE \"fingerprint\" IN (?, ?, '') AND \"id\" "
                     "NOT IN (",
                     absl::StrJoin(used, ", "), ")"));
    if (!forget.ok()) return forget.status();
    forget->BindText(1, schema.fingerprint);
    forget->BindText(2, FormerOf(schema));
    return forget->Run();
  }

  // The rows of `_kin_schemas` that what is retired refers to.
  absl::Status RememberOld(const NextCatalogue& next) {
    absl::StatusOr<std::int64_t> last =
        database_.QueryInt("SELECT coalesce(max(\"id\"), 0) FROM \"_kin_schemas\"");
    if (!last.ok()) return last.status();
    std::int64_t current = *last;
    absl::Status status;
    if (current == 0) status = AddSchema(from_->fingerprint, old_.mapping, nullptr, &current);
    if (!status.ok()) return status;
    ids_ = from_->ids;
    ids_[from_->current] = current;
    absl::StatusOr<Statement> mark =
        database_.Prepare("UPDATE \"_kin_schemas\" SET \"fingerprint\" = ? WHERE \"id\" = ?");
    if (!mark.ok()) return mark.status();
    mark->BindText(1, from_->fingerprint);
    mark->BindInt(2, current);
    status = mark->Run();
    if (!status.ok()) return status;
    bool used = false;
    for (const Remembered& entry : next.entries) used |= entry.image == from_->current;
    if (used) {
      absl::StatusOr<Statement> update =
          database_.Prepare("UPDATE \"_kin_schemas\" SET \"descriptors\" = ? WHERE \"id\" = ?");
      if (!update.ok()) return update.status();
      update->BindBlob(1, old_.descriptors);
      update->BindInt(2, current);
      return update->Run();
    }
    return absl::OkStatus();
  }

  absl::Status WriteEntries(const NextCatalogue& next, std::int64_t id) {
    absl::Status status = database_.Exec("DELETE FROM \"_kin_columns\"");
    if (!status.ok()) return status;
    absl::StatusOr<Statement> insert = database_.Prepare(
        "INSERT INTO \"_kin_columns\" (\"model\", \"field\", \"name\", \"schema\", \"model_then\") "
        "VALUES (?, ?, ?, ?, ?)");
    if (!insert.ok()) return insert.status();
    for (const Remembered& entry : next.entries) {
      insert->BindText(1, entry.model);
      insert->BindInt(2, entry.field);
      insert->BindText(3, entry.name);
      insert->BindInt(4, entry.image == nullptr ? id : ids_.at(entry.image));
      insert->BindText(5, entry.image == nullptr ? entry.model : entry.model_then);
      status = insert->Run();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status WriteNames(const NextCatalogue& next) {
    absl::Status status = database_.Exec("DELETE FROM \"_kin_names\"");
    if (!status.ok()) return status;
    absl::StatusOr<Statement> insert =
        database_.Prepare("INSERT INTO \"_kin_names\" (\"was\", \"model\") VALUES (?, ?)");
    if (!insert.ok()) return insert.status();
    for (const auto& [was, model] : next.former_names) {
      insert->BindText(1, was);
      insert->BindText(2, model);
      status = insert->Run();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  Database& database_;
  const Catalogue* const from_;
  const StoredSchema& old_;
  std::map<const SchemaImage*, std::int64_t> ids_;
};

}  // namespace

NextCatalogue CatalogueOf(const Mapping& mapping) {
  NextCatalogue next;
  for (const Table& table : mapping.tables) {
    const std::string& model = table.graph_model->name;
    next.entries.push_back({model, kTableEntry, table.name, nullptr});
    for (const Column& column : table.columns) {
      next.entries.push_back(
          {model, column.field ? column.field->number() : kOverlayEntry, column.name, nullptr});
    }
  }
  return next;
}

absl::StatusOr<Catalogue> ReadCatalogue(Database& database, const StoredSchema& stored) {
  return Reading(database, stored).Read();
}

absl::Status WriteCatalogue(Database& database, const Catalogue* from, const StoredSchema& old,
                            const StoredSchema& schema, const NextCatalogue& next) {
  return Writing(database, from, old).Write(schema, next);
}

}  // namespace kin::persistence::sqlite
