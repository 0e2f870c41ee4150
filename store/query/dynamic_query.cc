#include "kin/store/query/dynamic_query.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/internal/explain.h"
#include "kin/store/query/internal/order.h"
#include "kin/store/query/internal/plan.h"
#include "kin/store/query/internal/walk.h"

namespace kin {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using query::internal::BoundCondition;
using query::internal::Cursor;
using query::internal::Interrupt;

// Absent first.
int CompareBy(const FieldDescriptor& field, const Message& a, const Message& b) {
  query::OperandView left;
  query::OperandView right;
  std::string left_scratch;
  std::string right_scratch;
  const bool has_left = query::ReadOperand(a, field, &left, &left_scratch);
  const bool has_right = query::ReadOperand(b, field, &right, &right_scratch);
  if (has_left != has_right) return has_left ? 1 : -1;
  return has_left ? query::CompareOperands(left, right) : 0;
}

}  // namespace

absl::StatusOr<DynamicQuery> DynamicQuery::Of(const internal::Reader& reader,
                                              const Descriptor& model) {
  const internal::Table* table = query::internal::TableOf(*reader.internal_view(), &model);
  if (table == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(model.full_name(), " is not in the schema of this store"));
  }
  return DynamicQuery(reader.internal_view(), table);
}

DynamicQuery& DynamicQuery::Where(query::Condition condition) {
  const auto bound = BoundCondition::Bind(view_, table_->model().descriptor, condition);
  status_.Update(bound.status());
  if (bound.ok()) conditions_.push_back(std::move(condition));
  return *this;
}

DynamicQuery& DynamicQuery::OrderBy(const FieldDescriptor& field, bool descending) {
  if (field.containing_type() != table_->model().descriptor) {
    status_.Update(absl::InvalidArgumentError(absl::StrCat(
        field.full_name(), ": no order of ", table_->model().name, ", it is not a field of it")));
  } else if (field.is_repeated() || query::TypeOf(field) == query::FieldType::kOther) {
    status_.Update(absl::InvalidArgumentError(
        absl::StrCat(field.full_name(), ": values of this field have no order")));
  } else {
    order_.push_back({&field, descending});
  }
  return *this;
}

DynamicQuery& DynamicQuery::Offset(std::int64_t offset) {
  offset_ = std::max<std::int64_t>(offset, 0);
  return *this;
}

DynamicQuery& DynamicQuery::Limit(std::int64_t limit) {
  limit_ = std::max<std::int64_t>(limit, 0);
  return *this;
}

DynamicQuery& DynamicQuery::After(const Message* record) {
  after_ = record;
  return *this;
}

DynamicQuery& DynamicQuery::With(QueryOptions options) {
  options_ = std::move(options);
  return *this;
}

absl::StatusOr<DynamicQuery> DynamicQuery::Follow(absl::string_view association) const {
  const graph::Association* found = table_->model().FindAssociation(association);
  if (found == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(table_->model().name, " has no association ", association));
  }
  DynamicQuery next(view_, query::internal::TableOf(*view_, found->target->descriptor));
  next.parent_ = std::make_shared<const DynamicQuery>(*this);
  next.association_ = found;
  next.options_ = options_;
  return next;
}

std::int64_t DynamicQuery::Wanted() const {
  if (limit_ < 0) return -1;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  return offset_ > kMax - limit_ ? kMax : offset_ + limit_;
}

query::internal::PlanRequest DynamicQuery::RequestOf(bool ordered) const {
  query::internal::PlanRequest request;
  request.view = view_;
  request.table = table_;
  request.condition = query::And(conditions_);
  request.order = order_;
  request.ordered = ordered;
  request.wanted = Wanted();
  request.after = ordered ? after_ : nullptr;
  return request;
}

bool DynamicQuery::Less(const Message& a, const Message& b) const {
  for (const query::internal::OrderTerm& term : order_) {
    const int result = CompareBy(*term.field, a, b);
    if (result != 0) return (result < 0) != term.descending;
  }
  return table_->KeyLess(a, b);
}

