// Moves the write-ahead log into the database's file, beside the batches that lengthen it.
#ifndef KIN_PERSISTENCE_SQLITE_CHECKPOINTER_H_
#define KIN_PERSISTENCE_SQLITE_CHECKPOINTER_H_

#include <sys/types.h>

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// Moves what may be moved of the log of `database`, in one of SQLite's modes.
struct Moved {
  int pages_in_log = 0;
  int pages_moved = 0;
  bool all() const { return pages_moved == pages_in_log; }
};
absl::StatusOr<Moved> Checkpoint(Database& database, int mode);

// A connection of its own, opened when it is first needed, does what takes time while the other one
// writes. But SQLite begins the log anew only when all of it is in the file at the moment in which
// a batch begins, which beside a writer that never rests would never be so: the log would grow
// without end. So the last few pages are moved while batches are kept out.
//
// Thread-safe, except for Watch, which comes first.
class Checkpointer {
 public:
  Checkpointer() = default;
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Of the database at `path`, which is open. Whatever else is put there later is not touched. What
  // an owner that died left in the log may only seem to be synced: the first sync writes it again.
  void Watch(const std::string& path, const std::string& vfs);

  // Held from the beginning of a batch to its end.
  class ABSL_SCOPED_LOCKABLE Batch {
   public:
    explicit Batch(Checkpointer* checkpointer) ABSL_EXCLUSIVE_LOCK_FUNCTION(checkpointer->batch_)
        : checkpointer_(checkpointer) {
      absl::MutexLock turn(&checkpointer->turn_);
      checkpointer->batch_.Lock();
    }
    ~Batch() ABSL_UNLOCK_FUNCTION() { checkpointer_->batch_.Unlock(); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

   private:
    Checkpointer* const checkpointer_;
  };

  // After a batch: the log has so many pages.
  void Grown(int pages) { log_pages_.store(pages, std::memory_order_relaxed); }
  bool due() const {
    return log_pages_.load(std::memory_order_relaxed) >= due_at_.load(std::memory_order_relaxed);
  }

  // Moves the log, so that the next batch begins it anew, unless a reader of the database keeps an
  // old state of it; then as much as may be. Keeps batches out for the last few pages only.
  absl::Status Run() ABSL_LOCKS_EXCLUDED(mutex_, turn_, batch_);

  // Syncs the log, over the connection that writes to it. Between batches; beside Run. After a sync
  // that failed, here or in a checkpoint, what is in the log is written once more before.
  absl::Status SyncLog(Database& database) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether what is in the log, or was moved from it, may not be on the disk, whatever was synced.
  bool in_doubt() const { return in_doubt_.load(std::memory_order_relaxed); }

  // Closes the connection, which Run would open again. `database` is to be closed next; what is in
  // the log can be moved then.
  absl::Status Close(Database& database) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Pages of the log from which on it is moved.
  static constexpr int kDuePages = 1000;

  absl::Status Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Moved> Move(int mode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // REQUIRES: no batch is being written.
  absl::Status WriteLogAgain(Database& database) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after Watch.
  std::string path_;
  std::string vfs_;
  dev_t device_ = 0;
  ino_t file_ = 0;

  absl::Mutex mutex_ ABSL_ACQUIRED_BEFORE(turn_);  // Held by whoever moves pages.
  Database connection_ ABSL_GUARDED_BY(mutex_);
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;  // The last Run that had a connection.
  // Batches that follow each other at once would leave nobody in between: each takes its turn, but
  // whoever holds that while it waits comes next.
  absl::Mutex turn_ ABSL_ACQUIRED_BEFORE(batch_);
  absl::Mutex batch_;

  // Held where the log is synced, but for what holds mutex_.
  absl::Mutex sync_ ABSL_ACQUIRED_AFTER(mutex_);

  // What is in the log may not reach the disk by a sync alone, nor what was moved from it. Set by
  // whoever sees a sync fail; cleared under mutex_.
  std::atomic<bool> in_doubt_{false};
  std::atomic<int> log_pages_{0};
  std::atomic<int> due_at_{kDuePages};
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_CHECKPOINTER_H_
