// Databases whose stored schema, and rows, somebody damaged or edited: opened, they are an error or
// work.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_STORED_MUTATIONS_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_STORED_MUTATIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/types/span.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"

namespace kin::testing {

// Thread-compatible.
class StoredMutations {
 public:
  enum class Outcome { kOpened, kMigrated, kRefused };

  // Uses the file `path`, and those beside it.
  explicit StoredMutations(std::string path);

  // Changes a database as `bytes` say, and opens it with its own schema or a newer one. `error`:
  // what is wrong with how it went; else left empty.
  Outcome Check(absl::Span<const std::uint8_t> bytes, std::string* error);

 private:
  const std::string path_;
  const DynamicSchema first_;
  const DynamicSchema own_;
  const DynamicSchema newer_;
  std::string original_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_STORED_MUTATIONS_H_
