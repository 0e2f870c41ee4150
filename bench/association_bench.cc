// How fast records are found and associations followed, beside a bare hash map and SQLite.
//
//   ./bazelw run --config=bench //bench:association_bench
//
// Reports medians of repetitions in random order, so that all contenders see the machine's slow and
// fast moments alike. Flags of Google Benchmark override that.
#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "kin/bench/lookups.h"

namespace kin::bench {
namespace {

template <typename Op>
void RegisterOp() {
  for (const std::size_t n : {10'000, 1'000'000}) {
    RegisterLookups<Op, KinStore>({n});
    RegisterLookups<Op, Flat>({n});
    RegisterLookups<Op, Sqlite>({n});
  }
}

}  // namespace
}  // namespace kin::bench

int main(int argc, char** argv) {
  std::vector<std::string> defaults = {
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
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  kin::bench::RegisterOp<kin::bench::BelongsToOp>();
  kin::bench::RegisterOp<kin::bench::HasOneOp>();
  kin::bench::RegisterOp<kin::bench::FindOp>();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
