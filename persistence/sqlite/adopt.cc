// Tables and columns are matched by name. What was found is put as a Catalogue whose schema is the
// program's, less what is not there, so that a migration does the rest: it makes the tables STRICT,
// adds what is missing, and finds the rows in the way of unique indexes and foreign keys.
#include "kin/persistence/sqlite/adopt.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/sqlite/migrate.h"
#include "kin/persistence/sqlite/obstacles.h"
#include "kin/persistence/sqlite/planner.h"
#include "kin/persistence/sqlite/rehearsal.h"
#include "kin/persistence/sqlite/script.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

// The kinds of values that a column may have, as typeof() calls them.
std::string AllowedTypes(const Column& column) {
  const std::string null = column.nullable ? "'null', " : "";
  switch (column.type) {
    case SqlType::kInteger:
      return null + "'integer'";
    case SqlType::kReal:
      return null + "'real', 'integer', 'blob'";
    case SqlType::kText:
      return null + "'text'";
    case SqlType::kBlob:
      return null + "'blob'";
  }
  return null;
}

class Adoption {
 public:
  Adoption(Database& database, const Mapping& mapping, const StoredSchema& stored)
      : database_(database), mapping_(mapping), stored_(stored) {}

  absl::Status Run() {
    found_.tables.reserve(mapping_.tables.size());  // The catalogue points into it.
    absl::Status status;
    for (const Table& table : mapping_.tables) {
      if (status.ok()) status = Find(table);
    }
    if (status.ok() && catalogue_.tables.empty()) {
      return absl::FailedPreconditionError("has none of the tables of the schema");
    }
    if (status.ok()) status = Refusal();
    if (status.ok()) status = Change();
    if (status.ok()) status = CheckResult();
    return status;
  }

 private:
  absl::Status Find(const Table& table) {
    absl::StatusOr<PhysicalTable> physical = ReadPhysicalTable(database_, table.name);
    if (absl::IsNotFound(physical.status())) return absl::OkStatus();  // Will be made.
    if (!physical.ok()) return physical.status();
    found_.tables.push_back(table);
    Table& found = found_.tables.back();
    found.foreign_keys.clear();
    found.indexes.clear();
    StoredTable stored{table.graph_model->name, physical->name, &found, nullptr, false, {}};
    for (const Column& column : found.columns) {
      const PhysicalColumn* there = physical->Find(column.name);
      if (there != nullptr) stored.columns.push_back({there->name, &column, nullptr, false});
    }
    CheckKey(table, *physical);
    absl::Status status = CheckIndexes(table, *physical, &found);
    if (status.ok()) status = CheckForeignKeys(table, *physical);
    if (status.ok()) {
      status = CheckTriggersAndChecks(database_, table);
      if (absl::IsFailedPrecondition(status)) {
        reasons_.emplace_back(status.message());
        status = absl::OkStatus();
      }
    }
    if (status.ok()) status = CheckValues(stored, *physical);
    catalogue_.tables.push_back(std::move(stored));
    return status;
  }

  void CheckKey(const Table& table, const PhysicalTable& physical) {
    std::map<int, std::string> key;
    for (const PhysicalColumn& column : physical.columns) {
      if (column.key > 0) key[column.key] = column.name;
      if (column.generated) {
        reasons_.push_back(absl::StrCat("table ", physical.name, ", column ", column.name,
                                        ": is generated; remove it"));
      }
    }
    std::vector<std::string> there, wanted = NamesOf(table, table.key);
    for (const auto& [place, name] : key) there.push_back(name);
    const bool same =
        std::equal(there.begin(), there.end(), wanted.begin(), wanted.end(),
                   [](const auto& a, const auto& b) { return absl::EqualsIgnoreCase(a, b); });
    if (same) return;
    reasons_.push_back(absl::StrCat(
        "table ", physical.name, ": its primary key is (", absl::StrJoin(there, ", "),
        "), and that of ", table.graph_model->name, " is (", absl::StrJoin(wanted, ", "), ")"));
  }

  absl::Status CheckIndexes(const Table& table, const PhysicalTable& physical, Table* found) {
    for (const TableIndex& index : table.indexes) {
      const std::vector<std::string> names = NamesOf(table, index.columns);
      if (physical.FindIndex(names, index.unique) != nullptr) found->indexes.push_back(index);
    }
    for (const PhysicalIndex& index : physical.indexes) {
      if (!index.unique) continue;
      bool known = false;
      for (const TableIndex& wanted : table.indexes) {
        PhysicalIndex plain = index;
        plain.plain = true;
        known |= plain.Is(NamesOf(table, wanted.columns), wanted.unique);
      }
      if (known) continue;
      reasons_.push_back(absl::StrCat(
          "table ", physical.name, ": (", absl::StrJoin(index.columns, ", "),
          ") is UNIQUE, and in ", table.graph_model->name,
          " is not; mark it in the model, or remove ",
          index.sql.empty() ? "that from the table" : absl::StrCat("index ", index.name)));
    }
    return absl::OkStatus();
  }

