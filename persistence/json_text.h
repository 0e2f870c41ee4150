// The value of one field as JSON text, for columns with `json: true`. It is JSON as protobuf maps
// it (https://protobuf.dev/programming-guides/json), with fields called as in the .proto file.
#ifndef KIN_PERSISTENCE_JSON_TEXT_H_
#define KIN_PERSISTENCE_JSON_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace kin::persistence {

// The value of `field`, which `record` has. The same text for the same value: maps are in order of
// their keys. Never fails: what JSON has no way to say is left out (unknown fields, extensions) or
// said as well as can be (a NaN is "NaN", a time out of range {"seconds": …, "nanos": …}).
std::string FieldToJson(const google::protobuf::Message& record,
                        const google::protobuf::FieldDescriptor& field);

// Sets the field of `record`, which has it unset. INVALID_ARGUMENT: the text is no JSON, or of
// another type.
absl::Status FieldFromJson(absl::string_view json, const google::protobuf::FieldDescriptor& field,
                           google::protobuf::Message* record);

// Whether the field comes back from its JSON bit for bit.
bool IsAllInJson(const google::protobuf::Message& record,
                 const google::protobuf::FieldDescriptor& field);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_JSON_TEXT_H_
