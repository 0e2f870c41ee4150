// Tables and columns; planner_rules.cc has keys, indexes, foreign keys and oneofs.
#include "kin/persistence/sqlite/planner.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/ddl.h"

namespace kin::persistence::sqlite {
namespace {

std::string TypeOf(const Column& column) {
  return column.field == nullptr ? "the unknown fields" : TypeName(*column.field);
}

// "accounts.User.age (field 5)".
std::string FieldText(const std::string& model, const Column& column) {
  if (column.field == nullptr) return absl::StrCat(model, ", unknown fields");
  return absl::StrCat(model, ".", column.field->name(), " (field ", column.field->number(), ")");
}

// The new field of the name that an old one has, under another number.
const google::protobuf::FieldDescriptor* Renumbered(const Table& table,
                                                    const google::protobuf::FieldDescriptor& old) {
  const auto* field = table.graph_model->descriptor->FindFieldByName(old.name());
  return field != nullptr && field->number() != old.number() ? field : nullptr;
}

std::map<std::string, std::string> Renames(const MigrateOptions& options) {
  return {options.renamed.begin(), options.renamed.end()};
}

}  // namespace

Planner::Planner(Database& database, const Catalogue& catalogue, const Mapping& mapping,
                 const MigrateOptions& options)
    : database_(database),
      catalogue_(catalogue),
      mapping_(mapping),
      allow_(options.allow.begin(), options.allow.end()),
      drop_(options.drop.begin(), options.drop.end()),
      renamed_(Renames(options)) {
  std::set<std::string> given_up = allow_;
  given_up.insert(drop_.begin(), drop_.end());
  matches_ = MatchModels(catalogue, mapping, renamed_, given_up);
}

bool Planner::IsIn(const std::set<std::string>& set, const Names& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return set.count(name) > 0; });
}

void Planner::Add(std::string change, std::string refused) {
  MigrationStep step;
  step.change = std::move(change);
  step.refused = std::move(refused);
  steps_.push_back(std::move(step));
}

Planner::Names Planner::NamesOfModel(const TablePlan& plan) const {
  Names names;
  if (plan.table != nullptr) names.push_back(plan.table->graph_model->name);
  if (plan.old != nullptr) names.push_back(plan.old->model);
  return names;
}

Planner::Names Planner::NamesOfField(const TablePlan& plan, const StoredColumn* old_column,
                                     const Column* column) const {
  Names names;
  for (const std::string& model : NamesOfModel(plan)) {
    if (old_column != nullptr && old_column->column->field != nullptr) {
      names.push_back(absl::StrCat(model, ".", old_column->column->field->name()));
    }
    if (column != nullptr && column->field != nullptr) {
      names.push_back(absl::StrCat(model, ".", column->field->name()));
    }
  }
  return names;
}

void Planner::Concern(const Names& names) { concerned_.insert(names.begin(), names.end()); }

void Planner::ConcernFields(const TablePlan& plan, const Table& table,
                            const std::vector<int>& columns) {
  Concern(NamesOfModel(plan));
  for (int column : columns) {
    if (plan.table == &table) {
      Concern(NamesOfField(plan, plan.sources[column], &table.columns[column]));
    } else {
      Concern(NamesOfField(plan, nullptr, &table.columns[column]));
    }
  }
}

absl::Status Planner::CountRows(const TablePlan& plan, MigrationStep* step) {
  absl::StatusOr<std::int64_t> count =
      database_.QueryInt(absl::StrCat("SELECT count(*) FROM ", Quoted(plan.physical.name)));
  if (!count.ok()) return count.status();
  step->rows = *count;
  return absl::OkStatus();
}

absl::Status Planner::Run() {
  PlanRenames();
  absl::Status status = MakePlans();
  for (TablePlan& plan : tables_) {
    if (!status.ok()) return status;
    const std::size_t before = steps_.size();
    status = plan.table != nullptr ? PlanTable(&plan) : PlanGone(&plan);
    if (steps_.size() > before) Concern(NamesOfModel(plan));
  }
  // When it is known where every column comes from.
  for (std::size_t i = 0; i < mapping_.tables.size(); ++i) {
    if (!status.ok()) return status;
    status = PlanKey(&tables_[i]);
    if (status.ok()) status = PlanOneofs(&tables_[i]);
    if (status.ok()) status = PlanIndexes(&tables_[i]);
    if (status.ok()) status = PlanForeignKeys(&tables_[i]);
  }
  return status;
}

