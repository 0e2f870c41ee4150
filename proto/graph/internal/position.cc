#include "kin/proto/graph/internal/position.h"

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "kin/options.pb.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorProto;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FieldDescriptorProto;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::FileDescriptorProto;
using ::google::protobuf::OneofDescriptor;
using ::google::protobuf::OneofDescriptorProto;
using ::google::protobuf::SourceLocation;

// Field numbers and indexes that lead from a FileDescriptorProto to a declaration.
std::vector<int> PathTo(const Descriptor& message) {
  if (message.containing_type() == nullptr) {
    return {FileDescriptorProto::kMessageTypeFieldNumber, message.index()};
  }
  std::vector<int> path = PathTo(*message.containing_type());
  path.insert(path.end(), {DescriptorProto::kNestedTypeFieldNumber, message.index()});
  return path;
}

std::vector<int> PathTo(const FieldDescriptor& field) {
  if (field.is_extension() && field.extension_scope() == nullptr) {
    return {FileDescriptorProto::kExtensionFieldNumber, field.index()};
  }
  std::vector<int> path =
      PathTo(field.is_extension() ? *field.extension_scope() : *field.containing_type());
  path.insert(path.end(), {field.is_extension() ? int{DescriptorProto::kExtensionFieldNumber}
                                                : int{DescriptorProto::kFieldFieldNumber},
                           field.index()});
  return path;
}

std::vector<int> PathTo(const OneofDescriptor& oneof) {
  std::vector<int> path = PathTo(*oneof.containing_type());
  path.insert(path.end(), {DescriptorProto::kOneofDeclFieldNumber, oneof.index()});
  return path;
}

bool Find(const FileDescriptor& file, const std::vector<int>& path, Position* position) {
  SourceLocation location;
  if (!file.GetSourceLocation(path, &location)) return false;
  position->line = location.start_line + 1;
  position->column = location.start_column + 1;
  return true;
}

// The position of the first of `numbers`, as parts of `element`, that has one; else of `element`.
template <typename Element>
Position PartOf(const Element& element, std::initializer_list<int> numbers) {
  Position position{.file = element.file()->name()};
  std::vector<int> path = PathTo(element);
  for (int number : numbers) {
    path.push_back(number);
    if (Find(*element.file(), path, &position)) return position;
    path.pop_back();
  }
  Find(*element.file(), path, &position);
  return position;
}

template <typename Element>
Position OptionOf(const Element& element, int options, int extension, const OptionPath& inside) {
  std::vector<int> path = PathTo(element);
  path.push_back(options);
  const size_t outermost = path.size();
  path.push_back(extension);
  path.insert(path.end(), inside.begin(), inside.end());
  Position position{.file = element.file()->name()};
  for (; path.size() > outermost; path.pop_back()) {
    if (Find(*element.file(), path, &position)) return position;
  }
  return PositionOf(element);
}

}  // namespace

Position PositionOf(const Descriptor& message) {
  return PartOf(message, {DescriptorProto::kNameFieldNumber});
}

Position PositionOf(const FieldDescriptor& field) {
  return PartOf(field, {FieldDescriptorProto::kNameFieldNumber});
}

Position PositionOf(const OneofDescriptor& oneof) {
  return PartOf(oneof, {OneofDescriptorProto::kNameFieldNumber});
}

Position PositionOfType(const FieldDescriptor& field) {
  return PartOf(
      field, {FieldDescriptorProto::kTypeFieldNumber, FieldDescriptorProto::kTypeNameFieldNumber});
}

Position PositionOfLabel(const FieldDescriptor& field) {
  return PartOf(field,
                {FieldDescriptorProto::kLabelFieldNumber, FieldDescriptorProto::kTypeFieldNumber,
                 FieldDescriptorProto::kTypeNameFieldNumber});
}

Position PositionIn(const Descriptor& message, const OptionPath& path) {
  return OptionOf(message, DescriptorProto::kOptionsFieldNumber, kin::kModelFieldNumber, path);
}

Position PositionIn(const FieldDescriptor& field, const OptionPath& path) {
  return OptionOf(field, FieldDescriptorProto::kOptionsFieldNumber, kin::kFieldFieldNumber, path);
}

}  // namespace kin::graph::internal
