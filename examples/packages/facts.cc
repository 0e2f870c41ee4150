#include "kin/examples/packages/facts.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kin/examples/packages/debian_version.h"
#include "kin/examples/packages/relations.h"

namespace packages {
namespace {

struct KindField {
  const char* name;
  Dependency::Kind kind;
};

constexpr KindField kKindFields[] = {
    {"Pre-Depends", Dependency::PRE_DEPENDS}, {"Depends", Dependency::DEPENDS},
    {"Recommends", Dependency::RECOMMENDS},   {"Suggests", Dependency::SUGGESTS},
    {"Enhances", Dependency::ENHANCES},       {"Breaks", Dependency::BREAKS},
    {"Conflicts", Dependency::CONFLICTS},     {"Replaces", Dependency::REPLACES},
};

std::string ToString(absl::string_view text) { return std::string(text); }

// The value of a field on one line; nothing if there is no such field or nothing in it.
std::optional<std::string> Value(const Paragraph& paragraph, absl::string_view name) {
  const ControlField* field = paragraph.Find(name);
  if (field == nullptr) return std::nullopt;
  const absl::string_view value = absl::StripAsciiWhitespace(field->value);
  const absl::string_view first = absl::StripAsciiWhitespace(value.substr(0, value.find('\n')));
  if (first.empty()) return std::nullopt;
  return ToString(first);
}

std::optional<int64_t> Number(const Paragraph& paragraph, absl::string_view name,
                              const Complain& complain) {
  const std::optional<std::string> value = Value(paragraph, name);
  if (!value) return std::nullopt;
  int64_t number;
  if (absl::SimpleAtoi(*value, &number) && number >= 0) return number;
  complain(paragraph.Find(name)->line, absl::StrCat(name, ": \"", *value, "\" is not a number"));
  return std::nullopt;
}

// A value without which there are no facts.
std::optional<std::string> Required(const Paragraph& paragraph, absl::string_view name,
                                    bool (*is_valid)(absl::string_view), const Complain& complain) {
  std::optional<std::string> value = Value(paragraph, name);
  if (value && is_valid(*value)) return value;
  const ControlField* field = paragraph.Find(name);
  complain(field == nullptr ? paragraph.line() : field->line,
           field == nullptr ? absl::StrCat("the paragraph has no field ", name, " and is left out")
                            : absl::StrCat(name, ": \"", value.value_or(""),
                                           "\" is not valid; the paragraph is left out"));
  return std::nullopt;
}

// "Name <email>"; all of it is the name if it does not look so.
Maintainer ParseMaintainer(const std::string& address) {
  Maintainer maintainer;
  maintainer.set_address(address);
  absl::string_view rest = address;
  const size_t open = rest.rfind('<');
  if (open != absl::string_view::npos && absl::ConsumeSuffix(&rest, ">")) {
    maintainer.set_name(ToString(absl::StripAsciiWhitespace(rest.substr(0, open))));
    maintainer.set_email(ToString(absl::StripAsciiWhitespace(rest.substr(open + 1))));
  } else {
    maintainer.set_name(address);
  }
  return maintainer;
}

// "foo" or "foo (1.2)".
void ReadSource(const Paragraph& paragraph, const Complain& complain, Facts* facts) {
  facts->source = facts->name;
  const ControlField* field = paragraph.Find("Source");
  if (field == nullptr) return;
  const absl::string_view value = absl::StripAsciiWhitespace(field->value);
  absl::string_view version = value;
  const absl::string_view name = value.substr(0, value.find_first_of(" ("));
  version.remove_prefix(name.size());
  version = absl::StripAsciiWhitespace(version);
  const bool has_version = !version.empty();
  const bool closed = absl::ConsumePrefix(&version, "(") && absl::ConsumeSuffix(&version, ")");
  if (!IsPackageName(name) || (has_version && !(closed && IsVersion(version)))) {
    complain(field->line, absl::StrCat("Source: expected \"name\" or \"name (version)\", found \"",
                                       value, "\""));
    return;
  }
  facts->source = ToString(name);
  if (has_version) facts->package.set_source_version(ToString(version));
}

void ReadInfo(const Paragraph& paragraph, const Complain& complain, PackageInfo* info) {
  if (auto value = Value(paragraph, "Section")) info->set_section(*value);
  if (auto value = Value(paragraph, "Priority")) info->set_priority(*value);
  if (auto value = Value(paragraph, "Homepage")) info->set_homepage(*value);
  if (auto value = Value(paragraph, "Description")) info->set_description(*value);
  if (auto value = Value(paragraph, "Multi-Arch")) info->set_multi_arch(*value);
  if (auto value = Value(paragraph, "Essential")) info->set_essential(*value == "yes");
  if (auto value = Number(paragraph, "Installed-Size", complain)) info->set_installed_size(*value);
  if (auto value = Number(paragraph, "Size", complain)) info->set_download_size(*value);
}

void ReadDependencies(const Paragraph& paragraph, const Complain& complain, Facts* facts) {
  for (const KindField& field : kKindFields) {
    const ControlField* found = paragraph.Find(field.name);
    if (found == nullptr) continue;
    for (const Relation& relation : ParseRelations(*found, complain)) {
      Dependency dependency;
      dependency.set_position(static_cast<int>(facts->dependencies.size()));
      dependency.set_kind(field.kind);
      dependency.set_alternative(relation.alternative);
      dependency.set_qualifier(ToString(relation.qualifier));
      dependency.set_relation(relation.relation);
      dependency.set_version(ToString(relation.version));
      facts->dependencies.push_back({ToString(relation.name), std::move(dependency)});
    }
  }
}

void ReadProvides(const Paragraph& paragraph, const Complain& complain, Facts* facts) {
  const ControlField* field = paragraph.Find("Provides");
  if (field == nullptr) return;
  for (const Relation& relation : ParseRelations(*field, complain)) {
    if (relation.alternative > 0 ||
        (relation.relation != Dependency::ANY_VERSION && relation.relation != Dependency::EQUAL)) {
      complain(field->line, absl::StrCat("Provides: ", relation.name,
                                         " is provided as an alternative, or other than by \"=\""));
      continue;
    }
    Provides provides;
    provides.set_position(static_cast<int>(facts->provides.size()));
    provides.set_qualifier(ToString(relation.qualifier));
    if (!relation.version.empty()) provides.set_version(ToString(relation.version));
    facts->provides.push_back({ToString(relation.name), std::move(provides)});
  }
}

}  // namespace

std::optional<Facts> ReadFacts(const Paragraph& paragraph, const Complain& complain) {
  const auto name = Required(paragraph, "Package", &IsPackageName, complain);
  const auto version = Required(paragraph, "Version", &IsVersion, complain);
  const auto architecture = Required(paragraph, "Architecture", &IsPackageName, complain);
  if (!name || !version || !architecture) return std::nullopt;
  Facts facts;
  facts.name = *name;
  facts.package.set_version(*version);
  facts.package.set_architecture(*architecture);
  if (auto value = Value(paragraph, "Maintainer")) facts.maintainer = ParseMaintainer(*value);
  ReadSource(paragraph, complain, &facts);
  ReadInfo(paragraph, complain, &facts.info);
  ReadDependencies(paragraph, complain, &facts);
  ReadProvides(paragraph, complain, &facts);
  return facts;
}

}  // namespace packages
