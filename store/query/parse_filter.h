// Conditions that come from outside the program as text, in the filter syntax of
// https://google.aip.dev/160:
//
//   age >= 18 AND (user_info.infos = "c*" OR NOT manager:*)
//
// What the syntax is, what it means and every error are in docs/filters.md. The result is the same
// tree that a condition written in C++ makes.
//
// Whoever sends a filter can do no more than to have it refused: text of any kind is parsed in time
// and memory that FilterOptions bounds. How long the query then runs depends on the data, as for
// any other; give it a deadline.
#ifndef KIN_STORE_QUERY_PARSE_FILTER_H_
#define KIN_STORE_QUERY_PARSE_FILTER_H_

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/query/expression.h"
#include "kin/store/query/tree.h"

namespace kin {

// What is refused as too much.
struct FilterOptions {
  // Bytes of text.
  std::size_t max_length = 8192;
  // Parentheses in each other, and parts of a path. More than 100 is 100: that is what the stack of
  // any thread has room for.
  int max_depth = 32;
  // Comparisons, and values that are alternatives of one.
  int max_terms = 256;
  // Associations from the model to a field; each may multiply the records to look at.
  int max_associations = 4;
  // Regular expressions, of `matches` and of texts with `*` elsewhere than around a word.
  int max_patterns = 16;
  // Bytes of memory for each of these, compiled and running.
  std::size_t max_pattern_memory = std::size_t{1} << 18;
};

namespace query {

// The condition that `text` is on records of `model`, which need not have generated code. No text,
// or white space: true for every record.
//
// INVALID_ARGUMENT, "filter, column N: ...": the text is no filter of that model, or more than
// `options` allows. N counts bytes from 1.
//
// Takes time linear in the text, and in the model's names if one is misspelt. The first call for a
// file of generated models, and every call for others, reads the options of all models in it.
// Thread-safe.
absl::StatusOr<Condition> ParseFilter(const google::protobuf::Descriptor& model,
                                      absl::string_view text, const FilterOptions& options = {});

}  // namespace query

// The same for a model with generated code, for Query<M>::Where and && || ! with other conditions:
//
//   absl::StatusOr<kin::Filter<User>> filter = kin::ParseFilter<User>(text);
template <typename M>
absl::StatusOr<Filter<M>> ParseFilter(absl::string_view text, const FilterOptions& options = {}) {
  absl::StatusOr<query::Condition> condition = query::ParseFilter(*M::descriptor(), text, options);
  if (!condition.ok()) return condition.status();
  return Filter<M>(*std::move(condition));
}

}  // namespace kin

#endif  // KIN_STORE_QUERY_PARSE_FILTER_H_
