// The questions this example answers. Each goes over associations and unique fields: what it costs
// depends on the size of the answer, not on that of the archive.
//
// Refs are valid as long as the snapshot they come from. Thread-safety: functions without state.
#ifndef KIN_EXAMPLES_PACKAGES_ANSWERS_H_
#define KIN_EXAMPLES_PACKAGES_ANSWERS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "examples/packages/packages.kin.h"
#include "kin/store/store.h"

namespace packages {

// A name as given on the command line: "python3", or "python3:any", which is another name to apt.
struct QualifiedName {
  std::string name;
  std::string qualifier;
};
QualifiedName ParseName(absl::string_view text);

// The packages of a name, the highest version first by Debian's rules, then by architecture.
std::vector<PackageRef> Versions(PackageNameRef name);

// Whether a dependency has to be met for the package to be installed: Depends and Pre-Depends.
bool IsHard(const Dependency& dependency);

// A name one of whose listed versions Depends or Pre-Depends on the asked one.
struct Dependant {
  absl::string_view name;
  // Each way in which it does, once: "Depends: libc6 (>= 2.34)".
  std::vector<std::string> how;
};

// Who directly Depends or Pre-Depends on a name, as `apt-cache rdepends` counts: any listed version
// and any alternative do. Sorted, each name once. A dependency with another qualifier than the
// given one is on another name: `others` has how many names depend on it so, by qualifier.
struct Dependants {
  std::vector<Dependant> dependants;
  std::map<std::string, int64_t> others;
};
Dependants DependantsOf(PackageNameRef name, absl::string_view qualifier);

// One field of a package, alternatives joined: "postfix | <mail-transport-agent>, libc6 (>= 2.34)".
// A name that no list contains is in angle brackets, as apt shows it. Empty if there is none.
std::string RelationField(PackageRef package, Dependency::Kind kind);
// "Depends", "Pre-Depends", …
absl::string_view KindName(Dependency::Kind kind);
// The same of what it provides.
std::string ProvidesField(PackageRef package);

// The maintainers whose address, name or e-mail is `text`; if there are none, those whose address
// contains it, in any case of letters. Sorted by address.
std::vector<MaintainerRef> FindMaintainers(const kin::Snapshot& snapshot, absl::string_view text);

// The packages of a maintainer, by name and version.
std::vector<PackageRef> PackagesOf(MaintainerRef maintainer);

struct ArchiveStats {
  // Records of each model.
  std::vector<std::pair<std::string, int64_t>> records;
  // Names with packages, names only provided, names that are only asked for.
  int64_t real_names = 0, virtual_names = 0, missing_names = 0;
  int64_t download_bytes = 0, installed_kib = 0;
  // The largest numbers of dependants, with their names, and of packages with their maintainers.
  std::vector<std::pair<int64_t, std::string>> most_needed, busiest;
};
// Goes over all packages, names and dependencies.
ArchiveStats StatsOf(const kin::Snapshot& snapshot);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_ANSWERS_H_
