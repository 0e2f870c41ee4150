// What the programs of benchmarks have in common.
#ifndef KIN_BENCH_MAIN_H_
#define KIN_BENCH_MAIN_H_

#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "kin/bench/lookup_benchmarks.h"
#include "kin/bench/write_bench.h"

namespace kin::bench {

// Takes the program's arguments and registers what is always measured. By default repetitions are
// in random order, so that all contenders see the machine's slow and fast moments alike, and only
// their medians and the like are shown. Flags of Google Benchmark override that. False: a flag that
// is not known.
inline bool Initialize(int argc, char** argv) {
  static auto& defaults = *new std::vector<std::string>{
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_repetitions=9",
      "--benchmark_min_time=0.02",
      "--benchmark_report_aggregates_only=true",
  };
  std::vector<char*> arguments = {argv[0]};
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return false;
  RegisterBelongsTo();
  RegisterHasOne();
  RegisterFind();
  RegisterSnapshots();
  RegisterWrites();
  RegisterMemory();
  return true;
}

}  // namespace kin::bench

#endif  // KIN_BENCH_MAIN_H_
