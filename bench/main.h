// What the programs of benchmarks have in common.
#ifndef KIN_BENCH_MAIN_H_
#define KIN_BENCH_MAIN_H_

#include "kin/bench/groups.h"
#include "kin/bench/lookup_benchmarks.h"
#include "kin/bench/write_bench.h"

namespace kin::bench {

// Takes the program's arguments and registers what is always measured. False: an argument is not
// known.
inline bool Initialize(int argc, char** argv) {
  if (!ParseArguments(argc, argv)) return false;
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
