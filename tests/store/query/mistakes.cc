// Mistakes in queries, none of which compiles. Each line says how the compiler's message begins.
#include "absl/time/clock.h"
#include "kin/store/store.h"
#include "tests/store/query/people.kin.h"

namespace query_test {

using P = PersonModel;

// clang-format off
void Values() {
  static_cast<void>(P::age == "18");  // kin: an integer field is compared with what is no integer
  static_cast<void>(P::score < 1.5);  // kin: an integer field is compared with what is no integer
  static_cast<void>(true == P::small);  // kin: an integer field is compared with what is no integer
  static_cast<void>(P::bonus == "1");  // kin: an integer field is compared with what is no integer
  static_cast<void>(P::city == 5);  // kin: a string or bytes field is compared with what is no text
  static_cast<void>(P::active == 1);  // kin: a bool field is compared with what is no bool
  static_cast<void>(P::color == 1);  // kin: an enum field is compared with what is no value of its enum
  static_cast<void>(P::weight == "1");  // kin: a floating-point field is compared with what is no number
  static_cast<void>(P::born == 5);  // kin: a Timestamp field is compared with what is no time
  static_cast<void>(P::shift == absl::Now());  // kin: a Duration field is compared with what is no duration
  static_cast<void>(P::home == 1);  // kin: a field that is a message or a map cannot be compared
  static_cast<void>(P::tags == "x");  // kin: a repeated field has no one value to compare; use Contains(element)
  static_cast<void>(P::limit.In({"a", "b"}));  // kin: an integer field is compared with what is no integer
  static_cast<void>(P::tags.In({"a"}));  // kin: a repeated field has no one value; use Contains(element)
  static_cast<void>(P::numbers.Contains("a"));  // kin: an integer field is compared with what is no integer
}

void Fields() {
  static_cast<void>(P::age == P::city);  // kin: the two fields are of different types, which cannot be compared
  static_cast<void>(P::age == PetModel::years);  // kin: the two fields are not of one model
  static_cast<void>(P::tags == P::city);  // kin: a repeated field has no one value to compare
}

void Texts() {
  static_cast<void>(P::age.StartsWith("1"));  // kin: StartsWith is for string and bytes fields, and takes a text
  static_cast<void>(P::city.StartsWith(5));  // kin: StartsWith is for string and bytes fields, and takes a text
  static_cast<void>(P::age.Contains(1));  // kin: Contains is for string, bytes and repeated fields
  static_cast<void>(P::age.Matches("1"));  // kin: Matches is for string and bytes fields, and takes an RE2 pattern
  static_cast<void>(P::city.IsNull());  // kin: this field is never absent; declare it optional
}

void Logic() {
  static_cast<void>(P::age > 1 && PetModel::years > 1);  // kin: both sides of && and || must be conditions on the same model
  static_cast<void>(P::age > 1 && P::active);  // kin: && and || take conditions, such as UserModel::age >= 18
  static_cast<void>(P::pets.Has(P::age > 1));  // kin: the condition is on another model than the association leads to
  static_cast<void>(P::pets.Count(5));  // kin: Has, HasNone and Count take a condition on the model
  static_cast<void>(kin::Satisfies<Person>([](const Pet&) { return true; }));  // kin: Satisfies takes a function
}

void Queries(const kin::Snapshot& snapshot) {
  const auto query = snapshot.Query<Person>();
  static_cast<void>(query.Where(P::active));  // kin: Where takes a condition, such as UserModel::age >= 18
  static_cast<void>(query.Where(PetModel::years > 2));  // kin: the condition is on another model than the query's
  static_cast<void>(query.OrderBy(PetModel::name));  // kin: OrderBy takes fields of the query's model
  static_cast<void>(query.OrderBy(P::tags));  // kin: OrderBy takes fields that hold one value, which has an order
  static_cast<void>(query.OrderBy(kin::Descending(P::home)));  // kin: OrderBy takes fields that hold one value, which has an order
  static_cast<void>(query.OrderBy(5));  // kin: OrderBy takes fields and kin::Descending(field)
  static_cast<void>(query.Follow(PetModel::owner));  // kin: Follow takes an association of the query's model
  static_cast<void>(query.Resolve(PetModel::owner));  // kin: Resolve takes an association of the query's model
}

void Results(const kin::Snapshot& snapshot) {
  const auto query = snapshot.Query<Person>();
  static_cast<void>(query.Pluck(PetModel::name));  // kin: Pluck takes fields of the query's model
  static_cast<void>(query.GroupBy(PetModel::name).Count());  // kin: GroupBy takes a field of the query's model
  static_cast<void>(query.GroupBy(P::tags).Count());  // kin: GroupBy takes a field that holds one value
  static_cast<void>(query.Sum(P::city));  // kin: Sum and Average are for fields that hold one number
  static_cast<void>(query.Sum(PetModel::years));  // kin: the field is not one of the query's model
  static_cast<void>(query.Min(P::home));  // kin: Min and Max are for fields that hold one value, which has an order
  static_cast<void>(query.DeleteAll());  // kin: DeleteAll is for queries of a transaction
  static_cast<void>(query.UpdateAll([](Person&) {}));  // kin: UpdateAll is for queries of a transaction
  static_cast<void>(query.Follow(P::boss).Explain());  // kin: Explain is for a query of a model
  static_cast<void>(query.With({}).begin());  // kin: a query with bounds may fail while it is iterated
}
// clang-format on

}  // namespace query_test
