// Benchmarks of what is not a lookup: snapshots, writing, memory.
#ifndef KIN_BENCH_WRITE_BENCH_H_
#define KIN_BENCH_WRITE_BENCH_H_

namespace kin::bench {

void RegisterSnapshots();
void RegisterWrites();
void RegisterMemory();

}  // namespace kin::bench

#endif  // KIN_BENCH_WRITE_BENCH_H_
