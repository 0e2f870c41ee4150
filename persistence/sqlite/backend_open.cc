// What becomes of the schema of a database when it is opened.
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kin/persistence/sqlite/adopt.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/sqlite/database_file.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/sqlite/migrate.h"
#include "kin/persistence/sqlite/obstacles.h"
#include "kin/persistence/sqlite/reader.h"
#include "kin/persistence/sqlite/views.h"
#include "kin/store/store.h"

namespace kin::persistence::sqlite {
namespace {

// Loads records into a store only for it to judge them; nobody commits anything.
class Judging final : public Persistence {
 public:
  using Read = std::function<absl::Status(Loader&)>;
  using Tell = std::function<absl::Status(absl::Span<const Violation>)>;

  Judging(Read read, Tell tell) : read_(std::move(read)), tell_(std::move(tell)) {}

  absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) override {
    const absl::Status status = read_(loader);
    if (!status.ok()) return status;
    return LoadedState{0, std::vector<std::uint64_t>(schema.graph().models.size(), 0)};
  }
  absl::Status Describe(absl::Span<const Violation> violations) override {
    return tell_(violations);
  }
  absl::Status Start(CommitSource*) override { return absl::OkStatus(); }
  absl::Status WaitForSpace() override { return absl::OkStatus(); }
  absl::Status Admit(absl::Span<const Change>) override { return absl::OkStatus(); }
  void OnCommit(CommitNumber, absl::Span<const Change>) override {}
  absl::Status Flush(absl::Duration) override { return absl::OkStatus(); }
  absl::Status WaitDurable(CommitNumber, Durability, absl::Duration) override {
    return absl::OkStatus();
  }
  absl::Status Close(absl::Duration) override { return absl::OkStatus(); }
  CommitNumber durable_commit() const override { return 0; }
  void AddStats(Stats*) const override {}

 private:
  const Read read_;
  const Tell tell_;
};

}  // namespace

bool SqliteBackend::IsStored(const StoredSchema& stored) const {
  return stored.mapping == stored_schema_.mapping &&
         stored.descriptors == stored_schema_.descriptors;
}

absl::StatusOr<SqliteBackend::Opening> SqliteBackend::Decide(Database& database) {
  absl::StatusOr<StoredSchema> stored = ReadStoredSchema(database);
  if (!stored.ok()) return stored.status();
  const bool same_tables = stored->mapping == stored_schema_.mapping;
  if (IsStored(*stored) && migrate_.drop.empty()) return Opening::kAsItIs;
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue(database, *stored);
  // Of the same tables there is nothing to find out.
  if (!catalogue.ok()) {
    if (!same_tables) return catalogue.status();
    return MayChange() ? Opening::kDescribeAnew : Opening::kAsItIs;
  }
  return DecideOnChange(database, *stored, *catalogue);
}

absl::StatusOr<SqliteBackend::Opening> SqliteBackend::DecideOnChange(Database& database,
                                                                     const StoredSchema& stored,
                                                                     const Catalogue& catalogue) {
  const Mapping as_stored = AsStored(catalogue);
  absl::Status status = CheckTables(database, as_stored);
  if (status.ok()) status = CheckObstacles(database, as_stored);
  if (!status.ok()) return status;
  absl::StatusOr<Migration> migration = PlanMigration(database, catalogue, mapping_, migrate_);
  if (!migration.ok()) return migration.status();
  const bool same = migration->plan.steps.empty() && migration->actions.empty();
  // Nothing (any more) of what MigrateOptions::drop names is there.
  if (same && IsStored(stored)) return Opening::kAsItIs;
  if (GoesOnAsOlder(catalogue, *migration)) {
    status = CheckForeignKeys(database, as_stored);
    if (status.ok()) status = FitAsOlder(database, catalogue, migration->plan);
    if (!status.ok()) return status;
    return Opening::kAsOlder;
  }
  if (same) return Opening::kDescribeAnew;
  if (migration->plan.allowed()) return Opening::kMigrate;
  return absl::FailedPreconditionError(
      absl::StrCat("is of another schema than this program, and the way to it is not safe; ",
                   "nothing was changed. What is marked ! has to be settled first:\n",
                   migration->plan.ToString(), "docs/schema_evolution.md says more"));
}

