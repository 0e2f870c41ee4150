#include "kin/store/query/internal/filter_leaf.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kin/store/query/internal/filter_literal.h"
#include "re2/re2.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

bool IsOrder(const Operator& op) {
  return op.comparison != Comparison::kEqual && op.comparison != Comparison::kNotEqual;
}

bool IsStar(const Token& token) { return token.IsWord("*"); }

// The condition with which a builder of the tree answers, whose errors know no column.
absl::StatusOr<Condition> At(std::size_t offset, absl::StatusOr<Condition> condition) {
  if (condition.ok()) return condition;
  return FilterError(offset, condition.status().message());
}

Condition NegatedIf(bool negated, Condition condition) {
  return negated ? Not(std::move(condition)) : std::move(condition);
}

// Of a field without presence: whether it has its default.
absl::StatusOr<Condition> IsDefault(const FieldDescriptor& field) {
  if (field.is_required()) return Constant(false);
  switch (TypeOf(field)) {
    case FieldType::kBool:
      return Compare(field, Comparison::kEqual, false);
    case FieldType::kText:
      return Compare(field, Comparison::kEqual, std::string());
    case FieldType::kEnum:
      return Compare(field, Comparison::kEqual, std::int64_t{field.default_value_enum()->number()});
    default:
      return Compare(field, Comparison::kEqual, std::int64_t{0});
  }
}

// What a map has is there.
bool IsEntryValue(const Target& target) {
  return !target.hops.empty() && target.hops.back().kind == Hop::Kind::kEntry;
}

// `:*` is `wanted` false, `= null` true.
absl::StatusOr<Condition> IsAbsent(const Target& target, bool wanted) {
  const FieldDescriptor& field = *target.field;
  if (IsEntryValue(target)) return WrapAbsent(target, Constant(false), wanted);
  absl::StatusOr<Condition> leaf =
      field.is_repeated() || MayBeAbsent(field) ? IsNull(field) : IsDefault(field);
  if (!leaf.ok()) return leaf.status();
  return WrapAbsent(target, *std::move(leaf), wanted);
}

absl::StatusOr<Condition> NullField(const Restriction& restriction, const Token& value) {
  const FieldDescriptor& field = *restriction.target.field;
  if (IsOrder(restriction.op)) {
    return FilterError(restriction.op.offset, "null has no order; write = null or != null");
  }
  if (!MayBeAbsent(field) && !IsEntryValue(restriction.target)) {
    return FilterError(value.offset,
                       absl::StrCat(Named(field), " is never null",
                                    TypeOf(field) == FieldType::kText
                                        ? "; for the text write \"null\""
                                        : "; it has its default where nothing was set"));
  }
  return IsAbsent(restriction.target, restriction.op.comparison == Comparison::kEqual);
}

absl::StatusOr<Condition> OnAssociation(const Restriction& restriction, const Token& value) {
  const graph::Association& association = *restriction.target.association;
  const Operator& op = restriction.op;
  const bool to_one = association.kind != graph::Association::Kind::kHasMany;
  if (op.has && IsStar(value)) return Has(AssociationName(association));
  if (to_one && !IsOrder(op) && value.IsWord("null")) {
    absl::StatusOr<Condition> has = Has(AssociationName(association));
    if (!has.ok()) return has.status();
    return NegatedIf(op.comparison == Comparison::kEqual, *std::move(has));
  }
  const std::string& name = association.name;
  return FilterError(
      value.offset, absl::StrCat("\"", name, "\" is an association with ", association.target->name,
                                 "; write ", name, ":* or ", name, ".FIELD",
                                 to_one ? "" : absl::StrCat(" or count(", name, ")"),
                                 ", or a filter in parentheses after ", name, ":"));
}

absl::StatusOr<Condition> OnCount(const Restriction& restriction, const Token& value) {
  if (restriction.op.has) {
    return FilterError(restriction.op.offset, "a count is compared, with = != < <= > >=");
  }
  std::int64_t count = 0;
  if (value.kind != Token::Kind::kWord ||
      value.text.find_first_not_of("-0123456789") != std::string::npos ||
      !absl::SimpleAtoi(value.text, &count)) {
    return FilterError(value.offset,
                       absl::StrCat("expected an integer, which a count is compared with, and "
                                    "found ",
                                    Describe(value)));
  }
  return Count(AssociationName(*restriction.target.association), restriction.op.comparison, count);
}

// `home:city`: a field of the message is there.
absl::StatusOr<Condition> OnMessage(const Restriction& restriction, const Token& value) {
  const FieldDescriptor& field = *restriction.target.field;
  const FieldDescriptor* inner = field.message_type()->FindFieldByName(value.text);
  if (!restriction.op.has || field.is_repeated() || inner == nullptr) {
    return FilterError(value.offset, absl::StrCat(Named(field), " cannot be compared with ",
                                                  Describe(value), "; write ", field.name(),
                                                  ".FIELD, or a filter in "
                                                  "parentheses after ",
                                                  field.name(), ":"));
  }
  Target target = restriction.target;
  target.hops.push_back({Hop::Kind::kMessage, nullptr, &field, nullptr});
  target.field = inner;
  return IsAbsent(target, false);
}

