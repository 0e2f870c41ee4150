#include "kin/examples/packages/progress.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace packages {
namespace {

// A line that is longer than the terminal is wide cannot be rewritten in place.
size_t TerminalWidth() {
  winsize size;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Progress::Progress() : is_terminal_(isatty(STDERR_FILENO) != 0) {}

void Progress::Show(absl::string_view text) {
  const absl::Time now = absl::Now();
  if (!is_terminal_ || now < next_) return;
  next_ = now + absl::Milliseconds(100);
  shown_ = true;
  absl::FPrintF(stderr, "\r\033[K%s", text.substr(0, TerminalWidth() - 1));
}

void Progress::Clear() {
  if (shown_) std::fputs("\r\033[K", stderr);
  shown_ = false;
}

void Progress::Say(absl::string_view line) {
  Clear();
  absl::FPrintF(stderr, "%s\n", line);
}

std::string Grouped(int64_t number) {
  std::string digits = absl::StrCat(number);
  for (int at = static_cast<int>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string Bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB"};
  double value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 3; ++unit) value /= 1024;
  return unit == 0 ? absl::StrCat(bytes, " bytes")
                   : absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string Seconds(absl::Duration duration) {
  return absl::StrFormat("%.1f s", absl::ToDoubleSeconds(duration));
}

int64_t PeakMemory() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? int64_t{usage.ru_maxrss} * 1024 : 0;
}

}  // namespace packages
