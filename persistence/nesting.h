// How deep messages are nested. Protobuf reads and writes them by recursion, so there is a depth up
// to which a record can be stored and read again.
#ifndef KIN_PERSISTENCE_NESTING_H_
#define KIN_PERSISTENCE_NESTING_H_

#include <cstdint>

#include "google/protobuf/message.h"

namespace kin::persistence {

inline constexpr int kMostNesting = 1000;

// Whether a message of the field's type may contain one of its own type, also by way of extensions.
// False if the field is not of a message type.
bool IsRecursive(const google::protobuf::FieldDescriptor& field);

// Whether the field's value is nested too deep. `size` is record.ByteSizeLong().
bool IsNestedTooDeep(const google::protobuf::Message& record,
                     const google::protobuf::FieldDescriptor& field, std::int64_t size);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_NESTING_H_
