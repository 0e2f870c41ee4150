#include "kin/persistence/sqlite/sql_tokens.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/types/span.h"

namespace kin::persistence::sqlite {
namespace {

using Kind = SqlToken::Kind;

bool InWord(char c) {
  return absl::ascii_isalnum(c) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
}

template <std::size_t N>
bool Contains(const absl::string_view (&words)[N], absl::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

// Their results are no longer than their arguments, and none is refused.
constexpr absl::string_view kHarmlessFunctions[] = {
    "COALESCE",  "IFNULL", "IIF",    "INSTR",   "LENGTH", "LOWER", "LTRIM",
    "MAX",       "MIN",    "NULLIF", "ROUND",   "RTRIM",  "SIGN",  "SUBSTR",
    "SUBSTRING", "TRIM",   "TYPEOF", "UNICODE", "UPPER"};
// What may stand before a parenthesis and calls no function.
constexpr absl::string_view kKeywords[] = {"AND", "BETWEEN", "CASE", "CAST", "ELSE", "FROM", "IN",
                                           "IS",  "NOT",     "OR",   "THEN", "WHEN", "WHERE"};
// Operators that call functions: some patterns are too complex, others the program's own. They may
// be names of columns as well.
constexpr absl::string_view kPatterns[] = {"GLOB", "LIKE", "MATCH", "REGEXP"};

// Whether an operator may follow, and a name may not.
bool EndsOperand(const SqlToken& token) {
  if (token.kind == Kind::kWord) return token.text == "NOT" || !Contains(kKeywords, token.text);
  return token.kind != Kind::kSign || token.IsSign(')');
}

// Calls may fail, JSON may be malformed (->), and text become too long (||).
bool MayFail(absl::Span<const SqlToken> tokens) {
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const SqlToken& token = tokens[i];
    if (i == 0) continue;
    const SqlToken& before = tokens[i - 1];
    if (token.kind == Kind::kWord && Contains(kPatterns, token.text) && EndsOperand(before)) {
      return true;
    }
    if (before.IsSign('-') && token.IsSign('>')) return true;
    if (before.IsSign('|') && token.IsSign('|')) return true;
    if (!token.IsSign('(')) continue;
    if (before.kind == Kind::kWord && Contains(kKeywords, before.text)) continue;
    const bool calls = before.kind == Kind::kWord || before.kind == Kind::kQuoted;
    if (calls && !Contains(kHarmlessFunctions, before.text)) return true;
  }
  return false;
}

}  // namespace

std::vector<SqlToken> SqlTokens(absl::string_view sql) {
  std::vector<SqlToken> tokens;
  for (std::size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    const absl::string_view rest = sql.substr(i);
    std::size_t end = i + 1;
    if (InWord(c)) {
      while (end < sql.size() && InWord(sql[end])) ++end;
      tokens.push_back({Kind::kWord, absl::AsciiStrToUpper(sql.substr(i, end - i))});
    } else if (absl::StartsWith(rest, "--")) {
      end = sql.find('\n', i);
    } else if (absl::StartsWith(rest, "/*")) {
      end = sql.find("*/", i + 2);
      if (end != absl::string_view::npos) end += 2;
    } else if (c == '"' || c == '\'' || c == '`' || c == '[') {
      const std::size_t close = std::min(sql.find(c == '[' ? ']' : c, i + 1), sql.size());
      tokens.push_back({c == '\'' ? Kind::kText : Kind::kQuoted,
                        absl::AsciiStrToUpper(sql.substr(i + 1, close - i - 1))});
      end = close + 1;
    } else if (!absl::ascii_isspace(c)) {
      tokens.push_back({Kind::kSign, std::string(1, c)});
    }
    if (end == absl::string_view::npos) break;
    i = end;
  }
  return tokens;
}

bool IndexMayFail(absl::string_view create_index) {
  const std::vector<SqlToken> tokens = SqlTokens(create_index);
  // The names of the index and its table come first.
  const auto list = std::find_if(tokens.begin(), tokens.end(),
                                 [](const SqlToken& token) { return token.IsSign('('); });
  if (list == tokens.end()) return false;
  const auto first = static_cast<std::size_t>(list - tokens.begin()) + 1;
  return MayFail(absl::MakeConstSpan(tokens).subspan(first));
}

bool GeneratedColumnsMayFail(absl::string_view create_table) {
  const std::vector<SqlToken> tokens = SqlTokens(create_table);
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    if (!tokens[i - 1].IsWord("AS") || !tokens[i].IsSign('(')) continue;
    const std::size_t first = i + 1;
    for (int depth = 1; depth > 0 && ++i < tokens.size();) {
      depth += tokens[i].IsSign('(') ? 1 : tokens[i].IsSign(')') ? -1 : 0;
    }
    const std::size_t last = std::min(i, tokens.size());
    if (MayFail(absl::MakeConstSpan(tokens).subspan(first, last - first))) return true;
  }
  return false;
}

}  // namespace kin::persistence::sqlite
