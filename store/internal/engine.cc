#include "kin/store/internal/engine.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kin/store/internal/engine_loader.h"
#include "kin/store/internal/invariants.h"
#include "kin/store/internal/schema_data.h"
#include "kin/store/internal/transaction_core.h"
#include "kin/store/internal/writer_lock.h"
#include "kin/store/snapshot.h"

namespace kin::internal {
namespace {

// What a commit reclaims beyond twice what it retired, so that a backlog shrinks.
constexpr std::size_t kReclaimBase = 16;
// What the housekeeper does in one go, holding the writer's lock: some tens of microseconds.
constexpr std::size_t kHousekeepBatch = 256;
// One commit in so many is timed.
constexpr CommitNumber kTimedCommits = 16;
constexpr absl::Duration kHousekeepPause = absl::Milliseconds(10);
constexpr absl::Duration kHousekeepPauseWhenBlocked = absl::Milliseconds(200);

absl::Status WaitInBodyError(absl::string_view call) {
  return absl::FailedPreconditionError(absl::StrCat(
      call,
      " was called inside the body of a transaction, which what it waits for may need to end; ",
      "call it after Write"));
}

absl::Status ClosedError() {
  return absl::FailedPreconditionError(
      "the store is closed, or being closed: it takes no more writes");
}

// Resets the mark of the running thread however the body is left.
class BodyScope {
 public:
  explicit BodyScope(std::atomic<std::thread::id>* thread) : thread_(thread) {
    thread_->store(std::this_thread::get_id(), std::memory_order_relaxed);
  }
  ~BodyScope() { thread_->store(std::thread::id(), std::memory_order_relaxed); }
  BodyScope(const BodyScope&) = delete;
  BodyScope& operator=(const BodyScope&) = delete;

