#include "kin/store/internal/value_rules.h"

#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/internal/model_ops.h"
#include "kin/store/internal/read_field.h"
#include "re2/re2.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsSigned(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_UINT32 &&
         field.cpp_type() != FieldDescriptor::CPPTYPE_UINT64;
}

std::uint64_t BiasNumber(const FieldDescriptor& field, std::uint64_t twos_complement) {
  return IsSigned(field) ? BiasInteger(static_cast<std::int64_t>(twos_complement))
                         : BiasInteger(twos_complement);
}

std::uint64_t BiasBound(const FieldDescriptor& field, double bound) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return BiasDouble(bound);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return BiasDouble(static_cast<float>(bound));  // So that the bound itself is allowed.
    default:
      // Whole and within the type, as the graph has checked.
      return IsSigned(field) ? BiasInteger(static_cast<std::int64_t>(bound))
                             : BiasInteger(static_cast<std::uint64_t>(bound));
  }
}

// In code points of a string; its text may yet turn out not to be UTF-8, and is refused for that.
std::uint64_t LengthOf(const FieldDescriptor& field, absl::string_view text) {
  if (field.type() == FieldDescriptor::TYPE_BYTES) return text.size();
  std::uint64_t length = 0;
  for (const char c : text) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return length;
}

std::string Quoted(absl::string_view text) {
  constexpr std::size_t kMost = 64;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kMost)),
                      text.size() > kMost ? "..." : "", "\"");
}

std::string NumberText(const FieldDescriptor& field, std::uint64_t biased) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(biased);
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(UnbiasDouble(biased));
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto number = static_cast<std::int32_t>(UnbiasInteger(biased));
      const auto* value = field.enum_type()->FindValueByNumber(number);
      return value != nullptr ? value->name() : absl::StrCat(number);
    }
    default:
      return absl::StrCat(UnbiasInteger(biased));
  }
}

std::string InText(const graph::ValueRule& rule) {
  constexpr std::size_t kMost = 20;
  const bool text = rule.in_numbers.empty();
  std::string list;
  for (std::size_t i = 0; i < rule.in.size() && i < kMost; ++i) {
    absl::StrAppend(&list, i == 0 ? "" : ", ", text ? Quoted(rule.in[i]) : rule.in[i]);
  }
  if (rule.in.size() > kMost) absl::StrAppend(&list, ", …");
  return list;
}

}  // namespace

ValueRules::ValueRules(const ModelOps& ops, const graph::Model& model) {
  for (const graph::ValueRule& rule : model.value_rules) rules_.push_back(Compile(ops, rule));
}

ValueRules::~ValueRules() = default;

ValueRules::Rule ValueRules::Compile(const ModelOps& ops, const graph::ValueRule& declared) {
  const FieldDescriptor& field = *declared.field;
  Rule rule{&declared, nullptr};
  for (const FieldOps& candidate : ops.fields) {
    if (candidate.number == field.number()) rule.get = candidate.get;
  }
  if (declared.min.has_value() || declared.max.has_value()) {
    const bool floating = field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
                          field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT;
    rule.bounded = true;
    rule.least = declared.min.has_value() ? BiasBound(field, *declared.min) : 0;
    // Every NaN comes after infinity.
    rule.greatest = declared.max.has_value() ? BiasBound(field, *declared.max)
                    : floating               ? BiasDouble(std::numeric_limits<double>::infinity())
                                             : std::numeric_limits<std::uint64_t>::max();
  }
  for (const std::uint64_t number : declared.in_numbers) {
    rule.numbers.insert(BiasNumber(field, number));
  }
  if (declared.in_numbers.empty()) rule.texts.insert(declared.in.begin(), declared.in.end());
  return rule;
}

std::string ValueRules::WhyNotLength(const graph::ValueRule& rule, std::uint64_t length) {
  const absl::string_view unit = rule.field->is_repeated()                           ? "elements"
                                 : rule.field->type() == FieldDescriptor::TYPE_BYTES ? "bytes"
                                                                                     : "characters";
  if (rule.min_len.has_value() && length < *rule.min_len) {
    return absl::StrCat("it has ", length, " ", unit, ", and its min_len is ", *rule.min_len,
                        "; give at least ", *rule.min_len);
  }
  if (rule.max_len.has_value() && length > *rule.max_len) {
    return absl::StrCat("it has ", length, " ", unit, ", and its max_len is ", *rule.max_len,
                        "; give at most ", *rule.max_len);
  }
  return "";
}

