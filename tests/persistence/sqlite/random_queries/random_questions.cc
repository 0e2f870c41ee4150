#include "kin/tests/persistence/sqlite/random_queries/random_questions.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kin::testing {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using Class = PlainValue::Class;
using Kind = AssociationSpec::Kind;
using query::Comparison;
using query::Condition;
using query::FieldType;

constexpr Comparison kComparisons[] = {Comparison::kEqual,   Comparison::kNotEqual,
                                       Comparison::kLess,    Comparison::kLessOrEqual,
                                       Comparison::kGreater, Comparison::kGreaterOrEqual};

Condition Built(absl::StatusOr<Condition> condition) {
  EXPECT_TRUE(condition.ok()) << condition.status();
  return condition.ok() ? *std::move(condition) : query::Constant(false);
}

bool Holds(Comparison comparison, int order) {
  switch (comparison) {
    case Comparison::kEqual:
      return order == 0;
    case Comparison::kNotEqual:
      return order != 0;
    case Comparison::kLess:
      return order < 0;
    case Comparison::kLessOrEqual:
      return order <= 0;
    case Comparison::kGreater:
      return order > 0;
    case Comparison::kGreaterOrEqual:
      return order >= 0;
  }
  return false;
}

std::string SymbolOf(Comparison comparison) {
  return comparison == Comparison::kEqual ? "=" : std::string(query::Symbol(comparison));
}

std::string SqlRow(const std::vector<std::string>& parts) {
  return parts.size() == 1 ? parts[0] : absl::StrCat("(", absl::StrJoin(parts, ", "), ")");
}

bool IsUnsigned64(const FieldDescriptor& field) {
  return Inner(field).cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
}
bool IsBytes(const FieldDescriptor& field) {
  return Inner(field).type() == FieldDescriptor::TYPE_BYTES;
}

std::string Digits(__int128 number) {
  if (number < 0) return absl::StrCat("-", static_cast<std::uint64_t>(-number));
  return absl::StrCat(static_cast<std::uint64_t>(number));
}

std::string SqlReal(double real) {
  if (std::isinf(real)) return real < 0 ? "-9e999" : "9e999";
  return absl::StrFormat("%.17e", real);
}

// Text in a filter, without the quotes around it.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      escaped += c;
    } else {
      absl::StrAppend(&escaped, "\\x", absl::Hex(static_cast<unsigned char>(c), absl::kZeroPad2));
    }
  }
  return escaped;
}

// None: the field cannot hold it, and a filter may not ask for it.
std::optional<std::string> TextValue(const FieldDescriptor& field, const PlainValue& value) {
  const FieldDescriptor& inner = Inner(field);
  switch (query::TypeOf(field)) {
    case FieldType::kBool:
      return value.number != 0 ? "true" : "false";
    case FieldType::kEnum:
      return std::string(
          inner.enum_type()->FindValueByNumber(static_cast<int>(value.number))->name());
    case FieldType::kDouble:
      if (std::isnan(value.real)) return "nan";
      if (std::isinf(value.real)) return value.real < 0 ? "-inf" : "inf";
      return absl::StrFormat("%.17g", value.real);
    case FieldType::kText:
      return absl::StrCat("\"", Escaped(value.text), "\"");
    case FieldType::kTime:
      return absl::StrCat(
          "\"",
          absl::FormatTime("%E4Y-%m-%dT%H:%M:%E9SZ",
                           std::get<absl::Time>(ToQueryValue(field, value)), absl::UTCTimeZone()),
          "\"");
    case FieldType::kDuration: {
      const __int128 number = value.number < 0 ? -value.number : value.number;
      return absl::StrFormat("%s%d.%09ds", value.number < 0 ? "-" : "",
                             static_cast<std::int64_t>(number / 1000000000),
                             static_cast<std::int64_t>(number % 1000000000));
    }
    default:
      break;
  }
  const bool small = inner.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                     inner.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
  const bool is_signed = query::TypeOf(field) == FieldType::kSigned;
  const __int128 end = __int128{1} << (small ? 32 : 64) >> (is_signed ? 1 : 0);
  if (value.number >= end || value.number < (is_signed ? -end : 0)) return std::nullopt;
  return Digits(value.number);
}

