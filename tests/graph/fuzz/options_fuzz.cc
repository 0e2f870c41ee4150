// Fuzzes the resolver of models through their options:
//
//   ./bazelw run --config=fuzz //tests/graph/fuzz:options_fuzz -- -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kin/tests/graph/fuzz/option_mutations.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string error;
  kin::graph::CheckMutation({data, size}, &error);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    std::abort();
  }
  return 0;
}