// A renaming that a model of the former name contradicts, in the schema as in the database. If the
// new name is in both as well, it was made before.
void Planner::PlanRenames() {
  const auto in_schema = [&](const std::string& model) {
    return std::any_of(mapping_.tables.begin(), mapping_.tables.end(),
                       [&](const Table& table) { return table.graph_model->name == model; });
  };
  const auto in_database = [&](const std::string& model) {
    return std::any_of(
        catalogue_.tables.begin(), catalogue_.tables.end(),
        [&](const StoredTable& table) { return !table.retired && table.model == model; });
  };
  for (const auto& [from, to] : renamed_) {
    if (from == to || !in_schema(from) || !in_schema(to) || !in_database(from)) continue;
    const auto back = renamed_.find(to);
    const bool exchanged = back != renamed_.end() && back->second == from;
    if (in_database(to) && !exchanged) continue;
    Concern({from, to});
    Add(absl::StrCat(from, " becomes ", to, ", as MigrateOptions::renamed says"),
        absl::StrCat(
            "the schema has a ", from, " as well, and has one already. Do it in two releases: ",
            exchanged ? absl::StrCat("in the first, ", from,
                                     " gets a third name, and in the second both get theirs")
                      : absl::StrCat("the first without ", from,
                                     ", which is new in the "
                                     "second")));
  }
}

absl::Status Planner::MakePlans() {
  std::vector<bool> taken(catalogue_.tables.size(), false);
  for (std::size_t i = 0; i < mapping_.tables.size(); ++i) {
    TablePlan plan;
    plan.table = &mapping_.tables[i];
    plan.new_name = plan.table->name;
    const int old_table = matches_.old_of_new[i];
    // What is retired and to be dropped does not come back first.
    if (old_table >= 0 &&
        !(catalogue_.tables[old_table].retired && Dropped({catalogue_.tables[old_table].model}))) {
      plan.old = &catalogue_.tables[old_table];
      taken[old_table] = true;
    }
    tables_.push_back(std::move(plan));
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) continue;
    TablePlan plan;
    plan.old = &catalogue_.tables[i];
    plan.new_name = plan.old->name;
    tables_.push_back(std::move(plan));
  }
  for (TablePlan& plan : tables_) {
    if (plan.old == nullptr) continue;
    absl::StatusOr<PhysicalTable> physical = ReadPhysicalTable(database_, plan.old->name);
    if (absl::IsNotFound(physical.status())) {
      return absl::DataLossError(physical.status().message());
    }
    if (!physical.ok()) return physical.status();
    plan.physical = *std::move(physical);
    for (const StoredColumn& column : plan.old->columns) {
      if (plan.physical.Find(column.name) != nullptr) continue;
      return absl::DataLossError(absl::StrCat("table ", plan.old->name, ", column ", column.name,
                                              ": there is no such column"));
    }
  }
  return absl::OkStatus();
}

absl::Status Planner::PlanTable(TablePlan* plan) {
  const std::string& model = plan->table->graph_model->name;
  plan->sources.assign(plan->table->columns.size(), nullptr);
  plan->changes.assign(plan->table->columns.size(), TypeChange());
  if (plan->is_new()) {
    Add(absl::StrCat(model, ": new, table ", plan->table->name));
    return absl::OkStatus();
  }
  if (plan->old->retired) {
    Add(absl::StrCat(model, ": back, with the rows it had in table ", plan->old->name));
  } else if (plan->old->model != model) {
    Add(absl::StrCat(model, ": was ", plan->old->model));
  }
  if (plan->old->name != plan->new_name) {
    Add(absl::StrCat(model, ": table ", plan->old->name, " becomes ", plan->new_name));
  }
  return PlanColumns(plan);
}

