// Over 600 lines: changing, undoing and committing share one log, and are read side by side.
#include "kin/store/internal/transaction_core.h"

#include <algorithm>
#include <utility>

#include "absl/base/internal/raw_logging.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/store/internal/errors.h"
#include "kin/store/internal/record_rules.h"

namespace kin::internal {
namespace {

using google::protobuf::Message;

void DeleteOrderedNode(void* node, Table*) {
  OrderedIndex::DeleteNode(static_cast<OrderedIndex::Node*>(node));
}

// The memory of a log of up to so many entries, and of as many changes, is kept for the next
// transaction.
constexpr std::size_t kKeptLog = 4096;

Garbage VersionGarbage(Garbage::Kind kind, Table* table, Version* version) {
  Garbage garbage{};
  garbage.kind = kind;
  garbage.object = version;
  garbage.table = table;
  garbage.owner = table;
  return garbage;
}

Garbage MarkerGarbage(Garbage::Kind kind, Table* table, Version* marker) {
  Garbage garbage{};
  garbage.kind = kind;
  garbage.object = static_cast<Marker*>(marker);
  garbage.owner = table;
  return garbage;
}

// Whether a record can be deleted without more memory from the system. Its entries stay, as a
// tombstone and markers, so no index has to have room: what is there can be deleted when nothing
// can be added any more.
bool HasRoomToDelete(Slab& slab, const Table& table) {
  const std::size_t body = table.ops().message_size != 0 ? table.ops().message_size : sizeof(void*);
  const std::size_t markers = table.small_blocks();
  // Small versions may be taken from the same blocks as markers.
  const bool same_blocks = (sizeof(Version) + body + 31) / 32 == (sizeof(Marker) + 31) / 32;
  return slab.Reserve(sizeof(Version) + body, same_blocks ? 1 + markers : 1) &&
         slab.Reserve(sizeof(Marker), markers);
}

// Versions of the transaction with `stamp` that a later one of it superseded.
absl::flat_hash_set<const Version*> Superseded(const std::vector<TransactionOp>& log, Stamp stamp) {
  absl::flat_hash_set<const Version*> superseded;
  for (const TransactionOp& op : log) {
    if (op.kind == TransactionOp::Kind::kVersion && op.before != nullptr &&
        CommitOf(op.before->stamp) == CommitOf(stamp)) {
      superseded.insert(op.before);
    }
  }
  return superseded;
}

}  // namespace

TransactionCore::TransactionCore(Engine* engine) : engine_(*engine) { log_.swap(spare_log()); }

TransactionCore::~TransactionCore() {
  if (!finished_) RollbackTo({});
  log_.clear();
  if (log_.capacity() <= kKeptLog) log_.swap(spare_log());
  changes_.clear();
  if (changes_.capacity() > 0 && changes_.capacity() <= kKeptLog) changes_.swap(spare_changes());
}

Version* TransactionCore::FindLive(const HashIndex& index, std::uint64_t hash,
                                   const KeyParts& key) {
  Version* found = nullptr;
  const Table& table = *index.table();
  const KeyReader& reader = table.keys(index.index());
  index.ForEachEntry(hash, [&](Version* entry) {
    if (entry->deleted() || !reader.Has(*table.MessageOf(entry), key)) return false;
    found = entry;
    return true;
  });
  return found;
}

template <typename Visit>
void TransactionCore::ForEachLive(const HashIndex& index, const KeyParts& key, Visit&& visit) {
  const Table& table = *index.table();
  const KeyReader& reader = table.keys(index.index());
  index.ForEachEntry(HashParts(key), [&](Version* entry) {
    if (!entry->deleted() && reader.Has(*table.MessageOf(entry), key)) visit(entry);
    return false;
  });
}

std::vector<Version*> TransactionCore::AllLive(const HashIndex& index, const KeyParts& key) {
  std::vector<Version*> found;
  ForEachLive(index, key, [&found](Version* entry) { found.push_back(entry); });
  return found;
}

std::vector<Version*> TransactionCore::ChildrenOf(const Engine::Link& link, const Message& parent) {
  KeyParts key;
  if (!link.parent->keys(link.key->parent_index).Read(parent, &key)) return {};
  return AllLive(link.child_index(), key);
}

// --- Changing records ---

absl::Status TransactionCore::NoRoomError(const Table& table, const Message& record) const {
  const std::int64_t limit = engine_.settings().max_transaction_changes;
  if (record_changes_ < limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat(table.NameOf(record), ": the system has no memory for records or indexes of ",
                     "the model to grow; the call has changed nothing; free some and try again"));
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(table.NameOf(record), ": the transaction has made ", limit,
                   " changes, as many as OpenOptions::max_transaction_changes allows; write in "
                   "several transactions, or raise it"));
}

