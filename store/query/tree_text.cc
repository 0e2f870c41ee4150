// Trees as text, for Explain and for messages.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/query/tree.h"

namespace kin::query {
namespace {

using ::google::protobuf::FieldDescriptor;

constexpr std::size_t kShownBytes = 64;

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kShownBytes)),
                      text.size() > kShownBytes ? "..." : "", "\"");
}

const google::protobuf::EnumDescriptor* EnumOf(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM ? field.enum_type() : nullptr;
}

std::string ValueText(const FieldDescriptor& field, const Operand& operand) {
  if (operand.beyond != 0) return operand.beyond < 0 ? "-infinity" : "+infinity";
  const std::int64_t number = kin::internal::UnbiasInteger(operand.number);
  switch (TypeOf(field)) {
    case FieldType::kSigned:
      return absl::StrCat(number);
    case FieldType::kUnsigned:
      return absl::StrCat(operand.number);
    case FieldType::kBool:
      return operand.number != 0 ? "true" : "false";
    case FieldType::kEnum: {
      const auto* value = EnumOf(field)->FindValueByNumber(static_cast<int>(number));
      return value == nullptr ? absl::StrCat(number) : value->name();
    }
    case FieldType::kDouble:
      return absl::StrCat(kin::internal::UnbiasDouble(operand.number));
    case FieldType::kText:
      return Quoted(operand.bytes);
    case FieldType::kTime:
      return absl::FormatTime(absl::RFC3339_full,
                              absl::FromUnixSeconds(number) + absl::Nanoseconds(operand.nanos),
                              absl::UTCTimeZone());
    case FieldType::kDuration:
      return absl::FormatDuration(absl::Seconds(number) + absl::Nanoseconds(operand.nanos));
    case FieldType::kOther:
      return "a message";
  }
  return "";
}

std::string Joined(const Node& node, absl::string_view between) {
  return absl::StrJoin(node.children, between, [](std::string* text, const Condition& child) {
    const bool nested = child->kind == Node::Kind::kAnd || child->kind == Node::Kind::kOr;
    absl::StrAppend(text, nested ? "(" : "", ToString(child), nested ? ")" : "");
  });
}

std::string Called(const Node& node, absl::string_view method, absl::string_view argument) {
  return absl::StrCat(node.field->name(), ".", method, "(", argument, ")");
}

std::string InText(const Node& node) {
  constexpr std::size_t kShown = 5;
  std::vector<std::string> shown;
  for (const Operand& operand : node.operands) {
    if (shown.size() == kShown) {
      shown.push_back(absl::StrCat("... ", node.operands.size() - kShown, " more"));
      break;
    }
    shown.push_back(ValueText(*node.field, operand));
  }
  return Called(node, "In", absl::StrCat("{", absl::StrJoin(shown, ", "), "}"));
}

std::string AssociationText(const Node& node, absl::string_view method) {
  return absl::StrCat(node.association.name, ".", method, "(",
                      node.children.empty() ? "" : ToString(node.children[0]), ")");
}

}  // namespace

std::string ToString(const Condition& condition) {
  const Node& node = *condition;
  switch (node.kind) {
    case Node::Kind::kConstant:
      return node.truth ? "true" : "false";
    case Node::Kind::kAnd:
      return Joined(node, " && ");
    case Node::Kind::kOr:
      return Joined(node, " || ");
    case Node::Kind::kNot:
      return absl::StrCat("!(", ToString(node.children[0]), ")");
    case Node::Kind::kCompare:
      return absl::StrCat(node.field->name(), " ", Symbol(node.comparison), " ",
                          ValueText(*node.field, node.operand));
    case Node::Kind::kCompareFields:
      return absl::StrCat(node.field->name(), " ", Symbol(node.comparison), " ",
                          node.other->name());
    case Node::Kind::kIn:
      return InText(node);
    case Node::Kind::kIsNull:
      return Called(node, "IsNull", "");
    case Node::Kind::kStartsWith:
      return Called(node, "StartsWith", Quoted(node.text));
    case Node::Kind::kContains:
      return Called(node, "Contains", Quoted(node.text));
    case Node::Kind::kMatches:
      return Called(node, "Matches", Quoted(node.text));
    case Node::Kind::kHasElement:
      return Called(node, "HasElement", ValueText(*node.field, node.operand));
    case Node::Kind::kWithin:
      return Called(node, "Within", ToString(node.children[0]));
    case Node::Kind::kHas:
      return AssociationText(node, "Has");
    case Node::Kind::kCount:
      return absl::StrCat(AssociationText(node, "Count"), " ", Symbol(node.comparison), " ",
                          node.count);
    case Node::Kind::kFunction:
      return node.text;
  }
  return "";
}

}  // namespace kin::query
