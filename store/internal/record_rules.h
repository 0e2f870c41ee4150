// The rules that one record has to keep by itself, and what the store fills in.
#ifndef KIN_STORE_INTERNAL_RECORD_RULES_H_
#define KIN_STORE_INTERNAL_RECORD_RULES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/table.h"

namespace kin::internal {

// INVALID_ARGUMENT: text that is not UTF-8.
absl::Status CheckRecord(const Table& table, const google::protobuf::Message& record);

// INVALID_ARGUMENT: values that the rules of their fields refuse, each named.
absl::Status CheckValues(const Table& table, const google::protobuf::Message& record);

// For a model with allocated ids. If the id of `record` is 0, sets it to the next one and returns
// true; else raises the next one above it. RESOURCE_EXHAUSTED if there is no next one.
absl::StatusOr<bool> AllocateId(Table& table, google::protobuf::Message* record);

// Raises the next id above that of `record`.
void RaiseNextId(Table& table, const google::protobuf::Message& record);

// Fills an empty key field with a random UUID (RFC 9562, version 4): as text in a string, as 16
// bytes in a bytes field.
void FillUuid(const google::protobuf::FieldDescriptor& field, google::protobuf::Message* record);

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_RECORD_RULES_H_
