// A plan in words.
#ifndef KIN_STORE_QUERY_INTERNAL_EXPLAIN_H_
#define KIN_STORE_QUERY_INTERNAL_EXPLAIN_H_

#include "kin/store/query/explanation.h"
#include "kin/store/query/internal/plan.h"

namespace kin::query::internal {

Explanation Explain(const Plan& plan);

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_EXPLAIN_H_
