#include "kin/examples/packages/database.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "examples/packages/packages.kin.h"
#include "kin/persistence/sqlite.h"

namespace packages {
namespace {

kin::Schema ArchiveSchema() {
  return kin::Schema::Of<PackageName, Package, PackageInfo, Maintainer, Source, Dependency,
                         Provides, PackageList>();
}

absl::Status NothingLoaded(const std::string& path) {
  return absl::NotFoundError(
      absl::StrCat(path, " holds no package lists yet: run the command `load` first"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<kin::Store>> OpenDatabase(const std::string& path) {
  return kin::Store::Open(ArchiveSchema(), {.persistence = kin::Sqlite(path)});
}

absl::StatusOr<std::unique_ptr<kin::Store>> OpenLoadedDatabase(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return NothingLoaded(path);
  absl::StatusOr<std::unique_ptr<kin::Store>> store = OpenDatabase(path);
  if (store.ok() && !IsLoaded(**store)) return NothingLoaded(path);
  return store;
}

absl::StatusOr<std::unique_ptr<kin::Store>> OpenMemory() {
  return kin::Store::Open(ArchiveSchema(), {});
}

bool IsLoaded(const kin::Store& store) { return store.GetSnapshot().Count<PackageList>() > 0; }

int64_t DatabaseSize(const std::string& path) {
  int64_t size = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto part = std::filesystem::file_size(path + suffix, error);
    if (!error) size += static_cast<int64_t>(part);
  }
  return size;
}

}  // namespace packages
