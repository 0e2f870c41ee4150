// What a transaction logs of each thing it does, to undo it.
#ifndef KIN_STORE_INTERNAL_TRANSACTION_OP_H_
#define KIN_STORE_INTERNAL_TRANSACTION_OP_H_

#include <cstdint>

#include "kin/store/internal/ordered_index.h"
#include "kin/store/internal/version.h"

namespace kin::internal {

class HashIndex;
class Table;

// One thing done.
struct TransactionOp {
  enum class Kind : std::uint8_t {
    kVersion,  // In the primary index of `table`, at `hash`, `after` superseded `before` (null: the
               // record is new). The number of records changed by `delta`; the next id was
               // `next_id` before, 0 if it did not change. `after` was added to the secondary
               // indexes whose bits are set in `entries`, and counted in their lists.
    kEntry,    // In `index`, a secondary one, at `hash`, `after`, perhaps a new Marker, took the
             // place of `before` (null: was added). The count of the list there, if any, changed by
             // `delta`.
    kOrdered,  // In `ordered`, `after` took the place of `before` in `node` (null: was added).
    kOrderedMarker,  // `after`, a Marker in `node` of `ordered`, was made.
  };
  Kind kind;
  std::int8_t delta = 0;
  std::uint32_t entries = 0;
  union {
    Table* table = nullptr;
    HashIndex* index;
    OrderedIndex* ordered;
  };
  union {
    std::uint64_t hash = 0;
    OrderedIndex::Node* node;
  };
  Version* before = nullptr;
  Version* after = nullptr;
  std::uint64_t next_id = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_TRANSACTION_OP_H_
