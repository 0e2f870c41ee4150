// SQL functions that migrations call, of values as codec.h writes them.
//
//   kin_widen_nan(value)   a NaN's bits as a float: the same as a double; other values as they are
//   kin_narrow_nan(value)  the reverse
//   kin_is_float(value)    1 if a double comes back from a float
//   kin_field(value, number, type)
//                          a serialized value with the tag of its field; `type`: 'message',
//                          'group', or 'repeated', whose value has its tags already
//   kin_join(value, ...)   BLOBs one after the other; NULL if there are none
//   kin_is_written(json, unknown, number)
//                          1 if a JSON text is the one that was written, going by its fingerprint
//                          among the unknown fields
//   kin_unmark(unknown, number)
//                          the unknown fields without the fingerprint of a field's JSON
//   kin_has(unknown, number)
//                          1 if they have a value for a field
//   kin_without(unknown, number)
//                          them without it, and without the fingerprint of its JSON
#ifndef KIN_PERSISTENCE_SQLITE_FUNCTIONS_H_
#define KIN_PERSISTENCE_SQLITE_FUNCTIONS_H_

#include "absl/status/status.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// Adds them to a connection, on which no schema may call them. Again is no mistake.
absl::Status AddFunctions(Database& database);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_FUNCTIONS_H_
