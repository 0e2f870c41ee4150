#include "kin/examples/packages/commands.h"

#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/answers.h"
#include "kin/examples/packages/database.h"
#include "kin/examples/packages/print.h"
#include "kin/examples/packages/progress.h"
#include "kin/store/store.h"

namespace packages {
namespace {

// A database that is open for questions, or why there is none.
struct Opened {
  std::unique_ptr<kin::Store> store;
  ExitCode error = kFailed;
};

Opened Open(const Options& options) {
  Progress progress;
  progress.Show(absl::StrCat("Opening ", options.db, "…"));
  absl::StatusOr<std::unique_ptr<kin::Store>> store = OpenLoadedDatabase(options.db);
  progress.Clear();
  if (store.ok()) return {*std::move(store)};
  PrintError(store.status());
  return {nullptr, kFailed};
}

ExitCode Unknown(const Options& options, const std::string& what) {
  absl::FPrintF(stderr, "%s: nothing in %s is called so\n", what, options.db);
  return kNotFound;
}

}  // namespace

ExitCode Show(const Options& options, const std::string& name) {
  const Opened opened = Open(options);
  if (opened.store == nullptr) return opened.error;
  const kin::Snapshot snapshot = opened.store->GetSnapshot();
  const PackageNameRef found = snapshot.FindBy(PackageNameModel::name, name);
  if (!found) return Unknown(options, name);
  PrintName(found);
  return kDone;
}

ExitCode Rdepends(const Options& options, const std::string& name) {
  const Opened opened = Open(options);
  if (opened.store == nullptr) return opened.error;
  const kin::Snapshot snapshot = opened.store->GetSnapshot();
  const QualifiedName asked = ParseName(name);
  const PackageNameRef found = snapshot.FindBy(PackageNameModel::name, asked.name);
  if (!found) return Unknown(options, asked.name);
  const Dependants dependants = DependantsOf(found, asked.qualifier);
  PrintDependants(dependants, options.names_only);
  for (const auto& [qualifier, count] : dependants.others) {
    const std::string other =
        qualifier.empty() ? asked.name : absl::StrCat(asked.name, ":", qualifier);
    absl::FPrintF(stderr, "%s: %s depend on %s, which apt takes for another name (rdepends %s)\n",
                  name, Plural(count, "name"), other, other);
  }
  return kDone;
}

ExitCode ShowMaintainer(const Options& options, const std::string& text) {
  const Opened opened = Open(options);
  if (opened.store == nullptr) return opened.error;
  const kin::Snapshot snapshot = opened.store->GetSnapshot();
  const std::vector<MaintainerRef> maintainers = FindMaintainers(snapshot, text);
  if (maintainers.empty()) return Unknown(options, text);
  std::set<std::string> names;
  for (MaintainerRef maintainer : maintainers) {
    if (!options.names_only) PrintMaintainer(maintainer);
    for (PackageRef package : maintainer.packages()) names.insert(package.name()->name());
  }
  if (options.names_only) absl::PrintF("%s\n", absl::StrJoin(names, "\n"));
  return kDone;
}

ExitCode ShowStats(const Options& options) {
  const absl::Time start = absl::Now();
  const Opened opened = Open(options);
  if (opened.store == nullptr) return opened.error;
  const absl::Duration opening = absl::Now() - start;
  PrintStats(opened.store->GetSnapshot());
  absl::PrintF("\n%s: %s; opened in %s; peak memory %s\n", options.db,
               Bytes(DatabaseSize(options.db)), Seconds(opening), Bytes(PeakMemory()));
  return kDone;
}

}  // namespace packages
