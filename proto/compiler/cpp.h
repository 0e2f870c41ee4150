// How the emitted C++ spells what the graph has. All names are qualified from the global namespace,
// so that none can be hidden by what a model declares.
#ifndef KIN_PROTO_COMPILER_CPP_H_
#define KIN_PROTO_COMPILER_CPP_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {

// "::accounts::User", "::accounts::UserRef", "::accounts::UserModel".
std::string Class(const graph::Model& model);
std::string Ref(const graph::Model& model);
std::string Constants(const graph::Model& model);

// "User_F_email" and "User_A_posts", and the same qualified.
std::string FieldStruct(const google::protobuf::FieldDescriptor& field);
std::string AssociationStruct(const graph::Association& association);
std::string QualifiedFieldStruct(const google::protobuf::FieldDescriptor& field);
std::string QualifiedAssociationStruct(const graph::Association& association);

// The type of a field's value, of its elements if it is repeated: "::std::int64_t".
std::string ValueType(const google::protobuf::FieldDescriptor& field);
// As a parameter that is a part of a key: "::std::int64_t", "::absl::string_view".
std::string KeyParameter(const google::protobuf::FieldDescriptor& field);

// "has_one", and the template of its constants, "HasOne".
absl::string_view Template(const graph::Association& association);

// What the method of an association returns.
std::string ReturnType(const graph::Association& association);

// The oneofs of a model with an arm that is a foreign key, each with the associations of its arms.
struct Polymorphic {
  const google::protobuf::OneofDescriptor* oneof = nullptr;
  std::vector<const graph::Association*> arms;
};
std::vector<Polymorphic> PolymorphicOf(const graph::Model& model);

// "accounts.User" less the package if that is the one of `file`: for comments.
std::string Spoken(const graph::Model& model, const google::protobuf::FileDescriptor& file);

}  // namespace kin::compiler

#endif  // KIN_PROTO_COMPILER_CPP_H_
