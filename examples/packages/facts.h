// What one paragraph of a package list says, as records that only lack the keys of what they name.
#ifndef KIN_EXAMPLES_PACKAGES_FACTS_H_
#define KIN_EXAMPLES_PACKAGES_FACTS_H_

#include <optional>
#include <string>
#include <vector>

#include "examples/packages/packages.pb.h"
#include "kin/examples/packages/control_reader.h"

namespace packages {

// A record and the PackageName that it names, before that has a key.
template <typename Record>
struct Naming {
  std::string name;
  Record record;
};

struct Facts {
  std::string name;
  std::string source;
  std::optional<Maintainer> maintainer;
  Package package;  // Version, architecture, source_version.
  PackageInfo info;
  std::vector<Naming<Dependency>> dependencies;
  std::vector<Naming<Provides>> provides;
};

// Reads the facts of a paragraph. Without a package name, a version or an architecture there are
// none; anything else that is malformed is left out. All of that is reported with its line.
std::optional<Facts> ReadFacts(const Paragraph& paragraph, const Complain& complain);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_FACTS_H_
