// Writes the C++ of the models of one .proto file: x.kin.h and x.kin.cc.
//
// Expects a graph without mistakes; says nothing of its own.
#ifndef KIN_PROTO_COMPILER_EMIT_H_
#define KIN_PROTO_COMPILER_EMIT_H_

#include <string>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/printer.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {

// The names of what is written for a file: "a/b.kin.h" for "a/b.proto".
std::string HeaderName(const google::protobuf::FileDescriptor& file);
std::string SourceName(const google::protobuf::FileDescriptor& file);

// `graph` has the models of `file` and of all that it imports.
void EmitHeader(const google::protobuf::FileDescriptor& file, const graph::Graph& graph,
                google::protobuf::io::Printer& out);
void EmitSource(const google::protobuf::FileDescriptor& file, const graph::Graph& graph,
                google::protobuf::io::Printer& out);

}  // namespace kin::compiler

#endif  // KIN_PROTO_COMPILER_EMIT_H_
