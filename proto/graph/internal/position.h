// Where in a .proto file something was written, as far as its descriptor tells.
//
// protoc records a position for each name, and one for each option as it was written. A value
// inside the braces of `option (kin.model) = { … }` has none of its own; the position of the option
// is then the nearest there is.
#ifndef KIN_PROTO_GRAPH_INTERNAL_POSITION_H_
#define KIN_PROTO_GRAPH_INTERNAL_POSITION_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"

namespace kin::graph::internal {

// Field numbers and indexes that lead from an options message to a value in it.
using OptionPath = std::vector<int>;

struct Position {
  std::string file;
  int line = 0;  // From 1; 0 if not known.
  int column = 0;
};

// The name of a message, field or oneof.
Position PositionOf(const google::protobuf::Descriptor& message);
Position PositionOf(const google::protobuf::FieldDescriptor& field);
Position PositionOf(const google::protobuf::OneofDescriptor& oneof);
// The type of a field.
Position PositionOfType(const google::protobuf::FieldDescriptor& field);
// The word `optional`, `required` or `repeated`; the field's type if there is none.
Position PositionOfLabel(const google::protobuf::FieldDescriptor& field);
// A value in `kin.model` or `kin.field`, or the nearest that encloses it.
Position PositionIn(const google::protobuf::Descriptor& message, const OptionPath& path);
Position PositionIn(const google::protobuf::FieldDescriptor& field, const OptionPath& path);

}  // namespace kin::graph::internal

#endif  // KIN_PROTO_GRAPH_INTERNAL_POSITION_H_
