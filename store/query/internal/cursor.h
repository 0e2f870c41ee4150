// Walks the path of a plan.
#ifndef KIN_STORE_QUERY_INTERNAL_CURSOR_H_
#define KIN_STORE_QUERY_INTERNAL_CURSOR_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "kin/store/internal/table.h"
#include "kin/store/query/internal/plan.h"
#include "kin/store/query/options.h"

namespace kin::query::internal {

// Says when a query is to be stopped. Thread-compatible.
class Interrupt {
 public:
  // Stopped at once unless `status` is OK.
  Interrupt(const QueryOptions* options, absl::Status status)
      : options_(options), status_(std::move(status)) {}
  // Whether it is; from then on status() says why.
  bool Stopped() { return ABSL_PREDICT_FALSE(!status_.ok()) || (options_ != nullptr && Look()); }
  void Stop(absl::Status status) { status_.Update(status); }
  const absl::Status& status() const { return status_; }

 private:
  bool Look();

  const QueryOptions* options_;  // Null: never.
  absl::Status status_;
};

// The records, of `size`, whose memory is to be asked for before record `i` is judged: none, or
// many at a time, so that they come together.
struct Ahead {
  std::size_t begin = 0;
  std::size_t end = 0;
};
inline constexpr std::size_t kAhead = 64;
ABSL_ATTRIBUTE_ALWAYS_INLINE inline Ahead AheadOf(std::size_t i, std::size_t size) {
  if (ABSL_PREDICT_TRUE(i % kAhead != 0)) return {};
  return {i == 0 ? 0 : i + kAhead, std::min(i + 2 * kAhead, size)};
}
// The first record after `i` for which AheadOf is to be asked.
constexpr std::size_t GroupEnd(std::size_t i) { return (i / kAhead + 1) * kAhead; }

// The records of a path, in batches, so that the loop over them is the caller's, with types known.
// In a transaction nothing may change until it is at its end. Thread-compatible.
class Cursor {
 public:
  static constexpr int kBatch = 256;
  static constexpr int kFew = 8;  // Who wants few must not pay for many.

  // `plan` must outlive it. `interrupt` stops what takes long before the first batch, and may be
  // null.
  Cursor(const Plan& plan, Interrupt* interrupt);

  // Stores up to kBatch entries, each record once; returns how many, 0 at the end. What the view
  // shows of an entry is VisibleAt(entry, limit), which may be nothing; the entry itself if
  // shown(). Entries have not been touched, nor asked for, where that could be avoided.
  int Next(const Version** out);
  // Of the last batch: whether the view shows each of its entries.
  bool shown() const { return shown_; }

 private:
  using HashIndex = kin::internal::HashIndex;
  using OrderedIndex = kin::internal::OrderedIndex;
  using VersionSet = absl::flat_hash_set<const Version*>;

  Cursor(const Plan& plan, const Path& path, Interrupt* interrupt);
  // As Next, of versions that are visible.
  int NextVisible(const Version** out);
  int NextOfPath(const Version** out);
  int NextOfScan(const Version** out);
  int NextOfLookup(const Version** out);
  int NextOfList(const Version** out, int size);
  int NextOfRange(const Version** out);
  int NextBackward(const Version** out);
  int NextCollected(const Version** out);
  // One record for the key, or the beginning of a list; returns how many records were stored.
  int StartKey(const kin::internal::KeyParts& key, const Version** out);
  void StartList(const kin::internal::PostingArray* array);
  bool HasKey(const Version* version) const;
  void FillGroup();
  void CollectJoin();
  void CollectUnion();
  void CollectIntersected();
  bool Stopped() { return interrupt_ != nullptr && interrupt_->Stopped(); }

  const Plan& plan_;
  const Path& path_;
  const Table& table_;
  const View& view_;
  const kin::internal::Stamp limit_;
  Interrupt* const interrupt_;
  bool shown_ = true;

  // kScan. `shown_limit_`: see HashIndex::AllShown; 0 if there are tombstones.
  kin::internal::Stamp shown_limit_ = 0;
  const kin::internal::LineTable* lines_ = nullptr;
  std::uint64_t bucket_ = 0;
  // kLookup: the key after the present one, whose list is being read if there is one.
  std::size_t key_ = 0;
  const kin::internal::PostingList* list_ = nullptr;
  const kin::internal::PostingArray* array_ = nullptr;
  std::uint32_t position_ = 0;
  std::uint32_t used_ = 0;
  kin::internal::Stamp list_shown_ = 0;  // See PostingArray::AllShown; 0 if there are markers.
  bool judge_keys_ = false;              // Whether the list has records of other keys.
  // kRange.
  bool started_ = false;
  OrderedIndex::Place place_;
  const OrderedIndex::Node* node_ = nullptr;      // Backward.
  std::string end_;                               // Backward: of what is left.
  std::vector<const OrderedIndex::Node*> group_;  // Backward: the nodes of one key, left to visit.
  // kJoin and kUnion.
  std::vector<const Version*> collected_;
  std::size_t next_collected_ = 0;
  // Of path.intersected.
  std::vector<VersionSet> others_;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_CURSOR_H_
