// How fast records are found, associations followed and changes made, beside a bare hash map and
// SQLite. docs/benchmarks.md says what each benchmark measures.
//
//   ./bazelw run --config=bench //bench:association_bench
//   ./bazelw run --config=bench //bench:association_bench -- --benchmark_filter=/1000000
#include "kin/bench/main.h"

int main(int argc, char** argv) {
  if (!kin::bench::Initialize(argc, argv)) return 1;
  return kin::bench::RunGroups();
}
