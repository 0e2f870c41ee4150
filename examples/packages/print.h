// Prints answers on standard output.
#ifndef KIN_EXAMPLES_PACKAGES_PRINT_H_
#define KIN_EXAMPLES_PACKAGES_PRINT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/answers.h"
#include "kin/store/store.h"

namespace packages {

// A package in its highest version, in the form of a control file; or what is known of a name that
// no list contains.
void PrintName(PackageNameRef name);

// One name a line; unless only names are wanted, followed by how it depends.
void PrintDependants(const Dependants& dependants, bool names_only);

// The address, and a line for each package.
void PrintMaintainer(MaintainerRef maintainer);

void PrintStats(const kin::Snapshot& snapshot);

// On standard error.
void PrintError(const absl::Status& status);

// "1 name", "2,000 names".
std::string Plural(int64_t count, absl::string_view noun);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_PRINT_H_
