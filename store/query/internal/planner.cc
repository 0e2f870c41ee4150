#include "kin/store/query/internal/planner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "kin/store/internal/engine.h"
#include "kin/store/query/internal/bound_condition.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::kin::internal::HashIndex;
using ::kin::internal::KeyPart;
using ::kin::internal::KeyParts;
using ::kin::internal::OrderedIndex;

// Nanoseconds, or so: what matters is how they compare. Measured with bench/query_bench.
constexpr double kScanRow = 12;
constexpr double kLookup = 60;
constexpr double kLookupRow = 18;
constexpr double kSeek = 400;
constexpr double kRangeRow = 30;
constexpr double kBackwardRow = 700;  // Each key is sought anew.
constexpr double kJoinRow = 90;
constexpr double kFollow = 80;  // To judge an association of one record.
constexpr double kSortRow = 15;
constexpr double kTopRow = 4;
// Of the records that a condition is judged of, how many satisfy it, as long as nothing is known.
constexpr double kUnknownSelectivity = 0.25;
constexpr std::size_t kProbedKeys = 32;
constexpr int kMaxDepth = 4;

// As if the field were compared with a value that no record is above, or below.
bool NeverHolds(const Node& node) {
  return node.operand.beyond != 0 && !Holds(node.comparison, -node.operand.beyond);
}

// Keeps the tighter of two bounds.
void Tighten(const Node*& bound, const Node& node, bool low) {
  if (bound == nullptr) {
    bound = &node;
    return;
  }
  const int order = CompareOperands(node.operand.view(), bound->operand.view());
  const bool exclusive =
      node.comparison == Comparison::kLess || node.comparison == Comparison::kGreater;
  if ((low ? order > 0 : order < 0) || (order == 0 && exclusive)) bound = &node;
}

void AddComparison(const Node& node, FieldFacts* facts) {
  if (node.operand.beyond != 0) return;  // Always true where there is a value.
  switch (node.comparison) {
    case Comparison::kEqual:
      facts->equal = &node;
      break;
    case Comparison::kLess:
    case Comparison::kLessOrEqual:
      Tighten(facts->high, node, false);
      break;
    case Comparison::kGreater:
    case Comparison::kGreaterOrEqual:
      Tighten(facts->low, node, true);
      break;
    case Comparison::kNotEqual:
      break;
  }
}

const FieldFacts* Find(const std::vector<FieldFacts>& facts, const FieldDescriptor* field) {
  const auto at = std::find_if(facts.begin(), facts.end(),
                               [&](const FieldFacts& each) { return each.field == field; });
  return at == facts.end() ? nullptr : &*at;
}

// Whether a conjunct is true only where the field has a value.
bool ExcludesAbsent(const Node& node, const FieldDescriptor* field) {
  switch (node.kind) {
    case Node::Kind::kCompare:
    case Node::Kind::kIn:
    case Node::Kind::kStartsWith:
    case Node::Kind::kContains:
    case Node::Kind::kMatches:
      return node.field == field;
    case Node::Kind::kCompareFields:
      return node.field == field || node.other == field;
    case Node::Kind::kNot:
      return node.children[0]->kind == Node::Kind::kIsNull && node.children[0]->field == field;
    default:
      return false;
  }
}

// Whether a record has the value that a comparison with == asks for.
bool HasValue(const Message& record, const Node& equal) {
  OperandView value;
  std::string scratch;
  return ReadOperand(record, *equal.field, &value, &scratch) &&
         CompareOperands(value, equal.operand.view()) == 0;
}

KeyPart PartOf(const FieldDescriptor& field, const Operand& operand) {
  if (TypeOf(field) == FieldType::kText) return kin::internal::MakeKeyPart(operand.bytes);
  return {operand.number, nullptr};
}

void AppendPart(const KeyPart& part, std::string* bytes) {
  KeyParts key;
  key.size = 1;
  key.parts[0] = part;
  AppendOrdered(key, bytes);
}

// The least bytes that are above all that begin with `bytes`; false if there are none.
bool Successor(std::string* bytes) {
  while (!bytes->empty() && static_cast<unsigned char>(bytes->back()) == 0xff) bytes->pop_back();
  if (bytes->empty()) return false;
  bytes->back() = static_cast<char>(static_cast<unsigned char>(bytes->back()) + 1);
  return true;
}

