#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/answers.h"
#include "kin/examples/packages/commands.h"
#include "kin/examples/packages/database.h"
#include "kin/examples/packages/input.h"
#include "kin/examples/packages/load_command.h"
#include "kin/examples/packages/print.h"
#include "kin/examples/packages/progress.h"
#include "kin/store/store.h"

namespace packages {
namespace {

constexpr char kPackage[] = "python3";
constexpr char kVirtual[] = "mail-transport-agent";

// A store for the tour to go through. `loaded` is set if it had to be loaded first.
struct Ground {
  std::unique_ptr<kin::Store> store;
  LoadResult load;
  bool loaded = false;
  std::string db;  // Empty: in memory alone.
};

void Fail(const absl::Status& status, Ground* ground) {
  PrintError(status);
  ground->store = nullptr;
  ground->load.exit_code = kFailed;
}

// The sample goes into memory, so that it does not stand in the way of the real lists later.
void UseSample(const Options& options, Ground* ground) {
  PrintNoLists(options.lists);
  absl::FPrintF(stderr, "packages: going on with the small sample that comes with the example.\n");
  ground->db.clear();
  absl::StatusOr<std::unique_ptr<kin::Store>> store = OpenMemory();
  if (!store.ok()) return Fail(store.status(), ground);
  ground->store = *std::move(store);
  ground->load = LoadSample(ground->store.get());
  ground->loaded = true;
}

// Says so if a list is newer than what was loaded of it.
void MentionNewerLists(const kin::Snapshot& snapshot) {
  for (PackageListRef list : snapshot.All<PackageList>()) {
    if (list->modified() < ModificationTime(list->path())) {
      absl::FPrintF(stderr, "packages: %s is newer than the database: `load` takes it in\n",
                    list->path());
    }
  }
}

Ground Prepare(const Options& options) {
  Ground ground;
  ground.db = options.db;
  const std::vector<std::string> paths = FindPackageLists(options.lists);
  std::error_code error;
  if (paths.empty() && !std::filesystem::exists(options.db, error)) {
    UseSample(options, &ground);
    return ground;
  }
  absl::StatusOr<std::unique_ptr<kin::Store>> store = OpenDatabase(options.db);
  if (!store.ok()) {
    Fail(store.status(), &ground);
    return ground;
  }
  ground.store = *std::move(store);
  if (IsLoaded(*ground.store)) {
    MentionNewerLists(ground.store->GetSnapshot());
  } else if (paths.empty()) {
    UseSample(options, &ground);
  } else {
    ground.load = LoadLists(ground.store.get(), paths);
    ground.loaded = true;
  }
  return ground;
}

// How long an answer took, after it.
class Timed {
 public:
  explicit Timed(const std::string& question) { absl::PrintF("\n== %s\n", question); }
  void Answered() {
    absl::PrintF("   (answered in %.0f µs)\n", absl::ToDoubleMicroseconds(absl::Now() - start_));
  }

 private:
  const absl::Time start_ = absl::Now();
};

void Walk(const kin::Snapshot& snapshot) {
  Timed show(absl::StrFormat("show %s: what is it?", kPackage));
  const PackageNameRef name = snapshot.FindBy(PackageNameModel::name, kPackage);
  if (name) PrintName(name);
  show.Answered();

  Timed rdepends(absl::StrFormat("rdepends %s: who needs it?", kPackage));
  if (name) {
    const Dependants dependants = DependantsOf(name, "");
    absl::PrintF("%s", Plural(static_cast<int64_t>(dependants.dependants.size()), "name"));
    for (const auto& [qualifier, count] : dependants.others) {
      absl::PrintF("; %s need %s:%s", Grouped(count), kPackage, qualifier);
    }
    absl::PrintF("\n");
  }
  rdepends.Answered();

  Timed provided(absl::StrFormat("show %s: a name without a package", kVirtual));
  if (auto found = snapshot.FindBy(PackageNameModel::name, kVirtual)) PrintName(found);
  provided.Answered();

  const std::vector<PackageRef> versions = Versions(name);
  if (versions.empty() || !versions.front().maintainer()) return;
  const MaintainerRef maintainer = versions.front().maintainer();
  Timed maintained(absl::StrFormat("maintainer \"%s\": what else is theirs?", maintainer->name()));
  absl::PrintF("%s\n", Plural(static_cast<int64_t>(maintainer.packages().size()), "package"));
  maintained.Answered();
}

}  // namespace

ExitCode Tour(const Options& options) {
  Ground ground = Prepare(options);
  if (ground.store == nullptr || ground.load.exit_code == kFailed) return kFailed;
  if (ground.loaded) PrintSummary(ground.load, *ground.store, ground.db);
  Walk(ground.store->GetSnapshot());
  absl::PrintF(
      "\nMore: show NAME, rdepends NAME, maintainer NAME, stats, load; --help says it all.\n");
  if (absl::Status s = ground.store->Close(absl::InfiniteDuration()); !s.ok()) {
    PrintError(s);
    return kFailed;
  }
  return ground.load.exit_code;
}

}  // namespace packages
