// From records to the rows of one table.
#ifndef KIN_PERSISTENCE_SQLITE_TABLE_WRITER_H_
#define KIN_PERSISTENCE_SQLITE_TABLE_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/persistence/backend.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/codec.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/store/schema.h"

namespace kin::persistence::sqlite {

// The length of the values by which Park takes rows out of an index of text or bytes.
inline constexpr std::int64_t kParkedBytes = 36;

// Keeps its statements. Refers to all it is made from.
// Thread-compatible. Every call is inside of a transaction, which the caller ends.
class TableWriter {
 public:
  using Records = ModelChanges::Records;

  // Prepare comes next.
  TableWriter(Database* database, const Schema* schema, const Mapping* mapping, int table);

  // Prepares what writes single rows, so that what will never do shows before anything depends on
  // it. Statements of many rows, the same but for their length, are prepared when first used.
  absl::Status Prepare();

  // Each row has to be there, else somebody else changed the table: DATA_LOSS.
  absl::Status Delete(absl::Span<const KeyView> keys);
  // Takes rows out of the unique indexes, by values that mean nothing, until Update gives them
  // theirs. The values are chosen at random: should one be in use, the database refuses it, and the
  // next attempt takes others.
  absl::Status Park(const Records& records);
  // Sets the columns that are in no index; or all, but for the key.
  absl::Status UpdatePlain(const Records& records);
  absl::Status Update(const Records& records);
  absl::Status Insert(const Records& records);

 private:
  absl::Status UpdateColumns(const std::vector<int>& columns, const Records& records,
                             Statement* statement);
  absl::Status InsertRows(absl::Span<const google::protobuf::Message* const> records,
                          Statement* statement);
  absl::Status RunOnOneRow(Statement* statement, const google::protobuf::Message& record);
  int BindKey(const google::protobuf::Message& record, int parameter, Statement* statement);
  std::string UpdateSql(const std::vector<int>& columns) const;  // Empty if there are none.
  std::string InsertSql(int rows) const;
  std::string WhereKey() const;
  // Prepares it, unless it is empty.
  absl::Status Keep(const std::string& sql, Statement* statement);

  Database* const database_;
  const Schema* const schema_;
  const Table& table_;
  const int most_rows_;  // In one INSERT; a power of two.

  std::unique_ptr<google::protobuf::Message> key_holder_;
  Scratch scratch_;
  Statement delete_;
  Statement park_;
  Statement update_plain_;
  Statement update_;
  std::vector<Statement> inserts_;  // [i] inserts 2^i rows.
};

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_TABLE_WRITER_H_
