#include "kin/persistence/sqlite/checkpointer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::persistence::sqlite {
namespace {

// So many may be moved while a batch waits, which takes as long as the two syncs that go with it.
constexpr int kFewPages = 128;
// Beside batches, whatever the passes leave.
constexpr int kMostPasses = 4;
// A log that was larger is cut off: 64 MiB, as journal_size_limit.
constexpr int kLargePages = 16384;
// For whoever has just opened the database as well, to let this connection read.
constexpr int kOpenTimeoutMs = 2000;

// The file of the log of `database`; null if there is none.
int LogOf(Database& database, sqlite3_file** log) {
  *log = nullptr;
  const int code = sqlite3_file_control(database.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, log);
  if (code == SQLITE_OK && *log != nullptr && (*log)->pMethods == nullptr) *log = nullptr;
  return code;
}

// Writes what is in a file over itself.
int WriteAgain(sqlite3_file* file) {
  std::string piece(std::size_t{1} << 16, '\0');
  sqlite3_int64 size = 0;
  int code = file->pMethods->xFileSize(file, &size);
  for (sqlite3_int64 at = 0; code == SQLITE_OK && at < size;) {
    const int length =
        static_cast<int>(std::min(size - at, static_cast<sqlite3_int64>(piece.size())));
    code = file->pMethods->xRead(file, piece.data(), length, at);
    if (code == SQLITE_OK) code = file->pMethods->xWrite(file, piece.data(), length, at);
    at += length;
  }
  return code;
}

// What a checkpoint has moved without coming to its end is not synced, and after a sync of the
// file that failed may never be: the next one is to move all of the log again. (SQLite keeps that
// count, and the lock of whoever checkpoints, where https://www.sqlite.org/walformat.html says.)
// REQUIRES: no other connection begins the log anew.
int ForgetMoved(Database& database) {
  constexpr int kIndexBytes = 32768;
  constexpr int kMovedAt = 96;
  constexpr int kCheckpointLock = 1;
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(database.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) return code;
  void volatile* index = nullptr;
  code = file->pMethods->xShmMap(file, 0, kIndexBytes, 0, &index);
  if (code != SQLITE_OK || index == nullptr) return code;
  code = file->pMethods->xShmLock(file, kCheckpointLock, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
  if (code != SQLITE_OK) return code;
  auto* moved =
      reinterpret_cast<volatile std::uint32_t*>(static_cast<volatile char*>(index) + kMovedAt);
  __atomic_store_n(moved, std::uint32_t{0}, __ATOMIC_SEQ_CST);
  return file->pMethods->xShmLock(file, kCheckpointLock, 1,
                                  SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
}

absl::Status SyncOf(Database& database, bool write_again) {
  sqlite3_file* log = nullptr;
  int code = LogOf(database, &log);
  if (code == SQLITE_OK && log != nullptr) {
    if (write_again) code = WriteAgain(log);
    if (code == SQLITE_OK) code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  }
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(code, "cannot sync the write-ahead log");
}

}  // namespace

absl::StatusOr<Moved> Checkpoint(Database& database, int mode) {
  Moved moved;
  const int code = sqlite3_wal_checkpoint_v2(database.get(), "main", mode, &moved.pages_in_log,
                                             &moved.pages_moved);
  // With TRUNCATE, where a reader is in the way: as much is moved as may be, nothing cut off.
  const bool in_part = (code & 0xff) == SQLITE_BUSY && moved.pages_in_log >= 0;
  // Somebody else moves pages: nothing is moved here, and all is left for the next time.
  if ((code & 0xff) == SQLITE_BUSY && !in_part) return Moved{1, 0};
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
  in_doubt_.store(true, std::memory_order_relaxed);
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
  sqlite3_busy_timeout(connection->get(), kOpenTimeoutMs);
  // The log is synced before pages are moved, the file after it.
  absl::Status status = connection->Exec("PRAGMA synchronous = NORMAL");
  // A connection that has never read knows of no log.
  if (status.ok()) status = connection->QueryInt("PRAGMA schema_version").status();
  if (!status.ok()) return status;
  // A checkpoint that waited for readers would keep batches out meanwhile.
  sqlite3_busy_timeout(connection->get(), 0);
  connection_ = *std::move(connection);
  return absl::OkStatus();
}

// To each file that was open when a write failed the kernel reports it once, so also to that of the
// connection which writes: what fails in a checkpoint is not taken for synced by SyncLog.
absl::StatusOr<Moved> Checkpointer::Move(int mode) {
  absl::StatusOr<Moved> moved = Checkpoint(connection_, mode);
  // Not where the disk is full, or somebody else moves pages: no sync has failed then.
  if (!moved.ok() && (sqlite3_errcode(connection_.get()) & 0xff) == SQLITE_IOERR) {
    in_doubt_.store(true, std::memory_order_relaxed);
  }
  return moved;
}

absl::Status Checkpointer::SyncLog(Database& database) {
  if (in_doubt_.load(std::memory_order_relaxed)) {
    absl::MutexLock lock(&mutex_);
    return WriteLogAgain(database);
  }
  absl::MutexLock lock(&sync_);
  absl::Status status = SyncOf(database, /*write_again=*/false);
  if (!status.ok()) in_doubt_.store(true, std::memory_order_relaxed);
  return status;
}

// The kernel reports a failed write once, and then takes the page for written: to sync again would
// prove nothing. So the log is written once more first. A checkpoint in its place, which would
// write the same into the database, is no way out: cut off by a power failure, it would leave the
// database half changed, and beside it a log with a hole, which could not complete it. The
// transaction, which changes nothing, keeps everybody from adding to the log or beginning it anew.
absl::Status Checkpointer::WriteLogAgain(Database& database) {
  absl::Status status = database.Exec("BEGIN IMMEDIATE");
  if (!status.ok()) return status;
  status = SyncOf(database, /*write_again=*/true);
  if (status.ok()) {
    const int code = ForgetMoved(database);
    if (code != SQLITE_OK) status = ToStatus(code, "cannot have the log moved again");
  }
  absl::Status ended = database.Exec("ROLLBACK");
  status.Update(ended);
  in_doubt_.store(!status.ok(), std::memory_order_relaxed);
  return status;
}

absl::Status Checkpointer::Run() {
  absl::MutexLock lock(&mutex_);
  absl::Status status;
  {
    // A file that is opened while a sync fails is not told of it.
    absl::MutexLock no_sync(&sync_);
    status = Open();
  }
  if (!status.ok()) return status;
  const bool after_fault = std::exchange(failed_, true);
  if (in_doubt_.load(std::memory_order_relaxed)) {
    absl::MutexLock turn(&turn_);
    absl::MutexLock no_batch(&batch_);
    status = WriteLogAgain(connection_);
    if (!status.ok()) return status;
  }
  int to_move = log_pages_.load(std::memory_order_relaxed);
  bool grew = after_fault;
  for (int pass = 1;; ++pass) {
    absl::StatusOr<Moved> moved = Move(SQLITE_CHECKPOINT_PASSIVE);
    if (!moved.ok()) return moved.status();
    absl::MutexLock turn(&turn_);
    absl::MutexLock no_batch(&batch_);
    const int pages = log_pages_.load(std::memory_order_relaxed);
    // With fewer pages than there were, a batch has begun the log anew.
    const int before = pages >= moved->pages_in_log ? moved->pages_moved : 0;
    const int left = pages - before;
    // A pass that leaves more than there was had a large batch beside it, or batches write faster
    // than pages are moved. If it is so twice in a row, the passes to come would only have more to
    // do. After a fault, where all of the log may be moved again, once is enough: the log would be
    // as many times longer after each.
    const bool grows = left > to_move;
    if (left > kFewPages && pass < kMostPasses && !(grows && grew)) {
      to_move = left;
      grew = grows || after_fault;
      continue;
    }
    moved = Move(pages >= kLargePages ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE);
    if (!moved.ok()) return moved.status();
    if (moved->all()) log_pages_.store(0, std::memory_order_relaxed);
    // A reader is in the way: no use in trying again after the next batch.
    due_at_.store(moved->all() ? kDuePages : pages + kDuePages, std::memory_order_relaxed);
    failed_ = false;
    return absl::OkStatus();
  }
}

absl::Status Checkpointer::Close(Database& database) {
  absl::MutexLock lock(&mutex_);
  // The last connection moves what is in the log.
  absl::Status status =
      in_doubt_.load(std::memory_order_relaxed) ? WriteLogAgain(database) : absl::OkStatus();
  if (!status.ok() || !connection_) return status;
  return connection_.Close();
}

}  // namespace kin::persistence::sqlite
