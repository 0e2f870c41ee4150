// Conditions at random on the records of a random schema, each in four forms: as the tree that is
// made of C++, as the text of a filter, in SQL, and as a judgement of records of the plain model.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_QUESTIONS_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_QUESTIONS_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kin/store/query/tree.h"
#include "kin/tests/persistence/sqlite/random_queries/plain_records.h"

namespace kin::testing {

struct RandomQuestion {
  query::Condition tree;
  std::optional<std::string> text;  // None, nor the next: it cannot be put so.
  std::optional<std::string> sql;   // Of the table under the alias that was given.
  std::function<std::optional<bool>(const World&, const google::protobuf::Message&)> judge;
};

// What SQL orders a column by: one expression, or several.
std::vector<std::string> SqlColumn(const google::protobuf::FieldDescriptor& field,
                                   const std::string& alias);
// A value, to be compared with these.
std::vector<std::string> SqlValue(const google::protobuf::FieldDescriptor& field,
                                  const PlainValue& value);
// The columns of a key, as they are.
std::string SqlKey(const ModelSpec& model, const std::string& alias);
// Whether `association` leads from the record of one alias to that of another.
std::string SqlLink(const RandomSchema& schema, int model, const AssociationSpec& association,
                    const std::string& from, const std::string& to);

class RandomQuestions {
 public:
  // All must outlive it. Values that are asked for are mostly some of `world`.
  RandomQuestions(const World* world, Dice* dice) : world_(*world), dice_(*dice) {}

  // On records of a model, that many conditions within each other at most.
  RandomQuestion Ask(int model, const std::string& alias, int depth);
  // What an index may be of use for: some of its fields, each compared with a value.
  RandomQuestion AskIndex(int model, const std::string& alias, const IndexSpec& index);

 private:
  RandomQuestion AskField(int model, const std::string& alias);
  RandomQuestion AskValue(int model, const std::string& alias,
                          const google::protobuf::FieldDescriptor& field);
  RandomQuestion AskText(const std::string& alias, const google::protobuf::FieldDescriptor& field,
                         const std::string& part);
  RandomQuestion AskAmong(int model, const std::string& alias,
                          const google::protobuf::FieldDescriptor& field);
  RandomQuestion AskRepeated(const std::string& alias,
                             const google::protobuf::FieldDescriptor& field);
  RandomQuestion AskNull(const std::string& alias, const google::protobuf::FieldDescriptor& field);
  RandomQuestion AskFields(int model, const std::string& alias);
  RandomQuestion AskAssociation(int model, const std::string& alias, int depth);
  RandomQuestion Combine(int model, const std::string& alias, int depth);
  static RandomQuestion All(const std::vector<RandomQuestion>& parts, bool all);
  PlainValue Operand(int model, const google::protobuf::FieldDescriptor& field);

  const World& world_;
  Dice& dice_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_RANDOM_QUESTIONS_H_
