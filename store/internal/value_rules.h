// The value rules of a model's fields, ready to be checked.
#ifndef KIN_STORE_INTERNAL_VALUE_RULES_H_
#define KIN_STORE_INTERNAL_VALUE_RULES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/key_parts.h"

namespace kin::internal {

struct ModelOps;
class KeyReader;

// A rule of one field that a record breaks.
struct BrokenRule {
  const google::protobuf::FieldDescriptor* field;
  std::string text;  // "151 is more than its max, 150; give at most 150".
};

// Immutable. Refers to the graph it was made from.
class ValueRules {
 public:
  ValueRules(const ModelOps& ops, const graph::Model& model);
  ~ValueRules();

  bool empty() const { return rules_.empty(); }
  // Every rule that `record` breaks; nothing is allocated if it breaks none.
  std::vector<BrokenRule> Check(const google::protobuf::Message& record) const;

 private:
  struct Rule {
    const graph::ValueRule* declared;
    bool (*get)(const google::protobuf::Message&, KeyPart*);  // Null: by reflection.
    // Of numbers, biased as KeyPart::number.
    bool bounded = false;
    std::uint64_t least = 0;
    std::uint64_t greatest = 0;
    absl::flat_hash_set<std::uint64_t> numbers;
    absl::flat_hash_set<std::string> texts;
  };

  static Rule Compile(const ModelOps& ops, const graph::ValueRule& declared);
  // What is wrong with one value; empty if nothing is.
  static std::string WhyNot(const Rule& rule, const KeyPart& value);
  static std::string WhyNotLength(const graph::ValueRule& rule, std::uint64_t length);
  static void CheckRepeated(const Rule& rule, const google::protobuf::Message& record,
                            std::vector<BrokenRule>* broken);

  std::vector<Rule> rules_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_VALUE_RULES_H_
