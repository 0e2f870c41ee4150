// The commands of the packages program: answers on standard output, everything else on standard
// error.
#ifndef KIN_EXAMPLES_PACKAGES_COMMANDS_H_
#define KIN_EXAMPLES_PACKAGES_COMMANDS_H_

#include <string>
#include <vector>

namespace packages {

// What the program returns to the shell.
enum ExitCode {
  kDone = 0,
  kNotFound = 1,      // Nothing is called so.
  kUsage = 2,         // The command line makes no sense.
  kFailed = 3,        // A file or the database could not be read or written.
  kLoadedPartly = 4,  // Loaded, but lines of a list were bad and are left out.
};

struct Options {
  std::string db = "packages.db";
  std::string lists = "/var/lib/apt/lists";
  bool names_only = false;
};

ExitCode Load(const Options& options, const std::vector<std::string>& files);
ExitCode Show(const Options& options, const std::string& name);
ExitCode Rdepends(const Options& options, const std::string& name);
ExitCode ShowMaintainer(const Options& options, const std::string& text);
ExitCode ShowStats(const Options& options);
// Loads if nothing is loaded yet, then asks a few questions and says how.
ExitCode Tour(const Options& options);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_COMMANDS_H_
