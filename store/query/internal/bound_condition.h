// A tree that is tied to a view, and evaluated by reflection.
#ifndef KIN_STORE_QUERY_INTERNAL_BOUND_CONDITION_H_
#define KIN_STORE_QUERY_INTERNAL_BOUND_CONDITION_H_

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/view.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

// Thread-safety: immutable. Must not outlive the view.
class BoundCondition {
 public:
  // INVALID_ARGUMENT: the condition is not one on records of `model`, or the store does not have a
  // model or association that it speaks of. `view` may be null where it speaks of none.
  static absl::StatusOr<BoundCondition> Bind(const ::kin::internal::View* view,
                                             const google::protobuf::Descriptor* model,
                                             Condition condition);

  // Whether the condition is true, and whether it is false, for a record of the model. Neither: it
  // is unknown.
  bool True(const google::protobuf::Message& record) const {
    return Evaluate(*condition_, record, true);
  }
  bool False(const google::protobuf::Message& record) const {
    return Evaluate(*condition_, record, false);
  }
  const Condition& condition() const { return condition_; }

 private:
  BoundCondition(const ::kin::internal::View* view, Condition condition)
      : view_(view), condition_(std::move(condition)) {}
  absl::Status Resolve(const Node& node, const google::protobuf::Descriptor* model);
  absl::Status ResolveAssociation(const Node& node);
  // Whether `node` has the truth `wanted`.
  bool Evaluate(const Node& node, const google::protobuf::Message& record, bool wanted) const;
  bool EvaluateField(const Node& node, const google::protobuf::Message& record, bool wanted) const;
  bool EvaluateWithin(const Node& node, const google::protobuf::Message& record, bool wanted) const;
  // Whether the condition is true of one of the `size` messages.
  bool AnyWithin(const Node& node, const google::protobuf::Message& record, int size) const;
  bool EvaluateCount(const Node& node, const google::protobuf::Message& record) const;

  const ::kin::internal::View* view_;
  Condition condition_;
  absl::flat_hash_map<const Node*, const graph::Association*> associations_;
};

// For conditions with a pattern; an invalid one is seen by CheckPattern.
std::shared_ptr<const re2::RE2> CompilePattern(const google::protobuf::FieldDescriptor& field,
                                               absl::string_view pattern);
absl::Status CheckPattern(const google::protobuf::FieldDescriptor& field, const re2::RE2& pattern);
bool MatchesPattern(const re2::RE2& pattern, absl::string_view text);

// What `result`, negative, 0 or positive, says of a comparison.
bool Holds(Comparison comparison, int result);
bool Holds(Comparison comparison, std::int64_t a, std::int64_t b);
// How many records have to be counted until `count` <comparison> `bound` is known.
std::int64_t EnoughToKnow(Comparison comparison, std::int64_t bound);

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_BOUND_CONDITION_H_
