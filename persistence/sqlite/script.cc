#include "kin/persistence/sqlite/script.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/sqlite/views.h"

namespace kin::persistence::sqlite {
namespace {

std::string Fold(const std::string& name) { return absl::AsciiStrToLower(name); }

std::string QuotedList(const std::vector<std::string>& names) {
  return absl::StrJoin(
      names, ", ", [](std::string* out, const std::string& name) { out->append(Quoted(name)); });
}

std::vector<std::string> SourceNames(const TablePlan& plan, const TableIndex& index) {
  std::vector<std::string> names;
  for (int column : index.columns) {
    if (plan.sources[column] == nullptr) return {};
    names.push_back(plan.sources[column]->name);
  }
  return names;
}

// Of a column that stays without being used, when its table is made anew.
std::string KeptDefinition(const TablePlan& plan, const KeptColumn& kept) {
  PhysicalColumn column = *plan.physical.Find(kept.name);
  column.name = kept.new_name;
  // Other types are not for STRICT tables, and a table that was not STRICT may hold any value.
  if (!plan.physical.strict) column.type = "ANY";
  if (column.not_null && column.default_value.empty() && kept.stored != nullptr &&
      plan.table != nullptr) {
    column.default_value = DefaultLiteral(*kept.stored->column);
  }
  return column.Definition();
}

}  // namespace

void Script::Refuse(std::string change, std::string why) {
  MigrationStep step;
  step.change = std::move(change);
  step.refused = std::move(why);
  migration_.plan.steps.push_back(std::move(step));
}

std::string Script::Unused(std::string base, std::set<std::string>* names) {
  while (!names->insert(Fold(base)).second) base += '_';
  return base;
}

void Script::Rename(const Renames& renames, std::set<std::string>* taken,
                    const std::function<void(const std::string&, const std::string&)>& rename) {
  Renames second;
  for (const auto& [from, to] : renames) {
    if (taken->count(Fold(to)) > 0) {
      const std::string between = Unused(absl::StrCat("_kin_moving_", second.size()), taken);
      rename(from, between);
      second.emplace_back(between, to);
    } else {
      rename(from, to);
      taken->insert(Fold(to));
    }
    taken->erase(Fold(from));
  }
  for (const auto& [from, to] : second) {
    rename(from, to);
    taken->erase(Fold(from));
    taken->insert(Fold(to));
  }
}

std::vector<const PhysicalIndex*> Script::OwnIndexes(const TablePlan& plan) {
  std::vector<const PhysicalIndex*> own;
  for (const TableIndex& index : plan.old->table->indexes) {
    std::vector<std::string> names;
    for (int column : index.columns) {
      names.push_back(plan.old->Find(plan.old->table->columns[column].field->number())->name);
    }
    const PhysicalIndex* found = plan.physical.FindIndex(names, index.unique);
    if (found != nullptr) own.push_back(found);
  }
  return own;
}

bool Script::Wants(const TablePlan& plan, const PhysicalIndex& index) const {
  return std::any_of(plan.table->indexes.begin(), plan.table->indexes.end(),
                     [&](const TableIndex& wanted) {
                       const std::vector<std::string> names = SourceNames(plan, wanted);
                       return !names.empty() && index.Is(names, wanted.unique);
                     });
}

absl::Status Script::Write() {
  absl::StatusOr<std::set<std::string>> names = AllNames(database_);
  if (!names.ok()) return names.status();
  names_ = *std::move(names);
  for (const TablePlan& plan : tables_) {
    if (plan.table == nullptr || plan.is_new()) continue;
    CheckRoom(plan);
    CheckIndexes(plan);
    DropIndexes(plan);
  }
  DropTables();
  RenameTables();
  for (TablePlan& plan : tables_) {
    if (plan.table != nullptr && !plan.is_new()) RenameColumns(&plan);
  }
  for (int table : mapping_.parents_first) {
    if (tables_[table].is_new()) Sql(CreateTable(mapping_, mapping_.tables[table]));
  }
  for (const TablePlan& plan : tables_) {
    if (plan.table != nullptr && !plan.is_new() && !plan.rebuild) AddColumns(plan);
  }
  for (const TablePlan& plan : tables_) {
    if (!plan.rebuild || plan.drop) continue;
    plan.table != nullptr ? Rebuild(plan) : RebuildGone(plan);
  }
  for (const TablePlan& plan : tables_) {
    if (plan.table != nullptr) CreateIndexes(plan);
  }
  UpdateIds();
  Remember();
  return absl::OkStatus();
}

void Script::CheckRoom(const TablePlan& plan) {
  const std::size_t columns = plan.table->columns.size() + plan.kept.size();
  const int most = sqlite3_limit(database_.get(), SQLITE_LIMIT_COLUMN, -1);
  if (columns <= static_cast<std::size_t>(most)) return;
  std::vector<std::string> gone;
  for (const KeptColumn& kept : plan.kept) {
    if (kept.stored == nullptr || kept.stored->column->field == nullptr || gone.size() == 5)
      continue;
    gone.push_back(absl::StrCat("\"", plan.table->graph_model->name, ".",
                                kept.stored->column->field->name(), "\""));
  }
  Refuse(absl::StrCat("table ", plan.physical.name, ": would have ", columns, " columns, ",
                      plan.kept.size(), " of them unused"),
         absl::StrCat("SQLite has room for ", most,
                      "; drop columns that are not Kin's, or put fields that are gone into "
                      "MigrateOptions::drop",
                      gone.empty() ? "" : ", such as ", absl::StrJoin(gone, ", ")));
}

void Script::CheckIndexes(const TablePlan& plan) {
  const std::vector<const PhysicalIndex*> own = OwnIndexes(plan);
  for (const PhysicalIndex& index : plan.physical.indexes) {
    if (index.sql.empty() || std::find(own.begin(), own.end(), &index) != own.end()) continue;
    for (const StoredColumn* dropped : plan.dropped) {
      const bool over = std::any_of(
          index.columns.begin(), index.columns.end(),
          [&](const std::string& column) { return absl::EqualsIgnoreCase(column, dropped->name); });
      if (!over) continue;
      Refuse(absl::StrCat("table ", plan.physical.name, ", index ", index.name),
             absl::StrCat("Kin did not make it, and it is over column ", dropped->name,
                          ", which is dropped; remove it first, with: DROP INDEX ",
                          Quoted(index.name)));
    }
  }
}

// Those that the new schema has not, and, of a table that is made anew, all.
void Script::DropIndexes(const TablePlan& plan) {
  for (const PhysicalIndex* index : OwnIndexes(plan)) {
    if (!plan.rebuild && Wants(plan, *index)) continue;
    Sql(absl::StrCat("DROP INDEX ", Quoted(index->name)));
    names_.erase(Fold(index->name));
  }
}

void Script::DropTables() {
  for (const TablePlan& plan : tables_) {
    if (!plan.drop) continue;
    // Else SQLite would rename nothing, as long as a view names what is not there.
    Sql(absl::StrCat("DROP VIEW IF EXISTS ",
                     Quoted(absl::StrCat(kViewPrefix, plan.physical.name))));
    Sql(absl::StrCat("DROP TABLE ", Quoted(plan.physical.name)));
    names_.erase(Fold(plan.physical.name));
    for (const PhysicalIndex& index : plan.physical.indexes) names_.erase(Fold(index.name));
  }
}

void Script::RenameTables() {
  Renames renames;
  std::set<std::string> wanted, others = names_;
  for (const TablePlan& plan : tables_) {
    if (plan.table != nullptr) wanted.insert(Fold(plan.new_name));
    if (plan.old != nullptr) others.erase(Fold(plan.physical.name));
  }
  for (TablePlan& plan : tables_) {
    if (plan.drop) continue;
    if (plan.table == nullptr && wanted.count(Fold(plan.new_name)) > 0) {
      std::set<std::string> taken = names_;
      taken.insert(wanted.begin(), wanted.end());
      plan.new_name = Unused(plan.new_name + "_retired", &taken);
      wanted.insert(Fold(plan.new_name));
    }
    if (plan.table != nullptr && others.count(Fold(plan.new_name)) > 0) {
      Refuse(absl::StrCat(plan.table->graph_model->name, ": table ", plan.new_name),
             "there is a table, view or index of that name, which is not this model's; rename it, "
             "or set another `table`");
    }
    if (!plan.is_new() && plan.physical.name != plan.new_name) {
      renames.emplace_back(plan.physical.name, plan.new_name);
    }
  }
  Rename(renames, &names_, [this](const std::string& from, const std::string& to) {
    Sql(absl::StrCat("ALTER TABLE ", Quoted(from), " RENAME TO ", Quoted(to)));
  });
  for (const TablePlan& plan : tables_) names_.insert(Fold(plan.new_name));
}

void Script::RenameColumns(TablePlan* plan) {
  std::set<std::string> wanted, taken;
  for (const Column& column : plan->table->columns) wanted.insert(Fold(column.name));
  for (const PhysicalColumn& column : plan->physical.columns) taken.insert(Fold(column.name));
  std::set<std::string> all = taken;
  all.insert(wanted.begin(), wanted.end());
  Renames renames;
  // What is in the way first: it goes to a name that nobody wants.
  for (KeptColumn& kept : plan->kept) {
    if (wanted.count(Fold(kept.name)) == 0) continue;
    if (kept.stored == nullptr) {
      Refuse(absl::StrCat("table ", plan->physical.name, ", column ", kept.name),
             "a field is to have a column of that name, but there is one that is not Kin's; "
             "rename it, or set another `column`");
    }
    kept.new_name = Unused(kept.name + "_retired", &all);
    renames.emplace_back(kept.name, kept.new_name);
  }
  for (const StoredColumn* column : plan->dropped) {
    if (wanted.count(Fold(column->name)) == 0) continue;
    renames.emplace_back(column->name, Unused(column->name + "_dropped", &all));
  }
  for (std::size_t i = 0; i < plan->sources.size(); ++i) {
    const StoredColumn* source = plan->sources[i];
    const std::string& name = plan->table->columns[i].name;
    if (source != nullptr && source->name != name) renames.emplace_back(source->name, name);
  }
  Rename(renames, &taken, [&](const std::string& from, const std::string& to) {
    Sql(absl::StrCat("ALTER TABLE ", Quoted(plan->new_name), " RENAME COLUMN ", Quoted(from),
                     " TO ", Quoted(to)));
  });
}

void Script::AddColumns(const TablePlan& plan) {
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    if (plan.sources[i] != nullptr) continue;
    std::string sql = absl::StrCat("ALTER TABLE ", Quoted(plan.new_name), " ADD COLUMN ",
                                   ColumnDefinition(*plan.table, plan.table->columns[i]));
    for (const TableForeignKey& foreign_key : plan.table->foreign_keys) {
      if (foreign_key.columns.size() != 1 || foreign_key.columns[0] != static_cast<int>(i)) {
        continue;
      }
      absl::StrAppend(&sql, References(mapping_, foreign_key));
    }
    Sql(std::move(sql));
  }
  ChangeNans(plan);
}

