// A count under versions: what a snapshot sees stays what it was.
#ifndef KIN_STORE_INTERNAL_COUNT_CHAIN_H_
#define KIN_STORE_INTERNAL_COUNT_CHAIN_H_

#include <atomic>
#include <cstdint>

#include "kin/store/internal/version.h"

namespace kin::internal {

// A count that some view still sees, and that two newer ones have superseded.
struct CountNode {
  Stamp stamp = 0;
  std::int64_t count = 0;
  std::atomic<CountNode*> older{nullptr};
};

// The two newest counts are here, so that a count that changes needs no memory and leaves nothing
// to be reclaimed: the running transaction's takes the place of the one that no view sees. Only
// where an older snapshot is kept does that one go into a node; see WriterContext::RenewCount.
//
// Invariants, W the one writer, R a reader whose view has `limit`:
//  1. R's count is the one of the largest stamp up to `limit`. While R's view is open W keeps it in
//     its slot, or has put it into the chain of nodes before it stores another stamp there.
//  2. W stores a slot's stamp, then its count, both release; R loads stamp, count and stamp again.
//     So a count that R takes is the stamp's. The stamps of a slot ascend.
//  3. A transaction that is undone leaves its count, which is then equal to the one before: the
//     next that commits has the same stamp.
//
// Readers: thread-safe. Writer: one at a time.
class CountChain {
 public:
  CountChain() = default;
  CountChain(const CountChain&) = delete;
  CountChain& operator=(const CountChain&) = delete;

  // -1 if the counts do not reach back to `limit`.
  std::int64_t At(Stamp limit) const {
    for (;;) {
      const Stamp first = slots_[0].stamp.load(std::memory_order_acquire);
      const Stamp second = slots_[1].stamp.load(std::memory_order_acquire);
      if (first > limit && second > limit) break;
      const bool is_first = first <= limit && (second > limit || second < first);
      const Slot& slot = slots_[is_first ? 0 : 1];
      const std::int64_t count = slot.count.load(std::memory_order_acquire);
      // Invariant 2.
      if (slot.stamp.load(std::memory_order_relaxed) == (is_first ? first : second)) return count;
    }
    const CountNode* node = older_.load(std::memory_order_acquire);
    while (node != nullptr && node->stamp > limit) {
      node = node->older.load(std::memory_order_acquire);
    }
    return node == nullptr ? -1 : node->count;
  }

  // The writer's side. Begins with `count` as of `stamp`. REQUIRES: it has not begun.
  void Begin(Stamp stamp, std::int64_t count) { Store(slots_[newest_], stamp, count); }
  Stamp newest_stamp() const { return newest().stamp.load(std::memory_order_relaxed); }
  std::int64_t newest_count() const { return newest().count.load(std::memory_order_relaxed); }
  // REQUIRES: the newest count is the running transaction's.
  void Change(std::int64_t delta) {
    slots_[newest_].count.store(newest_count() + delta, std::memory_order_release);
  }
  // The stamp of the count before the newest; kNone if there is none here.
  Stamp second_stamp() const { return second().stamp.load(std::memory_order_relaxed); }
  // Makes the newest count one of `stamp`, in the place of the second.
  void Renew(Stamp stamp) {
    const std::int64_t count = newest_count();
    newest_ ^= 1;
    Store(slots_[newest_], stamp, count);
  }
  // Puts the second count into `node`, and that before the other nodes. Before a Renew.
  void KeepSecond(CountNode* node) {
    node->stamp = second_stamp();
    node->count = second().count.load(std::memory_order_relaxed);
    node->older.store(older_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    older_.store(node, std::memory_order_release);
  }
  // No view sees what is in the nodes.
  void ForgetNodes() {
    if (older_.load(std::memory_order_relaxed) != nullptr) {
      older_.store(nullptr, std::memory_order_relaxed);
    }
  }

  static constexpr Stamp kNone = ~Stamp{0};  // Above every limit.

 private:
  struct Slot {
    std::atomic<Stamp> stamp{kNone};
    std::atomic<std::int64_t> count{0};
  };

  const Slot& newest() const { return slots_[newest_]; }
  const Slot& second() const { return slots_[newest_ ^ 1]; }
  static void Store(Slot& slot, Stamp stamp, std::int64_t count) {
    slot.stamp.store(stamp, std::memory_order_release);
    slot.count.store(count, std::memory_order_release);
  }

  Slot slots_[2];
  std::atomic<CountNode*> older_{nullptr};
  std::uint32_t newest_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_COUNT_CHAIN_H_
