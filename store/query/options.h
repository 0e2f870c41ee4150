// Bounds on how long a query may run.
#ifndef KIN_STORE_QUERY_OPTIONS_H_
#define KIN_STORE_QUERY_OPTIONS_H_

#include <atomic>
#include <functional>

#include "absl/time/time.h"

namespace kin {

// Given to Query::With, after which the query's answers are absl::StatusOr: DEADLINE_EXCEEDED or
// CANCELLED if it was stopped. Looked at each few hundred records; not while results are sorted.
struct QueryOptions {
  absl::Time deadline = absl::InfiniteFuture();
  // Set by any thread to stop the query. Null: it cannot be cancelled. Must outlive the query.
  const std::atomic<bool>* cancelled = nullptr;
  // What the deadline is compared with. Null: the machine's clock.
  std::function<absl::Time()> clock = nullptr;
};

}  // namespace kin

#endif  // KIN_STORE_QUERY_OPTIONS_H_