// Of a table that is not made anew: there are few, and most rows stay as they are.
void Script::ChangeNans(const TablePlan& plan) {
  const auto name_of = [&](int column) { return Quoted(plan.table->columns[column].name); };
  for (int i = 0; i < static_cast<int>(plan.sources.size()); ++i) {
    if (plan.sources[i] == nullptr || plan.changes[i].nan_bits == NanBits::kStay) continue;
    Sql(absl::StrCat("UPDATE ", Quoted(plan.new_name), " SET ", name_of(i), " = ",
                     plan.Expression(i, name_of), " WHERE typeof(", name_of(i), ") = 'blob'"));
  }
}

bool Script::CanBeMadeAnew(const TablePlan& plan, const PhysicalColumn& column) {
  if (!column.generated) return true;
  Refuse(absl::StrCat("table ", plan.physical.name, ", column ", column.name),
         "the table has to be made anew, and a generated column cannot be; "
         "remove it first");
  return false;
}

void Script::Rebuild(const TablePlan& plan) {
  std::vector<std::string> names, values, more;
  // Columns have their new names by now.
  const auto name_of = [&](int column) { return Quoted(plan.table->columns[column].name); };
  for (std::size_t i = 0; i < plan.sources.size(); ++i) {
    names.push_back(plan.table->columns[i].name);
    values.push_back(plan.Expression(static_cast<int>(i), name_of));
  }
  for (const KeptColumn& kept : plan.kept) {
    if (!CanBeMadeAnew(plan, *plan.physical.Find(kept.name))) continue;
    more.push_back(KeptDefinition(plan, kept));
    names.push_back(kept.new_name);
    values.push_back(Quoted(kept.new_name));
  }
  AddRebuild(plan, CreateTable(mapping_, *plan.table, kNewTable, more), names, values);
}

