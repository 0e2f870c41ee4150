// Debian's package archive as an object graph: loads the lists of apt into packages.db, and answers
// questions about them from memory.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "kin/examples/packages/commands.h"

namespace packages {
namespace {

constexpr char kFooter[] = R"(
Files and packages.db are relative to the directory the program is started from. Answers go to
standard output, everything else to standard error.

Exit codes: 0 done, 1 nothing is called so, 2 the command line makes no sense, 3 a file or the database
could not be read or written, 4 loaded, but bad lines were left out (each is named).)";

// `bazel run` starts programs elsewhere, and says where it was started itself.
void GoWhereTheUserIs() {
  const char* directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory != nullptr && chdir(directory) != 0) std::perror(directory);
}

int Run(int argc, char** argv) {
  CLI::App app(
      "Debian's package archive as an object graph. Without a command: loads it if that was not "
      "done yet, and gives a short tour.",
      "packages");
  app.footer(kFooter);
  app.require_subcommand(0, 1);
  app.fallthrough();

  Options options;
  app.add_option("--db", options.db, "The database")->capture_default_str();
  app.add_option("--lists", options.lists, "Where apt keeps its package lists")
      ->capture_default_str();

  std::vector<std::string> files;
  CLI::App* load = app.add_subcommand(
      "load",
      "Replace what the database holds by what package lists say: those of apt, or the "
      "files named, plain or compressed; - is standard input");
  load->add_option("FILE", files, "Packages files");

  std::string name;
  CLI::App* show = app.add_subcommand("show", "A package in its highest version");
  show->add_option("NAME", name, "Its name; also of a virtual package")->required();

  CLI::App* rdepends =
      app.add_subcommand("rdepends", "Who directly Depends or Pre-Depends on a name");
  rdepends->add_option("NAME", name, "\"python3\" or \"python3:any\"")->required();
  rdepends->add_flag("--names", options.names_only, "Print names and nothing else, one a line");

  CLI::App* maintainer = app.add_subcommand("maintainer", "The packages of a maintainer");
  maintainer->add_option("NAME", name, "Name, e-mail address, or a part of them")->required();
  maintainer->add_flag("--names", options.names_only, "Print names of packages and nothing else");

  CLI::App* stats = app.add_subcommand("stats", "How much of what there is");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  if (load->parsed()) return Load(options, files);
  if (show->parsed()) return Show(options, name);
  if (rdepends->parsed()) return Rdepends(options, name);
  if (maintainer->parsed()) return ShowMaintainer(options, name);
  if (stats->parsed()) return ShowStats(options);
  return Tour(options);
}

}  // namespace
}  // namespace packages

int main(int argc, char** argv) {
  packages::GoWhereTheUserIs();
  const int code = packages::Run(argc, argv);
  if (std::fflush(stdout) == 0) return code;
  std::perror("packages: standard output");
  return packages::kFailed;
}
