// Reading a field as a part of a key, by reflection.
#ifndef KIN_STORE_INTERNAL_READ_FIELD_H_
#define KIN_STORE_INTERNAL_READ_FIELD_H_

#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/key_parts.h"

namespace kin::internal {

// False if the field is absent, or a message. REQUIRES: it is not repeated.
bool ReadField(const google::protobuf::Message& record,
               const google::protobuf::FieldDescriptor& field, KeyPart* part);
// The same where an absent field has its default.
bool ReadFieldOrDefault(const google::protobuf::Message& record,
                        const google::protobuf::FieldDescriptor& field, KeyPart* part);
// An element of a repeated field; false if it is a message. May use `scratch` to hold the bytes.
bool ReadElement(const google::protobuf::Message& record,
                 const google::protobuf::FieldDescriptor& field, int index, std::string* scratch,
                 KeyPart* part);

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_READ_FIELD_H_
