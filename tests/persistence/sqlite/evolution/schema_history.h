// A schema that changes at random, records of it, and what they have to be after each change: a
// plain model, in which a value is known by the number of its field.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_SCHEMA_HISTORY_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_SCHEMA_HISTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kin/persistence/evolution/migration.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"

namespace kin::testing {

class SchemaHistory {
 public:
  explicit SchemaHistory(std::uint64_t seed) : random_(seed) {}

  // One version of the schema.
  struct Field {
    std::string name;
    std::string type;
    bool optional = false;
    bool indexed = false;
    bool live = true;  // Else its number is reserved.
  };
  struct Model {
    std::string name;
    std::string table;
    std::map<int, Field> fields;  // Beside `int64 id = 1`.
    bool live = true;
  };
  using Version = std::map<int, Model>;

  // Changes the schema by a few things at once, which a migration with `options` allows.
  void Evolve(MigrateOptions* options);
  // The rows that a store of `version` has to show.
  std::vector<Row> Rows(const Version& version) const;
  // Changes records as a store of `version` can: `upserts` and `deletes` are what to do.
  void ChangeRecords(const Version& version, std::vector<Row>* upserts, std::vector<Row>* deletes);

  const Version& current() const { return current_; }
  static std::string Text(const Version& version);

 private:
  using Record = std::map<int, std::string>;  // By field; absent, or the default: none.

  std::uint64_t Random(std::uint64_t limit) { return random_() % limit; }
  std::string NewName(const char* prefix);
  void EvolveModel(int number, MigrateOptions* options);
  void EvolveField(int number, Field* field);
  void Widen(Field* field);
  void TogglePresence(int model, int number, Field* field);
  std::string Value(const Field& field);
  static std::string FieldsText(const Model& model, const Record& record);

  std::mt19937_64 random_;
  Version current_;
  Version before_;  // This step.
  int names_ = 0;
  int numbers_ = 2;  // The next of a field.
  int fresh_ = 2;    // Fields from this number on are not in the database yet.
  std::map<int, std::map<std::int64_t, Record>> records_;  // By model, by id.
  std::map<int, std::int64_t> last_ids_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_SCHEMA_HISTORY_H_
