// What kin::MigrationPlan and kin::MigrateOptions are. Included by kin/persistence/sqlite.h.
#ifndef KIN_PERSISTENCE_EVOLUTION_MIGRATION_H_
#define KIN_PERSISTENCE_EVOLUTION_MIGRATION_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace kin {

// How the tables of a database may change when it is opened with another schema than it has.
// docs/schema_evolution.md has every change and what happens.
struct MigrateOptions {
  enum class Level {
    // Nothing is changed, not even what the database says of its schema. The database is opened if
    // the program can read and write its tables as
    // they are: also by a program that is older than the database and has never opened it.
    kNone,
    // What loses nothing and gives no value another meaning is done; the rest has to be named
    // below.
    kSafe,
  };
  Level level = Level::kSafe;

  // Names of models ("accounts.User") and fields ("accounts.User.age"), old or new. What is named,
  // and is not in the database (any more), is ignored: names may stay when the change is made.
  //
  // Models and fields that may be gone; their rows and values are kept, and come back if they do.
  // And numbers whose type may become narrower, if every value fits; and fields, also of messages
  // that are values ("accounts.Address.street"), whose values may have another meaning now.
  std::vector<std::string> allow;
  // Models and fields that are gone, or have another type, and whose rows and values are deleted.
  std::vector<std::string> drop;
  // Models that are called otherwise now, old name and new, where that does not show by itself.
  std::vector<std::pair<std::string, std::string>> renamed;
};

// One change of a schema, in terms of its models.
struct MigrationStep {
  std::string change;        // "accounts.User.age (field 5): new, column age of table users".
  std::string refused = {};  // Why it is not made, and what to do; empty: it is made.
  // The rows that keep it from being made, and some of them: "id=7".
  std::int64_t rows = 0;
  std::vector<std::string> examples = {};
};

// How a database becomes one of another schema.
struct MigrationPlan {
  // The program is older than the database, or may change nothing, and works with it as it is.
  bool unchanged = false;
  std::vector<MigrationStep> steps;  // Empty: the database is of the schema.
  std::vector<std::string> sql;      // In order; run in one transaction.

  // Whether Store::Open would make it, or go on without.
  bool allowed() const;
  // Lines of text with all of the above.
  std::string ToString() const;
};

}  // namespace kin

#endif  // KIN_PERSISTENCE_EVOLUTION_MIGRATION_H_
