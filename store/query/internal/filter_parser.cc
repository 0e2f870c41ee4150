#include "kin/store/query/internal/filter_parser.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kin::query::internal {
namespace {

// What the stack of a thread, and those who walk the tree later, have room for.
constexpr int kDeepest = 100;

// The keyword that a bare word was to be, if it looks like one of another language.
absl::string_view KeywordMeant(absl::string_view word) {
  const std::string upper = absl::AsciiStrToUpper(word);
  if (upper == "AND" || word == "&&" || word == "&") return "AND";
  if (upper == "OR" || word == "||" || word == "|") return "OR";
  if (upper == "NOT") return "NOT";
  return "";
}

bool BeginsTerm(const Token& token) { return token.IsText() || token.Is("(") || token.Is("-"); }

}  // namespace

FilterParser::FilterParser(absl::string_view text, const FilterOptions& options,
                           const graph::Graph& graph)
    : options_(options),
      limits_{std::min(options.max_depth, kDeepest), options.max_associations},
      graph_(graph),
      lexer_(text),
      leaves_(options) {}

absl::StatusOr<Condition> FilterParser::Parse(const google::protobuf::Descriptor& model) {
  Context context;
  context.scope.message = &model;
  if (!Advance(context)) return status_;
  if (token_.kind == Token::Kind::kEnd) return Constant(true);
  Condition condition = Expression(context);
  if (condition == nullptr) return status_;
  if (token_.kind != Token::Kind::kEnd) {
    FailExpected("AND, OR or the end");
    return status_;
  }
  return condition;
}

Condition FilterParser::Expression(const Context& context) {
  std::vector<Condition> all;
  while (true) {
    Condition factor = Factor(context);
    if (factor == nullptr) return nullptr;
    all.push_back(std::move(factor));
    if (token_.IsWord("AND")) {
      if (!Advance(context)) return nullptr;
      continue;
    }
    if (!BeginsTerm(token_)) break;
  }
  return And(std::move(all));
}

Condition FilterParser::Factor(const Context& context) {
  std::vector<Condition> any;
  std::vector<Value> values;
  while (true) {
    Leaf leaf;
    if (!Term(context, &leaf)) return nullptr;
    any.push_back(std::move(leaf.condition));
    if (leaf.equals.has_value()) values.push_back(*std::move(leaf.equals));
    if (!token_.IsWord("OR")) break;
    if (!Advance(context)) return nullptr;
  }
  if (any.size() == 1 || values.size() != any.size()) return Or(std::move(any));
  // Alternatives of one field are a set, in which is looked up.
  const Target& target = context.restriction->target;
  Condition in;
  if (!Take(In(*target.field, values), &in)) return nullptr;
  Condition wrapped;
  return Take(Wrap(target, std::move(in)), &wrapped) ? wrapped : nullptr;
}

bool FilterParser::Term(const Context& context, Leaf* leaf) {
  const bool negated = token_.IsWord("NOT") || token_.Is("-");
  if (negated && !Advance(context)) return false;
  if (token_.IsWord("NOT") || token_.Is("-")) {
    return Fail(token_.offset, "one NOT or - is enough; put what is negated twice in parentheses");
  }
  if (token_.Is("(")) {
    leaf->condition = Parenthesis(context, context);
  } else if (context.restriction != nullptr) {
    if (!ReadValue(*context.restriction, Lexer::Place::kValue, leaf)) return false;
  } else {
    leaf->condition = ReadRestriction(context);
  }
  if (leaf->condition == nullptr) return false;
  if (negated) {
    leaf->condition = Not(std::move(leaf->condition));
    leaf->equals.reset();
  }
  return true;
}

Condition FilterParser::Parenthesis(const Context& inner, const Context& outer) {
  const std::size_t open = token_.offset;
  Context deeper = inner;
  ++deeper.scope.depth;
  if (!CheckDepth(deeper.scope.depth) || !Advance(deeper)) return nullptr;
  if (token_.Is(")")) {
    Fail(token_.offset, "there is nothing in these parentheses");
    return nullptr;
  }
  Condition condition = Expression(deeper);
  if (condition == nullptr) return nullptr;
  if (!token_.Is(")")) {
    FailExpected(absl::StrCat("AND, OR or a \")\" for the \"(\" of column ", open + 1));
    return nullptr;
  }
  return Advance(outer) ? condition : nullptr;
}

Condition FilterParser::ReadRestriction(const Context& context) {
  if (token_.kind != Token::Kind::kWord || IsKeyword(token_)) {
    FailExpected("the name of a field or association");
    return nullptr;
  }
  std::vector<Token> parts = {token_};
  Restriction restriction;
  restriction.offset = token_.offset;
  if (!Advance(Lexer::Place::kName)) return nullptr;
  if (token_.Is("(")) return ReadFunction(context, {parts[0].text, parts[0].offset});
  if (!token_.Is(".") && !ReadOperator(token_, &restriction.op)) {
    FailWithoutOperator(context, parts[0]);
    return nullptr;
  }
  if (!ReadPath(context, std::move(parts), &restriction.target)) return nullptr;
  return Argument(context, restriction);
}

// The rest of a path, which begins with `parts`.
bool FilterParser::ReadPath(const Context& context, std::vector<Token> parts, Target* target) {
  while (token_.Is(".")) {
    if (!Advance(Lexer::Place::kName)) return false;
    if (!token_.IsText()) return FailExpected("a name after \".\"");
    parts.push_back(token_);
    if (!Advance(Lexer::Place::kName)) return false;
  }
  return Take(ResolvePath(graph_, context.scope, parts, limits_), target);
}

