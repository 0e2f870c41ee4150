#include "kin/persistence/sqlite/wal_vfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kin::persistence::sqlite {
namespace {

// What stands in front of each page, and in it the size of the database if the page is the last of
// a transaction, else 0: https://www.sqlite.org/walformat.html.
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kSizeAt = 4;
constexpr absl::string_view kNoSize("\0\0\0\0", 4);
// What is written with one call at most. More would gain nothing, and SQLite's own VFS cannot write
// 128 KiB at once.
constexpr std::size_t kMostKept = std::size_t{64} << 10;

// A log, through which one thread writes at a time.
class Log {
 public:
  explicit Log(sqlite3_file* file) : file_(file) {}  // Of the VFS below.

  // False: no memory. To be asked once, before anything else.
  bool Reserve() {
    kept_.reset(new (std::nothrow) char[kMostKept]);
    return kept_ != nullptr;
  }
  sqlite3_file* file() const { return file_; }

  void set_keeping(bool keeping) {
    keeping_ = keeping;
    failed_ = SQLITE_OK;
    size_ = 0;  // Of a COMMIT that has failed otherwise.
    commits_ = false;
  }

  // SQLite writes the pages of a COMMIT, each as a header and a page, some of them where they were
  // already; then, once the transaction's last is written, perhaps headers anew, for which nobody
  // would see to it that they are written.
  int Write(absl::string_view bytes, sqlite3_int64 offset) {
    if (failed_ != SQLITE_OK) return failed_;
    if (!keeping_) return WriteBelow(bytes, offset);
    if (offset != start_ + static_cast<sqlite3_int64>(size_) || size_ + bytes.size() > kMostKept) {
      const int code = WriteKept();
      if (code != SQLITE_OK) return code;
      start_ = offset;
    }
    if (bytes.size() > kMostKept) {  // No page is.
      keeping_ = false;
      return WriteBelow(bytes, offset);
    }
    std::memcpy(kept_.get() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
    if (bytes.size() == kFrameHeader) {
      commits_ = bytes.substr(kSizeAt, kNoSize.size()) != kNoSize;
      return SQLITE_OK;
    }
    if (!commits_) return SQLITE_OK;
    const int code = WriteKept();
    keeping_ = false;
    return code;
  }

  // Before anything else is asked of the file.
  int WriteKept() {
    if (size_ == 0) return SQLITE_OK;
    const int code = WriteBelow({kept_.get(), size_}, start_);
    size_ = 0;
    if (code != SQLITE_OK) {
      // The COMMIT is to fail: nothing is to go behind what is missing.
      keeping_ = false;
      failed_ = code;
    }
    return code;
  }
  int failed() const { return failed_; }

 private:
  int WriteBelow(absl::string_view bytes, sqlite3_int64 offset) {
    return file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()), offset);
  }

  sqlite3_file* const file_;
  std::unique_ptr<char[]> kept_;
  std::size_t size_ = 0;     // Of what is kept,
  sqlite3_int64 start_ = 0;  // which belongs here.
  bool keeping_ = false;
  int failed_ = SQLITE_OK;  // What a write of what was kept in this COMMIT came to.
  bool commits_ = false;    // The frame that is being written is the last of the transaction.
};

}  // namespace

struct WalVfs::Impl {
  sqlite3_vfs vfs;  // First, so that SQLite's pointer to it is one to this.
  sqlite3_vfs* below;
  Log* log;  // The first that is open, or null.
};

namespace {

// What SQLite has of a log. The file of the VFS below lies behind.
struct File {
  sqlite3_file base;
  WalVfs::Impl* impl;
  Log log;
};
static_assert(sizeof(File) % 8 == 0 && alignof(File) <= 8, "as SQLite aligns files");

Log& Of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->log; }

int Close(sqlite3_file* base) {
  auto* file = reinterpret_cast<File*>(base);
  sqlite3_file* below = file->log.file();
  const int code = below->pMethods->xClose(below);
  if (file->impl->log == &file->log) file->impl->log = nullptr;
  file->~File();
  return code;
}

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  const int code = Of(file).WriteKept();
  sqlite3_file* below = Of(file).file();
  return code == SQLITE_OK ? below->pMethods->xRead(below, bytes, size, offset) : code;
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  return Of(file).Write({static_cast<const char*>(bytes), static_cast<std::size_t>(size)}, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = Of(file).WriteKept();
  sqlite3_file* below = Of(file).file();
  return code == SQLITE_OK ? below->pMethods->xTruncate(below, size) : code;
}