 private:
  std::atomic<std::thread::id>* thread_;
};

}  // namespace

Engine::Engine(Schema schema, EngineSettings settings)
    : schema_(std::move(schema)),
      settings_(std::move(settings)),
      feed_(std::make_shared<ChangeFeed>(settings_.watch_history_bytes)),
      slots_(schema_.data().slots),
      registry_(slots_.data(), static_cast<std::uint32_t>(slots_.size() * kSlotBytes), this),
      context_(&registry_),
      parents_of_(schema_.graph().models.size()),
      children_of_(schema_.graph().models.size()),
      writer_thread_(feed_->writer_thread()) {
  const graph::Graph& graph = schema_.graph();
  for (std::size_t i = 0; i < graph.models.size(); ++i) {
    tables_.push_back(std::make_unique<Table>(&context_, *schema_.data().ops[i], *graph.models[i],
                                              static_cast<int>(i)));
  }
  for (const Hooks::Entry& hook : schema_.hooks().entries) {
    tables_[schema_.IndexOf(hook.model)]->AddHook(hook);
    validates_ |= hook.when == Hooks::When::kValidate;
  }
  for (const auto& key : graph.foreign_keys) {
    const Link link = LinkOf(*key);
    parents_of_[link.child->position()].push_back(link);
    children_of_[link.parent->position()].push_back(link);
  }
  // View::slots, as generated code counts them.
  for (const std::unique_ptr<Table>& table : tables_) {
    if (table->ops().slot_base == nullptr) continue;
    std::size_t slot = table->ops().slot_base->offset.load(std::memory_order_relaxed) / kSlotBytes;
    table->primary().FillSlot(&slots_[slot++]);
    for (const auto& association : table->model().associations) {
      if (association->foreign_key != nullptr) {
        const Link link = LinkOf(*association->foreign_key);
        const bool belongs = association->kind == graph::Association::Kind::kBelongsTo;
        (belongs ? link.parent_index() : link.child_index()).FillSlot(&slots_[slot]);
      }
      ++slot;
    }
    for (const graph::Model::UniqueField& field : table->model().unique_fields) {
      table->index(field.index).FillSlot(&slots_[slot++]);
    }
  }
  transaction_view_.slots = slots_.data();
  transaction_view_.slot_bytes = static_cast<std::uint32_t>(slots_.size() * kSlotBytes);
  transaction_view_.engine = this;
  transaction_view_.transaction = true;
}

Engine::Link Engine::LinkOf(const graph::ForeignKey& key) {
  return {&key, tables_[schema_.IndexOf(key.child->descriptor)].get(),
          tables_[schema_.IndexOf(key.parent->descriptor)].get()};
}

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(Schema schema,
                                                     std::unique_ptr<Persistence> persistence,
                                                     EngineSettings settings) {
  if (!schema.status().ok()) return schema.status();
  if (settings.max_transaction_changes < 1) {
    return absl::InvalidArgumentError(absl::StrCat("OpenOptions::max_transaction_changes is ",
                                                   settings.max_transaction_changes,
                                                   "; with less than 1 nothing could be written"));
  }
  for (const Hooks::Entry& hook : schema.hooks().entries) {
    if (schema.IndexOf(hook.model) >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("the schema has a hook for ", hook.model->full_name(),
                     ", which is none of its models; add it to kin::Schema::Of"));
  }
  std::unique_ptr<Engine> engine(new Engine(std::move(schema), std::move(settings)));
  {
    absl::MutexLock lock(&engine->writer_mutex_);
    engine->persistence_ = std::move(persistence);
    absl::Status loaded = engine->Load();
    if (!loaded.ok()) {
      engine->closed_.store(true);  // There is nothing to drain.
      return loaded;
    }
  }
  if (engine->persistence_ != nullptr) {
    absl::Status started = engine->persistence_->Start(engine.get());
    if (!started.ok()) {
      engine->closed_.store(true);
      return started;
    }
  }
  engine->housekeeper_ = std::thread([raw = engine.get()] { raw->Housekeep(); });
  return engine;
}

absl::Status Engine::Load() {
  context_.stamp = StampOf(0);
  CommitNumber commit = 0;
  if (persistence_ != nullptr) {
    EngineLoader loader(this);
    absl::StatusOr<LoadedState> state = persistence_->Load(schema_, loader);
    if (!state.ok()) return state.status();
    // What is near the flags of a stamp would make commits look like what they are not.
    if (state->commit >= kDeletedFlag / 2) {
      return absl::DataLossError(absl::StrCat("the database says that it is at commit ",
                                              state->commit, ", which no store reaches"));
    }
    std::vector<Violation> violations = loader.Finish();
    if (!violations.empty()) return persistence_->Describe(violations);
    for (std::size_t i = 0; i < state->next_ids.size() && i < tables_.size(); ++i) {
      std::uint64_t& next = tables_[i]->next_id;
      if (state->next_ids[i] > next) next = state->next_ids[i];
    }
    commit = state->commit;
  }
  registry_.Publish(commit);
  absl::MutexLock lock(&commit_mutex_);
  for (const auto& table : tables_) {
    next_ids_.push_back(table->model().allocates_id ? table->next_id : 0);
  }
  return absl::OkStatus();
}

Engine::~Engine() {
  // Nobody is left to be told: who wants to know calls Close before.
  Close(absl::InfiniteDuration()).IgnoreError();
  feed_->Close();
  if (housekeeper_.joinable()) {
    {
      absl::MutexLock lock(&idle_mutex_);
      stop_ = true;
    }
    housekeeper_.join();
  }
  persistence_.reset();
  absl::MutexLock lock(&writer_mutex_);
  context_.reclaimer.Clear();
  tables_.clear();
}

absl::Status Engine::CheckWritable() const {
  return closed_.load(std::memory_order_acquire) ? ClosedError() : absl::OkStatus();
}

// Leaves the era of a transaction, and reclaims in proportion to what it retired.
class Engine::EndOfTransaction {
 public:
  explicit EndOfTransaction(Engine* engine) ABSL_EXCLUSIVE_LOCKS_REQUIRED(engine->writer_mutex_)
      : engine_(*engine), garbage_before_(engine->context_.reclaimer.size()) {}
  // Runs under the lock that the constructor asks for.
  ~EndOfTransaction() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    engine_.registry_.AdvanceEra();
    const std::size_t retired = engine_.context_.reclaimer.size() - garbage_before_;
    engine_.Reclaim(kReclaimBase + 2 * retired);
  }
  EndOfTransaction(const EndOfTransaction&) = delete;
  EndOfTransaction& operator=(const EndOfTransaction&) = delete;

