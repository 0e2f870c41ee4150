// Frees what no reader can reach any more, a bounded amount at a time.
#ifndef KIN_STORE_INTERNAL_RECLAIMER_H_
#define KIN_STORE_INTERNAL_RECLAIMER_H_

#include <cstddef>
#include <cstdint>
#include <deque>

#include "kin/store/internal/view.h"

namespace kin::internal {

class Table;
class HashIndex;
class OrderedIndex;
class Slab;

// Something that waits. What is done with it when no view of its era or before is left:
struct Garbage {
  enum class Kind : std::uint8_t {
    kVersion,    // object: a Version of `table`; freed.
    kTombstone,  // object: a Version of `table` that says "deleted"; if it is still the newest of
                 // its record, its entry is removed from the primary index and it waits again.
    kMarker,     // object: a Marker in `index`; if still there, removed and it waits again.
    kOrderedMarker,  // The same in `ordered`, with its node.
    kFreeMarker,     // object: a Marker; freed.
    kLines,          // object: a LineTable; freed, part after part.
    kCountNode,      // object: a CountNode of `slab`; freed.
    kCallback,       // object: passed to `free`.
  };
  Kind kind;
  void* object;
  union {
    Table* table;
    HashIndex* index;
    OrderedIndex* ordered;
    Slab* slab;
    void (*free)(void* object, Table* table);
  };
  Table* owner = nullptr;  // For kCallback and kFreeMarker: whose memory it is.
  Era era = 0;
};

// A queue in the order of eras. Thread-compatible: guarded by the writer's lock.
//
// The order matters: a marker or tombstone is queued before the versions that were unlinked
// with it, so that its entry is gone before they are freed.
class Reclaimer {
 public:
  void Add(Garbage garbage, Era era) {
    garbage.era = era;
    queue_.push_back(garbage);
  }

  // Handles at most `limit` objects of eras before `oldest_era`; what must wait again is queued
  // with `now`. Returns how many it handled.
  std::size_t Run(Era oldest_era, Era now, std::size_t limit);

  // Frees all at once; no reader may be left.
  void Clear();

  std::size_t size() const { return queue_.size(); }
  bool HasBefore(Era era) const { return !queue_.empty() && queue_.front().era < era; }

 private:
  void Handle(const Garbage& garbage, Era now);

  std::deque<Garbage> queue_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_RECLAIMER_H_
