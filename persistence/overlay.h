// Pieces of serialized messages: single fields, and the rest of a record that no column holds.
#ifndef KIN_PERSISTENCE_OVERLAY_H_
#define KIN_PERSISTENCE_OVERLAY_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "kin/persistence/mapping.h"

namespace kin::persistence {

// One field of a record with its tags, the same bytes for the same value. Empty: an empty repeated
// field.
std::string SerializeField(const google::protobuf::Message& record,
                           const google::protobuf::FieldDescriptor& field);
// Adds what SerializeField gave to `record`. False: the bytes are not that, or hold another field.
bool ParseField(absl::string_view bytes, const google::protobuf::FieldDescriptor& field,
                google::protobuf::Message* record);

// A message on its own, the same bytes for the same value.
std::string SerializeMessage(const google::protobuf::Message& message);
// Reads it into `message`, which is empty.
bool ParseMessage(absl::string_view bytes, google::protobuf::Message* message);

// What the columns of `table` do not hold of a record: unknown fields, extensions, and unknown
// fields within what becomes one value (a Timestamp, a wrapper). Merged into a record made of the
// columns, it gives the whole. Nearly always empty, and then cheap.
std::string SerializeOverlay(const Table& table, const google::protobuf::Message& record);
// False: the bytes are no such thing, or would change what a column holds.
bool ParseOverlay(absl::string_view bytes, const Table& table, google::protobuf::Message* record);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_OVERLAY_H_
