// What SQLite would refuse, refused before it is committed in memory.
#ifndef KIN_PERSISTENCE_SQLITE_RECORD_LIMITS_H_
#define KIN_PERSISTENCE_SQLITE_RECORD_LIMITS_H_

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kin/persistence/mapping.h"

namespace kin::persistence::sqlite {

// What this SQLite, as it was built, takes. Immutable.
struct Limits {
  std::int64_t bytes = 1'000'000'000;  // In a value, and in a row.
  std::int64_t columns = 2000;         // In a table.

  static absl::StatusOr<Limits> OfSqlite();
};

// Whether the tables can be made at all. INVALID_ARGUMENT: a model has more fields than a table can
// have columns.
absl::Status CheckLimits(const Mapping& mapping, const Limits& limits);

// A record of the table that has no unknown fields and is no larger is one that CheckRecord
// accepts; less than 0: CheckRecord has to look at each; kAnySize: at none.
inline constexpr std::int64_t kAnySize = std::numeric_limits<std::int64_t>::max();
std::int64_t SurelyFits(const Table& table, const Limits& limits);

// INVALID_ARGUMENT: the record does not fit into a row, has a time or duration out of range, is
// nested too deep to be read again, or has unknown fields that would come back as known ones. About
// as fast as asking the record for its size; where a column is JSON, as printing that.
absl::Status CheckRecord(const Table& table, const google::protobuf::Message& record,
                         const Limits& limits);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_RECORD_LIMITS_H_
