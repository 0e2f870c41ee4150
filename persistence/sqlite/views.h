// Views for people who look into a database with sqlite3. Beside each table `users` there is a view
// `_kin_view_users` with the same columns, in which numbers from 2^63 on, NaNs, enums, bytes and
// serialized values can be read. Nothing in Kin reads them.
#ifndef KIN_PERSISTENCE_SQLITE_VIEWS_H_
#define KIN_PERSISTENCE_SQLITE_VIEWS_H_

#include <string>

#include "absl/status/status.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// No table of a model begins with this, nor with a spelling of it in other case; and what does is
// Kin's to drop.
inline constexpr char kViewPrefix[] = "_kin_view_";

std::string ViewName(const Table& table);
// The SQL that makes it.
std::string CreateView(const Table& table);

// Who changes tables drops the views before and makes them again after, in the same transaction: a
// view over what is no longer there would keep SQLite from renaming anything.
absl::Status DropViews(Database& database);
absl::Status CreateViews(Database& database, const Mapping& mapping);

// Makes the views what they should be, in a transaction of its own; none if they already are.
absl::Status RefreshViews(Database& database, const Mapping& mapping);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_VIEWS_H_
