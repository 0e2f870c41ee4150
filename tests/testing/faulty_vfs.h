// SQLite's way to the file system, with faults: calls that fail, a disk that is full, power that
// goes.
#ifndef KIN_TESTS_TESTING_FAULTY_VFS_H_
#define KIN_TESTS_TESTING_FAULTY_VFS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kin::testing {

// A VFS of SQLite's over the usual one, under a name of its own. Outlives every connection through
// it.
//
// Keeps, beside each file, what the disk holds of it: what was there when it was last synced, and
// each write since, of which a power cut keeps any part. Thread-safe.
class FaultyVfs {
 public:
  enum class Op { kOpen, kRead, kWrite, kSync, kTruncate, kLock, kSharedMemory, kDelete, kSize };
  enum class How {
    kError,       // The call does nothing, and says so.
    kDiskFull,    // The same, with another code; of kWrite only.
    kShortWrite,  // Half of it is written; of kWrite only.
    kBusy,        // As if another connection were in the way; of kLock only.
    kLate,        // All is done, and an error returned; of kWrite, kSync and kTruncate.
    // Of what was written since the last sync any part is on the disk, and the rest counts as if it
    // were, so that no later sync brings it there: as kernels do. Of kSync only.
    kLost,
  };
  static constexpr Op kAllOps[] = {Op::kOpen,         Op::kRead,     Op::kWrite,
                                   Op::kSync,         Op::kTruncate, Op::kLock,
                                   Op::kSharedMemory, Op::kDelete,   Op::kSize};

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const { return name_; }

  // From now on every `every`th call of `op` fails, the first of them after `every` calls. Of
  // kWrite, kSync and kTruncate only those count whose file's name ends with `suffix`.
  void FailEvery(Op op, int every, How how = How::kError, std::string suffix = "");
  // From now on no file can grow once `bytes` more have been written to any.
  void FillDisk(std::int64_t bytes);
  // No fault from now on, and no BeforeWrite.
  void Heal();
  // From now on `call` is called before each write to a file whose name ends with `suffix`, on the
  // thread that writes: a test can have something happen meanwhile.
  void BeforeWrite(std::string suffix, std::function<void()> call);
  // Faults that happened, and calls that were made, these included.
  std::int64_t faults() const;
  std::int64_t calls(Op op) const;

  // After `calls` more calls every call fails, as if the process were dead. When all connections
  // are closed, one of the two follows:
  void Die(std::int64_t calls = 0);
  bool dead() const;
  // The same, and not as if: the next call after that kills the process.
  void Kill(std::int64_t calls);
  // Only the process was dead: files are as it left them.
  void Restart();
  // The power was off: each file has the contents that the disk holds, which is what was there when
  // it was last synced, and of what was written since any part, in pieces of 512 bytes; what was
  // made or deleted since is made or deleted or not.
  void PowerOn(std::uint64_t seed);

  // For the callbacks of SQLite.
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  const std::string name_;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_FAULTY_VFS_H_
