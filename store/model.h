// The constants of a model: what generated code calls its fields and associations.
//
// `UserModel::email` is a Field, `UserModel::posts` a HasMany. They carry no data; they name what
// FindBy, Set, Add, Resolve and the like are to work on, and their types let the compiler check it.
// Thread-safety: immutable.
#ifndef KIN_STORE_MODEL_H_
#define KIN_STORE_MODEL_H_

namespace kin {

// Specialised by generated code for each model; see docs/models.md.
template <typename M>
struct ModelTraits;

// The reference type of a model: UserRef for User.
template <typename M>
using RefOf = typename ModelTraits<M>::Ref;

// `Descriptor` is generated: which model, which field, how to read it.
template <typename Descriptor>
struct Field : Descriptor {};

// An association that leads to at most one record, whose key this record holds.
template <typename Descriptor>
struct BelongsTo : Descriptor {};

// An association that leads to at most one record, which holds the key of this one.
template <typename Descriptor>
struct HasOne : Descriptor {};

// An association that leads to any number of records.
template <typename Descriptor>
struct HasMany : Descriptor {};

}  // namespace kin

#endif  // KIN_STORE_MODEL_H_
