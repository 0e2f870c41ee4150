#include "kin/examples/packages/debian_version.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace packages {
namespace {

constexpr absl::string_view::size_type kNone = absl::string_view::npos;

struct Parts {
  absl::string_view epoch, upstream, revision;
};

Parts Split(absl::string_view version) {
  Parts parts;
  if (const size_t colon = version.find(':'); colon != kNone) {
    parts.epoch = version.substr(0, colon);
    version.remove_prefix(colon + 1);
  }
  if (const size_t hyphen = version.rfind('-'); hyphen != kNone) {
    parts.revision = version.substr(hyphen + 1);
    version = version.substr(0, hyphen);
  }
  parts.upstream = version;
  return parts;
}

// "~" comes before the end, the end before letters, and letters before all else.
int Weight(absl::string_view text) {
  if (text.empty() || absl::ascii_isdigit(text[0])) return 0;
  if (text[0] == '~') return -1;
  if (absl::ascii_isalpha(text[0])) return static_cast<unsigned char>(text[0]);
  return static_cast<unsigned char>(text[0]) + 256;
}

// Cuts the number off the front of `text`, without its leading zeros.
absl::string_view TakeNumber(absl::string_view* text) {
  while (absl::StartsWith(*text, "0")) text->remove_prefix(1);
  size_t length = 0;
  while (length < text->size() && absl::ascii_isdigit((*text)[length])) ++length;
  const absl::string_view number = text->substr(0, length);
  text->remove_prefix(length);
  return number;
}

// By value, however long they are.
int CompareNumbers(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

// Compares an upstream version or a revision: by turns what is no digit, and numbers.
int ComparePart(absl::string_view a, absl::string_view b) {
  auto starts_with_other = [](absl::string_view s) {
    return !s.empty() && !absl::ascii_isdigit(s[0]);
  };
  while (!a.empty() || !b.empty()) {
    while (starts_with_other(a) || starts_with_other(b)) {
      if (const int order = Weight(a) - Weight(b); order != 0) return order;
      a.remove_prefix(1);
      b.remove_prefix(1);
    }
    const absl::string_view a_number = TakeNumber(&a);
    if (const int order = CompareNumbers(a_number, TakeNumber(&b)); order != 0) return order;
  }
  return 0;
}

}  // namespace

int CompareVersions(absl::string_view a, absl::string_view b) {
  const Parts x = Split(a);
  const Parts y = Split(b);
  if (const int order = ComparePart(x.epoch, y.epoch); order != 0) return order;
  if (const int order = ComparePart(x.upstream, y.upstream); order != 0) return order;
  return ComparePart(x.revision, y.revision);
}

bool IsVersion(absl::string_view version) {
  if (const size_t colon = version.find(':'); colon != kNone) {
    if (colon == 0 || version.find_first_not_of("0123456789") != colon) return false;
    version.remove_prefix(colon + 1);
  }
  for (char c : version) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("+.~:-_", absl::string_view(&c, 1))) {
      return false;
    }
  }
  return !version.empty();
}

}  // namespace packages
