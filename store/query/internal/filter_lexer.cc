#include "kin/store/query/internal/filter_lexer.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/store/internal/utf8.h"

namespace kin::query::internal {
namespace {

constexpr std::size_t kShownBytes = 40;
constexpr absl::string_view kNotInWords = ".,:()=<>!\"'\\";
// The longer ones first.
constexpr absl::string_view kSigns[] = {"!=", "<=", ">=", "=", "<", ">",
                                        ":",  ".",  ",",  "(", ")", "-"};

int HexDigit(char c) {
  if (absl::ascii_isdigit(static_cast<unsigned char>(c))) return c - '0';
  const char lower = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool IsDigit(char c) { return absl::ascii_isdigit(static_cast<unsigned char>(c)); }

void AppendUtf8(std::uint32_t code_point, std::string* text) {
  const auto tail = [&](int shift) {
    text->push_back(static_cast<char>(0x80 | ((code_point >> shift) & 0x3f)));
  };
  if (code_point < 0x80) {
    text->push_back(static_cast<char>(code_point));
  } else if (code_point < 0x800) {
    text->push_back(static_cast<char>(0xc0 | (code_point >> 6)));
    tail(0);
  } else if (code_point < 0x10000) {
    text->push_back(static_cast<char>(0xe0 | (code_point >> 12)));
    tail(6);
    tail(0);
  } else {
    text->push_back(static_cast<char>(0xf0 | (code_point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace

std::string Quote(absl::string_view text) {
  absl::string_view shown = text;
  if (shown.size() > kShownBytes) {
    std::size_t end = kShownBytes;
    // Not in the middle of a character.
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    shown = text.substr(0, end);
  }
  return absl::StrCat(
      "\"",
      kin::internal::IsUtf8(shown) ? absl::Utf8SafeCHexEscape(shown) : absl::CHexEscape(shown),
      shown.size() < text.size() ? "..." : "", "\"");
}

std::string Describe(const Token& token) {
  switch (token.kind) {
    case Token::Kind::kEnd:
      return "the end";
    case Token::Kind::kString:
      return absl::StrCat("the text ", Quote(token.text));
    default:
      return Quote(token.text);
  }
}

absl::Status FilterError(std::size_t offset, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("filter, column ", offset + 1, ": ", message));
}

absl::Status Lexer::Next(Place place, Token* token) {
  while (position_ < text_.size() &&
         absl::ascii_isspace(static_cast<unsigned char>(text_[position_]))) {
    ++position_;
  }
  *token = Token();
  token->offset = position_;
  if (position_ == text_.size()) return absl::OkStatus();
  const char first = text_[position_];
  if (first == '"' || first == '\'') return ReadString(token);
  if (ReadSign(place, token)) return absl::OkStatus();
  return ReadWord(place, token);
}

bool Lexer::ReadSign(Place place, Token* token) {
  // `-5` and `.5` are values.
  const char first = text_[position_];
  if (place == Place::kValue && (first == '-' || first == '.')) return false;
  for (absl::string_view sign : kSigns) {
    if (text_.substr(position_, sign.size()) != sign) continue;
    token->kind = Token::Kind::kSign;
    token->text = std::string(sign);
    position_ += sign.size();
    return true;
  }
  return false;
}

absl::Status Lexer::ReadString(Token* token) {
  const std::size_t start = position_;
  const char quote = text_[position_++];
  token->kind = Token::Kind::kString;
  while (position_ < text_.size() && text_[position_] != quote) {
    const char c = text_[position_];
    if (c == '\\') {
      if (absl::Status status = ReadEscape(token); !status.ok()) return status;
      continue;
    }
    if (c == '*') token->stars.push_back(token->text.size());
    token->text.push_back(c);
    ++position_;
  }
  if (position_ == text_.size()) {
    return FilterError(start, absl::StrCat("the text that begins here has no closing ",
                                           absl::string_view(&quote, 1)));
  }
  ++position_;
  return absl::OkStatus();
}

absl::Status Lexer::ReadEscape(Token* token) {
  const std::size_t start = position_;
  const char c = At(position_ + 1);
  position_ += 2;
  constexpr absl::string_view kEscaped = "\\\"'*nrt";
  constexpr absl::string_view kMeant = "\\\"'*\n\r\t";
  const std::size_t simple = c == '\0' ? absl::string_view::npos : kEscaped.find(c);
  if (simple != absl::string_view::npos) {
    token->text.push_back(kMeant[simple]);
    return absl::OkStatus();
  }
  if (c == 'x') return ReadCodePoint(2, start, token);
  if (c == 'u') return ReadCodePoint(4, start, token);
  if (c == 'U') return ReadCodePoint(8, start, token);
  return FilterError(start,
                     "expected an escape: one of \\\\ \\\" \\' \\* \\n \\r \\t \\xHH \\uHHHH "
                     "\\UHHHHHHHH");
}

// Two digits are a byte, more a character.
absl::Status Lexer::ReadCodePoint(std::size_t digits, std::size_t start, Token* token) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    const int digit = HexDigit(At(position_));
    if (digit < 0) {
      return FilterError(start, absl::StrCat("expected ", digits, " hexadecimal digits after \\",
                                             text_.substr(start + 1, 1)));
    }
    value = value * 16 + static_cast<std::uint32_t>(digit);
    ++position_;
  }
  if (digits == 2) {
    token->text.push_back(static_cast<char>(value));
    return absl::OkStatus();
  }
  if (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
    return FilterError(start, "there is no character of that number");
  }
  AppendUtf8(value, &token->text);
  return absl::OkStatus();
}

bool Lexer::IsInWord(Place place) const {
  const char c = text_[position_];
  const auto byte = static_cast<unsigned char>(c);
  if (absl::ascii_isspace(byte) || absl::ascii_iscntrl(byte)) return false;
  if (place == Place::kValue) {
    if (c == '.') return true;
    // Of a time of day.
    if (c == ':') return position_ > 0 && IsDigit(At(position_ - 1)) && IsDigit(At(position_ + 1));
  }
  return !absl::StrContains(kNotInWords, c);
}

absl::Status Lexer::ReadWord(Place place, Token* token) {
  token->kind = Token::Kind::kWord;
  while (position_ < text_.size() && IsInWord(place)) {
    if (text_[position_] == '*') token->stars.push_back(token->text.size());
    token->text.push_back(text_[position_++]);
  }
  if (!token->text.empty()) return absl::OkStatus();
  const std::string found = Quote(text_.substr(position_, 1));
  if (At(position_) == '!') {
    return FilterError(position_, "\"!\" is no operator; write NOT, or != to compare");
  }
  return FilterError(position_,
                     absl::StrCat("unexpected ", found, "; texts with it have to be in quotes"));
}

}  // namespace kin::query::internal
