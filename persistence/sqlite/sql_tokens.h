// SQL that somebody else wrote, taken apart as far as it needs to be to find words in it.
#ifndef KIN_PERSISTENCE_SQLITE_SQL_TOKENS_H_
#define KIN_PERSISTENCE_SQLITE_SQL_TOKENS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kin::persistence::sqlite {

struct SqlToken {
  enum class Kind {
    kWord,    // A keyword, a name or a number, in upper case.
    kQuoted,  // A name in quotes, without them, in upper case.
    kText,
    kSign,  // One character.
  };
  Kind kind = Kind::kSign;
  std::string text;

  bool IsSign(char sign) const { return kind == Kind::kSign && text[0] == sign; }
  bool IsWord(absl::string_view word) const { return kind == Kind::kWord && text == word; }
};

// Without comments.
std::vector<SqlToken> SqlTokens(absl::string_view sql);

// Whether computing it may fail, for some values of columns: the expressions and the condition of
// an index, by its CREATE INDEX; and the generated columns of a table, by its CREATE TABLE. True
// for all that is not known to be harmless.
bool IndexMayFail(absl::string_view create_index);
bool GeneratedColumnsMayFail(absl::string_view create_table);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_SQL_TOKENS_H_
