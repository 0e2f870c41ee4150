// The store behind kin::Store: the tables, the commit sequence and the views of it.
#ifndef KIN_STORE_INTERNAL_ENGINE_H_
#define KIN_STORE_INTERNAL_ENGINE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kin/store/commit.h"
#include "kin/store/internal/change_feed.h"
#include "kin/store/internal/commit_times.h"
#include "kin/store/internal/table.h"
#include "kin/store/internal/transaction_op.h"
#include "kin/store/internal/view.h"
#include "kin/store/internal/writer_context.h"
#include "kin/store/persistence.h"
#include "kin/store/schema.h"
#include "kin/store/stats.h"
#include "kin/store/watch.h"

namespace kin::internal {

class TransactionCore;

// As in kin::OpenOptions.
struct EngineSettings {
  std::int64_t max_transaction_changes;
  std::int64_t watch_history_bytes;
  std::function<absl::Time()> clock;
};

// Thread-safe.
class Engine final : public CommitSource {
 public:
  // As kin::Store::Open.
  static absl::StatusOr<std::unique_ptr<Engine>> Open(Schema schema,
                                                      std::unique_ptr<Persistence> persistence,
                                                      EngineSettings settings);
  ~Engine() override;

  // As kin::Store::Write; `body` gets the transaction.
  absl::StatusOr<CommitNumber> Write(absl::FunctionRef<absl::Status(TransactionCore&)> body,
                                     Durability durability, absl::Duration timeout);
  View* AcquireView() { return registry_.Acquire(); }
  CommitNumber published() const { return registry_.published(); }

  absl::Status Flush(absl::Duration timeout);
  absl::Status WaitDurable(CommitNumber commit, absl::Duration timeout);
  absl::Status Close(absl::Duration timeout);
  CommitNumber durable_commit() const;
  absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const WatchOptions& options);
  Stats GetStats();
  absl::Status CheckInvariants();

  void Cut(absl::FunctionRef<void(Snapshot, absl::Span<const std::uint64_t>)> cut) override;

  const Schema& schema() const { return schema_; }
  const EngineSettings& settings() const { return settings_; }
  absl::Time Now() const { return settings_.clock != nullptr ? settings_.clock() : absl::Now(); }
  int tables() const { return static_cast<int>(tables_.size()); }
  // Constant after Open; what is in a table is guarded as it says.
  Table& table(int position) { return *tables_[position]; }

  // A foreign key between two tables, and where each has its index.
  struct Link {
    const graph::ForeignKey* key = nullptr;
    Table* child = nullptr;
    Table* parent = nullptr;
    HashIndex& child_index() const { return child->index(key->child_index); }
    HashIndex& parent_index() const { return parent->index(key->parent_index); }
  };
  const std::vector<Link>& parents_of(const Table& child) const {
    return parents_of_[child.position()];
  }
  const std::vector<Link>& children_of(const Table& parent) const {
    return children_of_[parent.position()];
  }
  Link LinkOf(const graph::ForeignKey& key);

 private:
  friend class TransactionCore;
  friend class EngineLoader;
  friend class InvariantChecker;

  class EndOfTransaction;

  Engine(Schema schema, EngineSettings settings);
  absl::Status Load() ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  // `after`: what AfterCommit hooks give; the commit stands whatever that is.
  absl::Status Commit(TransactionCore& transaction, absl::Status* after)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  void Reclaim(std::size_t limit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  void AddStats(Stats* stats) ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);
  absl::Status CheckWritable() const;
  // Whether the calling thread runs the body of a transaction of this engine.
  bool InBody() const {
    return writer_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  void Housekeep();

  // The hooks after `commit`, which is visible.
  absl::Status AfterCommit(CommitNumber commit, absl::Span<const Change> changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(writer_mutex_);

  const Schema schema_;
  const EngineSettings settings_;
  const std::shared_ptr<ChangeFeed> feed_;
  bool validates_ = false;        // Some model has a validator. Constant after construction.
  std::vector<IndexSlot> slots_;  // View::slots. Which indexes: constant after construction.
  ViewRegistry registry_;
  absl::Mutex writer_mutex_;  // Held from the start of a transaction to the end of its commit.
  WriterContext context_ ABSL_GUARDED_BY(writer_mutex_);
  LatencyHistogram commit_latency_ ABSL_GUARDED_BY(writer_mutex_);
  CommitTimes commit_times_ ABSL_GUARDED_BY(writer_mutex_);
  // Empty: the log of the last transaction, for its memory.
  std::vector<TransactionOp> spare_log_ ABSL_GUARDED_BY(writer_mutex_);
  std::vector<Change> spare_changes_ ABSL_GUARDED_BY(writer_mutex_);  // The same.
  std::vector<std::unique_ptr<Table>> tables_;
  std::vector<std::vector<Link>> parents_of_;   // By position of the child.
  std::vector<std::vector<Link>> children_of_;  // By position of the parent.
  // Constant after Open. Its calls are thread-safe.
  std::unique_ptr<Persistence> persistence_;

  // Held while a commit is passed on and published, and by Cut. Taken after writer_mutex_.
  absl::Mutex commit_mutex_ ABSL_ACQUIRED_AFTER(writer_mutex_);
  std::vector<std::uint64_t> next_ids_ ABSL_GUARDED_BY(commit_mutex_);

  std::atomic<std::thread::id>& writer_thread_;  // Whose body is running; of feed_.
  View transaction_view_;                        // What the running transaction reads through.

  absl::Mutex state_mutex_;
  enum class State { kOpen, kClosing, kClosed };
  State state_ ABSL_GUARDED_BY(state_mutex_) = State::kOpen;
  std::atomic<bool> closed_{false};   // Writes are refused.
  std::atomic<bool> drained_{false};  // state_ is kClosed.

  // The housekeeper reclaims while no one commits.
  absl::Mutex idle_mutex_;
  bool stop_ ABSL_GUARDED_BY(idle_mutex_) = false;
  bool garbage_ ABSL_GUARDED_BY(idle_mutex_) = false;
  std::atomic<bool> garbage_hint_{false};
  std::thread housekeeper_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ENGINE_H_
