#include "kin/store/internal/posting_list.h"

#include <cstdlib>
#include <new>

namespace kin::internal {

PostingArray* PostingArray::New(std::uint32_t capacity) {
  void* memory = ::operator new(sizeof(PostingArray) + capacity * sizeof(std::atomic<Version*>));
  auto* array = new (memory) PostingArray;
  array->capacity = capacity;
  for (std::uint32_t i = 0; i < capacity; ++i) {
    new (&array->entries()[i]) std::atomic<Version*>(nullptr);
  }
  return array;
}

void PostingArray::Delete(PostingArray* array) { ::operator delete(array); }

PostingList::~PostingList() {
  if (writable() != nullptr) PostingArray::Delete(writable());
}

std::size_t PostingList::memory_bytes() const {
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  return sizeof(*this) + (current == nullptr ? 0 : current->bytes()) +
         free_.capacity() * sizeof(std::uint32_t) +
         positions_.capacity() * (sizeof(std::pair<const Version*, std::uint32_t>) + 1);
}

std::int64_t PostingList::Search(const Version* entry, std::uint32_t from, std::uint32_t to) const {
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  for (std::uint32_t i = from; i < to; ++i) {
    if (current->entries()[i].load(std::memory_order_relaxed) == entry) return i;
  }
  return -1;
}

std::int64_t PostingList::Find(const Version* entry) const {
  if (!positions_.empty()) {
    auto it = positions_.find(entry);
    return it == positions_.end() ? -1 : static_cast<std::int64_t>(it->second);
  }
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  if (current == nullptr) return -1;
  const std::uint32_t used = current->used.load(std::memory_order_relaxed);
  // What was inserted last may be undone next.
  const std::uint32_t recent = used > kRecent ? used - kRecent : 0;
  const std::int64_t found = Search(entry, recent, used);
  return found >= 0 ? found : Search(entry, 0, recent);
}

void PostingList::MapPositions() {
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  const std::uint32_t used = current->used.load(std::memory_order_relaxed);
  positions_.reserve(size_ + size_ / 4);
  for (std::uint32_t i = 0; i < used; ++i) {
    if (Version* entry = current->entries()[i].load(std::memory_order_relaxed); entry != nullptr) {
      positions_.emplace(entry, i);
    }
  }
}

std::int64_t PostingList::FindToChange(const Version* entry) {
  if (positions_.empty() && size_ >= kMappedFrom) {
    const std::uint32_t used = writable()->used.load(std::memory_order_relaxed);
    const std::int64_t found = Search(entry, used > kRecent ? used - kRecent : 0, used);
    if (found >= 0) return found;
    MapPositions();
  }
  return Find(entry);
}

void PostingList::Announce(const Version* entry) {
  const Stamp stamp = CommitOf(entry->stamp);
  if (stamp > newest_.load(std::memory_order_relaxed)) {
    newest_.store(stamp, std::memory_order_relaxed);
  }
  CountMarker(entry, 1);
}

void PostingList::CountMarker(const Version* entry, int delta) {
  if (!entry->deleted()) return;
  markers_.store(markers_.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(delta),
                 std::memory_order_release);
}

PostingArray* PostingList::Insert(Version* entry) {
  Announce(entry);
  PostingArray* current = writable();
  PostingArray* retired = nullptr;
  std::uint32_t position;
  if (!free_.empty()) {
    position = free_.back();
    free_.pop_back();
    current->entries()[position].store(entry, std::memory_order_release);
  } else {
    const std::uint32_t used =
        current == nullptr ? 0 : current->used.load(std::memory_order_relaxed);
    if (current == nullptr || used == current->capacity) {
      PostingArray* larger = PostingArray::New(current == nullptr ? 4 : current->capacity * 2);
      for (std::uint32_t i = 0; i < used; ++i) {
        larger->entries()[i].store(current->entries()[i].load(std::memory_order_relaxed),
                                   std::memory_order_relaxed);
      }
      larger->used.store(used, std::memory_order_relaxed);
      array_.store(larger, std::memory_order_release);
      retired = current;
      current = larger;
    }
    position = used;
    current->entries()[position].store(entry, std::memory_order_release);
    current->used.store(used + 1, std::memory_order_release);
  }
  ++size_;
  if (!positions_.empty()) positions_.emplace(entry, position);
  return retired;
}

void PostingList::Replace(Version* from, Version* to) {
  const std::int64_t position = FindToChange(from);
  Announce(to);
  writable()->entries()[position].store(to, std::memory_order_release);
  if (!positions_.empty()) {
    positions_.erase(from);
    positions_.emplace(to, static_cast<std::uint32_t>(position));
  }
  CountMarker(from, -1);
}

void PostingList::Erase(Version* entry) {
  const std::int64_t position = FindToChange(entry);
  writable()->entries()[position].store(nullptr, std::memory_order_release);
  free_.push_back(static_cast<std::uint32_t>(position));
  if (!positions_.empty()) positions_.erase(entry);
  CountMarker(entry, -1);
  --size_;
}

}  // namespace kin::internal