 private:
  Engine& engine_;
  const std::size_t garbage_before_;
};

absl::StatusOr<CommitNumber> Engine::Write(absl::FunctionRef<absl::Status(TransactionCore&)> body,
                                           Durability durability, absl::Duration timeout) {
  if (InBody()) {
    return absl::FailedPreconditionError(
        "Write was called inside the body of a transaction; use that transaction");
  }
  if (absl::Status status = CheckWritable(); !status.ok()) return status;
  if (persistence_ != nullptr) {
    if (absl::Status status = persistence_->WaitForSpace(); !status.ok()) return status;
  }
  CommitNumber committed;
  absl::Status after;
  {
    const WriterLock lock(&writer_mutex_);
    if (absl::Status status = CheckWritable(); !status.ok()) return status;
    const CommitNumber next = registry_.published() + 1;
    context_.stamp = StampOf(next);
    transaction_view_.limit.store(LimitOf(next), std::memory_order_relaxed);
    absl::Status status;
    {
      // After the transaction, however it ends: what a body that throws leaves is reclaimed too.
      EndOfTransaction end(this);
      TransactionCore transaction(this);
      {
        BodyScope scope(&writer_thread_);
        status = body(transaction);
      }
      if (!transaction.aborted().ok()) status = transaction.aborted();
      if (status.ok()) status = Commit(transaction, &after);
    }
    if (!status.ok()) return status;
    committed = registry_.published();
  }
  if (durability != Durability::kBuffered && persistence_ != nullptr) {
    absl::Status durable = persistence_->WaitDurable(committed, durability, timeout);
    if (!durable.ok()) {
      return absl::Status(
          durable.code(),
          absl::StrCat("commit ", committed,
                       " is made and stays, but is not durable yet: ", durable.message(),
                       after.ok() ? "" : "; and a hook after it failed: ", after.message()));
    }
  }
  if (!after.ok()) {
    return absl::Status(after.code(), absl::StrCat("commit ", committed,
                                                   " is made and stays, but a hook after it "
                                                   "failed: ",
                                                   after.message()));
  }
  return committed;
}

absl::Status Engine::AfterCommit(CommitNumber commit, absl::Span<const Change> changes) {
  absl::Status status;
  BodyScope scope(&writer_thread_);
  for (const CommitHook& hook : schema_.hooks().after_commit) {
    status.Update(GuardedCommitHook(hook, commit, changes));
  }
  return status;
}

