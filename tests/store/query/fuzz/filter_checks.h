// What has to hold of any text that is given as a filter.
#ifndef KIN_TESTS_STORE_QUERY_FUZZ_FILTER_CHECKS_H_
#define KIN_TESTS_STORE_QUERY_FUZZ_FILTER_CHECKS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace kin::query {

// A text that `bytes` decide on: they themselves, words of the grammar put together, or a filter
// that is right, changed in some places.
std::string TextFrom(absl::Span<const std::uint8_t> bytes);

// Parses the text and, if it is a filter, applies it to some records. Fails in `error`, which is
// empty if all is well. Whether it was a filter.
bool CheckFilter(absl::string_view text, std::string* error);

}  // namespace kin::query

#endif  // KIN_TESTS_STORE_QUERY_FUZZ_FILTER_CHECKS_H_