// The key of `fresh` is filled in if that is for the store to do. An explicit id raises the next
// one when the record is installed.
absl::Status TransactionCore::FillKey(Table& table, Version* fresh, bool keys_read) {
  const graph::Model& model = table.model();
  if (model.uuid) FillUuid(*model.primary_key[0], table.MutableMessageOf(fresh));
  if (!keys_read) ReadKeys(table, *table.MessageOf(fresh));
  if (model.allocates_id && IdIn(table, table.fresh_key(0).key) == 0) {
    absl::Status status = AllocateId(table, table.MutableMessageOf(fresh));
    if (!status.ok()) return status;
    ReadKeys(table, *table.MessageOf(fresh));
  }
  return absl::OkStatus();
}

void TransactionCore::ReadKeys(Table& table, const Message& record) {
  for (Table::FreshKey& fresh_key : table.fresh_keys()) {
    if (ABSL_PREDICT_TRUE(fresh_key.number_getter != nullptr)) {
      fresh_key.key.size = 1;
      fresh_key.present = fresh_key.number_getter(record, &fresh_key.key.parts[0]);
      if (!fresh_key.present) continue;
      fresh_key.hash = MixWord(fresh_key.key.parts[0].number);
    } else {
      fresh_key.present = fresh_key.reader->Read(record, &fresh_key.key);
      if (!fresh_key.present) continue;
      fresh_key.hash = HashParts(fresh_key.key);
    }
    fresh_key.index->Prefetch(fresh_key.hash);
  }
  for (const Engine::Link& link : engine_.parents_of(table)) {
    const Table::FreshKey& fresh_key = table.fresh_key(link.key->child_index);
    if (fresh_key.present) link.parent_index().Prefetch(fresh_key.hash);
  }
}

absl::Status TransactionCore::CheckUnique(Table& table, const Version* current,
                                          const Version* fresh) const {
  for (const Table::FreshKey& fresh_key : table.fresh_keys().subspan(1)) {
    if (!fresh_key.unique || !fresh_key.present) continue;
    const Version* holder = FindLive(*fresh_key.index, fresh_key.hash, fresh_key.key);
    if (holder != nullptr && holder != current) {
      return TakenError(table, fresh_key.index->index(), *table.MessageOf(fresh),
                        *table.MessageOf(holder));
    }
  }
  return absl::OkStatus();
}

void TransactionCore::NoteOrphans(Table& table, const Version* current, Version* fresh) {
  const Message& record = *table.MessageOf(fresh);
  for (const Engine::Link& link : engine_.parents_of(table)) {
    const Table::FreshKey& fresh_key = table.fresh_key(link.key->child_index);
    if (!fresh_key.present) continue;
    if (current != nullptr &&
        table.SameKey(link.key->child_index, *table.MessageOf(current), record)) {
      continue;  // It had this parent before: there, or noted.
    }
    fresh_key.index->PrefetchList(fresh_key.hash);
    if (FindLive(link.parent_index(), fresh_key.hash, fresh_key.key) == nullptr) {
      orphans_.push_back({link, fresh});
    }
  }
}

// Called when `current` is about to become `fresh` (null: to be deleted).
void TransactionCore::NoteWidows(Table& table, Version* current, const Version* fresh) {
  for (const Engine::Link& link : engine_.children_of(table)) {
    KeyParts key;
    const KeyReader& reader = table.keys(link.key->parent_index);
    if (!reader.Read(*table.MessageOf(current), &key)) continue;
    KeyParts now;
    if (fresh != nullptr && reader.Read(*table.MessageOf(fresh), &now) && now == key) continue;
    if (FindLive(link.child_index(), HashParts(key), key) != nullptr) {
      widows_.push_back({link, current});
    }
  }
}

