#include "kin/persistence/sqlite/database_file.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace kin::persistence::sqlite {
namespace {

constexpr int kHeaderSize = 100;
constexpr absl::string_view kMagic("SQLite format 3\0", 16);

std::string DirectoryOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::int64_t SizeOf(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 ? static_cast<std::int64_t>(info.st_size) : 0;
}

// Also where only root's privilege would let it be written to: who took the permission away meant
// it.
bool IsReadOnly(const std::string& path, const struct stat& info) {
  constexpr mode_t kAnyWrite = S_IWUSR | S_IWGRP | S_IWOTH;
  return (info.st_mode & kAnyWrite) == 0 || access(path.c_str(), W_OK) != 0;
}

std::uint32_t BigEndian(const unsigned char* bytes, int size) {
  std::uint32_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | bytes[i];
  return value;
}

absl::Status Truncated(const std::string& path, std::int64_t size) {
  return absl::DataLossError(
      absl::StrCat(path, ": is truncated: it ends after ", size,
                   " bytes, before the end of the database in it; restore it from a backup"));
}

absl::Status CheckHeaderBytes(const std::string& path, std::int64_t size,
                              const unsigned char* header) {
  const std::int64_t seen = std::min<std::int64_t>(size, kMagic.size());
  if (std::memcmp(header, kMagic.data(), seen) != 0) {
    return absl::DataLossError(
        absl::StrCat(path, ": is not an SQLite database; give the path of another file"));
  }
  if (size < kHeaderSize) return Truncated(path, size);
  std::int64_t page_size = BigEndian(header + 16, 2);
  if (page_size == 1) page_size = 65536;
  const std::int64_t pages = BigEndian(header + 28, 4);
  // With a write-ahead log the file may lag behind its own header; SQLite, which reads both, tells.
  if (size < page_size * std::max<std::int64_t>(pages, 1) && SizeOf(path + "-wal") == 0) {
    return Truncated(path, size);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ResolvePath(const std::string& path) {
  if (path.empty() || path == ":memory:" || absl::StrContains(path, '\0')) {
    return absl::InvalidArgumentError(
        "the path of a database is empty or names no file; for a store in memory only, "
        "leave OpenOptions::persistence empty");
  }
  char buffer[PATH_MAX];
  if (realpath(path.c_str(), buffer) != nullptr) return std::string(buffer);
  if (errno != ENOENT) {
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  const std::string directory = DirectoryOf(path);
  if (realpath(directory.c_str(), buffer) == nullptr) {
    return absl::UnavailableError(absl::StrCat(path, ": the directory ", directory,
                                               " does not exist; make it first (",
                                               std::strerror(errno), ")"));
  }
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name.empty()) return absl::InvalidArgumentError(absl::StrCat(path, ": names no file"));
  return absl::StrCat(buffer, std::strcmp(buffer, "/") == 0 ? "" : "/", name);
}

absl::Status CheckWritable(const std::string& path) {
  struct stat info;
  const std::string directory = DirectoryOf(path);
  if (stat(directory.c_str(), &info) != 0) {
    return absl::UnavailableError(absl::StrCat(directory, ": ", std::strerror(errno)));
  }
  if (IsReadOnly(directory, info)) {
    return absl::UnavailableError(absl::StrCat(
        path, ": the directory ", directory, " is read-only, and SQLite keeps files beside a ",
        "database; make the directory writable, or copy the database elsewhere"));
  }
  if (stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  if (S_ISDIR(info.st_mode)) {
    return absl::UnavailableError(absl::StrCat(path, ": is a directory"));
  }
  if (!S_ISREG(info.st_mode)) {
    return absl::UnavailableError(absl::StrCat(path, ": is not a regular file"));
  }
  if (IsReadOnly(path, info)) {
    return absl::UnavailableError(absl::StrCat(path, ": is read-only; make it writable"));
  }
  if (access(path.c_str(), R_OK) != 0) {
    return absl::UnavailableError(absl::StrCat(path, ": ", std::strerror(errno)));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> IsNew(const std::string& path) {
  if (SizeOf(path) > 0) return false;
  // SQLite would remove the log, and with it the newest commits of a database that has lost its
  // file.
  if (SizeOf(path + "-wal") > 0) {
    return absl::DataLossError(
        absl::StrCat(path, ": is empty or not there, while its write-ahead log ", path,
                     "-wal is; bring the database back, or move the log away"));
  }
  return true;
}

absl::Status CheckHeader(const std::string& path, const Database& database) {
  // Through SQLite's own file: to open and close it once more would drop SQLite's locks on it.
  sqlite3_file* file = nullptr;
  int code = sqlite3_file_control(database.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code != SQLITE_OK || file == nullptr || file->pMethods == nullptr) {
    return absl::InternalError(absl::StrCat(path, ": SQLite gives no access to the file"));
  }
  const std::int64_t size = SizeOf(path);  // SQLite would say 0 of a file of one byte.
  unsigned char header[kHeaderSize] = {};
  code = file->pMethods->xRead(file, header,
                               static_cast<int>(std::min<std::int64_t>(size, kHeaderSize)), 0);
  if (code != SQLITE_OK) return ToStatus(code, absl::StrCat("cannot read ", path));
  return CheckHeaderBytes(path, size, header);
}

}  // namespace kin::persistence::sqlite
