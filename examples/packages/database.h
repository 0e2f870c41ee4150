// The database of this example: a Kin store kept in a SQLite file.
#ifndef KIN_EXAMPLES_PACKAGES_DATABASE_H_
#define KIN_EXAMPLES_PACKAGES_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kin/store/store.h"

namespace packages {

// Opens `path`, making it if it does not exist.
absl::StatusOr<std::unique_ptr<kin::Store>> OpenDatabase(const std::string& path);
// NOT_FOUND, with what to do, if it does not exist or was never loaded to the end.
absl::StatusOr<std::unique_ptr<kin::Store>> OpenLoadedDatabase(const std::string& path);
// A store in memory alone.
absl::StatusOr<std::unique_ptr<kin::Store>> OpenMemory();

// Whether some load came to its end.
bool IsLoaded(const kin::Store& store);

// Size of the database in bytes, what is still in its write-ahead log included.
int64_t DatabaseSize(const std::string& path);

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_DATABASE_H_
