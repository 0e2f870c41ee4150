// Opens the inputs of this example (package lists, plain or compressed) and reads their lines.
#ifndef KIN_EXAMPLES_PACKAGES_INPUT_H_
#define KIN_EXAMPLES_PACKAGES_INPUT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace packages {

// An input being read, perhaps through a program that decompresses it. Thread-compatible.
class Input {
 public:
  // Opens a file; "-" is standard input. What is compressed is known by its first bytes, not by its
  // name, and read through `apt-helper cat-file` or else lz4, gzip, xz, zstd or bzip2.
  // NOT_FOUND, PERMISSION_DENIED: the file. FAILED_PRECONDITION: no program that decompresses it.
  // INVALID_ARGUMENT: a directory, or not a package list at all.
  static absl::StatusOr<std::unique_ptr<Input>> Open(const std::string& path);
  // An input that is in memory already.
  static std::unique_ptr<Input> FromText(absl::string_view text);
  ~Input();
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  // Reads up to `size` bytes; 0 at the end.
  absl::StatusOr<size_t> Read(char* buffer, size_t size);
  // To be called at the end: an error if the decompressing program reported one.
  absl::Status Finish();

 private:
  Input() = default;

  absl::Status Decompress(const std::vector<std::string>& command);

  std::string name_;
  int fd_ = -1;
  pid_t child_ = -1;
  std::string command_;      // What `child_` runs.
  absl::string_view ahead_;  // To be given out before what is in the file.
  std::string ahead_bytes_;
};

// The lines of an input. Thread-compatible.
class LineReader {
 public:
  explicit LineReader(Input* input) : input_(input) {}

  // Gives the next line without its "\n", valid until the next call; false at the end.
  // RESOURCE_EXHAUSTED: a line of more than 64 MiB.
  absl::StatusOr<bool> Next(absl::string_view* line);

 private:
  absl::Status Fill();

  Input* const input_;
  std::string buffer_;
  size_t begin_ = 0;    // Of what is not given out yet.
  size_t scanned_ = 0;  // Up to here there is no line end.
  size_t end_ = 0;
  bool at_end_ = false;
};

// The package lists apt keeps in `directory` (/var/lib/apt/lists), in order of their names, each
// once, however compressed. Empty if there are none.
std::vector<std::string> FindPackageLists(const std::string& directory);

// When a file was last changed, in seconds since 1970; 0 if that cannot be known.
int64_t ModificationTime(const std::string& path);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_INPUT_H_