// Sets a path to what of an ordered index begins with `prefix` and has `facts` for the next field.
// Nothing, if that is none.
void BoundRange(const std::string& prefix, const FieldDescriptor* next, const FieldFacts* facts,
                Path* path) {
  path->begin = prefix;
  path->end = prefix;
  if (!prefix.empty() && !Successor(&path->end)) path->end.clear();
  if (facts == nullptr) return;
  if (facts->prefix != nullptr) {
    AppendPart(kin::internal::MakeKeyPart(facts->prefix->text), &path->begin);
    path->begin.resize(path->begin.size() - 2);  // What ends a text.
    path->end = path->begin;
    if (!Successor(&path->end)) path->end.clear();
    path->covers.push_back(facts->prefix);
    return;
  }
  if (facts->low != nullptr) {
    AppendPart(PartOf(*next, facts->low->operand), &path->begin);
    if (facts->low->comparison == Comparison::kGreater && !Successor(&path->begin)) {
      path->kind = Path::Kind::kNothing;
    }
    path->covers.push_back(facts->low);
  }
  if (facts->high != nullptr) {
    path->end = prefix;
    AppendPart(PartOf(*next, facts->high->operand), &path->end);
    if (facts->high->comparison == Comparison::kLessOrEqual && !Successor(&path->end)) {
      path->end.clear();
    }
    path->covers.push_back(facts->high);
  }
  if (!path->end.empty() && path->begin >= path->end) path->kind = Path::Kind::kNothing;
}

// Whether ForEachOwner gives exactly the owners that lead to a record.
bool InverseIsExact(const graph::Association& association) {
  if (association.lowest) return false;
  return association.through == nullptr ||
         (InverseIsExact(*association.through) && InverseIsExact(*association.source));
}

double RecordsOf(const View& view, const graph::Model& model) {
  const Table* table = TableOf(view, model.descriptor);
  return std::max<double>(static_cast<double>(table->counts().At(view.Limit())), 1);
}

// How many owners lead to a record, on average.
double OwnersPerTarget(const View& view, const graph::Association& association) {
  if (association.through != nullptr) {
    return OwnersPerTarget(view, *association.through) * OwnersPerTarget(view, *association.source);
  }
  if (association.kind != graph::Association::Kind::kBelongsTo) return 1;
  return RecordsOf(view, *association.owner) / RecordsOf(view, *association.target);
}

// How many records an association leads to from one, on average; at least 1.
double TargetsPerOwner(const View& view, const graph::Association& association) {
  if (association.through != nullptr) {
    return TargetsPerOwner(view, *association.through) * TargetsPerOwner(view, *association.source);
  }
  if (association.kind != graph::Association::Kind::kHasMany) return 1;
  return std::max(RecordsOf(view, *association.target) / RecordsOf(view, *association.owner), 1.0);
}

bool Covers(const Path& path, const Node* conjunct) {
  return std::find(path.covers.begin(), path.covers.end(), conjunct) != path.covers.end();
}

bool CoversAll(const Path& path, const std::vector<const Node*>& conjuncts) {
  return path.kind == Path::Kind::kNothing ||
         std::all_of(conjuncts.begin(), conjuncts.end(),
                     [&](const Node* conjunct) { return Covers(path, conjunct); });
}

std::vector<const Node*> ConjunctsOf(const Node& node) {
  if (node.kind == Node::Kind::kConstant && node.truth) return {};
  if (node.kind != Node::Kind::kAnd) return {&node};
  std::vector<const Node*> conjuncts;
  conjuncts.reserve(node.children.size());
  for (const Condition& child : node.children) conjuncts.push_back(child.get());
  return conjuncts;
}

}  // namespace

double Planner::records() const {
  return std::max<double>(static_cast<double>(table_.counts().At(view_.Limit())), 1);
}

