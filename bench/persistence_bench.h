// Benchmarks of persistence; persistence_bench.cc runs them all.
#ifndef KIN_BENCH_PERSISTENCE_BENCH_H_
#define KIN_BENCH_PERSISTENCE_BENCH_H_

namespace kin::bench {

void RegisterFlushes();
void RegisterLoads();
void RegisterDurableCommits();
void RegisterBesideWriteBehind();

}  // namespace kin::bench

#endif  // KIN_BENCH_PERSISTENCE_BENCH_H_
