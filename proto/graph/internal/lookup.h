// Finding models and fields by the names that options give, and guessing what a wrong one meant.
#ifndef KIN_PROTO_GRAPH_INTERNAL_LOOKUP_H_
#define KIN_PROTO_GRAPH_INTERNAL_LOOKUP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace kin::graph::internal {

// The message that `name` means inside `scope`, as protobuf resolves type names: from the innermost
// scope outward, absolute with a leading dot, and only in what the file of `scope` imports.
struct MessageLookup {
  const google::protobuf::Descriptor* found = nullptr;
  // Where nothing was found: a message that would be, were its file imported.
  const google::protobuf::Descriptor* not_imported = nullptr;
};
MessageLookup FindMessage(absl::string_view name, const google::protobuf::Descriptor& scope);

// How `message` is best written inside `scope`: without the package where that is the same.
std::string NameIn(const google::protobuf::Descriptor& message,
                   const google::protobuf::Descriptor& scope);

// `; did you mean "x"?` with the candidate nearest to `name`, or nothing if none is near.
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates);

// The names of the fields of a message.
std::vector<std::string> FieldNames(const google::protobuf::Descriptor& message);

// `"a", "b" and "c"`.
std::string Quoted(const std::vector<std::string>& names);

// "int64", "repeated string", "message a.B", "enum a.E".
std::string TypeText(const google::protobuf::FieldDescriptor& field);

// Whether a field can be part of a key: a singular integer, string or bytes.
bool CanBeKey(const google::protobuf::FieldDescriptor& field);
// Whether a field can be in an index: what can be a key, and bool, enum, float and double.
bool CanBeIndexed(const google::protobuf::FieldDescriptor& field);
// Whether two fields that can be keys hold the same values: int64 and sint64 do.
bool SameKeyType(const google::protobuf::FieldDescriptor& a,
                 const google::protobuf::FieldDescriptor& b);

}  // namespace kin::graph::internal

#endif  // KIN_PROTO_GRAPH_INTERNAL_LOOKUP_H_
