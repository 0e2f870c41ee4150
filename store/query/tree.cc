#include "kin/store/query/tree.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/internal/read_field.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/internal/value.h"
#include "re2/re2.h"

namespace kin::query {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using kin::internal::BiasDouble;
using kin::internal::BiasInteger;

bool IsWrapper(const Descriptor& message) {
  switch (message.well_known_type()) {
    case Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
    case Descriptor::WELLKNOWNTYPE_FLOATVALUE:
    case Descriptor::WELLKNOWNTYPE_INT64VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT64VALUE:
    case Descriptor::WELLKNOWNTYPE_INT32VALUE:
    case Descriptor::WELLKNOWNTYPE_UINT32VALUE:
    case Descriptor::WELLKNOWNTYPE_STRINGVALUE:
    case Descriptor::WELLKNOWNTYPE_BYTESVALUE:
    case Descriptor::WELLKNOWNTYPE_BOOLVALUE:
      return true;
    default:
      return false;
  }
}

absl::string_view Spoken(FieldType type) {
  switch (type) {
    case FieldType::kSigned:
    case FieldType::kUnsigned:
      return "an integer";
    case FieldType::kBool:
      return "a bool";
    case FieldType::kEnum:
      return "a value of its enum";
    case FieldType::kDouble:
      return "a number";
    case FieldType::kText:
      return "a text";
    case FieldType::kTime:
      return "a time";
    case FieldType::kDuration:
      return "a duration";
    case FieldType::kOther:
      return "a message";
  }
  return "";
}

absl::string_view Spoken(const Value& value) {
  constexpr absl::string_view kNames[] = {"a bool", "an integer", "an integer", "a fraction",
                                          "a text", "a time",     "a duration"};
  return kNames[value.index()];
}

absl::Status Mismatch(const FieldDescriptor& field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field.full_name(), ": ", what));
}

absl::Status CheckSingle(const FieldDescriptor& field) {
  if (field.is_repeated()) {
    return Mismatch(field,
                    "a repeated field has no one value to compare; ask for an element, "
                    "or whether it is empty");
  }
  return absl::OkStatus();
}

absl::Status CheckText(const FieldDescriptor& field, absl::string_view what) {
  if (absl::Status status = CheckSingle(field); !status.ok()) return status;
  if (TypeOf(field) != FieldType::kText) {
    return Mismatch(
        field, absl::StrCat(what, " is for texts, and the field holds ", Spoken(TypeOf(field))));
  }
  return absl::OkStatus();
}

std::shared_ptr<Node> NewNode(Node::Kind kind, const FieldDescriptor& field) {
  auto node = std::make_shared<Node>();
  node->kind = kind;
  node->model = field.containing_type();
  node->field = &field;
  return node;
}

Operand NumberOperand(std::uint64_t number) {
  Operand operand;
  operand.number = number;
  return operand;
}

Operand Beyond(int direction) {
  Operand operand;
  operand.beyond = direction;
  return operand;
}

Operand MomentOperand(const internal::Moment& moment) {
  Operand operand = NumberOperand(BiasInteger(moment.seconds));
  operand.nanos = moment.nanos;
  return operand;
}

// Whether the value is of that type; then it is stored.
struct OperandMaker {
  FieldType type;
  Operand* out;

  bool operator()(bool value) const {
    *out = NumberOperand(BiasInteger(value));
    return type == FieldType::kBool;
  }
  bool operator()(std::int64_t value) const {
    switch (type) {
      case FieldType::kSigned:
      case FieldType::kEnum:
        *out = NumberOperand(BiasInteger(value));
        return true;
      case FieldType::kUnsigned:
        *out = value < 0 ? Beyond(-1) : NumberOperand(static_cast<std::uint64_t>(value));
        return true;
      case FieldType::kDouble:
        *out = NumberOperand(BiasDouble(static_cast<double>(value)));
        return true;
      default:
        return false;
    }
  }
  bool operator()(std::uint64_t value) const {
    if (value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return (*this)(static_cast<std::int64_t>(value));
    }
    switch (type) {
      case FieldType::kSigned:
      case FieldType::kEnum:
        *out = Beyond(1);
        return true;
      case FieldType::kUnsigned:
        *out = NumberOperand(value);
        return true;
      case FieldType::kDouble:
        *out = NumberOperand(BiasDouble(static_cast<double>(value)));
        return true;
      default:
        return false;
    }
  }
  bool operator()(double value) const {
    *out = NumberOperand(BiasDouble(value));
    return type == FieldType::kDouble;
  }
  bool operator()(const std::string& value) const {
    out->bytes = value;
    return type == FieldType::kText;
  }
  bool operator()(absl::Time value) const {
    *out = MomentOperand(internal::MomentOf(value));
    return type == FieldType::kTime;
  }
  bool operator()(absl::Duration value) const {
    *out = MomentOperand(internal::MomentOf(value));
    return type == FieldType::kDuration;
  }
};