std::string ValueRules::WhyNot(const Rule& rule, const KeyPart& value) {
  const graph::ValueRule& declared = *rule.declared;
  const FieldDescriptor& field = *declared.field;
  if (value.data == nullptr) {
    if (rule.bounded && value.number < rule.least) {
      return absl::StrCat(NumberText(field, value.number), " is less than its min, ",
                          NumberText(field, rule.least), "; give at least that");
    }
    if (rule.bounded && value.number > rule.greatest) {
      return absl::StrCat(NumberText(field, value.number),
                          declared.max.has_value() ? " is more than its max, " : " is more than ",
                          NumberText(field, rule.greatest), "; give at most that");
    }
    if (rule.numbers.empty() || rule.numbers.contains(value.number)) return "";
    return absl::StrCat(NumberText(field, value.number), " is none of ", InText(declared),
                        "; give one of these");
  }
  const absl::string_view text = value.bytes();
  if (!field.is_repeated() && (declared.min_len.has_value() || declared.max_len.has_value())) {
    std::string why = WhyNotLength(declared, LengthOf(field, text));
    if (!why.empty()) return why;
  }
  if (declared.pattern != nullptr &&
      !re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *declared.pattern)) {
    return absl::StrCat(Quoted(text), " does not match its pattern, ", declared.pattern->pattern(),
                        "; give a value the whole of which does");
  }
  if (rule.texts.empty() || rule.texts.contains(text)) return "";
  return absl::StrCat(Quoted(text), " is none of ", InText(declared), "; give one of these");
}

void ValueRules::CheckRepeated(const Rule& rule, const Message& record,
                               std::vector<BrokenRule>* broken) {
  const graph::ValueRule& declared = *rule.declared;
  const FieldDescriptor& field = *declared.field;
  const int size = record.GetReflection()->FieldSize(record, &field);
  if (declared.required && size == 0) {
    broken->push_back({&field, "it is required and has no elements; add one"});
    return;
  }
  if (std::string why = WhyNotLength(declared, static_cast<std::uint64_t>(size)); !why.empty()) {
    broken->push_back({&field, std::move(why)});
  }
  if (!rule.bounded && rule.numbers.empty() && rule.texts.empty() && declared.pattern == nullptr) {
    return;
  }
  for (int i = 0; i < size; ++i) {
    KeyPart value;
    std::string scratch;
    if (!ReadElement(record, field, i, &scratch, &value)) return;
    if (std::string why = WhyNot(rule, value); !why.empty()) {
      broken->push_back({&field, absl::StrCat("element ", i, ": ", why)});
      return;
    }
  }
}

std::vector<BrokenRule> ValueRules::Check(const Message& record) const {
  std::vector<BrokenRule> broken;
  for (const Rule& rule : rules_) {
    const FieldDescriptor& field = *rule.declared->field;
    if (field.is_repeated()) {
      CheckRepeated(rule, record, &broken);
      continue;
    }
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (rule.declared->required && !record.GetReflection()->HasField(record, &field)) {
        broken.push_back({&field, "it is required and absent; set it"});
      }
      continue;
    }
    KeyPart value;
    if (!(rule.get != nullptr ? rule.get(record, &value) : ReadField(record, field, &value))) {
      if (rule.declared->required) broken.push_back({&field, "it is required and absent; set it"});
      continue;
    }
    if (rule.declared->required && !graph::HasPresence(field)) {
      if (value.data != nullptr && value.number == 0) {
        broken.push_back({&field, "it is required and empty; set it"});
        continue;
      }
      if (value.data == nullptr && field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
          value.number == BiasInteger(0)) {
        broken.push_back({&field, absl::StrCat("it is required, and ",
                                               NumberText(field, value.number), "; set another")});
        continue;
      }
    }
    if (std::string why = WhyNot(rule, value); !why.empty()) {
      broken.push_back({&field, std::move(why)});
    }
  }
  return broken;
}

}  // namespace kin::internal