// The same without its foreign keys: who is gone must not hold anybody.
void Script::RebuildGone(const TablePlan& plan) {
  std::vector<std::string> names, values, parts;
  std::vector<std::pair<int, std::string>> key;
  for (const PhysicalColumn& column : plan.physical.columns) {
    if (!CanBeMadeAnew(plan, column)) continue;
    parts.push_back(column.Definition());
    names.push_back(column.name);
    values.push_back(Quoted(column.name));
    if (column.key > 0) key.emplace_back(column.key, column.name);
  }
  std::sort(key.begin(), key.end());
  std::vector<std::string> key_names;
  for (const auto& [place, name] : key) key_names.push_back(name);
  parts.push_back(absl::StrCat("PRIMARY KEY (", QuotedList(key_names), ")"));
  AddRebuild(
      plan,
      absl::StrCat("CREATE TABLE ", Quoted(kNewTable), " (\n  ", absl::StrJoin(parts, ",\n  "),
                   "\n) STRICT", plan.physical.without_rowid ? ", WITHOUT ROWID" : ""),
      names, values);
}

void Script::AddRebuild(const TablePlan& plan, std::string create,
                        const std::vector<std::string>& names,
                        const std::vector<std::string>& values) {
  MigrationAction action;
  action.kind = MigrationAction::Kind::kRebuild;
  action.table = plan.new_name;
  action.create = std::move(create);
  action.sql = absl::StrCat("INSERT INTO ", Quoted(kNewTable), " (", QuotedList(names), ") SELECT ",
                            absl::StrJoin(values, ", "), " FROM ", Quoted(plan.new_name));
  migration_.actions.push_back(std::move(action));
}

