// Fills a new engine with the records of a database.
#ifndef KIN_STORE_INTERNAL_ENGINE_LOADER_H_
#define KIN_STORE_INTERNAL_ENGINE_LOADER_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/engine.h"
#include "kin/store/persistence.h"

namespace kin::internal {

// Guarded by the writer's lock of the engine, which Engine::Open holds meanwhile.
class EngineLoader final : public Loader {
 public:
  explicit EngineLoader(Engine* engine) : engine_(*engine) {}

  void Reserve(int model, std::int64_t records) override;
  google::protobuf::Message* New(int model) override;
  absl::Status Add(int model, google::protobuf::Message* record) override;
  void Discard(int model, google::protobuf::Message* record) override;

  // When all records are in: fills the ordered indexes, and returns what breaks the rules.
  std::vector<Violation> Finish();

 private:
  Version* VersionOf(Table& table, google::protobuf::Message* record);
  void CheckValues(const Table& table, const google::protobuf::Message& record);
  void Index(Table& table, Version* version);
  void IndexInOrder(Table& table, OrderedIndex& ordered);
  void CheckParents(Table& child, const Engine::Link& link);
  // False: its parent is missing, which is noted.
  bool CheckParent(Table& child, const Engine::Link& link, const Version* version);

  Engine& engine_;
  std::vector<Violation> violations_;
  // Of models known only at run time, whose records do not lie behind their version: the versions
  // that were made and not added yet.
  absl::flat_hash_map<const google::protobuf::Message*, Version*> pending_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ENGINE_LOADER_H_
