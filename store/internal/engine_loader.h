// Fills a new engine with the records of a database.
#ifndef KIN_STORE_INTERNAL_ENGINE_LOADER_H_
#define KIN_STORE_INTERNAL_ENGINE_LOADER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/batch_queue.h"
#include "kin/store/internal/engine.h"
#include "kin/store/persistence.h"

namespace kin::internal {

// Guarded by the writer's lock of the engine, which Engine::Open holds meanwhile.
//
// Where a model has very many records and the machine a second core, the records that were added
// are put into their indexes by a thread of this class, while the caller reads the next ones. Each
// of the two has its own of what the writer's lock guards, and they meet in the queue only:
//
//   the caller:  the slab and count of versions, which only it makes and frees; pending_, batch_
//   the thread:  indexes and posting lists, the reclaimer, counts, next ids; waiting_, violations_,
//                refused_
//
// So what the thread does must not take memory from the slab. When the queue has nothing left, as
// in Reserve, and when the thread has ended, the caller may do the thread's part.
class EngineLoader final : public Loader {
 public:
  explicit EngineLoader(Engine* engine) : engine_(*engine), queue_(kMostBatches) {}
  // Frees what was refused, and what was under way where loading was broken off.
  ~EngineLoader() override;
  EngineLoader(const EngineLoader&) = delete;
  EngineLoader& operator=(const EngineLoader&) = delete;

  void Reserve(int model, std::int64_t records) override;
  google::protobuf::Message* New(int model) override;
  SetField SetterOf(int model, const google::protobuf::FieldDescriptor& field) const override;
  absl::Status Add(int model, google::protobuf::Message* record) override;
  void Discard(int model, google::protobuf::Message* record) override;

  // When all records are in: fills the ordered indexes, and returns what breaks the rules.
  std::vector<Violation> Finish();

 private:
  struct Added {
    Table* table = nullptr;
    Version* version = nullptr;
  };
  // A record to be put into its indexes, some records after it was added: meanwhile the buckets
  // that its keys lead to are loaded.
  struct Waiting {
    Table* table = nullptr;
    Version* version = nullptr;
    KeyParts key;
    std::uint64_t hash = 0;
  };
  static constexpr std::size_t kAhead = 8;
  // A model of fewer records is not worth a thread: 100,000 of two fields took longer with one.
  static constexpr std::int64_t kWorthAThread = 200'000;
  static constexpr std::size_t kBatch = 256;
  static constexpr std::size_t kMostBatches = 8;

  // Begins to have records indexed by a thread.
  void StartIndexing();
  // What Add does with a record that is right by itself; in the thread, where there is one.
  void Take(Table& table, Version* version);
  void AddToIndexes(const Waiting& record);
  void Drain();
  // Until the thread, if there is one, has nothing to do.
  void WaitForIndexing();
  void StopIndexing();
  Version* VersionOf(Table& table, google::protobuf::Message* record);
  void CheckValues(const Table& table, const google::protobuf::Message& record);
  void Index(Table& table, Version* version);
  void IndexInOrder(Table& table, OrderedIndex& ordered);
  void CheckParents(Table& child, const Engine::Link& link);
  // False: its parent is missing, which is noted.
  bool CheckParent(Table& child, const Engine::Link& link, const Version* version);

  Engine& engine_;
  BatchQueue<Added> queue_;
  std::vector<Added> batch_;  // To go into queue_.
  std::thread indexing_;
  bool threaded_ = false;               // Changed while indexing_ has nothing to do.
  std::atomic<bool> too_many_ = false;  // Violations: not worth going on fast.

  // Of the thread, while it runs and has something to do.
  std::vector<Violation> violations_;
  std::array<Waiting, kAhead> waiting_;  // A ring: those from added_ up to taken_.
  std::size_t taken_ = 0;
  std::size_t added_ = 0;
  std::vector<std::pair<Table*, Version*>> refused_;  // Which violations_ refers to.
  // Of the caller's thread. Of models known only at run time, whose records do not lie behind their
  // version: the versions that were made and not added yet.
  absl::flat_hash_map<const google::protobuf::Message*, Version*> pending_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ENGINE_LOADER_H_