bool SqliteBackend::MayChange() const { return migrate_.level != MigrateOptions::Level::kNone; }

bool SqliteBackend::GoesOnAsOlder(const Catalogue& catalogue, const Migration& migration) const {
  if (!MayChange()) return true;
  const auto was_there = [&](const std::string& fingerprint) {
    return fingerprint != catalogue.fingerprint && catalogue.fingerprints.count(fingerprint) > 0;
  };
  if (stored_schema_.fingerprint == catalogue.fingerprint ||
      (!was_there(stored_schema_.fingerprint) && !was_there(stored_schema_.former_fingerprint))) {
    return false;
  }
  // Who names what changes does not mean to go on as an older program. Other names may have stayed
  // in the program from a change of before.
  const auto concerned = [&](const std::string& name) {
    return migration.concerned.count(name) > 0;
  };
  const bool named = std::any_of(migrate_.allow.begin(), migrate_.allow.end(), concerned) ||
                     std::any_of(migrate_.drop.begin(), migrate_.drop.end(), concerned);
  return !named;
}

absl::Status SqliteBackend::FitAsOlder(Database& database, const Catalogue& catalogue,
                                       const MigrationPlan& plan) {
  absl::StatusOr<OlderMapping> fitted = FitOlder(database, catalogue, mapping_);
  if (!fitted.ok()) {
    if (migrate_.level != MigrateOptions::Level::kNone) return fitted.status();
    return absl::Status(fitted.status().code(),
                        absl::StrCat(fitted.status().message(),
                                     "\nMigrateOptions::Level::kNone allows no change. The plan:\n",
                                     plan.ToString()));
  }
  mapping_ = std::move(fitted->mapping);
  id_names_ = std::move(fitted->id_names);
  guards_ = std::move(fitted->guards);
  return absl::OkStatus();
}

absl::StatusOr<MigrationPlan> SqliteBackend::Plan(const Schema& schema) {
  absl::Status status = Prepare(schema);
  if (!status.ok()) return status;
  absl::StatusOr<Database> database = OpenToRead();
  if (!database.ok()) return database.status();
  MigrationPlan plan;
  if (is_new_) {
    for (const Table& table : mapping_.tables) {
      plan.steps.push_back({absl::StrCat(table.graph_model->name, ": new, table ", table.name)});
    }
    plan.sql = CreateScript(mapping_);
    return plan;
  }
  absl::StatusOr<MigrationPlan> change = PlanChange(*database);
  return change.ok() ? change : Named(change.status());
}

// As Decide and what comes after it, but for the reading of rows.
absl::StatusOr<MigrationPlan> SqliteBackend::PlanChange(Database& database) {
  absl::StatusOr<StoredSchema> stored = ReadStoredSchema(database);
  if (!stored.ok()) return stored.status();
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue(database, *stored);
  const bool same_tables = stored->mapping == stored_schema_.mapping;
  if (!catalogue.ok() && !same_tables) return catalogue.status();
  const Mapping as_stored = catalogue.ok() ? AsStored(*catalogue) : mapping_;
  absl::Status status = CheckTables(database, as_stored);
  if (!status.ok()) return status;
  MigrationPlan plan;
  bool older = false;
  if (catalogue.ok()) {
    absl::StatusOr<Migration> migration = PlanMigration(database, *catalogue, mapping_, migrate_);
    if (!migration.ok()) return migration.status();
    older = (!migration->plan.steps.empty() || !IsStored(*stored)) &&
            GoesOnAsOlder(*catalogue, *migration);
    plan = std::move(migration->plan);
  }
  if (older) {
    status = FitAsOlder(database, *catalogue, plan);
    plan.unchanged = status.ok();
    plan.sql.clear();
    if (!status.ok()) {
      plan.steps.push_back({"the database stays as it is", std::string(status.message())});
    }
  }
  status = AddObstacles(database, as_stored, &plan);
  if (!status.ok()) return status;
  return plan;
}

