// The words, texts and signs of a filter.
#ifndef KIN_STORE_QUERY_INTERNAL_FILTER_LEXER_H_
#define KIN_STORE_QUERY_INTERNAL_FILTER_LEXER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kin::query::internal {

struct Token {
  enum class Kind {
    kEnd,
    kWord,    // Without quotes, keywords among them.
    kString,  // In quotes.
    kSign,    // . , ( ) - = != < <= > >= :
  };
  Kind kind = Kind::kEnd;
  std::size_t offset = 0;  // Of the first byte in the filter.
  std::string text;        // Of a string without quotes and escapes.
  // Where in `text` there is a * that stands for any bytes.
  std::vector<std::size_t> stars;

  bool Is(absl::string_view sign) const { return kind == Kind::kSign && text == sign; }
  bool IsWord(absl::string_view word) const { return kind == Kind::kWord && text == word; }
  bool IsText() const { return kind == Kind::kWord || kind == Kind::kString; }
};

// `"age"`, or `the end`: for messages. Long ones are cut.
std::string Describe(const Token& token);
std::string Quote(absl::string_view text);

// INVALID_ARGUMENT, "filter, column N: <message>".
absl::Status FilterError(std::size_t offset, absl::string_view message);

// Thread-compatible. `text` must outlive it.
class Lexer {
 public:
  // What a word may be depends on where it is.
  enum class Place {
    kName,   // Of names: a dot separates them, and a minus before one negates.
    kValue,  // A value: 1.5, -3, 2012-04-21T11:30:00Z, com.google
  };

  explicit Lexer(absl::string_view text) : text_(text) {}
  // Reads the next token. INVALID_ARGUMENT: there is none; nothing more is to be read.
  absl::Status Next(Place place, Token* token);

 private:
  absl::Status ReadString(Token* token);
  absl::Status ReadEscape(Token* token);
  absl::Status ReadCodePoint(std::size_t digits, std::size_t start, Token* token);
  absl::Status ReadWord(Place place, Token* token);
  bool ReadSign(Place place, Token* token);
  bool IsInWord(Place place) const;
  char At(std::size_t position) const { return position < text_.size() ? text_[position] : '\0'; }

  absl::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_FILTER_LEXER_H_
