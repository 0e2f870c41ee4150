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

  // Makes `scan` tell which views see what was superseded in `commit`, which is published. False if
  // a view is just being taken, so that nothing may be concluded.
  bool ScanBefore(CommitNumber commit) {
    if (scan.acquiring || (commit > scan.oldest_limit && scan.published < commit)) Rescan();
    return !scan.acquiring;
  }
  // Whether a view sees what was made in `from` and superseded in `to`. REQUIRES: ScanBefore(to).
  bool IsSeen(CommitNumber from, CommitNumber to) const {
    auto it = std::lower_bound(scan.limits.begin(), scan.limits.end(), from);
    return it != scan.limits.end() && *it < to;
  }

  // Makes the newest count of `counts` one of the running transaction.
  void RenewCount(CountChain& counts) {
    if (counts.newest_stamp() == stamp) return;
    if (counts.second_stamp() != CountChain::kNone) MakeRoomIn(counts);
    counts.Renew(stamp);
  }

  // Lets `node`, the newest of a committed chain and about to be superseded, skip older ones that
  // no view sees: so a chain is never longer than the open snapshots, and two. T is Version or
  // CountNode. The nodes skipped are already queued for reclamation, from when they were
  // superseded.
  template <typename T>
  void PruneBehind(T* node) {
    T* older = node->older.load(std::memory_order_relaxed);
    if (older == nullptr) return;
    if (!ScanBefore(CommitOf(node->stamp))) return;
    if (CommitOf(node->stamp) <= scan.oldest_limit) {
      // Every view sees `node` or newer; `older` may already be freed.
      node->older.store(nullptr, std::memory_order_relaxed);
      return;
    }
    while (older != nullptr) {
      if (IsSeen(CommitOf(older->stamp), CommitOf(node->stamp))) return;
      older = older->older.load(std::memory_order_relaxed);
      node->older.store(older, std::memory_order_release);
    }
  }

 private:
  // Lets the second count of `counts` be overwritten: if a view sees it, it goes into a node. That
  // is queued for reclamation at once, for it was superseded in an earlier era: whoever sees it has
  // a view of that era or before.
  void MakeRoomIn(CountChain& counts) {
    const bool known = ScanBefore(counts.newest_stamp());
    if (known && counts.newest_stamp() <= scan.oldest_limit) return counts.ForgetNodes();
    if (known && !IsSeen(counts.second_stamp(), counts.newest_stamp())) return;
    auto* node = new (slab.Allocate(sizeof(CountNode))) CountNode;
    counts.KeepSecond(node);
    PruneBehind(node);
    Garbage garbage{};
    garbage.kind = Garbage::Kind::kCountNode;
    garbage.object = node;
    garbage.slab = &slab;
    Retire(garbage);
  }
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_WRITER_CONTEXT_H_