void Script::CreateIndexes(const TablePlan& plan) {
  for (const TableIndex& index : plan.table->indexes) {
    if (!plan.is_new() && !plan.rebuild) {
      const std::vector<std::string> names = SourceNames(plan, index);
      if (!names.empty() && plan.physical.FindIndex(names, index.unique) != nullptr) continue;
    }
    Sql(CreateIndex(*plan.table, index, Unused(index.name, &names_)));
  }
}

void Script::UpdateIds() {
  auto text = [](const std::string& value) {
    return absl::StrCat("'", value, "'");  // The full name of a message: no quotes.
  };
  for (const TablePlan& plan : tables_) {
    if (plan.is_new()) continue;
    if (plan.drop) {
      Sql(absl::StrCat("DELETE FROM \"_kin_ids\" WHERE \"model\" = ", text(plan.old->model)));
    } else if (plan.table != nullptr && plan.table->graph_model->name != plan.old->model) {
      Sql(absl::StrCat("UPDATE \"_kin_ids\" SET \"model\" = ", text(plan.table->graph_model->name),
                       " WHERE \"model\" = ", text(plan.old->model)));
    }
  }
}

void Script::Remember() {
  std::vector<Remembered>& entries = migration_.next.entries;
  entries = CatalogueOf(mapping_).entries;
  for (const TablePlan& plan : tables_) {
    if (plan.is_new() || plan.drop) continue;
    const std::string& model =
        plan.table != nullptr ? plan.table->graph_model->name : plan.old->model;
    if (plan.table == nullptr) {
      entries.push_back(
          {model, kTableEntry, plan.new_name, plan.old->image, plan.old->table->graph_model->name});
    }
    for (const KeptColumn& kept : plan.kept) {
      if (kept.stored == nullptr) continue;
      const auto* field = kept.stored->column->field;
      entries.push_back(
          {model, field ? field->number() : kOverlayEntry, kept.new_name, kept.stored->image,
           field ? field->containing_type()->full_name() : plan.old->table->graph_model->name});
    }
  }
  std::map<std::string, std::string>& names = migration_.next.former_names;
  for (const TablePlan& plan : tables_) {
    if (plan.is_new()) continue;
    const bool renamed = plan.table != nullptr && plan.table->graph_model->name != plan.old->model;
    for (auto entry = names.begin(); entry != names.end();) {
      if (renamed && entry->second == plan.old->model) {
        entry->second = plan.table->graph_model->name;
      }
      entry = plan.drop && entry->second == plan.old->model ? names.erase(entry) : ++entry;
    }
    if (renamed) names[plan.old->model] = plan.table->graph_model->name;
  }
  for (const Remembered& entry : entries) names.erase(entry.model);
}

}  // namespace kin::persistence::sqlite
