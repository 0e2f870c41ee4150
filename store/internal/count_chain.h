// A count under versions: what a snapshot sees stays what it was.
#ifndef KIN_STORE_INTERNAL_COUNT_CHAIN_H_
#define KIN_STORE_INTERNAL_COUNT_CHAIN_H_

#include <atomic>
#include <cstdint>

#include "kin/store/internal/version.h"

namespace kin::internal {

struct CountNode {
  Stamp stamp = 0;
  std::atomic<std::int64_t> count{0};
  std::atomic<CountNode*> older{nullptr};
};

// At most one node a transaction. `older` follows the rules of Version::older. The nodes are of
// WriterContext::NewCountNode, and whoever owns the chain frees the newest at its end.
// Readers: thread-safe. Writer: one at a time.
class CountChain {
 public:
  CountChain() = default;
  CountChain(const CountChain&) = delete;
  CountChain& operator=(const CountChain&) = delete;

  // -1 if the chain does not reach back to `limit`.
  std::int64_t At(Stamp limit) const {
    const CountNode* node = head_.load(std::memory_order_acquire);
    while (node != nullptr && node->stamp > limit) {
      node = node->older.load(std::memory_order_acquire);
    }
    return node == nullptr ? -1 : node->count.load(std::memory_order_relaxed);
  }

  CountNode* head() const { return head_.load(std::memory_order_relaxed); }
  void Push(CountNode* node) {
    node->older.store(head(), std::memory_order_relaxed);
    node->count.store(head() == nullptr ? 0 : head()->count.load(std::memory_order_relaxed),
                      std::memory_order_relaxed);
    head_.store(node, std::memory_order_release);
  }
  // Takes the newest node off again, for an abort.
  CountNode* Pop() {
    CountNode* node = head();
    head_.store(node->older.load(std::memory_order_relaxed), std::memory_order_release);
    return node;
  }
  // REQUIRES: the newest node is the running transaction's.
  void Change(std::int64_t delta) {
    std::atomic<std::int64_t>& count = head()->count;
    count.store(count.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }

 private:
  std::atomic<CountNode*> head_{nullptr};
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_COUNT_CHAIN_H_
