#include "kin/bench/lookup_benchmarks.h"

namespace kin::bench {

void RegisterFind() { RegisterOp<FindOp>(); }

}  // namespace kin::bench