std::optional<std::string> Joined(const std::vector<std::optional<std::string>>& parts,
                                  const char* separator) {
  std::vector<std::string> present;
  for (const auto& part : parts) {
    if (!part.has_value()) return std::nullopt;
    present.push_back(absl::StrCat("(", *part, ")"));
  }
  return absl::StrCat("(", absl::StrJoin(present, separator), ")");
}

std::string Table(const RandomSchema& schema, int model, const std::string& alias) {
  return absl::StrCat(schema.model(model).name, " ", alias);
}

std::string SqlLess(const RandomSchema& schema, int model, const std::string& a,
                    const std::string& b) {
  std::vector<std::string> left;
  std::vector<std::string> right;
  for (const std::string& name : schema.model(model).key) {
    for (std::string& part : SqlColumn(schema.field(model, name), a)) left.push_back(part);
    for (std::string& part : SqlColumn(schema.field(model, name), b)) right.push_back(part);
  }
  return absl::StrCat(SqlRow(left), " < ", SqlRow(right));
}

// Without the choice of the lowest.
std::string SqlAnyLink(const RandomSchema& schema, int model, const AssociationSpec& association,
                       const std::string& from, const std::string& to) {
  if (!association.through.empty()) {
    const AssociationSpec& first = schema.model(model).association(association.through);
    const AssociationSpec& second = schema.model(first.target).association(association.source);
    const std::string middle = absl::StrCat(from, to, "m");
    return absl::StrCat("EXISTS (SELECT 1 FROM ", Table(schema, first.target, middle), " WHERE ",
                        SqlLink(schema, model, first, from, middle), " AND ",
                        SqlLink(schema, first.target, second, middle, to), ")");
  }
  const bool belongs = association.kind == Kind::kBelongsTo;
  const std::vector<std::string>& key = schema.model(belongs ? association.target : model).key;
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < key.size(); ++i) {
    parts.push_back(absl::StrCat(belongs ? from : to, ".", association.foreign_key[i], " = ",
                                 belongs ? to : from, ".", key[i]));
  }
  return absl::StrJoin(parts, " AND ");
}

}  // namespace

std::vector<std::string> SqlColumn(const FieldDescriptor& field, const std::string& alias) {
  const std::string column = absl::StrCat(alias, ".", field.name());
  if (query::TypeOf(field) == FieldType::kDouble) {  // NaN is a blob.
    return {absl::StrCat("CASE WHEN ", column, " IS NULL THEN NULL ELSE typeof(", column,
                         ") = 'blob' END"),
            absl::StrCat("CASE typeof(", column, ") WHEN 'blob' THEN 0.0 ELSE ", column, " END")};
  }
  if (query::TypeOf(field) == FieldType::kDuration) {
    return {absl::StrCat("CAST(", column, " AS REAL)")};
  }
  if (IsUnsigned64(field)) return {absl::StrCat(column, " < 0"), column};
  return {column};
}

std::vector<std::string> SqlValue(const FieldDescriptor& field, const PlainValue& value) {
  const std::string hex = absl::BytesToHexString(value.text);
  switch (query::TypeOf(field)) {
    case FieldType::kDouble:
      if (std::isnan(value.real)) return {"1", "0.0"};
      return {"0", SqlReal(value.real)};
    case FieldType::kText:
      if (IsBytes(field)) return {absl::StrCat("x'", hex, "'")};
      return {absl::StrCat("CAST(x'", hex, "' AS TEXT)")};
    case FieldType::kTime: {
      const auto time = std::get<absl::Time>(ToQueryValue(field, value));
      return {absl::StrCat(
          "'", absl::FormatTime("%E4Y-%m-%dT%H:%M:%E9SZ", time, absl::UTCTimeZone()), "'")};
    }
    case FieldType::kDuration:
      return {SqlReal(static_cast<double>(value.number) / 1e9)};
    default:
      break;
  }
  if (IsUnsigned64(field)) {
    if (value.number < 0) return {"-1", "0"};
    const auto bits = static_cast<std::int64_t>(static_cast<std::uint64_t>(value.number));
    return {bits < 0 ? "1" : "0", absl::StrCat(bits)};
  }
  // Above what an integer of SQL can be: a number with a fraction, which compares all the same.
  const bool large = value.number > std::numeric_limits<std::int64_t>::max();
  return {absl::StrCat(Digits(value.number), large ? ".0" : "")};
}

