// Following associations that are known at run time only.
#ifndef KIN_STORE_QUERY_INTERNAL_WALK_H_
#define KIN_STORE_QUERY_INTERNAL_WALK_H_

#include "absl/functional/function_ref.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/table.h"
#include "kin/store/internal/view.h"

namespace kin::query::internal {

using ::kin::internal::Table;
using ::kin::internal::Version;
using ::kin::internal::View;

// The table of a model, null if the view's store does not have it.
const Table* TableOf(const View& view, const google::protobuf::Descriptor* model);

// Whether a posting list, found by its hash, may hold records of `key` in an index: another key may
// have the same hash, and the list be of that alone.
bool MayHoldKey(const Table& table, int index, const kin::internal::PostingList& list,
                const kin::internal::KeyParts& key);

// Calls visit(version) for each version that `view` shows at the other end, which are in the table
// of association.target, until it returns false. Over a `through` a record may be visited more
// than once. Returns false if visit did.
bool ForEachTarget(const View& view, const graph::Association& association,
                   const google::protobuf::Message& owner,
                   absl::FunctionRef<bool(const Version*)> visit);
// The other way: each version of association.owner's table that leads to `target`. Over a `through`
// or a has_one that shows the lowest of several, there may be others among them.
bool ForEachOwner(const View& view, const graph::Association& association,
                  const google::protobuf::Message& target,
                  absl::FunctionRef<bool(const Version*)> visit);
// How many different records the association leads to for which `counts` is true; stops when it
// has found `enough`.
std::int64_t CountTargets(const View& view, const graph::Association& association,
                          const google::protobuf::Message& owner, std::int64_t enough,
                          absl::FunctionRef<bool(const Version*)> counts);

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_WALK_H_
