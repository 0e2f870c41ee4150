// What a transaction does for models with rules of their own: hooks, stamps, lock versions.
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/store/internal/transaction_core.h"
#include "kin/store/transaction.h"

namespace kin::internal {
namespace {

using google::protobuf::Message;

// Hooks that cause each other, or themselves, end here.
constexpr int kMaxHookDepth = 32;
constexpr std::size_t kMaxFailures = 100;

template <typename Call>
absl::Status Guarded(absl::string_view whose, const Call& call) {
  std::string what;
  try {
    return call();
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {
    what = "what is no std::exception";
  }
  return absl::InternalError(absl::StrCat(whose, " threw: ", what, "; return an absl::Status"));
}

}  // namespace

absl::Status GuardedCommitHook(const CommitHook& hook, CommitNumber commit,
                               absl::Span<const Change> changes) {
  return Guarded("an AfterCommit hook", [&] { return hook(commit, changes); });
}

absl::Status TransactionCore::Abort(absl::Status status) {
  if (aborted_.ok()) aborted_ = status;
  return status;
}

absl::Time TransactionCore::Now() {
  if (now_ == absl::InfinitePast()) now_ = engine_.Now();
  return now_;
}

absl::Status TransactionCore::RunHooks(const Table& table, const ModelRules::HookList& hooks,
                                       HookCall call) {
  if (hooks.empty()) return absl::OkStatus();
  if (hook_depth_ >= kMaxHookDepth) {
    return Abort(absl::ResourceExhaustedError(
        absl::StrCat(table.model().name, ": hooks have called each other ", kMaxHookDepth,
                     " deep; let them not change what calls them again")));
  }
  Transaction transaction(this);
  call.view = view();
  call.transaction = &transaction;
  const Mark outer = std::exchange(floor_, mark());
  ++hook_depth_;
  absl::Status status;
  for (const RecordHook& hook : hooks) {
    status = Guarded(absl::StrCat(table.model().name, ": a hook"), [&] { return hook(call); });
    if (status.ok()) status = aborted_;  // By a hook inside this one.
    if (!status.ok()) break;
  }
  --hook_depth_;
  floor_ = outer;
  return status.ok() ? status : Abort(std::move(status));
}

void TransactionCore::RollbackForProgram(const Mark& mark) {
  if (hook_depth_ == 0 || mark.log >= floor_.log) return RollbackTo(mark);
  RollbackTo(floor_);
  Abort(
      absl::FailedPreconditionError(
          "a hook has called RollbackTo with a savepoint from before it was called; let it return "
          "an error instead"))
      .IgnoreError();
}

absl::Status TransactionCore::BeforeInsert(Table& table, Version* fresh) {
  const ModelRules& rules = *table.rules();
  Message* record = table.MutableMessageOf(fresh);
  absl::Status status = RunHooks(table, rules.before(Change::kInsert),
                                 {.kind = Change::kInsert, .after = record, .record = record});
  if (status.ok() && rules.has_stamps()) {
    rules.StampInsert(rules.has_times() ? Now() : absl::Time(), record);
  }
  return status;
}

absl::Status TransactionCore::BeforeUpdate(Table& table, Version* current, Version* fresh) {
  const ModelRules& rules = *table.rules();
  const Message& before = *table.MessageOf(current);
  Message* record = table.MutableMessageOf(fresh);
  const std::uint64_t generation = generation_;
  absl::Status status =
      RunHooks(table, rules.before(Change::kUpdate),
               {.kind = Change::kUpdate, .before = &before, .after = record, .record = record});
  if (!status.ok()) return status;
  if (generation_ != generation && table.FindEntry(before) != current) {
    return Abort(absl::FailedPreconditionError(
        absl::StrCat(table.NameOf(before),
                     ": a Before hook has itself updated or deleted the record that it was called "
                     "for; let it change mutable_record() instead")));
  }
  if (!rules.has_stamps() ||
      rules.StampUpdate(rules.has_times() ? Now() : absl::Time(), before, record)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(table.NameOf(before), ".", table.model().lock_version->name(),
                   ": it is the largest number of its type; give the field a larger type"));
}

absl::StatusOr<Version*> TransactionCore::AfterChange(const Mark& before, Table& table,
                                                      Change::Kind kind, const Version* was,
                                                      Version* now) {
  const ModelRules::HookList& hooks = table.rules()->after(kind);
  if (hooks.empty()) return now;
  HookCall call{.kind = kind};
  if (was != nullptr) call.before = table.MessageOf(was);
  if (!now->deleted()) call.after = table.MessageOf(now);
  const std::uint64_t generation = generation_;
  if (absl::Status status = RunHooks(table, hooks, call); !status.ok()) {
    RollbackTo(before);
    return status;
  }
  if (generation_ == generation) return now;
  Version* newest = table.FindEntry(*table.MessageOf(now));
  return newest == nullptr || newest->deleted() ? now : newest;
}

absl::Status TransactionCore::OvertakenError(const Table& table, const Version* copied) const {
  return absl::FailedPreconditionError(absl::StrCat(
      table.NameOf(*table.MessageOf(copied)),
      ": the function given to Update has changed the record in the transaction as well, directly "
      "or through a hook, and would undo that; change it before or after the update"));
}

absl::Status TransactionCore::CheckFresh(const Table& table, const Version* current,
                                         const Message& named) const {
  if (table.model().lock_version == nullptr) return absl::OkStatus();
  const ModelRules& rules = *table.rules();
  const std::uint64_t newest = rules.LockVersion(*table.MessageOf(current));
  const std::uint64_t given = rules.LockVersion(named);
  if (given == newest) return absl::OkStatus();
  if (CommitOf(current->stamp) == CommitOf(view()->Limit())) {
    // What this transaction has changed since is no reason to refuse.
    const Version* old = current->older.load(std::memory_order_relaxed);
    const bool there = old != nullptr && !old->deleted();
    if (given <= newest && (!there || given >= rules.LockVersion(*table.MessageOf(old)))) {
      return absl::OkStatus();
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat(table.NameOf(named), ".", table.model().lock_version->name(),
                   ": the version given is ", given, ", and the newest is ", newest,
                   "; somebody else has changed the record: read it again, and decide anew"));
}

absl::StatusOr<Version*> TransactionCore::FindToChange(Table& table, const Message* named) const {
  absl::StatusOr<Version*> current = FindNamed(table, named);
  if (!current.ok() || table.model().lock_version == nullptr) return current;
  if (absl::Status status = CheckFresh(table, *current, *named); !status.ok()) return status;
  return current;
}

absl::Status TransactionCore::Validate(absl::Span<const Change> changes) {
  std::vector<absl::Status> failures;
  Transaction transaction(this);
  for (const Change& change : changes) {
    const Table& table = engine_.table(change.model);
    if (change.after == nullptr || table.rules() == nullptr) continue;
    const HookCall call{.kind = change.kind(),
                        .before = change.before,
                        .after = change.after,
                        .view = view(),
                        .transaction = &transaction};
    for (const RecordHook& hook : table.rules()->validators()) {
      absl::Status status = Guarded(absl::StrCat(table.NameOf(*change.after), ": a validator"),
                                    [&] { return hook(call); });
      if (!status.ok()) failures.push_back(std::move(status));
    }
    if (failures.size() >= kMaxFailures) break;
  }
  if (failures.empty()) return absl::OkStatus();
  if (failures.size() == 1) return failures.front();
  std::string message;
  for (const absl::Status& failure : failures) {
    absl::StrAppend(&message, message.empty() ? "" : "\n", failure.message());
  }
  return absl::Status(failures.front().code(), message);
}

}  // namespace kin::internal
