// SQLite's way to the file system, with fewer calls for the write-ahead log.
#ifndef KIN_PERSISTENCE_SQLITE_WAL_VFS_H_
#define KIN_PERSISTENCE_SQLITE_WAL_VFS_H_

#include <memory>
#include <string>

namespace kin::persistence::sqlite {

// SQLite writes each page that goes into the log with two calls, one of them for 24 bytes, and much
// of what a call costs is the way into the system and out. Through this VFS the pages of a
// transaction go there together: what is to be written is kept until the frame that commits, or
// until something else is asked of the file. Nobody looks for it earlier, since that frame is what
// others go by. What cannot be written is reported by the call that would have had to write it,
// and then by all that would go on behind it, until the log goes on from there or before.
//
// All else is done by the VFS below. Outlives every connection through it.
class WalVfs {
 public:
  // `below`: the name of a registered VFS; empty for the default. Without one, opening fails.
  explicit WalVfs(const std::string& below);
  ~WalVfs();
  WalVfs(const WalVfs&) = delete;
  WalVfs& operator=(const WalVfs&) = delete;

  // For sqlite3_open_v2.
  const std::string& name() const { return name_; }

  struct Impl;

 private:
  const std::string name_;
  const std::unique_ptr<Impl> impl_;  // Null: there is no VFS below.
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_WAL_VFS_H_