// What comes before a record of a new key: hooks, its key, and the rules that it keeps by itself.
absl::Status TransactionCore::Prepare(Table& table, Version* fresh, bool keys_read) {
  if (ABSL_PREDICT_FALSE(table.rules() != nullptr)) {
    if (absl::Status status = BeforeInsert(table, fresh); !status.ok()) return status;
  }
  if (absl::Status status = FillKey(table, fresh, keys_read); !status.ok()) return status;
  const Message& record = *table.MessageOf(fresh);
  if (absl::Status status = CheckRoom(table, record); !status.ok()) return status;
  if (!table.text_fields().empty()) {
    if (absl::Status status = CheckRecord(table, record); !status.ok()) return status;
  }
  return ABSL_PREDICT_TRUE(table.rules() == nullptr) ? absl::OkStatus()
                                                     : CheckValues(table, record);
}

absl::StatusOr<Version*> TransactionCore::Insert(Table& table, Version* fresh, bool keys_read) {
  const Mark before = mark();
  const std::uint64_t first_id = table.next_id;
  absl::Status status = Prepare(table, fresh, keys_read);
  const Table::FreshKey& key = table.fresh_key(0);
  // First, for the lines of the record's own keys are still on their way.
  if (status.ok() && !engine_.parents_of(table).empty()) NoteOrphans(table, nullptr, fresh);
  Version* current = nullptr;
  if (status.ok()) {
    current = table.FindEntry(key.hash, key.key);
    if (current != nullptr && !current->deleted()) {
      status = absl::AlreadyExistsError(
          absl::StrCat(table.NameOf(*table.MessageOf(fresh)),
                       ": a record with this key is there already; Update or Upsert changes it"));
    }
  }
  if (status.ok() && table.indexes() > 1) status = CheckUnique(table, nullptr, fresh);
  if (!status.ok()) {
    RollbackTo(before);
    table.next_id = first_id;  // An id allocated for nothing.
    table.FreeVersion(fresh);
    return status;
  }
  const std::uint64_t next_id = table.next_id;
  if (table.model().allocates_id) RaiseNextId(table, IdIn(table, key.key));
  Install(table, current, fresh, key.hash, table.next_id == next_id ? 0 : next_id);
  if (ABSL_PREDICT_FALSE(table.rules() != nullptr)) {
    return AfterChange(before, table, Change::kInsert, nullptr, fresh);
  }
  return fresh;
}

absl::StatusOr<Version*> TransactionCore::Upsert(Table& table, Version* fresh) {
  Version* current = table.FindEntry(*table.MessageOf(fresh));
  if (current == nullptr || current->deleted()) return Insert(table, fresh);
  if (absl::Status status = CheckFresh(table, current, *table.MessageOf(fresh)); !status.ok()) {
    table.FreeVersion(fresh);
    return status;
  }
  return Update(table, current, fresh);
}

absl::StatusOr<Version*> TransactionCore::FindNamed(Table& table, const Message* named) const {
  if (named == nullptr) {
    return absl::NotFoundError(absl::StrCat(
        table.model().name, ": the reference given is empty; test it before it is passed on"));
  }
  Version* current = table.FindEntry(*named);
  if (current == nullptr || current->deleted()) {
    return absl::NotFoundError(absl::StrCat(table.NameOf(*named), ": there is no such record"));
  }
  return current;
}

