// Benchmarks in groups of contenders that are compared with each other.
//
// Machines change between a slow and a fast state within seconds. So the contenders of a group take
// turns, in slices of some tens of milliseconds, and bench/report.py compares slice by slice: what
// is compared saw the same state.
#ifndef KIN_BENCH_GROUPS_H_
#define KIN_BENCH_GROUPS_H_

#include <functional>
#include <string>

namespace kin::bench {

// How often the members of a group take their turn.
enum class Turns {
  kMany,  // As often as --benchmark_repetitions says, 15 times if it does not.
  kOnce,  // For what does not vary.
};

// Adds to a group, made when it is first named: `add` is called before each turn, and is to call
// benchmark::RegisterBenchmark.
void InGroup(const std::string& group, std::function<void()> add, Turns turns = Turns::kMany);

// Parses the program's arguments, those of Google Benchmark; false if one is not known. Unless they
// say otherwise, a turn is 20 ms.
bool ParseArguments(int argc, char** argv);

// Runs the groups in the order in which they were made, shows the median of each benchmark, and
// writes the file of --benchmark_out, in JSON, with every turn. Returns the exit code.
int RunGroups();

}  // namespace kin::bench

#endif  // KIN_BENCH_GROUPS_H_