absl::Status Engine::Commit(TransactionCore& transaction, absl::Status* after) {
  if (transaction.empty()) return absl::OkStatus();
  const CommitNumber commit = CommitOf(context_.stamp);
  const bool timed = commit % kTimedCommits == 0;
  const std::int64_t start = timed ? absl::GetCurrentTimeNanos() : 0;
  if (absl::Status status = transaction.CheckAtCommit(); !status.ok()) return status;
  const bool hooked = !schema_.hooks().after_commit.empty();
  const bool follows = persistence_ != nullptr || validates_ || hooked || feed_->active();
  absl::Span<const Change> changes;
  if (follows) changes = transaction.NetChanges();
  if (validates_) {
    BodyScope scope(&writer_thread_);
    if (absl::Status status = transaction.Validate(changes); !status.ok()) return status;
  }
  if (persistence_ != nullptr) {
    if (absl::Status status = persistence_->Admit(changes); !status.ok()) return status;
  }
  std::shared_ptr<const FeedEntry> entry;
  if (feed_->active()) entry = ChangeFeed::Copy(commit, changes);
  {
    const WriterLock lock(&commit_mutex_);
    for (std::size_t i = 0; i < tables_.size(); ++i) {
      if (tables_[i]->model().allocates_id) next_ids_[i] = tables_[i]->next_id;
    }
    if (persistence_ != nullptr) persistence_->OnCommit(commit, changes);
    registry_.Publish(commit);
    if (feed_->active()) {
      // Who has begun to watch since is to get this commit too.
      if (!follows) changes = transaction.NetChanges();
      if (entry == nullptr) entry = ChangeFeed::Copy(commit, changes);
      feed_->Push(std::move(entry));
    }
  }
  const std::int64_t now = absl::GetCurrentTimeNanos();
  if (timed) commit_latency_.Add(absl::Nanoseconds(now - start));
  commit_times_.Note(commit, now);
  transaction.Finish();
  if (hooked) *after = AfterCommit(commit, changes);
  return absl::OkStatus();
}

void Engine::Reclaim(std::size_t limit) {
  if (context_.reclaimer.size() == 0) return;
  context_.Rescan();
  context_.reclaimer.Run(context_.scan.oldest_era, registry_.era(), limit);
  if (context_.reclaimer.size() > 0 && !garbage_hint_.load(std::memory_order_relaxed)) {
    garbage_hint_.store(true, std::memory_order_relaxed);
    absl::MutexLock lock(&idle_mutex_);
    garbage_ = true;
  }
}

void Engine::Housekeep() {
  for (;;) {
    {
      absl::MutexLock lock(&idle_mutex_);
      const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(idle_mutex_) {
        return stop_ || garbage_;
      };
      idle_mutex_.Await(absl::Condition(&ready));
      if (stop_) return;
    }
    absl::Duration pause = kHousekeepPause;
    {
      absl::MutexLock lock(&writer_mutex_);
      if (context_.reclaimer.size() > 0) {
        registry_.AdvanceEra();
        context_.Rescan();
        const std::size_t done =
            context_.reclaimer.Run(context_.scan.oldest_era, registry_.era(), kHousekeepBatch);
        pause = done == kHousekeepBatch ? absl::ZeroDuration()
                : done == 0             ? kHousekeepPauseWhenBlocked
                                        : kHousekeepPause;
      }
      if (context_.reclaimer.size() == 0) {
        absl::MutexLock idle(&idle_mutex_);
        garbage_ = false;
        garbage_hint_.store(false, std::memory_order_relaxed);
      }
    }
    if (pause > absl::ZeroDuration()) {
      absl::MutexLock lock(&idle_mutex_);
      idle_mutex_.AwaitWithTimeout(absl::Condition(&stop_), pause);
    }
  }
}

absl::Status Engine::Flush(absl::Duration timeout) {
  if (InBody()) return WaitInBodyError("Flush");
  if (persistence_ == nullptr || drained_.load(std::memory_order_acquire)) return absl::OkStatus();
  return persistence_->Flush(timeout);
}

absl::Status Engine::WaitDurable(CommitNumber commit, absl::Duration timeout) {
  if (InBody()) return WaitInBodyError("WaitDurable");
  if (persistence_ == nullptr || commit <= persistence_->durable_commit()) return absl::OkStatus();
  if (commit > published()) {
    return absl::InvalidArgumentError(
        absl::StrCat("commit ", commit, " has not been made; the newest is ", published()));
  }
  return persistence_->WaitDurable(commit, Durability::kWritten, timeout);
}

