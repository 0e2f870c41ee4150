// An index from key to records: of the primary key, of unique fields, of foreign keys.
#ifndef KIN_STORE_INTERNAL_HASH_INDEX_H_
#define KIN_STORE_INTERNAL_HASH_INDEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/optimization.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/line_table.h"
#include "kin/store/internal/model_ops.h"
#include "kin/store/internal/posting_list.h"
#include "kin/store/internal/version.h"

namespace kin::internal {

class Table;

// A cell is what a slot of the table of lines holds: an entry (a Version, or in a secondary index a
// Marker), or the newest array of a posting list.
using Cell = std::uintptr_t;
inline Cell CellOf(const Version* entry) { return reinterpret_cast<Cell>(entry); }
inline Cell CellOf(const PostingArray* array) { return reinterpret_cast<Cell>(array) | 1; }
inline bool IsList(Cell cell) { return (cell & 1) != 0; }
inline Version* EntryIn(Cell cell) { return reinterpret_cast<Version*>(cell); }
inline PostingArray* ArrayIn(Cell cell) { return reinterpret_cast<PostingArray*>(cell - 1); }
inline PostingList* ListIn(Cell cell) { return ArrayIn(cell)->list; }

class HashIndex;

// What generated code finds an index by; see View::slots.
struct IndexSlot {
  // That of index->lines(). Stored by the writer (release) with each new table.
  std::atomic<Home> home{LineTable::EmptyHome()};
  const HashIndex* index = nullptr;  // Null: of a model that is not in the store's schema.
};
static_assert(sizeof(IndexSlot) == kSlotBytes);

// An index holds an entry for each (key, record) that a view may see. The entry of the key that the
// record has now is its newest version; those of keys that it had are Markers.
//
//  - A unique index has a cell an entry. It may hold several entries of one key; any view sees at
//    most one of the records.
//  - A multi index has one cell a key: an entry, or a posting list of them. A reader goes through
//    the array that it finds in the cell, though a larger one may take its place meanwhile.
//
// While a larger table is filled, a few buckets with each change, readers stay on the old one and
// changes to entries already copied go to both; then the new one is published and the old retired.
//
// Readers use lines() and Visible; thread-safe. Writer: guarded by the store's writer lock.
class HashIndex {
 public:
  // `index` counts in the model's indexes; 0 is the primary key.
  HashIndex(Table* table, int index, bool unique);
  ~HashIndex();
  HashIndex(const HashIndex&) = delete;
  HashIndex& operator=(const HashIndex&) = delete;

  // The table of lines to probe now.
  const LineTable* lines() const { return lines_.load(std::memory_order_acquire); }
  Table* table() const { return table_; }
  // From now on `slot` leads to this index. REQUIRES: it stays where it is while the index lives.
  void FillSlot(IndexSlot* slot);
  int index() const { return index_; }
  bool unique() const { return unique_; }

  // Calls visit(entry) for each entry that may be of `hash`, until it returns true.
  // For the writer and for readers; entries are to be judged by Visible and their key.
  template <typename Visit>
  bool ForEachEntry(std::uint64_t hash, Visit&& visit) const {
    bool done = false;
    lines()->Find(hash, [&](Cell cell) {
      if (!IsList(cell)) return done = visit(EntryIn(cell));
      const PostingArray* array = ArrayIn(cell);
      if (array->hash != hash) return false;
      const std::uint32_t used = array->used.load(std::memory_order_acquire);
      for (std::uint32_t i = 0; i < used && !done; ++i) {
        Version* entry = array->entries()[i].load(std::memory_order_acquire);
        if (entry != nullptr) done = visit(entry);
      }
      return true;
    });
    return done;
  }

  // The version that a view sees of the record of `entry`, which a probe for `hash` met; null if it
  // sees none there. A probe also meets entries of other keys, where tags are equal, and a record
  // that had the key of `hash` may stand there now: the version that had it has an entry of its
  // own.
  const Version* Visible(std::uint64_t hash, const Version* entry, Stamp limit) const {
    const Version* version = VisibleAt(entry, limit);
    if (ABSL_PREDICT_TRUE(version == entry || version == nullptr)) return version;
    return HashOf(CellOf(entry)) == hash ? version : nullptr;
  }

  // Of the primary index, for who goes through all of it: whether a view with `limit` sees every
  // entry that it has read (acquire) as it stands, so that no record need be touched for that. To
  // be asked after the entries were read, and of tombstones (HasTombstones) before lines() was.
  //
  // An entry that the view does not see was stored (release) after the stamp that tells of it, so
  // who has read the entry reads that stamp, or a later one, here. A tombstone that the view sees
  // was counted before the view was taken, and is counted until it is out of the table; so if none
  // was counted, none is met in the table that lines() gives after that (acquire; pairs with the
  // release in CountTombstone): whichever are met later were made later, and the stamp tells of
  // them.
  bool AllShown(Stamp limit) const { return newest_.load(std::memory_order_relaxed) <= limit; }
  bool HasTombstones() const { return tombstones_.load(std::memory_order_acquire) != 0; }

