// Models whose options are changed at random, for what has to stand any options: the resolver of
// models, and the store, which has to open with whatever the resolver accepts.
#ifndef KIN_TESTS_GRAPH_FUZZ_OPTION_MUTATIONS_H_
#define KIN_TESTS_GRAPH_FUZZ_OPTION_MUTATIONS_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace kin::graph {

enum class MutationOutcome {
  kNoDescriptor,  // protobuf itself does not accept the file.
  kDiagnosed,     // Mistakes were reported, each with file and text.
  kAccepted,      // None were, and a store was opened, written and checked.
};

// `bytes` decides what is changed. Fails in `error`, which is empty if all is well.
MutationOutcome CheckMutation(absl::Span<const std::uint8_t> bytes, std::string* error);

}  // namespace kin::graph

#endif  // KIN_TESTS_GRAPH_FUZZ_OPTION_MUTATIONS_H_
