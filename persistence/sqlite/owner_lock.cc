#include "kin/persistence/sqlite/owner_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kin::persistence::sqlite {
namespace {

// Whether `file` is still what is called `path`: an owner removes it before it unlocks it.
bool IsStillThere(int file, const std::string& path) {
  struct stat opened, named;
  return fstat(file, &opened) == 0 && stat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

std::string OwnerOf(int file) {
  char buffer[32] = {};
  const ssize_t size = pread(file, buffer, sizeof(buffer) - 1, 0);
  if (size <= 0) return "";
  const std::string process(absl::StripAsciiWhitespace(std::string(buffer, size)));
  if (process == absl::StrCat(getpid())) return " (this process)";
  return absl::StrCat(" (process ", process, ")");
}

// A later owner's error message is all that depends on it.
void WriteOwner(int file) {
  const std::string text = absl::StrCat(getpid(), "\n");
  if (ftruncate(file, 0) != 0) return;
  if (pwrite(file, text.data(), text.size(), 0) < 0) return;
}

}  // namespace

absl::StatusOr<OwnerLock> OwnerLock::Acquire(const std::string& path) {
  while (true) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) {
      return absl::UnavailableError(absl::StrCat("cannot open ", path, ": ", std::strerror(errno)));
    }
    OwnerLock lock(path, file);
    if (flock(file, LOCK_EX | LOCK_NB) == 0) {
      if (!IsStillThere(file, path)) {
        close(std::exchange(lock.file_, -1));
        continue;
      }
      WriteOwner(file);
      return lock;
    }
    const int error = errno;
    absl::Status status = error == EWOULDBLOCK
                              ? absl::UnavailableError(absl::StrCat(
                                    "is in use by another store", OwnerOf(file), ", which holds ",
                                    path, "; close that store first"))
                              : absl::UnavailableError(
                                    absl::StrCat("cannot lock ", path, ": ", std::strerror(error)));
    close(std::exchange(lock.file_, -1));  // Not Release: the file is somebody else's.
    if (error == EINTR) continue;
    return status;
  }
}

OwnerLock::OwnerLock(OwnerLock&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {}

OwnerLock& OwnerLock::operator=(OwnerLock&& other) noexcept {
  if (this != &other) {
    Release();
    path_ = std::move(other.path_);
    file_ = std::exchange(other.file_, -1);
  }
  return *this;
}

void OwnerLock::Release() {
  if (file_ < 0) return;
  unlink(path_.c_str());
  close(std::exchange(file_, -1));
}

}  // namespace kin::persistence::sqlite