absl::Status SqliteBackend::AddObstacles(Database& database, const Mapping& mapping,
                                         MigrationPlan* plan) {
  const bool unchanged = plan->steps.empty();
  const auto add = [plan](const absl::Status& status) {
    if (!absl::IsFailedPrecondition(status)) return status;
    const std::vector<std::string> parts =
        absl::StrSplit(status.message(), absl::MaxSplits(": ", 1));
    plan->unchanged = false;
    plan->steps.push_back({parts.front(), parts.back()});
    return absl::OkStatus();
  };
  for (const Table& table : mapping.tables) {
    absl::Status status = add(CheckObstacles(database, mapping, table));
    if (!status.ok()) return status;
  }
  // A table that is made anew has those of the schema.
  absl::Status status = unchanged ? add(CheckForeignKeys(database, mapping)) : absl::OkStatus();
  return status.ok() ? add(CheckOwnTables(database)) : status;
}

absl::Status SqliteBackend::Adopt(const Schema& schema) {
  absl::Status status = Prepare(schema);
  if (status.ok()) status = CheckWritable(path_);
  if (!status.ok()) return status;
  absl::StatusOr<OwnerLock> owner = OwnerLock::Acquire(path_ + "-lock");
  if (!owner.ok()) return Named(owner.status());
  owner_ = *std::move(owner);
  status = AdoptLocked();
  database_ = Database();
  owner_.Release();
  return Named(status);
}

absl::Status SqliteBackend::AdoptLocked() {
  {
    absl::StatusOr<Database> reading = OpenToRead();
    if (!reading.ok()) return reading.status();
    if (is_new_) return absl::NotFoundError("there is no database with tables to adopt");
    absl::StatusOr<std::set<std::string>> names = AllNames(*reading);
    if (!names.ok()) return names.status();
    if (names->count("_kin_meta") > 0) {
      return absl::FailedPreconditionError("is a database of Kin's already; open it");
    }
    absl::StatusOr<std::string> encoding = reading->QueryText("PRAGMA encoding");
    if (!encoding.ok()) return encoding.status();
    if (*encoding != "UTF-8") {
      return absl::FailedPreconditionError(
          "is a database for text that is not UTF-8; copy it into one that is");
    }
  }
  absl::StatusOr<Database> database =
      Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs_);
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  // What is refused stays as it is, with its log.
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  absl::Status status;
  for (const char* sql : {"PRAGMA trusted_schema = OFF", "PRAGMA foreign_keys = OFF"}) {
    if (status.ok()) status = database_.Exec(sql);
  }
  if (!status.ok()) return status;
  status = InTransaction([this] {
    absl::Status adopted = AdoptTables(database_, *schema_, mapping_, stored_schema_);
    if (!adopted.ok()) return adopted;
    // What Store::Open will find is found now.
    adopted =
        Store::Open(
            *schema_,
            {.persistence = std::make_unique<Judging>(
                 [this](Loader& loader) {
                   return ReadTables(database_, mapping_, loader, &stale_tables_);
                 },
                 [this](absl::Span<const Violation> violations) { return Describe(violations); })})
            .status();
    // It is named once more.
    return absl::Status(adopted.code(),
                        absl::StripPrefix(adopted.message(), absl::StrCat(given_path_, ": ")));
  });
  if (status.ok()) {
    sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  }
  return status;
}

absl::StatusOr<LoadedState> SqliteBackend::ReadAll(Database& database, Loader& loader) {
  absl::Status status;
  if (opening_ != Opening::kAsOlder) status = CheckTables(database, mapping_);
  if (!status.ok()) return status;
  absl::StatusOr<LoadedState> state = ReadState(database, mapping_, id_names_);
  if (!state.ok()) return state.status();
  status = ReadTables(database, mapping_, loader, &stale_tables_);
  // What is in a row is worth more to know.
  if (status.ok() && opening_ != Opening::kAsOlder) status = CheckObstacles(database, mapping_);
  if (status.ok() && opening_ != Opening::kAsOlder) status = CheckForeignKeys(database, mapping_);
  if (status.ok()) status = CheckOwnTables(database);
  if (!status.ok()) return status;
  return state;
}

