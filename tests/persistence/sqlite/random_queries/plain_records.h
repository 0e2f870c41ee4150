// The records of a random schema as a plain model: messages in maps, read by reflection one by one,
// and associations followed by loops over all records.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_PLAIN_RECORDS_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_PLAIN_RECORDS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "kin/store/query/tree.h"
#include "kin/store/store.h"
#include "kin/tests/persistence/sqlite/random_queries/random_schema.h"

namespace kin::testing {

// What a field holds. A bool, enum, time and duration is a number, the last two of nanoseconds.
struct PlainValue {
  enum class Class { kNumber, kReal, kText };
  Class of = Class::kNumber;
  __int128 number = 0;
  double real = 0;
  std::string text;
};
// Negative, 0 or positive: numbers by value, NaN after all others, texts by their bytes.
int Order(const PlainValue& a, const PlainValue& b);
inline bool operator<(const PlainValue& a, const PlainValue& b) { return Order(a, b) < 0; }
inline bool operator==(const PlainValue& a, const PlainValue& b) { return Order(a, b) == 0; }
// Absent first.
int Order(const std::optional<PlainValue>& a, const std::optional<PlainValue>& b);

// Of a field that is not repeated; of an element of one that is.
std::optional<PlainValue> Read(const google::protobuf::Message& record,
                               const google::protobuf::FieldDescriptor& field);
PlainValue ReadElement(const google::protobuf::Message& record,
                       const google::protobuf::FieldDescriptor& field, int element);
// Sets it, or adds an element.
void Put(const google::protobuf::FieldDescriptor& field, const PlainValue& value,
         google::protobuf::Message* record);
// The field of a wrapper that holds its value; of other fields they themselves.
const google::protobuf::FieldDescriptor& Inner(const google::protobuf::FieldDescriptor& field);
// One that the field can hold; few different ones, with those at the limits of the type.
PlainValue RandomValue(const google::protobuf::FieldDescriptor& field, Dice* dice);
// The same of many different ones.
PlainValue WideValue(const google::protobuf::FieldDescriptor& field, Dice* dice);
query::Value ToQueryValue(const google::protobuf::FieldDescriptor& field, const PlainValue& value);

// One random schema.
class RandomSchema {
 public:
  using Find = std::function<const google::protobuf::Descriptor*(const std::string&)>;

  // `schema`: of these models, whose descriptors `find` knows by their names.
  RandomSchema(std::vector<ModelSpec> models, Schema schema, const Find& find)
      : models(std::move(models)), schema(std::move(schema)) {
    for (const ModelSpec& model : this->models) descriptors_.push_back(find(model.name));
  }

  const ModelSpec& model(int i) const { return models[static_cast<std::size_t>(i)]; }
  const google::protobuf::Descriptor& descriptor(int i) const {
    return *descriptors_[static_cast<std::size_t>(i)];
  }
  const google::protobuf::FieldDescriptor& field(int i, const std::string& name) const {
    return *descriptor(i).FindFieldByName(name);
  }
  // In the schema.
  int position(int i) const { return schema.IndexOf(&descriptor(i)); }

  const std::vector<ModelSpec> models;
  const Schema schema;

 private:
  std::vector<const google::protobuf::Descriptor*> descriptors_;
};

using PlainKey = std::vector<PlainValue>;
using PlainRecord = std::shared_ptr<const google::protobuf::Message>;

// A value: copies share the records.
class World {
 public:
  explicit World(const RandomSchema* schema) : schema_(schema), tables_(schema->models.size()) {}

  const RandomSchema& schema() const { return *schema_; }
  const std::map<PlainKey, PlainRecord>& table(int model) const {
    return tables_[static_cast<std::size_t>(model)];
  }
  PlainKey KeyOf(int model, const google::protobuf::Message& record) const;
  // In the order of their keys.
  std::vector<const google::protobuf::Message*> Targets(
      int model, const AssociationSpec& association, const google::protobuf::Message& record) const;

  // One record is inserted, replaced or deleted, in both; or, if it may not be, in neither.
  absl::Status Change(Transaction& txn, Dice* dice);
  // Whether any value of the field may be put in the place of any other, also the same in all
  // records: no key goes by it.
  bool IsFree(int model, const std::string& field) const;
  // Whether other records hold its key.
  bool HasChildren(int model, const google::protobuf::Message& record) const;
  void Replace(int model, PlainRecord record);
  void Erase(int model, const google::protobuf::Message& record);

 private:
  bool FillForeignKeys(int model, google::protobuf::Message* record, Dice* dice) const;
  // Whether the foreign key of `child` holds the key of `parent`.
  bool Refers(const AssociationSpec& association, int child_model,
              const google::protobuf::Message& child, int parent_model,
              const google::protobuf::Message& parent) const;

  const RandomSchema* schema_;
  std::vector<std::map<PlainKey, PlainRecord>> tables_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_RANDOM_QUERIES_PLAIN_RECORDS_H_