// Seconds and nanoseconds of a Timestamp or Duration, of generated code or not.
void ReadTime(const Message& time, OperandView* value) {
  const Descriptor& type = *time.GetDescriptor();
  value->number = BiasInteger(time.GetReflection()->GetInt64(time, type.FindFieldByNumber(1)));
  value->nanos = time.GetReflection()->GetInt32(time, type.FindFieldByNumber(2));
}

bool ReadMessage(const Message& message, OperandView* value, std::string* scratch) {
  if (!IsWrapper(*message.GetDescriptor())) {
    ReadTime(message, value);
    return true;
  }
  return ReadOperand(message, *message.GetDescriptor()->FindFieldByNumber(1), value, scratch);
}

bool SameKind(FieldType a, FieldType b) {
  const auto kind = [](FieldType type) {
    return type == FieldType::kUnsigned ? FieldType::kSigned : type;
  };
  return kind(a) == kind(b);
}

// A list of `kind`, without what is nested, of one element or none.
Condition Combine(Node::Kind kind, std::vector<Condition> conditions) {
  const bool neutral = kind == Node::Kind::kAnd;
  auto node = std::make_shared<Node>();
  node->kind = kind;
  for (Condition& condition : conditions) {
    if (condition->kind == Node::Kind::kConstant && condition->truth == neutral) continue;
    if (node->model == nullptr) node->model = condition->model;
    if (condition->kind == kind) {
      node->children.insert(node->children.end(), condition->children.begin(),
                            condition->children.end());
    } else {
      node->children.push_back(std::move(condition));
    }
  }
  if (node->children.empty()) return Constant(neutral);
  if (node->children.size() == 1) return std::move(node->children[0]);
  return node;
}

}  // namespace

absl::string_view Symbol(Comparison comparison) {
  constexpr absl::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">="};
  return kSymbols[static_cast<int>(comparison)];
}

Comparison Mirror(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess:
      return Comparison::kGreater;
    case Comparison::kLessOrEqual:
      return Comparison::kGreaterOrEqual;
    case Comparison::kGreater:
      return Comparison::kLess;
    case Comparison::kGreaterOrEqual:
      return Comparison::kLessOrEqual;
    default:
      return comparison;
  }
}

FieldType TypeOf(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return FieldType::kSigned;
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return FieldType::kUnsigned;
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return FieldType::kDouble;
    case FieldDescriptor::CPPTYPE_BOOL:
      return FieldType::kBool;
    case FieldDescriptor::CPPTYPE_ENUM:
      return FieldType::kEnum;
    case FieldDescriptor::CPPTYPE_STRING:
      return FieldType::kText;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  const Descriptor& message = *field.message_type();
  if (message.well_known_type() == Descriptor::WELLKNOWNTYPE_TIMESTAMP) return FieldType::kTime;
  if (message.well_known_type() == Descriptor::WELLKNOWNTYPE_DURATION) return FieldType::kDuration;
  if (IsWrapper(message)) return TypeOf(*message.FindFieldByNumber(1));
  return FieldType::kOther;
}

bool MayBeAbsent(const FieldDescriptor& field) { return graph::HasPresence(field); }

int CompareOperands(const OperandView& a, const OperandView& b) {
  if (a.number != b.number) return a.number < b.number ? -1 : 1;
  if (a.nanos != b.nanos) return a.nanos < b.nanos ? -1 : 1;
  return a.bytes.compare(b.bytes);
}

absl::StatusOr<Operand> MakeOperand(const FieldDescriptor& field, const Value& value) {
  Operand operand;
  const FieldType type = TypeOf(field);
  if (!std::visit(OperandMaker{type, &operand}, value)) {
    return Mismatch(field, absl::StrCat("the field holds ", Spoken(type),
                                        ", which cannot be compared with ", Spoken(value)));
  }
  return operand;
}

bool ReadOperand(const Message& record, const FieldDescriptor& field, OperandView* value,
                 std::string* scratch, int element) {
  *value = OperandView();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const google::protobuf::Reflection& reflection = *record.GetReflection();
    if (element >= 0) {
      return ReadMessage(reflection.GetRepeatedMessage(record, &field, element), value, scratch);
    }
    if (!reflection.HasField(record, &field)) return false;
    return ReadMessage(reflection.GetMessage(record, &field), value, scratch);
  }
  kin::internal::KeyPart part;
  if (element >= 0) {
    kin::internal::ReadElement(record, field, element, scratch, &part);
  } else if (graph::HasPresence(field) && !record.GetReflection()->HasField(record, &field)) {
    return false;
  } else {
    kin::internal::ReadFieldOrDefault(record, field, &part);
  }
  if (part.data != nullptr) {
    value->bytes = part.bytes();
  } else {
    value->number = part.number;
  }
  return true;
}

