// The value rules of fields: whether a field can have them, and whether some value can keep them.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/proto/graph/internal/position.h"
#include "re2/re2.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::FieldDescriptor;

bool IsInteger(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

bool IsNumber(const FieldDescriptor& field) {
  return IsInteger(field) || field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
}

bool IsEnum(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
}

bool IsText(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// The whole numbers that a type holds and a double tells apart.
std::pair<double, double> RangeOf(const FieldDescriptor& field) {
  constexpr double kExact = 9007199254740992;  // 2^53
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    case FieldDescriptor::CPPTYPE_UINT32:
      return {0, std::numeric_limits<std::uint32_t>::max()};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {0, kExact};
    default:
      return {-kExact, kExact};
  }
}

template <typename T>
std::optional<std::uint64_t> ParseInteger(absl::string_view text) {
  T value;
  if (!absl::SimpleAtoi(text, &value)) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

// A value of `in` for an integer or enum field, in two's complement.
std::optional<std::uint64_t> NumberOf(const FieldDescriptor& field, const std::string& text) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return ParseInteger<std::int32_t>(text);
    case FieldDescriptor::CPPTYPE_INT64:
      return ParseInteger<std::int64_t>(text);
    case FieldDescriptor::CPPTYPE_UINT32:
      return ParseInteger<std::uint32_t>(text);
    case FieldDescriptor::CPPTYPE_UINT64:
      return ParseInteger<std::uint64_t>(text);
    default: {
      const auto* value = field.enum_type()->FindValueByName(text);
      if (value == nullptr) return std::nullopt;
      return static_cast<std::uint64_t>(std::int64_t{value->number()});
    }
  }
}

std::uint64_t LengthOf(const FieldDescriptor& field, const std::string& text) {
  if (field.type() == FieldDescriptor::TYPE_BYTES) return text.size();
  std::uint64_t length = 0;
  for (const char c : text) length += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return length;
}

// The number as a person would write it.
double Written(const FieldDescriptor& field, std::uint64_t number) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64 ||
                 field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32
             ? static_cast<double>(number)
             : static_cast<double>(static_cast<std::int64_t>(number));
}

std::string NumberText(double number) {
  if (std::abs(number) < 1e15 && number == std::floor(number)) {
    return absl::StrCat(static_cast<std::int64_t>(number));
  }
  return absl::StrCat(number);
}

// Resolves the rules of one field. Each function gives what is wrong, with the option it is wrong
// of, to `report`.
class FieldRules {
 public:
  using Report = absl::FunctionRef<void(int option, const std::string& message)>;

  FieldRules(const FieldDescriptor& field, const FieldOptions& options, Report report)
      : field_(field), options_(options), report_(report) {
    rule_.field = &field;
  }

  ValueRule Resolve() && {
    Required();
    Bounds();
    Lengths();
    Pattern();
    In();
    return std::move(rule_);
  }

 private:
  void Cannot(int option, absl::string_view rule, absl::string_view is_for) {
    report_(option, absl::StrCat("is ", TypeText(field_), " and cannot have ", rule,
                                 ", which is for ", is_for));
  }

  void Required() {
    if (!options_.required()) return;
    constexpr int kOption = FieldOptions::kRequiredFieldNumber;
    if (field_.real_containing_oneof() != nullptr) {
      report_(kOption, absl::StrCat("is in the oneof \"", field_.real_containing_oneof()->name(),
                                    "\" and cannot be required, or the other fields of the oneof "
                                    "could never be set; remove required"));
      return;
    }
    const bool can_be_empty = field_.is_repeated() || IsText(field_) || IsEnum(field_);
    if (!HasPresence(field_) && !field_.is_required() && !can_be_empty) {
      report_(kOption, absl::StrCat("is ", TypeText(field_),
                                    " without presence, and so is always there: 0 is a value like "
                                    "others; write \"optional\" before it, or min instead of "
                                    "required"));
      return;
    }
    rule_.required = true;
  }

