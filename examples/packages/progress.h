// What this example says on standard error while it works.
#ifndef KIN_EXAMPLES_PACKAGES_PROGRESS_H_
#define KIN_EXAMPLES_PACKAGES_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace packages {

// One line that is rewritten in place, on a terminal only. Thread-compatible.
class Progress {
 public:
  Progress();
  ~Progress() { Clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows `text`, at most ten times a second.
  void Show(absl::string_view text);
  void Clear();
  // Prints a line that stays, above the one that is rewritten.
  void Say(absl::string_view line);

 private:
  const bool is_terminal_;
  bool shown_ = false;
  absl::Time next_ = absl::InfinitePast();
};

// "1,234,567".
std::string Grouped(int64_t number);
// "12.3 MiB".
std::string Bytes(int64_t bytes);
// "12.3 s".
std::string Seconds(absl::Duration duration);
// The most memory this process ever had, in bytes.
int64_t PeakMemory();

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_PROGRESS_H_
