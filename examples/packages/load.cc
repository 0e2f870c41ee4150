#include "kin/examples/packages/load.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/control_reader.h"

namespace packages {
namespace {

constexpr size_t kPackagesInATransaction = 1000;

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

void Count(Outcome outcome, LoadCounts* counts) {
  counts->added += outcome == Outcome::kAdded;
  counts->changed += outcome == Outcome::kChanged;
  counts->unchanged += outcome == Outcome::kUnchanged;
  counts->repeated += outcome == Outcome::kRepeated || outcome == Outcome::kContradicted;
}

}  // namespace

ListLoader::ListLoader(kin::Store* store, std::function<void(const std::string&)> on_complaint,
                       std::function<void(absl::string_view, const LoadCounts&)> on_progress)
    : store_(store), on_complaint_(std::move(on_complaint)), on_progress_(std::move(on_progress)) {}

void ListLoader::Complain(absl::string_view path, int line, absl::string_view what) {
  ++counts_.complaints;
  on_complaint_(absl::StrCat(path, ":", line, ": ", what));
}

absl::Status ListLoader::Load(const std::string& path) {
  absl::StatusOr<std::unique_ptr<Input>> input = Input::Open(path);
  if (!input.ok()) return input.status();
  return Load(path, ModificationTime(path), input->get());
}

absl::Status ListLoader::Load(const std::string& path, int64_t modified, Input* input) {
  if (absl::Status s = Begin(); !s.ok()) return s;
  const auto complain = [&](int line, absl::string_view what) { Complain(path, line, what); };
  LineReader lines(input);
  ControlReader reader(&lines, complain);
  Paragraph paragraph;
  int64_t paragraphs = 0;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&paragraph);
    if (!more.ok()) return WithPath(path, more.status());
    if (!*more) break;
    ++paragraphs;
    ++counts_.paragraphs;
    std::optional<Facts> facts = ReadFacts(paragraph, complain);
    if (facts) pending_.push_back({*std::move(facts), paragraph.line()});
    if (pending_.size() < kPackagesInATransaction) continue;
    if (absl::Status s = WritePending(path); !s.ok()) return s;
  }
  if (absl::Status s = WritePending(path); !s.ok()) return s;
  if (absl::Status s = input->Finish(); !s.ok()) return s;
  ++counts_.lists;
  PackageList list;
  list.set_path(path);
  list.set_modified(modified);
  list.set_paragraphs(paragraphs);
  lists_.push_back(std::move(list));
  return absl::OkStatus();
}

// Takes back that the store holds certain lists whole, until Finish.
absl::Status ListLoader::Begin() {
  if (counts_.paragraphs > 0) return absl::OkStatus();
  auto commit = store_->Write([](kin::Transaction& txn) -> absl::Status {
    std::vector<PackageListRef> lists;
    for (PackageListRef list : txn.All<PackageList>()) lists.push_back(list);
    for (PackageListRef list : lists) {
      if (absl::Status s = txn.Delete(list); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  return commit.status();
}

absl::Status ListLoader::WritePending(absl::string_view path) {
  std::vector<Outcome> outcomes;
  auto commit = store_->Write([&](kin::Transaction& txn) -> absl::Status {
    for (const Pending& pending : pending_) {
      const absl::StatusOr<Outcome> outcome = writer_.Put(txn, pending.facts);
      if (!outcome.ok()) return outcome.status();
      outcomes.push_back(*outcome);
    }
    return absl::OkStatus();
  });
  if (!commit.ok()) return commit.status();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Count(outcomes[i], &counts_);
    if (outcomes[i] != Outcome::kContradicted) continue;
    const Facts& facts = pending_[i].facts;
    Complain(
        path, pending_[i].line,
        absl::StrCat(facts.name, " ", facts.package.version(), " (", facts.package.architecture(),
                     ") stands earlier with other facts; those are kept"));
  }
  pending_.clear();
  on_progress_(path, counts_);
  return absl::OkStatus();
}

absl::Status ListLoader::Finish() {
  const absl::StatusOr<int64_t> removed = writer_.RemoveTheRest(store_);
  if (!removed.ok()) return removed.status();
  counts_.removed = *removed;
  auto commit = store_->Write([&](kin::Transaction& txn) -> absl::Status {
    for (const PackageList& list : lists_) {
      // The same file may have been named twice.
      if (absl::Status s = txn.Upsert(list).status(); !s.ok()) return s;
    }
    return absl::OkStatus();
  });
  return commit.status();
}

}  // namespace packages
