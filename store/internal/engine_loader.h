// Fills a new engine with the records of a database.
#ifndef KIN_STORE_INTERNAL_ENGINE_LOADER_H_
#define KIN_STORE_INTERNAL_ENGINE_LOADER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
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
  // Frees what was refused, and what was under way where loading was broken off.
  ~EngineLoader() override;
  EngineLoader(const EngineLoader&) = delete;
  EngineLoader& operator=(const EngineLoader&) = delete;

  void Reserve(int model, std::int64_t records) override;
  google::protobuf::Message* New(int model) override;
  absl::Status Add(int model, google::protobuf::Message* record) override;
  void Discard(int model, google::protobuf::Message* record) override;

  // When all records are in: fills the ordered indexes, and returns what breaks the rules.
  std::vector<Violation> Finish();

 private:
  // A record to be put into its indexes, some records after it was added: meanwhile the buckets
  // that its keys lead to are loaded.
  struct Waiting {
    Table* table = nullptr;
    Version* version = nullptr;
    KeyParts key;
    std::uint64_t hash = 0;
  };
  static constexpr std::size_t kAhead = 8;

  void AddToIndexes(const Waiting& record);
  void Drain();
  Version* VersionOf(Table& table, google::protobuf::Message* record);
  void CheckValues(const Table& table, const google::protobuf::Message& record);
  void Index(Table& table, Version* version);
  void IndexInOrder(Table& table, OrderedIndex& ordered);
  void CheckParents(Table& child, const Engine::Link& link);
  // False: its parent is missing, which is noted.
  bool CheckParent(Table& child, const Engine::Link& link, const Version* version);

  Engine& engine_;
  std::vector<Violation> violations_;
  std::array<Waiting, kAhead> waiting_;  // A ring: those from added_ up to taken_.
  std::size_t taken_ = 0;
  std::size_t added_ = 0;
  std::vector<std::pair<Table*, Version*>> refused_;  // Which violations_ refers to.
  // Of models known only at run time, whose records do not lie behind their version: the versions
  // that were made and not added yet.
  absl::flat_hash_map<const google::protobuf::Message*, Version*> pending_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ENGINE_LOADER_H_