  void Bounds() {
    if (!options_.has_min() && !options_.has_max()) return;
    if (!IsNumber(field_)) {
      constexpr absl::string_view kFor = "numbers; use a validator";
      if (options_.has_min()) Cannot(FieldOptions::kMinFieldNumber, "min", kFor);
      if (options_.has_max()) Cannot(FieldOptions::kMaxFieldNumber, "max", kFor);
      return;
    }
    if (options_.has_min()) rule_.min = Bound(FieldOptions::kMinFieldNumber, "min", options_.min());
    if (options_.has_max()) rule_.max = Bound(FieldOptions::kMaxFieldNumber, "max", options_.max());
    if (rule_.min.has_value() && rule_.max.has_value() && *rule_.min > *rule_.max) {
      report_(FieldOptions::kMinFieldNumber,
              absl::StrCat("has the min ", NumberText(*rule_.min), ", which is more than its max ",
                           NumberText(*rule_.max), ", so that no value is allowed; exchange them"));
    }
  }

  std::optional<double> Bound(int option, absl::string_view name, double bound) {
    if (std::isnan(bound)) {
      report_(option, absl::StrCat("has a NaN as ", name, "; write a number"));
      return std::nullopt;
    }
    if (!IsInteger(field_)) return bound;
    if (bound != std::floor(bound)) {
      report_(option, absl::StrCat("has the ", name, " ", NumberText(bound), ", and ",
                                   TypeText(field_), " holds whole numbers only; write one"));
      return std::nullopt;
    }
    const auto [least, greatest] = RangeOf(field_);
    if (bound < least || bound > greatest) {
      report_(option, absl::StrCat("has the ", name, " ", NumberText(bound),
                                   ", which is not between ", NumberText(least), " and ",
                                   NumberText(greatest), ", what ", TypeText(field_),
                                   " and an exact bound can be; remove it, or use a validator"));
      return std::nullopt;
    }
    return bound;
  }

  void Lengths() {
    if (!options_.has_min_len() && !options_.has_max_len()) return;
    if (!IsText(field_) && !field_.is_repeated()) {
      constexpr absl::string_view kFor = "string, bytes and repeated fields";
      if (options_.has_min_len()) Cannot(FieldOptions::kMinLenFieldNumber, "min_len", kFor);
      if (options_.has_max_len()) Cannot(FieldOptions::kMaxLenFieldNumber, "max_len", kFor);
      return;
    }
    if (options_.has_min_len()) rule_.min_len = options_.min_len();
    if (options_.has_max_len()) rule_.max_len = options_.max_len();
    if (rule_.min_len.has_value() && rule_.max_len.has_value() && *rule_.min_len > *rule_.max_len) {
      report_(FieldOptions::kMinLenFieldNumber,
              absl::StrCat("has the min_len ", *rule_.min_len, ", which is more than its max_len ",
                           *rule_.max_len, ", so that no value is allowed; exchange them"));
    } else if (rule_.required && !HasPresence(field_) && rule_.max_len == 0) {
      report_(FieldOptions::kMaxLenFieldNumber,
              "is required and has the max_len 0, so that no value is allowed; remove one");
    }
  }

