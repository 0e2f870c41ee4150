#include "kin/examples/packages/load_command.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "kin/examples/packages/database.h"
#include "kin/examples/packages/input.h"
#include "kin/examples/packages/print.h"
#include "kin/examples/packages/progress.h"
#include "kin/examples/packages/sample.h"
#include "kin/store/stats.h"

namespace packages {
namespace {

std::string BaseName(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

// Waits until the database has everything, showing how much is left.
absl::Status FlushWithProgress(kin::Store* store, Progress* progress) {
  while (true) {
    const absl::Status status = store->Flush(absl::Milliseconds(200));
    if (!absl::IsDeadlineExceeded(status)) return status;
    progress->Show(
        absl::StrCat("Writing: ", Grouped(store->stats().lag_records), " records to go"));
  }
}

// Runs `load` and then what every load ends with.
LoadResult Run(kin::Store* store, const std::function<absl::Status(ListLoader&)>& load) {
  Progress progress;
  const absl::Time start = absl::Now();
  ListLoader loader(
      store, [&](const std::string& complaint) { progress.Say(complaint); },
      [&](absl::string_view path, const LoadCounts& counts) {
        const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
        progress.Show(absl::StrCat(Grouped(counts.paragraphs), " paragraphs, ",
                                   Grouped(static_cast<int64_t>(counts.paragraphs / seconds)),
                                   " a second: ", BaseName(path)));
      });
  LoadResult result;
  absl::Status status = load(loader);
  if (status.ok()) status = loader.Finish();
  result.counts = loader.counts();
  const absl::Time read = absl::Now();
  result.reading = read - start;
  if (status.ok()) status = FlushWithProgress(store, &progress);
  result.writing = absl::Now() - read;
  progress.Clear();
  if (!status.ok()) {
    PrintError(status);
    result.exit_code = kFailed;
  } else if (result.counts.complaints > 0) {
    result.exit_code = kLoadedPartly;
  }
  return result;
}

std::string PerSecond(int64_t count, absl::Duration duration) {
  const double seconds = std::max(absl::ToDoubleSeconds(duration), 1e-3);
  return absl::StrCat(Grouped(static_cast<int64_t>(static_cast<double>(count) / seconds)),
                      " a second");
}

}  // namespace

LoadResult LoadLists(kin::Store* store, const std::vector<std::string>& paths) {
  return Run(store, [&](ListLoader& loader) {
    for (const std::string& path : paths) {
      if (absl::Status s = loader.Load(path); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
}

LoadResult LoadSample(kin::Store* store) {
  return Run(store, [](ListLoader& loader) {
    for (const SampleList& list : kSampleLists) {
      const std::unique_ptr<Input> input = Input::FromText(list.text);
      if (absl::Status s = loader.Load(list.name, 0, input.get()); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
}

void PrintSummary(const LoadResult& result, const kin::Store& store, const std::string& db) {
  const LoadCounts& counts = result.counts;
  const kin::Stats stats = store.stats();
  absl::PrintF("Read %s from %s in %s (%s).\n", Plural(counts.paragraphs, "paragraph"),
               Plural(counts.lists, "list"), Seconds(result.reading),
               PerSecond(counts.paragraphs, result.reading));
  absl::PrintF("Packages: %s new, %s changed, %s unchanged, %s repeated, %s removed. %s.\n",
               Grouped(counts.added), Grouped(counts.changed), Grouped(counts.unchanged),
               Grouped(counts.repeated), Grouped(counts.removed),
               counts.complaints == 0 ? "No bad lines"
                                      : absl::StrCat("Bad lines: ", Grouped(counts.complaints),
                                                     ", named above and left out"));
  if (!db.empty()) {
    const absl::Duration all = result.reading + result.writing;
    absl::PrintF("Wrote %s to %s, %s after the last was read (%s in all, %s).\n",
                 Plural(stats.rows_written, "row"), db, Seconds(result.writing), Seconds(all),
                 PerSecond(stats.rows_written, all));
  }
  absl::PrintF("%s in memory; peak memory %s%s.\n", Plural(stats.records, "record"),
               Bytes(PeakMemory()),
               db.empty() ? "" : absl::StrCat("; ", db, " has ", Bytes(DatabaseSize(db))));
}

void PrintNoLists(const std::string& directory) {
  absl::FPrintF(stderr,
                "packages: %s contains no package lists. `sudo apt-get update` fetches them; or "
                "name a Packages file: load FILE\n",
                directory);
}

ExitCode Load(const Options& options, const std::vector<std::string>& files) {
  const std::vector<std::string> paths = files.empty() ? FindPackageLists(options.lists) : files;
  if (paths.empty()) {
    PrintNoLists(options.lists);
    return kFailed;
  }
  absl::StatusOr<std::unique_ptr<kin::Store>> store = OpenDatabase(options.db);
  if (!store.ok()) {
    PrintError(store.status());
    return kFailed;
  }
  const LoadResult result = LoadLists(store->get(), paths);
  if (result.exit_code == kFailed) return kFailed;
  PrintSummary(result, **store, options.db);
  if (absl::Status s = (*store)->Close(absl::InfiniteDuration()); !s.ok()) {
    PrintError(s);
    return kFailed;
  }
  return result.exit_code;
}

}  // namespace packages
