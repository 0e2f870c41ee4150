// protoc-gen-kin: the plugin of protoc that writes x.kin.h and x.kin.cc for each x.proto.
//
// Three parts that know nothing of each other: this one loads descriptors and reports mistakes,
// proto/graph resolves and checks the models, and emit.h writes the code.
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/compiler/code_generator.h"
#include "google/protobuf/compiler/plugin.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/printer.h"
#include "google/protobuf/io/zero_copy_stream.h"
#include "kin/proto/compiler/emit.h"
#include "kin/proto/graph/graph.h"

namespace kin::compiler {
namespace {

using ::google::protobuf::FileDescriptor;
using ::google::protobuf::compiler::GeneratorContext;
using ::google::protobuf::io::Printer;
using ::google::protobuf::io::ZeroCopyOutputStream;

class Generator : public google::protobuf::compiler::CodeGenerator {
 public:
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }

  bool Generate(const FileDescriptor* file, const std::string& parameter, GeneratorContext* context,
                std::string* error) const override {
    return GenerateAll({file}, parameter, context, error);
  }

  bool GenerateAll(const std::vector<const FileDescriptor*>& files, const std::string& parameter,
                   GeneratorContext* context, std::string* error) const override {
    if (!parameter.empty()) {
      *error = absl::StrCat("there are no options, so there is no \"", parameter, "\"");
      return false;
    }
    std::vector<graph::Graph> graphs;
    if (!Validate(files, &graphs, error)) return false;
    for (size_t i = 0; i < files.size(); ++i) {
      const std::unique_ptr<ZeroCopyOutputStream> header(context->Open(HeaderName(*files[i])));
      Printer header_printer(header.get(), '$');
      EmitHeader(*files[i], graphs[i], header_printer);
      const std::unique_ptr<ZeroCopyOutputStream> source(context->Open(SourceName(*files[i])));
      Printer source_printer(source.get(), '$');
      EmitSource(*files[i], graphs[i], source_printer);
    }
    return true;
  }

 private:
  // protoc puts the name of the plugin before what it is told, so mistakes go to the error output
  // by themselves: editors and build tools find them by file:line:column at the beginning.
  static bool Validate(const std::vector<const FileDescriptor*>& files,
                       std::vector<graph::Graph>* graphs, std::string* error) {
    absl::flat_hash_set<std::string> reported;
    for (const FileDescriptor* file : files) {
      std::vector<graph::Diagnostic> diagnostics;
      graphs->push_back(graph::BuildForFile(*file, &diagnostics));
      for (const graph::Diagnostic& diagnostic : diagnostics) {
        // A mistake in a file shows in all that import it.
        const auto [text, inserted] = reported.insert(diagnostic.ToString());
        if (inserted) std::cerr << *text << '\n';
      }
    }
    if (reported.empty()) return true;
    *error = absl::StrCat(reported.size(), reported.size() == 1 ? " mistake" : " mistakes",
                          " in the models; nothing was generated");
    return false;
  }
};

}  // namespace
}  // namespace kin::compiler

int main(int argc, char** argv) {
  const kin::compiler::Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