std::string SqlKey(const ModelSpec& model, const std::string& alias) {
  return absl::StrCat(alias, ".", absl::StrJoin(model.key, absl::StrCat(", ", alias, ".")));
}

std::string SqlLink(const RandomSchema& schema, int model, const AssociationSpec& association,
                    const std::string& from, const std::string& to) {
  const std::string any = SqlAnyLink(schema, model, association, from, to);
  if (!association.lowest) return any;
  const std::string lower = absl::StrCat(from, to, "l");
  return absl::StrCat(any, " AND NOT EXISTS (SELECT 1 FROM ",
                      Table(schema, association.target, lower), " WHERE ",
                      SqlAnyLink(schema, model, association, from, lower), " AND ",
                      SqlLess(schema, association.target, lower, to), ")");
}

RandomQuestion RandomQuestions::Ask(int model, const std::string& alias, int depth) {
  const bool leads = !world_.schema().model(model).associations.empty();
  if (depth > 1 && dice_.Once(2)) return Combine(model, alias, depth);
  if (depth > 0 && leads && dice_.Once(4)) return AskAssociation(model, alias, depth);
  return AskField(model, alias);
}

RandomQuestion RandomQuestions::AskField(int model, const std::string& alias) {
  const RandomSchema& schema = world_.schema();
  const FieldDescriptor& field = schema.field(model, dice_.From(schema.model(model).fields).name);
  if (field.is_repeated()) return AskRepeated(alias, field);
  if (query::MayBeAbsent(field) && dice_.Once(6)) return AskNull(alias, field);
  if (dice_.Once(6)) return AskAmong(model, alias, field);
  if (dice_.Once(8)) return AskFields(model, alias);
  if (query::TypeOf(field) == FieldType::kText && dice_.Once(3)) {
    const std::string text = Operand(model, field).text;
    std::size_t size = std::min(text.size(), static_cast<std::size_t>(dice_.Below(5)));
    // No half of a character.
    while (!IsBytes(field) && size < text.size() && (text[size] & 0xc0) == 0x80) --size;
    return AskText(alias, field, text.substr(0, size));
  }
  return AskValue(model, alias, field);
}

RandomQuestion RandomQuestions::AskIndex(int model, const std::string& alias,
                                         const IndexSpec& index) {
  const RandomSchema& schema = world_.schema();
  std::vector<RandomQuestion> parts;
  for (const std::string& name : index.fields) {
    const FieldDescriptor& field = schema.field(model, name);
    if (dice_.Once(3)) continue;
    parts.push_back(dice_.Once(8) ? AskAmong(model, alias, field) : AskValue(model, alias, field));
  }
  if (parts.empty() || dice_.Once(3)) parts.push_back(Ask(model, alias, 1));
  return parts.size() == 1 ? parts[0] : All(parts, true);
}

PlainValue RandomQuestions::Operand(int model, const FieldDescriptor& field) {
  const auto& records = world_.table(model);
  if (!records.empty() && !dice_.Once(3)) {
    const auto at = std::next(records.begin(), dice_.Below(static_cast<int>(records.size())));
    if (const auto value = Read(*at->second, field); value.has_value()) return *value;
  }
  PlainValue value = RandomValue(field, &dice_);
  const FieldType type = query::TypeOf(field);
  if ((type == FieldType::kSigned || type == FieldType::kUnsigned) && dice_.Once(8)) {
    // Also what the field cannot hold.
    constexpr __int128 kOne = 1;
    const __int128 numbers[] = {-1,         -(kOne << 31) - 1, kOne << 31,    kOne << 32,
                                kOne << 63, (kOne << 63) - 1,  -(kOne << 63), (kOne << 64) - 1};
    value.number = dice_.From(numbers);
  }
  return value;
}