// The pieces between the stars.
std::vector<absl::string_view> Pieces(const Token& token) {
  std::vector<absl::string_view> pieces;
  std::size_t begin = 0;
  for (const std::size_t star : token.stars) {
    pieces.push_back(absl::string_view(token.text).substr(begin, star - begin));
    begin = star + 1;
  }
  pieces.push_back(absl::string_view(token.text).substr(begin));
  return pieces;
}

std::string PatternOf(absl::Span<const absl::string_view> pieces) {
  std::string pattern = "(?s)";
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    // Several stars in a row are one.
    if (i > 0 && (i == 1 || !pieces[i - 1].empty())) absl::StrAppend(&pattern, ".*");
    absl::StrAppend(&pattern,
                    re2::RE2::QuoteMeta(re2::StringPiece(pieces[i].data(), pieces[i].size())));
  }
  return pattern;
}

}  // namespace

bool ReadOperator(const Token& token, Operator* op) {
  if (token.kind != Token::Kind::kSign) return false;
  op->has = token.text == ":";
  op->offset = token.offset;
  if (token.text == "=" || op->has) {
    op->comparison = Comparison::kEqual;
    return true;
  }
  for (Comparison comparison : {Comparison::kNotEqual, Comparison::kLess, Comparison::kLessOrEqual,
                                Comparison::kGreater, Comparison::kGreaterOrEqual}) {
    if (token.text != Symbol(comparison)) continue;
    op->comparison = comparison;
    return true;
  }
  return false;
}

bool LeafBuilder::HoldsMessages(const Restriction& restriction) {
  if (restriction.counts) return false;
  if (restriction.target.association != nullptr) return true;
  const FieldDescriptor& field = *restriction.target.field;
  return !field.is_map() && TypeOf(field) == FieldType::kOther;
}

absl::StatusOr<Condition> LeafBuilder::BuildNested(const Target& target, Condition condition) {
  absl::StatusOr<Condition> leaf = target.association != nullptr
                                       ? Has(AssociationName(*target.association), condition)
                                       : Within(*target.field, condition);
  if (!leaf.ok()) return leaf.status();
  return Wrap(target, *std::move(leaf));
}

absl::StatusOr<Leaf> LeafBuilder::Build(const Restriction& restriction, const Token& value) {
  Leaf leaf;
  absl::StatusOr<Condition> condition = Build(restriction, value, &leaf.equals);
  if (!condition.ok()) return condition.status();
  leaf.condition = *std::move(condition);
  return leaf;
}

absl::StatusOr<Condition> LeafBuilder::Build(const Restriction& restriction, const Token& value,
                                             std::optional<Value>* equals) {
  const Target& target = restriction.target;
  absl::StatusOr<Condition> leaf;
  if (restriction.counts) {
    leaf = OnCount(restriction, value);
  } else if (target.association != nullptr) {
    leaf = OnAssociation(restriction, value);
  } else if (restriction.op.has && IsStar(value)) {
    return IsAbsent(target, false);
  } else if (target.field->is_map()) {
    leaf = OnMap(restriction, value);
  } else if (target.field->is_repeated()) {
    leaf = OnElements(restriction, value);
  } else if (value.IsWord("null")) {
    return NullField(restriction, value);
  } else if (TypeOf(*target.field) == FieldType::kOther) {
    return OnMessage(restriction, value);
  } else {
    leaf = OnField(restriction, value, equals);
  }
  if (!leaf.ok()) return leaf.status();
  return Wrap(target, *std::move(leaf));
}

absl::StatusOr<Condition> LeafBuilder::OnField(const Restriction& restriction, const Token& value,
                                               std::optional<Value>* equals) {
  const FieldDescriptor& field = *restriction.target.field;
  const Operator& op = restriction.op;
  const FieldType type = TypeOf(field);
  if (IsOrder(op) && (type == FieldType::kBool || type == FieldType::kEnum)) {
    return FilterError(op.offset,
                       absl::StrCat(Named(field), " has no order; compare it with = or !="));
  }
  if (type == FieldType::kText && !IsOrder(op) && !value.stars.empty()) {
    return OnText(restriction, value);
  }
  absl::StatusOr<Value> literal = ParseLiteral(field, value);
  if (!literal.ok()) return literal.status();
  absl::StatusOr<Condition> compare =
      At(restriction.offset, Compare(field, op.comparison, *literal));
  if (compare.ok() && op.comparison == Comparison::kEqual) *equals = *std::move(literal);
  return compare;
}

