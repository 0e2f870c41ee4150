// Conditions on the records of a model, as a tree that is made at run time.
//
//   using namespace kin::query;
//   absl::StatusOr<Condition> adult =
//       Compare(*User::descriptor()->FindFieldByName("age"), Comparison::kGreaterOrEqual, 18);
//
// This is what text filters are parsed to and what the planner reads; it works for every model,
// also for those known only at run time. Programs that know their models write
// `UserModel::age >= 18` instead (kin/store/query/expression.h), which makes such a tree when it is
// planned, and is evaluated without it.
//
// Three-valued logic, as in SQL: a comparison with an absent value is neither true nor false, and a
// record is found where the condition is true. Numbers compare as numbers, whatever their types;
// all NaNs are equal and after +infinity, both zeros are equal; texts compare by their bytes; enums
// by number; times and durations by length.
//
// Nodes are immutable and shared. Thread-safety: immutable. A tree points into the descriptor pool
// of its fields and must not outlive it.
#ifndef KIN_STORE_QUERY_TREE_H_
#define KIN_STORE_QUERY_TREE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace kin::graph {
struct Association;
}  // namespace kin::graph

namespace kin::internal {
struct View;
}  // namespace kin::internal

namespace kin::query {

struct Node;
// Never null where a condition is expected.
using Condition = std::shared_ptr<const Node>;

enum class Comparison { kEqual, kNotEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

// "==" and so on.
absl::string_view Symbol(Comparison comparison);
// The comparison with its sides exchanged: kLess for kGreater.
Comparison Mirror(Comparison comparison);

// What a field is compared with. An enum is given by number, a float as a double.
using Value = std::variant<bool, std::int64_t, std::uint64_t, double, std::string, absl::Time,
                           absl::Duration>;

// What a field holds, as far as comparisons go. A wrapper of google/protobuf/wrappers.proto is as
// the value it holds, and absent where there is none.
enum class FieldType {
  kSigned,
  kUnsigned,
  kBool,
  kEnum,
  kDouble,    // And float.
  kText,      // string and bytes.
  kTime,      // google.protobuf.Timestamp
  kDuration,  // google.protobuf.Duration
  kOther,     // Other messages, groups and maps: these can be absent, and nothing else.
};
// Of the elements, if the field is repeated.
FieldType TypeOf(const google::protobuf::FieldDescriptor& field);
// Whether a record may have no value of the field.
bool MayBeAbsent(const google::protobuf::FieldDescriptor& field);

// A value in the form in which all compare quickly: a number that compares, unsigned, as the value
// does; bytes; or seconds and nanoseconds.
struct OperandView {
  std::uint64_t number = 0;
  std::int32_t nanos = 0;
  absl::string_view bytes;
};
// Negative, 0 or positive. REQUIRES: both are of one type.
int CompareOperands(const OperandView& a, const OperandView& b);

// An OperandView that owns its bytes.
struct Operand {
  // -1 or 1: below or above every value that the field can have, such as -1 for an unsigned one.
  int beyond = 0;
  std::uint64_t number = 0;
  std::int32_t nanos = 0;
  std::string bytes;

  OperandView view() const { return {number, nanos, bytes}; }
};
// INVALID_ARGUMENT if the field cannot be compared with the value: an integer field with a text or
// a fraction, say.
absl::StatusOr<Operand> MakeOperand(const google::protobuf::FieldDescriptor& field,
                                    const Value& value);
// The field's value in a record; false if it is absent. `element` >= 0: of a repeated field.
// `scratch` may be used to hold it. REQUIRES: TypeOf(field) is not kOther.
bool ReadOperand(const google::protobuf::Message& record,
                 const google::protobuf::FieldDescriptor& field, OperandView* value,
                 std::string* scratch, int element = -1);

// An association, by name: a tree knows no schema. Which association it is, and that it is there,
// is seen when a query is made of the tree.
struct AssociationName {
  const google::protobuf::Descriptor* owner = nullptr;
  const google::protobuf::Descriptor* target = nullptr;
  std::string name;

