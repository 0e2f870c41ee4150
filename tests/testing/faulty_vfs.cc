#include "kin/tests/testing/faulty_vfs.h"

#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kin::testing {
namespace {

using Op = FaultyVfs::Op;
using How = FaultyVfs::How;

constexpr std::int64_t kPiece = 512;

// What is written since the file was last synced. A length of -1: bytes written at `offset`.
struct Pending {
  std::int64_t offset = 0;
  std::string bytes;
  std::int64_t truncated_to = -1;
};

// What the disk holds of a file.
struct DiskFile {
  std::optional<std::string> synced;  // Nothing: not there.
  std::vector<Pending> pending;
  bool deleted = false;  // Since it was synced.
  int lost = 0;          // How often a sync has lost something.
};

std::optional<std::string> Contents(const std::string& path) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void WriteAt(std::int64_t offset, const char* bytes, std::size_t size, std::string* contents) {
  const std::size_t end = static_cast<std::size_t>(offset) + size;
  if (contents->size() < end) contents->resize(end);
  std::memcpy(contents->data() + offset, bytes, size);
}

// Applies any part of it, or all.
void Apply(const Pending& pending, std::mt19937_64* random, std::string* contents) {
  if (pending.truncated_to >= 0) {
    if (random == nullptr || (*random)() % 2 == 0) contents->resize(pending.truncated_to);
    return;
  }
  if (random == nullptr) {
    WriteAt(pending.offset, pending.bytes.data(), pending.bytes.size(), contents);
    return;
  }
  for (std::size_t at = 0; at < pending.bytes.size();) {
    const std::int64_t offset = pending.offset + static_cast<std::int64_t>(at);
    const std::size_t size = std::min<std::size_t>(
        pending.bytes.size() - at, static_cast<std::size_t>(kPiece - offset % kPiece));
    if ((*random)() % 2 == 0) WriteAt(offset, pending.bytes.data() + at, size, contents);
    at += size;
  }
}

}  // namespace

struct FaultyVfs::Impl {
  struct Fault {
    int every = 0;
    int calls = 0;
    How how = How::kError;
    std::string suffix;
  };
  struct Hook {
    std::string suffix;
    std::function<void()> call;
  };

  sqlite3_vfs vfs{};
  sqlite3_vfs* below = nullptr;

  mutable absl::Mutex mutex;
  std::map<Op, Fault> plan ABSL_GUARDED_BY(mutex);
  std::int64_t room ABSL_GUARDED_BY(mutex) = -1;  // Bytes until the disk is full; -1: without end.
  std::int64_t faults ABSL_GUARDED_BY(mutex) = 0;
  std::map<Op, std::int64_t> calls ABSL_GUARDED_BY(mutex);
  std::int64_t left ABSL_GUARDED_BY(mutex) = -1;  // Calls until all is dead; -1: without end.
  bool kills ABSL_GUARDED_BY(mutex) = false;
  std::map<std::string, DiskFile> disk ABSL_GUARDED_BY(mutex);
  std::shared_ptr<const Hook> before_write ABSL_GUARDED_BY(mutex);
  std::mt19937_64 random ABSL_GUARDED_BY(mutex);  // For what a failed sync leaves.