std::optional<std::vector<FieldFacts>> Planner::FactsOf(const Conjuncts& conjuncts) {
  std::vector<FieldFacts> all;
  all.reserve(conjuncts.size());
  for (const Node* node : conjuncts) {
    if (node->kind == Node::Kind::kConstant && !node->truth) return std::nullopt;
    if (node->kind == Node::Kind::kIn && node->operands.empty()) return std::nullopt;
    if (node->kind == Node::Kind::kCompare && NeverHolds(*node)) return std::nullopt;
    const bool useful = node->kind == Node::Kind::kCompare || node->kind == Node::Kind::kIn ||
                        node->kind == Node::Kind::kStartsWith;
    if (!useful) continue;
    auto* facts = const_cast<FieldFacts*>(Find(all, node->field));
    if (facts == nullptr) facts = &all.emplace_back(FieldFacts{node->field});
    if (node->kind == Node::Kind::kCompare) AddComparison(*node, facts);
    if (node->kind == Node::Kind::kIn) facts->in = node;
    if (node->kind == Node::Kind::kStartsWith) facts->prefix = node;
  }
  return all;
}

double Planner::LookupRows(const Path& path) const {
  const HashIndex& index = table_.index(path.index);
  const double keys = static_cast<double>(path.keys.size());
  if (index.unique()) return std::min(keys, records());
  std::int64_t rows = 0;
  const std::size_t probed = std::min(path.keys.size(), kProbedKeys);
  for (std::size_t i = 0; i < probed; ++i) {
    const std::uint64_t hash = HashParts(path.keys[i]);
    std::int64_t of_key = 0;
    index.lines()->Find(hash, [&](kin::internal::Cell cell) {
      if (!kin::internal::IsList(cell)) {
        of_key = 1;  // Perhaps of another key.
        return false;
      }
      const kin::internal::PostingList& list = *kin::internal::ListIn(cell);
      if (list.hash() != hash) return false;
      of_key = list.counts().At(view_.Limit());
      if (of_key < 0) of_key = list.array()->used.load(std::memory_order_acquire);
      return true;
    });
    rows += of_key;
  }
  return static_cast<double>(rows) * keys / static_cast<double>(std::max<std::size_t>(probed, 1));
}

void Planner::AddLookup(int index, const std::vector<FieldFacts>& facts,
                        std::vector<Path>* paths) const {
  const graph::FieldList& fields = table_.model().indexes[index].fields;
  for (const FieldDescriptor* field : fields) {
    const FieldFacts* of_field = Find(facts, field);
    if (of_field == nullptr || (of_field->equal == nullptr && of_field->in == nullptr)) return;
  }
  Path path;
  path.kind = Path::Kind::kLookup;
  path.index = index;
  path.keys.emplace_back().size = static_cast<int>(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const FieldFacts* of_field = Find(facts, fields[i]);
    if (of_field->equal != nullptr) {
      for (KeyParts& key : path.keys) key.parts[i] = PartOf(*fields[i], of_field->equal->operand);
      path.covers.push_back(of_field->equal);
      continue;
    }
    const std::vector<Operand>& operands = of_field->in->operands;
    const std::size_t size = path.keys.size() * operands.size();
    if (path.keys.size() > 1 && operands.size() > 1 && size > kMaxProduct) return;
    std::vector<KeyParts> keys;
    keys.reserve(size);
    for (const KeyParts& key : path.keys) {
      for (const Operand& operand : operands) {
        keys.push_back(key);
        keys.back().parts[i] = PartOf(*fields[i], operand);
      }
    }
    path.keys = std::move(keys);
    path.covers.push_back(of_field->in);
  }
  path.rows = LookupRows(path);
  path.cost = kLookup * static_cast<double>(path.keys.size()) + kLookupRow * path.rows;
  // At most one record is in any order.
  path.ordered = path.keys.size() == 1 && table_.index(index).unique();
  paths->push_back(std::move(path));
}