  // The writer's side. Add, Replace and Erase are O(1) amortised.
  // Has the processor load what a probe for `hash` begins with.
  void Prefetch(std::uint64_t hash) const { LineTable::Prefetch(writable()->home(), hash); }
  // The same for the list of a key, once the line of Prefetch is there.
  void PrefetchList(std::uint64_t hash) const {
    const Cell cell = LineTable::FindFirst(writable()->home(), hash);
    if (IsList(cell)) __builtin_prefetch(ArrayIn(cell));
  }
  // Add and Replace return the posting list that the entry is in now, null if it has a cell of its
  // own. `key` is that of `entry`, null to have it read. REQUIRES: `from` is an entry of `hash`.
  PostingList* Add(std::uint64_t hash, Version* entry, const KeyParts* key = nullptr);
  PostingList* Replace(std::uint64_t hash, Version* from, Version* to);
  void Erase(std::uint64_t hash, Version* entry);
  bool Contains(std::uint64_t hash, const Version* entry) const;
  bool has_markers() const { return markers_ != 0; }
  // The marker that `record` left at `hash`, null if there is none.
  Marker* FindMarker(std::uint64_t hash, const google::protobuf::Message& record) const {
    return ABSL_PREDICT_TRUE(markers_ == 0) ? nullptr : FindMarkerSlow(hash, record);
  }
  // The posting list of `hash`, null if there is none.
  PostingList* FindList(std::uint64_t hash) const;

  // Whether an entry can be added; else there is no memory for a larger table.
  bool EnsureRoom() {
    return ABSL_PREDICT_TRUE(writable()->size() < writable()->limit()) || EnsureRoomSlow();
  }
  // Entries that can be added before EnsureRoom is to be asked again.
  std::size_t room() const {
    return writable()->size() < writable()->limit() ? writable()->limit() - writable()->size() : 0;
  }
  // Makes room for `entries` at once. REQUIRES: the index is empty.
  void Reserve(std::size_t entries);
  // Goes on with growing or shrinking; returns whether there is more to do.
  bool Step(std::uint64_t buckets);
  std::size_t memory_bytes() const;

 private:
  using Position = LineTable::Position;

  std::uint64_t HashOf(Cell cell) const;
  void InsertCell(std::uint64_t hash, Cell cell);
  void ReplaceCell(std::uint64_t hash, Position at, Cell from, Cell to);
  PostingList* AddToList(std::uint64_t hash, Position at, Version* entry, const KeyParts* key);
  bool IsOfKey(const PostingList& list, const Version& entry, const KeyParts* key) const;
  void EraseCell(std::uint64_t hash, Position at, Cell cell);
  LineTable* writable() const { return lines_.load(std::memory_order_relaxed); }
  bool Copied(Position at) const { return next_ != nullptr && at.bucket < cursor_; }
  // Does nothing if there is no memory.
  void StartResize(std::size_t entries);
  void Fill(LineTable* next);
  void Publish(LineTable* lines);
  bool EnsureRoomSlow();
  Marker* FindMarkerSlow(std::uint64_t hash, const google::protobuf::Message& record) const;
  bool TouchAhead();
  // Adds to list_bytes_ what a list has grown since it was last counted.
  void CountBytes(PostingList* list) {
    const std::size_t bytes = list->memory_bytes();
    list_bytes_ += bytes - list->counted_bytes;
    list->counted_bytes = bytes;
  }
  bool IsMarker(const Version* entry) const { return index_ != 0 && entry->deleted(); }
  // To be called before `entry` is stored in the primary index.
  void Announce(const Version* entry) {
    const Stamp stamp = CommitOf(entry->stamp);
    if (stamp > newest_.load(std::memory_order_relaxed)) {
      newest_.store(stamp, std::memory_order_relaxed);
    }
    CountTombstone(entry, 1);
  }
  void CountTombstone(const Version* entry, int delta) {
    if (ABSL_PREDICT_TRUE(!entry->deleted())) return;
    tombstones_.store(tombstones_.load(std::memory_order_relaxed) + static_cast<std::size_t>(delta),
                      std::memory_order_release);
  }
  bool IsOf(const Marker& marker, const google::protobuf::Message& record) const;
  Marker* FindMarkerIn(PostingList* list, const google::protobuf::Message& record) const;
  void Remember(PostingList* list, Marker* marker) const;
  void Forget(PostingList* list, Marker* marker) const;

  Table* const table_;
  const int index_;
  const bool unique_;
  std::atomic<LineTable*> lines_;
  // Of the primary index; see AllShown.
  std::atomic<Stamp> newest_{0};  // No entry is of a later commit.
  std::atomic<std::size_t> tombstones_{0};
  std::vector<IndexSlot*> slots_;  // That lead here.
  // While the table is resized: the new one, and the bucket to copy next.
  LineTable* next_ = nullptr;
  std::uint64_t cursor_ = 0;
  std::uint64_t per_bucket_ = 0;  // Buckets of the new one to which one of the old is copied.
  std::uint64_t touched_ = 0;     // Pages of the new one that have been written to.
  std::size_t markers_ = 0;       // In the index.
  std::size_t list_bytes_ = 0;    // Of the posting lists in the index.
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_HASH_INDEX_H_
