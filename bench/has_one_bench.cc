#include "kin/bench/lookup_benchmarks.h"

namespace kin::bench {

void RegisterHasOne() { RegisterOp<HasOneOp>(); }

}  // namespace kin::bench
