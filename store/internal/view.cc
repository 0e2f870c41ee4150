#include "kin/store/internal/view.h"

#include <algorithm>

namespace kin::internal {
namespace {

// The place that this thread used last, tried first: with few threads each finds its own cache
// line.
struct Hint {
  std::uint64_t registry = 0;
  View* view = nullptr;
};
thread_local constinit Hint hint;

std::uint64_t NextRegistryId() {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

ViewRegistry::ViewRegistry(const IndexSlot* slots, std::uint32_t slot_bytes, Engine* engine)
    : id_(NextRegistryId()), slots_(slots), slot_bytes_(slot_bytes), engine_(engine) {}

ViewRegistry::~ViewRegistry() {
  Chunk* chunk = first_.next.load(std::memory_order_acquire);
  while (chunk != nullptr) {
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    delete chunk;
    chunk = next;
  }
}

bool ViewRegistry::TryClaim(View* view) {
  Era expected = View::kFree;
  return view->era.load(std::memory_order_relaxed) == View::kFree &&
         view->era.compare_exchange_strong(expected, View::kAcquiring, std::memory_order_seq_cst,
                                           std::memory_order_relaxed);
}

View* ViewRegistry::Finish(View* view) {
  // Invariants 1 and 2.
  const Era era = era_.load(std::memory_order_seq_cst);
  const CommitNumber commit = published_.load(std::memory_order_acquire);
  view->limit.store(LimitOf(commit), std::memory_order_relaxed);
  view->era.store(era, std::memory_order_release);
  return view;
}

View* ViewRegistry::Acquire() {
  if (hint.registry == id_ && TryClaim(hint.view)) return Finish(hint.view);
  return AcquireSlow();
}

View* ViewRegistry::AcquireSlow() {
  int index = 0;
  for (Chunk* chunk = &first_;;) {
    for (View& view : chunk->views) {
      if (TryClaim(&view)) {
        // Raised before the view's era is read: a scan that misses the raise is one that the era
        // tells (invariant 2).
        int used = used_.load(std::memory_order_seq_cst);
        while (used <= index && !used_.compare_exchange_weak(used, index + 1)) {
        }
        view.slots = slots_;
        view.slot_bytes = slot_bytes_;
        view.engine = engine_;
        hint = {id_, &view};
        return Finish(&view);
      }
      ++index;
    }
    Chunk* next = chunk->next.load(std::memory_order_acquire);
    if (next == nullptr) {
      absl::MutexLock lock(&grow_mutex_);
      next = chunk->next.load(std::memory_order_acquire);
      if (next == nullptr) {
        next = new Chunk;
        chunk->next.store(next, std::memory_order_release);
      }
    }
    chunk = next;
  }
}

void ViewRegistry::ScanInto(Scan* scan) const {
  scan->published = published();
  scan->oldest_era = era_.load(std::memory_order_seq_cst);
  scan->oldest_limit = LimitOf(scan->published);
  scan->limits.clear();
  scan->acquiring = false;
  scan->views = 0;
  int left = used_.load(std::memory_order_seq_cst);
  for (const Chunk* chunk = &first_; left > 0 && chunk != nullptr;
       chunk = chunk->next.load(std::memory_order_acquire)) {
    for (const View& view : chunk->views) {
      if (left-- <= 0) break;
      const Era era = view.era.load(std::memory_order_seq_cst);
      if (era == View::kFree) continue;
      ++scan->views;
      if (era == View::kAcquiring) {
        scan->acquiring = true;
        scan->oldest_era = 0;
        scan->oldest_limit = 0;
        continue;
      }
      const Stamp limit = view.Limit();
      scan->oldest_era = std::min(scan->oldest_era, era);
      scan->oldest_limit = std::min(scan->oldest_limit, limit);
      scan->limits.push_back(limit);
    }
  }
  std::sort(scan->limits.begin(), scan->limits.end());
}

}  // namespace kin::internal
