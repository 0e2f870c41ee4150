// What the names of a filter mean: fields, associations, and the way to them.
#ifndef KIN_STORE_QUERY_INTERNAL_FILTER_PATH_H_
#define KIN_STORE_QUERY_INTERNAL_FILTER_PATH_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/query/internal/filter_lexer.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

// Of what a part of a filter speaks, and how deep it is in the whole.
struct Scope {
  const google::protobuf::Descriptor* message = nullptr;
  bool is_record = true;  // Else it is a message inside one, which has no associations.
  int depth = 0;
  int associations = 0;
};

// One step of a path. Associations come first, then messages.
struct Hop {
  enum class Kind {
    kAssociation,
    kMessage,  // Into the message, or the messages, of `field`.
    kEntry,    // Into those entries of the map `field` for which `key` is true: one or none.
  };
  Kind kind = Kind::kMessage;
  const graph::Association* association = nullptr;
  const google::protobuf::FieldDescriptor* field = nullptr;
  Condition key;
};

// Where a path leads: to a field, or else an association.
struct Target {
  std::vector<Hop> hops;
  const google::protobuf::FieldDescriptor* field = nullptr;
  const graph::Association* association = nullptr;
};

// A bare word that is a keyword.
bool IsKeyword(const Token& token);

// INVALID_ARGUMENT, with the column, if a part names nothing, or if the limits are exceeded.
// REQUIRES: `parts` is not empty.
struct PathLimits {
  int depth = 0;
  int associations = 0;
};
absl::StatusOr<Target> ResolvePath(const graph::Graph& graph, const Scope& scope,
                                   absl::Span<const Token> parts, const PathLimits& limits);

// Where a filter on what the target holds begins.
Scope ScopeAt(const Scope& scope, const Target& target);

// The first repeated field of messages on the way, null if there is none.
const google::protobuf::FieldDescriptor* FindRepeatedHop(const Target& target);

// `leaf`, a condition on what has the field or association of the target, as one on the scope.
absl::StatusOr<Condition> Wrap(const Target& target, Condition leaf);

// Whether there is nothing at the end of the path (or, if not `wanted`, something), once the
// records on the way are there: the field is absent, or a message on the way to it is. `leaf` says
// it of the field alone. Never unknown.
absl::StatusOr<Condition> WrapAbsent(const Target& target, Condition leaf, bool wanted);

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_FILTER_PATH_H_