  // Those that are there and not in the model.
  absl::Status CheckForeignKeys(const Table& table, const PhysicalTable& physical) {
    absl::StatusOr<Statement> query = database_.Prepare(
        "SELECT \"id\", \"from\", lower(\"table\") FROM pragma_foreign_key_list(?) "
        "ORDER BY \"id\", \"seq\"");
    if (!query.ok()) return query.status();
    query->BindText(1, physical.name);
    std::map<std::int64_t, std::pair<std::string, std::vector<std::string>>> there;
    while (true) {
      absl::StatusOr<bool> row = query->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      there[query->Int(0)].first = std::string(query->Bytes(2));
      there[query->Int(0)].second.emplace_back(query->Bytes(1));
    }
    for (const auto& [id, foreign_key] : there) {
      const auto& [parent, columns] = foreign_key;
      bool known = false;
      for (const TableForeignKey& wanted : table.foreign_keys) {
        const std::vector<std::string> names = NamesOf(table, wanted.columns);
        known |= absl::EqualsIgnoreCase(mapping_.tables[wanted.parent].name, parent) &&
                 absl::EqualsIgnoreCase(absl::StrJoin(names, ","), absl::StrJoin(columns, ","));
      }
      if (known) continue;
      reasons_.push_back(absl::StrCat("table ", physical.name, ": (", absl::StrJoin(columns, ", "),
                                      ") refers to table ", parent, ", and in ",
                                      table.graph_model->name,
                                      " does not; add a belongs_to, or remove the foreign key"));
    }
    return absl::OkStatus();
  }

  absl::Status CheckValues(const StoredTable& stored, const PhysicalTable& physical) {
    TablePlan plan;
    plan.table = stored.table;
    plan.old = &stored;
    plan.physical = physical;
    for (int part : stored.table->key) {
      const auto* field = stored.table->columns[part].field;
      if (stored.Find(field->number()) == nullptr) return absl::OkStatus();  // Said already.
    }
    for (const StoredColumn& column : stored.columns) {
      MigrationStep rows;
      absl::Status status = FindRows(database_, plan,
                                     absl::StrCat("typeof(t.", Quoted(column.name), ") NOT IN (",
                                                  AllowedTypes(*column.column), ")"),
                                     &rows);
      if (!status.ok()) return status;
      if (rows.rows == 0) continue;
      reasons_.push_back(
          absl::StrCat("table ", physical.name, ", column ", column.name, ": ", rows.rows,
                       " rows hold something else than ", DeclaredType(column.column->type),
                       column.column->nullable ? "" : ", or nothing", ": ",
                       absl::StrJoin(rows.examples, "; "), rows.rows > 5 ? "; ..." : ""));
    }
    return absl::OkStatus();
  }

  absl::Status Refusal() const {
    if (reasons_.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("cannot be adopted; nothing was changed:\n  ",
                                                      absl::StrJoin(reasons_, "\n  ")));
  }

  absl::Status Change() {
    Planner planner(database_, catalogue_, mapping_, MigrateOptions());
    absl::Status status = planner.Run();
    if (!status.ok()) return status;
    for (TablePlan& plan : planner.tables()) {
      // So that nothing is left of what Kin's tables have not: an order of text, a UNIQUE within.
      if (!plan.is_new()) plan.rebuild = true;
    }
    Migration migration;
    migration.plan.steps = std::move(planner.steps());
    status = Script(database_, mapping_, planner.tables(), &migration).Write();
    if (status.ok()) status = Rehearse(database_, mapping_, &migration);
    for (const MigrationStep& step : migration.plan.steps) {
      if (step.refused.empty()) continue;
      reasons_.push_back(absl::StrCat(
          step.change, ": ", step.refused,
          step.rows == 0 ? std::string()
                         : absl::StrCat("; ", step.rows,
                                        " rows in the way: ", absl::StrJoin(step.examples, "; "))));
    }
    if (status.ok()) status = Refusal();
    for (const std::string& sql : KinTables()) {
      if (status.ok()) status = database_.Exec(sql);
    }
    if (status.ok()) status = KeepSequences();
    return status.ok() ? Migrate(database_, migration, catalogue_, stored_, stored_) : status;
  }

  // AUTOINCREMENT promised that no id is given twice.
  absl::Status KeepSequences() {
    absl::StatusOr<std::int64_t> has = database_.QueryInt(
        "SELECT count(*) FROM \"sqlite_schema\" WHERE \"name\" = 'sqlite_sequence'");
    if (!has.ok() || *has == 0) return has.status();
    for (const StoredTable& table : catalogue_.tables) {
      if (!table.table->graph_model->allocates_id) continue;
      absl::StatusOr<Statement> insert = database_.Prepare(
          "INSERT INTO \"_kin_ids\" (\"model\", \"next\") SELECT ?, \"seq\" + 1 FROM "
          "\"sqlite_sequence\" WHERE lower(\"name\") = lower(?)");
      if (!insert.ok()) return insert.status();
      insert->BindText(1, table.model);
      insert->BindText(2, table.name);
      absl::Status status = insert->Run();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status CheckResult() {
    absl::Status status = CheckTables(database_, mapping_);
    if (status.ok()) status = CheckObstacles(database_, mapping_);
    return status.ok() ? CreateViews(database_, mapping_) : status;
  }

  Database& database_;
  const Mapping& mapping_;
  const StoredSchema& stored_;
  Mapping found_;
  Catalogue catalogue_;
  std::vector<std::string> reasons_;
};

}  // namespace

absl::Status AdoptTables(Database& database, const Schema&, const Mapping& mapping,
                         const StoredSchema& stored) {
  return Adoption(database, mapping, stored).Run();
}

}  // namespace kin::persistence::sqlite