Condition FilterParser::ReadFunction(const Context& context, const Function& function) {
  const bool counts = function.name == "count";
  if (!counts && function.name != "matches") {
    const absl::string_view keyword = KeywordMeant(function.name);
    Fail(function.offset, keyword.empty()
                              ? absl::StrCat("there is no function ", Quote(function.name),
                                             "; there are count and matches")
                              : absl::StrCat(Quote(function.name), " is written ", keyword));
    return nullptr;
  }
  if (!Advance(Lexer::Place::kName)) return nullptr;
  if (token_.kind != Token::Kind::kWord) {
    FailExpected("the name of a field or association");
    return nullptr;
  }
  Restriction restriction;
  restriction.offset = token_.offset;
  restriction.counts = counts;
  std::vector<Token> parts = {token_};
  if (!Advance(Lexer::Place::kName) || !ReadPath(context, std::move(parts), &restriction.target)) {
    return nullptr;
  }
  if (!counts) return ReadMatches(restriction.target, restriction.offset);
  if (!Expect(")")) return nullptr;
  if (restriction.target.association == nullptr) {
    Fail(restriction.offset, "count is for associations, and this is a field");
    return nullptr;
  }
  return Argument(context, restriction);
}

Condition FilterParser::ReadMatches(const Target& target, std::size_t offset) {
  if (!Expect(",")) return nullptr;
  if (token_.kind != Token::Kind::kString) {
    FailExpected("a pattern in quotes");
    return nullptr;
  }
  if (!CountTerm(offset)) return nullptr;
  Condition condition;
  if (!Take(leaves_.BuildMatches(target, offset, token_), &condition)) return nullptr;
  return Advance(Lexer::Place::kName) && Expect(")") ? condition : nullptr;
}

// What follows a path: an operator and a value.
Condition FilterParser::Argument(const Context& context, const Restriction& before) {
  Restriction restriction = before;
  if (!ReadOperator(token_, &restriction.op)) {
    FailExpected("one of the operators = != < <= > >= :");
    return nullptr;
  }
  const google::protobuf::FieldDescriptor* repeated = FindRepeatedHop(restriction.target);
  if (repeated != nullptr && !restriction.op.has) {
    Fail(restriction.op.offset, absl::StrCat("\"", repeated->name(),
                                             "\" is repeated; ask for an element with :, or put "
                                             "what holds for one in parentheses after ",
                                             repeated->name(), ":"));
    return nullptr;
  }
  Context values = context;
  values.restriction = &restriction;
  if (!Advance(values)) return nullptr;
  if (token_.Is("(")) {
    if (LeafBuilder::HoldsMessages(restriction)) return Nested(context, restriction);
    return Parenthesis(values, context);
  }
  if (token_.Is("=") && restriction.op.comparison == Comparison::kEqual) {
    Fail(token_.offset, "unexpected \"=\"; one = compares");
    return nullptr;
  }
  Leaf leaf;
  return ReadValue(restriction, Lexer::Place::kName, &leaf) ? leaf.condition : nullptr;
}

// `assoc:( … )`: a filter on what is at the other end.
Condition FilterParser::Nested(const Context& context, const Restriction& restriction) {
  if (!restriction.op.has) {
    Fail(restriction.op.offset, "a filter in parentheses comes after :");
    return nullptr;
  }
  if (!CountTerm(restriction.offset)) return nullptr;
  Context inner;
  inner.scope = ScopeAt(context.scope, restriction.target);
  Condition condition = Parenthesis(inner, context);
  if (condition == nullptr) return nullptr;
  Condition nested;
  return Take(LeafBuilder::BuildNested(restriction.target, std::move(condition)), &nested)
             ? nested
             : nullptr;
}

bool FilterParser::ReadValue(const Restriction& restriction, Lexer::Place after, Leaf* leaf) {
  if (!token_.IsText() || IsKeyword(token_)) return FailExpected("a value");
  return CountTerm(token_.offset) && Take(leaves_.Build(restriction, token_), leaf) &&
         Advance(after);
}

bool FilterParser::Advance(Lexer::Place place) {
  if (status_.ok()) status_ = lexer_.Next(place, &token_);
  return status_.ok();
}

bool FilterParser::Expect(absl::string_view sign) {
  if (!token_.Is(sign)) return FailExpected(Quote(sign));
  return Advance(Lexer::Place::kName);
}

bool FilterParser::CountTerm(std::size_t offset) {
  if (++terms_ <= options_.max_terms) return true;
  return Fail(offset, absl::StrCat("the filter has more than ", options_.max_terms,
                                   " comparisons and values"));
}

bool FilterParser::CheckDepth(int depth) {
  if (depth <= limits_.depth) return true;
  return Fail(token_.offset, absl::StrCat("the filter is more than ", limits_.depth, " deep here"));
}

template <typename T>
bool FilterParser::Take(absl::StatusOr<T> from, T* to) {
  if (!from.ok()) {
    status_ = from.status();
    return false;
  }
  *to = *std::move(from);
  return true;
}

bool FilterParser::Fail(std::size_t offset, absl::string_view message) {
  status_ = FilterError(offset, message);
  return false;
}

bool FilterParser::FailExpected(absl::string_view what) {
  return Fail(token_.offset, absl::StrCat("expected ", what, " and found ", Describe(token_)));
}

// A word alone, or with what is no operator after it.
bool FilterParser::FailWithoutOperator(const Context& context, const Token& word) {
  if (const absl::string_view keyword = KeywordMeant(word.text); !keyword.empty()) {
    return Fail(word.offset, absl::StrCat(Quote(word.text), " is written ", keyword));
  }
  Target target;
  if (!Take(ResolvePath(graph_, context.scope, {word}, limits_), &target)) return false;
  return FailExpected(
      absl::StrCat("one of the operators = != < <= > >= : after ", Quote(word.text)));
}

}  // namespace kin::query::internal
