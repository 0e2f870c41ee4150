// Whether text is UTF-8.
#ifndef KIN_STORE_INTERNAL_UTF8_H_
#define KIN_STORE_INTERNAL_UTF8_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace kin::internal {

// As the Unicode standard (15.0, table 3-7) defines it: no surrogates, no overlong forms, nothing
// above U+10FFFF. Eight bytes at a time while text is ASCII.
bool IsUtf8(absl::string_view text);

// The first field of `record`, at any depth, that holds a `string` which is not UTF-8, as a path
// such as "address.street"; empty if there is none.
std::string FindInvalidUtf8(const google::protobuf::Message& record);

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_UTF8_H_
