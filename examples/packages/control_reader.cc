#include "kin/examples/packages/control_reader.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace packages {
namespace {

bool IsBlank(absl::string_view line) {
  return line.find_first_not_of(" \t") == absl::string_view::npos;
}

// Policy 5.1: printable ASCII without space and colon, not beginning with "#" or "-".
bool IsFieldName(absl::string_view name) {
  if (name.empty() || name[0] == '#' || name[0] == '-') return false;
  for (char c : name) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
}

// The start of a line, fit to be shown.
std::string Excerpt(absl::string_view line) {
  constexpr size_t kLength = 40;
  std::string shown;
  for (char c : line.substr(0, kLength)) shown += absl::ascii_isprint(c) ? c : '?';
  return absl::StrCat("\"", shown, line.size() > kLength ? "…" : "", "\"");
}

// Length of the UTF-8 sequence that `text` begins with; 0 if there is none.
size_t SequenceLength(absl::string_view text) {
  auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond U+10FFFF.
  if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
      (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

bool IsText(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

const ControlField* Paragraph::Find(absl::string_view name) const {
  for (const ControlField& field : fields_) {
    if (absl::EqualsIgnoreCase(field.name, name)) return &field;
  }
  return nullptr;
}

ControlReader::ControlReader(LineReader* input, Complain complain)
    : input_(input), complain_(std::move(complain)) {}

absl::StatusOr<bool> ControlReader::Next(Paragraph* paragraph) {
  paragraph->text_.clear();
  paragraph->fields_.clear();
  extents_.clear();
  in_field_ = false;
  absl::string_view line;
  while (true) {
    absl::StatusOr<bool> more = input_->Next(&line);
    if (!more.ok()) return more.status();
    if (!*more) break;
    ++line_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (!IsBlank(line)) {
      TakeLine(line, paragraph);
    } else if (!extents_.empty()) {
      break;
    } else {
      in_field_ = false;
    }
  }
  Finish(paragraph);
  return !paragraph->fields_.empty();
}

void ControlReader::TakeLine(absl::string_view line, Paragraph* paragraph) {
  const bool continues = line[0] == ' ' || line[0] == '\t';
  if (!IsText(line)) {
    complain_(line_, absl::StrCat("not UTF-8 text: ", Excerpt(line)));
    if (!continues) {
      in_field_ = true;
      field_is_bad_ = true;
    }
  } else if (continues) {
    Continue(line, paragraph);
  } else {
    StartField(line, paragraph);
  }
}

void ControlReader::Continue(absl::string_view line, Paragraph* paragraph) {
  if (!in_field_) {
    complain_(line_, absl::StrCat("a continuation line that no field precedes: ", Excerpt(line)));
  } else if (!field_is_bad_) {
    absl::StrAppend(&paragraph->text_, "\n", line);
    extents_.back().value_end = paragraph->text_.size();
  }
}

void ControlReader::StartField(absl::string_view line, Paragraph* paragraph) {
  in_field_ = true;
  field_is_bad_ = true;
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || !IsFieldName(line.substr(0, colon))) {
    complain_(line_, absl::StrCat("expected \"Field: value\", found ", Excerpt(line)));
    return;
  }
  const absl::string_view name = line.substr(0, colon);
  for (const Extent& other : extents_) {
    const absl::string_view known =
        absl::string_view(paragraph->text_).substr(other.name, other.name_size);
    if (absl::EqualsIgnoreCase(known, name)) {
      complain_(line_, absl::StrCat("field ", name, " stands twice, first in line ", other.line));
      return;
    }
  }
  if (extents_.empty()) paragraph->line_ = line_;
  const size_t start = paragraph->text_.size();
  paragraph->text_.append(line.data(), line.size());
  extents_.push_back({start, colon, start + colon + 1, paragraph->text_.size(), line_});
  field_is_bad_ = false;
}

void ControlReader::Finish(Paragraph* paragraph) {
  const absl::string_view text = paragraph->text_;
  for (const Extent& field : extents_) {
    const absl::string_view value = text.substr(field.value, field.value_end - field.value);
    // A line break at the front stays: lines are counted by it.
    const size_t start = value.find_first_not_of(" \t");
    paragraph->fields_.push_back({text.substr(field.name, field.name_size),
                                  start == absl::string_view::npos
                                      ? absl::string_view()
                                      : absl::StripTrailingAsciiWhitespace(value.substr(start)),
                                  field.line});
  }
}

}  // namespace packages
