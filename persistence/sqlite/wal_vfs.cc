#include "kin/persistence/sqlite/wal_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <new>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kin::persistence::sqlite {

struct WalVfs::Impl {
  sqlite3_vfs vfs;  // First, so that SQLite's pointer to it is one to this.
  sqlite3_vfs* below;
};

namespace {

// What stands in front of each page, and in it the size of the database if the page is the last of
// a transaction, else 0: https://www.sqlite.org/walformat.html.
constexpr int kFrameHeader = 24;
constexpr int kSizeAt = 4;
constexpr absl::string_view kNoSize("\0\0\0\0", 4);
// More in one call gains nothing.
constexpr std::size_t kMostKept = std::size_t{64} << 10;

// What is still to be written of a log. Used by one connection, hence by one thread at a time.
class Log {
 public:
  explicit Log(sqlite3_file* file) : file_(file) {}  // Of the VFS below.

  sqlite3_file* file() const { return file_; }

  int Write(absl::string_view bytes, sqlite3_int64 offset) {
    // Frames that are written anew where they are do not wait: nothing may follow them.
    const bool kept = offset == end_ && (in_frame_ || bytes.size() == kFrameHeader);
    if (!kept) return WriteNow(bytes, offset);
    hole_ = -1;
    if (kept_.empty()) start_ = offset;
    kept_.append(bytes.data(), bytes.size());
    end_ += static_cast<sqlite3_int64>(bytes.size());
    in_frame_ = !in_frame_;
    if (in_frame_) {
      commits_ = bytes.substr(kSizeAt, kNoSize.size()) != kNoSize;
      return SQLITE_OK;
    }
    return commits_ || kept_.size() >= kMostKept ? WriteKept() : SQLITE_OK;
  }

  // Before anything else is asked of the file.
  int WriteKept() {
    if (kept_.empty()) return SQLITE_OK;
    const int code = WriteBelow(kept_, start_);
    if (code != SQLITE_OK) hole_ = end_ = start_;
    kept_.clear();
    in_frame_ = false;
    return code;
  }

  // Something that was to be written there was not.
  bool IsMissing(sqlite3_int64 offset) const { return hole_ >= 0 && offset >= hole_; }

  int Truncate(sqlite3_int64 size) {
    end_ = std::min(end_, size);
    return file_->pMethods->xTruncate(file_, size);
  }

 private:
  int WriteNow(absl::string_view bytes, sqlite3_int64 offset) {
    int code = WriteKept();
    if (code != SQLITE_OK) return code;
    if (hole_ >= 0 && offset > hole_) return SQLITE_IOERR_WRITE;
    hole_ = -1;
    code = WriteBelow(bytes, offset);
    const sqlite3_int64 end = offset + static_cast<sqlite3_int64>(bytes.size());
    // With its header the log begins anew.
    end_ = offset == 0 ? end : std::max(end_, end);
    return code;
  }

  int WriteBelow(absl::string_view bytes, sqlite3_int64 offset) {
    return file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()), offset);
  }

  sqlite3_file* const file_;
  std::string kept_;
  sqlite3_int64 start_ = 0;  // Of what is kept.
  sqlite3_int64 end_ = 0;    // Of the log, with what is kept.
  bool in_frame_ = false;    // The last that is kept is the header of a frame, and its page comes;
  bool commits_ = false;     // it is the last of a transaction.
  sqlite3_int64 hole_ = -1;  // Where something is missing; -1: nowhere.
};

// What SQLite has of a log. The file of the VFS below lies behind.
struct File {
  sqlite3_file base;
  Log log;
};

Log& Of(sqlite3_file* file) { return reinterpret_cast<File*>(file)->log; }

int Close(sqlite3_file* file) {
  sqlite3_file* below = Of(file).file();
  const int code = below->pMethods->xClose(below);
  Of(file).~Log();
  return code;
}

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  const int code = Of(file).WriteKept();
  if (code != SQLITE_OK) return code;
  if (Of(file).IsMissing(offset)) return SQLITE_IOERR_READ;
  sqlite3_file* below = Of(file).file();
  return below->pMethods->xRead(below, bytes, size, offset);
}

int Write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  return Of(file).Write({static_cast<const char*>(bytes), static_cast<std::size_t>(size)}, offset);
}

int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  const int code = Of(file).WriteKept();
  return code == SQLITE_OK ? Of(file).Truncate(size) : code;
}

int Sync(sqlite3_file* file, int flags) {
  const int code = Of(file).WriteKept();
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
  sqlite3_vfs* below = reinterpret_cast<WalVfs::Impl*>(vfs)->below;
  if ((flags & SQLITE_OPEN_WAL) == 0) return below->xOpen(below, path, base, flags, out_flags);
  auto* file = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(base) + sizeof(File));
  base->pMethods = file->pMethods = nullptr;
  const int code = below->xOpen(below, path, file, flags, out_flags);
  if (file->pMethods == nullptr) return code;
  new (&Of(base)) Log(file);
  base->pMethods = &kMethods;
  return code;
}

std::string NewName() {
  static std::atomic<int> next{1};
  return absl::StrCat("kin-wal-", next++);
}

std::unique_ptr<WalVfs::Impl> Over(sqlite3_vfs* below, const char* name) {
  if (below == nullptr) return nullptr;
  auto impl = std::make_unique<WalVfs::Impl>(WalVfs::Impl{*below, below});
  sqlite3_vfs& vfs = impl->vfs;
  vfs.szOsFile = static_cast<int>(sizeof(File)) + below->szOsFile;
  vfs.pNext = nullptr;
  vfs.zName = name;
  vfs.xOpen = Open;
  return impl;
}

}  // namespace

WalVfs::WalVfs(const std::string& below)
    : name_(NewName()),
      impl_(Over(sqlite3_vfs_find(below.empty() ? nullptr : below.c_str()), name_.c_str())) {
  if (impl_ != nullptr) sqlite3_vfs_register(&impl_->vfs, 0);
}

WalVfs::~WalVfs() {
  if (impl_ != nullptr) sqlite3_vfs_unregister(&impl_->vfs);
}

}  // namespace kin::persistence::sqlite