bool Planner::Delivers(int index, const std::vector<FieldFacts>& facts, std::size_t bound,
                       Path* path) const {
  if (!request_.ordered) return false;
  const graph::FieldList& fields = table_.model().indexes[index].fields;
  const graph::FieldList& key = table_.model().primary_key;
  const auto fixed = [&](const FieldDescriptor* field) {
    const FieldFacts* of_field = Find(facts, field);
    return of_field != nullptr && of_field->equal != nullptr;
  };
  // What is wanted and what the index gives, without fields that have one value.
  graph::FieldList wanted;
  graph::FieldList given;
  bool ascending = false;
  bool descending = false;
  const auto add = [&](const FieldDescriptor* field, graph::FieldList* list) {
    if (fixed(field) || std::find(list->begin(), list->end(), field) != list->end()) return false;
    list->push_back(field);
    return true;
  };
  for (const OrderTerm& term : request_.order) {
    if (add(term.field, &wanted)) (term.descending ? descending : ascending) = true;
  }
  const std::size_t by_order = wanted.size();
  for (const FieldDescriptor* field : key) add(field, &wanted);
  for (std::size_t i = bound; i < fields.size(); ++i) add(fields[i], &given);
  // The rest of the key is ascending, whichever way the order is.
  if (given.size() < by_order || (descending && ascending)) return false;
  if (descending && given.size() > by_order) return false;
  for (const FieldDescriptor* field : key) add(field, &given);
  if (given != wanted) return false;
  if (request_.reversed && descending) return false;  // Ties would have to be read backwards.
  path->backward = descending || request_.reversed;
  path->ties_backward = request_.reversed;
  return true;
}

void Planner::Narrow(const std::string& prefix, const std::vector<FieldFacts>& facts,
                     Path* path) const {
  if (request_.after == nullptr || !path->ordered || path->kind != Path::Kind::kRange) return;
  const graph::FieldList& fields = table_.model().indexes[path->index].fields;
  const auto fixed = [&](const FieldDescriptor* field) {
    const FieldFacts* of_field = Find(facts, field);
    return of_field != nullptr && of_field->equal != nullptr;
  };
  // A field that has one value here may have another in `after`, which need not be among the
  // results. Then its place in the index says nothing of where these go on.
  const auto differs = [&](const FieldDescriptor* field) {
    return fixed(field) && !HasValue(*request_.after, *Find(facts, field)->equal);
  };
  for (const OrderTerm& term : request_.order) {
    if (differs(term.field)) return;
  }
  const graph::FieldList& ties = table_.model().primary_key;
  if (std::any_of(fields.begin(), fields.end(), differs)) return;
  if (std::any_of(ties.begin(), ties.end(), differs)) return;
  KeyParts key;
  if (!table_.keys(path->index).Read(*request_.after, &key)) return;
  std::string bytes = prefix;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const bool leading =
        std::all_of(fields.begin(), fields.begin() + static_cast<long>(i) + 1, fixed);
    if (!leading) AppendPart(key.parts[i], &bytes);
  }
  if (path->backward) {
    // Ties are judged one by one. `reversed` begins at the end, and stops at `after`.
    if (!path->ties_backward && Successor(&bytes) && (path->end.empty() || bytes < path->end)) {
      path->end = bytes;
    } else if (path->ties_backward && bytes > path->begin) {
      path->begin = bytes;
    }
  } else if (bytes > path->begin) {
    path->begin = bytes;
  }
  if (!path->end.empty() && path->begin >= path->end) path->kind = Path::Kind::kNothing;
}

