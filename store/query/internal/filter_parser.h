// The grammar of filters: text to tree in one pass, typed as it is read.
//
//   filter      : [expression]
//   expression  : factor {[AND] factor}
//   factor      : term {OR term}
//   term        : [NOT | -] (restriction | "(" expression ")")
//   restriction : path operator value | path : "(" … ")"
//               | count "(" path ")" operator value | matches "(" path , string ")"
//   value       : word | string | "(" expression of values ")"
#ifndef KIN_STORE_QUERY_INTERNAL_FILTER_PARSER_H_
#define KIN_STORE_QUERY_INTERNAL_FILTER_PARSER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/query/internal/filter_leaf.h"
#include "kin/store/query/internal/filter_lexer.h"
#include "kin/store/query/internal/filter_path.h"
#include "kin/store/query/parse_filter.h"

namespace kin::query::internal {

// For one filter. Thread-compatible. What is given to it must outlive it.
class FilterParser {
 public:
  // `graph` has the model and what its associations lead to.
  FilterParser(absl::string_view text, const FilterOptions& options, const graph::Graph& graph);
  absl::StatusOr<Condition> Parse(const google::protobuf::Descriptor& model);

 private:
  // Where an expression stands: its terms are restrictions, or else values of one restriction.
  struct Context {
    Scope scope;
    const Restriction* restriction = nullptr;
  };
  struct Function {
    std::string name;
    std::size_t offset = 0;
  };

  // These give null when there was an error, which is then in status_. They begin at token_ and
  // end after what they read.
  Condition Expression(const Context& context);
  Condition Factor(const Context& context);
  // `leaf.equals` is kept where the term is a value alone.
  bool Term(const Context& context, Leaf* leaf);
  Condition Parenthesis(const Context& inner, const Context& outer);
  Condition ReadRestriction(const Context& context);
  Condition ReadFunction(const Context& context, const Function& function);
  Condition ReadMatches(const Target& target, std::size_t offset);
  Condition Argument(const Context& context, const Restriction& restriction);
  Condition Nested(const Context& context, const Restriction& restriction);
  // What is after the value is read as of that place.
  bool ReadValue(const Restriction& restriction, Lexer::Place after, Leaf* leaf);
  bool ReadPath(const Context& context, std::vector<Token> parts, Target* target);

  // False on an error.
  bool Advance(Lexer::Place place);
  bool Advance(const Context& context) {
    return Advance(context.restriction == nullptr ? Lexer::Place::kName : Lexer::Place::kValue);
  }
  bool Expect(absl::string_view sign);
  bool CountTerm(std::size_t offset);
  bool CheckDepth(int depth);
  // Of a StatusOr: whether it is OK; else the error is kept.
  template <typename T>
  bool Take(absl::StatusOr<T> from, T* to);
  // False, and null.
  bool Fail(std::size_t offset, absl::string_view message);
  bool FailExpected(absl::string_view what);
  bool FailWithoutOperator(const Context& context, const Token& word);

  const FilterOptions& options_;
  const PathLimits limits_;
  const graph::Graph& graph_;
  Lexer lexer_;
  LeafBuilder leaves_;
  Token token_;
  int terms_ = 0;
  absl::Status status_;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_FILTER_PARSER_H_
