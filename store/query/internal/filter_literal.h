// The values of a filter, as the type of the field that they are for.
#ifndef KIN_STORE_QUERY_INTERNAL_FILTER_LITERAL_H_
#define KIN_STORE_QUERY_INTERNAL_FILTER_LITERAL_H_

#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/query/internal/filter_lexer.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

// "the int32 a.B.c", "the bool a.B.c": for messages.
std::string Named(const google::protobuf::FieldDescriptor& field);

// The field itself, or the one inside a wrapper.
const google::protobuf::FieldDescriptor& Unwrapped(const google::protobuf::FieldDescriptor& field);

// The value of `token`, a word or a string, for a field or its elements. INVALID_ARGUMENT, with the
// column, if it is no value of the field's type, or out of its range.
// REQUIRES: TypeOf(field) is not kOther.
absl::StatusOr<Value> ParseLiteral(const google::protobuf::FieldDescriptor& field,
                                   const Token& token);

// "2012-04-21T11:30:00.5-04:00" (RFC 3339) and "-1.5s". False if it is none.
bool ParseTimestamp(absl::string_view text, absl::Time* time);
bool ParseSeconds(absl::string_view text, absl::Duration* duration);

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_FILTER_LITERAL_H_
