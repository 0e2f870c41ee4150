// Benchmarks in groups of contenders that are compared with each other.
//
// Machines change between a slow and a fast state within seconds. So each group runs by itself, the
// repetitions of its contenders in random order: what is compared saw the same state.
#ifndef KIN_BENCH_GROUPS_H_
#define KIN_BENCH_GROUPS_H_

#include <functional>
#include <string>

namespace kin::bench {

// Adds to a group, made when it is first named: `add` is called before the group runs, and is to
// call benchmark::RegisterBenchmark.
void InGroup(const std::string& group, std::function<void()> add);

// Parses the program's arguments, those of Google Benchmark; false if one is not known. Unless they
// say otherwise, repetitions are short, many and in random order, and only aggregates are shown.
bool ParseArguments(int argc, char** argv);

// Runs the groups in the order in which they were made, and writes the file of --benchmark_out, in
// JSON. Returns the exit code.
int RunGroups();

}  // namespace kin::bench

#endif  // KIN_BENCH_GROUPS_H_
