// Keys, oneofs, indexes and foreign keys.
#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/planner.h"

namespace kin::persistence::sqlite {
namespace {

std::vector<int> NumbersOf(const Table& table, const std::vector<int>& columns) {
  std::vector<int> numbers;
  for (int column : columns) numbers.push_back(table.columns[column].field->number());
  return numbers;
}

std::string FieldNames(const Table& table, const std::vector<int>& columns) {
  return absl::StrJoin(columns, ", ", [&](std::string* out, int column) {
    out->append(table.columns[column].field->name());
  });
}

// Names of the columns that hold `columns`; empty if some are new.
std::vector<std::string> SourceNames(const TablePlan& plan, const std::vector<int>& columns) {
  std::vector<std::string> names;
  for (int column : columns) {
    if (plan.sources[column] == nullptr) return {};
    names.push_back(plan.sources[column]->name);
  }
  return names;
}

}  // namespace

absl::Status Planner::PlanKey(TablePlan* plan) {
  if (plan->is_new()) return absl::OkStatus();
  const Table& from = *plan->old->table;
  bool same = NumbersOf(from, from.key) == NumbersOf(*plan->table, plan->table->key) &&
              from.integer_key == plan->table->integer_key;
  for (int part : plan->table->key) same &= plan->sources[part] != nullptr;
  if (same) return absl::OkStatus();
  plan->rebuild = true;
  MigrationStep step;
  step.change = absl::StrCat(plan->table->graph_model->name, ": the key becomes (",
                             FieldNames(*plan->table, plan->table->key), "), and was (",
                             FieldNames(from, from.key), ")");
  ConcernFields(*plan, *plan->table, plan->table->key);
  ConcernFields(*plan, from, from.key);
  absl::Status status = CountRows(*plan, &step);
  if (step.rows > 0) {
    step.refused =
        "rows are known by their key, and others may refer to it. Add a model with the new key, "
        "and move the records to it in a transaction";
  }
  Add(std::move(step));
  return status;
}

// Fields that could be set together, and exclude each other from now on.
absl::Status Planner::PlanOneofs(TablePlan* plan) {
  if (plan->is_new()) return absl::OkStatus();
  const auto& descriptor = *plan->table->graph_model->descriptor;
  for (int i = 0; i < descriptor.real_oneof_decl_count(); ++i) {
    const google::protobuf::OneofDescriptor& oneof = *descriptor.oneof_decl(i);
    std::vector<std::string> arms;
    std::vector<int> columns;
    std::set<const google::protobuf::OneofDescriptor*> before;
    bool outside = false;
    for (int j = 0; j < oneof.field_count(); ++j) {
      const StoredColumn* source = plan->sources[oneof.field(j)->index()];
      if (source == nullptr) continue;
      arms.push_back(absl::StrCat("(t.", Quoted(source->name), " IS NOT NULL)"));
      columns.push_back(oneof.field(j)->index());
      const auto* was_in = source->column->field->real_containing_oneof();
      // A retired arm kept its value whatever was set afterwards.
      outside |= was_in == nullptr || source->retired;
      before.insert(was_in);
    }
    if (arms.size() < 2 || (before.size() == 1 && !outside)) continue;
    MigrationStep step;
    step.change = absl::StrCat(plan->table->graph_model->name, ": at most one field of oneof ",
                               oneof.name(), " is set");
    ConcernFields(*plan, *plan->table, columns);
    absl::Status status =
        FindRows(database_, *plan, absl::StrCat(absl::StrJoin(arms, " + "), " > 1"), &step);
    if (!status.ok()) return status;
    if (step.rows > 0) {
      step.refused =
          "rows have more than one of them; a value would be lost. Clear the others first";
    }
    Add(std::move(step));
  }
  PlanFormerOneofs(*plan);
  return absl::OkStatus();
}

// Fields that exclude each other no longer.
void Planner::PlanFormerOneofs(const TablePlan& plan) {
  if (plan.old->retired) return;
  const auto& descriptor = *plan.old->table->graph_model->descriptor;
  for (int i = 0; i < descriptor.real_oneof_decl_count(); ++i) {
    const google::protobuf::OneofDescriptor& oneof = *descriptor.oneof_decl(i);
    const google::protobuf::OneofDescriptor* now = nullptr;
    std::vector<int> columns;
    bool apart = false;
    for (int j = 0; j < oneof.field_count(); ++j) {
      const auto* field =
          plan.table->graph_model->descriptor->FindFieldByNumber(oneof.field(j)->number());
      if (field == nullptr) continue;
      apart |= !columns.empty() && (now == nullptr || field->real_containing_oneof() != now);
      now = field->real_containing_oneof();
      columns.push_back(field->index());
    }
    if (!apart) continue;
    ConcernFields(plan, *plan.table, columns);
    Add(absl::StrCat(plan.table->graph_model->name, ": ", FieldNames(*plan.table, columns),
                     " no longer exclude each other"));
  }
}

absl::Status Planner::PlanIndexes(TablePlan* plan) {
  if (plan->is_new()) return absl::OkStatus();
  for (const TableIndex& index : plan->table->indexes) {
    const std::vector<std::string> names = SourceNames(*plan, index.columns);
    if (!names.empty() && plan->physical.FindIndex(names, index.unique) != nullptr) continue;
    MigrationStep step;
    step.change =
        absl::StrCat(plan->table->graph_model->name, ": new ", index.unique ? "unique " : "",
                     "index over ", FieldNames(*plan->table, index.columns));
    ConcernFields(*plan, *plan->table, index.columns);
    if (index.unique) {
      absl::Status status = FindDuplicates(database_, *plan, index.columns, &step);
      if (!status.ok()) return status;
      if (step.rows > 0) step.refused = "rows have the same values; change them first";
    }
    Add(std::move(step));
  }
  for (const TableIndex& index : plan->old->table->indexes) {
    bool kept = false;
    const std::vector<int> numbers = NumbersOf(*plan->old->table, index.columns);
    for (const TableIndex& other : plan->table->indexes) {
      kept |= NumbersOf(*plan->table, other.columns) == numbers && other.unique == index.unique;
    }
    if (kept || plan->old->retired) continue;
    ConcernFields(*plan, *plan->old->table, index.columns);
    Add(absl::StrCat(plan->table->graph_model->name, ": no ", index.unique ? "unique " : "",
                     "index over ", FieldNames(*plan->old->table, index.columns), " any more"));
  }
  return absl::OkStatus();
}

// Whether the old table has the foreign key already.
bool Planner::HasForeignKey(const TablePlan& plan, const TableForeignKey& foreign_key) const {
  if (plan.is_new() || plan.old->retired) return false;
  const TablePlan& parent = tables_[foreign_key.parent];
  if (parent.is_new() || parent.old->retired) return false;
  const std::vector<int> numbers = NumbersOf(*plan.table, foreign_key.columns);
  const std::vector<int> parent_numbers = NumbersOf(*parent.table, foreign_key.parent_columns);
  for (const TableForeignKey& old : plan.old->table->foreign_keys) {
    const Table& old_parent = catalogue_.current->mapping().tables[old.parent];
    if (NumbersOf(*plan.old->table, old.columns) == numbers && &old_parent == parent.old->table &&
        NumbersOf(old_parent, old.parent_columns) == parent_numbers) {
      return true;
    }
  }
  return false;
}

// ALTER TABLE ADD COLUMN takes a foreign key of one column along.
bool Planner::CanAddInline(const TablePlan& plan, const TableForeignKey& foreign_key) const {
  return foreign_key.columns.size() == 1 && plan.sources[foreign_key.columns[0]] == nullptr;
}

absl::Status Planner::PlanForeignKeys(TablePlan* plan) {
  if (plan->is_new()) return absl::OkStatus();
  std::size_t same = 0;
  std::set<int> inline_columns;
  for (const TableForeignKey& foreign_key : plan->table->foreign_keys) {
    if (HasForeignKey(*plan, foreign_key)) {
      ++same;
      continue;
    }
    // A column that has two foreign keys gets only one by being added.
    if (!CanAddInline(*plan, foreign_key) ||
        !inline_columns.insert(foreign_key.columns[0]).second) {
      plan->rebuild = true;
    }
    const TablePlan& parent = tables_[foreign_key.parent];
    MigrationStep step;
    step.change = absl::StrCat(plan->table->graph_model->name, ": new foreign key (",
                               FieldNames(*plan->table, foreign_key.columns), ") to ",
                               parent.table->graph_model->name);
    ConcernFields(*plan, *plan->table, foreign_key.columns);
    absl::Status status = FindOrphans(database_, *plan, parent, foreign_key, &step);
    if (!status.ok()) return status;
    if (step.rows > 0) {
      step.refused =
          "rows name no parent that is there; make the field `optional`, or give them a parent "
          "first";
    }
    Add(std::move(step));
  }
  const std::size_t before = plan->old->retired ? 0 : plan->old->table->foreign_keys.size();
  if (before != same) {
    plan->rebuild = true;
    for (const TableForeignKey& foreign_key : plan->old->table->foreign_keys) {
      ConcernFields(*plan, *plan->old->table, foreign_key.columns);
    }
    Add(absl::StrCat(plan->table->graph_model->name, ": ", before - same,
                     " foreign key(s) less than before"));
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