  // Nothing: the call goes ahead.
  std::optional<How> Next(Op op, const std::string* path = nullptr) {
    absl::MutexLock lock(&mutex);
    ++calls[op];
    if (left == 0 && kills) kill(getpid(), SIGKILL);
    if (left == 0) return How::kError;
    if (left > 0) --left;
    auto it = plan.find(op);
    if (it == plan.end()) return std::nullopt;
    if (path != nullptr && !absl::EndsWith(*path, it->second.suffix)) return std::nullopt;
    if (++it->second.calls < it->second.every) return std::nullopt;
    it->second.calls = 0;
    ++faults;
    return it->second.how;
  }
  void CallBeforeWrite(const std::string* path) {
    std::shared_ptr<const Hook> hook;
    {
      absl::MutexLock lock(&mutex);
      hook = before_write;
    }
    if (hook != nullptr && path != nullptr && absl::EndsWith(*path, hook->suffix)) hook->call();
  }
  bool IsFull(std::int64_t growth) {
    absl::MutexLock lock(&mutex);
    if (room < 0 || growth <= 0) return false;
    if (growth > room) {
      ++faults;
      return true;
    }
    room -= growth;
    return false;
  }
  DiskFile& FileOf(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    auto [it, is_new] = disk.try_emplace(path);
    if (is_new) it->second.synced = Contents(path);
    return it->second;
  }
  // From now on what was made is there, and what was deleted is not.
  void SyncDirectory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    for (auto& [path, file] : disk) {
      if (file.deleted) file.synced.reset();
      if (!file.synced && !file.pending.empty()) file.synced.emplace();
      file.deleted = false;
    }
  }
  void Note(const std::string& path, Pending pending) {
    absl::MutexLock lock(&mutex);
    FileOf(path).pending.push_back(std::move(pending));
  }
  // Whoever has the file open is told once, as by a kernel: `told` is how often he was.
  bool TellLost(const std::string& path, int* told) {
    absl::MutexLock lock(&mutex);
    const int lost = FileOf(path).lost;
    return std::exchange(*told, lost) != lost;
  }
  void SyncLost(const std::string& path, int* told) {
    absl::MutexLock lock(&mutex);
    DiskFile& file = FileOf(path);
    *told = ++file.lost;
    if (!file.synced) file.synced.emplace();
    for (const Pending& pending : file.pending) Apply(pending, &random, &*file.synced);
    file.pending.clear();
  }
  void Synced(const std::string& path) {
    absl::MutexLock lock(&mutex);
    DiskFile& file = FileOf(path);
    // As SQLite's own VFS: a log that is new is synced together with the directory.
    if (!file.synced && !absl::EndsWith(path, ".db")) SyncDirectory();
    if (!file.synced) file.synced.emplace();
    for (const Pending& pending : file.pending) Apply(pending, nullptr, &*file.synced);
    file.pending.clear();
    file.deleted = false;
  }
};

