// Proves that the tables of an engine agree with each other.
#ifndef KIN_STORE_INTERNAL_INVARIANTS_H_
#define KIN_STORE_INTERNAL_INVARIANTS_H_

#include "absl/status/status.h"
#include "kin/store/internal/engine.h"

namespace kin::internal {

// Guarded by the writer's lock of the engine.
class InvariantChecker {
 public:
  explicit InvariantChecker(Engine* engine) : engine_(*engine) {}

  // INTERNAL with the first thing found wrong:
  //  - each live record is exactly once in each index that its fields put it in, and nowhere else;
  //  - an index leads to newest versions and markers only, each where its key hashes to;
  //  - each foreign key that is present has its parent, which finds the child;
  //  - an ordered index has its records in order, each once;
  //  - counts of tables and of posting lists equal recounts.
  absl::Status Run();

 private:
  absl::Status CheckTable(Table& table);
  absl::Status CheckRecord(Table& table, const Version* version);
  absl::Status CheckOrdered(const Table& table, int index);
  absl::Status CheckIndex(Table& table, int index, std::int64_t live);

  Engine& engine_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_INVARIANTS_H_
