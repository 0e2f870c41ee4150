#include "kin/examples/packages/answers.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <set>
#include <tuple>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/examples/packages/debian_version.h"
#include "kin/examples/packages/relations.h"

namespace packages {
namespace {

constexpr size_t kTop = 10;

// "libc6 (>= 2.34)"; "<c-compiler>" where no list contains the name and names are marked.
std::string Show(const Dependency& dependency, PackageNameRef target, bool mark_missing) {
  const bool mark = mark_missing && target.packages().empty();
  std::string shown = absl::StrCat(mark ? "<" : "", target->name());
  if (!dependency.qualifier().empty()) absl::StrAppend(&shown, ":", dependency.qualifier());
  if (mark) absl::StrAppend(&shown, ">");
  if (dependency.relation() != Dependency::ANY_VERSION) {
    absl::StrAppend(&shown, " (", RelationSign(dependency.relation()), " ", dependency.version(),
                    ")");
  }
  return shown;
}

// Names that have such a dependency on `target`, each once.
int64_t CountDependants(PackageNameRef target) {
  std::set<int64_t> names;
  for (DependencyRef dependency : target.dependants()) {
    if (IsHard(*dependency)) names.insert(dependency.package()->name_id());
  }
  return static_cast<int64_t>(names.size());
}

using Ranking = std::vector<std::pair<int64_t, std::string>>;

void KeepLargest(Ranking* ranking) {
  const size_t count = std::min(kTop, ranking->size());
  std::partial_sort(ranking->begin(), ranking->begin() + count, ranking->end(),
                    [](const auto& a, const auto& b) {
                      return std::tie(b.first, a.second) < std::tie(a.first, b.second);
                    });
  ranking->resize(count);
}

template <typename... M>
void CountRecords(const kin::Snapshot& snapshot, ArchiveStats* stats) {
  (stats->records.emplace_back(M::descriptor()->name(), snapshot.Count<M>()), ...);
}

}  // namespace

QualifiedName ParseName(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

std::vector<PackageRef> Versions(PackageNameRef name) {
  std::vector<PackageRef> packages;
  for (PackageRef package : name.packages()) packages.push_back(package);
  std::sort(packages.begin(), packages.end(), [](PackageRef a, PackageRef b) {
    const int order = CompareVersions(a->version(), b->version());
    return order != 0 ? order > 0 : a->architecture() < b->architecture();
  });
  return packages;
}

bool IsHard(const Dependency& dependency) {
  return dependency.kind() == Dependency::DEPENDS || dependency.kind() == Dependency::PRE_DEPENDS;
}

Dependants DependantsOf(PackageNameRef name, absl::string_view qualifier) {
  std::map<absl::string_view, std::set<std::string>> found;
  std::map<std::string, std::set<int64_t>> others;
  for (DependencyRef dependency : name.dependants()) {
    if (!IsHard(*dependency)) continue;
    const PackageNameRef dependant = dependency.package().name();
    if (dependency->qualifier() != qualifier) {
      others[dependency->qualifier()].insert(dependant->id());
      continue;
    }
    found[dependant->name()].insert(
        absl::StrCat(KindName(dependency->kind()), ": ", Show(*dependency, name, false)));
  }
  Dependants result;
  for (const auto& [dependant, how] : found) {
    result.dependants.push_back({dependant, {how.begin(), how.end()}});
  }
  for (const auto& [other, names] : others) {
    result.others[other] = static_cast<int64_t>(names.size());
  }
  return result;
}

absl::string_view KindName(Dependency::Kind kind) {
  switch (kind) {
    case Dependency::DEPENDS:
      return "Depends";
    case Dependency::PRE_DEPENDS:
      return "Pre-Depends";
    case Dependency::RECOMMENDS:
      return "Recommends";
    case Dependency::SUGGESTS:
      return "Suggests";
    case Dependency::ENHANCES:
      return "Enhances";
    case Dependency::BREAKS:
      return "Breaks";
    case Dependency::CONFLICTS:
      return "Conflicts";
    case Dependency::REPLACES:
      return "Replaces";
    default:
      return "?";
  }
}

std::string RelationField(PackageRef package, Dependency::Kind kind) {
  std::map<int, DependencyRef> by_position;
  for (DependencyRef dependency : package.dependencies()) {
    if (dependency->kind() == kind) by_position[dependency->position()] = dependency;
  }
  std::string field;
  for (const auto& [position, dependency] : by_position) {
    if (!field.empty()) absl::StrAppend(&field, dependency->alternative() > 0 ? " | " : ", ");
    absl::StrAppend(&field, Show(*dependency, dependency.target(), true));
  }
  return field;
}

std::string ProvidesField(PackageRef package) {
  std::map<int, std::string> by_position;
  for (ProvidesRef provides : package.provides()) {
    std::string& shown = by_position[provides->position()];
    shown = provides.name()->name();
    if (!provides->qualifier().empty()) absl::StrAppend(&shown, ":", provides->qualifier());
    if (provides->has_version()) absl::StrAppend(&shown, " (= ", provides->version(), ")");
  }
  std::string field;
  for (const auto& [position, shown] : by_position) {
    absl::StrAppend(&field, field.empty() ? "" : ", ", shown);
  }
  return field;
}

std::vector<MaintainerRef> FindMaintainers(const kin::Snapshot& snapshot, absl::string_view text) {
  if (MaintainerRef maintainer = snapshot.FindBy(MaintainerModel::address, text)) {
    return {maintainer};
  }
  // A few thousand records: a scan.
  std::vector<MaintainerRef> exact, containing;
  const std::string lower = absl::AsciiStrToLower(text);
  for (MaintainerRef maintainer : snapshot.All<Maintainer>()) {
    if (absl::EqualsIgnoreCase(maintainer->name(), text) ||
        absl::EqualsIgnoreCase(maintainer->email(), text)) {
      exact.push_back(maintainer);
    } else if (absl::StrContains(absl::AsciiStrToLower(maintainer->address()), lower)) {
      containing.push_back(maintainer);
    }
  }
  std::vector<MaintainerRef>& found = exact.empty() ? containing : exact;
  std::sort(found.begin(), found.end(),
            [](MaintainerRef a, MaintainerRef b) { return a->address() < b->address(); });
  return found;
}

std::vector<PackageRef> PackagesOf(MaintainerRef maintainer) {
  std::vector<PackageRef> packages;
  for (PackageRef package : maintainer.packages()) packages.push_back(package);
  std::sort(packages.begin(), packages.end(), [](PackageRef a, PackageRef b) {
    if (const int order = a.name()->name().compare(b.name()->name()); order != 0) return order < 0;
    if (const int order = CompareVersions(a->version(), b->version()); order != 0) return order < 0;
    return a->architecture() < b->architecture();
  });
  return packages;
}

ArchiveStats StatsOf(const kin::Snapshot& snapshot) {
  ArchiveStats stats;
  CountRecords<PackageName, Package, PackageInfo, Maintainer, Source, Dependency, Provides>(
      snapshot, &stats);
  for (PackageNameRef name : snapshot.All<PackageName>()) {
    const bool real = !name.packages().empty();
    const bool provided = !name.providers().empty();
    stats.real_names += real;
    stats.virtual_names += !real && provided;
    stats.missing_names += !real && !provided;
    stats.most_needed.emplace_back(CountDependants(name), name->name());
  }
  for (PackageInfoRef info : snapshot.All<PackageInfo>()) {
    stats.download_bytes += info->download_size();
    stats.installed_kib += info->installed_size();
  }
  for (MaintainerRef maintainer : snapshot.All<Maintainer>()) {
    stats.busiest.emplace_back(maintainer.packages().size(), maintainer->address());
  }
  KeepLargest(&stats.most_needed);
  KeepLargest(&stats.busiest);
  return stats;
}

}  // namespace packages