RandomQuestion RandomQuestions::AskValue(int model, const std::string& alias,
                                         const FieldDescriptor& field) {
  const Comparison comparison = dice_.Once(2) ? Comparison::kEqual : dice_.From(kComparisons);
  const PlainValue value = Operand(model, field);
  RandomQuestion question;
  question.tree = Built(query::Compare(field, comparison, ToQueryValue(field, value)));
  const FieldType type = query::TypeOf(field);
  const bool ordered = type != FieldType::kBool && type != FieldType::kEnum;
  if (ordered || comparison == Comparison::kEqual || comparison == Comparison::kNotEqual) {
    if (const auto text = TextValue(field, value); text.has_value()) {
      question.text = absl::StrCat(field.name(), " ", SymbolOf(comparison), " ", *text);
    }
  }
  question.sql = absl::StrCat(SqlRow(SqlColumn(field, alias)), " ", SymbolOf(comparison), " ",
                              SqlRow(SqlValue(field, value)));
  question.judge = [&field, comparison, value](const World&,
                                               const Message& record) -> std::optional<bool> {
    const auto held = Read(record, field);
    if (!held.has_value()) return std::nullopt;
    return Holds(comparison, Order(*held, value));
  };
  return question;
}

RandomQuestion RandomQuestions::AskText(const std::string& alias, const FieldDescriptor& field,
                                        const std::string& part) {
  const bool alnum = !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c));
  });
  RandomQuestion question;
  const bool inside = dice_.Once(2);
  const std::string column = absl::StrCat("CAST(", alias, ".", field.name(), " AS BLOB)");
  const std::string bytes = absl::StrCat("x'", absl::BytesToHexString(part), "'");
  // An empty part is in every text.
  question.sql = part.empty()
                     ? absl::StrCat(column, " = ", column)
                     : absl::StrCat("instr(", column, ", ", bytes, ")", inside ? " > 0" : " = 1");
  if (!part.empty()) {
    question.text = absl::StrCat(field.name(), inside ? " = \"*" : " = \"", Escaped(part), "*\"");
  }
  if (alnum && dice_.Once(3)) {
    const std::string pattern = absl::StrCat(inside ? "(?s).*" : "(?s)", part, ".*");
    question.tree = Built(query::Matches(field, pattern));
    question.text = absl::StrCat("matches(", field.name(), ", \"", Escaped(pattern), "\")");
  } else {
    question.tree = Built((inside ? query::Contains : query::StartsWith)(field, part));
  }
  question.judge = [&field, inside, part](const World&,
                                          const Message& record) -> std::optional<bool> {
    const auto held = Read(record, field);
    if (!held.has_value()) return std::nullopt;
    const std::size_t at = held->text.find(part);
    return inside ? at != std::string::npos : at == 0;
  };
  return question;
}

RandomQuestion RandomQuestions::AskAmong(int model, const std::string& alias,
                                         const FieldDescriptor& field) {
  std::vector<PlainValue> values;
  std::vector<query::Value> given;
  std::vector<std::string> sql;
  std::vector<std::optional<std::string>> texts;
  for (int count = 1 + dice_.Below(4); count > 0; --count) {
    values.push_back(Operand(model, field));
    given.push_back(ToQueryValue(field, values.back()));
    sql.push_back(absl::StrCat(SqlRow(SqlColumn(field, alias)), " = ",
                               SqlRow(SqlValue(field, values.back()))));
    texts.push_back(TextValue(field, values.back()));
  }
  RandomQuestion question;
  question.tree = Built(query::In(field, given));
  question.sql = absl::StrCat("(", absl::StrJoin(sql, " OR "), ")");
  std::vector<std::string> alternatives;
  for (const auto& text : texts) {
    if (text.has_value()) alternatives.push_back(*text);
  }
  if (alternatives.size() == texts.size()) {
    question.text = absl::StrCat(field.name(), " = (", absl::StrJoin(alternatives, " OR "), ")");
  }
  question.judge = [&field, values](const World&, const Message& record) -> std::optional<bool> {
    const auto held = Read(record, field);
    if (!held.has_value()) return std::nullopt;
    return std::any_of(values.begin(), values.end(),
                       [&](const PlainValue& value) { return Order(*held, value) == 0; });
  };
  return question;
}

