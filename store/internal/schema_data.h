// What a kin::Schema holds.
#ifndef KIN_STORE_INTERNAL_SCHEMA_DATA_H_
#define KIN_STORE_INTERNAL_SCHEMA_DATA_H_

#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/model_ops.h"
#include "kin/store/internal/table.h"

namespace kin::internal {

// Immutable.
class SchemaData {
 public:
  // `own` holds those of `ops` that nobody else does.
  explicit SchemaData(std::vector<const ModelOps*> ops,
                      std::vector<std::unique_ptr<const ModelOps>> own = {});

  absl::Status status;
  std::vector<const ModelOps*> ops;  // By position.
  graph::Graph graph;                // Usable if status is OK.
  std::vector<KeyReader> keys;       // Of primary keys.
  absl::flat_hash_map<const google::protobuf::Descriptor*, int> positions;
  // Places in View::slots that models of this schema may have: all are below this.
  std::size_t slots = 0;

 private:
  const std::vector<std::unique_ptr<const ModelOps>> own_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_SCHEMA_DATA_H_
