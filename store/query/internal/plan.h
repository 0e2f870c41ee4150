// How a query finds its records: by which index, if any.
#ifndef KIN_STORE_QUERY_INTERNAL_PLAN_H_
#define KIN_STORE_QUERY_INTERNAL_PLAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kin/store/internal/table.h"
#include "kin/store/internal/view.h"
#include "kin/store/query/internal/path.h"
#include "kin/store/query/internal/walk.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

struct OrderTerm {
  const google::protobuf::FieldDescriptor* field = nullptr;
  bool descending = false;
};

// What a plan is for.
struct PlanRequest {
  const View* view = nullptr;
  const Table* table = nullptr;
  Condition condition;  // On records of the table, with associations that the schema has.
  // If `ordered`, records are wanted by `order`, then by the key; `reversed`: from the last one on.
  std::vector<OrderTerm> order;
  bool ordered = false;
  bool reversed = false;
  // How many are wanted; -1: all.
  std::int64_t wanted = -1;
  // Only those after this one, in that order. Not part of the condition: who asks has to judge it.
  const google::protobuf::Message* after = nullptr;
  int depth = 0;  // Of plans within plans.
};

// The cheapest of all paths, by estimates from the indexes' own counts: of keys that a hash index
// has, of nodes between two places of an ordered one.
//
// Thread-safety: immutable. Must not outlive the view.
class Plan {
 public:
  explicit Plan(PlanRequest request);

  const PlanRequest& request() const { return request_; }
  const Path& path() const { return path_; }
  // Whether the condition is true of every record of the path, so that it need not be judged.
  bool exact() const { return exact_; }
  // Whether records come in the order that was asked for.
  bool ordered() const { return path_.ordered; }
  // How many records the path has, if that is known without visiting them, and each satisfies the
  // condition.
  std::optional<std::int64_t> KnownCount() const;

  // The ways that were not taken, in no order, with their estimates.
  const std::vector<Path>& others() const { return others_; }
  // "ordered index (last_name, first_name): last_name bound" and the like.
  std::string Describe(const Path& path) const;
  const std::vector<const Node*>& conjuncts() const { return conjuncts_; }
  double sort_cost() const { return sort_cost_; }

 private:
  friend class Planner;

  PlanRequest request_;
  std::vector<const Node*> conjuncts_;
  Path path_;
  std::vector<Path> others_;
  bool exact_ = false;
  double sort_cost_ = 0;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_PLAN_H_
