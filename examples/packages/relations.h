// Parses the relation fields of package lists (Policy 7.1): "a (>= 1.2) | b, python3:any".
#ifndef KIN_EXAMPLES_PACKAGES_RELATIONS_H_
#define KIN_EXAMPLES_PACKAGES_RELATIONS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "examples/packages/packages.pb.h"
#include "kin/examples/packages/control_reader.h"

namespace packages {

// One alternative of a relation field. Points into the text it was parsed from.
struct Relation {
  absl::string_view name;
  absl::string_view qualifier;  // "any" in "python3:any".
  Dependency::Relation relation = Dependency::ANY_VERSION;
  absl::string_view version;
  int alternative = 0;  // Its place in "a | b | c".
};

// Parses `field`, reporting what is malformed with its line; that alternative is left out, and the
// rest of the field is parsed. A comma at the end is allowed. Linear in the length.
std::vector<Relation> ParseRelations(const ControlField& field, const Complain& complain);

// "", "<<", "<=", "=", ">=" or ">>".
absl::string_view RelationSign(Dependency::Relation relation);

// Whether a package may be called so.
bool IsPackageName(absl::string_view name);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_RELATIONS_H_
