// The words of errors. Each names model, key and field, and says what to do.
#ifndef KIN_STORE_INTERNAL_ERRORS_H_
#define KIN_STORE_INTERNAL_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/engine.h"
#include "kin/store/internal/table.h"

namespace kin::internal {

// "user_id" or "(user_id, group_id)".
std::string FieldNames(const graph::FieldList& fields);

// ALREADY_EXISTS: `holder` has the value of a unique index that `record` would have.
absl::Status TakenError(const Table& table, int index, const google::protobuf::Message& record,
                        const google::protobuf::Message& holder);

// A line for FAILED_PRECONDITION at commit.
std::string MissingParentText(const Engine::Link& link, const google::protobuf::Message& child);
std::string RestrictedText(const Engine::Link& link, const google::protobuf::Message& parent,
                           const std::vector<Version*>& children);

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ERRORS_H_
