// Memory for tables and versions.
#ifndef KIN_STORE_INTERNAL_MEMORY_H_
#define KIN_STORE_INTERNAL_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/optimization.h"

namespace kin::internal {

// Zeroed memory, aligned to a cache line; above a few MiB aligned to, and asking for, huge pages
// (fewer TLB misses: a random lookup in a large table misses the TLB twice otherwise). Aborts if
// the system has none. `bytes` must be given again to free it.
void* AllocateZeroed(std::size_t bytes);
// The same; null if the system has none.
void* TryAllocateZeroed(std::size_t bytes);
void FreeZeroed(void* memory, std::size_t bytes);
// The same, with any content; null if the system has none; given back by FreeZeroed.
void* TryAllocateRaw(std::size_t bytes);
// Gives back what is beyond `keep` bytes of a block of `bytes`, as far as it is the system's and in
// whole huge pages. Returns the bytes that are left, to be freed with.
std::size_t ShrinkZeroed(void* memory, std::size_t bytes, std::size_t keep);
// Says so and aborts.
[[noreturn]] void OutOfMemory(std::size_t bytes);

// What AllocateZeroed has had from the system, past malloc, and not given back. Of all stores.
std::size_t SystemBytes();

// For tests: from now on TryAllocateZeroed finds nothing.
void SetAllocationsFail(bool fail);

// Whether large allocations ask for huge pages; true unless a benchmark turns it off.
void SetHugePages(bool enabled);

// Hands out blocks of few sizes from large chunks, and takes them back. Blocks of up to 64 bytes do
// not cross a cache line. A chunk is given back to the system only when the slab is destroyed.
// Thread-compatible: the store's writer owns it.
class Slab {
 public:
  Slab() = default;
  ~Slab();
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // Aborts if the system has no memory, unless that was reserved.
  void* Allocate(std::size_t bytes);
  void Free(void* block, std::size_t bytes);
  // Makes sure that `count` blocks can be allocated without asking the system. False if it has no
  // memory for them. Of blocks of up to 1 KiB; larger ones come from malloc.
  bool Reserve(std::size_t bytes, std::size_t count) {
    bytes = Rounded(bytes);
    if (ABSL_PREDICT_FALSE(bytes > kLargest)) return true;
    const SizeClass& size_class = classes_[bytes / 32];
    return ABSL_PREDICT_TRUE(size_class.free_blocks >= count ||
                             size_class.Left() >= bytes * count) ||
           ReserveSlow(bytes, count);
  }

  std::int64_t bytes_in_use() const { return bytes_in_use_; }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  struct SizeClass {
    FreeBlock* free = nullptr;
    std::size_t free_blocks = 0;
    char* begin = nullptr;  // Of the part of the newest chunk not handed out yet.
    char* end = nullptr;
    std::size_t next_chunk = 0;
    std::size_t Left() const { return static_cast<std::size_t>(end - begin); }
  };
  struct Chunk {
    void* memory;
    std::size_t bytes;
  };

  static constexpr std::size_t kLargest = 1024;
  static std::size_t Rounded(std::size_t bytes) { return (bytes + 31) & ~std::size_t{31}; }
  // Gives the class a chunk, after what is left of the one before was made free blocks.
  bool Refill(SizeClass& size_class, std::size_t bytes);
  bool ReserveSlow(std::size_t bytes, std::size_t count);

  SizeClass classes_[kLargest / 32 + 1];
  std::vector<Chunk> chunks_;
  std::int64_t bytes_in_use_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_MEMORY_H_
