// Opening, closing and the chores of an SQLite database. Applying is in backend_apply.cc.
#include "kin/persistence/sqlite/backend.h"

#include <sys/stat.h>

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/database_file.h"
#include "kin/persistence/sqlite/stale_rows.h"

namespace kin::persistence::sqlite {
namespace {

// How long others may keep Kin from opening a database, and from beginning a batch. The second is
// short because write-behind tries again by itself.
constexpr int kOpenTimeoutMs = 2000;
constexpr int kApplyTimeoutMs = 100;

// As SQLite advises for files that somebody may have damaged or edited: pages are looked at more
// closely, and functions that the schema names have no side effects.
absl::Status DistrustFile(Database& database) {
  absl::Status status = database.Exec("PRAGMA trusted_schema = OFF");
  return status.ok() ? database.Exec("PRAGMA cell_size_check = ON") : status;
}

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && info.st_size > 0;
}

}  // namespace

SqliteBackend::SqliteBackend(std::string path, std::string vfs, MigrateOptions migrate)
    : given_path_(std::move(path)),
      vfs_(std::move(vfs)),
      wal_vfs_(vfs_),
      migrate_(std::move(migrate)) {}

SqliteBackend::~SqliteBackend() {
  // A log that may have a hole is left to whoever opens it next.
  if (database_ && checkpointer_.in_doubt()) {
    sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  ForgetStatements();
}

absl::Status SqliteBackend::Named(const absl::Status& status) const {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(given_path_, ": ", status.message()));
}

absl::Status SqliteBackend::Prepare(const Schema& schema) {
  absl::StatusOr<Mapping> mapping = Mapping::Of(schema.graph());
  if (!mapping.ok()) return mapping.status();
  schema_ = schema;
  mapping_ = *std::move(mapping);
  stored_schema_ = SchemaToStore(mapping_, schema_->graph());
  absl::StatusOr<Limits> limits = Limits::OfSqlite();
  if (!limits.ok()) return limits.status();
  limits_ = *limits;
  absl::Status status = CheckLimits(mapping_, limits_);
  if (!status.ok()) return status;
  for (const Table& table : mapping_.tables) {
    surely_fits_.push_back(SurelyFits(table, limits_));
    reflections_.push_back(schema_->NewRecord(table.model)->GetReflection());
    id_names_.push_back(table.graph_model->name);
  }
  absl::StatusOr<std::string> path = ResolvePath(given_path_);
  if (!path.ok()) return path.status();
  path_ = *path;
  return absl::OkStatus();
}

absl::StatusOr<LoadedState> SqliteBackend::Load(const Schema& schema, Loader& loader) {
  absl::Status status = Prepare(schema);
  if (status.ok()) status = CheckWritable(path_);
  if (!status.ok()) return status;
  absl::StatusOr<OwnerLock> owner = OwnerLock::Acquire(path_ + "-lock");
  if (!owner.ok()) return Named(owner.status());
  owner_ = *std::move(owner);

  absl::StatusOr<LoadedState> state = LoadLocked(loader);
  if (!state.ok()) {
    database_ = Database();  // Rolls back what was begun.
    owner_.Release();
    return state;
  }
  written_ids_ = state->next_ids;
  return state;
}

