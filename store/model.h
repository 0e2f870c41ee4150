// The constants of a model: what generated code calls its fields and associations.
//
// `UserModel::email` is a Field, `UserModel::posts` a HasMany. They carry no data; they name what
// FindBy, Set, Add, Resolve and the like are to work on, and their types let the compiler check it.
// Thread-safety: immutable.
#ifndef KIN_STORE_MODEL_H_
#define KIN_STORE_MODEL_H_

#include <initializer_list>

namespace kin {

// Specialised by generated code for each model; see docs/models.md.
template <typename M>
struct ModelTraits;

// The reference type of a model: UserRef for User.
template <typename M>
using RefOf = typename ModelTraits<M>::Ref;

// `Descriptor` is generated: which model, which field, how to read it.
//
// Fields compare with values and with each other, for queries: `UserModel::age >= 18`. These
// operators and the conditions below are in kin/store/query/expression.h, which generated headers
// include. Each is a value that owns what it was given.
template <typename Descriptor>
struct Field : Descriptor {
  // Whether the field is one of `values`, a list or any container.
  template <typename List>
  auto In(const List& values) const;
  template <typename T>
  auto In(std::initializer_list<T> values) const;
  // Both bounds are included.
  template <typename Low, typename High>
  auto Between(const Low& low, const High& high) const;
  // Whether the field is absent; a repeated one: empty.
  auto IsNull() const;
  // Of texts. By bytes, so upper and lower case differ.
  template <typename Text>
  auto StartsWith(const Text& prefix) const;
  // Of texts; of a repeated field: whether it has that element.
  template <typename Value>
  auto Contains(const Value& part) const;
  // Whether the whole text matches an RE2 pattern, as with the option `pattern`.
  template <typename Text>
  auto Matches(const Text& pattern) const;
};

// What can be asked of an association, for queries; `target` is a condition on the other model.
template <typename Descriptor>
struct AssociationConditions {
  // Whether it leads to a record; to one for which `target` is true.
  auto Has() const;
  template <typename Target>
  auto Has(const Target& target) const;
  auto HasNone() const;
  template <typename Target>
  auto HasNone(const Target& target) const;
  // How many records it leads to (for which `target` is true), to be compared: `Count() >= 3`.
  auto Count() const;
  template <typename Target>
  auto Count(const Target& target) const;
};

// An association that leads to at most one record, whose key this record holds.
template <typename Descriptor>
struct BelongsTo : Descriptor, AssociationConditions<Descriptor> {};

// An association that leads to at most one record, which holds the key of this one.
template <typename Descriptor>
struct HasOne : Descriptor, AssociationConditions<Descriptor> {};

// An association that leads to any number of records.
template <typename Descriptor>
struct HasMany : Descriptor, AssociationConditions<Descriptor> {};

}  // namespace kin

#endif  // KIN_STORE_MODEL_H_