absl::StatusOr<LoadedState> SqliteBackend::MigrateAndRead(Loader& loader) {
  absl::StatusOr<Database> database =
      Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, wal_vfs_.name());
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  absl::Status status = Configure();
  // What refers to what is judged when all is read, not row by row.
  if (status.ok()) status = database_.Exec("PRAGMA foreign_keys = OFF");
  if (status.ok()) status = database_.Exec("BEGIN IMMEDIATE");
  if (status.ok()) status = MigrateInTransaction();
  if (!status.ok()) return Named(status);
  absl::StatusOr<LoadedState> state = ReadAll(database_, loader);
  if (!state.ok()) return Named(state.status());
  return state;
}

absl::Status SqliteBackend::MigrateInTransaction() {
  // Anew, since only now nobody else can write.
  absl::StatusOr<StoredSchema> stored = ReadStoredSchema(database_);
  if (!stored.ok()) return stored.status();
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue(database_, *stored);
  if (!catalogue.ok()) return catalogue.status();
  absl::StatusOr<Migration> migration = PlanMigration(database_, *catalogue, mapping_, migrate_);
  if (!migration.ok()) return migration.status();
  if (!migration->plan.allowed()) {
    return absl::UnavailableError("another program changed the database meanwhile; try again");
  }
  absl::Status status = Migrate(database_, *migration, *catalogue, *stored, stored_schema_);
  return status.ok() ? CreateViews(database_, mapping_) : status;
}

// Makes the database what the store needs, and durable: what Load began, or found missing.
absl::Status SqliteBackend::Finish() {
  if (opening_ == Opening::kMigrate) {
    absl::Status status = database_.Exec("COMMIT");
    return status.ok() ? database_.Exec("PRAGMA foreign_keys = ON") : status;
  }
  absl::StatusOr<Database> database = Database::Open(
      path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (is_new_ ? SQLITE_OPEN_CREATE : 0),
      wal_vfs_.name());
  if (!database.ok()) return database.status();
  database_ = *std::move(database);
  absl::Status status = Configure();
  if (status.ok() && is_new_) status = CreateAll();
  if (status.ok() && opening_ == Opening::kDescribeAnew) {
    status = DescribeAnew();
  }
  // The newer program's views are not this one's to make.
  if (status.ok() && opening_ != Opening::kAsOlder && (is_new_ || MayChange()))
    status = RefreshViews(database_, mapping_);
  return status;
}

absl::Status SqliteBackend::CreateAll() {
  return InTransaction([this] {
    absl::Status status;
    for (const std::string& sql : CreateScript(mapping_)) {
      if (status.ok()) status = database_.Exec(sql);
    }
    return status.ok()
               ? WriteCatalogue(database_, nullptr, {}, stored_schema_, CatalogueOf(mapping_))
               : status;
  });
}

// The tables are as they should be; what is said of them is not.
absl::Status SqliteBackend::DescribeAnew() {
  return InTransaction([this]() -> absl::Status {
    absl::StatusOr<StoredSchema> stored = ReadStoredSchema(database_);
    if (!stored.ok()) return stored.status();
    absl::StatusOr<Catalogue> catalogue = ReadCatalogue(database_, *stored);
    // Of damaged descriptors; the tables are those of this program all the same.
    if (!catalogue.ok()) return StoreSchema(database_, stored_schema_);
    absl::StatusOr<Migration> migration = PlanMigration(database_, *catalogue, mapping_, migrate_);
    if (!migration.ok()) return migration.status();
    return WriteCatalogue(database_, &*catalogue, *stored, stored_schema_, migration->next);
  });
}

absl::Status SqliteBackend::InTransaction(absl::FunctionRef<absl::Status()> body) {
  absl::Status status = database_.Exec("BEGIN IMMEDIATE");
  if (status.ok()) status = body();
  if (status.ok()) status = database_.Exec("COMMIT");
  if (!status.ok() && !sqlite3_get_autocommit(database_.get())) {
    database_.Exec("ROLLBACK").IgnoreError();
  }
  return status;
}

}  // namespace kin::persistence::sqlite