// A connection that has begun to read; sets is_new_ if there is nothing to be read.
absl::StatusOr<Database> SqliteBackend::OpenToRead() {
  absl::StatusOr<bool> is_new = IsNew(path_);
  if (!is_new.ok()) return is_new.status();
  is_new_ = *is_new;
  if (is_new_) return Database();
  // A crash while the database was made, or another program's, may have left a rollback journal,
  // which only a connection that can write may play back.
  const int mode = Exists(path_ + "-journal") ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  absl::StatusOr<Database> database = Database::Open(path_, mode | SQLITE_OPEN_NOMUTEX, vfs_);
  if (!database.ok()) return database.status();
  // One that can write would move the log into the file when it is closed.
  sqlite3_db_config(database->get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  absl::Status status = CheckHeader(path_, *database);
  if (!status.ok()) return status;
  sqlite3_busy_timeout(database->get(), kOpenTimeoutMs);
  status = DistrustFile(*database);
  if (status.ok()) status = database->Exec("BEGIN");
  if (!status.ok()) return Named(status);
  absl::StatusOr<bool> is_empty = IsEmpty(*database);
  if (!is_empty.ok()) return Named(is_empty.status());
  is_new_ = *is_empty;
  if (!is_new_) return database;
  // Of a file that was there it cannot be changed any more.
  absl::StatusOr<std::string> encoding = database->QueryText("PRAGMA encoding");
  if (!encoding.ok()) return Named(encoding.status());
  if (*encoding == "UTF-8") return database;
  return Named(absl::FailedPreconditionError(
      "is a database for text that is not UTF-8; give the path of another file"));
}

absl::StatusOr<LoadedState> SqliteBackend::LoadLocked(Loader& loader) {
  absl::StatusOr<Database> database = OpenToRead();
  if (!database.ok()) return database.status();
  if (is_new_) return LoadedState{0, std::vector<std::uint64_t>(mapping_.tables.size(), 0)};
  absl::StatusOr<Opening> opening = Decide(*database);
  if (!opening.ok()) return Named(opening.status());
  opening_ = *opening;
  if (opening_ == Opening::kMigrate) {
    database = Database();
    return MigrateAndRead(loader);
  }
  absl::StatusOr<LoadedState> state = ReadAll(*database, loader);
  if (!state.ok()) return Named(state.status());
  return state;
}

namespace {

absl::string_view TextOf(Violation::Kind kind) {
  switch (kind) {
    case Violation::Kind::kMissingParent:
      return "broken reference: ";
    case Violation::Kind::kDuplicate:
      return "duplicate value: ";
    case Violation::Kind::kValue:
      return "value not allowed: ";
  }
  return "";
}

}  // namespace

absl::Status SqliteBackend::Describe(absl::Span<const Violation> violations) {
  constexpr std::size_t kMost = 20;
  std::string message = absl::StrCat(given_path_, ": ");
  for (std::size_t i = 0; i < violations.size() && i < kMost; ++i) {
    const Violation& violation = violations[i];
    const Table& table = mapping_.tables[violation.model];
    std::string columns;
    for (const google::protobuf::FieldDescriptor* field : violation.fields) {
      absl::StrAppend(&columns, columns.empty() ? "" : ", ", table.columns[field->index()].name);
    }
    absl::StrAppend(&message, i == 0 ? "" : "; ", table.Describe(*violation.record), ", column ",
                    columns, ": ", TextOf(violation.kind), violation.detail);
  }
  if (violations.size() > kMost) {
    absl::StrAppend(&message, "; and ", violations.size() - kMost, " more");
  }
  return absl::DataLossError(message);
}

absl::Status SqliteBackend::Start() {
  absl::Status status = Finish();
  checkpointer_.Watch(path_, vfs_);
  if (status.ok()) status = checkpointer_.SyncLog(database_);
  if (status.ok()) status = Checkpoint(database_, SQLITE_CHECKPOINT_PASSIVE).status();
  // From here on a commit is in the log when it returns, and on the disk after Sync.
  if (status.ok()) status = database_.Exec("PRAGMA synchronous = NORMAL");
  if (!status.ok()) return Named(status);
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  status = PrepareStatements();
  if (!status.ok()) return Named(status);
  return Named(RewriteStaleRows(database_, *schema_, mapping_, stale_tables_, &writers_));
}

absl::Status SqliteBackend::PrepareStatements() {
  if (write_id_) return absl::OkStatus();
  ForgetStatements();
  for (int table = 0; table < static_cast<int>(mapping_.tables.size()); ++table) {
    writers_.emplace_back(&database_, &*schema_, &mapping_, table);
    absl::Status status = writers_.back().Prepare();
    if (!status.ok()) return status;
  }
  for (auto [sql, statement] :
       {std::pair("BEGIN IMMEDIATE", &begin_), std::pair("COMMIT", &commit_),
        std::pair("SELECT \"value\" FROM \"_kin_meta\" WHERE \"key\" = 'commit'", &read_commit_),
        std::pair("UPDATE \"_kin_meta\" SET \"value\" = ? WHERE \"key\" = 'commit'",
                  &write_commit_),
        std::pair("INSERT INTO \"_kin_ids\" (\"model\", \"next\") VALUES (?, ?) "
                  "ON CONFLICT (\"model\") DO UPDATE SET \"next\" = excluded.\"next\"",
                  &write_id_)}) {
    absl::StatusOr<Statement> prepared = database_.Prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return absl::OkStatus();
}

absl::Status SqliteBackend::Configure() {
  // Should the database be refused after all, file and log stay what they were.
  sqlite3_db_config(database_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  absl::Status distrust = DistrustFile(database_);
  if (!distrust.ok()) return distrust;
  sqlite3_busy_timeout(database_.get(), kOpenTimeoutMs);
  // In place of SQLite's own checkpoints, which the commit that fills the log would have to wait
  // for.
  sqlite3_wal_hook(
      database_.get(),
      [](void* backend, sqlite3*, const char*, int pages) {
        static_cast<SqliteBackend*>(backend)->checkpointer_.Grown(pages);
        return SQLITE_OK;
      },
      this);
  for (const char* sql :
       {"PRAGMA encoding = 'UTF-8'", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON", "PRAGMA recursive_triggers = OFF",
        // Batches are in key order: they pass through the cache once.
        "PRAGMA cache_size = -16384",
        // What a large batch needed is given back.
        "PRAGMA journal_size_limit = 67108864", "PRAGMA temp_store = MEMORY",
        // Debian's SQLite overwrites what is deleted unless told otherwise.
        "PRAGMA secure_delete = OFF"}) {
    absl::Status status = database_.Exec(sql);
    if (!status.ok()) return status;
  }
  absl::StatusOr<std::string> mode = database_.QueryText("PRAGMA journal_mode");
  if (!mode.ok()) return mode.status();
  if (*mode != "wal") {
    return absl::UnavailableError(
        "SQLite cannot keep a write-ahead log here; a network file system may be why");
  }
  sqlite3_busy_timeout(database_.get(), kApplyTimeoutMs);
  return absl::OkStatus();
}

absl::Status SqliteBackend::Sync() { return Named(checkpointer_.SyncLog(database_)); }

absl::Status SqliteBackend::Tidy() { return Named(checkpointer_.Run()); }

absl::Status SqliteBackend::Close() {
  if (database_) {
    absl::Status status = checkpointer_.Close(database_);
    if (!status.ok()) return Named(status);
    ForgetStatements();
    // The last connection moves what is in the log, and removes it.
    status = database_.Close();
    if (!status.ok()) return Named(status);
  }
  owner_.Release();
  return absl::OkStatus();
}

void SqliteBackend::ForgetStatements() {
  writers_.clear();
  begin_ = Statement();
  commit_ = Statement();
  read_commit_ = Statement();
  write_commit_ = Statement();
  write_id_ = Statement();
}

}  // namespace kin::persistence::sqlite
