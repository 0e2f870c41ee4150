#include "kin/bench/lookup_benchmarks.h"

namespace kin::bench {

void RegisterBelongsTo() { RegisterOp<BelongsToOp>(); }

}  // namespace kin::bench