int Sync(sqlite3_file* file, int flags) {
  int code = Of(file).failed();
  if (code == SQLITE_OK) code = Of(file).WriteKept();
  sqlite3_file* below = Of(file).file();
  return code == SQLITE_OK ? below->pMethods->xSync(below, flags) : code;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  const int code = Of(file).WriteKept();
  sqlite3_file* below = Of(file).file();
  return code == SQLITE_OK ? below->pMethods->xFileSize(below, size) : code;
}

int Lock(sqlite3_file* file, int level) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xLock(below, level);
}

int Unlock(sqlite3_file* file, int level) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xUnlock(below, level);
}

int CheckReservedLock(sqlite3_file* file, int* result) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xCheckReservedLock(below, result);
}

int FileControl(sqlite3_file* file, int op, void* argument) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xFileControl(below, op, argument);
}

int SectorSize(sqlite3_file* file) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xSectorSize(below);
}

int DeviceCharacteristics(sqlite3_file* file) {
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xDeviceCharacteristics(below);
}

// Shared memory and memory-mapped pages are of the database's file.
constexpr sqlite3_io_methods kMethods = {1,
                                         Close,
                                         Read,
                                         Write,
                                         Truncate,
                                         Sync,
                                         FileSize,
                                         Lock,
                                         Unlock,
                                         CheckReservedLock,
                                         FileControl,
                                         SectorSize,
                                         DeviceCharacteristics,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr};

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out_flags) {
  auto* impl = reinterpret_cast<WalVfs::Impl*>(vfs);
  sqlite3_vfs* below = impl->below;
  if ((flags & SQLITE_OPEN_WAL) == 0) return below->xOpen(below, path, base, flags, out_flags);
  auto* below_file = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(base) + sizeof(File));
  // SQLite closes what has methods, also if it could not be opened.
  base->pMethods = below_file->pMethods = nullptr;
  int code = below->xOpen(below, path, below_file, flags, out_flags);
  if (below_file->pMethods == nullptr) return code;
  auto* file = new (base) File{{&kMethods}, impl, Log(below_file)};
  if (impl->log == nullptr) impl->log = &file->log;
  if (!file->log.Reserve()) {
    Close(base);
    base->pMethods = nullptr;
    code = SQLITE_NOMEM;
  }
  return code;
}

std::string NewName() {
  static std::atomic<int> next{1};
  return absl::StrCat("kin-wal-", next++);
}

std::unique_ptr<WalVfs::Impl> Over(const std::string& name) {
  sqlite3_vfs* below = sqlite3_vfs_find(name.empty() ? nullptr : name.c_str());
  if (below == nullptr) return nullptr;
  auto impl = std::make_unique<WalVfs::Impl>(WalVfs::Impl{*below, below, nullptr});
  impl->vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
  impl->vfs.pNext = nullptr;
  impl->vfs.xOpen = Open;
  return impl;
}

}  // namespace

WalVfs::WalVfs(const std::string& below)
    : impl_(Over(below)), name_(impl_ == nullptr ? below : NewName()) {
  if (impl_ == nullptr) return;
  impl_->vfs.zName = name_.c_str();
  sqlite3_vfs_register(&impl_->vfs, 0);
}

WalVfs::~WalVfs() {
  if (impl_ != nullptr) sqlite3_vfs_unregister(&impl_->vfs);
}

WalVfs::Commit::Commit(const WalVfs& vfs)
    : impl_(vfs.impl_.get()), log_(impl_ == nullptr ? nullptr : impl_->log) {
  if (log_ != nullptr) impl_->log->set_keeping(true);
}

WalVfs::Commit::~Commit() {
  // It may have been closed.
  if (log_ != nullptr && impl_->log == log_) impl_->log->set_keeping(false);
}

}  // namespace kin::persistence::sqlite