AssociationName::AssociationName(const graph::Association& association)
    : owner(association.owner->descriptor),
      target(association.target->descriptor),
      name(association.name) {}

absl::StatusOr<Condition> Compare(const FieldDescriptor& field, Comparison comparison,
                                  const Value& value) {
  if (absl::Status status = CheckSingle(field); !status.ok()) return status;
  absl::StatusOr<Operand> operand = MakeOperand(field, value);
  if (!operand.ok()) return operand.status();
  auto node = NewNode(Node::Kind::kCompare, field);
  node->comparison = comparison;
  node->operand = *std::move(operand);
  return node;
}

absl::StatusOr<Condition> CompareFields(const FieldDescriptor& field, Comparison comparison,
                                        const FieldDescriptor& other) {
  for (const FieldDescriptor* each : {&field, &other}) {
    if (absl::Status status = CheckSingle(*each); !status.ok()) return status;
  }
  if (field.containing_type() != other.containing_type()) {
    return Mismatch(field, absl::StrCat("it is compared with ", other.full_name(),
                                        ", which is not a field of the same model"));
  }
  const FieldType type = TypeOf(field);
  const bool same_enum = type != FieldType::kEnum || field.enum_type() == other.enum_type();
  if (type == FieldType::kOther || !SameKind(type, TypeOf(other)) || !same_enum) {
    return Mismatch(
        field, absl::StrCat("the field holds ", Spoken(type), ", and ", other.name(), " holds ",
                            Spoken(TypeOf(other)), ": these cannot be compared"));
  }
  auto node = NewNode(Node::Kind::kCompareFields, field);
  node->comparison = comparison;
  node->other = &other;
  return node;
}

absl::StatusOr<Condition> In(const FieldDescriptor& field, absl::Span<const Value> values) {
  if (absl::Status status = CheckSingle(field); !status.ok()) return status;
  auto node = NewNode(Node::Kind::kIn, field);
  for (const Value& value : values) {
    absl::StatusOr<Operand> operand = MakeOperand(field, value);
    if (!operand.ok()) return operand.status();
    if (operand->beyond == 0) node->operands.push_back(*std::move(operand));
  }
  std::sort(node->operands.begin(), node->operands.end(), [](const Operand& a, const Operand& b) {
    return CompareOperands(a.view(), b.view()) < 0;
  });
  node->operands.erase(std::unique(node->operands.begin(), node->operands.end(),
                                   [](const Operand& a, const Operand& b) {
                                     return CompareOperands(a.view(), b.view()) == 0;
                                   }),
                       node->operands.end());
  return node;
}

absl::StatusOr<Condition> IsNull(const FieldDescriptor& field) {
  return NewNode(Node::Kind::kIsNull, field);
}

absl::StatusOr<Condition> StartsWith(const FieldDescriptor& field, absl::string_view prefix) {
  if (absl::Status status = CheckText(field, "a prefix"); !status.ok()) return status;
  auto node = NewNode(Node::Kind::kStartsWith, field);
  node->text = std::string(prefix);
  return node;
}

absl::StatusOr<Condition> Contains(const FieldDescriptor& field, absl::string_view text) {
  if (absl::Status status = CheckText(field, "a part of a text"); !status.ok()) return status;
  auto node = NewNode(Node::Kind::kContains, field);
  node->text = std::string(text);
  return node;
}

absl::StatusOr<Condition> Matches(const FieldDescriptor& field,
                                  std::shared_ptr<const re2::RE2> pattern) {
  if (absl::Status status = CheckText(field, "a pattern"); !status.ok()) return status;
  auto node = NewNode(Node::Kind::kMatches, field);
  node->text = pattern->pattern();
  node->pattern = std::move(pattern);
  return node;
}

absl::StatusOr<Condition> Matches(const FieldDescriptor& field, absl::string_view pattern) {
  std::shared_ptr<const re2::RE2> compiled = internal::CompilePattern(field, pattern);
  if (absl::Status status = internal::CheckPattern(field, *compiled); !status.ok()) return status;
  return Matches(field, std::move(compiled));
}

absl::StatusOr<Condition> HasElement(const FieldDescriptor& field, const Value& value) {
  if (!field.is_repeated()) {
    return Mismatch(field, "the field is not repeated: compare it with the value");
  }
  absl::StatusOr<Operand> operand = MakeOperand(field, value);
  if (!operand.ok()) return operand.status();
  auto node = NewNode(Node::Kind::kHasElement, field);
  node->operand = *std::move(operand);
  return node;
}

