#include "kin/proto/graph/internal/position.h"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <tuple>
#include <utility>
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

// The first of what is recorded below `path`: of `option (kin.model).table = "t";` there is a
// position of the table, but none of `kin.model` itself.
bool FindBelow(const FileDescriptor& file, const std::vector<int>& path, Position* position) {
  FileDescriptorProto proto;
  file.CopySourceCodeInfoTo(&proto);
  bool found = false;
  for (const auto& location : proto.source_code_info().location()) {
    if (location.path_size() < static_cast<int>(path.size()) ||
        !std::equal(path.begin(), path.end(), location.path().begin())) {
      continue;
    }
    const std::pair<int, int> start(location.span(0) + 1, location.span(1) + 1);
    if (found && start >= std::pair<int, int>(position->line, position->column)) continue;
    std::tie(position->line, position->column) = start;
    found = true;
  }
  return found;
}

template <typename Element>
Position OptionOf(const Element& element, int options, int extension, const OptionPath& inside) {
  std::vector<int> path = PathTo(element);
  path.push_back(options);
  const size_t outermost = path.size();
  path.push_back(extension);
  path.insert(path.end(), inside.begin(), inside.end());
  Position position{.file = element.file()->name()};
  // Beside `option (kin.model) = { … }`, protoc counts what is written in options of their own from
  // 0 again, so that their indexes are not those of the merged option.
  std::vector<int> part(path.begin(), path.begin() + static_cast<std::ptrdiff_t>(outermost) + 1);
  if (!Find(*element.file(), part, &position)) part = path;
  if (part.size() < path.size()) part.push_back(path[outermost + 1]);
  for (; part.size() > outermost; part.pop_back()) {
    if (Find(*element.file(), part, &position)) return position;
  }
  for (; path.size() > outermost; path.pop_back()) {
    if (FindBelow(*element.file(), path, &position)) return position;
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
