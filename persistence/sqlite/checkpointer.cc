#include "kin/persistence/sqlite/checkpointer.h"

#include <sys/stat.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::persistence::sqlite {
namespace {

// So many may be moved while a batch waits, which takes as long as the two syncs that go with it.
constexpr int kFewPages = 128;
// Where batches write faster than pages are moved, it never comes to a few.
constexpr int kMostPasses = 4;
// A log that was larger is cut off: 64 MiB, as journal_size_limit.
constexpr int kLargePages = 16384;

}  // namespace

absl::StatusOr<Moved> Checkpoint(Database& database, int mode) {
  Moved moved;
  const int code = sqlite3_wal_checkpoint_v2(database.get(), "main", mode, &moved.pages_in_log,
                                             &moved.pages_moved);
  // With TRUNCATE, where a reader is in the way: as much is moved as may be, nothing cut off.
  const bool in_part = (code & 0xff) == SQLITE_BUSY && moved.pages_in_log >= 0;
  if (code != SQLITE_OK && !in_part) return database.ErrorOf(code);
  return moved;
}

void Checkpointer::Watch(const std::string& path, const std::string& vfs) {
  path_ = path;
  vfs_ = vfs;
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    device_ = info.st_dev;
    file_ = info.st_ino;
  }
}

absl::Status Checkpointer::Open() {
  if (connection_) return absl::OkStatus();
  struct stat info;
  if (stat(path_.c_str(), &info) != 0 || info.st_dev != device_ || info.st_ino != file_) {
    return absl::UnavailableError(
        "the file was moved away or deleted while the store is open; bring it back");
  }
  absl::StatusOr<Database> connection =
      Database::Open(path_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs_);
  if (!connection.ok()) return connection.status();
  // The log is synced before pages are moved, the file after it.
  absl::Status status = connection->Exec("PRAGMA synchronous = NORMAL");
  // A connection that has never read knows of no log.
  if (status.ok()) status = connection->QueryInt("PRAGMA schema_version").status();
  if (!status.ok()) return status;
  connection_ = *std::move(connection);
  return absl::OkStatus();
}

absl::Status Checkpointer::Run() {
  absl::MutexLock lock(&mutex_);
  absl::Status status = Open();
  if (!status.ok()) return status;
  for (int pass = 1;; ++pass) {
    absl::StatusOr<Moved> moved = Checkpoint(connection_, SQLITE_CHECKPOINT_PASSIVE);
    if (!moved.ok()) return moved.status();
    absl::MutexLock turn(&turn_);
    absl::MutexLock no_batch(&batch_);
    const int pages = log_pages_.load(std::memory_order_relaxed);
    if (pages - moved->pages_moved > kFewPages && pass < kMostPasses) continue;
    moved = Checkpoint(
        connection_, pages >= kLargePages ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    if (!moved.ok()) return moved.status();
    if (moved->all()) log_pages_.store(0, std::memory_order_relaxed);
    // A reader is in the way: no use in trying again after the next batch.
    due_at_.store(moved->all() ? kDuePages : pages + kDuePages, std::memory_order_relaxed);
    return absl::OkStatus();
  }
}

absl::StatusOr<bool> Checkpointer::MoveAll() {
  absl::MutexLock lock(&mutex_);
  absl::Status status = Open();
  if (!status.ok()) return status;
  absl::StatusOr<Moved> moved = Checkpoint(connection_, SQLITE_CHECKPOINT_PASSIVE);
  if (!moved.ok()) return moved.status();
  return moved->all();
}

absl::Status Checkpointer::Close() {
  absl::MutexLock lock(&mutex_);
  return connection_ ? connection_.Close() : absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