  void Pattern() {
    if (!options_.has_pattern()) return;
    if (!IsText(field_)) {
      Cannot(FieldOptions::kPatternFieldNumber, "pattern", "string and bytes");
      return;
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    if (field_.type() == FieldDescriptor::TYPE_BYTES) {
      options.set_encoding(re2::RE2::Options::EncodingLatin1);
    }
    auto pattern = std::make_shared<re2::RE2>(options_.pattern(), options);
    if (!pattern->ok()) {
      report_(FieldOptions::kPatternFieldNumber,
              absl::StrCat("has a pattern that RE2 does not accept: ", pattern->error(),
                           "; see "
                           "https://github.com/google/re2/wiki/Syntax"));
      return;
    }
    rule_.pattern = std::move(pattern);
  }

  void In() {
    if (options_.in().empty()) return;
    if (!IsText(field_) && !IsInteger(field_) && !IsEnum(field_)) {
      Cannot(FieldOptions::kInFieldNumber, "in", "string, bytes, integers and enums");
      return;
    }
    for (int i = 0; i < options_.in_size(); ++i) {
      const std::string& text = options_.in(i);
      std::optional<std::uint64_t> number;
      if (!IsText(field_)) {
        number = NumberOf(field_, text);
        if (!number.has_value()) {
          report_(FieldOptions::kInFieldNumber,
                  absl::StrCat("has \"", absl::CHexEscape(text),
                               "\" in its in, which is no value "
                               "of ",
                               TypeText(field_),
                               IsEnum(field_) ? "; write the name of one"
                                              : "; write it in decimal, as in \"7\""));
          continue;
        }
      }
      if (const std::string why = WhyNot(text, number); !why.empty()) {
        report_(FieldOptions::kInFieldNumber, absl::StrCat("has \"", absl::CHexEscape(text),
                                                           "\" in its in, ", why, "; remove one"));
        continue;
      }
      rule_.in.push_back(text);
      if (number.has_value()) rule_.in_numbers.push_back(*number);
    }
  }

  // Why a value of `in` is of no use; empty if it is.
  std::string WhyNot(const std::string& text, std::optional<std::uint64_t> number) const {
    for (std::size_t i = 0; i < rule_.in.size(); ++i) {
      if (number.has_value() ? rule_.in_numbers[i] == *number : rule_.in[i] == text) {
        return "which is there twice";
      }
    }
    if (number.has_value()) {
      const double value = Written(field_, *number);
      if (rule_.min.has_value() && value < *rule_.min) return "which its min refuses";
      if (rule_.max.has_value() && value > *rule_.max) return "which its max refuses";
      return "";
    }
    if (!field_.is_repeated()) {
      const std::uint64_t length = LengthOf(field_, text);
      if (rule_.min_len.has_value() && length < *rule_.min_len) return "which its min_len refuses";
      if (rule_.max_len.has_value() && length > *rule_.max_len) return "which its max_len refuses";
    }
    if (rule_.pattern != nullptr && !re2::RE2::FullMatch(text, *rule_.pattern)) {
      return "which its pattern refuses";
    }
    return "";
  }

  const FieldDescriptor& field_;
  const FieldOptions& options_;
  const Report report_;
  ValueRule rule_;
};

bool HasRules(const FieldOptions& options) {
  return options.required() || options.has_min() || options.has_max() || options.has_min_len() ||
         options.has_max_len() || options.has_pattern() || !options.in().empty();
}

}  // namespace

void Builder::ResolveValueRules(ModelState& state) {
  for (int i = 0; i < state.descriptor().field_count(); ++i) {
    if (!HasRules(state.fields[i])) continue;
    ResolveValueRule(state, *state.descriptor().field(i), state.fields[i]);
  }
}

void Builder::ResolveValueRule(ModelState& state, const FieldDescriptor& field,
                               const FieldOptions& options) {
  const auto report = [&](int option, const std::string& message) {
    Report(PositionIn(field, {option}), absl::StrCat("\"", field.name(), "\" ", message));
  };
  if (options.lock_version() || options.created_at() || options.updated_at()) {
    report(FieldOptions::kRequiredFieldNumber,
           "is filled in by the store and cannot have value rules; remove them");
    return;
  }
  if (field.is_map() &&
      (options.has_min() || options.has_max() || options.has_pattern() || !options.in().empty())) {
    report(FieldOptions::kRequiredFieldNumber,
           "is map and can have required, min_len and max_len only; use a validator");
    return;
  }
  state.model->value_rules.push_back(FieldRules(field, options, report).Resolve());
}

// Once all foreign keys are known: some are named by models or by the other side only.
void Builder::CheckRequiredForeignKeys() {
  absl::flat_hash_set<const FieldDescriptor*> seen;
  for (const auto& key : graph_.foreign_keys) {
    for (const FieldDescriptor* field : key->fields) {
      if (!StateOf(key->child).fields[field->index()].required() || !HasPresence(*field) ||
          field->real_containing_oneof() != nullptr || !seen.insert(field).second) {
        continue;
      }
      Report(PositionIn(*field, {FieldOptions::kRequiredFieldNumber}),
             absl::StrCat("\"", field->name(),
                          "\" is a foreign key that may be absent and yet is required; remove "
                          "required, or \"optional\" before the field"));
    }
  }
}

}  // namespace kin::graph::internal
