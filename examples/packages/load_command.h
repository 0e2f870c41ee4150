// Loading with progress and a summary.
#ifndef KIN_EXAMPLES_PACKAGES_LOAD_COMMAND_H_
#define KIN_EXAMPLES_PACKAGES_LOAD_COMMAND_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kin/examples/packages/commands.h"
#include "kin/examples/packages/load.h"
#include "kin/store/store.h"

namespace packages {

// A load into a store, followed on standard error.
struct LoadResult {
  ExitCode exit_code = kDone;  // kDone and kLoadedPartly: the load came to its end.
  LoadCounts counts;
  absl::Duration reading;  // Until all is in the graph.
  absl::Duration writing;  // From then until all is in the database.
};

LoadResult LoadLists(kin::Store* store, const std::vector<std::string>& paths);
LoadResult LoadSample(kin::Store* store);

// Says on standard output what was read, how fast and how large. `db` is empty if there is none.
void PrintSummary(const LoadResult& result, const kin::Store& store, const std::string& db);

// Says on standard error that `directory` contains no package lists, and what to do.
void PrintNoLists(const std::string& directory);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_LOAD_COMMAND_H_
