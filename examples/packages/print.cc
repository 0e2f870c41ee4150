#include "kin/examples/packages/print.h"

#include <cstdint>
#include <cstdio>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "kin/examples/packages/progress.h"

namespace packages {
namespace {

void PrintField(absl::string_view name, absl::string_view value) {
  if (!value.empty()) absl::PrintF("%s: %s\n", name, value);
}

std::string Label(PackageRef package) {
  return absl::StrCat(package->version(), " (", package->architecture(), ")");
}

// The names of the packages that provide a name.
std::string ProvidedBy(PackageNameRef name) {
  std::set<std::string> names;
  for (ProvidesRef provides : name.providers()) {
    names.insert(provides.package().name()->name());
  }
  return absl::StrJoin(names, ", ");
}

// Who depends on it, under whatever qualifier.
std::string NeededBy(PackageNameRef name) {
  std::set<int64_t> names;
  for (DependencyRef dependency : name.dependants()) {
    if (IsHard(*dependency)) names.insert(dependency.package()->name_id());
  }
  return names.empty() ? "" : Plural(static_cast<int64_t>(names.size()), "name");
}

void PrintInfo(PackageInfoRef info) {
  if (!info) return;
  PrintField("Essential", info->essential() ? "yes" : "");
  PrintField("Section", info->section());
  PrintField("Priority", info->priority());
  PrintField("Multi-Arch", info->multi_arch());
  PrintField("Homepage", info->homepage());
  if (info->has_installed_size()) {
    PrintField("Installed-Size", Bytes(info->installed_size() * 1024));
  }
  if (info->has_download_size()) PrintField("Download-Size", Bytes(info->download_size()));
}

void PrintPackage(PackageRef package, const std::vector<PackageRef>& all) {
  PrintField("Package", package.name()->name());
  PrintField("Version", package->version());
  PrintField("Architecture", package->architecture());
  std::vector<std::string> others;
  for (PackageRef other : all) {
    if (!(other == package)) others.push_back(Label(other));
  }
  PrintField("Other-Versions", absl::StrJoin(others, ", "));
  PrintField("Source", package->has_source_version() ? absl::StrCat(package.source()->name(), " (",
                                                                    package->source_version(), ")")
                                                     : package.source()->name());
  if (package.maintainer()) PrintField("Maintainer", package.maintainer()->address());
  PrintInfo(package.info());
  for (const auto kind :
       {Dependency::PRE_DEPENDS, Dependency::DEPENDS, Dependency::RECOMMENDS, Dependency::SUGGESTS,
        Dependency::ENHANCES, Dependency::BREAKS, Dependency::CONFLICTS, Dependency::REPLACES}) {
    PrintField(KindName(kind), RelationField(package, kind));
  }
  PrintField("Provides", ProvidesField(package));
}

void PrintRanking(absl::string_view title,
                  const std::vector<std::pair<int64_t, std::string>>& ranking) {
  absl::PrintF("\n%s\n", title);
  for (const auto& [count, name] : ranking) {
    if (count > 0) absl::PrintF("%12s  %s\n", Grouped(count), name);
  }
}

void PrintLists(const kin::Snapshot& snapshot) {
  absl::PrintF("\nLists\n");
  for (PackageListRef list : snapshot.All<PackageList>()) {
    const std::string modified =
        list->modified() == 0
            ? ""
            : absl::FormatTime(" (%Y-%m-%d %H:%M)", absl::FromUnixSeconds(list->modified()),
                               absl::LocalTimeZone());
    absl::PrintF("%12s  %s%s\n", Grouped(list->paragraphs()), list->path(), modified);
  }
}

}  // namespace

void PrintName(PackageNameRef name) {
  const std::vector<PackageRef> versions = Versions(name);
  const std::string provided_by = ProvidedBy(name);
  if (!versions.empty()) {
    PrintPackage(versions.front(), versions);
  } else {
    PrintField("Package", name->name());
    PrintField("State", provided_by.empty()
                            ? "missing: no list contains it and nothing provides it"
                            : "virtual: no list contains it, other packages provide it");
  }
  PrintField("Provided-By", provided_by);
  PrintField("Needed-By", NeededBy(name));
  if (!versions.empty() && versions.front().info()) {
    PrintField("Description", versions.front().info()->description());
  }
}

void PrintDependants(const Dependants& dependants, bool names_only) {
  for (const Dependant& dependant : dependants.dependants) {
    absl::PrintF("%s", dependant.name);
    if (!names_only) absl::PrintF("  %s", absl::StrJoin(dependant.how, "; "));
    absl::PrintF("\n");
  }
}

void PrintMaintainer(MaintainerRef maintainer) {
  absl::PrintF("%s\n", maintainer->address());
  for (PackageRef package : PackagesOf(maintainer)) {
    absl::PrintF("  %s %s\n", package.name()->name(), Label(package));
  }
}

void PrintStats(const kin::Snapshot& snapshot) {
  const ArchiveStats stats = StatsOf(snapshot);
  int64_t records = 0;
  for (const auto& [model, count] : stats.records) {
    absl::PrintF("%12s  %s\n", Grouped(count), model);
    records += count;
  }
  absl::PrintF("%12s  records in all, at commit %s\n", Grouped(records),
               Grouped(static_cast<int64_t>(snapshot.commit())));
  absl::PrintF("\nNames\n%12s  are of packages\n%12s  are virtual: only provided\n",
               Grouped(stats.real_names), Grouped(stats.virtual_names));
  absl::PrintF("%12s  are missing: asked for, but neither listed nor provided\n",
               Grouped(stats.missing_names));
  absl::PrintF("\nSizes\n%12s  to download\n%12s  installed\n", Bytes(stats.download_bytes),
               Bytes(stats.installed_kib * 1024));
  PrintRanking("Names that depend on", stats.most_needed);
  PrintRanking("Packages maintained by", stats.busiest);
  PrintLists(snapshot);
}

void PrintError(const absl::Status& status) {
  absl::FPrintF(stderr, "packages: %s\n", std::string(status.message()));
}

std::string Plural(int64_t count, absl::string_view noun) {
  return absl::StrCat(Grouped(count), " ", noun, count == 1 ? "" : "s");
}

}  // namespace packages