absl::StatusOr<Condition> Within(const FieldDescriptor& field, Condition condition) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return Mismatch(field, "the field holds no message, and has no fields of its own");
  }
  if (condition->model != nullptr && condition->model != field.message_type()) {
    return Mismatch(field,
                    absl::StrCat("the field holds ", field.message_type()->full_name(),
                                 ", and the condition is on ", condition->model->full_name()));
  }
  auto node = NewNode(Node::Kind::kWithin, field);
  node->children.push_back(std::move(condition));
  return node;
}

absl::StatusOr<Condition> Has(const AssociationName& association, Condition target) {
  if (target != nullptr && target->model != nullptr && target->model != association.target) {
    return absl::InvalidArgumentError(absl::StrCat(
        association.owner->full_name(), ".", association.name, ": it leads to ",
        association.target->full_name(), ", and the condition is on ", target->model->full_name()));
  }
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kHas;
  node->model = association.owner;
  node->association = association;
  if (target != nullptr) node->children.push_back(std::move(target));
  return node;
}

absl::StatusOr<Condition> Count(const AssociationName& association, Comparison comparison,
                                std::int64_t count, Condition target) {
  absl::StatusOr<Condition> has = Has(association, std::move(target));
  if (!has.ok()) return has.status();
  auto node = std::make_shared<Node>(**has);
  node->kind = Node::Kind::kCount;
  node->comparison = comparison;
  node->count = count;
  return node;
}

Condition Function(const Descriptor* model, std::string name, Node::Function function) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kFunction;
  node->model = model;
  node->text = std::move(name);
  node->function = std::move(function);
  return node;
}

Condition Constant(bool truth) {
  // One of each: every query without a condition has one.
  static const auto& constants = *new std::array<Condition, 2>([] {
    auto never = std::make_shared<Node>();
    never->truth = false;
    return std::array<Condition, 2>{std::move(never), std::make_shared<Node>()};
  }());
  return constants[truth ? 1 : 0];
}

Condition And(std::vector<Condition> conditions) {
  return Combine(Node::Kind::kAnd, std::move(conditions));
}

Condition Or(std::vector<Condition> conditions) {
  return Combine(Node::Kind::kOr, std::move(conditions));
}

namespace internal {

Moment MomentOf(absl::Time time) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (time == absl::InfiniteFuture()) return {kMax, 0};
  if (time == absl::InfinitePast()) return {std::numeric_limits<std::int64_t>::min(), 0};
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  return {seconds, static_cast<std::int32_t>(
                       absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds)))};
}

Moment MomentOf(absl::Duration duration) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  if (duration == absl::InfiniteDuration()) return {kMax, 0};
  if (duration == -absl::InfiniteDuration()) return {std::numeric_limits<std::int64_t>::min(), 0};
  absl::Duration rest;
  const std::int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  return {seconds, static_cast<std::int32_t>(absl::ToInt64Nanoseconds(rest))};
}

// A value of the type is always one that MakeOperand takes.
Operand OperandOf(FieldType type, std::int64_t value) {
  Operand operand;
  OperandMaker{type, &operand}(value);
  return operand;
}

Operand OperandOf(FieldType type, std::uint64_t value) {
  Operand operand;
  OperandMaker{type, &operand}(value);
  return operand;
}

Operand OperandOf(FieldType /*type*/, bool value) { return NumberOperand(BiasInteger(value)); }
Operand OperandOf(FieldType /*type*/, Real value) { return NumberOperand(value.biased); }
Operand OperandOf(FieldType /*type*/, Moment value) { return MomentOperand(value); }
Operand OperandOf(FieldType /*type*/, absl::string_view value) {
  Operand operand;
  operand.bytes = std::string(value);
  return operand;
}

Condition NodeOf(Node::Kind kind, const FieldDescriptor& field, Comparison comparison,
                 Operand operand) {
  auto node = NewNode(kind, field);
  node->comparison = comparison;
  node->operand = std::move(operand);
  return node;
}

Condition InNode(const FieldDescriptor& field, std::vector<Operand> operands) {
  auto node = NewNode(Node::Kind::kIn, field);
  for (Operand& operand : operands) {
    if (operand.beyond == 0) node->operands.push_back(std::move(operand));
  }
  return node;
}

}  // namespace internal

Condition Not(Condition condition) {
  auto node = std::make_shared<Node>();
  node->kind = Node::Kind::kNot;
  node->model = condition->model;
  node->children.push_back(std::move(condition));
  return node;
}

}  // namespace kin::query