absl::Status Planner::PlanGone(TablePlan* plan) {
  const Names names = NamesOfModel(*plan);
  plan->drop = Dropped(names);
  // Before anything else is planned of it: where it is retired already, it stays as it is.
  for (const StoredColumn& column : plan->old->columns) {
    plan->kept.push_back({&column, column.name, column.name});
  }
  PlanForeign(plan);
  if (plan->drop) {
    Add(absl::StrCat(names[0], ": gone; table ", plan->old->name, " is dropped with all its rows"));
    return absl::OkStatus();
  }
  if (plan->old->retired) return absl::OkStatus();
  plan->rebuild = plan->physical.foreign_keys > 0;
  MigrationStep step;
  step.change = absl::StrCat(names[0], ": gone; table ", plan->old->name, " is kept, unused");
  if (!Allowed(names)) {
    const auto doubt = matches_.doubts.find(static_cast<int>(plan->old - &catalogue_.tables[0]));
    step.refused = absl::StrCat(
        doubt == matches_.doubts.end() ? std::string()
                                       : absl::StrCat("it may be what is now ", doubt->second,
                                                      ": say so in MigrateOptions::renamed. "),
        "Its rows would be out of reach. If it has another name now, put {\"", names[0],
        "\", \"<new name>\"} into MigrateOptions::renamed; if it is gone, put \"", names[0],
        "\" into MigrateOptions::allow, which keeps the rows, or ::drop, which deletes them");
    absl::Status status = CountRows(*plan, &step);
    if (!status.ok()) return status;
  }
  Add(std::move(step));
  return absl::OkStatus();
}

absl::Status Planner::PlanColumns(TablePlan* plan) {
  absl::Status status;
  for (int i = 0; status.ok() && i < static_cast<int>(plan->table->columns.size()); ++i) {
    const std::size_t before = steps_.size();
    status = PlanSource(plan, i);
    if (steps_.size() == before) continue;
    const Column& wanted = plan->table->columns[static_cast<std::size_t>(i)];
    Concern(
        NamesOfField(*plan, plan->old->Find(wanted.field ? wanted.field->number() : 0), &wanted));
  }
  for (const StoredColumn& column : plan->old->columns) {
    if (!status.ok()) return status;
    const bool used =
        std::find(plan->sources.begin(), plan->sources.end(), &column) != plan->sources.end();
    const bool dropped =
        std::find(plan->dropped.begin(), plan->dropped.end(), &column) != plan->dropped.end();
    if (used || dropped) continue;
    const std::size_t before = steps_.size();
    status = PlanLeft(plan, column);
    if (steps_.size() > before) Concern(NamesOfField(*plan, &column, nullptr));
  }
  PlanForeign(plan);
  if (!plan->dropped.empty()) plan->rebuild = true;
  return status;
}

absl::Status Planner::PlanSource(TablePlan* plan, int column) {
  const Column& wanted = plan->table->columns[column];
  const std::string& model = plan->table->graph_model->name;
  const StoredColumn* source = plan->old->Find(wanted.field ? wanted.field->number() : 0);
  plan->sources[column] = source;
  if (source == nullptr) {
    Add(absl::StrCat(FieldText(model, wanted), ": new, column ", wanted.name, " of table ",
                     plan->new_name));
    return absl::OkStatus();
  }
  absl::Status status = PlanType(plan, column);
  if (!status.ok() || plan->sources[column] == nullptr) return status;
  if (source->retired) {
    Add(absl::StrCat(FieldText(model, wanted), ": back, with the values it had in column ",
                     source->name));
  }
  if (source->name != wanted.name) {
    Add(absl::StrCat(FieldText(model, wanted), ": column ", source->name, " of table ",
                     plan->new_name, " becomes ", wanted.name));
  }
  return PlanPresence(plan, column);
}