void Planner::AddRange(int index, const Conjuncts& conjuncts, const std::vector<FieldFacts>& facts,
                       std::vector<Path>* paths) const {
  const OrderedIndex* ordered = table_.ordered(index);
  if (ordered == nullptr) return;
  const graph::FieldList& fields = table_.model().indexes[index].fields;
  // Nothing bounds it, and no order asks for it.
  if (Find(facts, fields[0]) == nullptr && !request_.ordered) return;
  Path path;
  path.kind = Path::Kind::kRange;
  path.index = index;
  std::string prefix;
  std::size_t bound = 0;
  for (; bound < fields.size(); ++bound) {
    const FieldFacts* of_field = Find(facts, fields[bound]);
    if (of_field == nullptr || of_field->equal == nullptr) break;
    AppendPart(PartOf(*fields[bound], of_field->equal->operand), &prefix);
    path.covers.push_back(of_field->equal);
  }
  // A record that lacks one of the fields is not in the index.
  for (std::size_t i = bound; i < fields.size(); ++i) {
    if (MayBeAbsent(*fields[i]) &&
        std::none_of(conjuncts.begin(), conjuncts.end(),
                     [&](const Node* node) { return ExcludesAbsent(*node, fields[i]); })) {
      return;
    }
  }
  const FieldDescriptor* next = bound < fields.size() ? fields[bound] : nullptr;
  const FieldFacts* of_next = next == nullptr ? nullptr : Find(facts, next);
  BoundRange(prefix, next, of_next, &path);
  const bool ranged = of_next != nullptr && (of_next->low != nullptr || of_next->high != nullptr ||
                                             of_next->prefix != nullptr);
  path.bound_fields = static_cast<int>(bound) + (ranged ? 1 : 0);
  path.ordered = path.kind == Path::Kind::kNothing || Delivers(index, facts, bound, &path);
  if (path.bound_fields == 0 && !path.ordered) return;
  // What has been excluded is excluded by the index, too.
  for (const Node* node : conjuncts) {
    const bool not_null = node->kind == Node::Kind::kNot;
    if (not_null && std::any_of(fields.begin(), fields.end(), [&](const FieldDescriptor* field) {
          return ExcludesAbsent(*node, field);
        })) {
      path.covers.push_back(node);
    }
  }
  Narrow(prefix, facts, &path);
  if (path.kind == Path::Kind::kRange) {
    path.rows =
        path.begin.empty() && path.end.empty()
            ? records()
            : static_cast<double>(ordered->EstimateCount(path.begin, path.end, &path.start));
  }
  path.cost = kSeek + path.rows * (path.backward ? kBackwardRow : kRangeRow);
  paths->push_back(std::move(path));
}

void Planner::AddJoin(const Node& conjunct, std::vector<Path>* paths) const {
  const graph::Association* association = table_.model().FindAssociation(conjunct.association.name);
  if (association == nullptr || request_.depth >= kMaxDepth) return;
  PlanRequest request;
  request.view = request_.view;
  request.table = TableOf(view_, association->target->descriptor);
  request.condition = conjunct.children.empty() ? Constant(true) : conjunct.children[0];
  request.depth = request_.depth + 1;
  Path path;
  path.kind = Path::Kind::kJoin;
  path.association = association;
  path.targets = std::make_shared<const Plan>(std::move(request));
  path.rows = std::min(
      records(), std::max(1.0, path.targets->path().rows) * OwnersPerTarget(view_, *association));
  path.cost = path.targets->path().cost + kJoinRow * (path.targets->path().rows + path.rows);
  if (path.targets->exact() && InverseIsExact(*association)) path.covers.push_back(&conjunct);
  paths->push_back(std::move(path));
}

void Planner::AddUnion(const Node& conjunct, std::vector<Path>* paths) const {
  Path path;
  path.kind = Path::Kind::kUnion;
  bool exact = true;
  for (const Condition& child : conjunct.children) {
    const Conjuncts conjuncts = ConjunctsOf(*child);
    std::vector<Path> parts = PathsFor(conjuncts);
    // In no order, so all of a range that only orders would be read.
    const auto best = std::min_element(
        parts.begin(), parts.end(), [](const Path& a, const Path& b) { return a.cost < b.cost; });
    if (best == parts.end()) return;
    exact = exact && CoversAll(*best, conjuncts);
    path.rows += best->rows;
    path.cost += best->cost + kSortRow * best->rows;  // Each is remembered.
    path.parts.push_back(std::move(*best));
  }
  path.rows = std::min(path.rows, records());
  if (exact) path.covers.push_back(&conjunct);
  paths->push_back(std::move(path));
}

void Planner::AddIndexPaths(const Conjuncts& conjuncts, const std::vector<FieldFacts>& facts,
                            std::vector<Path>* paths) const {
  for (int i = 0; i < table_.indexes(); ++i) {
    AddLookup(i, facts, paths);
    AddRange(i, conjuncts, facts, paths);
  }
}

