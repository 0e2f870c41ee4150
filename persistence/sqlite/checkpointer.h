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

  // Of the database at `path`, which is open. Whatever else is put there later is not touched.
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

  // Moves the whole log, between batches; false if a reader is in the way.
  absl::StatusOr<bool> MoveAll() ABSL_LOCKS_EXCLUDED(mutex_);

  // Closes the connection, which Run would open again.
  absl::Status Close() ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Pages of the log from which on it is moved.
  static constexpr int kDuePages = 1000;

  absl::Status Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after Watch.
  std::string path_;
  std::string vfs_;
  dev_t device_ = 0;
  ino_t file_ = 0;

  absl::Mutex mutex_ ABSL_ACQUIRED_BEFORE(turn_);  // Held by whoever moves pages.
  Database connection_ ABSL_GUARDED_BY(mutex_);
  // Batches that follow each other at once would leave nobody in between: each takes its turn, but
  // whoever holds that while it waits comes next.
  absl::Mutex turn_ ABSL_ACQUIRED_BEFORE(batch_);
  absl::Mutex batch_;

  std::atomic<int> log_pages_{0};
  std::atomic<int> due_at_{kDuePages};
};

// Moves what may be moved of the log of `database`, in one of SQLite's modes.
struct Moved {
  int pages_in_log = 0;
  int pages_moved = 0;
  bool all() const { return pages_moved == pages_in_log; }
};
absl::StatusOr<Moved> Checkpoint(Database& database, int mode);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_CHECKPOINTER_H_
