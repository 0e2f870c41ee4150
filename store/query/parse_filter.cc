#include "kin/store/query/parse_filter.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/query/internal/filter_parser.h"

namespace kin::query {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FileDescriptor;
using GraphOrError = absl::StatusOr<std::unique_ptr<const graph::Graph>>;

// The models of a file and of all that it imports: what associations of its models lead to.
GraphOrError BuildGraph(const FileDescriptor& file) {
  std::vector<graph::Diagnostic> diagnostics;
  auto graph = std::make_unique<const graph::Graph>(graph::BuildForFile(file, &diagnostics));
  if (!diagnostics.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the models have mistakes: ", diagnostics[0].ToString()));
  }
  return graph;
}

// Those of generated code live as long as the program, and there are only so many.
const GraphOrError& GeneratedGraph(const FileDescriptor& file) {
  static absl::Mutex* const mutex = new absl::Mutex();
  static auto* const graphs = new absl::flat_hash_map<const FileDescriptor*, GraphOrError*>();
  absl::MutexLock lock(mutex);
  GraphOrError*& graph = (*graphs)[&file];
  if (graph == nullptr) graph = new GraphOrError(BuildGraph(file));
  return *graph;
}

absl::StatusOr<Condition> Parse(const Descriptor& model, absl::string_view text,
                                const FilterOptions& options, const GraphOrError& graph) {
  if (!graph.ok()) return graph.status();
  return internal::FilterParser(text, options, **graph).Parse(model);
}

}  // namespace

absl::StatusOr<Condition> ParseFilter(const Descriptor& model, absl::string_view text,
                                      const FilterOptions& options) {
  if (text.size() > options.max_length) {
    return internal::FilterError(options.max_length, absl::StrCat("the filter is longer than ",
                                                                  options.max_length, " bytes"));
  }
  const FileDescriptor& file = *model.file();
  if (file.pool() == DescriptorPool::generated_pool()) {
    return Parse(model, text, options, GeneratedGraph(file));
  }
  return Parse(model, text, options, BuildGraph(file));
}

}  // namespace kin::query
