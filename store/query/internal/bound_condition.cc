#include "kin/store/query/internal/bound_condition.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/query/internal/filter_literal.h"
#include "kin/store/query/internal/walk.h"
#include "re2/re2.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

int CompareToOperand(const OperandView& value, const Operand& operand) {
  return operand.beyond != 0 ? -operand.beyond : CompareOperands(value, operand.view());
}

// Of two fields, of which one may be signed and the other not.
int CompareValues(FieldType a_type, OperandView a, FieldType b_type, OperandView b) {
  if (a_type == b_type) return CompareOperands(a, b);
  constexpr std::uint64_t kZero = std::uint64_t{1} << 63;  // As a biased signed number.
  const bool a_signed = a_type == FieldType::kSigned;
  OperandView& biased = a_signed ? a : b;
  if (biased.number < kZero) return a_signed ? -1 : 1;
  biased.number -= kZero;
  return CompareOperands(a, b);
}

bool IsMember(const OperandView& value, const std::vector<Operand>& operands) {
  return std::binary_search(
      operands.begin(), operands.end(), value, [](const auto& a, const auto& b) {
        const auto view = [](const auto& operand) -> OperandView {
          if constexpr (std::is_same_v<std::decay_t<decltype(operand)>, Operand>) {
            return operand.view();
          } else {
            return operand;
          }
        };
        return CompareOperands(view(a), view(b)) < 0;
      });
}

bool HasElementOf(const Node& node, const Message& record) {
  const int size = record.GetReflection()->FieldSize(record, node.field);
  for (int i = 0; i < size; ++i) {
    OperandView value;
    std::string scratch;
    if (ReadOperand(record, *node.field, &value, &scratch, i) &&
        CompareToOperand(value, node.operand) == 0) {
      return true;
    }
  }
  return false;
}

bool IsAbsent(const FieldDescriptor& field, const Message& record) {
  if (field.is_repeated()) return record.GetReflection()->FieldSize(record, &field) == 0;
  return MayBeAbsent(field) && !record.GetReflection()->HasField(record, &field);
}

bool TextHolds(const Node& node, absl::string_view text) {
  switch (node.kind) {
    case Node::Kind::kStartsWith:
      return absl::StartsWith(text, node.text);
    case Node::Kind::kContains:
      return absl::StrContains(text, node.text);
    default:
      return MatchesPattern(*node.pattern, text);
  }
}

}  // namespace

std::shared_ptr<const re2::RE2> CompilePattern(const FieldDescriptor& field,
                                               absl::string_view pattern) {
  re2::RE2::Options options(re2::RE2::Quiet);
  if (Unwrapped(field).type() == FieldDescriptor::TYPE_BYTES) {
    options.set_encoding(re2::RE2::Options::EncodingLatin1);
  }
  return std::make_shared<const re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()),
                                          options);
}

absl::Status CheckPattern(const FieldDescriptor& field, const re2::RE2& pattern) {
  if (pattern.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field.full_name(), ": \"", pattern.pattern(),
                                                 "\" is no RE2 pattern: ", pattern.error()));
}

