// What can be said of a database's file before SQLite does more than open it.
#ifndef KIN_PERSISTENCE_SQLITE_DATABASE_FILE_H_
#define KIN_PERSISTENCE_SQLITE_DATABASE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// The file that `path` stands for, symbolic links followed, so that one database has one name.
// UNAVAILABLE: its directory does not exist. INVALID_ARGUMENT: it is no path of a file.
absl::StatusOr<std::string> ResolvePath(const std::string& path);

// Whether a database can be kept at `path`: the file, if there is one, and its directory can be
// written to. Changes nothing. UNAVAILABLE, saying what is in the way.
absl::Status CheckWritable(const std::string& path);

// Whether there is nothing at `path` yet, or an empty file: a database to be made. DATA_LOSS where
// that cannot be, because the write-ahead log of a database is there.
absl::StatusOr<bool> IsNew(const std::string& path);

// Whether the file of `database`, just opened and not read yet, is a whole SQLite database, as far
// as its header says. DATA_LOSS.
absl::Status CheckHeader(const std::string& path, const Database& database);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_DATABASE_FILE_H_
