// The parts of an emitted file, one model each.
#ifndef KIN_PROTO_COMPILER_EMIT_PARTS_H_
#define KIN_PROTO_COMPILER_EMIT_PARTS_H_

#include "google/protobuf/io/printer.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {

// What describes the fields and associations to the store: structs of types, constants and inline
// functions, in the namespace kin_internal.
void EmitDescriptors(const graph::Model& model, google::protobuf::io::Printer& out);
// The specialisation of kin::ModelTraits.
void EmitTraits(const graph::Model& model, google::protobuf::io::Printer& out);
// The struct of constants.
void EmitConstants(const graph::Model& model, google::protobuf::io::Printer& out);
// The reference, and the definitions of its methods, which need all references of the file.
void EmitRef(const graph::Model& model, google::protobuf::io::Printer& out);
void EmitRefMethods(const graph::Model& model, google::protobuf::io::Printer& out);
// The functions that reach the fields of a message whose type is not known.
void EmitOps(const graph::Model& model, google::protobuf::io::Printer& out);

}  // namespace kin::compiler

#endif  // KIN_PROTO_COMPILER_EMIT_PARTS_H_
