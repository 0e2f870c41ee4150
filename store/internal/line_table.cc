#include "kin/store/internal/line_table.h"

#include <new>

#include "kin/store/internal/memory.h"

namespace kin::internal {

LineTable* LineTable::New(std::size_t entries) {
  // At most 5.6 of 7 slots on average are used: probes stay short, and a table at its limit is
  // half empty again when doubled.
  std::uint64_t buckets = 2;
  while (buckets * 28 / 5 < entries) buckets *= 2;
  auto* table = new LineTable;
  table->mask_ = buckets - 1;
  table->byte_mask_ = table->mask_ * sizeof(Bucket);
  table->capacity_ = buckets * 28 / 5;
  table->memory_bytes_ = buckets * sizeof(Bucket);
  // Zero bytes are empty buckets.
  table->buckets_ = static_cast<Bucket*>(AllocateZeroed(table->memory_bytes_));
  return table;
}

void LineTable::Delete(LineTable* table) {
  FreeZeroed(table->buckets_, table->memory_bytes_);
  delete table;
}

LineTable::Position LineTable::Insert(std::uint64_t hash, std::uintptr_t value) {
  const std::uint64_t tag = hash >> 57 | 0x80;
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
      bucket.word.store(word | tag << (slot * 8), std::memory_order_release);
      ++size_;
      return {index, slot};
    }
    if (word >> 56 != 255) bucket.word.store(word + kOneOverflow, std::memory_order_release);
    index = (index + 1) & mask_;
  }
}

void LineTable::Erase(std::uint64_t hash, Position at) {
  for (std::uint64_t index = HomeIndex(hash); index != at.bucket; index = (index + 1) & mask_) {
    Bucket& bucket = buckets_[index];
    const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
    if (word >> 56 != 255) bucket.word.store(word - kOneOverflow, std::memory_order_release);
  }
  Bucket& bucket = buckets_[at.bucket];
  const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
  bucket.word.store(word & ~(std::uint64_t{0xff} << (at.slot * 8)), std::memory_order_release);
  --size_;
}

}  // namespace kin::internal
