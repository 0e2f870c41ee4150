// What a transaction logs of each thing it does, to undo it.
#ifndef KIN_STORE_INTERNAL_TRANSACTION_OP_H_
#define KIN_STORE_INTERNAL_TRANSACTION_OP_H_

#include <cstdint>

#include "kin/store/internal/count_chain.h"
#include "kin/store/internal/ordered_index.h"
#include "kin/store/internal/version.h"

namespace kin::internal {

class HashIndex;
class Table;

// One thing done.
struct TransactionOp {
  enum class Kind : std::uint8_t {
    kVersion,    // `after` superseded `before` (null: the record is new).
    kEntry,      // In `index` at `hash`, `after` took the place of `before` (null: was added).
    kMarker,     // `after`, a Marker in `index`, was made.
    kCount,      // `counts` changed by `delta`.
    kListCount,  // The count of the list at `hash` of `index`, if any, changed by `delta`.
    kCountNode,  // `counts` got a node for this transaction.
    kOrdered,    // In `ordered`, `after` took the place of `before` in `node` (null: was added).
    kOrderedMarker,  // `after`, a Marker in `node` of `ordered`, was made.
    kNextId,         // An explicit id raised the next id of `table`, which was `hash`.
  };
  Kind kind;
  std::int32_t delta = 0;
  union {
    Table* table = nullptr;
    HashIndex* index;
    OrderedIndex* ordered;
    CountChain* counts;
  };
  union {
    std::uint64_t hash = 0;
    OrderedIndex::Node* node;
  };
  Version* before = nullptr;
  Version* after = nullptr;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_TRANSACTION_OP_H_
