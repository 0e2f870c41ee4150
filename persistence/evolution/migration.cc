#include "kin/persistence/evolution/migration.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace kin {

bool MigrationPlan::allowed() const {
  return unchanged || std::all_of(steps.begin(), steps.end(),
                                  [](const MigrationStep& step) { return step.refused.empty(); });
}

std::string MigrationPlan::ToString() const {
  std::string text;
  if (steps.empty() && sql.empty()) return "nothing to change\n";
  if (unchanged) text = "works with the database as it is; what differs stays so:\n";
  for (const MigrationStep& step : steps) {
    absl::StrAppend(&text, step.refused.empty() ? "  " : "! ", step.change, "\n");
    if (!step.refused.empty()) absl::StrAppend(&text, "    refused: ", step.refused, "\n");
    if (step.rows > 0) {
      const bool all = static_cast<std::int64_t>(step.examples.size()) >= step.rows;
      absl::StrAppend(&text, "    rows in the way: ", step.rows, step.examples.empty() ? "" : ": ",
                      absl::StrJoin(step.examples, "; "),
                      all || step.examples.empty() ? "" : "; ...", "\n");
    }
  }
  if (!sql.empty()) absl::StrAppend(&text, "SQL:\n");
  for (const std::string& statement : sql) absl::StrAppend(&text, "  ", statement, ";\n");
  return text;
}

}  // namespace kin
