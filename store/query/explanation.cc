#include "kin/store/query/explanation.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kin/store/query/internal/explain.h"
#include "kin/store/query/internal/planner.h"

namespace kin::query {
namespace {

std::string Rows(double rows) { return absl::StrFormat("about %.0f", std::ceil(rows)); }

std::string WhyNotByIndex(const Node& node, const internal::Plan& plan) {
  switch (node.kind) {
    case Node::Kind::kCompare:
      if (node.comparison == Comparison::kNotEqual) return "no index finds what is different";
      break;
    case Node::Kind::kIn:
    case Node::Kind::kStartsWith:
      break;
    case Node::Kind::kHas:
      return "cheaper than to begin at the other end of the association";
    case Node::Kind::kCount:
      return "associations are counted for each record";
    case Node::Kind::kOr:
      return "not each side has an index, or a scan is cheaper";
    default:
      return "no index does this";
  }
  for (const graph::Index& index : plan.request().table->model().indexes) {
    if (std::find(index.fields.begin(), index.fields.end(), node.field) != index.fields.end()) {
      return absl::StrCat("another way is cheaper, or leaves out records, or has more than ",
                          internal::kMaxProduct, " keys");
    }
  }
  return absl::StrCat(node.field->name(), " has no index");
}

Explanation::Way WayOf(const internal::Plan& plan, const internal::Path& path) {
  Explanation::Way way;
  way.path = plan.Describe(path);
  for (const internal::Path& other : path.intersected) {
    absl::StrAppend(&way.path, ", intersected with [", plan.Describe(other), "]");
  }
  way.rows = path.rows;
  way.cost = path.cost;
  return way;
}

}  // namespace

namespace internal {

Explanation Explain(const Plan& plan) {
  const PlanRequest& request = plan.request();
  Explanation explanation;
  explanation.model = request.table->model().name;
  explanation.condition = ToString(request.condition);
  explanation.chosen = WayOf(plan, plan.path());
  std::vector<const Path*> others;
  for (const Path& path : plan.others()) others.push_back(&path);
  std::stable_sort(others.begin(), others.end(),
                   [](const Path* a, const Path* b) { return a->cost < b->cost; });
  for (const Path* other : others) {
    const Path& path = *other;
    Explanation::Way way = WayOf(plan, path);
    way.reason = path.rows > plan.path().rows       ? "visits more records"
                 : request.ordered && !path.ordered ? "its records would have to be sorted"
                                                    : "costs more";
    explanation.others.push_back(std::move(way));
  }
  for (const Node* node : plan.conjuncts()) {
    const auto& covers = plan.path().covers;
    if (std::find(covers.begin(), covers.end(), node) != covers.end()) continue;
    if (plan.path().kind == Path::Kind::kNothing) continue;
    // A part of the tree, which the request owns.
    const Condition part(request.condition, node);
    explanation.judged.push_back(
        absl::StrCat(ToString(part), " (", WhyNotByIndex(*node, plan), ")"));
  }
  if (request.ordered) {
    explanation.order = plan.ordered() ? "by the index"
                        : request.wanted >= 0
                            ? absl::StrCat("the first ", request.wanted, " are kept")
                            : "sorted";
  }
  return explanation;
}

}  // namespace internal

std::string Explanation::ToString() const {
  std::string text =
      absl::StrCat(model, " where ", condition, "\n  by ", chosen.path, ": ", Rows(chosen.rows),
                   " records, ", absl::StrFormat("%.1f us", chosen.cost / 1000), "\n");
  if (visited.has_value()) absl::StrAppend(&text, "  visited ", *visited, ", found ", *found, "\n");
  if (!order.empty()) absl::StrAppend(&text, "  order: ", order, "\n");
  for (const std::string& part : judged) absl::StrAppend(&text, "  for each record: ", part, "\n");
  for (const Way& way : others) {
    absl::StrAppend(&text, "  not by ", way.path, ": ", Rows(way.rows), " records, ",
                    absl::StrFormat("%.1f us", way.cost / 1000), "; ", way.reason, "\n");
  }
  return text;
}

}  // namespace kin::query