absl::StatusOr<Version*> TransactionCore::Update(Table& table, Version* current, Version* fresh) {
  const Message& record = *table.MessageOf(fresh);
  const Mark before = mark();
  absl::Status status;
  if (ABSL_PREDICT_FALSE(table.rules() != nullptr)) status = BeforeUpdate(table, current, fresh);
  if (status.ok()) status = CheckRoom(table, record);
  if (status.ok() && !table.SameKey(0, *table.MessageOf(current), record)) {
    status = absl::InvalidArgumentError(absl::StrCat(
        table.NameOf(*table.MessageOf(current)), ".", FieldNames(table.model().primary_key),
        ": an update may not change the key (to ", FieldValues(record, table.model().primary_key),
        "); delete the record and insert another"));
  }
  if (status.ok()) status = CheckRecord(table, record);
  if (status.ok()) status = CheckValues(table, record);
  if (status.ok()) {
    ReadKeys(table, record);
    status = CheckUnique(table, current, fresh);
  }
  if (!status.ok()) {
    if (log_.size() > before.log) RollbackTo(before);  // What hooks have done.
    table.FreeVersion(fresh);
    return status;
  }
  NoteOrphans(table, current, fresh);
  NoteWidows(table, current, fresh);
  Install(table, current, fresh, table.HashOf(0, record));
  if (ABSL_PREDICT_FALSE(table.rules() != nullptr)) {
    return AfterChange(before, table, Change::kUpdate, current, fresh);
  }
  return fresh;
}

bool TransactionCore::IsChild(const Engine::Link& link, const Message& parent,
                              const Version* child) {
  KeyParts key;
  KeyParts held;
  return link.parent->keys(link.key->parent_index).Read(parent, &key) &&
         link.child->keys(link.key->child_index).Read(*link.child->MessageOf(child), &held) &&
         key == held;
}

bool TransactionCore::HasLostParent(const Table& table, const Version* child) const {
  for (const Engine::Link& link : engine_.parents_of(table)) {
    KeyParts key;
    if (link.key->on_delete == CASCADE &&
        table.keys(link.key->child_index).Read(*table.MessageOf(child), &key) &&
        FindLive(link.parent_index(), HashParts(key), key) == nullptr) {
      return true;
    }
  }
  return false;
}

absl::Status TransactionCore::DeleteOne(Table& table, Version* current, Cascade* cascade) {
  const Mark before = mark();
  if (ABSL_PREDICT_FALSE(table.rules() != nullptr)) {
    absl::Status status = RunHooks(table, table.rules()->before(Change::kDelete),
                                   {.kind = Change::kDelete, .before = table.MessageOf(current)});
    if (!status.ok()) return status;
    current = table.FindEntry(*table.MessageOf(current));
    if (current == nullptr || current->deleted()) return absl::OkStatus();  // The hook has done it.
  }
  const std::uint64_t generation = generation_;
  for (const Engine::Link& link : engine_.children_of(table)) {
    if (link.key->on_delete == RESTRICT) continue;
    if (link.key->on_delete == CASCADE) {
      KeyParts key;
      if (!table.keys(link.key->parent_index).Read(*table.MessageOf(current), &key)) continue;
      ForEachLive(link.child_index(), key, [cascade, &link](Version* child) {
        cascade->records.emplace_back(link.child, child);
      });
      continue;
    }
    for (Version* child : ChildrenOf(link, *table.MessageOf(current))) {
      if (link.child->rules() != nullptr) {  // A hook may have changed it since.
        child = link.child->FindEntry(*link.child->MessageOf(child));
        if (child == nullptr || child->deleted() ||
            !IsChild(link, *table.MessageOf(current), child)) {
          continue;
        }
      }
      if (absl::Status status = Detach(link, child); !status.ok()) {
        return status;
      }
    }
  }
  if (generation_ != generation) {  // A record that refers to itself has a newer version now.
    current = table.FindEntry(*table.MessageOf(current));
    if (current == nullptr || current->deleted()) return absl::OkStatus();  // A hook has done it.
  }
  if (record_changes_ >= engine_.settings().max_transaction_changes ||
      !HasRoomToDelete(context().slab, table)) {
    return NoRoomError(table, *table.MessageOf(current));
  }
  NoteWidows(table, current, nullptr);
  Version* tombstone = table.NewTombstone(*table.MessageOf(current));
  Install(table, current, tombstone, table.HashOf(0, *table.MessageOf(tombstone)));
  if (ABSL_PREDICT_TRUE(table.rules() == nullptr)) return absl::OkStatus();
  return AfterChange(before, table, Change::kDelete, current, tombstone).status();
}