std::vector<Path> Planner::PathsFor(const Conjuncts& conjuncts) const {
  std::vector<Path> paths;
  paths.reserve(4);  // Moving them costs more than a little memory.
  const std::optional<std::vector<FieldFacts>> facts = FactsOf(conjuncts);
  if (!facts.has_value()) {
    paths.emplace_back().kind = Path::Kind::kNothing;
    paths.back().ordered = true;
    return paths;
  }
  AddIndexPaths(conjuncts, *facts, &paths);
  for (const Node* node : conjuncts) {
    if (node->kind == Node::Kind::kHas) AddJoin(*node, &paths);
    if (node->kind == Node::Kind::kOr) AddUnion(*node, &paths);
  }
  return paths;
}

void Planner::AddOrderCost(std::vector<Path>* paths) const {
  if (!request_.ordered && request_.wanted < 0) return;
  double matching = records();
  for (const Path& path : *paths) {
    double estimate = path.rows;
    for (const Node* node : plan_.conjuncts_) {
      if (!Covers(path, node)) estimate *= kUnknownSelectivity;
    }
    matching = std::min(matching, std::max(estimate, 1.0));
  }
  const double wanted = request_.wanted < 0 ? matching : static_cast<double>(request_.wanted);
  for (Path& path : *paths) {
    if (path.ordered || !request_.ordered) {
      // Stops when it has what is wanted.
      if (request_.wanted >= 0 && wanted < matching) path.cost *= wanted / matching;
    } else {
      path.cost +=
          request_.wanted >= 0 ? kTopRow * matching : kSortRow * matching * std::log2(matching + 1);
    }
  }
}

double Planner::FollowCost(const Node& node) const {
  if (node.children.empty()) return kFollow;  // The first one will do, or their number.
  const graph::Association* association = table_.model().FindAssociation(node.association.name);
  return association == nullptr ? kFollow : kFollow * TargetsPerOwner(view_, *association);
}

void Planner::Intersect(const std::vector<Path>& paths, Path* path) const {
  // To follow an association of each record can cost more than to find at once all records that
  // satisfy what is asked of it.
  for (const Path& other : paths) {
    if (other.kind != Path::Kind::kJoin || path->kind == Path::Kind::kNothing) continue;
    if (other.association == path->association) continue;
    const auto asks = [&](const Node* node) {
      return node->kind == Node::Kind::kHas && node->association.name == other.association->name;
    };
    const auto node = std::find_if(plan_.conjuncts_.begin(), plan_.conjuncts_.end(), asks);
    // Whether few may be judged, since more are not wanted.
    const bool stops = request_.wanted >= 0 && (path->ordered || !request_.ordered);
    const double rows =
        stops ? std::min(path->rows, static_cast<double>(request_.wanted)) : path->rows;
    if (node == plan_.conjuncts_.end() || other.finding >= FollowCost(**node) * rows) continue;
    path->intersected.push_back(other);
    path->covers.insert(path->covers.end(), other.covers.begin(), other.covers.end());
  }
}

void Planner::Run() {
  plan_.conjuncts_ = ConjunctsOf(*request_.condition);
  std::vector<Path> paths = PathsFor(plan_.conjuncts_);
  Path scan;
  scan.rows = records();
  scan.cost = kScanRow * scan.rows;
  paths.push_back(std::move(scan));
  for (Path& path : paths) path.finding = path.cost;
  for (const Node* node : plan_.conjuncts_) {
    if (node->kind != Node::Kind::kHas && node->kind != Node::Kind::kCount) continue;
    const double follow = FollowCost(*node);
    for (Path& path : paths) {
      if (!Covers(path, node)) path.cost += follow * path.rows;
    }
  }
  AddOrderCost(&paths);
  // There are few of them, and mostly one is cheapest by far: what a stable sort allocates and
  // moves would cost more than all else here.
  const auto best = std::min_element(paths.begin(), paths.end(),
                                     [](const Path& a, const Path& b) { return a.cost < b.cost; });
  plan_.path_ = std::move(*best);
  paths.erase(best);
  Intersect(paths, &plan_.path_);
  plan_.others_ = std::move(paths);
  plan_.exact_ = CoversAll(plan_.path_, plan_.conjuncts_);
}

}  // namespace kin::query::internal
