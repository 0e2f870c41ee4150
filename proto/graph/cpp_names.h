// The C++ names of what protobuf and Kin generate for a message. They follow protobuf's own rules:
// nested messages are flattened to Outer_Inner, accessors are in lower case, and a name that is a
// keyword gets an underscore.
#ifndef KIN_PROTO_GRAPH_CPP_NAMES_H_
#define KIN_PROTO_GRAPH_CPP_NAMES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace kin::graph {

// `name`, with an underscore after it if it is a keyword of C++.
std::string CppIdentifier(absl::string_view name);

// The accessor of a field: "class_" for `class`, "userid" for `UserID`.
std::string FieldAccessor(const google::protobuf::FieldDescriptor& field);

// The unqualified class of a message or enum: "Outer_Inner".
std::string CppClass(const google::protobuf::Descriptor& message);
std::string CppClass(const google::protobuf::EnumDescriptor& type);

// As CppClass, but without regard to keywords: what other names are made of.
std::string FlatName(const google::protobuf::Descriptor& message);

// The unqualified names that Kin generates for a model: "Outer_InnerRef", "Outer_InnerModel".
std::string RefClass(const google::protobuf::Descriptor& model);
std::string ModelClass(const google::protobuf::Descriptor& model);

// "::a::b" for package a.b; empty without a package.
std::string CppNamespace(const google::protobuf::FileDescriptor& file);

}  // namespace kin::graph

#endif  // KIN_PROTO_GRAPH_CPP_NAMES_H_
