// Fuzzes the parser of filters, and what it makes of them:
//
//   ./bazelw run --config=fuzz //tests/store/query/fuzz:filter_fuzz -- -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "kin/tests/store/query/fuzz/filter_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = kin::query::TextFrom({data, size});
  std::string error;
  kin::query::CheckFilter(text, &error);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n%s\n", text.c_str(), error.c_str());
    std::abort();
  }
  return 0;
}