absl::Status Planner::PlanType(TablePlan* plan, int column) {
  const Column& wanted = plan->table->columns[column];
  const StoredColumn& source = *plan->sources[column];
  const TypeChange& change = plan->changes[column] = CompareTypes(*source.column, wanted);
  const std::string what = absl::StrCat(FieldText(plan->table->graph_model->name, wanted), ": ",
                                        TypeOf(*source.column), " becomes ", TypeOf(wanted));
  if (plan->physical.Find(source.name)->type != DeclaredType(wanted.type)) plan->rebuild = true;
  PlanInner(*plan, wanted, change.inner);
  switch (change.kind) {
    case TypeChange::Kind::kSame:
      return absl::OkStatus();
    case TypeChange::Kind::kWider:
      Add(what);
      return absl::OkStatus();
    case TypeChange::Kind::kNarrower:
      return JudgeNarrower(plan, column, what);
    case TypeChange::Kind::kToJson:
      Add(absl::StrCat(FieldText(plan->table->graph_model->name, wanted), ": becomes JSON text"));
      return absl::OkStatus();
    case TypeChange::Kind::kFromJson:
      return JudgeFromJson(plan, column);
    case TypeChange::Kind::kOther:
      break;
  }
  return JudgeOther(plan, column, change);
}

// What changes within values whose bytes stay as they are.
void Planner::PlanInner(const TablePlan& plan, const Column& column,
                        const std::vector<InnerChange>& changes) {
  for (const InnerChange& inner : changes) {
    MigrationStep step;
    const std::string field = FieldText(plan.table->graph_model->name, column);
    // It may be the field itself, or something in its value.
    step.change = absl::StartsWith(inner.change, field) ? inner.change
                                                        : absl::StrCat(field, ": ", inner.change);
    if (!Allowed(inner.names)) step.refused = inner.doubt;
    Concern(inner.names);
    Add(std::move(step));
  }
}

absl::Status Planner::JudgeNarrower(TablePlan* plan, int column, std::string what) {
  const TypeChange& change = plan->changes[column];
  const std::string value = absl::StrCat("t.", Quoted(plan->sources[column]->name));
  const bool real = change.nan_bits == NanBits::kNarrow;
  MigrationStep step;
  step.change = std::move(what);
  absl::Status status =
      FindRows(database_, *plan,
               real ? absl::StrCat("NOT kin_is_float(", value, ")")
                    : absl::StrCat(value, " NOT BETWEEN ", change.least, " AND ", change.greatest),
               &step, {plan->sources[column]->name});
  if (!status.ok()) return status;
  const Names names = NamesOfField(*plan, plan->sources[column], &plan->table->columns[column]);
  if (step.rows > 0) {
    step.refused = absl::StrCat(real ? "values would be rounded that no float has"
                                     : absl::StrCat("values would be lost that are not from ",
                                                    change.least, " to ", change.greatest),
                                "; change them first, or keep the wider type");
  } else if (!Allowed(names)) {
    step.refused = absl::StrCat("there is less room than before; every value fits now, so put \"",
                                names[0], "\" into MigrateOptions::allow to go on");
  }
  Add(std::move(step));
  return absl::OkStatus();
}

// What was written comes from the serialized field beside the text. An edited text would be lost.
absl::Status Planner::JudgeFromJson(TablePlan* plan, int column) {
  const StoredColumn& source = *plan->sources[column];
  const StoredColumn* unknown = plan->old->Find(0);
  MigrationStep step;
  step.change =
      absl::StrCat(FieldText(plan->table->graph_model->name, plan->table->columns[column]),
                   ": is no longer JSON text");
  absl::Status status = FindRows(database_, *plan,
                                 absl::StrCat("NOT kin_is_written(t.", Quoted(source.name), ", t.",
                                              Quoted(unknown->name), ", ", source.number(), ")"),
                                 &step);
  if (step.rows > 0) {
    step.refused =
        "rows have a text that somebody edited; open the database once with the former program, "
        "which reads it";
  }
  Add(std::move(step));
  return status;
}