// Has the processor load what the deletes after the next few begin with: the record, then where its
// key leads.
void TransactionCore::PrefetchCascade(const Cascade& cascade) {
  constexpr std::size_t kBuckets = 4;
  constexpr std::size_t kRecords = 12;
  if (cascade.records.size() - cascade.next <= kRecords) return;
  const Version* record = cascade.records[cascade.next + kRecords].second;
  __builtin_prefetch(record);
  __builtin_prefetch(reinterpret_cast<const char*>(record + 1) + 47);
  const auto& [table, version] = cascade.records[cascade.next + kBuckets];
  table->primary().Prefetch(table->HashOf(0, *table->MessageOf(version)));
}

absl::Status TransactionCore::Delete(Table& table, const Message* named, bool from_key) {
  absl::StatusOr<Version*> first = from_key ? FindNamed(table, named) : FindToChange(table, named);
  if (!first.ok()) return first.status();
  const Mark before = mark();
  Cascade cascade;
  cascade.records.emplace_back(&table, *first);
  while (cascade.next < cascade.records.size()) {
    PrefetchCascade(cascade);
    const auto [next_table, version] = cascade.records[cascade.next++];
    Version* current = next_table->FindEntry(*next_table->MessageOf(version));
    if (current == nullptr || current->deleted()) continue;  // Reached another way before.
    // A hook may have given it to another parent since.
    if (current != version && cascade.next > 1 && !HasLostParent(*next_table, current)) continue;
    absl::Status status = DeleteOne(*next_table, current, &cascade);
    if (!status.ok()) {
      if (absl::IsResourceExhausted(status) && aborted_.ok() && record_changes_ > before.changes &&
          record_changes_ >= engine_.settings().max_transaction_changes) {
        status = absl::ResourceExhaustedError(absl::StrCat(
            table.NameOf(*named), ": the delete reaches more records than the transaction may ",
            "change (OpenOptions::max_transaction_changes is ",
            engine_.settings().max_transaction_changes,
            "); delete children first, in several transactions, or raise it"));
      }
      RollbackTo(before);
      return status;
    }
  }
  return absl::OkStatus();
}

// --- Versions and entries ---

// `hash` is of the primary key. `next_id` is what undoing restores, 0 if there is nothing to.
void TransactionCore::Install(Table& table, Version* current, Version* fresh, std::uint64_t hash,
                              std::uint64_t next_id) {
  ++generation_;
  ++record_changes_;
  const bool was_live = current != nullptr && !current->deleted();
  if (current == nullptr) {
    table.primary().Add(hash, fresh);
  } else {
    const bool own = CommitOf(current->stamp) == CommitOf(context().stamp);
    fresh->older.store(own ? current->older.load(std::memory_order_relaxed) : current,
                       std::memory_order_relaxed);
    if (!own) context().PruneBehind(current);
    table.primary().Replace(hash, current, fresh);
  }
  const int delta = static_cast<int>(!fresh->deleted()) - static_cast<int>(was_live);
  if (delta != 0) AddToCount(table.counts(), delta);
  std::uint32_t entries = 0;
  if (table.indexes() > 1 || table.ordered(0) != nullptr) {
    entries = InstallInIndexes(table, was_live ? current : nullptr, fresh);
  }
  Op op;
  op.kind = Op::Kind::kVersion;
  op.delta = static_cast<std::int8_t>(delta);
  op.entries = entries;
  op.table = &table;
  op.hash = hash;
  op.before = current;
  op.after = fresh;
  op.next_id = next_id;
  log_.push_back(op);
}

std::uint32_t TransactionCore::InstallInIndexes(Table& table, Version* current, Version* fresh) {
  std::uint32_t entries = 0;
  if (current == nullptr && !fresh->deleted()) {
    std::uint32_t bit = 1;
    for (const Table::FreshKey& fresh_key : table.fresh_keys().subspan(1)) {
      bit <<= 1;
      if (fresh_key.present && AddEntry(fresh_key, fresh)) entries |= bit;
    }
  } else {
    for (int i = 1; i < table.indexes(); ++i) {
      if (InstallEntries(table, i, current, fresh)) entries |= std::uint32_t{1} << i;
    }
  }
  if (!table.has_ordered()) return entries;
  for (int i = 0; i < table.indexes(); ++i) {
    if (table.ordered(i) != nullptr) InstallOrdered(table, i, current, fresh);
  }
  return entries;
}