absl::StatusOr<DynamicQuery::Records> DynamicQuery::Followed(Interrupt* interrupt) const {
  // Its own bounds were those of this query, before With.
  absl::StatusOr<Records> owners = parent_->Find(interrupt);
  if (!owners.ok()) return owners.status();
  Records records;
  absl::flat_hash_set<const Message*> seen;
  for (const Message* owner : *owners) {
    if (interrupt->Stopped()) return interrupt->status();
    query::internal::ForEachTarget(*view_, *association_, *owner,
                                   [&](const internal::Version* version) {
                                     const Message* record = table_->MessageOf(version);
                                     if (seen.insert(record).second) records.push_back(record);
                                     return true;
                                   });
  }
  return records;
}

absl::StatusOr<DynamicQuery::Records> DynamicQuery::ToVector() const {
  Interrupt interrupt(&options_, absl::OkStatus());
  return Find(&interrupt);
}

absl::StatusOr<DynamicQuery::Records> DynamicQuery::Find(Interrupt* interrupt) const {
  if (!status_.ok()) return status_;
  const query::Condition condition = query::And(conditions_);
  const auto bound = BoundCondition::Bind(view_, table_->model().descriptor, condition);
  if (!bound.ok()) return bound.status();
  const auto less = [this](const Message* a, const Message* b) { return Less(*a, *b); };
  query::internal::TopList<const Message*, decltype(less)> top(Ordered() ? Wanted() : -1, less);
  Records found;
  bool delivered = !Ordered();  // In the order that is wanted.
  // False: enough has been found.
  const auto add = [&](const Message* record) {
    if (!bound->True(*record) || (after_ != nullptr && !Less(*after_, *record))) return true;
    if (!delivered) {
      top.Add(record);
      return true;
    }
    found.push_back(record);
    return limit_ < 0 || static_cast<std::int64_t>(found.size()) < Wanted();
  };
  if (parent_ != nullptr) {
    const absl::StatusOr<Records> records = Followed(interrupt);
    if (!records.ok()) return records.status();
    std::all_of(records->begin(), records->end(), add);
  } else if (limit_ != 0) {
    const query::internal::Plan plan(RequestOf(Ordered()));
    delivered = delivered || plan.ordered();
    Cursor cursor(plan, interrupt);
    const internal::Version* batch[Cursor::kBatch];
    bool more = true;
    while (const int size = !more || interrupt->Stopped() ? 0 : cursor.Next(batch)) {
      for (int i = 0; i < size && more; ++i) {
        for (auto [next, end] = query::internal::AheadOf(i, size); next < end; ++next) {
          internal::PrefetchVersion(batch[next]);
        }
        const internal::Version* version = internal::VisibleAt(batch[i], view_->Limit());
        if (version != nullptr) more = add(table_->MessageOf(version));
      }
    }
  }
  if (!interrupt->status().ok()) return interrupt->status();
  Records& records = delivered ? found : top.Sorted();
  const auto size = static_cast<std::int64_t>(records.size());
  records.erase(records.begin(), records.begin() + std::min(offset_, size));
  return std::move(records);
}

absl::StatusOr<std::int64_t> DynamicQuery::Count() const {
  if (status_.ok() && parent_ == nullptr && !Ordered()) {
    const query::internal::Plan plan(RequestOf(false));
    if (const std::optional<std::int64_t> known = plan.KnownCount()) return *known;
  }
  const absl::StatusOr<Records> records = ToVector();
  if (!records.ok()) return records.status();
  return static_cast<std::int64_t>(records->size());
}

absl::StatusOr<query::Explanation> DynamicQuery::Explain() const {
  if (!status_.ok()) return status_;
  if (parent_ != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("explain the query that ", association_->name, " is followed from"));
  }
  return query::internal::Explain(query::internal::Plan(RequestOf(Ordered())));
}

}  // namespace kin
