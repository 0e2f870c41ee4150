#include "kin/persistence/sqlite/older.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/evolution/type_change.h"
#include "kin/persistence/sqlite/ddl.h"
#include "kin/persistence/sqlite/table_plan.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// A value of a column that may be a key, as Value() below makes it too.
std::string ValueSql(const Column& column) {
  const std::string name = Quoted(column.name);
  return column.type == SqlType::kInteger ? absl::StrCat("CAST(", name, " AS TEXT)")
                                          : absl::StrCat("lower(hex(", name, "))");
}

std::string Value(const Column& column, const Message& record) {
  const auto* reflection = record.GetReflection();
  const FieldDescriptor* field = column.field;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(record, field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(record, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(reflection->GetUInt32(record, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(static_cast<std::int64_t>(reflection->GetUInt64(record, field)));
    case FieldDescriptor::CPPTYPE_ENUM:
      return absl::StrCat(reflection->GetEnumValue(record, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(record, field) ? "1" : "0";
    default:
      return absl::BytesToHexString(reflection->GetString(record, field));
  }
}

std::string Values(const Guard& guard, const Table& table, const Message& record) {
  return absl::StrJoin(guard.columns, ",", [&](std::string* out, int column) {
    out->append(Value(table.columns[column], record));
  });
}

class Fitting {
 public:
  Fitting(Database& database, const Catalogue& catalogue, const Mapping& mapping)
      : database_(database), catalogue_(catalogue), stored_mapping_(AsStored(catalogue)) {
    fitted_.mapping = mapping;
  }

  absl::StatusOr<OlderMapping> Run() {
    absl::Status status = FitTables();
    if (status.ok() && reasons_.empty()) status = FitRules();
    if (!status.ok()) return status;
    if (reasons_.empty()) return std::move(fitted_);
    return absl::FailedPreconditionError(
        absl::StrCat("was last used with another schema, which this program cannot work with:\n  ",
                     absl::StrJoin(reasons_, "\n  "),
                     "\nUse the newer program, or, to go back for good, name a model or field that "
                     "changes by it in MigrateOptions::allow. Nothing was changed. See "
                     "docs/schema_evolution.md"));
  }

 private:
  Table& TableAt(std::size_t i) { return fitted_.mapping.tables[i]; }

  absl::Status FitTables() {
    const ModelMatches matches = MatchKnownModels(catalogue_, fitted_.mapping);
    for (std::size_t i = 0; i < fitted_.mapping.tables.size(); ++i) {
      const int match = matches.old_of_new[i];
      stored_.push_back(match < 0 ? nullptr : &catalogue_.tables[match]);
      if (match < 0) {
        reasons_.push_back(
            absl::StrCat(TableAt(i).graph_model->name, ": there is no table for it"));
        continue;
      }
      absl::Status status = FitTable(&TableAt(i), *stored_.back());
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status FitTable(Table* table, const StoredTable& stored) {
    fitted_.id_names.push_back(stored.model);
    table->name = stored.name;
    TablePlan plan;
    plan.table = table;
    plan.old = &stored;
    absl::StatusOr<PhysicalTable> physical = ReadPhysicalTable(database_, stored.name);
    if (!physical.ok()) return absl::DataLossError(physical.status().message());
    plan.physical = *std::move(physical);
    const std::string& model = table->graph_model->name;
    if (!SameKey(*table, *stored.table)) {
      reasons_.push_back(absl::StrCat(model, ": its key is another"));
    }
    for (Column& column : table->columns) {
      const StoredColumn* source = stored.Find(column.field ? column.field->number() : 0);
      plan.sources.push_back(source);
      const std::string name =
          absl::StrCat(model, ".", column.field ? column.field->name() : "(unknown fields)");
      if (source == nullptr || plan.physical.Find(source->name) == nullptr) {
        reasons_.push_back(absl::StrCat(name, ": its column was dropped"));
        continue;
      }
      column.name = source->name;
      absl::Status status = FitColumn(plan, column, *source, name);
      if (!status.ok()) return status;
    }
    CheckUnknownColumns(plan);
    plan.changes.assign(table->columns.size(), TypeChange());
    absl::Status status = CheckOneofs(plan);
    plans_.push_back(std::move(plan));
    return status;
  }

  static bool SameKey(const Table& a, const Table& b) {
    return a.integer_key == b.integer_key &&
           std::equal(a.key.begin(), a.key.end(), b.key.begin(), b.key.end(), [&](int x, int y) {
             return a.columns[x].field->number() == b.columns[y].field->number();
           });
  }

  static std::string OtherType(const std::string& name, const StoredColumn& source) {
    const bool json = source.column->encoding == Encoding::kJson;
    return absl::StrCat(name, ": its type is another (", TypeName(*source.column->field),
                        json ? ", as JSON" : "", ")");
  }

  absl::Status FitColumn(const TablePlan& plan, const Column& column, const StoredColumn& source,
                         const std::string& name) {
    const TypeChange change = CompareTypes(*source.column, column);
    TypeChange reverse;
    const PhysicalColumn& there = *plan.physical.Find(source.name);
    MigrationStep rows;
    absl::Status status;
    switch (change.kind) {
      case TypeChange::Kind::kSame:
        // Nor may the newer one read what this one writes as something else.
        reverse = CompareTypes(column, *source.column);
        if (reverse.kind != TypeChange::Kind::kOther) break;
        reasons_.push_back(absl::StrCat(OtherType(name, source), reverse.detail.empty() ? "" : "; ",
                                        reverse.detail));
        break;
      case TypeChange::Kind::kNarrower:
        // It would write the bits of a NaN that the newer one cannot read.
        if (change.nan_bits != NanBits::kStay) {
          reasons_.push_back(OtherType(name, source));
          break;
        }
        status = FindRows(database_, plan,
                          absl::StrCat("t.", Quoted(source.name), " NOT BETWEEN ", change.least,
                                       " AND ", change.greatest),
                          &rows, {source.name});
        Blame(name, "has values that this program has no room for", rows);
        break;
      default:
        reasons_.push_back(OtherType(name, source));
    }
    if (there.type != DeclaredType(column.type)) {
      reasons_.push_back(absl::StrCat(name, ": column ", source.name, " is ", there.type));
    }
    if (column.nullable && there.not_null) {
      reasons_.push_back(absl::StrCat(name, ": may no longer be absent"));
    }
    if (!status.ok() || column.nullable || there.not_null) return status;
    MigrationStep absent;
    status =
        FindRows(database_, plan, absl::StrCat("t.", Quoted(source.name), " IS NULL"), &absent);
    Blame(name, "is absent from rows", absent);
    return status;
  }

  void Blame(absl::string_view name, absl::string_view what, const MigrationStep& rows) {
    if (rows.rows == 0) return;
    reasons_.push_back(absl::StrCat(name, ": ", what, ": ", rows.rows, " (",
                                    absl::StrJoin(rows.examples, "; "), ")"));
  }

  // A new row has none of their values.
  void CheckUnknownColumns(const TablePlan& plan) {
    for (const PhysicalColumn& column : plan.physical.columns) {
      const bool known =
          std::any_of(plan.table->columns.begin(), plan.table->columns.end(),
                      [&](const Column& c) { return absl::EqualsIgnoreCase(c.name, column.name); });
      if (known || !column.not_null || !column.default_value.empty()) continue;
      reasons_.push_back(absl::StrCat("table ", plan.physical.name, ", column ", column.name,
                                      ": needs a value in new rows, which has no default"));
    }
  }

  absl::Status CheckOneofs(const TablePlan& plan) {
    absl::Status status = CheckUnknownArms(plan);
    if (!status.ok()) return status;
    const auto* program = plan.table->graph_model->descriptor;
    const auto* stored = plan.old->table->graph_model->descriptor;
    for (int i = 0; i < stored->real_oneof_decl_count(); ++i) {
      CheckExclusion(plan.table->graph_model->name, *stored->oneof_decl(i), *program);
    }
    for (int i = 0; status.ok() && i < program->real_oneof_decl_count(); ++i) {
      status = CheckOneArm(plan, *program->oneof_decl(i));
    }
    return status;
  }

  // A row in which a field is set that this program does not know, and which excludes others that
  // it does.
  absl::Status CheckUnknownArms(const TablePlan& plan) {
    for (const StoredColumn& column : plan.old->columns) {
      if (column.retired || column.column->field == nullptr) continue;
      const auto* oneof = column.column->field->real_containing_oneof();
      const auto* descriptor = plan.table->graph_model->descriptor;
      if (oneof == nullptr || descriptor->FindFieldByNumber(column.number()) != nullptr) continue;
      MigrationStep rows;
      absl::Status status =
          FindRows(database_, plan, absl::StrCat("t.", Quoted(column.name), " IS NOT NULL"), &rows);
      if (!status.ok()) return status;
      Blame(absl::StrCat(plan.old->model, ".", oneof->name()),
            absl::StrCat("is set to ", column.column->field->name(),
                         ", which this program does not know"),
            rows);
    }
    return absl::OkStatus();
  }

  // Fields that this program might set together, and that exclude each other by now.
  void CheckExclusion(const std::string& model, const google::protobuf::OneofDescriptor& stored,
                      const google::protobuf::Descriptor& program) {
    const FieldDescriptor* first = nullptr;
    for (int i = 0; i < stored.field_count(); ++i) {
      const FieldDescriptor* field = program.FindFieldByNumber(stored.field(i)->number());
      if (field == nullptr) continue;
      if (first == nullptr) first = field;
      const auto* oneof = field->real_containing_oneof();
      if (field == first || (oneof != nullptr && oneof == first->real_containing_oneof())) continue;
      reasons_.push_back(absl::StrCat(model, ": ", first->name(), " and ", field->name(),
                                      " exclude each other, and in this program's schema they do "
                                      "not, so that a record of it may have both"));
      return;
    }
  }

  // Rows with two fields that exclude each other for this program, and no longer do.
  absl::Status CheckOneArm(const TablePlan& plan, const google::protobuf::OneofDescriptor& oneof) {
    std::vector<std::string> arms;
    for (int i = 0; i < oneof.field_count(); ++i) {
      const StoredColumn* source = plan.old->Find(oneof.field(i)->number());
      if (source == nullptr) continue;
      arms.push_back(absl::StrCat("(t.", Quoted(source->name), " IS NOT NULL)"));
    }
    if (arms.size() < 2) return absl::OkStatus();
    MigrationStep rows;
    absl::Status status =
        FindRows(database_, plan, absl::StrCat(absl::StrJoin(arms, " + "), " > 1"), &rows);
    Blame(absl::StrCat(plan.table->graph_model->name, ".", oneof.name()),
          "has more than one field set, of which this program would keep one", rows);
    return status;
  }

  // The position in the program's mapping of a table of the database; -1: it does not know it.
  int KnownAs(const StoredTable& stored) const {
    for (std::size_t i = 0; i < stored_.size(); ++i) {
      if (stored_[i] == &stored) return static_cast<int>(i);
    }
    return -1;
  }

  // Positions in a table of the program, of columns of a table of the database; -1: not known.
  static std::vector<int> Known(const Table& stored, const std::vector<int>& columns,
                                const Table& program) {
    std::vector<int> known;
    for (int column : columns) {
      const auto* field = program.graph_model->descriptor->FindFieldByNumber(
          stored.columns[column].field->number());
      known.push_back(field == nullptr ? -1 : field->index());
    }
    return known;
  }

  absl::Status FitRules() {
    const Mapping& current = catalogue_.current->mapping();
    for (std::size_t i = 0; i < current.tables.size(); ++i) {
      const StoredTable& stored = catalogue_.tables[i];
      const int known = KnownAs(stored);
      if (known >= 0) FitUnique(current.tables[i], TableAt(static_cast<std::size_t>(known)));
      for (const TableForeignKey& foreign_key : current.tables[i].foreign_keys) {
        absl::Status status = FitForeignKey(static_cast<int>(i), known, foreign_key);
        if (!status.ok()) return status;
      }
    }
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      absl::Status status = CheckOwnUnique(static_cast<int>(i));
      if (status.ok()) status = CheckOwnForeignKeys(static_cast<int>(i));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  static std::vector<int> Numbers(const Table& table, const std::vector<int>& columns) {
    std::vector<int> numbers;
    for (int column : columns) numbers.push_back(table.columns[column].field->number());
    return numbers;
  }

  static std::string Names(const Table& table, const std::vector<int>& columns) {
    return absl::StrCat(table.graph_model->name, ".",
                        absl::StrJoin(columns, ", ", [&](std::string* out, int column) {
                          out->append(table.columns[column].field->name());
                        }));
  }

  // What this program takes for granted of rows, and the newer one does not keep to.
  absl::Status CheckOwnUnique(int model) {
    const Table& program = TableAt(static_cast<std::size_t>(model));
    for (const TableIndex& index : program.indexes) {
      if (!index.unique || IsUnique(*stored_[model], Numbers(program, index.columns))) continue;
      MigrationStep rows;
      absl::Status status = FindDuplicates(database_, plans_[model], index.columns, &rows);
      if (!status.ok()) return status;
      Blame(Names(program, index.columns),
            "has the same value in rows that this program keeps apart", rows);
    }
    return absl::OkStatus();
  }

  static bool IsUnique(const StoredTable& stored, const std::vector<int>& numbers) {
    if (stored.retired) return false;
    return std::any_of(stored.table->indexes.begin(), stored.table->indexes.end(),
                       [&](const TableIndex& index) {
                         return index.unique && Numbers(*stored.table, index.columns) == numbers;
                       });
  }

  absl::Status CheckOwnForeignKeys(int model) {
    const Table& program = TableAt(static_cast<std::size_t>(model));
    for (const TableForeignKey& foreign_key : program.foreign_keys) {
      if (IsForeignKey(*stored_[model], Numbers(program, foreign_key.columns),
                       *stored_[foreign_key.parent])) {
        continue;
      }
      MigrationStep rows;
      absl::Status status =
          FindOrphans(database_, plans_[model], plans_[foreign_key.parent], foreign_key, &rows);
      if (!status.ok()) return status;
      Blame(Names(program, foreign_key.columns),
            absl::StrCat("names no ", plans_[foreign_key.parent].table->graph_model->name,
                         " that is there in rows"),
            rows);
    }
    return absl::OkStatus();
  }

  bool IsForeignKey(const StoredTable& child, const std::vector<int>& numbers,
                    const StoredTable& parent) const {
    if (child.retired || parent.retired) return false;
    const Mapping& current = catalogue_.current->mapping();
    return std::any_of(child.table->foreign_keys.begin(), child.table->foreign_keys.end(),
                       [&](const TableForeignKey& other) {
                         return &current.tables[other.parent] == parent.table &&
                                Numbers(*child.table, other.columns) == numbers;
                       });
  }

  void FitUnique(const Table& stored, const Table& program) {
    for (const TableIndex& index : stored.indexes) {
      if (!index.unique) continue;
      const std::vector<int> columns = Known(stored, index.columns, program);
      const bool same = std::any_of(
          program.indexes.begin(), program.indexes.end(),
          [&](const TableIndex& other) { return other.unique && other.columns == columns; });
      bool untouched = true, may_be_null = false;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        untouched &= columns[i] < 0;
        may_be_null |= columns[i] < 0 && stored.columns[index.columns[i]].nullable;
      }
      if (same || (untouched && may_be_null)) continue;
      reasons_.push_back(absl::StrCat(program.graph_model->name, ": there is a unique index over ",
                                      ColumnList(stored, index.columns),
                                      ", which is not in this program's schema, so that records of "
                                      "it may break it"));
    }
  }

  // `child`: in the current mapping; `known_child`: in the program's, or -1.
  absl::Status FitForeignKey(int child, int known_child, const TableForeignKey& foreign_key) {
    const Mapping& current = catalogue_.current->mapping();
    const Table& stored_child = current.tables[child];
    const Table& stored_parent = current.tables[foreign_key.parent];
    const int known_parent = KnownAs(catalogue_.tables[foreign_key.parent]);
    if (known_child >= 0) {
      const Table& program = TableAt(static_cast<std::size_t>(known_child));
      const std::vector<int> columns = Known(stored_child, foreign_key.columns, program);
      const bool touched =
          std::any_of(columns.begin(), columns.end(), [](int column) { return column >= 0; });
      if (touched && HasForeignKey(program, columns, known_parent)) return absl::OkStatus();
      bool may_be_null = false;
      for (int column : foreign_key.columns) may_be_null |= stored_child.columns[column].nullable;
      if (touched || !may_be_null) {
        reasons_.push_back(absl::StrCat(program.graph_model->name, ": ",
                                        ColumnList(stored_child, foreign_key.columns),
                                        " has to name a ", stored_parent.graph_model->name,
                                        " that is there: a belongs_to which is not in this "
                                        "program's schema, so that records of it may break it"));
        return absl::OkStatus();
      }
    }
    if (known_parent < 0) return absl::OkStatus();
    return AddGuard(child, known_parent, foreign_key);
  }

  bool HasForeignKey(const Table& program, const std::vector<int>& columns, int parent) const {
    return std::any_of(program.foreign_keys.begin(), program.foreign_keys.end(),
                       [&](const TableForeignKey& other) {
                         return other.columns == columns && other.parent == parent;
                       });
  }

  absl::Status AddGuard(int child, int known_parent, const TableForeignKey& foreign_key) {
    const Table& as_stored = stored_mapping_.tables[child];
    const Table& program = TableAt(static_cast<std::size_t>(known_parent));
    Guard guard;
    guard.model = known_parent;
    guard.table = as_stored.name;
    guard.columns =
        Known(stored_mapping_.tables[foreign_key.parent], foreign_key.parent_columns, program);
    std::vector<std::string> values, present;
    for (int column : foreign_key.columns) {
      values.push_back(ValueSql(as_stored.columns[column]));
      present.push_back(absl::StrCat(Quoted(as_stored.columns[column].name), " IS NOT NULL"));
    }
    if (std::count(guard.columns.begin(), guard.columns.end(), -1) > 0) {
      reasons_.push_back(absl::StrCat("table ", guard.table, " refers to ",
                                      program.graph_model->name,
                                      " by columns that this program does not know"));
      return absl::OkStatus();
    }
    absl::StatusOr<Statement> query = database_.Prepare(
        absl::StrCat("SELECT DISTINCT ", absl::StrJoin(values, " || ',' || "), " FROM ",
                     Quoted(as_stored.name), " WHERE ", absl::StrJoin(present, " AND ")));
    if (!query.ok()) return query.status();
    while (true) {
      absl::StatusOr<bool> row = query->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      guard.values.emplace(query->Bytes(0));
    }
    if (!guard.values.empty()) fitted_.guards.push_back(std::move(guard));
    return absl::OkStatus();
  }

  Database& database_;
  const Catalogue& catalogue_;
  const Mapping stored_mapping_;
  OlderMapping fitted_;
  std::vector<const StoredTable*> stored_;  // By table of the program.
  std::vector<TablePlan> plans_;            // The same.
  std::vector<std::string> reasons_;
};

}  // namespace

Mapping AsStored(const Catalogue& catalogue) {
  Mapping mapping = catalogue.current->mapping();
  for (std::size_t i = 0; i < mapping.tables.size(); ++i) {
    const StoredTable& stored = catalogue.tables[i];
    mapping.tables[i].name = stored.name;
    for (Column& column : mapping.tables[i].columns) {
      column.name = stored.Find(column.field ? column.field->number() : 0)->name;
    }
  }
  return mapping;
}

absl::StatusOr<OlderMapping> FitOlder(Database& database, const Catalogue& catalogue,
                                      const Mapping& mapping) {
  return Fitting(database, catalogue, mapping).Run();
}

absl::Status CheckGuards(const std::vector<Guard>& guards, const Mapping& mapping,
                         absl::Span<const Change> changes) {
  for (const Guard& guard : guards) {
    const Table& table = mapping.tables[guard.model];
    for (const Change& change : changes) {
      if (change.model != guard.model || change.before == nullptr) continue;
      const std::string before = Values(guard, table, *change.before);
      if (guard.values.count(before) == 0) continue;
      if (change.after != nullptr && Values(guard, table, *change.after) == before) continue;
      return absl::FailedPreconditionError(absl::StrCat(
          table.graph_model->name, " ", table.DescribeKey(*change.before), ": table ", guard.table,
          " of the database refers to it, which this program is too old to know; change it with "
          "the newer one"));
    }
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