// A text with stars: "a*" starts with, "*a*" contains, others are patterns.
absl::StatusOr<Condition> LeafBuilder::OnText(const Restriction& restriction, const Token& value) {
  const FieldDescriptor& field = *restriction.target.field;
  if (absl::StatusOr<Value> text = ParseLiteral(field, value); !text.ok()) return text.status();
  const std::vector<absl::string_view> pieces = Pieces(value);
  const bool negated = restriction.op.comparison == Comparison::kNotEqual;
  absl::StatusOr<Condition> condition;
  if (pieces.size() == 2 && pieces[1].empty()) {
    condition = StartsWith(field, pieces[0]);
  } else if (pieces.size() == 3 && pieces[0].empty() && pieces[2].empty()) {
    condition = Contains(field, pieces[1]);
  } else {
    auto pattern = Compile(field, PatternOf(pieces), value.offset);
    if (!pattern.ok()) return pattern.status();
    condition = Matches(field, *std::move(pattern));
  }
  if (!condition.ok()) return At(restriction.offset, std::move(condition));
  return NegatedIf(negated, *std::move(condition));
}

absl::StatusOr<Condition> LeafBuilder::OnElements(const Restriction& restriction,
                                                  const Token& value) {
  const FieldDescriptor& field = *restriction.target.field;
  if (TypeOf(field) == FieldType::kOther) return OnMessage(restriction, value);
  if (!restriction.op.has) {
    return FilterError(restriction.op.offset,
                       absl::StrCat("\"", field.name(), "\" is repeated; ask for an element, as ",
                                    field.name(), ":VALUE, or for any, as ", field.name(), ":*"));
  }
  absl::StatusOr<Value> literal = ParseLiteral(field, value);
  if (!literal.ok()) return literal.status();
  // Strings only: elements of wrappers have to be given in full.
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING || value.stars.empty()) {
    return At(restriction.offset, HasElement(field, *literal));
  }
  auto pattern = Compile(field, PatternOf(Pieces(value)), value.offset);
  if (!pattern.ok()) return pattern.status();
  return Function(
      field.containing_type(), absl::StrCat(field.name(), ":", Quote(value.text)),
      [&field, pattern = *std::move(pattern)](const kin::internal::View* /*view*/,
                                              const Message& record) {
        const google::protobuf::Reflection& reflection = *record.GetReflection();
        const int size = reflection.FieldSize(record, &field);
        std::string scratch;
        for (int i = 0; i < size; ++i) {
          if (re2::RE2::FullMatch(
                  reflection.GetRepeatedStringReference(record, &field, i, &scratch), *pattern)) {
            return true;
          }
        }
        return false;
      });
}

// Whether the map has that key.
absl::StatusOr<Condition> LeafBuilder::OnMap(const Restriction& restriction, const Token& value) {
  const FieldDescriptor& map = *restriction.target.field;
  if (!restriction.op.has) {
    return FilterError(restriction.op.offset,
                       absl::StrCat("\"", map.name(), "\" is a map; ask for a key, as ", map.name(),
                                    ":KEY, or for its value, as ", map.name(), ".KEY"));
  }
  Restriction on_key;
  on_key.target.field = map.message_type()->map_key();
  on_key.op = restriction.op;
  on_key.offset = restriction.offset;
  std::optional<Value> unused;
  absl::StatusOr<Condition> key = OnField(on_key, value, &unused);
  if (!key.ok()) return key.status();
  return Within(map, *std::move(key));
}

absl::StatusOr<Condition> LeafBuilder::BuildMatches(const Target& target, std::size_t offset,
                                                    const Token& pattern) {
  if (target.field == nullptr || target.field->is_repeated() ||
      TypeOf(*target.field) != FieldType::kText) {
    return FilterError(offset, "matches is for one text: the path in it leads to something else");
  }
  auto compiled = Compile(*target.field, pattern.text, pattern.offset);
  if (!compiled.ok()) return compiled.status();
  absl::StatusOr<Condition> leaf = Matches(*target.field, *std::move(compiled));
  if (!leaf.ok()) return At(offset, std::move(leaf));
  return Wrap(target, *std::move(leaf));
}

absl::StatusOr<std::shared_ptr<const re2::RE2>> LeafBuilder::Compile(const FieldDescriptor& field,
                                                                     absl::string_view pattern,
                                                                     std::size_t offset) {
  if (++patterns_ > options_.max_patterns) {
    return FilterError(offset, absl::StrCat("more than ", options_.max_patterns,
                                            " patterns; texts with one * at the end, or one at "
                                            "each end, are none"));
  }
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_max_mem(static_cast<std::int64_t>(options_.max_pattern_memory));
  if (Unwrapped(field).type() == FieldDescriptor::TYPE_BYTES) {
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
  }
  auto compiled =
      std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (compiled->ok()) return compiled;
  if (compiled->error_code() == re2::RE2::ErrorPatternTooLarge) {
    return FilterError(offset, absl::StrCat("the pattern needs more than ",
                                            options_.max_pattern_memory, " bytes of memory"));
  }
  return FilterError(offset, absl::StrCat("this is no RE2 pattern: ", compiled->error()));
}

}  // namespace kin::query::internal
