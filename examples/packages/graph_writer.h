// Brings the graph in line with what package lists say.
#ifndef KIN_EXAMPLES_PACKAGES_GRAPH_WRITER_H_
#define KIN_EXAMPLES_PACKAGES_GRAPH_WRITER_H_

#include <cstdint>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/examples/packages/facts.h"
#include "kin/store/store.h"

namespace packages {

// What became of the facts of a package.
enum class Outcome {
  kAdded,
  kChanged,
  kUnchanged,
  kRepeated,      // They were given before.
  kContradicted,  // Others were given before for the same version; those are kept.
};

// Says what the lists contain, package by package, then what they no longer contain.
//
// A record is written only if it differs from the stored one, so that giving the same lists again
// commits nothing. Thread-compatible.
class GraphWriter {
 public:
  // Makes the package of these facts, and what it names, be as the facts say. On error the
  // transaction is to be given up.
  absl::StatusOr<Outcome> Put(kin::Transaction& txn, const Facts& facts);

  // Deletes the packages that Put was not called for, then the names, maintainers and sources that
  // no package is left for, in transactions of bounded size. Returns how many packages were
  // deleted.
  absl::StatusOr<int64_t> RemoveTheRest(kin::Store* store);

  // Packages that Put was called for.
  int64_t packages() const { return static_cast<int64_t>(given_.size()); }

 private:
  absl::flat_hash_set<int64_t> given_;  // Package ids.
};

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_GRAPH_WRITER_H_
