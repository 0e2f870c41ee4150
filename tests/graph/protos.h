// Compiles .proto files that are given as text, with the positions protoc would know.
#ifndef KIN_TESTS_GRAPH_PROTOS_H_
#define KIN_TESTS_GRAPH_PROTOS_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/compiler/importer.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {

// What a position is expected at: right after it in the text of a .proto file.
inline constexpr absl::string_view kMark = "/*!*/";

// .proto files in memory, in a descriptor pool of their own. kin/options.proto is among them.
class Protos {
 public:
  Protos();

  Protos& Add(const std::string& name, absl::string_view text);
  // Adds "test.proto": proto3, package `p`, with kin/options.proto imported, all on the first line.
  Protos& AddTest(absl::string_view text, const std::string& imports = "");

  // A test failure and null if protobuf does not accept the file.
  const google::protobuf::FileDescriptor* Import(const std::string& name = "test.proto");

  // Finds the mistakes of a file, expects them at the marks in it, and gives their messages.
  std::vector<std::string> Diagnose(const std::string& name = "test.proto");

  // The graph of a file, which is expected to have no mistakes.
  Graph Build(const std::string& name = "test.proto");

 private:
  class Tree;
  class Errors;

  std::map<std::string, std::string> texts_;
  std::unique_ptr<Tree> tree_;
  std::unique_ptr<Errors> errors_;
  std::unique_ptr<google::protobuf::compiler::Importer> importer_;

 public:
  ~Protos();
};

// The messages of the mistakes in the text of a test.proto, which are expected at its marks.
std::vector<std::string> Diagnose(absl::string_view text);

}  // namespace kin::graph

#endif  // KIN_TESTS_GRAPH_PROTOS_H_