namespace {

struct File {
  sqlite3_file base;
  FaultyVfs::Impl* impl;
  std::string* path;  // Null: a temporary file.
  sqlite3_file* below;
  int told;  // Of syncs that have lost something.
};

File* Of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

int Close(sqlite3_file* file) {
  const int code = Of(file)->below->pMethods->xClose(Of(file)->below);
  std::free(Of(file)->below);
  delete Of(file)->path;
  return code;
}

int Read(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset) {
  if (Of(file)->impl->Next(Op::kRead)) return SQLITE_IOERR_READ;
  return Of(file)->below->pMethods->xRead(Of(file)->below, bytes, size, offset);
}

int WriteBelow(File* file, const void* bytes, int size, sqlite3_int64 offset) {
  if (file->path != nullptr) {
    file->impl->Note(*file->path, {offset, std::string(static_cast<const char*>(bytes), size), -1});
  }
  return file->below->pMethods->xWrite(file->below, bytes, size, offset);
}

int Write(sqlite3_file* base, const void* bytes, int size, sqlite3_int64 offset) {
  File* file = Of(base);
  file->impl->CallBeforeWrite(file->path);
  sqlite3_int64 length = 0;
  file->below->pMethods->xFileSize(file->below, &length);
  const std::optional<How> fault = file->impl->Next(Op::kWrite, file->path);
  if (fault == How::kDiskFull || file->impl->IsFull(offset + size - length)) return SQLITE_FULL;
  if (fault == How::kError) return SQLITE_IOERR_WRITE;
  const int code = WriteBelow(file, bytes, fault == How::kShortWrite ? size / 2 : size, offset);
  return fault ? SQLITE_IOERR_WRITE : code;
}

int Truncate(sqlite3_file* base, sqlite3_int64 size) {
  File* file = Of(base);
  const std::optional<How> fault = file->impl->Next(Op::kTruncate, file->path);
  if (fault == How::kError) return SQLITE_IOERR_TRUNCATE;
  if (file->path != nullptr) file->impl->Note(*file->path, {0, "", size});
  const int code = file->below->pMethods->xTruncate(file->below, size);
  return fault ? SQLITE_IOERR_TRUNCATE : code;
}

int Sync(sqlite3_file* base, int flags) {
  File* file = Of(base);
  const std::optional<How> fault = file->impl->Next(Op::kSync, file->path);
  if (fault == How::kError) return SQLITE_IOERR_FSYNC;
  if (fault == How::kLost) {
    if (file->path != nullptr) file->impl->SyncLost(*file->path, &file->told);
    return SQLITE_IOERR_FSYNC;
  }
  if (file->path != nullptr && file->impl->TellLost(*file->path, &file->told)) {
    return SQLITE_IOERR_FSYNC;
  }
  // No call to the disk: a simulated power cut is all that a test can tell it by.
  static_cast<void>(flags);
  if (file->path != nullptr) file->impl->Synced(*file->path);
  return fault ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  if (Of(file)->impl->Next(Op::kSize)) return SQLITE_IOERR_FSTAT;
  return Of(file)->below->pMethods->xFileSize(Of(file)->below, size);
}

int CodeOfLock(std::optional<How> fault) {
  return fault == How::kBusy ? SQLITE_BUSY : SQLITE_IOERR_LOCK;
}

int Lock(sqlite3_file* file, int level) {
  if (std::optional<How> fault = Of(file)->impl->Next(Op::kLock)) return CodeOfLock(fault);
  return Of(file)->below->pMethods->xLock(Of(file)->below, level);
}

// Never fails, as that of the system never does for lack of anything.
int Unlock(sqlite3_file* file, int level) {
  return Of(file)->below->pMethods->xUnlock(Of(file)->below, level);
}

int CheckReservedLock(sqlite3_file* file, int* result) {
  return Of(file)->below->pMethods->xCheckReservedLock(Of(file)->below, result);
}

int FileControl(sqlite3_file* file, int op, void* argument) {
  return Of(file)->below->pMethods->xFileControl(Of(file)->below, op, argument);
}

int SectorSize(sqlite3_file* file) {
  return Of(file)->below->pMethods->xSectorSize(Of(file)->below);
}

// Nothing is promised: not even that a sector is written whole or that power takes only what is
// being written.
int DeviceCharacteristics(sqlite3_file*) { return 0; }

int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  if (Of(file)->impl->Next(Op::kSharedMemory)) return SQLITE_IOERR_SHMMAP;
  return Of(file)->below->pMethods->xShmMap(Of(file)->below, page, size, extend, memory);
}

int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  if ((flags & SQLITE_SHM_LOCK) != 0) {
    if (std::optional<How> fault = Of(file)->impl->Next(Op::kLock)) return CodeOfLock(fault);
  }
  return Of(file)->below->pMethods->xShmLock(Of(file)->below, offset, count, flags);
}

void ShmBarrier(sqlite3_file* file) { Of(file)->below->pMethods->xShmBarrier(Of(file)->below); }

int ShmUnmap(sqlite3_file* file, int remove) {
  return Of(file)->below->pMethods->xShmUnmap(Of(file)->below, remove);
}

// Version 2: no memory-mapped reads, which would pass by Read.
constexpr sqlite3_io_methods kMethods = {2,
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
                                         ShmMap,
                                         ShmLock,
                                         ShmBarrier,
                                         ShmUnmap,
                                         nullptr,
                                         nullptr};

FaultyVfs::Impl* ImplOf(sqlite3_vfs* vfs) { return static_cast<FaultyVfs::Impl*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out_flags) {
  FaultyVfs::Impl* impl = ImplOf(vfs);
  base->pMethods = nullptr;
  if (impl->Next(Op::kOpen)) return SQLITE_CANTOPEN;
  File* file = Of(base);
  file->impl = impl;
  file->below = static_cast<sqlite3_file*>(std::calloc(1, impl->below->szOsFile));
  if (path != nullptr) {  // Before it is made.
    absl::MutexLock lock(&impl->mutex);
    file->told = impl->FileOf(path).lost;
  }
  const int code = impl->below->xOpen(impl->below, path, file->below, flags, out_flags);
  if (code != SQLITE_OK) {
    if (file->below->pMethods != nullptr) file->below->pMethods->xClose(file->below);
    std::free(file->below);
    return code;
  }
  file->path = path == nullptr ? nullptr : new std::string(path);
  base->pMethods = &kMethods;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  FaultyVfs::Impl* impl = ImplOf(vfs);
  if (impl->Next(Op::kDelete)) return SQLITE_IOERR_DELETE;
  {
    absl::MutexLock lock(&impl->mutex);
    DiskFile& file = impl->FileOf(path);
    file.pending.clear();
    file.deleted = true;
    if (sync_directory != 0) impl->SyncDirectory();
  }
  return impl->below->xDelete(impl->below, path, 0);
}

