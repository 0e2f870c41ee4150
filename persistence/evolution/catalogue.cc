#include "kin/persistence/evolution/catalogue.h"

#include <algorithm>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/persistence/evolution/type_change.h"

namespace kin::persistence {
namespace {

std::string ScopeOf(const std::string& name) {
  const auto dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(0, dot);
}

std::string LastOf(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// Whether what was in `old_table` could be records of `table`: the key is the same.
bool HasSameKey(const StoredTable& old_table, const Table& table) {
  const Table& from = *old_table.table;
  return std::equal(from.key.begin(), from.key.end(), table.key.begin(), table.key.end(),
                    [&](int old_part, int new_part) {
                      const Column& a = from.columns[old_part];
                      const Column& b = table.columns[new_part];
                      return a.field->number() == b.field->number() &&
                             CompareTypes(a, b).kind != TypeChange::Kind::kOther;
                    });
}

// Whether every field that was is there, under its number and name, and of its type.
bool HasShapeOf(const StoredTable& old_table, const Table& table) {
  if (!HasSameKey(old_table, table)) return false;
  return std::all_of(
      old_table.columns.begin(), old_table.columns.end(), [&](const StoredColumn& column) {
        if (column.retired || column.number() == 0) return true;
        const auto* field = table.graph_model->descriptor->FindFieldByNumber(column.number());
        return field != nullptr && field->name() == column.column->field->name() &&
               TypeName(*field) == TypeName(*column.column->field);
      });
}

class Matcher {
 public:
  Matcher(const Catalogue& catalogue, const Mapping& mapping)
      : catalogue_(catalogue), mapping_(mapping), taken_(catalogue.tables.size(), false) {
    matches_.old_of_new.assign(mapping.tables.size(), -1);
  }

  void Take(int old_table, int new_table) {
    matches_.old_of_new[new_table] = old_table;
    taken_[old_table] = true;
  }

  // Each new table that has none yet: the old one whose model has the name that `name_of` gives.
  void ByName(absl::FunctionRef<std::string(const std::string& model)> name_of,
              const std::set<std::string>& given_up = {}) {
    for (std::size_t i = 0; i < mapping_.tables.size(); ++i) {
      if (matches_.old_of_new[i] >= 0) continue;
      const std::string name = name_of(mapping_.tables[i].graph_model->name);
      if (given_up.count(name) > 0) continue;
      for (std::size_t j = 0; j < taken_.size(); ++j) {
        if (!taken_[j] && catalogue_.tables[j].model == name) {
          Take(static_cast<int>(j), static_cast<int>(i));
          break;
        }
      }
    }
  }

  // Pairs for which `fits` holds, and for neither side with any other.
  void ByLikeness(const std::set<std::string>& given_up,
                  absl::FunctionRef<bool(const StoredTable&, const Table&)> fits) {
    std::vector<std::vector<int>> of_old(taken_.size()), of_new(mapping_.tables.size());
    for (std::size_t j = 0; j < taken_.size(); ++j) {
      const StoredTable& old_table = catalogue_.tables[j];
      if (taken_[j] || old_table.retired || given_up.count(old_table.model) > 0) continue;
      for (std::size_t i = 0; i < mapping_.tables.size(); ++i) {
        if (matches_.old_of_new[i] >= 0 || !fits(old_table, mapping_.tables[i])) continue;
        of_old[j].push_back(static_cast<int>(i));
        of_new[i].push_back(static_cast<int>(j));
      }
    }
    for (std::size_t j = 0; j < of_old.size(); ++j) {
      if (of_old[j].empty()) continue;
      if (of_old[j].size() == 1 && of_new[of_old[j][0]].size() == 1) {
        Take(static_cast<int>(j), of_old[j][0]);
      } else {
        Doubt(static_cast<int>(j), of_old[j]);
      }
    }
  }

  void ByFormerName(const std::set<std::string>& given_up) {
    ByName(
        [&](const std::string& model) {
          const auto known = catalogue_.former_names.find(model);
          return known == catalogue_.former_names.end() ? std::string() : known->second;
        },
        given_up);
  }

  ModelMatches Result() && { return std::move(matches_); }

 private:
  void Doubt(int old_table, const std::vector<int>& candidates) {
    matches_.doubts[old_table] =
        absl::StrJoin(candidates, " or ", [&](std::string* out, int candidate) {
          out->append(mapping_.tables[candidate].graph_model->name);
        });
  }

  const Catalogue& catalogue_;
  const Mapping& mapping_;
  std::vector<bool> taken_;
  ModelMatches matches_;
};

}  // namespace

const StoredColumn* StoredTable::Find(int number) const {
  for (const StoredColumn& column : columns) {
    if (column.number() == number) return &column;
  }
  return nullptr;
}

const StoredTable* Catalogue::Find(const Table& table) const {
  for (const StoredTable& stored : tables) {
    if (stored.table == &table) return &stored;
  }
  return nullptr;
}

ModelMatches MatchKnownModels(const Catalogue& catalogue, const Mapping& mapping) {
  Matcher matcher(catalogue, mapping);
  matcher.ByName([](const std::string& model) { return model; });
  matcher.ByFormerName({});
  return std::move(matcher).Result();
}

ModelMatches MatchModels(const Catalogue& catalogue, const Mapping& mapping,
                         const std::map<std::string, std::string>& renamed,
                         const std::set<std::string>& given_up) {
  Matcher matcher(catalogue, mapping);
  matcher.ByName([](const std::string& model) { return model; });
  matcher.ByName([&](const std::string& model) {
    for (const auto& [from, to] : renamed) {
      if (to == model) return from;
    }
    return std::string();
  });
  matcher.ByFormerName(given_up);
  matcher.ByLikeness(given_up, [](const StoredTable& old_table, const Table& table) {
    return LastOf(old_table.model) == LastOf(table.graph_model->name) &&
           HasSameKey(old_table, table);
  });
  matcher.ByLikeness(given_up, [](const StoredTable& old_table, const Table& table) {
    return ScopeOf(old_table.model) == ScopeOf(table.graph_model->name) &&
           HasShapeOf(old_table, table);
  });
  return std::move(matcher).Result();
}

}  // namespace kin::persistence
