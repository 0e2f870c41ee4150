// One store owns a database.
#ifndef KIN_PERSISTENCE_SQLITE_OWNER_LOCK_H_
#define KIN_PERSISTENCE_SQLITE_OWNER_LOCK_H_

#include <string>

#include "absl/status/statusor.h"

namespace kin::persistence::sqlite {

// Holds a lock on a file beside the database. The kernel gives the lock up when the owner dies,
// however it dies. The database itself is not locked so, because to close a file drops the locks
// that SQLite, in the same process, has on it.
//
// flock(2): it excludes other owners in this process as well as in others. Thread-compatible.
class OwnerLock {
 public:
  // Locks `path`, which is made if it is not there. UNAVAILABLE: somebody else has it; says who.
  static absl::StatusOr<OwnerLock> Acquire(const std::string& path);

  OwnerLock() = default;
  OwnerLock(OwnerLock&& other) noexcept;
  OwnerLock& operator=(OwnerLock&& other) noexcept;
  ~OwnerLock() { Release(); }

  // Removes the file and gives the lock up. Does nothing if none is held.
  void Release();

 private:
  OwnerLock(std::string path, int file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  int file_ = -1;
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_OWNER_LOCK_H_
