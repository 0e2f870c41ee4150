// What the writer of a store needs everywhere. Guarded by the store's writer lock.
#ifndef KIN_STORE_INTERNAL_WRITER_CONTEXT_H_
#define KIN_STORE_INTERNAL_WRITER_CONTEXT_H_

#include <algorithm>
#include <cstdint>
#include <new>

#include "kin/store/internal/count_chain.h"
#include "kin/store/internal/memory.h"
#include "kin/store/internal/reclaimer.h"
#include "kin/store/internal/view.h"

namespace kin::internal {

struct WriterContext {
  explicit WriterContext(ViewRegistry* registry) : views(registry) {}

  ViewRegistry* const views;
  Reclaimer reclaimer;
  Slab slab;
  ViewRegistry::Scan scan;    // The newest; the reclaimer never used a newer one.
  Stamp stamp = 0;            // Of what the running transaction makes.
  std::int64_t versions = 0;  // Allocated.
  int page_credit = 0;        // Steps since a growing table last touched new memory; see HashIndex.

  CountNode* NewCountNode() {
    auto* node = new (slab.Allocate(sizeof(CountNode))) CountNode;
    node->stamp = stamp;
    return node;
  }
  void FreeCountNode(CountNode* node) {
    if (node != nullptr) slab.Free(node, sizeof(CountNode));
  }

  void Rescan() { views->ScanInto(&scan); }
  void Retire(Garbage garbage) { reclaimer.Add(garbage, views->era()); }

  // Frees `object` with `free`, which is given `owner`, when no reader can reach it.
  template <typename T>
  void RetireWith(T* object, void (*free)(void*, Table*), Table* owner = nullptr) {
    Garbage garbage{};
    garbage.kind = Garbage::Kind::kCallback;
    garbage.object = object;
    garbage.free = free;
    garbage.owner = owner;
    Retire(garbage);
  }

  // Lets `node`, the newest of a committed chain and about to be superseded, skip older ones that
  // no view sees: so a chain is never longer than the open snapshots, and two. T is Version or
  // CountNode. The nodes skipped are already queued for reclamation, from when they were
  // superseded.
  template <typename T>
  void PruneBehind(T* node) {
    T* older = node->older.load(std::memory_order_relaxed);
    if (older == nullptr) return;
    if (scan.acquiring ||
        (CommitOf(node->stamp) > scan.oldest_limit && scan.published < CommitOf(node->stamp))) {
      Rescan();
    }
    if (scan.acquiring) return;
    if (CommitOf(node->stamp) <= scan.oldest_limit) {
      // Every view sees `node` or newer; `older` may already be freed.
      node->older.store(nullptr, std::memory_order_relaxed);
      return;
    }
    while (older != nullptr) {
      auto it = std::lower_bound(scan.limits.begin(), scan.limits.end(), CommitOf(older->stamp));
      if (it != scan.limits.end() && *it < CommitOf(node->stamp)) return;  // Some view needs it.
      older = older->older.load(std::memory_order_relaxed);
      node->older.store(older, std::memory_order_release);
    }
  }
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_WRITER_CONTEXT_H_
