// What a database holds, in terms of models: tables, what each column was when it was last used,
// and what is left of models and fields that are gone.
#ifndef KIN_PERSISTENCE_EVOLUTION_CATALOGUE_H_
#define KIN_PERSISTENCE_EVOLUTION_CATALOGUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kin/persistence/evolution/schema_image.h"
#include "kin/persistence/mapping.h"

namespace kin::persistence {

struct StoredColumn {
  std::string name;
  // As it was when the field was last in the schema; its own name may be another.
  const Column* column = nullptr;
  const SchemaImage* image = nullptr;  // That schema.
  bool retired = false;                // The field is gone, its values are kept.

  int number() const { return column->field == nullptr ? 0 : column->field->number(); }
};

struct StoredTable {
  std::string model;  // The full name it has now.
  std::string name;
  const Table* table = nullptr;        // As it was when the model was last in the schema.
  const SchemaImage* image = nullptr;  // That schema.
  bool retired = false;                // The model is gone, its rows are kept.
  std::vector<StoredColumn> columns;

  // By field number, 0 being the unknown fields; null if there is none.
  const StoredColumn* Find(int number) const;
};

struct Catalogue {
  // Those of the current schema first, in its order; then retired ones.
  std::vector<StoredTable> tables;
  std::map<std::string, std::string> former_names;  // Of models: what is now called what.
  std::set<std::string> fingerprints;               // Of every schema the database has had.
  std::string fingerprint;                          // Of the current one.
  const SchemaImage* current = nullptr;             // One of `images`.
  std::vector<std::unique_ptr<SchemaImage>> images;
  std::map<const SchemaImage*, std::int64_t> ids;  // Of images, in the database.

  // The stored table that has `table` of the current image.
  const StoredTable* Find(const Table& table) const;
};

// Which stored table each model of a schema has.
struct ModelMatches {
  // By table of the new mapping: a position in Catalogue::tables; -1: the model is new.
  std::vector<int> old_of_new;
  // Old tables that might have become a new one, as text: why nothing was decided.
  std::map<int, std::string> doubts;
};

// Matches by full name, and by a name that the model once had: what a program that is older than
// the database, or changes nothing, calls by its name.
ModelMatches MatchKnownModels(const Catalogue& catalogue, const Mapping& mapping);

// Matches by full name; by `renamed` (full names, old to new); by a name that the model once had;
// then, of those whose model is gone and those that are new, by the name without its scope; and at
// last by shape: same scope, same key, and each old field there with its number, name and type.
// The last two only if no other fits either of the two. All but the first two only for models that
// are not in `given_up`.
ModelMatches MatchModels(const Catalogue& catalogue, const Mapping& mapping,
                         const std::map<std::string, std::string>& renamed,
                         const std::set<std::string>& given_up);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_EVOLUTION_CATALOGUE_H_
