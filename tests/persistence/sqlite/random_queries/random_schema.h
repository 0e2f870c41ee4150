// Models made at random when a test runs: fields of every kind that queries know, present or not,
// indexes of every kind over them, and associations between the models.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_SCHEMA_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_SCHEMA_H_

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace kin::testing {

// Numbers at random. Thread-compatible.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  // From 0 to below `count`.
  int Below(int count) {
    return static_cast<int>(random_() % static_cast<std::mt19937_64::result_type>(count));
  }
  // True once in so many times.
  bool Once(int in) { return Below(in) == 0; }
  template <typename Container>
  const auto& From(const Container& container) {
    return container[static_cast<std::size_t>(Below(static_cast<int>(std::size(container))))];
  }

 private:
  std::mt19937_64 random_;
};

struct FieldSpec {
  std::string name;
  std::string type;        // As in .proto.
  std::string label;       // "", "optional" or "repeated".
  std::string options;     // Of (kin.field), in braces.
  bool unindexed = false;  // What no index can be over.
};

struct AssociationSpec {
  enum class Kind { kBelongsTo, kHasOne, kHasMany };
  Kind kind = Kind::kBelongsTo;
  std::string name;
  int owner = 0;
  int target = 0;
  std::vector<std::string> foreign_key;  // Of the child, whichever end that is. Direct ones only.
  bool lowest = false;                   // has_one: of several, the one with the lowest key.
  std::string through;                   // An association of the owner,
  std::string source;                    // and one of its target.
};

struct IndexSpec {
  std::vector<std::string> fields;
  bool unique = false;
  bool ordered = false;
};

struct ModelSpec {
  std::string name;  // The table is called so, too.
  std::vector<std::string> key;
  std::vector<FieldSpec> fields;  // Those of the key first.
  std::vector<AssociationSpec> associations;
  std::vector<IndexSpec> indexes;  // Of several fields.

  const FieldSpec& field(const std::string& name) const;
  const AssociationSpec& association(const std::string& name) const;
};

// Two to four of them.
std::vector<ModelSpec> RandomModels(Dice* dice);
// Of a .proto file, what follows syntax, package and imports.
std::string ProtoText(const std::vector<ModelSpec>& models);

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_SCHEMA_H_
