#ifndef KIN_PERSISTENCE_UTF8_H_
#define KIN_PERSISTENCE_UTF8_H_

#include "absl/strings/string_view.h"

namespace kin::persistence {

// Whether `text` is UTF-8: no surrogates, nothing encoded longer than it has to be.
bool IsValidUtf8(absl::string_view text);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_UTF8_H_