absl::Status Planner::JudgeOther(TablePlan* plan, int column, const TypeChange& change) {
  const Column& wanted = plan->table->columns[column];
  const StoredColumn& source = *plan->sources[column];
  const Names names = NamesOfField(*plan, &source, &wanted);
  MigrationStep step;
  step.change = absl::StrCat(FieldText(plan->table->graph_model->name, wanted), ": ",
                             TypeOf(*source.column), " becomes ", TypeOf(wanted));
  if (!change.detail.empty()) absl::StrAppend(&step.change, "; ", change.detail);
  absl::Status status = FindRows(database_, *plan, HasValue(*plan, source), &step);
  if (!status.ok()) return status;
  if (step.rows == 0 || Dropped(names)) {
    absl::StrAppend(&step.change, "; column ", source.name, " is dropped, and made anew");
    step.rows = 0;
    step.examples.clear();
    plan->dropped.push_back(&source);
    plan->sources[column] = nullptr;
  } else {
    const bool same_name = source.column->field->name() == wanted.field->name();
    step.refused = absl::StrCat(
        same_name ? absl::StrCat("its values would be lost, or mean something else. Give the "
                                 "field of the new type a number of its own, and reserve ",
                                 wanted.field->number())
                  : absl::StrCat("the number was that of ", source.column->field->name(),
                                 "; give the new field a number that was never used"),
        ". Or put \"", names[0], "\" into MigrateOptions::drop, which deletes the values");
  }
  Add(std::move(step));
  return absl::OkStatus();
}

absl::Status Planner::PlanPresence(TablePlan* plan, int column) {
  const Column& wanted = plan->table->columns[column];
  const bool may_be_null = plan->MayBeNull(column);
  if (may_be_null == wanted.nullable) return absl::OkStatus();
  plan->rebuild = true;
  MigrationStep step;
  step.change = absl::StrCat(FieldText(plan->table->graph_model->name, wanted), ": ",
                             wanted.nullable ? "may be absent" : "always has a value");
  absl::Status status;
  if (!wanted.nullable) {
    const std::string name = Quoted(plan->sources[column]->name);
    status = FindRows(database_, *plan, absl::StrCat("t.", name, " IS NULL"), &step);
    if (step.rows > 0) {
      step.refused = absl::StrCat("rows have none; give them one first, such as with: UPDATE ",
                                  Quoted(plan->physical.name), " SET ", name, " = ",
                                  DefaultLiteral(wanted), " WHERE ", name, " IS NULL");
    }
  }
  Add(std::move(step));
  return status;
}

// A column whose field is not in the new schema.
absl::Status Planner::PlanLeft(TablePlan* plan, const StoredColumn& column) {
  if (column.column->field == nullptr) return absl::OkStatus();
  const Names names = NamesOfField(*plan, &column, nullptr);
  const std::string text = FieldText(plan->table->graph_model->name, *column.column);
  if (Dropped(names)) {
    plan->dropped.push_back(&column);
    Add(absl::StrCat(text, ": gone; column ", column.name, " is dropped with all its values"));
    return absl::OkStatus();
  }
  plan->kept.push_back({&column, column.name, column.name});
  if (column.retired) return absl::OkStatus();
  const PhysicalColumn& physical = *plan->physical.Find(column.name);
  if (physical.not_null && physical.default_value.empty()) plan->rebuild = true;
  MigrationStep step;
  step.change = absl::StrCat(text, ": gone; column ", column.name, " is kept, unused");
  const int number = column.column->field->number();
  if (plan->table->graph_model->descriptor->IsReservedNumber(number) || Allowed(names)) {
    Add(std::move(step));
    return absl::OkStatus();
  }
  const auto* renumbered = Renumbered(*plan->table, *column.column->field);
  step.refused = absl::StrCat(
      renumbered == nullptr
          ? std::string()
          : absl::StrCat("the field of that name has number ", renumbered->number(),
                         " now, and a field is known by its number: give it back ", number, ". "),
      "Its values would be out of reach. If it is meant to be gone, write `reserved ", number,
      ";` into the message, or put \"", names[0],
      "\" into MigrateOptions::allow; both keep the values. MigrateOptions::drop deletes them");
  absl::Status status = FindRows(database_, *plan, HasValue(*plan, column), &step);
  Add(std::move(step));
  return status;
}

// Columns that are not Kin's.
void Planner::PlanForeign(TablePlan* plan) {
  for (const PhysicalColumn& column : plan->physical.columns) {
    const bool known = std::any_of(plan->old->columns.begin(), plan->old->columns.end(),
                                   [&](const StoredColumn& stored) {
                                     return absl::EqualsIgnoreCase(stored.name, column.name);
                                   });
    if (!known) plan->kept.push_back({nullptr, column.name, column.name});
  }
}

}  // namespace kin::persistence::sqlite