// Both return whether they added `fresh` and left that to be logged by the caller.
bool TransactionCore::AddEntrySlow(const Table::FreshKey& now, Version* fresh) {
  HashIndex& index = *now.index;
  Marker* marker = index.FindMarker(now.hash, *index.table()->MessageOf(fresh));
  if (marker == nullptr && index.index() < kCompactEntries) {
    PostingList* list = index.Add(now.hash, fresh, &now.key);
    if (list != nullptr) AddToCount(list->counts(), 1);
    return true;
  }
  ChangeEntry(index, now.hash, marker, fresh, 1);
  return false;
}

bool TransactionCore::InstallEntries(Table& table, int i, Version* current, Version* fresh) {
  HashIndex& index = table.index(i);
  const Table::FreshKey& now = table.fresh_key(i);
  KeyParts was;
  const bool had = current != nullptr && table.keys(i).Read(*table.MessageOf(current), &was);
  const bool has = !fresh->deleted() && now.present;
  if (had && has && was == now.key) {
    ChangeEntry(index, now.hash, current, fresh, 0);
    return false;
  }
  if (had) {
    const std::uint64_t hash = HashParts(was);
    // Of what this transaction made itself, no view sees anything behind.
    const bool own = CommitOf(current->stamp) == CommitOf(context().stamp);
    Marker* marker =
        table.NewMarker(hash, own ? current->older.load(std::memory_order_relaxed) : current);
    ChangeEntry(index, hash, current, marker, -1);
  }
  return has && AddEntry(now, fresh);
}

void TransactionCore::InstallOrdered(Table& table, int i, Version* current, Version* fresh) {
  OrderedIndex& ordered = *table.ordered(i);
  const KeyReader& reader = table.keys(i);
  KeyParts was;
  KeyParts now;
  const bool had = current != nullptr && reader.Read(*table.MessageOf(current), &was);
  const bool has = !fresh->deleted() && reader.Read(*table.MessageOf(fresh), &now);
  if (had) {
    OrderedIndex::Node* node = ordered.Find(*table.MessageOf(current));
    if (has && was == now) return ChangeNode(ordered, node, current, fresh);
    const bool own = CommitOf(current->stamp) == CommitOf(context().stamp);
    Marker* marker =
        table.NewMarker(reinterpret_cast<std::uint64_t>(node),
                        own ? current->older.load(std::memory_order_relaxed) : current);
    Op& op = log_.emplace_back();
    op.kind = Op::Kind::kOrderedMarker;
    op.ordered = &ordered;
    op.node = node;
    op.after = marker;
    ChangeNode(ordered, node, current, marker);
  }
  if (!has) return;
  // One node a (key, record), as in InstallEntries.
  OrderedIndex::Node* node = ordered.Find(*table.MessageOf(fresh));
  if (node != nullptr) return ChangeNode(ordered, node, node->entry(), fresh);
  ChangeNode(ordered, ordered.Add(*table.MessageOf(fresh), fresh), nullptr, fresh);
}

void TransactionCore::ChangeNode(OrderedIndex& ordered, OrderedIndex::Node* node, Version* before,
                                 Version* after) {
  OrderedIndex::SetEntry(node, after);
  Op& op = log_.emplace_back();
  op.kind = Op::Kind::kOrdered;
  op.ordered = &ordered;
  op.node = node;
  op.before = before;
  op.after = after;
}

void TransactionCore::ChangeEntry(HashIndex& index, std::uint64_t hash, Version* before,
                                  Version* after, int delta) {
  PostingList* list =
      before == nullptr ? index.Add(hash, after) : index.Replace(hash, before, after);
  if (delta != 0 && list != nullptr) AddToCount(list->counts(), delta);
  Op& op = log_.emplace_back();
  op.kind = Op::Kind::kEntry;
  op.index = &index;
  op.hash = hash;
  op.before = before;
  op.after = after;
  // Also where there is no list: one made later in the transaction outlives its undoing.
  op.delta = static_cast<std::int8_t>(index.unique() ? 0 : delta);
}