RandomQuestion RandomQuestions::AskRepeated(const std::string& alias,
                                            const FieldDescriptor& field) {
  RandomQuestion question;
  if (dice_.Once(4)) {
    question.tree = Built(query::IsNull(field));
    question.text = absl::StrCat("NOT ", field.name(), ":*");
    question.sql = absl::StrCat(alias, ".", field.name(), " IS NULL");
    question.judge = [&field](const World&, const Message& record) {
      return std::optional(record.GetReflection()->FieldSize(record, &field) == 0);
    };
    return question;
  }
  const PlainValue value = RandomValue(field, &dice_);
  question.tree = Built(query::HasElement(field, ToQueryValue(field, value)));
  question.text = absl::StrCat(field.name(), ":", *TextValue(field, value));
  question.judge = [&field, value](const World&, const Message& record) {
    for (int i = 0; i < record.GetReflection()->FieldSize(record, &field); ++i) {
      if (Order(ReadElement(record, field, i), value) == 0) return std::optional(true);
    }
    return std::optional(false);
  };
  return question;
}

RandomQuestion RandomQuestions::AskNull(const std::string& alias, const FieldDescriptor& field) {
  RandomQuestion question;
  question.tree = Built(query::IsNull(field));
  question.text = absl::StrCat(field.name(), " = null");
  question.sql = absl::StrCat(alias, ".", field.name(), " IS NULL");
  question.judge = [&field](const World&, const Message& record) {
    return std::optional(!Read(record, field).has_value());
  };
  return question;
}

// Two fields of one record; a filter has no word for that.
RandomQuestion RandomQuestions::AskFields(int model, const std::string& alias) {
  const RandomSchema& schema = world_.schema();
  const FieldDescriptor& field = schema.field(model, dice_.From(schema.model(model).fields).name);
  const FieldDescriptor& other = schema.field(model, dice_.From(schema.model(model).fields).name);
  const auto alike = [](const FieldDescriptor& a) {
    const FieldType type = query::TypeOf(a);
    return type == FieldType::kUnsigned ? FieldType::kSigned : type;
  };
  if (field.is_repeated() || other.is_repeated() || alike(field) != alike(other) ||
      (alike(field) == FieldType::kEnum && field.enum_type() != other.enum_type())) {
    return AskField(model, alias);
  }
  const Comparison comparison = dice_.From(kComparisons);
  RandomQuestion question;
  question.tree = Built(query::CompareFields(field, comparison, other));
  std::vector<std::string> left = SqlColumn(field, alias);
  std::vector<std::string> right = SqlColumn(other, alias);
  const auto absent_stays = [](const std::string& column) {
    return absl::StrCat("CASE WHEN ", column, " IS NULL THEN NULL ELSE 0 END");
  };
  if (left.size() < right.size()) left.insert(left.begin(), absent_stays(left[0]));
  if (right.size() < left.size()) right.insert(right.begin(), absent_stays(right[0]));
  if (IsBytes(field) == IsBytes(other) || query::TypeOf(field) != FieldType::kText) {
    question.sql = absl::StrCat(SqlRow(left), " ", SymbolOf(comparison), " ", SqlRow(right));
  }
  question.judge = [&field, &other, comparison](const World&,
                                                const Message& record) -> std::optional<bool> {
    const auto a = Read(record, field);
    const auto b = Read(record, other);
    if (!a.has_value() || !b.has_value()) return std::nullopt;
    return Holds(comparison, Order(*a, *b));
  };
  return question;
}

