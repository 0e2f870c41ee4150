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

// For models with allocated ids: the id in a primary key; sets that of a record to the next one
// (RESOURCE_EXHAUSTED if there is none); raises the next one above `id`.
inline std::uint64_t IdIn(const Table& table, const KeyParts& key) {
  return table.id_is_unsigned() ? key.parts[0].number
                                : key.parts[0].number ^ std::uint64_t{1} << 63;
}
absl::Status AllocateId(Table& table, google::protobuf::Message* record);
inline void RaiseNextId(Table& table, std::uint64_t id) {
  if (ABSL_PREDICT_FALSE(id > table.largest_id())) {
    // A negative id raises nothing; the largest unsigned one uses up all.
    if (table.id_is_unsigned()) table.next_id = id;
  } else if (id >= table.next_id) {
    table.next_id = id + 1;
  }
}

// Fills an empty key field with a random UUID (RFC 9562, version 4): as text in a string, as 16
// bytes in a bytes field.
void FillUuid(const google::protobuf::FieldDescriptor& field, google::protobuf::Message* record);

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_RECORD_RULES_H_
