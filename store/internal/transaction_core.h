// A running transaction, over records of any model.
#ifndef KIN_STORE_INTERNAL_TRANSACTION_CORE_H_
#define KIN_STORE_INTERNAL_TRANSACTION_CORE_H_

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/engine.h"
#include "kin/store/internal/table.h"
#include "kin/store/persistence.h"

namespace kin::internal {

// Changes are made to the indexes at once, in versions stamped with the commit to come, which no
// snapshot sees; a log of what was done undoes it. So a transaction reads its own writes through
// every index, and a commit publishes by storing one number.
//
// "Newest" versions are those that the transaction sees. Functions that take a fresh version (of
// Table::NewRawVersion, with its message) own it from then on, whatever they return. On error
// nothing changed.
//
// Guarded by the writer's lock of the engine, which the thread that runs the body holds.
class TransactionCore {
 public:
  explicit TransactionCore(Engine* engine);
  ~TransactionCore();  // Aborts unless committed.
  TransactionCore(const TransactionCore&) = delete;
  TransactionCore& operator=(const TransactionCore&) = delete;

  Engine& engine() { return engine_; }
  const View* view() const { return &engine_.transaction_view_; }

  // Begins to load what an insert of `record` will look at, before a version is made of it. Returns
  // what to give to Insert as `keys_read`, if that is the next call.
  bool ReadAhead(Table& table, const google::protobuf::Message& record) {
    if (!table.keys_stay()) return false;
    ReadKeys(table, record);
    return true;
  }
  absl::StatusOr<Version*> Insert(Table& table, Version* fresh, bool keys_read = false);
  absl::StatusOr<Version*> Upsert(Table& table, Version* fresh);
  // The newest version of the record that `named` names by its key. Null and a key that is gone
  // are NOT_FOUND.
  absl::StatusOr<Version*> FindNamed(Table& table, const google::protobuf::Message* named) const;
  // The same, to change it. FAILED_PRECONDITION if `named` is of an older lock_version.
  absl::StatusOr<Version*> FindToChange(Table& table, const google::protobuf::Message* named) const;
  // What an update whose function has changed the record, of which `copied` was the newest version,
  // is refused with.
  absl::Status OvertakenError(const Table& table, const Version* copied) const;
  // Replaces `current`, the newest version, by `fresh`.
  absl::StatusOr<Version*> Update(Table& table, Version* current, Version* fresh);
  // `from_key`: only the key of `named` counts.
  absl::Status Delete(Table& table, const google::protobuf::Message* named, bool from_key = false);

  // Associations. `child` and `far` are fresh versions or null, `child_named` / `far_named` name
  // records that exist: one of the two is given.
  absl::StatusOr<Version*> Set(const graph::Association& has_one,
                               const google::protobuf::Message* parent, Version* child,
                               const google::protobuf::Message* child_named);
  absl::Status Clear(const graph::Association& has_one, const google::protobuf::Message* parent);
  absl::StatusOr<Version*> Add(const graph::Association& has_many,
                               const google::protobuf::Message* parent, Version* child,
                               const google::protobuf::Message* child_named);
  absl::Status Remove(const graph::Association& has_many, const google::protobuf::Message* parent,
                      const google::protobuf::Message* child_named);

  // Undoes all that was done after the mark.
  struct Mark {
    std::size_t log = 0;
    std::size_t orphans = 0;
    std::size_t widows = 0;
    std::int64_t changes = 0;
  };
  Mark mark() const { return {log_.size(), orphans_.size(), widows_.size(), record_changes_}; }
  void RollbackTo(const Mark& mark);
  // The same for the program: a hook may undo only what was done since it was called.
  void RollbackForProgram(const Mark& mark);

  // Changes whenever some record does.
  std::uint64_t generation() const { return generation_; }
  bool empty() const { return log_.empty(); }
  // Not OK once a hook has failed: the transaction cannot commit, and Write returns this.
  const absl::Status& aborted() const { return aborted_; }
  // All rules that are judged at commit; every violation is listed.
  absl::Status CheckAtCommit() const;
  // Calls the validators of what has changed; every failure is listed.
  absl::Status Validate(absl::Span<const Change> changes);
  // The net changes. Valid until the transaction ends.
  const std::vector<Change>& NetChanges();
  // Queues what the commit superseded for reclamation. To be called once it is published.
  void Finish();

 private:
  using Op = TransactionOp;

  // Indexes beyond these have log entries of their own for what is added.
  static constexpr int kCompactEntries = 32;

  // Versions of a child with a foreign key whose parent was not there at the call.
  struct Orphan {
    Engine::Link link;
    Version* child;
  };
  // Versions of a parent that is gone, or whose own_key changed, with children that restrict it.
  struct Widow {
    Engine::Link link;
    Version* parent;
  };

  WriterContext& context() { return engine_.context_; }
  std::vector<Op>& spare_log() { return engine_.spare_log_; }
  // Sets `key`, which is empty, to that of `record`; it may refer to that, or to key_buffers_.
  void SetKey(const Table& table, const google::protobuf::Message& record, KeyView* key);
  std::vector<Change>& spare_changes() { return engine_.spare_changes_; }