  AssociationName() = default;
  AssociationName(const google::protobuf::Descriptor* from, const google::protobuf::Descriptor* to,
                  std::string called)
      : owner(from), target(to), name(std::move(called)) {}
  explicit AssociationName(const graph::Association& association);
};

// A node of a tree. To be read by the planner and evaluators; made by the functions below.
struct Node {
  enum class Kind {
    kConstant,       // `truth`
    kAnd,            // of `children`: none is true
    kOr,             // of `children`: none is false
    kNot,            // of children[0]
    kCompare,        // `field` `comparison` `operand`
    kCompareFields,  // `field` `comparison` `other`
    kIn,             // `field` is one of `operands`, which are sorted and distinct
    kIsNull,         // `field` is absent; a repeated one: empty
    kStartsWith,     // `field`, a text, begins with `text`
    kContains,       // `field`, a text, contains `text`
    kMatches,        // `field`, a text, as a whole matches `pattern`
    kHasElement,     // `field`, which is repeated, has the element `operand`
    kWithin,         // children[0], on the message that `field` holds; unknown where it is absent.
                     // A repeated field, a map: on some element, and never unknown
    kHas,            // `association` leads to a record for which children[0], if any, is true
    kCount,          // the number of such records `comparison` `count`
    kFunction,       // `function` says so
  };
  using Function =
      std::function<bool(const kin::internal::View*, const google::protobuf::Message&)>;

  Kind kind = Kind::kConstant;
  // Whose records it judges; null: those of any.
  const google::protobuf::Descriptor* model = nullptr;
  bool truth = true;
  Comparison comparison = Comparison::kEqual;
  const google::protobuf::FieldDescriptor* field = nullptr;
  const google::protobuf::FieldDescriptor* other = nullptr;
  Operand operand;
  std::vector<Operand> operands;
  std::string text;
  std::shared_ptr<const re2::RE2> pattern;
  AssociationName association;
  std::int64_t count = 0;
  Function function;
  std::vector<Condition> children;
};

// Builders. INVALID_ARGUMENT, naming model and field, if the field is not of a type for that.
absl::StatusOr<Condition> Compare(const google::protobuf::FieldDescriptor& field,
                                  Comparison comparison, const Value& value);
// REQUIRES of both fields: one message, one kind of type (integers of any size and sign are one).
absl::StatusOr<Condition> CompareFields(const google::protobuf::FieldDescriptor& field,
                                        Comparison comparison,
                                        const google::protobuf::FieldDescriptor& other);
absl::StatusOr<Condition> In(const google::protobuf::FieldDescriptor& field,
                             absl::Span<const Value> values);
absl::StatusOr<Condition> IsNull(const google::protobuf::FieldDescriptor& field);
absl::StatusOr<Condition> StartsWith(const google::protobuf::FieldDescriptor& field,
                                     absl::string_view prefix);
absl::StatusOr<Condition> Contains(const google::protobuf::FieldDescriptor& field,
                                   absl::string_view text);
// The whole text matches the RE2 pattern (of bytes: Latin-1), as the option `pattern` of fields.
absl::StatusOr<Condition> Matches(const google::protobuf::FieldDescriptor& field,
                                  absl::string_view pattern);
// The same with a pattern that has been compiled. REQUIRES: pattern->ok().
absl::StatusOr<Condition> Matches(const google::protobuf::FieldDescriptor& field,
                                  std::shared_ptr<const re2::RE2> pattern);
// Whether a repeated field has that element.
absl::StatusOr<Condition> HasElement(const google::protobuf::FieldDescriptor& field,
                                     const Value& value);
// A condition on the fields of the message that a field holds: unknown where the message is absent.
// On some element of a repeated field or map (whose elements have `key` and `value`): whether there
// is one for which it is true.
absl::StatusOr<Condition> Within(const google::protobuf::FieldDescriptor& field,
                                 Condition condition);
// Whether the association leads to a record; to one for which `target` is true. Null: any record.
absl::StatusOr<Condition> Has(const AssociationName& association, Condition target = nullptr);
absl::StatusOr<Condition> Count(const AssociationName& association, Comparison comparison,
                                std::int64_t count, Condition target = nullptr);
// `name` is for Explain.
Condition Function(const google::protobuf::Descriptor* model, std::string name,
                   Node::Function function);
Condition Constant(bool truth);
// Of none: true, and false. Nested ones of the same kind are flattened. REQUIRES: all are of one
// model.
Condition And(std::vector<Condition> conditions);
Condition Or(std::vector<Condition> conditions);
Condition Not(Condition condition);

// As C++ of a program would put it: `age >= 18 && user_info.Has(infos != "")`. For people.
std::string ToString(const Condition& condition);

}  // namespace kin::query

#endif  // KIN_STORE_QUERY_TREE_H_
