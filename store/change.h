// What a commit did to one record.
#ifndef KIN_STORE_CHANGE_H_
#define KIN_STORE_CHANGE_H_

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "kin/store/key.h"

namespace kin {

// The net change of one record in one commit. `model` counts in Schema::graph().models.
// Valid as long as what passes it says: a call, or a WatchEvent.
struct Change {
  enum Kind { kInsert, kUpdate, kDelete };

  int model = 0;
  KeyView key;
  const google::protobuf::Message* before = nullptr;  // Null: the record is new.
  const google::protobuf::Message* after = nullptr;   // Null: the record is deleted.

  Kind kind() const { return before == nullptr ? kInsert : after == nullptr ? kDelete : kUpdate; }
  // The record before and after as one of M, null if it is none, or there was none.
  template <typename M>
  const M* Before() const {
    return google::protobuf::DynamicCastToGenerated<M>(before);
  }
  template <typename M>
  const M* After() const {
    return google::protobuf::DynamicCastToGenerated<M>(after);
  }
};

// Whether a field has the same value, or is absent, in two records of one type. Floating-point
// fields are compared bit by bit. O(size of the field).
bool SameField(const google::protobuf::Message& a, const google::protobuf::Message& b,
               const google::protobuf::FieldDescriptor& field);

namespace internal {
struct KeyPart;
}  // namespace internal

// SameField of one field of a model, by generated code where there is some, which takes a few
// nanoseconds and not tens. Schema::ComparisonOf makes it.
class FieldComparison {
 public:
  // Two records of the model.
  bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) const;

 private:
  friend class Schema;
  using Get = bool (*)(const google::protobuf::Message& record, internal::KeyPart* part);
  FieldComparison(const google::protobuf::FieldDescriptor* field, Get get)
      : field_(field), get_(get) {}

  const google::protobuf::FieldDescriptor* field_;
  Get get_;  // Null: by reflection.
};

}  // namespace kin

#endif  // KIN_STORE_CHANGE_H_
