// Every kind of change of a schema, with rows: what becomes of them, what is refused, and whether
// the program of before can go on. docs/schema_evolution.md has a table with the same lines.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_CHANGES_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_CHANGES_H_

#include <string>
#include <utility>
#include <vector>

#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"

namespace kin::testing {

// A schema, and how a database of the one before becomes one of it. In all texts '@' stands for a
// number that tells changes apart, so that many can be in one schema.
struct Stage {
  std::string schema;
  std::vector<Row> rows;  // All that is there; in the first stage, what is written.
  struct Then {
    // Words of the refusal, before `sql` was run and without `options`; empty: it is not refused.
    std::string refused = {};
    absl::StatusCode code = absl::StatusCode::kFailedPrecondition;
    std::string sql = {};  // What then helps,
    MigrateOptions options = {};
    bool done = true;          // if anything does.
    bool same_tables = false;  // The plan has no steps: only the stored schema changes.
    // Why the program of the stage before cannot open the database now; empty: it can, and finds
    // `older_rows`, if there are any, else the rows of its stage.
    std::string older = {};
    std::vector<Row> older_rows = {};
    // Queries, and the only row of each.
    std::vector<std::pair<std::string, std::string>> sees = {};
  };
  Then then = {};
};

struct Change {
  std::string line;  // The first column of the table in docs/schema_evolution.md.
  std::string what;
  std::vector<Stage> stages;
};

const std::vector<Change>& Changes();

// With `number` for each '@'.
std::string Numbered(const std::string& text, int number);
Stage Numbered(const Stage& stage, int number);

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_CHANGES_H_