// --- Undoing ---

// If there is a list, its newest count is of this transaction: made when the count was changed, or
// with the list since.
void TransactionCore::UndoListCount(const HashIndex& index, std::uint64_t hash, int delta) {
  if (PostingList* list = index.FindList(hash); list != nullptr) list->counts().Change(-delta);
}

void TransactionCore::UndoEntries(const Op& op) {
  Table& table = *op.table;
  for (int i = table.indexes() - 1; i > 0; --i) {
    if (i >= kCompactEntries || (op.entries >> i & 1) == 0) continue;
    HashIndex& index = table.index(i);
    const std::uint64_t hash = table.HashOf(i, *table.MessageOf(op.after));
    if (!index.unique()) UndoListCount(index, hash, 1);
    index.Erase(hash, op.after);
  }
}

void TransactionCore::Undo(const Op& op) {
  switch (op.kind) {
    case Op::Kind::kVersion:
      if (op.entries != 0) UndoEntries(op);
      if (op.before == nullptr) {
        op.table->primary().Erase(op.hash, op.after);
      } else {
        op.table->primary().Replace(op.hash, op.after, op.before);
      }
      if (op.delta != 0) op.table->counts().Change(-op.delta);
      if (op.next_id != 0) op.table->next_id = op.next_id;
      context().Retire(VersionGarbage(Garbage::Kind::kVersion, op.table, op.after));
      return;
    case Op::Kind::kEntry:
      if (op.delta != 0) UndoListCount(*op.index, op.hash, op.delta);
      if (op.before == nullptr) {
        op.index->Erase(op.hash, op.after);
      } else {
        op.index->Replace(op.hash, op.after, op.before);
      }
      if (op.after->deleted()) {
        context().Retire(MarkerGarbage(Garbage::Kind::kFreeMarker, op.index->table(), op.after));
      }
      return;
    case Op::Kind::kOrdered:
      if (op.before != nullptr) {
        OrderedIndex::SetEntry(op.node, op.before);
      } else {
        op.ordered->Unlink(op.node);
        context().RetireWith(op.node, &DeleteOrderedNode);
      }
      return;
    case Op::Kind::kOrderedMarker:
      context().Retire(MarkerGarbage(Garbage::Kind::kFreeMarker, op.ordered->table(), op.after));
      return;
  }
}

void TransactionCore::RollbackTo(const Mark& mark) {
  ABSL_RAW_CHECK(
      mark.log <= log_.size() && mark.orphans <= orphans_.size() && mark.widows <= widows_.size(),
      "kin: the savepoint is gone, for the transaction went back to an earlier one");
  ++generation_;
  while (log_.size() > mark.log) {
    Undo(log_.back());
    log_.pop_back();
  }
  record_changes_ = mark.changes;
  orphans_.erase(orphans_.begin() + static_cast<std::ptrdiff_t>(mark.orphans), orphans_.end());
  widows_.erase(widows_.begin() + static_cast<std::ptrdiff_t>(mark.widows), widows_.end());
}

// --- Committing ---

absl::Status TransactionCore::CheckAtCommit() const {
  if (orphans_.empty() && widows_.empty()) return absl::OkStatus();
  std::vector<std::string> violations;
  absl::flat_hash_set<std::pair<const graph::ForeignKey*, const Version*>> seen;
  for (const Orphan& orphan : orphans_) {
    Table& table = *orphan.link.child;
    const Version* child = table.FindEntry(*table.MessageOf(orphan.child));
    KeyParts key;
    if (child == nullptr || child->deleted() ||
        !table.keys(orphan.link.key->child_index).Read(*table.MessageOf(child), &key) ||
        FindLive(orphan.link.parent_index(), HashParts(key), key) != nullptr ||
        !seen.insert({orphan.link.key, child}).second) {
      continue;
    }
    violations.push_back(MissingParentText(orphan.link, *table.MessageOf(child)));
  }
  for (const Widow& widow : widows_) {
    Table& parent = *widow.link.parent;
    const Message& record = *parent.MessageOf(widow.parent);
    KeyParts key;
    parent.keys(widow.link.key->parent_index).Read(record, &key);
    if (FindLive(widow.link.parent_index(), HashParts(key), key) != nullptr) continue;
    const std::vector<Version*> children = ChildrenOf(widow.link, record);
    bool listed = true;
    for (const Version* child : children) listed &= !seen.insert({widow.link.key, child}).second;
    if (listed) continue;
    violations.push_back(RestrictedText(widow.link, record, children));
  }
  if (violations.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrJoin(violations, "\n"));
}