bool MatchesPattern(const re2::RE2& pattern, absl::string_view text) {
  return re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

bool Holds(Comparison comparison, int result) { return Holds(comparison, std::int64_t{result}, 0); }

bool Holds(Comparison comparison, std::int64_t a, std::int64_t b) {
  switch (comparison) {
    case Comparison::kEqual:
      return a == b;
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessOrEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterOrEqual:
      return a >= b;
  }
  return false;
}

std::int64_t EnoughToKnow(Comparison comparison, std::int64_t bound) {
  const bool at_bound =
      comparison == Comparison::kLess || comparison == Comparison::kGreaterOrEqual;
  if (bound == std::numeric_limits<std::int64_t>::max()) return bound;
  return std::max<std::int64_t>(at_bound ? bound : bound + 1, 0);
}

absl::StatusOr<BoundCondition> BoundCondition::Bind(const ::kin::internal::View* view,
                                                    const Descriptor* model, Condition condition) {
  BoundCondition bound(view, std::move(condition));
  if (absl::Status status = bound.Resolve(*bound.condition_, model); !status.ok()) return status;
  return bound;
}

absl::Status BoundCondition::Resolve(const Node& node, const Descriptor* model) {
  if (node.model != nullptr && node.model != model) {
    return absl::InvalidArgumentError(absl::StrCat("a condition on ", node.model->full_name(),
                                                   " was given for ", model->full_name(), ": ",
                                                   node.text));
  }
  if (node.kind == Node::Kind::kHas || node.kind == Node::Kind::kCount) {
    if (absl::Status status = ResolveAssociation(node); !status.ok()) return status;
    model = node.association.target;
  }
  if (node.kind == Node::Kind::kWithin) model = node.field->message_type();
  for (const Condition& child : node.children) {
    if (absl::Status status = Resolve(*child, model); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status BoundCondition::ResolveAssociation(const Node& node) {
  const AssociationName& name = node.association;
  const Table* owner = view_ == nullptr ? nullptr : TableOf(*view_, name.owner);
  if (owner == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(name.owner->full_name(), " is not in the schema of this store"));
  }
  const graph::Association* association = owner->model().FindAssociation(name.name);
  if (association == nullptr || association->target->descriptor != name.target) {
    return absl::InvalidArgumentError(absl::StrCat(name.owner->full_name(), " has no association ",
                                                   name.name, " to ", name.target->full_name(),
                                                   " in the schema of this store"));
  }
  associations_[&node] = association;
  return absl::OkStatus();
}

bool BoundCondition::Evaluate(const Node& node, const Message& record, bool wanted) const {
  const auto has_truth = [&](const Condition& child) { return Evaluate(*child, record, wanted); };
  switch (node.kind) {
    case Node::Kind::kConstant:
      return node.truth == wanted;
    case Node::Kind::kAnd:
    case Node::Kind::kOr:
      // An `and` is true if all are, and false if one is; an `or` the other way round.
      return (node.kind == Node::Kind::kAnd) == wanted
                 ? std::all_of(node.children.begin(), node.children.end(), has_truth)
                 : std::any_of(node.children.begin(), node.children.end(), has_truth);
    case Node::Kind::kNot:
      return Evaluate(*node.children[0], record, !wanted);
    case Node::Kind::kHas:
      return (CountTargets(
                  *view_, *associations_.at(&node), record, 1, [&](const Version* version) {
                    return node.children.empty() ||
                           Evaluate(*node.children[0],
                                    *TableOf(*view_, node.association.target)->MessageOf(version),
                                    true);
                  }) != 0) == wanted;
    case Node::Kind::kCount:
      return EvaluateCount(node, record) == wanted;
    case Node::Kind::kFunction:
      return node.function(view_, record) == wanted;
    case Node::Kind::kIsNull:
      return IsAbsent(*node.field, record) == wanted;
    case Node::Kind::kHasElement:
      return HasElementOf(node, record) == wanted;
    case Node::Kind::kWithin:
      return EvaluateWithin(node, record, wanted);
    default:
      return EvaluateField(node, record, wanted);
  }
}

bool BoundCondition::EvaluateField(const Node& node, const Message& record, bool wanted) const {
  OperandView value;
  std::string scratch;
  if (!ReadOperand(record, *node.field, &value, &scratch)) return false;
  switch (node.kind) {
    case Node::Kind::kCompare:
      return Holds(node.comparison, CompareToOperand(value, node.operand)) == wanted;
    case Node::Kind::kCompareFields: {
      OperandView other;
      std::string other_scratch;
      if (!ReadOperand(record, *node.other, &other, &other_scratch)) return false;
      return Holds(node.comparison,
                   CompareValues(TypeOf(*node.field), value, TypeOf(*node.other), other)) == wanted;
    }
    case Node::Kind::kIn:
      return IsMember(value, node.operands) == wanted;
    default:
      return TextHolds(node, value.bytes) == wanted;
  }
}

bool BoundCondition::EvaluateWithin(const Node& node, const Message& record, bool wanted) const {
  const google::protobuf::Reflection& reflection = *record.GetReflection();
  if (!node.field->is_repeated()) {
    return reflection.HasField(record, node.field) &&
           Evaluate(*node.children[0], reflection.GetMessage(record, node.field), wanted);
  }
  const int size = reflection.FieldSize(record, node.field);
  if (node.field->is_map() && size != 0) {
    // To read a map by reflection, protobuf makes a second form of it that stays in the message.
    const std::unique_ptr<Message> copy(record.New());
    copy->CopyFrom(record);
    return AnyWithin(node, *copy, size) == wanted;
  }
  return AnyWithin(node, record, size) == wanted;
}

bool BoundCondition::AnyWithin(const Node& node, const Message& record, int size) const {
  const google::protobuf::Reflection& reflection = *record.GetReflection();
  bool found = false;
  for (int i = 0; i < size && !found; ++i) {
    found = Evaluate(*node.children[0], reflection.GetRepeatedMessage(record, node.field, i), true);
  }
  return found;
}

bool BoundCondition::EvaluateCount(const Node& node, const Message& record) const {
  const Table& targets = *TableOf(*view_, node.association.target);
  const std::int64_t count =
      CountTargets(*view_, *associations_.at(&node), record,
                   std::max<std::int64_t>(EnoughToKnow(node.comparison, node.count), 1),
                   [&](const Version* version) {
                     return node.children.empty() ||
                            Evaluate(*node.children[0], *targets.MessageOf(version), true);
                   });
  return Holds(node.comparison, count, node.count);
}

}  // namespace kin::query::internal