absl::Status Engine::Close(absl::Duration timeout) {
  if (InBody()) {
    return absl::FailedPreconditionError(
        "Close was called inside the body of a transaction; close the store after it");
  }
  absl::MutexLock lock(&state_mutex_);
  if (state_ == State::kClosed) return absl::OkStatus();
  {
    // Waits for the running transaction; later ones are refused.
    absl::MutexLock writer(&writer_mutex_);
    if (state_ == State::kOpen && closed_.load(std::memory_order_relaxed)) return absl::OkStatus();
    closed_.store(true, std::memory_order_release);
    state_ = State::kClosing;
  }
  feed_->Close();
  if (persistence_ != nullptr) {
    if (absl::Status status = persistence_->Close(timeout); !status.ok()) return status;
  }
  state_ = State::kClosed;
  drained_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

CommitNumber Engine::durable_commit() const {
  return persistence_ == nullptr ? published() : persistence_->durable_commit();
}

void Engine::Cut(absl::FunctionRef<void(Snapshot, absl::Span<const std::uint64_t>)> cut) {
  absl::MutexLock lock(&commit_mutex_);
  cut(Snapshot(registry_.Acquire()), next_ids_);
}

absl::StatusOr<std::unique_ptr<Watch>> Engine::StartWatch(const WatchOptions& options) {
  if (options.max_bytes < 1) {
    return absl::InvalidArgumentError(absl::StrCat("WatchOptions::max_bytes is ", options.max_bytes,
                                                   "; with less than 1 nothing could be given"));
  }
  absl::MutexLock lock(&commit_mutex_);
  const CommitNumber published = registry_.published();
  const CommitNumber from = std::max<CommitNumber>(options.from.value_or(published + 1), 1);
  if (from > published + 1) {
    return absl::InvalidArgumentError(absl::StrCat("WatchOptions::from is ", from,
                                                   ", and the newest commit is ", published,
                                                   "; it can be at most the next one"));
  }
  return std::make_unique<Watch>(feed_, feed_->Subscribe(from, published, options.max_bytes));
}

void Engine::AddStats(Stats* stats) {
  context_.Rescan();
  stats->commit = registry_.published();
  for (const std::unique_ptr<Table>& table : tables_) {
    const std::int64_t count = table->counts().At(LimitOf(stats->commit));
    stats->records += count > 0 ? count : 0;
    for (int i = 0; i < table->indexes(); ++i) {
      stats->memory_bytes += static_cast<std::int64_t>(table->index(i).memory_bytes());
      if (const OrderedIndex* ordered = table->ordered(i); ordered != nullptr) {
        stats->memory_bytes += static_cast<std::int64_t>(ordered->memory_bytes());
      }
    }
  }
  stats->versions = context_.versions;
  stats->retired = static_cast<std::int64_t>(context_.reclaimer.size());
  stats->memory_bytes += context_.slab.bytes_in_use();
  stats->snapshots = context_.scan.views;
  stats->oldest_snapshot =
      context_.scan.acquiring ? stats->commit : CommitOf(context_.scan.oldest_limit);
  commit_times_.Forget(stats->oldest_snapshot);
  if (stats->oldest_snapshot < stats->commit) {
    const std::int64_t now = absl::GetCurrentTimeNanos();
    stats->oldest_snapshot_age =
        std::max(absl::ZeroDuration(),
                 absl::Nanoseconds(now - commit_times_.TimeOf(stats->oldest_snapshot + 1, now)));
  }
  stats->commit_latency = commit_latency_;
}

Stats Engine::GetStats() {
  Stats stats;
  if (InBody()) {  // Its thread holds the lock.
    writer_mutex_.AssertHeld();
    AddStats(&stats);
  } else {
    absl::MutexLock lock(&writer_mutex_);
    AddStats(&stats);
  }
  if (persistence_ != nullptr) {
    persistence_->AddStats(&stats);
  } else {
    stats.durable_commit = stats.commit;
  }
  return stats;
}

absl::Status Engine::CheckInvariants() {
  if (InBody()) {
    return absl::FailedPreconditionError(
        "CheckInvariants was called inside the body of a transaction; call it after it");
  }
  absl::MutexLock lock(&writer_mutex_);
  return InvariantChecker(this).Run();
}

}  // namespace kin::internal
