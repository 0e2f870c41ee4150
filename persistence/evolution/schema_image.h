// A schema that was stored in a database, read back into a descriptor pool of its own: what is
// linked into the program has no part in it.
#ifndef KIN_PERSISTENCE_EVOLUTION_SCHEMA_IMAGE_H_
#define KIN_PERSISTENCE_EVOLUTION_SCHEMA_IMAGE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "kin/persistence/mapping.h"
#include "kin/proto/graph/graph.h"

namespace kin::persistence {

// Immutable.
class SchemaImage {
 public:
  // `descriptors`: a serialized FileDescriptorSet, each file after those it imports. `models`: the
  // full names of the messages that are models of the schema. DATA_LOSS: it is none.
  static absl::StatusOr<std::unique_ptr<SchemaImage>> Read(absl::string_view descriptors,
                                                           absl::Span<const std::string> models);

  const graph::Graph& graph() const { return graph_; }
  const Mapping& mapping() const { return mapping_; }

 private:
  SchemaImage() = default;

  google::protobuf::DescriptorPool pool_;
  graph::Graph graph_;
  Mapping mapping_;
};

// The reverse of Read: the files of the models, and all that they import.
std::string SerializeDescriptors(const graph::Graph& graph);
// The names of the models in Mapping::ToText().
std::vector<std::string> ModelsOfText(absl::string_view mapping_text);

// 32 hexadecimal digits that tell two schemas apart: their tables (Mapping::ToText) and the
// messages that are values in columns. Names of files, comments and the order of fields do not
// matter; nor those of oneofs, but which fields exclude each other does.
std::string Fingerprint(const Mapping& mapping);
// As databases have it that were made before oneofs were looked at.
std::string FormerFingerprint(const Mapping& mapping);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_EVOLUTION_SCHEMA_IMAGE_H_
