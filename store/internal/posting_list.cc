#include "kin/store/internal/posting_list.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace kin::internal {

PostingArray* PostingArray::New(PostingList* list, std::uint64_t hash, std::size_t lines) {
  void* memory = ::operator new (64 * lines, std::align_val_t{alignof(PostingArray)});
  auto* array = new (memory) PostingArray;
  array->hash = hash;
  array->list = list;
  array->capacity = static_cast<std::uint32_t>((64 * lines - kHeadBytes) / sizeof(Version*));
  for (std::uint32_t i = 0; i < array->capacity; ++i) {
    new (&array->entries()[i]) std::atomic<Version*>(nullptr);
  }
  return array;
}

void PostingArray::Delete(PostingArray* array) {
  ::operator delete (array, std::align_val_t{alignof(PostingArray)});
}

PostingList::PostingList(std::uint64_t hash, Key key)
    : array_(PostingArray::New(this, hash, 1)), key_(std::move(key)) {}

PostingList::~PostingList() { PostingArray::Delete(writable()); }

std::size_t PostingList::memory_bytes() const {
  return sizeof(*this) + writable()->bytes() + free_.capacity() * sizeof(std::uint32_t) +
         positions_.capacity() * (sizeof(std::pair<const Version*, std::uint32_t>) + 1) +
         (marked == nullptr ? 0 : marked->capacity() * (sizeof(Marked::value_type) + 1));
}

std::int64_t PostingList::Search(const Version* entry, std::uint32_t from, std::uint32_t to) const {
  const std::atomic<Version*>* entries = array_.load(std::memory_order_relaxed)->entries();
  const auto is_at = [entries, entry](std::uint32_t position) -> int {
    return entries[position].load(std::memory_order_relaxed) == entry ? 1 : 0;
  };
  // A cache line at a time, with one branch.
  std::uint32_t i = from;
  while (i + 8 <= to && (is_at(i) | is_at(i + 1) | is_at(i + 2) | is_at(i + 3) | is_at(i + 4) |
                         is_at(i + 5) | is_at(i + 6) | is_at(i + 7)) == 0) {
    i += 8;
  }
  for (; i < to; ++i) {
    if (is_at(i) != 0) return i;
  }
  return -1;
}

std::int64_t PostingList::Find(const Version* entry) const {
  if (mapped_) {
    auto it = positions_.find(entry);
    return it == positions_.end() ? -1 : static_cast<std::int64_t>(it->second);
  }
  const std::uint32_t used = writable()->used.load(std::memory_order_relaxed);
  // What was inserted last may be undone next.
  const std::uint32_t recent = used > kRecent ? used - kRecent : 0;
  const std::int64_t found = Search(entry, recent, used);
  return found >= 0 ? found : Search(entry, 0, recent);
}

void PostingList::MapPositions() {
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  const std::uint32_t used = current->used.load(std::memory_order_relaxed);
  mapped_ = true;
  positions_.reserve(size_ + size_ / 4);
  for (std::uint32_t i = 0; i < used; ++i) {
    Version* entry = current->entries()[i].load(std::memory_order_relaxed);
    if (entry != nullptr && !entry->deleted()) positions_.emplace(entry, i);
  }
}

void PostingList::NotePosition(Version* entry, std::uint32_t position) {
  if (entry->deleted()) {
    static_cast<Marker*>(entry)->position = position;
  } else if (mapped_) {
    positions_.emplace(entry, position);
  }
}

std::int64_t PostingList::FindToChange(const Version* entry) {
  const std::uint32_t used = writable()->used.load(std::memory_order_relaxed);
  if (entry->deleted()) {
    const std::uint32_t position = static_cast<const Marker*>(entry)->position;
    return Search(entry, std::min(position, used), std::min(position + 1, used));
  }
  if (next_ < used && writable()->entries()[next_].load(std::memory_order_relaxed) == entry) {
    return next_;
  }
  if (!mapped_ && used >= kMappedFrom) {
    const std::int64_t found = Search(entry, used > kRecent ? used - kRecent : 0, used);
    if (found >= 0) return found;
    MapPositions();
  }
  return Find(entry);
}

void PostingList::Announce(const Version* entry) {
  const Stamp stamp = CommitOf(entry->stamp);
  std::atomic<Stamp>& newest = writable()->newest;
  if (stamp > newest.load(std::memory_order_relaxed)) {
    newest.store(stamp, std::memory_order_relaxed);
  }
  CountMarker(entry, 1);
}

void PostingList::CountMarker(const Version* entry, int delta) {
  if (!entry->deleted()) return;
  std::atomic<std::uint32_t>& markers = writable()->markers;
  markers.store(markers.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(delta),
                std::memory_order_release);
}

// A copy of the array with twice as many lines, not published yet.
PostingArray* PostingList::Larger() {
  const PostingArray& current = *writable();
  PostingArray* larger = PostingArray::New(this, current.hash, 2 * current.lines());
  for (std::uint32_t i = 0; i < current.capacity; ++i) {
    larger->entries()[i].store(current.entries()[i].load(std::memory_order_relaxed),
                               std::memory_order_relaxed);
  }
  larger->newest.store(current.newest.load(std::memory_order_relaxed), std::memory_order_relaxed);
  larger->markers.store(current.markers.load(std::memory_order_relaxed), std::memory_order_relaxed);
  larger->used.store(current.used.load(std::memory_order_relaxed), std::memory_order_relaxed);
  larger->mixed.store(current.mixed.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return larger;
}

PostingArray* PostingList::Insert(Version* entry) {
  PostingArray* retired = nullptr;
  std::uint32_t position = writable()->used.load(std::memory_order_relaxed);
  if (!free_.empty()) {
    position = free_.back();
    free_.pop_back();
  } else if (position == writable()->capacity) {
    retired = writable();
    array_.store(Larger(), std::memory_order_release);
  }
  Announce(entry);
  PostingArray* current = writable();
  current->entries()[position].store(entry, std::memory_order_release);
  if (position == current->used.load(std::memory_order_relaxed)) {
    current->used.store(position + 1, std::memory_order_release);
  }
  ++size_;
  NotePosition(entry, position);
  return retired;
}

void PostingList::Replace(Version* from, Version* to) {
  const std::int64_t position = FindToChange(from);
  next_ = static_cast<std::uint32_t>(position) + 1;
  Announce(to);
  writable()->entries()[position].store(to, std::memory_order_release);
  if (mapped_ && !from->deleted()) positions_.erase(from);
  NotePosition(to, static_cast<std::uint32_t>(position));
  CountMarker(from, -1);
}

void PostingList::Erase(Version* entry) {
  const std::int64_t position = FindToChange(entry);
  next_ = static_cast<std::uint32_t>(position) + 1;
  writable()->entries()[position].store(nullptr, std::memory_order_release);
  free_.push_back(static_cast<std::uint32_t>(position));
  if (mapped_ && !entry->deleted()) positions_.erase(entry);
  CountMarker(entry, -1);
  --size_;
}

}  // namespace kin::internal
