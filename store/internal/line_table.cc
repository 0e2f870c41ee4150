#include "kin/store/internal/line_table.h"

#include <new>

#include "kin/store/internal/memory.h"

namespace kin::internal {

Home LineTable::EmptyHome() {
  static const Bucket empty[2] = {};
  return HomeOf(empty, 63);
}

LineTable* LineTable::TryNew(std::size_t entries) {
  // At most 4.2 of 7 slots on average are used: of random keys one in forty then lies beyond its
  // home bucket, where with 5.6 it is one in thirteen.
  std::uint64_t buckets = 2;
  int shift = 63;
  for (; buckets * 21 / 5 < entries; buckets *= 2) --shift;
  // Zero bytes are empty buckets.
  void* memory = TryAllocateZeroed(buckets * sizeof(Bucket));
  if (memory == nullptr) return nullptr;
  auto* table = new LineTable;
  table->shift_ = shift;
  table->mask_ = buckets - 1;
  table->capacity_ = buckets * 21 / 5;
  table->memory_bytes_ = buckets * sizeof(Bucket);
  table->buckets_ = static_cast<Bucket*>(memory);
  return table;
}

LineTable* LineTable::New(std::size_t entries) {
  LineTable* table = TryNew(entries);
  if (table == nullptr) OutOfMemory(entries * sizeof(Bucket) / kSlots);
  return table;
}

void LineTable::Delete(LineTable* table) {
  FreeZeroed(table->buckets_, table->memory_bytes_);
  delete table;
}

bool LineTable::DeletePart(LineTable* table) {
  constexpr std::size_t kPart = std::size_t{4} << 20;
  const std::size_t bytes = table->memory_bytes_;
  if (bytes > 2 * kPart) {
    table->memory_bytes_ = ShrinkZeroed(table->buckets_, bytes, bytes - kPart);
    return false;
  }
  Delete(table);
  return true;
}

LineTable::Position LineTable::Insert(std::uint64_t hash, std::uintptr_t value) {
  std::uint64_t index = HomeIndex(hash);
  for (;;) {
    Bucket& bucket = buckets_[index];
    const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
    const std::uint64_t free = ~word & kTagBits;
    if (free != 0) {
      const int slot = __builtin_ctzll(free) >> 3;
      // Invariants 1 and 2: pairs with the acquire load of the slot in Find.
      bucket.slot[slot].store(value, std::memory_order_release);
      // Invariant 1: pairs with the acquire load of the word in Find.
      bucket.word.store(word | TagOf(hash, slot) << (slot * 8), std::memory_order_release);
      ++size_;
      return {index, slot};
    }
    if (word >> 56 != kStuckOverflow)
      bucket.word.store(word + kOneOverflow, std::memory_order_release);
    index = (index + 1) & mask_;
  }
}

void LineTable::Erase(std::uint64_t hash, Position at) {
  for (std::uint64_t index = HomeIndex(hash); index != at.bucket; index = (index + 1) & mask_) {
    Bucket& bucket = buckets_[index];
    const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
    if (word >> 56 != kStuckOverflow)
      bucket.word.store(word - kOneOverflow, std::memory_order_release);
  }
  Bucket& bucket = buckets_[at.bucket];
  const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
  bucket.word.store(word & ~(std::uint64_t{0xff} << (at.slot * 8)), std::memory_order_release);
  --size_;
}

}  // namespace kin::internal
