// Prints who depends on each name of a package in package lists, one line a name:
// "NAME: DEPENDANT…", in the form and order of testdata/rdepends.txt.
//
// Usage: all_rdepends FILE…
#include <iostream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/answers.h"
#include "kin/examples/packages/load.h"
#include "kin/store/store.h"

namespace packages {
namespace {

absl::Status Run(int count, char** paths) {
  auto store = kin::Store::Open(kin::Schema::Of<PackageName, Package, PackageInfo, Maintainer,
                                                Source, Dependency, Provides, PackageList>());
  if (!store.ok()) return store.status();
  ListLoader loader(
      store->get(), [](const std::string& complaint) { std::cerr << complaint << "\n"; },
      [](absl::string_view, const LoadCounts&) {});
  for (int i = 0; i < count; ++i) {
    if (absl::Status s = loader.Load(paths[i]); !s.ok()) return s;
  }
  if (absl::Status s = loader.Finish(); !s.ok()) return s;
  const kin::Snapshot snapshot = (*store)->GetSnapshot();
  std::map<std::string, std::string> lines;
  for (PackageNameRef name : snapshot.All<PackageName>()) {
    if (name.packages().empty()) continue;
    std::string& line = lines[name->name()];
    for (const Dependant& dependant : DependantsOf(name, "").dependants) {
      absl::StrAppend(&line, " ", dependant.name);
    }
  }
  for (const auto& [name, dependants] : lines) std::cout << name << ":" << dependants << "\n";
  return absl::OkStatus();
}

}  // namespace
}  // namespace packages

int main(int argc, char** argv) {
  const absl::Status status = packages::Run(argc - 1, argv + 1);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
