#include "kin/store/internal/hash_index.h"

#include <algorithm>
#include <memory>

#include "kin/store/internal/memory.h"
#include "kin/store/internal/table.h"

namespace kin::internal {
namespace {

// Buckets copied with each change while a table is resized. A growing table at its limit has 1.4
// free slots a bucket left, so one bucket a change would do; a few more end it sooner.
constexpr std::uint64_t kStep = 4;

// A huge page, which takes a millisecond or more to be had and cleared where the system is a
// virtual machine. So a table that grows takes them one at a time: one in so many steps, of all
// tables of the store. (A page is filled in kPage / kStep / 2 steps.)
constexpr std::uint64_t kPage = (std::uint64_t{2} << 20) / sizeof(LineTable::Bucket);
constexpr int kStepsPerPage = 512;
static_assert(kStepsPerPage * 4 <= static_cast<int>(kPage / kStep / 2));

// Tables begin with room for so many entries, and while they have at most kSmall buckets they
// become four times as large at once: each entry is copied 0.3 to 1.3 times then, not 1 to 2 times.
// Above that each growth doubles them, for the memory. (10,000 and 1,000,000 entries are in tables
// of the same size either way.)
constexpr std::size_t kFirstEntries = 64;
constexpr std::uint64_t kSmall = 4096;

// How many entries the table after `lines` is to have room for.
std::size_t LargerThan(const LineTable& lines) {
  return lines.buckets() <= kSmall ? 2 * lines.capacity() + 2 : lines.capacity() + 1;
}

// In shorter posting lists a marker is looked for from end to end.
constexpr std::uint32_t kScanned = 24;

void DeleteArray(void* array, Table*) { PostingArray::Delete(static_cast<PostingArray*>(array)); }
void DeleteList(void* list, Table*) { delete static_cast<PostingList*>(list); }

}  // namespace

HashIndex::HashIndex(Table* table, int index, bool unique)
    : table_(table), index_(index), unique_(unique), lines_(LineTable::New(kFirstEntries)) {}

HashIndex::~HashIndex() {
  LineTable* lines = writable();
  for (std::uint64_t i = 0; i < lines->buckets() && !unique_; ++i) {
    LineTable::ForEach(lines->bucket(i), [](Cell cell) {
      if (IsList(cell)) delete ListIn(cell);
    });
  }
  LineTable::Delete(lines);
  if (next_ != nullptr) LineTable::Delete(next_);
}

std::uint64_t HashIndex::HashOf(Cell cell) const {
  if (IsList(cell)) return ArrayIn(cell)->hash;
  const Version* entry = EntryIn(cell);
  if (index_ != 0 && entry->deleted()) return static_cast<const Marker*>(entry)->hash;
  return table_->HashOf(index_, *table_->MessageOf(entry));
}

void HashIndex::FillSlot(IndexSlot* slot) {
  slot->index = this;
  slot->home.store(writable()->home(), std::memory_order_release);
  slots_.push_back(slot);
}

// Readers may see the old table in one place and the new one in another: they hold the same.
void HashIndex::Publish(LineTable* lines) {
  table_->RoomHasChanged();
  lines_.store(lines, std::memory_order_release);  // Pairs with lines().
  // Pairs with the acquire in FindRecord and ResolveAll.
  for (IndexSlot* slot : slots_) slot->home.store(lines->home(), std::memory_order_release);
}

void HashIndex::StartResize(std::size_t entries) { Fill(LineTable::TryNew(entries)); }

void HashIndex::Fill(LineTable* next) {
  next_ = next;
  cursor_ = 0;
  touched_ = 0;
  if (next == nullptr) return;
  per_bucket_ = next->buckets() / writable()->buckets();
  // Its only page is needed at once; larger ones are touched by TouchAhead.
  if (next->buckets() == kPage) next->Touch(0);
}

// Bucket i of a table is copied to buckets 2i and 2i + 1 of one that has twice as many. False if
// these are not to be written to yet.
bool HashIndex::TouchAhead() {
  const LineTable& lines = *writable();
  if (lines.buckets() < kPage || next_->buckets() != 2 * lines.buckets()) return true;
  if (lines.size() > lines.capacity() + lines.capacity() / 16) return true;  // It is urgent.
  int& credit = table_->context().page_credit;
  if (credit < kStepsPerPage) ++credit;
  const std::uint64_t page = 2 * cursor_ / kPage;
  if (credit == kStepsPerPage && touched_ < std::min(page + 3, next_->buckets() / kPage)) {
    next_->Touch(touched_ * kPage);
    ++touched_;
    credit = 0;
  }
  return touched_ > page;
}

bool HashIndex::Step(std::uint64_t buckets) {
  if (next_ == nullptr) return false;
  if (!TouchAhead()) return true;
  LineTable* lines = writable();
  const std::uint64_t end = std::min(cursor_ + buckets, lines->buckets());
  const std::uint64_t per_bucket = std::min<std::uint64_t>(per_bucket_, 4);
  for (; cursor_ < end; ++cursor_) {
    if (cursor_ + 4 < lines->buckets()) {
      // The records of a bucket ahead, which HashOf reads.
      LineTable::ForEach(lines->bucket(cursor_ + 4), [](Cell cell) {
        const char* record = reinterpret_cast<const char*>(cell & ~Cell{1});
        __builtin_prefetch(record);
        __builtin_prefetch(record + 63);
      });
      for (std::uint64_t i = 0; i < per_bucket; ++i) {
        __builtin_prefetch(&next_->bucket((cursor_ + 4) * per_bucket_ + i), 1);
      }
    }
    LineTable::ForEach(lines->bucket(cursor_),
                       [this](Cell cell) { next_->Insert(HashOf(cell), cell); });
  }
  if (cursor_ < lines->buckets()) return true;
  Publish(next_);
  next_ = nullptr;
  Garbage garbage{};
  garbage.kind = Garbage::Kind::kLines;
  garbage.object = lines;
  table_->context().Retire(garbage);
  return false;
}

void HashIndex::Reserve(std::size_t entries) {
  if (entries <= writable()->capacity()) return;
  if (next_ != nullptr) LineTable::Delete(next_);
  Fill(LineTable::New(entries));
  Step(writable()->buckets());
}

bool HashIndex::EnsureRoomSlow() {
  if (next_ == nullptr) StartResize(LargerThan(*writable()));
  // It has grown later than it should, so there is no time to grow in steps.
  while (next_ != nullptr && writable()->size() >= writable()->limit()) Step(writable()->buckets());
  return writable()->size() < writable()->limit();
}

std::size_t HashIndex::memory_bytes() const {
  return writable()->memory_bytes() + (next_ == nullptr ? 0 : next_->memory_bytes()) + list_bytes_;
}

void HashIndex::InsertCell(std::uint64_t hash, Cell cell) {
  if (next_ == nullptr && writable()->size() >= writable()->capacity()) {
    StartResize(LargerThan(*writable()));
    if (next_ == nullptr && !EnsureRoom()) OutOfMemory(2 * writable()->memory_bytes());
  }
  if (next_ != nullptr) Step(kStep);
  const Position at = writable()->Insert(hash, cell);
  if (Copied(at)) next_->Insert(hash, cell);
}

void HashIndex::ReplaceCell(std::uint64_t hash, Position at, Cell from, Cell to) {
  if (Copied(at)) {
    next_->Replace(next_->Locate(hash, [from](Cell cell) { return cell == from; }), to);
  }
  writable()->Replace(at, to);
}

void HashIndex::EraseCell(std::uint64_t hash, Position at, Cell cell) {
  if (Copied(at)) {
    next_->Erase(hash, next_->Locate(hash, [cell](Cell other) { return other == cell; }));
  }
  writable()->Erase(hash, at);
  LineTable* lines = writable();
  if (next_ == nullptr && lines->buckets() > 64 && lines->size() < lines->capacity() / 8) {
    StartResize(lines->capacity() / 4);
  }
  if (next_ != nullptr) Step(kStep);
}

PostingList* HashIndex::Add(std::uint64_t hash, Version* entry, const KeyParts* key) {
  if (unique_) {
    if (index_ == 0) Announce(entry);
    InsertCell(hash, CellOf(entry));
    return nullptr;
  }
  const Position at =
      writable()->Locate(hash, [this, hash](Cell cell) { return HashOf(cell) == hash; });
  if (at.found()) return AddToList(hash, at, entry, key);
  InsertCell(hash, CellOf(entry));
  return nullptr;
}

// Whether `entry`, whose key is `key` if that is known, has the key of `list`.
bool HashIndex::IsOfKey(const PostingList& list, const Version& entry, const KeyParts* key) const {
  if (ABSL_PREDICT_TRUE(key != nullptr && table_->keys(index_).is_number())) {
    return key->parts[0].number == list.key().number;
  }
  return table_->HasKey(index_, entry, list.key().view());
}

PostingList* HashIndex::AddToList(std::uint64_t hash, Position at, Version* entry,
                                  const KeyParts* key) {
  const Cell cell = writable()->At(at.bucket, at.slot);
  PostingList* list =
      IsList(cell) ? ListIn(cell) : table_->NewList(index_, hash, EntryIn(cell), entry);
  if (!list->mixed() && !IsOfKey(*list, *entry, key)) list->set_mixed();
  PostingArray* retired = list->Insert(entry);
  const Cell now = CellOf(list->array());
  if (now != cell) {
    // Readers find a new list only when it has both.
    ReplaceCell(hash, at, cell, now);
    CountBytes(list);
  }
  if (retired != nullptr) table_->context().RetireWith(retired, &DeleteArray);
  return list;
}

PostingList* HashIndex::Replace(std::uint64_t hash, Version* from, Version* to) {
  if (index_ == 0) {
    Announce(to);
    ReplaceCell(hash, writable()->Locate(hash, [from](Cell cell) { return cell == CellOf(from); }),
                CellOf(from), CellOf(to));
    CountTombstone(from, -1);
    return nullptr;
  }
  const bool from_marker = IsMarker(from);
  const bool to_marker = IsMarker(to);
  markers_ += static_cast<std::size_t>(to_marker) - static_cast<std::size_t>(from_marker);
  const Position at = writable()->Locate(hash, [from, hash](Cell cell) {
    return cell == CellOf(from) || (IsList(cell) && ArrayIn(cell)->hash == hash);
  });
  const Cell cell = writable()->At(at.bucket, at.slot);
  if (!IsList(cell)) {
    ReplaceCell(hash, at, cell, CellOf(to));
    return nullptr;
  }
  PostingList* list = ListIn(cell);
  if (from_marker) Forget(list, static_cast<Marker*>(from));
  if (to_marker) Remember(list, static_cast<Marker*>(to));
  list->Replace(from, to);
  CountBytes(list);
  return list;
}

void HashIndex::Erase(std::uint64_t hash, Version* entry) {
  const bool marker = IsMarker(entry);
  markers_ -= static_cast<std::size_t>(marker);
  const Position at = writable()->Locate(hash, [entry, hash](Cell cell) {
    return cell == CellOf(entry) || (IsList(cell) && ArrayIn(cell)->hash == hash);
  });
  const Cell cell = writable()->At(at.bucket, at.slot);
  if (!IsList(cell)) {
    EraseCell(hash, at, cell);
    if (index_ == 0) CountTombstone(entry, -1);
    return;
  }
  PostingList* list = ListIn(cell);
  if (marker) Forget(list, static_cast<Marker*>(entry));
  list->Erase(entry);
  CountBytes(list);
  if (list->size() > 0) return;
  list_bytes_ -= list->counted_bytes;
  EraseCell(hash, at, cell);
  table_->context().RetireWith(list, &DeleteList);
}

// Whether `record` left the marker.
bool HashIndex::IsOf(const Marker& marker, const google::protobuf::Message& record) const {
  const Version* left = marker.older.load(std::memory_order_relaxed);
  return left != nullptr && table_->SameKey(0, *table_->MessageOf(left), record);
}

void HashIndex::Remember(PostingList* list, Marker* marker) const {
  const Version* left = marker->older.load(std::memory_order_relaxed);
  if (list->marked == nullptr || left == nullptr) return;
  (*list->marked)[table_->HashOf(0, *table_->MessageOf(left))].push_back(marker);
}

void HashIndex::Forget(PostingList* list, Marker* marker) const {
  const Version* left = marker->older.load(std::memory_order_relaxed);
  if (list->marked == nullptr || left == nullptr) return;
  auto it = list->marked->find(table_->HashOf(0, *table_->MessageOf(left)));
  auto& same = it->second;
  same.erase(std::find(same.begin(), same.end(), marker));
  if (same.empty()) list->marked->erase(it);
}

// The map is made when a long list is first asked, and kept from then on: who only deletes does not
// pay for it.
Marker* HashIndex::FindMarkerIn(PostingList* list, const google::protobuf::Message& record) const {
  const PostingArray& array = *list->array();
  if (!array.has_markers()) return nullptr;
  const std::uint32_t used = array.used.load(std::memory_order_relaxed);
  if (list->marked == nullptr && used > kScanned) {
    list->marked = std::make_unique<PostingList::Marked>();
    for (std::uint32_t i = 0; i < used; ++i) {
      Version* entry = array.entries()[i].load(std::memory_order_relaxed);
      if (entry != nullptr && entry->deleted()) Remember(list, static_cast<Marker*>(entry));
    }
  }
  if (list->marked != nullptr) {
    auto it = list->marked->find(table_->HashOf(0, record));
    if (it == list->marked->end()) return nullptr;
    for (Marker* marker : it->second) {
      if (IsOf(*marker, record)) return marker;
    }
    return nullptr;
  }
  for (std::uint32_t i = 0; i < used; ++i) {
    Version* entry = array.entries()[i].load(std::memory_order_relaxed);
    if (entry != nullptr && entry->deleted() && IsOf(*static_cast<Marker*>(entry), record)) {
      return static_cast<Marker*>(entry);
    }
  }
  return nullptr;
}

Marker* HashIndex::FindMarkerSlow(std::uint64_t hash,
                                  const google::protobuf::Message& record) const {
  Marker* found = nullptr;
  writable()->Locate(hash, [&](Cell cell) {
    if (IsList(cell)) {
      if (ArrayIn(cell)->hash != hash) return false;
      found = FindMarkerIn(ListIn(cell), record);
      return true;
    }
    if (!IsMarker(EntryIn(cell))) return false;
    auto* marker = static_cast<Marker*>(EntryIn(cell));
    if (marker->hash == hash && IsOf(*marker, record)) found = marker;
    return found != nullptr;
  });
  return found;
}

bool HashIndex::Contains(std::uint64_t hash, const Version* entry) const {
  bool found = false;
  writable()->Locate(hash, [&](Cell cell) {
    found = IsList(cell) ? ArrayIn(cell)->hash == hash && ListIn(cell)->Contains(entry)
                         : cell == CellOf(entry);
    return found;
  });
  return found;
}

PostingList* HashIndex::FindList(std::uint64_t hash) const {
  PostingList* list = nullptr;
  writable()->Locate(hash, [&](Cell cell) {
    if (IsList(cell) && ArrayIn(cell)->hash == hash) list = ListIn(cell);
    return list != nullptr;
  });
  return list;
}

}  // namespace kin::internal
