#include "kin/examples/packages/relations.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kin/examples/packages/debian_version.h"

namespace packages {
namespace {

constexpr absl::string_view kBlanks = " \t\n";

struct Sign {
  absl::string_view text;
  Dependency::Relation relation;
};

// Longer ones first. "<" and ">" are old spellings that dpkg still reads, as "<=" and ">=".
constexpr Sign kSigns[] = {
    {"<<", Dependency::EARLIER},        {"<=", Dependency::EARLIER_OR_EQUAL},
    {">=", Dependency::LATER_OR_EQUAL}, {">>", Dependency::LATER},
    {"=", Dependency::EQUAL},           {"<", Dependency::EARLIER_OR_EQUAL},
    {">", Dependency::LATER_OR_EQUAL},
};

// Parses the "(>= 1.2)" of an alternative. Says what is wrong; "" if nothing is.
std::string ParseVersion(absl::string_view text, Relation* relation) {
  if (!absl::ConsumePrefix(&text, "(") || !absl::ConsumeSuffix(&text, ")")) {
    return "expected \"(\", a sign, a version and \")\" after the name";
  }
  text = absl::StripAsciiWhitespace(text);
  const Sign* sign = std::find_if(std::begin(kSigns), std::end(kSigns), [&](const Sign& s) {
    return absl::ConsumePrefix(&text, s.text);
  });
  if (sign == std::end(kSigns)) return "expected one of << <= = >= >> before the version";
  relation->relation = sign->relation;
  relation->version = absl::StripAsciiWhitespace(text);
  if (IsVersion(relation->version)) return "";
  return absl::StrCat("\"", relation->version, "\" is not a version");
}

// Parses one alternative. Says what is wrong; "" if nothing is.
std::string ParseAlternative(absl::string_view text, Relation* relation) {
  if (text.empty()) return "nothing between two separators";
  const size_t end = std::min(text.find_first_of(" \t\n(:[<"), text.size());
  relation->name = text.substr(0, end);
  text.remove_prefix(end);
  if (!IsPackageName(relation->name)) return "expected the name of a package";
  if (absl::ConsumePrefix(&text, ":")) {
    const size_t size = std::min(text.find_first_of(" \t\n("), text.size());
    relation->qualifier = text.substr(0, size);
    text.remove_prefix(size);
    if (!IsPackageName(relation->qualifier)) return "expected an architecture after \":\"";
  }
  text = absl::StripAsciiWhitespace(text);
  if (absl::StartsWith(text, "[") || absl::StartsWith(text, "<")) {
    return "architecture and profile lists belong into source packages only";
  }
  return text.empty() ? "" : ParseVersion(text, relation);
}

}  // namespace

std::vector<Relation> ParseRelations(const ControlField& field, const Complain& complain) {
  std::vector<Relation> relations;
  const absl::string_view value = field.value;
  int alternative = 0;
  for (size_t start = 0; start < value.size();) {
    const size_t end = std::min(value.find_first_of(",|", start), value.size());
    const absl::string_view raw = value.substr(start, end - start);
    Relation relation;
    const std::string wrong = ParseAlternative(absl::StripAsciiWhitespace(raw), &relation);
    if (wrong.empty()) {
      relation.alternative = alternative++;
      relations.push_back(relation);
    } else {
      const size_t at = std::min(value.find_first_not_of(kBlanks, start), end);
      const auto lines = std::count(value.begin(), value.begin() + at, '\n');
      complain(
          field.line + static_cast<int>(lines),
          absl::StrCat(field.name, ": ", wrong, " in \"", absl::StripAsciiWhitespace(raw), "\""));
    }
    if (end < value.size() && value[end] == ',') alternative = 0;
    start = end + 1;
  }
  return relations;
}

absl::string_view RelationSign(Dependency::Relation relation) {
  for (const Sign& sign : kSigns) {
    if (sign.relation == relation) return sign.text;
  }
  return "";
}

bool IsPackageName(absl::string_view name) {
  if (name.empty() || !absl::ascii_isalnum(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '+' || c == '-' || c == '.' || c == '_';
  });
}

}  // namespace packages
