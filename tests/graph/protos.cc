#include "kin/tests/graph/protos.h"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "google/protobuf/compiler/importer.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "gtest/gtest.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {
namespace {

// "line:column" of what follows each mark, or run of marks.
std::vector<std::string> MarksIn(absl::string_view text) {
  std::vector<std::string> marks;
  int line = 1;
  int column = 1;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, kMark.size()) == kMark) {
      size_t length = kMark.size();
      while (text.substr(i + length, kMark.size()) == kMark) length += kMark.size();
      marks.push_back(absl::StrCat(line, ":", column + length));
    }
    ++column;
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
  }
  return marks;
}

}  // namespace

class Protos::Tree : public google::protobuf::compiler::SourceTree {
 public:
  explicit Tree(const std::map<std::string, std::string>* texts) : texts_(texts) {}

  google::protobuf::io::ZeroCopyInputStream* Open(const std::string& name) override {
    const auto text = texts_->find(name);
    if (text == texts_->end()) return nullptr;
    return new google::protobuf::io::ArrayInputStream(text->second.data(),
                                                      static_cast<int>(text->second.size()));
  }

 private:
  const std::map<std::string, std::string>* const texts_;
};

class Protos::Errors : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& text) override {
    ADD_FAILURE() << file << ":" << line + 1 << ":" << column + 1 << ": " << text;
  }
};

Protos::Protos()
    : tree_(std::make_unique<Tree>(&texts_)),
      errors_(std::make_unique<Errors>()),
      importer_(
          std::make_unique<google::protobuf::compiler::Importer>(tree_.get(), errors_.get())) {
  for (const google::protobuf::FileDescriptor* file :
       {kin::ModelOptions::descriptor()->file(),
        google::protobuf::FileDescriptorProto::descriptor()->file()}) {
    Add(file->name(), file->DebugString());
  }
}

Protos::~Protos() = default;

Protos& Protos::Add(const std::string& name, absl::string_view text) {
  texts_[name] = std::string(text);
  return *this;
}

Protos& Protos::AddTest(absl::string_view text, const std::string& imports) {
  return Add("test.proto", absl::StrCat("syntax = \"proto3\"; package p; "
                                        "import \"kin/options.proto\"; ",
                                        imports, "\n", text));
}

const google::protobuf::FileDescriptor* Protos::Import(const std::string& name) {
  return importer_->Import(name);
}

std::vector<std::string> Protos::Diagnose(const std::string& name) {
  const google::protobuf::FileDescriptor* file = Import(name);
  if (file == nullptr) return {"protobuf does not accept it"};
  std::vector<Diagnostic> diagnostics;
  BuildForFile(*file, &diagnostics);
  std::vector<std::string> messages;
  std::vector<std::string> positions;
  for (const Diagnostic& diagnostic : diagnostics) {
    EXPECT_EQ(diagnostic.file, name);
    positions.push_back(absl::StrCat(diagnostic.line, ":", diagnostic.column));
    messages.push_back(diagnostic.message);
  }
  EXPECT_EQ(positions, MarksIn(texts_[name])) << ::testing::PrintToString(messages);
  return messages;
}

Graph Protos::Build(const std::string& name) {
  const google::protobuf::FileDescriptor* file = Import(name);
  if (file == nullptr) return {};
  std::vector<Diagnostic> diagnostics;
  Graph graph = BuildForFile(*file, &diagnostics);
  for (const Diagnostic& diagnostic : diagnostics) ADD_FAILURE() << diagnostic.ToString();
  return graph;
}

std::vector<std::string> Diagnose(absl::string_view text) {
  return Protos().AddTest(text).Diagnose();
}

}  // namespace kin::graph
