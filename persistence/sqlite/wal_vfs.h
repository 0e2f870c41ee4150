// SQLite's way to the file system, with fewer calls for the write-ahead log.
#ifndef KIN_PERSISTENCE_SQLITE_WAL_VFS_H_
#define KIN_PERSISTENCE_SQLITE_WAL_VFS_H_

#include <memory>
#include <string>

namespace kin::persistence::sqlite {

// SQLite writes each page that goes into the log with two calls, one of them for 24 bytes, and much
// of what a call costs is the way into the system and out. Through this VFS the pages that a COMMIT
// writes go there together: within a Commit they are kept until the one that ends the transaction,
// or until something else is asked of the file. Whatever cannot be written fails the COMMIT, and
// afterwards nothing is kept.
//
// All else is done by the VFS below, whose functions other than xOpen must not mind to be called
// with another sqlite3_vfs than theirs that has the same pAppData; SQLite's own do not. For one
// connection at a time, and outlives it. Thread-compatible.
class WalVfs {
 public:
  // `below`: the name of a VFS that is registered; empty for the default.
  explicit WalVfs(const std::string& below);
  ~WalVfs();
  WalVfs(const WalVfs&) = delete;
  WalVfs& operator=(const WalVfs&) = delete;

  // For sqlite3_open_v2. That of the VFS below if there is no such VFS.
  const std::string& name() const { return name_; }

  struct Impl;

  // To be alive while the connection executes COMMIT. If that fails, ROLLBACK is to follow.
  class Commit {
   public:
    explicit Commit(const WalVfs& vfs);
    ~Commit();
    Commit(const Commit&) = delete;
    Commit& operator=(const Commit&) = delete;

   private:
    Impl* const impl_;
    const void* const log_;  // The one that keeps.
  };

 private:
  const std::unique_ptr<Impl> impl_;  // Null: there is no VFS below.
  const std::string name_;
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_WAL_VFS_H_
