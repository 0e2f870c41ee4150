// Fuzzes what a database says of its schema, and its rows, under AddressSanitizer:
//
//   ./bazelw run --config=fuzz //tests/persistence/sqlite/evolution:stored_fuzz --
//   -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kin/tests/persistence/sqlite/evolution/stored_mutations.h"
#include "kin/tests/testing/temp_dir.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static kin::testing::TempDir dir;
  static kin::testing::StoredMutations mutations(dir.File("test.db"));
  std::string error;
  mutations.Check({data, size}, &error);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::abort();
  }
  return 0;
}