RandomQuestion RandomQuestions::AskAssociation(int model, const std::string& alias, int depth) {
  const RandomSchema& schema = world_.schema();
  const AssociationSpec& association = dice_.From(schema.model(model).associations);
  const int target = association.target;
  const std::string other = absl::StrCat(alias, "x");
  const query::AssociationName name(&schema.descriptor(model), &schema.descriptor(target),
                                    association.name);
  std::optional<RandomQuestion> within;
  if (!dice_.Once(4)) within = Ask(target, other, depth - 1);
  const bool counted = dice_.Once(4);
  const Comparison comparison = dice_.From(kComparisons);
  const int count = dice_.Below(4) - 1;
  RandomQuestion question;
  const Condition inner = within.has_value() ? within->tree : nullptr;
  const std::string found = absl::StrCat(Table(schema, target, other), " WHERE ",
                                         SqlLink(schema, model, association, alias, other));
  const std::string where = within.has_value() && within->sql.has_value()
                                ? absl::StrCat(" AND (", *within->sql, ")")
                                : "";
  const bool in_sql = !within.has_value() || within->sql.has_value();
  if (counted) {
    question.tree = Built(query::Count(name, comparison, count, inner));
    if (!within.has_value()) {
      question.text =
          absl::StrCat("count(", association.name, ") ", SymbolOf(comparison), " ", count);
    }
    if (in_sql) {
      question.sql = absl::StrCat("(SELECT count(*) FROM ", found, where, ") ",
                                  SymbolOf(comparison), " ", count);
    }
  } else {
    question.tree = Built(query::Has(name, inner));
    if (!within.has_value()) question.text = absl::StrCat(association.name, ":*");
    if (within.has_value() && within->text.has_value()) {
      question.text = absl::StrCat(association.name, ":(", *within->text, ")");
    }
    if (in_sql) question.sql = absl::StrCat("EXISTS (SELECT 1 FROM ", found, where, ")");
  }
  question.judge = [=, &association](const World& world, const Message& record) {
    int targets = 0;
    for (const Message* each : world.Targets(model, association, record)) {
      if (!within.has_value() || within->judge(world, *each) == true) ++targets;
    }
    if (!counted) return std::optional(targets > 0);
    return std::optional(Holds(comparison, targets < count ? -1 : targets > count ? 1 : 0));
  };
  return question;
}

RandomQuestion RandomQuestions::Combine(int model, const std::string& alias, int depth) {
  const int what = dice_.Below(7);
  std::vector<RandomQuestion> parts;
  for (int count = what == 0 ? 1 : 2 + dice_.Below(2); count > 0; --count) {
    parts.push_back(Ask(model, alias, depth - 1));
  }
  if (what == 0) {
    RandomQuestion question;
    question.tree = query::Not(parts[0].tree);
    if (parts[0].text.has_value()) question.text = absl::StrCat("NOT (", *parts[0].text, ")");
    if (parts[0].sql.has_value()) question.sql = absl::StrCat("NOT (", *parts[0].sql, ")");
    question.judge = [part = parts[0]](const World& world,
                                       const Message& record) -> std::optional<bool> {
      const std::optional<bool> truth = part.judge(world, record);
      if (!truth.has_value()) return std::nullopt;
      return !*truth;
    };
    return question;
  }
  return All(parts, what <= 4);
}

RandomQuestion RandomQuestions::All(const std::vector<RandomQuestion>& parts, bool all) {
  std::vector<Condition> trees;
  std::vector<std::optional<std::string>> texts;
  std::vector<std::optional<std::string>> sqls;
  for (const RandomQuestion& part : parts) {
    trees.push_back(part.tree);
    texts.push_back(part.text);
    sqls.push_back(part.sql);
  }
  RandomQuestion question;
  question.tree = all ? query::And(trees) : query::Or(trees);
  question.text = Joined(texts, all ? " AND " : " OR ");
  question.sql = Joined(sqls, all ? " AND " : " OR ");
  question.judge = [parts, all](const World& world, const Message& record) -> std::optional<bool> {
    bool unknown = false;
    for (const RandomQuestion& part : parts) {
      const std::optional<bool> truth = part.judge(world, record);
      if (truth == !all) return !all;
      unknown = unknown || !truth.has_value();
    }
    if (unknown) return std::nullopt;
    return all;
  };
  return question;
}

}  // namespace kin::testing
