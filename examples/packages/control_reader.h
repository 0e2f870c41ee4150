// Reads the paragraphs of a Debian control file (deb822), such as an apt repository's Packages
// list.
//
//   ControlReader reader(&input, [](int line, absl::string_view what) { … });
//   Paragraph paragraph;
//   while (true) {
//     absl::StatusOr<bool> more = reader.Next(&paragraph);
//     if (!more.ok()) return more.status();
//     if (!*more) break;
//     if (const ControlField* name = paragraph.Find("Package")) Use(name->value, name->line);
//   }
//
// Lines may end in "\n" or "\r\n"; paragraphs are separated by lines that are empty or blank. A
// line that is none of a field, a continuation or a separator is reported and left out, and reading
// goes on.
#ifndef KIN_EXAMPLES_PACKAGES_CONTROL_READER_H_
#define KIN_EXAMPLES_PACKAGES_CONTROL_READER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kin/examples/packages/input.h"

namespace packages {

// Is told each thing that is wrong with the input, and its line (from 1).
using Complain = std::function<void(int line, absl::string_view what)>;

struct ControlField {
  absl::string_view name;
  absl::string_view value;  // Without blanks around it; folded lines are separated by "\n".
  int line = 0;             // Of the field's name.
};

// Fields in the order of the file. What it gives out is valid until the next call of Next.
// Thread-compatible.
class Paragraph {
 public:
  // The first line of the paragraph.
  int line() const { return line_; }
  const std::vector<ControlField>& fields() const { return fields_; }
  // The field of that name, in any case of letters; null if there is none.
  const ControlField* Find(absl::string_view name) const;

 private:
  friend class ControlReader;

  int line_ = 0;
  std::string text_;  // What the fields point into.
  std::vector<ControlField> fields_;
};

// Thread-compatible.
class ControlReader {
 public:
  // `input` must outlive the reader.
  ControlReader(LineReader* input, Complain complain);

  // Reads the next paragraph; false at the end of the input. An error is one of the input itself.
  absl::StatusOr<bool> Next(Paragraph* paragraph);

  // Lines read so far.
  int line() const { return line_; }

 private:
  // Where a field is in the text of the paragraph being read, which moves as it grows.
  struct Extent {
    size_t name, name_size, value, value_end;
    int line;
  };

  void TakeLine(absl::string_view line, Paragraph* paragraph);
  void Continue(absl::string_view line, Paragraph* paragraph);
  void StartField(absl::string_view line, Paragraph* paragraph);
  void Finish(Paragraph* paragraph);

  LineReader* const input_;
  const Complain complain_;
  int line_ = 0;
  std::vector<Extent> extents_;
  bool in_field_ = false;      // A continuation has a field to belong to.
  bool field_is_bad_ = false;  // Its field was left out, hence so is the continuation.
};

// Whether `text` is UTF-8 without NUL, which is what a string field of a model can hold.
bool IsText(absl::string_view text);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_CONTROL_READER_H_
