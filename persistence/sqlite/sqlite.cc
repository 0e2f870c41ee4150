#include "kin/persistence/sqlite.h"

#include <algorithm>
#include <utility>

#include "kin/persistence/sqlite/backend.h"
#include "kin/persistence/write_behind.h"

namespace kin {

std::unique_ptr<Persistence> Sqlite(std::string path, SqliteOptions options) {
  persistence::WriteBehindOptions write_behind;
  write_behind.flush_after = options.flush_after;
  write_behind.max_bytes = options.max_lag_bytes;
  // Wakes the writer well before anybody has to wait.
  write_behind.flush_bytes = std::min(write_behind.flush_bytes, options.max_lag_bytes / 4);
  write_behind.space_timeout = options.space_timeout;
  write_behind.on_halt = std::move(options.on_halt);
  return std::make_unique<persistence::WriteBehind>(
      std::make_unique<persistence::sqlite::SqliteBackend>(std::move(path), "",
                                                           std::move(options.migrate)),
      std::move(write_behind));
}

absl::StatusOr<MigrationPlan> PlanMigration(const std::string& path, const Schema& schema,
                                            const MigrateOptions& options) {
  if (!schema.status().ok()) return schema.status();
  return persistence::sqlite::SqliteBackend(path, "", options).Plan(schema);
}

absl::Status Adopt(const std::string& path, const Schema& schema) {
  if (!schema.status().ok()) return schema.status();
  return persistence::sqlite::SqliteBackend(path).Adopt(schema);
}

}  // namespace kin
