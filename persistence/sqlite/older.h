// A program that is older than the database it opens: works on the tables as they are, and leaves
// alone what it does not know.
//
// Rows of tables that it does not know stay; columns that it does not know keep their values, and
// get their defaults in new rows. Foreign keys that it does not know are its own to keep: of what
// they refer to nothing may be deleted (Guard). What it cannot keep up is refused when it opens.
#ifndef KIN_PERSISTENCE_SQLITE_OLDER_H_
#define KIN_PERSISTENCE_SQLITE_OLDER_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kin/persistence/evolution/catalogue.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/store/change.h"

namespace kin::persistence::sqlite {

// Values that rows refer to by a foreign key which the program does not know. As long as one store
// owns the database, only it writes, and these rows stay as they are.
struct Guard {
  int model = 0;             // Whose records are referred to.
  std::vector<int> columns;  // By which columns.
  std::set<std::string> values;
  std::string table;  // Who refers to them.
};

struct OlderMapping {
  Mapping mapping;                    // The program's, with the names that the database has.
  std::vector<std::string> id_names;  // By table: the model's name there.
  std::vector<Guard> guards;
};

// The tables of the database as its own schema has them, for checks. `catalogue` must outlive it.
Mapping AsStored(const Catalogue& catalogue);

// `mapping` must outlive the result's use. FAILED_PRECONDITION, with every reason, if the program
// cannot work with the tables.
absl::StatusOr<OlderMapping> FitOlder(Database& database, const Catalogue& catalogue,
                                      const Mapping& mapping);

// FAILED_PRECONDITION: a change would leave rows without a parent, in tables that the program does
// not know.
absl::Status CheckGuards(const std::vector<Guard>& guards, const Mapping& mapping,
                         absl::Span<const Change> changes);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_OLDER_H_
