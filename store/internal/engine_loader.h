// Fills a new engine with the records of a database.
#ifndef KIN_STORE_INTERNAL_ENGINE_LOADER_H_
#define KIN_STORE_INTERNAL_ENGINE_LOADER_H_

#include <cstdint>
#include <vector>

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

  // When all records are in: fills the other indexes, and finds what breaks the rules.
  std::vector<Violation> BuildIndexes();

 private:
  Version* VersionOf(Table& table, google::protobuf::Message* record);
  static void CheckValues(const Table& table, const google::protobuf::Message& record,
                          std::vector<Violation>* violations);
  void Index(Table& table, Version* version, std::vector<Violation>* violations);
  void IndexInOrder(Table& table, OrderedIndex& ordered);
  void CheckParents(Table& table, const Version* version, std::vector<Violation>* violations);

  Engine& engine_;
  // Of models known only at run time: the version of the record that New gave last.
  Version* pending_ = nullptr;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ENGINE_LOADER_H_