  // RESOURCE_EXHAUSTED unless another change may be made, of `record`, and there is memory for it.
  absl::Status CheckRoom(Table& table, const google::protobuf::Message& record) const {
    if (ABSL_PREDICT_TRUE(record_changes_ < engine_.settings().max_transaction_changes &&
                          table.EnsureRoom())) {
      return absl::OkStatus();
    }
    return NoRoomError(table, record);
  }
  absl::Status NoRoomError(const Table& table, const google::protobuf::Message& record) const;
  // transaction_rules.cc: what models with ModelRules do before and after a change.
  absl::Status BeforeInsert(Table& table, Version* fresh);
  absl::Status BeforeUpdate(Table& table, Version* current, Version* fresh);
  absl::StatusOr<Version*> AfterChange(const Mark& before, Table& table, Change::Kind kind,
                                       const Version* was, Version* now);
  absl::Status RunHooks(const Table& table, const ModelRules::HookList& hooks, HookCall call);
  absl::Status CheckFresh(const Table& table, const Version* current,
                          const google::protobuf::Message& named) const;
  absl::Status Abort(absl::Status status);
  absl::Time Now();

  // Both read the keys, unless that is done.
  absl::Status Prepare(Table& table, Version* fresh, bool keys_read);
  absl::Status FillKey(Table& table, Version* fresh, bool keys_read);
  // Reads the keys of a record that is about to be installed, all at once, so that the processor
  // loads what they lead to together.
  void ReadKeys(Table& table, const google::protobuf::Message& record);
  // These use the keys of ReadKeys.
  absl::Status CheckUnique(Table& table, const Version* current, const Version* fresh) const;
  void NoteOrphans(Table& table, const Version* current, Version* fresh);
  void NoteWidows(Table& table, Version* current, const Version* fresh);
  // REQUIRES: the keys of `fresh` are read, unless it says that the record is deleted.
  void Install(Table& table, Version* current, Version* fresh, std::uint64_t hash,
               std::uint64_t next_id = 0);
  // The bits for TransactionOp::entries.
  std::uint32_t InstallInIndexes(Table& table, Version* current, Version* fresh);
  bool InstallEntries(Table& table, int index, Version* current, Version* fresh);
  bool AddEntry(const Table::FreshKey& now, Version* fresh) {
    // The record may come back to a key that it left while an older view is open: one entry a
    // (key, record), or that view would find the record twice.
    if (ABSL_PREDICT_FALSE(now.index->has_markers() || now.index->index() >= kCompactEntries)) {
      return AddEntrySlow(now, fresh);
    }
    PostingList* list = now.index->Add(now.hash, fresh, &now.key);
    if (list != nullptr) AddToCount(list->counts(), 1);
    return true;
  }
  bool AddEntrySlow(const Table::FreshKey& now, Version* fresh);
  void InstallOrdered(Table& table, int index, Version* current, Version* fresh);
  void ChangeNode(OrderedIndex& ordered, OrderedIndex::Node* node, Version* before, Version* after);
  // `delta`: to the number of records in the list.
  void ChangeEntry(HashIndex& index, std::uint64_t hash, Version* before, Version* after,
                   int delta);
  // To the newest count, which is made one of this transaction.
  void AddToCount(CountChain& counts, int delta) {
    context().RenewCount(counts);
    counts.Change(delta);
  }
  void Undo(const Op& op);
  void UndoEntries(const Op& op);
  static void UndoListCount(const HashIndex& index, std::uint64_t hash, int delta);

  // The newest version that has `key` in an index; null if there is none.
  static Version* FindLive(const HashIndex& index, std::uint64_t hash, const KeyParts& key);
  static std::vector<Version*> AllLive(const HashIndex& index, const KeyParts& key);
  template <typename Visit>
  static void ForEachLive(const HashIndex& index, const KeyParts& key, Visit&& visit);
  // The children of a parent over a link.
  static std::vector<Version*> ChildrenOf(const Engine::Link& link,
                                          const google::protobuf::Message& parent);
  static bool IsChild(const Engine::Link& link, const google::protobuf::Message& parent,
                      const Version* child);
  // Records to delete, of which those before `next` are: first in, first out, since children in the
  // order in which they were made are near each other.
  struct Cascade {
    std::vector<std::pair<Table*, Version*>> records;
    std::size_t next = 0;
  };
  absl::Status DeleteOne(Table& table, Version* current, Cascade* cascade);
  // Whether `child` names a parent that is not there, and would have gone with it.
  bool HasLostParent(const Table& table, const Version* child) const;
  static void PrefetchCascade(const Cascade& cascade);
  // The child that a has_one shows, the one with the lowest key if there are several.
  static Version* ShownBy(const Engine::Link& link, const google::protobuf::Message& parent);
  absl::Status Detach(const Engine::Link& link, Version* child);
  absl::StatusOr<Version*> Attach(const Engine::Link& link, const google::protobuf::Message& parent,
                                  Version* child, const google::protobuf::Message* child_named);
  absl::StatusOr<Version*> AddThrough(const graph::Association& has_many,
                                      const google::protobuf::Message& parent, Version* far,
                                      const google::protobuf::Message* far_named);
  std::vector<Version*> Middles(const graph::Association& has_many,
                                const google::protobuf::Message& parent,
                                const google::protobuf::Message& far);
  Table& TableOf(const graph::Model& model) {
    return engine_.table(engine_.schema().IndexOf(model.descriptor));
  }

  Engine& engine_;
  bool finished_ = false;
  absl::Status aborted_;
  int hook_depth_ = 0;
  Mark floor_;                             // Where the innermost hook began.
  absl::Time now_ = absl::InfinitePast();  // Of all stamps of the transaction.
  std::uint64_t generation_ = 0;
  std::int64_t record_changes_ = 0;  // Made and not undone.
  std::vector<Op> log_;
  std::vector<Orphan> orphans_;
  std::vector<Widow> widows_;
  std::vector<Change> changes_;
  std::forward_list<std::string> key_buffers_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_TRANSACTION_CORE_H_