int Access(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
  FaultyVfs::Impl* impl = ImplOf(vfs);
  return impl->below->xAccess(impl->below, path, flags, result);
}

int FullPathname(sqlite3_vfs* vfs, const char* path, int size, char* out) {
  FaultyVfs::Impl* impl = ImplOf(vfs);
  return impl->below->xFullPathname(impl->below, path, size, out);
}

std::string NewName() {
  static std::atomic<int> next{1};
  return absl::StrCat("kin-faulty-", next++);
}

}  // namespace

FaultyVfs::FaultyVfs() : name_(NewName()), impl_(new Impl) {
  impl_->below = sqlite3_vfs_find(nullptr);
  impl_->vfs = *impl_->below;  // What is not named here is as below.
  impl_->vfs.iVersion = 2;
  impl_->vfs.szOsFile = sizeof(File);
  impl_->vfs.pNext = nullptr;
  impl_->vfs.zName = name_.c_str();
  impl_->vfs.pAppData = impl_.get();
  impl_->vfs.xOpen = Open;
  impl_->vfs.xDelete = Delete;
  impl_->vfs.xAccess = Access;
  impl_->vfs.xFullPathname = FullPathname;
  sqlite3_vfs_register(&impl_->vfs, 0);
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(&impl_->vfs); }

void FaultyVfs::FailEvery(Op op, int every, How how, std::string suffix) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->plan[op] = {every, 0, how, std::move(suffix)};
}

void FaultyVfs::FillDisk(std::int64_t bytes) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->room = bytes;
}

void FaultyVfs::Heal() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->plan.clear();
  impl_->before_write.reset();
  impl_->room = -1;
}

void FaultyVfs::BeforeWrite(std::string suffix, std::function<void()> call) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->before_write =
      std::make_shared<const Impl::Hook>(Impl::Hook{std::move(suffix), std::move(call)});
}

std::int64_t FaultyVfs::faults() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->faults;
}

std::int64_t FaultyVfs::calls(Op op) const {
  absl::MutexLock lock(&impl_->mutex);
  auto it = impl_->calls.find(op);
  return it == impl_->calls.end() ? 0 : it->second;
}

void FaultyVfs::Die(std::int64_t calls) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->left = calls;
}

void FaultyVfs::Kill(std::int64_t calls) {
  absl::MutexLock lock(&impl_->mutex);
  impl_->left = calls;
  impl_->kills = true;
}

bool FaultyVfs::dead() const {
  absl::MutexLock lock(&impl_->mutex);
  return impl_->left == 0;
}

void FaultyVfs::Restart() {
  absl::MutexLock lock(&impl_->mutex);
  impl_->plan.clear();
  impl_->before_write.reset();
  impl_->room = -1;
  impl_->left = -1;
}

void FaultyVfs::PowerOn(std::uint64_t seed) {
  {
    absl::MutexLock lock(&impl_->mutex);
    std::mt19937_64 random(seed);
    for (auto& [path, file] : impl_->disk) {
      std::filesystem::remove(path + "-shm");  // Memory that processes share.
      if (file.deleted && random() % 2 == 0) file.synced.reset();
      if (!file.synced && !file.pending.empty() && random() % 2 == 0) file.synced.emplace();
      if (!file.synced) {
        std::filesystem::remove(path);
        continue;
      }
      std::string contents = *file.synced;
      for (const Pending& pending : file.pending) Apply(pending, &random, &contents);
      std::ofstream(path, std::ios::binary | std::ios::trunc) << contents;
    }
    impl_->disk.clear();
  }
  Restart();
}

}  // namespace kin::testing
