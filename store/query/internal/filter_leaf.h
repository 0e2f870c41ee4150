// The conditions that a filter is made of: one path, one operator, one value.
#ifndef KIN_STORE_QUERY_INTERNAL_FILTER_LEAF_H_
#define KIN_STORE_QUERY_INTERNAL_FILTER_LEAF_H_

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kin/store/query/internal/filter_lexer.h"
#include "kin/store/query/internal/filter_path.h"
#include "kin/store/query/parse_filter.h"
#include "kin/store/query/tree.h"

namespace kin::query::internal {

struct Operator {
  bool has = false;  // `:`, which compares as `=` where there is one value.
  Comparison comparison = Comparison::kEqual;
  std::size_t offset = 0;
};
// False if the token is none.
bool ReadOperator(const Token& token, Operator* op);

// What comes before the value.
struct Restriction {
  Target target;
  bool counts = false;  // How many records the association leads to, not what they are.
  Operator op;
  std::size_t offset = 0;
};

struct Leaf {
  Condition condition;
  // Where it is whether target.field, which is no map and not repeated, equals this.
  std::optional<Value> equals;
};

// Thread-compatible: counts the patterns of one filter.
class LeafBuilder {
 public:
  explicit LeafBuilder(const FilterOptions& options) : options_(options) {}

  // Errors have the column.
  absl::StatusOr<Leaf> Build(const Restriction& restriction, const Token& value);
  // matches(target, "pattern")
  absl::StatusOr<Condition> BuildMatches(const Target& target, std::size_t offset,
                                         const Token& pattern);
  // `:( … )`, with what is in the parentheses.
  static absl::StatusOr<Condition> BuildNested(const Target& target, Condition condition);
  // Whether parentheses after `:` have a filter in them, not alternatives of a value.
  static bool HoldsMessages(const Restriction& restriction);

 private:
  absl::StatusOr<Condition> Build(const Restriction& restriction, const Token& value,
                                  std::optional<Value>* equals);
  absl::StatusOr<Condition> OnField(const Restriction& restriction, const Token& value,
                                    std::optional<Value>* equals);
  absl::StatusOr<Condition> OnText(const Restriction& restriction, const Token& value);
  absl::StatusOr<Condition> OnElements(const Restriction& restriction, const Token& value);
  absl::StatusOr<Condition> OnMap(const Restriction& restriction, const Token& value);
  absl::StatusOr<std::shared_ptr<const re2::RE2>> Compile(
      const google::protobuf::FieldDescriptor& field, absl::string_view pattern,
      std::size_t offset);

  const FilterOptions& options_;
  int patterns_ = 0;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_FILTER_LEAF_H_
