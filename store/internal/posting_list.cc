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

std::int64_t PostingList::Find(const Version* entry) const {
  if (!positions_.empty()) {
    auto it = positions_.find(entry);
    return it == positions_.end() ? -1 : static_cast<std::int64_t>(it->second);
  }
  const PostingArray* current = array_.load(std::memory_order_relaxed);
  if (current == nullptr) return -1;
  const std::uint32_t used = current->used.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < used; ++i) {
    if (current->entries()[i].load(std::memory_order_relaxed) == entry) return i;
  }
  return -1;
}

PostingArray* PostingList::Insert(Version* entry) {
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
  if (!positions_.empty()) {
    positions_.emplace(entry, position);
  } else if (size_ >= kMappedFrom) {
    const std::uint32_t used = current->used.load(std::memory_order_relaxed);
    positions_.reserve(used * 2);
    for (std::uint32_t i = 0; i < used; ++i) {
      if (Version* e = current->entries()[i].load(std::memory_order_relaxed); e != nullptr) {
        positions_.emplace(e, i);
      }
    }
  }
  return retired;
}

void PostingList::Replace(Version* from, Version* to) {
  const std::int64_t position = Find(from);
  writable()->entries()[position].store(to, std::memory_order_release);
  if (!positions_.empty()) {
    positions_.erase(from);
    positions_.emplace(to, static_cast<std::uint32_t>(position));
  }
}

void PostingList::Erase(Version* entry) {
  const std::int64_t position = Find(entry);
  writable()->entries()[position].store(nullptr, std::memory_order_release);
  free_.push_back(static_cast<std::uint32_t>(position));
  if (!positions_.empty()) positions_.erase(entry);
  --size_;
}

}  // namespace kin::internal
