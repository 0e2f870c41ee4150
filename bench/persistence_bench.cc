// How fast changes reach SQLite, records come back, and commits are safe, beside a program written
// by hand on SQLite's C API that does the same with the same tables, pragmas and transactions.
// docs/benchmarks.md says what each benchmark measures.
//
//   ./bazelw run --config=bench //bench:persistence_bench
#include "kin/bench/persistence_bench.h"

#include <string>
#include <vector>

#include "benchmark/benchmark.h"

int main(int argc, char** argv) {
  std::vector<std::string> defaults = {
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_repetitions=5",
      "--benchmark_display_aggregates_only=true",
  };
  std::vector<char*> arguments = {argv[0]};
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  kin::bench::RegisterFlushes();
  kin::bench::RegisterLoads();
  kin::bench::RegisterDurableCommits();
  kin::bench::RegisterBesideWriteBehind();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
