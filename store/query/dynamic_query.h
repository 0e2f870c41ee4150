// Queries over models that are known at run time only, for tools.
//
//   absl::StatusOr<kin::DynamicQuery> query = kin::DynamicQuery::Of(snapshot, *descriptor);
//   query->Where(condition).OrderBy(*field, /*descending=*/true).Limit(10);
//   for (const google::protobuf::Message* record : *query->ToVector()) ...
//
// They find, order and page as kin/store/query/query.h says, by the same plans; records are judged
// by reflection. Programs with generated code use Snapshot::Query.
#ifndef KIN_STORE_QUERY_DYNAMIC_QUERY_H_
#define KIN_STORE_QUERY_DYNAMIC_QUERY_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "kin/store/query/explanation.h"
#include "kin/store/query/internal/cursor.h"
#include "kin/store/query/options.h"
#include "kin/store/query/tree.h"
#include "kin/store/snapshot.h"

namespace kin {

// Must not outlive its snapshot or transaction, nor must the records it gives. Thread-compatible.
class DynamicQuery {
 public:
  using Message = google::protobuf::Message;
  using Records = std::vector<const Message*>;

  // All records of a model. `reader`: a Snapshot or Transaction. INVALID_ARGUMENT if the store does
  // not have the model.
  static absl::StatusOr<DynamicQuery> Of(const internal::Reader& reader,
                                         const google::protobuf::Descriptor& model);

  // As of kin::Query, but that they change this query. All conditions apply; a further OrderBy is
  // for ties of those before. A mistake is an error of the answers: a condition on another model,
  // an order by a field of another model or without an order.
  DynamicQuery& Where(query::Condition condition);
  DynamicQuery& OrderBy(const google::protobuf::FieldDescriptor& field, bool descending = false);
  DynamicQuery& Offset(std::int64_t offset);
  DynamicQuery& Limit(std::int64_t limit);
  // `record` is one of the model, and lives as long as the query; null: from the start.
  DynamicQuery& After(const Message* record);
  DynamicQuery& With(QueryOptions options);

  // The records that an association leads to from the results, each once. INVALID_ARGUMENT if the
  // model has no such association.
  absl::StatusOr<DynamicQuery> Follow(absl::string_view association) const;

  // INVALID_ARGUMENT: a mistake, see above. DEADLINE_EXCEEDED, CANCELLED.
  absl::StatusOr<Records> ToVector() const;
  absl::StatusOr<std::int64_t> Count() const;
  // Of a query that follows nothing; else FAILED_PRECONDITION.
  absl::StatusOr<query::Explanation> Explain() const;

 private:
  DynamicQuery(const internal::View* view, const internal::Table* table)
      : view_(view), table_(table) {}
  query::internal::PlanRequest RequestOf(bool ordered) const;
  bool Ordered() const {
    return !order_.empty() || offset_ > 0 || limit_ >= 0 || after_ != nullptr;
  }
  bool Less(const Message& a, const Message& b) const;
  absl::StatusOr<Records> Find(query::internal::Interrupt* interrupt) const;
  absl::StatusOr<Records> Followed(query::internal::Interrupt* interrupt) const;
  std::int64_t Wanted() const;

  const internal::View* view_;
  const internal::Table* table_;
  absl::Status status_;
  std::vector<query::Condition> conditions_;
  std::vector<query::internal::OrderTerm> order_;
  std::int64_t offset_ = 0;
  std::int64_t limit_ = -1;
  const Message* after_ = nullptr;
  QueryOptions options_;
  std::shared_ptr<const DynamicQuery> parent_;  // With the association that is followed.
  const graph::Association* association_ = nullptr;
};

}  // namespace kin

#endif  // KIN_STORE_QUERY_DYNAMIC_QUERY_H_
