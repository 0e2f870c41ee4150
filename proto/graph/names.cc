// How names are derived from one another: snake_case, CamelCase, plural and singular.
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph {
namespace {

// Singular and plural of words that follow no rule below. Equal: the word has no plural.
constexpr std::pair<absl::string_view, absl::string_view> kIrregular[] = {
    {"aircraft", "aircraft"},   {"alias", "aliases"},
    {"atlas", "atlases"},       {"axis", "axes"},
    {"cache", "caches"},        {"calf", "calves"},
    {"canvas", "canvases"},     {"chaos", "chaos"},
    {"child", "children"},      {"cookie", "cookies"},
    {"criterion", "criteria"},  {"data", "data"},
    {"deer", "deer"},           {"echo", "echoes"},
    {"equipment", "equipment"}, {"fish", "fish"},
    {"foot", "feet"},           {"gas", "gases"},
    {"goose", "geese"},         {"half", "halves"},
    {"hero", "heroes"},         {"information", "information"},
    {"knife", "knives"},        {"leaf", "leaves"},
    {"lens", "lenses"},         {"life", "lives"},
    {"loaf", "loaves"},         {"man", "men"},
    {"matrix", "matrices"},     {"media", "media"},
    {"metadata", "metadata"},   {"mouse", "mice"},
    {"movie", "movies"},        {"news", "news"},
    {"niche", "niches"},        {"ox", "oxen"},
    {"person", "people"},       {"potato", "potatoes"},
    {"quiz", "quizzes"},        {"series", "series"},
    {"sheep", "sheep"},         {"shelf", "shelves"},
    {"shoe", "shoes"},          {"species", "species"},
    {"thief", "thieves"},       {"tie", "ties"},
    {"tomato", "tomatoes"},     {"tooth", "teeth"},
    {"vertex", "vertices"},     {"veto", "vetoes"},
    {"wife", "wives"},          {"wolf", "wolves"},
    {"woman", "women"},
};

// Those of them that compounds are made with: grandchildren, bookshelves.
constexpr std::pair<absl::string_view, absl::string_view> kCompounds[] = {
    {"child", "children"}, {"half", "halves"},     {"hero", "heroes"},   {"knife", "knives"},
    {"leaf", "leaves"},    {"matrix", "matrices"}, {"person", "people"}, {"quiz", "quizzes"},
    {"shelf", "shelves"},  {"thief", "thieves"},   {"tooth", "teeth"},   {"vertex", "vertices"},
    {"wife", "wives"},     {"wolf", "wolves"},     {"woman", "women"},
};

bool EndsWithAny(absl::string_view word, std::initializer_list<absl::string_view> ends) {
  for (absl::string_view end : ends) {
    if (absl::EndsWith(word, end)) return true;
  }
  return false;
}

bool EndsInConsonantThen(absl::string_view word, absl::string_view end) {
  if (!absl::EndsWith(word, end) || word.size() <= end.size()) return false;
  return !absl::StrContains("aeiou", word[word.size() - end.size() - 1]);
}

// Splits "user_info" into "user_" and "info": only the last word has a plural.
std::pair<absl::string_view, absl::string_view> LastWord(absl::string_view words) {
  const size_t underscore = words.rfind('_');
  const size_t start = underscore == absl::string_view::npos ? 0 : underscore + 1;
  return {words.substr(0, start), words.substr(start)};
}

bool LooksPlural(absl::string_view word) {
  return word.size() > 1 && absl::EndsWith(word, "s") &&
         !EndsWithAny(word, {"ss", "us", "is", "as"});
}

std::string PluralOf(absl::string_view word) {
  for (const auto& [one, many] : kIrregular) {
    if (word == one || word == many) return std::string(many);
  }
  for (const auto& [one, many] : kCompounds) {
    if (absl::EndsWith(word, many)) return std::string(word);
    if (absl::EndsWith(word, one)) {
      return absl::StrCat(word.substr(0, word.size() - one.size()), many);
    }
  }
  if (word.empty() || LooksPlural(word)) return std::string(word);
  if (absl::EndsWith(word, "sis")) return absl::StrCat(word.substr(0, word.size() - 2), "es");
  if (EndsInConsonantThen(word, "y")) {
    return absl::StrCat(word.substr(0, word.size() - 1), "ies");
  }
  if (EndsWithAny(word, {"s", "x", "z", "ch", "sh"})) return absl::StrCat(word, "es");
  return absl::StrCat(word, "s");
}

std::string SingularOf(absl::string_view word) {
  for (const auto& [one, many] : kIrregular) {
    if (word == one || word == many) return std::string(one);
  }
  for (const auto& [one, many] : kCompounds) {
    if (absl::EndsWith(word, many)) {
      return absl::StrCat(word.substr(0, word.size() - many.size()), one);
    }
  }
  const auto less = [word](size_t count) { return word.substr(0, word.size() - count); };
  if (!LooksPlural(word)) return std::string(word);
  if (EndsInConsonantThen(word, "ies")) return absl::StrCat(less(3), "y");
  if (EndsWithAny(word, {"alyses", "otheses", "entheses", "crises", "theses"})) {
    return absl::StrCat(less(2), "is");
  }
  if (EndsWithAny(word, {"sses", "shes", "ches", "xes"})) return std::string(less(2));
  if (absl::EndsWith(word, "uses") && !EndsWithAny(word, {"auses", "ouses"}) && word.size() > 4) {
    return std::string(less(2));
  }
  return std::string(less(1));
}

}  // namespace

std::string SnakeCase(absl::string_view camel) {
  std::string snake;
  for (size_t i = 0; i < camel.size(); ++i) {
    if (absl::ascii_isupper(camel[i]) && i > 0 && camel[i - 1] != '_') {
      const bool follows_word = !absl::ascii_isupper(camel[i - 1]);
      const bool starts_word = i + 1 < camel.size() && absl::ascii_islower(camel[i + 1]);
      if (follows_word || starts_word) snake.push_back('_');
    }
    snake.push_back(absl::ascii_tolower(camel[i]));
  }
  return snake;
}

std::string CamelCase(absl::string_view snake) {
  std::string camel;
  bool starts_word = true;
  for (char c : snake) {
    if (c == '_') {
      starts_word = true;
      continue;
    }
    camel.push_back(starts_word ? absl::ascii_toupper(c) : c);
    starts_word = false;
  }
  return camel;
}

std::string Pluralize(absl::string_view word) {
  const auto [before, last] = LastWord(word);
  return absl::StrCat(before, PluralOf(last));
}

std::string Singularize(absl::string_view word) {
  const auto [before, last] = LastWord(word);
  return absl::StrCat(before, SingularOf(last));
}

std::string TableName(absl::string_view message_name) { return Pluralize(SnakeCase(message_name)); }

}  // namespace kin::graph
