// Memory for tables and versions.
#ifndef KIN_STORE_INTERNAL_MEMORY_H_
#define KIN_STORE_INTERNAL_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kin::internal {

// Zeroed memory, aligned to a cache line; above a few MiB aligned to, and asking for, huge pages
// (fewer TLB misses: a random lookup in a large table misses the TLB twice otherwise). Aborts if
// the system has none. `bytes` must be given again to free it.
void* AllocateZeroed(std::size_t bytes);
void FreeZeroed(void* memory, std::size_t bytes);
// The same, with any content; given back by FreeZeroed.
void* AllocateRaw(std::size_t bytes);

// What AllocateZeroed has had from the system, past malloc, and not given back. Of all stores.
std::size_t SystemBytes();

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

  void* Allocate(std::size_t bytes);
  void Free(void* block, std::size_t bytes);

  std::int64_t bytes_in_use() const { return bytes_in_use_; }

 private:
  struct FreeBlock {
    FreeBlock* next;
  };
  struct SizeClass {
    FreeBlock* free = nullptr;
    char* begin = nullptr;  // Of the part of the newest chunk not handed out yet.
    char* end = nullptr;
    std::size_t next_chunk = 0;
  };
  struct Chunk {
    void* memory;
    std::size_t bytes;
  };

  static constexpr std::size_t kLargest = 1024;
  static std::size_t Rounded(std::size_t bytes);
  void* Refill(SizeClass& size_class, std::size_t bytes);

  SizeClass classes_[kLargest / 32 + 1];
  std::vector<Chunk> chunks_;
  std::int64_t bytes_in_use_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_MEMORY_H_
