#include "kin/examples/packages/graph_writer.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "examples/packages/packages.kin.h"

namespace packages {
namespace {

constexpr size_t kDeletesInATransaction = 1000;

// The records a package should have, complete with keys.
struct Wanted {
  Package package;  // Without an id if it is new.
  PackageInfo info;
  std::vector<Dependency> dependencies;
  std::vector<Provides> provides;
};

bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

// The id of the record of M whose field has this value, made if there is none.
template <typename M, typename Field>
absl::StatusOr<int64_t> IdOf(kin::Transaction& txn, Field field, const std::string& value,
                             M record) {
  if (auto known = txn.FindBy(field, value)) return known->id();
  auto inserted = txn.Insert(std::move(record));
  if (!inserted.ok()) return inserted.status();
  return (*inserted)->id();
}

absl::StatusOr<int64_t> NameId(kin::Transaction& txn, const std::string& name) {
  PackageName record;
  record.set_name(name);
  return IdOf(txn, PackageNameModel::name, name, std::move(record));
}

absl::StatusOr<int64_t> SourceId(kin::Transaction& txn, const std::string& name) {
  Source record;
  record.set_name(name);
  return IdOf(txn, SourceModel::name, name, std::move(record));
}

absl::StatusOr<Wanted> Resolve(kin::Transaction& txn, const Facts& facts) {
  Wanted wanted;
  wanted.package = facts.package;
  wanted.info = facts.info;
  absl::StatusOr<int64_t> id = NameId(txn, facts.name);
  if (!id.ok()) return id.status();
  wanted.package.set_name_id(*id);
  id = SourceId(txn, facts.source);
  if (!id.ok()) return id.status();
  wanted.package.set_source_id(*id);
  if (facts.maintainer) {
    const Maintainer& maintainer = *facts.maintainer;
    id = IdOf(txn, MaintainerModel::address, maintainer.address(), maintainer);
    if (!id.ok()) return id.status();
    wanted.package.set_maintainer_id(*id);
  }
  for (const Naming<Dependency>& dependency : facts.dependencies) {
    id = NameId(txn, dependency.name);
    if (!id.ok()) return id.status();
    wanted.dependencies.push_back(dependency.record);
    wanted.dependencies.back().set_target_id(*id);
  }
  for (const Naming<Provides>& provides : facts.provides) {
    id = NameId(txn, provides.name);
    if (!id.ok()) return id.status();
    wanted.provides.push_back(provides.record);
    wanted.provides.back().set_name_id(*id);
  }
  return wanted;
}

void SetPackageId(int64_t id, Wanted* wanted) {
  wanted->package.set_id(id);
  wanted->info.set_package_id(id);
  for (Dependency& dependency : wanted->dependencies) dependency.set_package_id(id);
  for (Provides& provides : wanted->provides) provides.set_package_id(id);
}

// The stored package of that name, version and architecture; empty if there is none.
PackageRef FindPackage(kin::Transaction& txn, const Package& wanted) {
  for (PackageRef package : txn.Find<PackageName>(wanted.name_id()).packages()) {
    if (package->version() == wanted.version() &&
        package->architecture() == wanted.architecture()) {
      return package;
    }
  }
  return {};
}

// Whether the rows of a package at positions 0, 1, … are these and no others.
template <typename M>
bool Holds(kin::Transaction& txn, size_t stored, const std::vector<M>& wanted) {
  return stored == wanted.size() && std::all_of(wanted.begin(), wanted.end(), [&](const M& row) {
           auto old = txn.Find<M>(row.package_id(), row.position());
           return old && Same(*old, row);
         });
}

bool Holds(kin::Transaction& txn, PackageRef package, const Wanted& wanted) {
  return Same(*package, wanted.package) && package.info() && Same(*package.info(), wanted.info) &&
         Holds(txn, package.dependencies().size(), wanted.dependencies) &&
         Holds(txn, package.provides().size(), wanted.provides);
}

// Makes the rows of a package at positions 0, 1, … be these and no others.
template <typename M>
absl::Status PutRows(kin::Transaction& txn, int64_t package_id, std::vector<M> wanted) {
  int position = static_cast<int>(wanted.size());
  for (M& row : wanted) {
    auto old = txn.Find<M>(row.package_id(), row.position());
    if (old && Same(*old, row)) continue;
    if (absl::Status s = txn.Upsert(std::move(row)).status(); !s.ok()) return s;
  }
  while (auto extra = txn.Find<M>(package_id, position++)) {
    if (absl::Status s = txn.Delete(extra); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status PutAll(kin::Transaction& txn, Wanted wanted) {
  const int64_t id = wanted.package.id();
  absl::Status status = txn.Upsert(std::move(wanted.package)).status();
  if (status.ok()) status = txn.Upsert(std::move(wanted.info)).status();
  if (status.ok()) status = PutRows(txn, id, std::move(wanted.dependencies));
  if (status.ok()) status = PutRows(txn, id, std::move(wanted.provides));
  return status;
}

absl::StatusOr<int64_t> InsertAll(kin::Transaction& txn, Wanted wanted) {
  absl::StatusOr<PackageRef> package = txn.Insert(wanted.package);
  if (!package.ok()) return package.status();
  const int64_t id = (*package)->id();
  SetPackageId(id, &wanted);
  absl::Status status = txn.Insert(std::move(wanted.info)).status();
  for (size_t i = 0; status.ok() && i < wanted.dependencies.size(); ++i) {
    status = txn.Insert(std::move(wanted.dependencies[i])).status();
  }
  for (size_t i = 0; status.ok() && i < wanted.provides.size(); ++i) {
    status = txn.Insert(std::move(wanted.provides[i])).status();
  }
  if (!status.ok()) return status;
  return id;
}

template <typename Ref>
absl::Status DeleteAll(kin::Store* store, const std::vector<Ref>& refs) {
  for (size_t start = 0; start < refs.size(); start += kDeletesInATransaction) {
    const auto chunk = absl::MakeConstSpan(refs).subspan(start, kDeletesInATransaction);
    auto commit = store->Write([&](kin::Transaction& txn) -> absl::Status {
      for (const Ref& ref : chunk) {
        if (absl::Status s = txn.Delete(ref); !s.ok()) return s;
      }
      return absl::OkStatus();
    });
    if (!commit.ok()) return commit.status();
  }
  return absl::OkStatus();
}

// Deletes the records of M for which `is_unused`.
template <typename M, typename Predicate>
absl::Status DeleteUnused(kin::Store* store, Predicate is_unused) {
  const kin::Snapshot snapshot = store->GetSnapshot();
  std::vector<typename kin::ModelTraits<M>::Ref> unused;
  for (auto ref : snapshot.All<M>()) {
    if (is_unused(ref)) unused.push_back(ref);
  }
  return DeleteAll(store, unused);
}

}  // namespace

absl::StatusOr<Outcome> GraphWriter::Put(kin::Transaction& txn, const Facts& facts) {
  absl::StatusOr<Wanted> wanted = Resolve(txn, facts);
  if (!wanted.ok()) return wanted.status();
  const PackageRef package = FindPackage(txn, wanted->package);
  if (!package) {
    const absl::StatusOr<int64_t> id = InsertAll(txn, *std::move(wanted));
    if (!id.ok()) return id.status();
    given_.insert(*id);
    return Outcome::kAdded;
  }
  const int64_t id = package->id();
  SetPackageId(id, &*wanted);
  const bool holds = Holds(txn, package, *wanted);
  if (!given_.insert(id).second) return holds ? Outcome::kRepeated : Outcome::kContradicted;
  if (holds) return Outcome::kUnchanged;
  if (absl::Status s = PutAll(txn, *std::move(wanted)); !s.ok()) return s;
  return Outcome::kChanged;
}

absl::StatusOr<int64_t> GraphWriter::RemoveTheRest(kin::Store* store) {
  const auto before = static_cast<int64_t>(store->GetSnapshot().Count<Package>());
  absl::Status status = DeleteUnused<Package>(
      store, [this](PackageRef package) { return !given_.contains(package->id()); });
  if (!status.ok()) return status;
  status = DeleteUnused<PackageName>(store, [](PackageNameRef name) {
    return name.packages().empty() && name.providers().empty() && name.dependants().empty();
  });
  if (!status.ok()) return status;
  status = DeleteUnused<Maintainer>(
      store, [](MaintainerRef maintainer) { return maintainer.packages().empty(); });
  if (!status.ok()) return status;
  status = DeleteUnused<Source>(store, [](SourceRef source) { return source.packages().empty(); });
  if (!status.ok()) return status;
  return before - static_cast<int64_t>(store->GetSnapshot().Count<Package>());
}

}  // namespace packages
