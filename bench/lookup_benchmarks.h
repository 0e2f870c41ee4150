// Which lookups are measured on whom. One .cc file an operation.
#ifndef KIN_BENCH_LOOKUP_BENCHMARKS_H_
#define KIN_BENCH_LOOKUP_BENCHMARKS_H_

#include <cstddef>

#include "kin/bench/contenders_shared.h"
#include "kin/bench/lookups.h"
#include "kin/bench/with_writer.h"

namespace kin::bench {

void RegisterFind();
void RegisterBelongsTo();
void RegisterHasOne();

template <typename Op, typename Who>
void RegisterReads(const Setup& setup) {
  RegisterLookups<Op, Who>(setup);
  if constexpr (Op::kOwners) RegisterBatches<Op, Who>(setup);
}

template <typename Op>
void RegisterOp() {
  for (const std::size_t n : {10'000, 1'000'000, 4'000'000}) {
    for (const Keys keys : {Keys::kRandom, Keys::kSequential}) {
      RegisterReads<Op, KinStore>({n, keys});
      RegisterReads<Op, Flat>({n, keys});
      // Below, nothing is large enough for huge pages.
      if (n >= 1'000'000) RegisterReads<Op, KinStore>({n, keys, Pages::kSmall});
    }
  }
  for (const std::size_t n : {10'000, 1'000'000}) {
    RegisterLookups<Op, Sqlite>({n});
    RegisterLookups<Op, FlatMutex>({n});
  }
  const Setup million = {1'000'000};
  RegisterThreads<Op, KinStore>(million);
  RegisterThreads<Op, Flat>(million);
  RegisterThreads<Op, FlatMutex>(million);
  RegisterWithWriter<Op, KinStore>(million);
  RegisterWithWriter<Op, Flat>(million);
  RegisterWithWriter<Op, FlatMutex>(million);
}

}  // namespace kin::bench

#endif  // KIN_BENCH_LOOKUP_BENCHMARKS_H_
