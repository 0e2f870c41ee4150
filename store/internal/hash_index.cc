#include "kin/store/internal/hash_index.h"

#include <algorithm>

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

// Room for markers that an index keeps when there are none.
constexpr std::size_t kKeptMarkers = 127;

void DeleteArray(void* array, Table*) { PostingArray::Delete(static_cast<PostingArray*>(array)); }
void DeleteList(void* list, Table*) { delete static_cast<PostingList*>(list); }

}  // namespace

HashIndex::HashIndex(Table* table, int index, bool unique)
    : table_(table), index_(index), unique_(unique), lines_(LineTable::New(0)) {}

HashIndex::~HashIndex() {
  LineTable* lines = writable();
  for (std::uint64_t i = 0; i < lines->buckets(); ++i) {
    LineTable::ForEach(lines->bucket(i), [](Cell cell) {
      if (IsList(cell)) delete ListIn(cell);
    });
  }
  LineTable::Delete(lines);
  if (next_ != nullptr) LineTable::Delete(next_);
}

std::uint64_t HashIndex::HashOf(Cell cell) const {
  if (IsList(cell)) return ListIn(cell)->hash();
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
  lines_.store(lines, std::memory_order_release);  // Pairs with lines().
  // Pairs with the acquire in FindRecord and ResolveAll.
  for (IndexSlot* slot : slots_) slot->home.store(lines->home(), std::memory_order_release);
}

void HashIndex::StartResize(std::size_t entries) {
  next_ = LineTable::TryNew(entries);
  cursor_ = 0;
  touched_ = 0;
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
  for (; cursor_ < end; ++cursor_) {
    if (cursor_ + 4 < lines->buckets()) {
      // The records of a bucket ahead, which HashOf reads.
      LineTable::ForEach(lines->bucket(cursor_ + 4), [](Cell cell) {
        const char* record = reinterpret_cast<const char*>(cell & ~Cell{1});
        __builtin_prefetch(record);
        __builtin_prefetch(record + 63);
      });
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
  next_ = LineTable::New(entries);
  cursor_ = 0;
  Step(writable()->buckets());
}

bool HashIndex::EnsureRoomSlow() {
  if (next_ == nullptr) StartResize(writable()->capacity() + 1);
  // It has grown later than it should, so there is no time to grow in steps.
  while (next_ != nullptr && writable()->size() >= writable()->limit()) Step(writable()->buckets());
  return writable()->size() < writable()->limit();
}

std::size_t HashIndex::memory_bytes() const {
  return writable()->memory_bytes() + (next_ == nullptr ? 0 : next_->memory_bytes()) + list_bytes_ +
         markers_.capacity() * (sizeof(decltype(markers_)::value_type) + 1);
}

void HashIndex::InsertCell(std::uint64_t hash, Cell cell) {
  if (next_ == nullptr && writable()->size() >= writable()->capacity()) {
    StartResize(writable()->capacity() + 1);
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

void HashIndex::Add(std::uint64_t hash, Version* entry) {
  if (unique_) {
    InsertCell(hash, CellOf(entry));
    return;
  }
  const Position at =
      writable()->Locate(hash, [this, hash](Cell cell) { return HashOf(cell) == hash; });
  if (!at.found()) {
    InsertCell(hash, CellOf(entry));
    return;
  }
  const Cell cell = writable()->At(at.bucket, at.slot);
  PostingList* list;
  if (IsList(cell)) {
    list = ListIn(cell);
    list_bytes_ -= list->memory_bytes();
  } else {
    list = table_->NewList(index_, hash, EntryIn(cell), entry);
  }
  if (!list->mixed() && !(table_->EncodeKeyOf(index_, entry) == list->key())) list->set_mixed();
  if (PostingArray* retired = list->Insert(entry); retired != nullptr) {
    table_->context().RetireWith(retired, &DeleteArray);
  }
  list_bytes_ += list->memory_bytes();
  if (!IsList(cell)) ReplaceCell(hash, at, cell, CellOf(list));
}

void HashIndex::Replace(std::uint64_t hash, Version* from, Version* to) {
  if (IsMarker(from)) Forget(static_cast<Marker*>(from));
  if (IsMarker(to)) Remember(static_cast<Marker*>(to));
  const Position at = writable()->Locate(hash, [from, hash](Cell cell) {
    return cell == CellOf(from) || (IsList(cell) && ListIn(cell)->hash() == hash);
  });
  const Cell cell = writable()->At(at.bucket, at.slot);
  if (IsList(cell)) {
    list_bytes_ -= ListIn(cell)->memory_bytes();
    ListIn(cell)->Replace(from, to);
    list_bytes_ += ListIn(cell)->memory_bytes();
  } else {
    ReplaceCell(hash, at, cell, CellOf(to));
  }
}

void HashIndex::Erase(std::uint64_t hash, Version* entry) {
  if (IsMarker(entry)) Forget(static_cast<Marker*>(entry));
  const Position at = writable()->Locate(hash, [entry, hash](Cell cell) {
    return cell == CellOf(entry) || (IsList(cell) && ListIn(cell)->hash() == hash);
  });
  const Cell cell = writable()->At(at.bucket, at.slot);
  if (!IsList(cell)) {
    EraseCell(hash, at, cell);
    return;
  }
  PostingList* list = ListIn(cell);
  list_bytes_ -= list->memory_bytes();
  list->Erase(entry);
  if (list->size() > 0) {
    list_bytes_ += list->memory_bytes();
    return;
  }
  EraseCell(hash, at, cell);
  table_->context().RetireWith(list, &DeleteList);
}

void HashIndex::Remember(Marker* marker) {
  markers_[CombineHash(marker->hash, marker->record_hash)].push_back(marker);
}

void HashIndex::Forget(Marker* marker) {
  auto it = markers_.find(CombineHash(marker->hash, marker->record_hash));
  auto& same = it->second;
  same.erase(std::find(same.begin(), same.end(), marker));
  if (same.empty()) markers_.erase(it);
  // The map does not shrink by itself after a burst of changes.
  if (markers_.empty() && markers_.capacity() > kKeptMarkers) markers_ = {};
}

Marker* HashIndex::FindMarker(std::uint64_t hash, std::uint64_t record_hash,
                              const google::protobuf::Message& record) const {
  if (markers_.empty()) return nullptr;
  auto it = markers_.find(CombineHash(hash, record_hash));
  if (it == markers_.end()) return nullptr;
  for (Marker* marker : it->second) {
    const Version* left = marker->older.load(std::memory_order_relaxed);
    if (marker->hash == hash && left != nullptr &&
        table_->SameKey(0, *table_->MessageOf(left), record)) {
      return marker;
    }
  }
  return nullptr;
}

bool HashIndex::Contains(std::uint64_t hash, const Version* entry) const {
  bool found = false;
  writable()->Locate(hash, [&](Cell cell) {
    found = IsList(cell) ? ListIn(cell)->hash() == hash && ListIn(cell)->Contains(entry)
                         : cell == CellOf(entry);
    return found;
  });
  return found;
}

PostingList* HashIndex::FindList(std::uint64_t hash) const {
  PostingList* list = nullptr;
  writable()->Locate(hash, [&](Cell cell) {
    if (IsList(cell) && ListIn(cell)->hash() == hash) list = ListIn(cell);
    return list != nullptr;
  });
  return list;
}

}  // namespace kin::internal
