// A registered view of a store: what a snapshot or transaction reads through, and what keeps the
// memory alive that its readers may reach.
#ifndef KIN_STORE_INTERNAL_VIEW_H_
#define KIN_STORE_INTERNAL_VIEW_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kin/store/internal/version.h"

namespace kin::internal {

class Engine;
struct IndexSlot;

// Counts transactions, aborted ones included. What a transaction unlinks in era E can be reached
// only through views that were taken in E or before.
using Era = std::uint64_t;

// One cache line, one place in the registry. Refs point at it, so it stays where it is until the
// store is destroyed.
struct alignas(64) View {
  // For the registry's scan. kFree, kAcquiring or the era in which the view was taken.
  std::atomic<Era> era{kFree};
  // LimitOf the commit shown.
  std::atomic<Stamp> limit{0};
  // The engine's table of what generated code resolves associations with; see SlotBase.
  const IndexSlot* slots = nullptr;
  Engine* engine = nullptr;
  std::uint32_t slot_bytes = 0;
  bool transaction = false;

  static constexpr Era kFree = 0;
  static constexpr Era kAcquiring = 1;  // Before every real era: nothing is reclaimed meanwhile.
  static constexpr Era kFirstEra = 2;

  Stamp Limit() const { return limit.load(std::memory_order_relaxed); }
};
static_assert(sizeof(View) == 64);

// The views of one store.
//
// Invariants, W the writer, R a thread that takes a view:
//  1. R claims a place (era = kAcquiring), then reads the current era, then the published commit,
//     then stores the limit, then the era (release).
//  2. W publishes a commit, then advances the era, then scans. All of R's claim, R's read of the
//     era, W's advance and W's reads in the scan are sequentially consistent. So either the scan
//     sees R's claim, or R reads the advanced era, and with it (acquire) all that W unlinked
//     before.
//  3. Hence an object unlinked in era E may be freed once a scan begun after E was left has found
//     no view with an era of E or before.
//  4. A view of era E shows a commit published in E or later: if a view's commit is below c, its
//     era is at most the one in which c was made.
//
// Acquire and Release: thread-safe, no locks unless more views are open than ever before.
class ViewRegistry {
 public:
  ViewRegistry(const IndexSlot* slots, std::uint32_t slot_bytes, Engine* engine);
  ~ViewRegistry();
  ViewRegistry(const ViewRegistry&) = delete;
  ViewRegistry& operator=(const ViewRegistry&) = delete;

  // A view of the newest published commit.
  View* Acquire();
  static void Release(View* view) { view->era.store(View::kFree, std::memory_order_release); }

  // The writer's side.
  void Publish(CommitNumber commit) { published_.store(commit, std::memory_order_release); }
  CommitNumber published() const { return published_.load(std::memory_order_acquire); }
  Era era() const { return era_.load(std::memory_order_relaxed); }
  void AdvanceEra() { era_.store(era() + 1, std::memory_order_seq_cst); }

  struct Scan {
    Era oldest_era = 0;          // No view is older. The current era if there is none.
    Stamp oldest_limit = 0;      // Of any view; that of `published` if there is none.
    CommitNumber published = 0;  // When the scan began.
    std::vector<Stamp> limits;   // Of all views, ascending; incomplete if `acquiring`.
    bool acquiring = false;      // A view was being taken: nothing may be concluded.
    std::int64_t views = 0;
  };
  // Cost: a read for each place that was ever used at once.
  void ScanInto(Scan* scan) const;

 private:
  static constexpr int kChunkViews = 32;
  struct Chunk {
    std::array<View, kChunkViews> views;
    std::atomic<Chunk*> next{nullptr};
  };

  bool TryClaim(View* view);
  View* AcquireSlow();
  View* Finish(View* view);

  const std::uint64_t id_;  // Of all registries of the process; never reused.
  const IndexSlot* const slots_;
  const std::uint32_t slot_bytes_;
  Engine* const engine_;
  alignas(64) std::atomic<CommitNumber> published_{0};
  std::atomic<Era> era_{View::kFirstEra};
  alignas(64) std::atomic<int> used_{0};  // Places below this were used at some time.
  Chunk first_;
  absl::Mutex grow_mutex_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_VIEW_H_
