// Finding the paths that a query could take, and what they would cost.
#ifndef KIN_STORE_QUERY_INTERNAL_PLANNER_H_
#define KIN_STORE_QUERY_INTERNAL_PLANNER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "kin/store/query/internal/plan.h"

namespace kin::query::internal {

// What the parts of a conjunction say of one field. Each points at the part, null if there is none.
struct FieldFacts {
  const google::protobuf::FieldDescriptor* field = nullptr;
  const Node* equal = nullptr;
  const Node* in = nullptr;
  const Node* low = nullptr;   // > or >=
  const Node* high = nullptr;  // < or <=
  const Node* prefix = nullptr;
};

// Where several fields of an index have several values each: no more keys than these are tried.
// What a single field may be costs no more than the list that was given.
inline constexpr std::size_t kMaxProduct = 4096;

// Fills in a plan.
class Planner {
 public:
  explicit Planner(Plan* plan)
      : plan_(*plan), request_(plan->request_), table_(*request_.table), view_(*request_.view) {}
  void Run();

 private:
  using Conjuncts = std::vector<const Node*>;

  // What a conjunction says of fields; nullopt if it is never true.
  static std::optional<std::vector<FieldFacts>> FactsOf(const Conjuncts& conjuncts);
  // The paths by indexes for a conjunction.
  void AddIndexPaths(const Conjuncts& conjuncts, const std::vector<FieldFacts>& facts,
                     std::vector<Path>* paths) const;
  void AddLookup(int index, const std::vector<FieldFacts>& facts, std::vector<Path>* paths) const;
  void AddRange(int index, const Conjuncts& conjuncts, const std::vector<FieldFacts>& facts,
                std::vector<Path>* paths) const;
  void AddJoin(const Node& conjunct, std::vector<Path>* paths) const;
  void AddUnion(const Node& conjunct, std::vector<Path>* paths) const;
  // Every path for a conjunction, other than a scan.
  std::vector<Path> PathsFor(const Conjuncts& conjuncts) const;
  double LookupRows(const Path& path) const;
  // Whether a range delivers the order that is asked for; sets in which direction it is to be read.
  bool Delivers(int index, const std::vector<FieldFacts>& facts, std::size_t bound,
                Path* path) const;
  // From `after` on, where the range delivers the order.
  void Narrow(const std::string& prefix, const std::vector<FieldFacts>& facts, Path* path) const;
  // Adds to each path what sorting costs, or what is saved by stopping early.
  void AddOrderCost(std::vector<Path>* paths) const;
  void Intersect(const std::vector<Path>& paths, Path* path) const;
  // What it costs to judge one record by an association.
  double FollowCost(const Node& node) const;
  double records() const;

  Plan& plan_;
  const PlanRequest& request_;
  const Table& table_;
  const View& view_;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_PLANNER_H_