const std::vector<Change>& TransactionCore::NetChanges() {
  changes_.clear();
  if (changes_.capacity() == 0) changes_.swap(spare_changes());
  key_buffers_.clear();
  absl::flat_hash_set<const Version*> superseded;
  const auto is_version = [](const Op& op) { return op.kind == Op::Kind::kVersion; };
  if (std::count_if(log_.begin(), log_.end(), is_version) > 1)
    superseded = Superseded(log_, context().stamp);
  for (const Op& op : log_) {
    if (op.kind != Op::Kind::kVersion) continue;
    if (!superseded.empty() && superseded.contains(op.after)) continue;
    const Table& table = *op.table;
    const Version* before = op.after->older.load(std::memory_order_relaxed);
    if (before != nullptr && before->deleted()) before = nullptr;
    const Version* after = op.after->deleted() ? nullptr : op.after;
    if (before == nullptr && after == nullptr) continue;  // Born and gone.
    Change& change = changes_.emplace_back();
    change.model = table.position();
    SetKey(table, *table.MessageOf(op.after), &change.key);
    if (before != nullptr) change.before = table.MessageOf(before);
    if (after != nullptr) change.after = table.MessageOf(after);
  }
  return changes_;
}

// In place: a key that is returned is written in halves and copied whole, which a processor cannot
// forward from the one to the other.
void TransactionCore::SetKey(const Table& table, const Message& record, KeyView* key) {
  const KeyReader& reader = table.keys(0);
  if (ABSL_PREDICT_TRUE(reader.number_getter() != nullptr)) {
    KeyPart part;
    reader.number_getter()(record, &part);
    key->number = part.number;
    return;
  }
  KeyParts parts;
  std::string buffer;
  reader.Read(record, &parts);
  *key = reader.Encode(parts, &buffer);
  if (parts.size > 1) {
    key_buffers_.push_front(std::move(buffer));
    key->bytes = key_buffers_.front();
  }
}

void TransactionCore::Finish() {
  finished_ = true;
  WriterContext& writer = context();
  // Entries first: they must be gone before the versions behind them are freed.
  for (const Op& op : log_) {
    if (op.kind == Op::Kind::kEntry && op.after->deleted()) {
      Garbage garbage = MarkerGarbage(Garbage::Kind::kMarker, op.index->table(), op.after);
      garbage.index = op.index;
      writer.Retire(garbage);
    } else if (op.kind == Op::Kind::kOrderedMarker) {
      Garbage garbage = MarkerGarbage(Garbage::Kind::kOrderedMarker, op.ordered->table(), op.after);
      garbage.ordered = op.ordered;
      writer.Retire(garbage);
    } else if (op.kind == Op::Kind::kVersion && op.after->deleted()) {
      writer.Retire(VersionGarbage(Garbage::Kind::kTombstone, op.table, op.after));
    }
  }
  for (const Op& op : log_) {
    switch (op.kind) {
      case Op::Kind::kVersion:
        if (op.before != nullptr) {
          writer.Retire(VersionGarbage(Garbage::Kind::kVersion, op.table, op.before));
        }
        break;
      case Op::Kind::kEntry:
        if (op.before != nullptr && op.before->deleted()) {
          writer.Retire(MarkerGarbage(Garbage::Kind::kFreeMarker, op.index->table(), op.before));
        }
        break;
      case Op::Kind::kOrdered:
        if (op.before != nullptr && op.before->deleted()) {
          writer.Retire(MarkerGarbage(Garbage::Kind::kFreeMarker, op.ordered->table(), op.before));
        }
        break;
      default:
        break;
    }
  }
}

}  // namespace kin::internal
