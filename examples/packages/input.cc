#include "kin/examples/packages/input.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

extern char** environ;

namespace packages {
namespace {

constexpr char kAptHelper[] = "/usr/lib/apt/apt-helper";
constexpr size_t kChunk = 1 << 18;
constexpr size_t kLongestLine = 1 << 26;

struct Format {
  absl::string_view magic;
  absl::string_view suffix;  // By which apt-helper knows it.
  const char* program;
};

constexpr Format kFormats[] = {
    {absl::string_view("\x04\x22\x4d\x18", 4), ".lz4", "lz4"},
    {absl::string_view("\x1f\x8b", 2), ".gz", "gzip"},
    {absl::string_view("\xfd\x37zXZ\x00", 6), ".xz", "xz"},
    {absl::string_view("\x28\xb5\x2f\xfd", 4), ".zst", "zstd"},
    {absl::string_view("BZh", 3), ".bz2", "bzip2"},
};

absl::Status Error(absl::string_view name) { return absl::ErrnoToStatus(errno, std::string(name)); }

bool IsInPath(absl::string_view program) {
  const char* path = std::getenv("PATH");
  for (absl::string_view directory :
       absl::StrSplit(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
    if (access(absl::StrCat(directory, "/", program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

// What prints the file `name` decompressed; empty if there is no such program. The programs read
// their standard input, which is the file.
std::vector<std::string> Decompressor(const Format& format, absl::string_view name) {
  // apt-helper goes by the name, and takes paths that are not absolute for ones of its own.
  if (absl::EndsWith(name, format.suffix) && absl::StartsWith(name, "/") &&
      access(kAptHelper, X_OK) == 0) {
    return {kAptHelper, "cat-file", std::string(name)};
  }
  if (!IsInPath(format.program)) return {};
  return {format.program, "-dc"};
}

// read(2) that goes on after signals.
ssize_t ReadSome(int fd, char* buffer, size_t size) {
  ssize_t count;
  do {
    count = read(fd, buffer, size);
  } while (count < 0 && errno == EINTR);
  return count;
}

}  // namespace

Input::~Input() {
  if (fd_ > STDIN_FILENO) close(fd_);
  if (child_ > 0) waitpid(child_, nullptr, 0);
}

std::unique_ptr<Input> Input::FromText(absl::string_view text) {
  auto input = std::unique_ptr<Input>(new Input);
  input->ahead_bytes_ = std::string(text);
  input->ahead_ = input->ahead_bytes_;
  return input;
}

absl::StatusOr<std::unique_ptr<Input>> Input::Open(const std::string& path) {
  auto input = std::unique_ptr<Input>(new Input);
  input->name_ = path == "-" ? "standard input" : path;
  input->fd_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (input->fd_ < 0) return Error(path);
  struct stat status;
  if (fstat(input->fd_, &status) != 0) return Error(path);
  if (S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory, not a package list"));
  }
  // A pipe may give fewer bytes than asked for, but not none.
  input->ahead_bytes_.resize(512);
  const ssize_t count =
      ReadSome(input->fd_, input->ahead_bytes_.data(), input->ahead_bytes_.size());
  if (count < 0) return Error(input->name_);
  input->ahead_bytes_.resize(count);
  input->ahead_ = input->ahead_bytes_;
  for (const Format& format : kFormats) {
    if (!absl::StartsWith(input->ahead_, format.magic)) continue;
    const std::string advice = absl::StrCat(format.program, " -dc");
    if (!S_ISREG(status.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat(input->name_, " is compressed; give it through `", advice, "`"));
    }
    const std::vector<std::string> command = Decompressor(format, path);
    if (command.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is compressed, and `", advice, "` is not installed here"));
    }
    if (absl::Status s = input->Decompress(command); !s.ok()) return s;
    return input;
  }
  if (absl::StrContains(input->ahead_, absl::string_view("\0", 1))) {
    return absl::InvalidArgumentError(
        absl::StrCat(input->name_, " is not text, hence not a package list"));
  }
  return input;
}

absl::Status Input::Decompress(const std::vector<std::string>& command) {
  command_ = absl::StrJoin(command, " ");
  int ends[2];
  if (lseek(fd_, 0, SEEK_SET) < 0 || pipe2(ends, O_CLOEXEC) != 0) return Error(name_);
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd_, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int error = posix_spawnp(&child_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (fd_ > STDIN_FILENO) close(fd_);
  fd_ = ends[0];
  ahead_ = {};
  if (error == 0) return absl::OkStatus();
  child_ = -1;
  return absl::ErrnoToStatus(error, command_);
}

absl::StatusOr<size_t> Input::Read(char* buffer, size_t size) {
  if (!ahead_.empty()) {
    const size_t count = ahead_.copy(buffer, size);
    ahead_.remove_prefix(count);
    return count;
  }
  if (fd_ < 0) return 0;
  const ssize_t count = ReadSome(fd_, buffer, size);
  if (count < 0) return Error(name_);
  return count;
}

absl::Status Input::Finish() {
  if (child_ <= 0) return absl::OkStatus();
  close(std::exchange(fd_, -1));
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  child_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(name_, " could not be read whole: `", command_,
                   WIFEXITED(status) ? absl::StrCat("` exited with ", WEXITSTATUS(status))
                                     : absl::StrCat("` was ended by signal ", WTERMSIG(status))));
}

absl::StatusOr<bool> LineReader::Next(absl::string_view* line) {
  while (true) {
    const char* start = buffer_.data() + scanned_;
    const void* found = scanned_ < end_ ? std::memchr(start, '\n', end_ - scanned_) : nullptr;
    if (found != nullptr) {
      const size_t at = static_cast<const char*>(found) - buffer_.data();
      *line = absl::string_view(buffer_.data() + begin_, at - begin_);
      begin_ = scanned_ = at + 1;
      return true;
    }
    scanned_ = end_;
    if (at_end_) {
      *line = absl::string_view(buffer_.data() + begin_, end_ - begin_);
      begin_ = end_;
      return !line->empty();
    }
    if (absl::Status s = Fill(); !s.ok()) return s;
  }
}

absl::Status LineReader::Fill() {
  std::copy(buffer_.begin() + begin_, buffer_.begin() + end_, buffer_.begin());
  end_ -= begin_;
  scanned_ -= begin_;
  begin_ = 0;
  if (end_ > kLongestLine) {
    return absl::ResourceExhaustedError("a line of more than 64 MiB: this is not a package list");
  }
  if (buffer_.size() < end_ + kChunk) buffer_.resize(std::max(2 * buffer_.size(), end_ + kChunk));
  absl::StatusOr<size_t> count = input_->Read(buffer_.data() + end_, buffer_.size() - end_);
  if (!count.ok()) return count.status();
  end_ += *count;
  at_end_ = *count == 0;
  return absl::OkStatus();
}

std::vector<std::string> FindPackageLists(const std::string& directory) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());  // The plain one comes before the compressed ones.
  std::vector<std::string> lists;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    absl::string_view stem = path;
    for (const Format& format : kFormats) stem = absl::StripSuffix(stem, format.suffix);
    if (absl::EndsWith(stem, "_Packages") && seen.insert(std::string(stem)).second) {
      lists.push_back(path);
    }
  }
  return lists;
}

int64_t ModificationTime(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? status.st_mtime : 0;
}

}  // namespace packages
