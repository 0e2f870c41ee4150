// An SQLite database as a backend of write-behind.
#ifndef KIN_PERSISTENCE_SQLITE_BACKEND_H_
#define KIN_PERSISTENCE_SQLITE_BACKEND_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/persistence/backend.h"
#include "kin/persistence/evolution/migration.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/checkpointer.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/persistence/sqlite/older.h"
#include "kin/persistence/sqlite/owner_lock.h"
#include "kin/persistence/sqlite/record_limits.h"
#include "kin/persistence/sqlite/table_writer.h"
#include "kin/persistence/sqlite/tables.h"
#include "kin/persistence/sqlite/wal_vfs.h"

namespace kin::persistence::sqlite {

struct Migration;  // migration_plan.h.

// Reads the file through a connection that cannot write until Start, so that a database which is
// refused is left as it was; but for one that needs a migration, and is allowed it: that is made,
// read, and judged in one transaction, which Start commits. Then holds one connection, in WAL mode:
// Apply writes to the log, Sync syncs the log. Tidy moves what is in it into the file, on another.
//
// Threads as Backend says.
class SqliteBackend final : public Backend {
 public:
  // `vfs`: SQLite's way to the file system; empty for the default.
  explicit SqliteBackend(std::string path, std::string vfs = "", MigrateOptions migrate = {});
  ~SqliteBackend() override;

  absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) override;
  absl::Status Describe(absl::Span<const Violation> violations) override;
  absl::Status Start() override;
  absl::Status Admit(absl::Span<const Change> changes) const override;
  absl::Status Apply(const Batch& batch) override;
  absl::Status Sync() override;
  bool NeedsTidy() const override { return checkpointer_.due(); }
  absl::Status Tidy() override;
  absl::Status Close() override;

  // See kin::PlanMigration. Of the methods above none is called before or after.
  absl::StatusOr<MigrationPlan> Plan(const Schema& schema);
  // See kin::Adopt. The same.
  absl::Status Adopt(const Schema& schema);

 private:
  absl::Status Prepare(const Schema& schema);
  absl::StatusOr<Database> OpenToRead();
  absl::Status AdoptLocked();
  absl::StatusOr<LoadedState> LoadLocked(Loader& loader);
  // What is to be done about the schema of a database.
  enum class Opening { kAsItIs, kDescribeAnew, kAsOlder, kMigrate };
  absl::StatusOr<Opening> Decide(Database& database);
  absl::StatusOr<Opening> DecideOnChange(Database& database, const StoredSchema& stored,
                                         const Catalogue& catalogue);
  // Whether it is this program's, to the last comment.
  bool IsStored(const StoredSchema& stored) const;
  absl::StatusOr<MigrationPlan> PlanChange(Database& database);
  // A refused step for each table in which somebody put what could refuse a record.
  absl::Status AddObstacles(Database& database, const Mapping& mapping, MigrationPlan* plan);
  bool MayChange() const;
  bool GoesOnAsOlder(const Catalogue& catalogue, const Migration& migration) const;
  absl::Status FitAsOlder(Database& database, const Catalogue& catalogue,
                          const MigrationPlan& plan);
  absl::StatusOr<LoadedState> ReadAll(Database& database, Loader& loader);
  // Changes the database, in a transaction that Start ends.
  absl::StatusOr<LoadedState> MigrateAndRead(Loader& loader);
  absl::Status MigrateInTransaction();
  absl::Status CreateAll();
  absl::Status DescribeAnew();
  absl::Status InTransaction(absl::FunctionRef<absl::Status()> body);
  absl::Status Finish();
  absl::Status Configure();
  // What batches need, unless that is done.
  absl::Status PrepareStatements();
  absl::Status ApplyInTransaction(const Batch& batch, bool* already_applied);
  absl::Status WriteRows(const Batch& batch);
  absl::Status WriteState(const Batch& batch);
  // The error with the name of the file in front.
  absl::Status Named(const absl::Status& status) const;
  void ForgetStatements();

  const std::string given_path_;
  const std::string vfs_;
  const WalVfs wal_vfs_;  // For the connection that writes.

  // Constant after Load.
  std::string path_;
  std::optional<Schema> schema_;
  Mapping mapping_;
  StoredSchema stored_schema_;
  const MigrateOptions migrate_;
  std::vector<std::string> id_names_;  // By model: its name in _kin_ids.
  bool is_new_ = false;
  Opening opening_ = Opening::kAsItIs;
  std::vector<Guard> guards_;      // If this program is older than the database.
  std::vector<int> stale_tables_;  // In which Start has rows to rewrite (stale_rows.h).
  Limits limits_;
  std::vector<std::int64_t> surely_fits_;  // By model.
  // By model. To ask a record for it takes protobuf some 200 instructions.
  std::vector<const google::protobuf::Reflection*> reflections_;

  OwnerLock owner_;
  Database database_;  // From Start on.
  std::vector<TableWriter> writers_;
  Statement begin_;
  Statement commit_;
  Statement read_commit_;
  Statement write_commit_;
  Statement write_id_;  // The last that is prepared.
  std::vector<std::uint64_t> written_ids_;
  Checkpointer checkpointer_;  // Goes before the connection that writes.
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_BACKEND_H_
