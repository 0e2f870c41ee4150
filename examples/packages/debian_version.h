// Debian's order of version numbers, as `dpkg --compare-versions` has it (deb-version(7)).
#ifndef KIN_EXAMPLES_PACKAGES_DEBIAN_VERSION_H_
#define KIN_EXAMPLES_PACKAGES_DEBIAN_VERSION_H_

#include "absl/strings/string_view.h"

namespace packages {

// Less than, equal to or greater than 0, as `a` is earlier than, the same as or later than `b`.
// Versions that are written differently may be the same: "1.0" and "0:1.0-0". Linear in the
// lengths.
int CompareVersions(absl::string_view a, absl::string_view b);

// Whether `version` is one: an epoch of digits if there is a colon, then at least one character,
// and only those a version may have.
bool IsVersion(absl::string_view version);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_DEBIAN_VERSION_H_
