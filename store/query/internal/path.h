// A way to the records that a query may want.
#ifndef KIN_STORE_QUERY_INTERNAL_PATH_H_
#define KIN_STORE_QUERY_INTERNAL_PATH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kin/proto/graph/graph.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/internal/ordered_index.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

class Plan;

struct Path {
  enum class Kind {
    kNothing,  // No record can satisfy the condition.
    kScan,     // All records.
    kLookup,   // Those that have one of some keys in a hash index.
    kRange,    // A part of an ordered index.
    kJoin,     // Those that an association leads to a record which a plan of its own finds.
    kUnion,    // Those of several ways, each once.
  };
  Kind kind = Kind::kScan;
  int index = 0;  // kLookup and kRange: in the model's indexes.

  // kLookup: different ones. The bytes are in the operands of the condition, which the plan holds.
  std::vector<kin::internal::KeyParts> keys;

  // kRange: from `begin` on, to before `end` (empty: all).
  std::string begin;
  std::string end;
  int bound_fields = 0;  // For Explain: how many of the index's fields are bound.
  bool backward = false;
  kin::internal::OrderedIndex::Place start;  // Of `begin`, if it is not at its end.
  bool ties_backward = false;  // Where backward: records of one key in descending order as well.

  // kJoin.
  const graph::Association* association = nullptr;
  std::shared_ptr<const Plan> targets;

  // kUnion: the ways. Others: ways to records of which these must be, too; see Plan.
  std::vector<Path> parts;
  std::vector<Path> intersected;

  // In the order that was asked for.
  bool ordered = false;
  // Parts of the condition that are true of all these records.
  std::vector<const Node*> covers;
  double rows = 0;     // How many there may be.
  double finding = 0;  // What finding them costs, without judging or ordering them.
  double cost =
      0;  // Of visiting them and delivering what is wanted in order; in nanoseconds, or so.
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_PATH_H_
