#include "kin/store/internal/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "absl/base/internal/raw_logging.h"
#include "absl/base/optimization.h"

namespace kin::internal {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Below this, memory comes from malloc; above, from the system, in whole huge pages.
constexpr std::size_t kFromSystem = kHugePage;

std::atomic<bool> huge_pages{true};
std::atomic<std::size_t> system_bytes{0};
std::atomic<bool> allocations_fail{false};

std::size_t WholePages(std::size_t bytes) { return (bytes + kHugePage - 1) & ~(kHugePage - 1); }

void* MapAligned(std::size_t bytes) {
  const std::size_t mapped = bytes + kHugePage;
  void* raw = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(raw);
  char* aligned = reinterpret_cast<char*>(
      (reinterpret_cast<std::uintptr_t>(begin) + kHugePage - 1) & ~(kHugePage - 1));
  if (aligned > begin) munmap(begin, aligned - begin);
  char* end = begin + mapped;
  if (end > aligned + bytes) munmap(aligned + bytes, end - (aligned + bytes));
  system_bytes.fetch_add(bytes, std::memory_order_relaxed);
  // Advice only: without huge pages the memory is the same, slower to reach.
  madvise(aligned, bytes,
          huge_pages.load(std::memory_order_relaxed) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return aligned;
}

}  // namespace

void OutOfMemory(std::size_t bytes) {
  ABSL_RAW_LOG(FATAL, "kin: the system has no %zu bytes of memory", bytes);
  std::abort();
}

void SetHugePages(bool enabled) { huge_pages.store(enabled, std::memory_order_relaxed); }

std::size_t SystemBytes() { return system_bytes.load(std::memory_order_relaxed); }

void SetAllocationsFail(bool fail) { allocations_fail.store(fail, std::memory_order_relaxed); }

void* TryAllocateRaw(std::size_t bytes) {
  if (ABSL_PREDICT_FALSE(allocations_fail.load(std::memory_order_relaxed))) return nullptr;
  if (bytes >= kFromSystem) return MapAligned(WholePages(bytes));
  return std::aligned_alloc(64, (bytes + 63) & ~std::size_t{63});
}

void* TryAllocateZeroed(std::size_t bytes) {
  void* memory = TryAllocateRaw(bytes);
  // The system's memory is zeroed.
  if (memory != nullptr && bytes < kFromSystem) std::memset(memory, 0, bytes);
  return memory;
}

void* AllocateZeroed(std::size_t bytes) {
  void* memory = TryAllocateZeroed(bytes);
  if (memory == nullptr) OutOfMemory(bytes);
  return memory;
}

void FreeZeroed(void* memory, std::size_t bytes) {
  if (bytes >= kFromSystem) {
    munmap(memory, WholePages(bytes));
    system_bytes.fetch_sub(WholePages(bytes), std::memory_order_relaxed);
  } else {
    std::free(memory);
  }
}

std::size_t ShrinkZeroed(void* memory, std::size_t bytes, std::size_t keep) {
  const std::size_t left = std::max(WholePages(keep), kFromSystem);
  if (bytes < kFromSystem || left >= WholePages(bytes)) return bytes;
  const std::size_t given_back = WholePages(bytes) - left;
  munmap(static_cast<char*>(memory) + left, given_back);
  system_bytes.fetch_sub(given_back, std::memory_order_relaxed);
  return left;
}

Slab::~Slab() {
  for (const Chunk& chunk : chunks_) FreeZeroed(chunk.memory, chunk.bytes);
}

#if defined(__SANITIZE_ADDRESS__)
#define KIN_SLAB_IS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KIN_SLAB_IS_MALLOC 1
#endif
#endif

void* Slab::Allocate(std::size_t bytes) {
  bytes = Rounded(bytes);
  bytes_in_use_ += static_cast<std::int64_t>(bytes);
#ifdef KIN_SLAB_IS_MALLOC  // So that the sanitizer sees each block's lifetime.
  return ::operator new (bytes, std::align_val_t{32});
#else
  if (ABSL_PREDICT_FALSE(bytes > kLargest)) return ::operator new (bytes, std::align_val_t{64});
  SizeClass& size_class = classes_[bytes / 32];
  if (FreeBlock* block = size_class.free; block != nullptr) {
    size_class.free = block->next;
    --size_class.free_blocks;
    return block;
  }
  if (ABSL_PREDICT_FALSE(size_class.Left() < bytes) && !Refill(size_class, bytes)) {
    OutOfMemory(bytes);
  }
  void* block = size_class.begin;
  size_class.begin += bytes;
  return block;
#endif
}

void Slab::Free(void* block, std::size_t bytes) {
  bytes = Rounded(bytes);
  bytes_in_use_ -= static_cast<std::int64_t>(bytes);
#ifdef KIN_SLAB_IS_MALLOC
  ::operator delete (block, std::align_val_t{32});
#else
  if (ABSL_PREDICT_FALSE(bytes > kLargest)) {
    ::operator delete (block, std::align_val_t{64});
    return;
  }
  SizeClass& size_class = classes_[bytes / 32];
  size_class.free = new (block) FreeBlock{size_class.free};
  ++size_class.free_blocks;
#endif
}

bool Slab::ReserveSlow(std::size_t bytes, std::size_t count) {
#ifdef KIN_SLAB_IS_MALLOC
  static_cast<void>(bytes);
  static_cast<void>(count);
  return true;
#else
  SizeClass& size_class = classes_[bytes / 32];
  return size_class.free_blocks + size_class.Left() / bytes >= count || Refill(size_class, bytes);
#endif
}

bool Slab::Refill(SizeClass& size_class, std::size_t bytes) {
  // Chunks double from 16 KiB to 8 MiB: little for a small store, huge pages for a large one. They
  // leave out 1 MiB, for a huge page costs no more than 128 pages of 4 KiB of it.
  std::size_t& chunk = size_class.next_chunk;
  chunk = chunk == 0 ? std::size_t{16} << 10 : chunk;
  char* memory = static_cast<char*>(TryAllocateRaw(chunk));
  if (memory == nullptr) return false;
  for (; size_class.Left() >= bytes; size_class.begin += bytes) {
    size_class.free = new (size_class.begin) FreeBlock{size_class.free};
    ++size_class.free_blocks;
  }
  chunks_.push_back({memory, chunk});
  size_class.begin = memory;
  size_class.end = memory + chunk;
  if (chunk < std::size_t{8} << 20) chunk *= chunk == kHugePage / 4 ? 4 : 2;
  return true;
}

}  // namespace kin::internal
