// Values of records to and from SQLite.
#ifndef KIN_PERSISTENCE_SQLITE_CODEC_H_
#define KIN_PERSISTENCE_SQLITE_CODEC_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/overlay.h"
#include "kin/persistence/sqlite/database.h"
#include "kin/store/field_value.h"

namespace kin::persistence::sqlite {

// Values made for a statement, which refers to them until it has run.
struct Scratch {
  std::deque<std::string> values;  // A deque, since their addresses must stay.
  JsonFingerprints fingerprints;   // Of the record whose columns are being bound.
};

// Binds the value of one column of a record; the last column of a record last. What the record
// itself holds is not copied: it, and `scratch`, must outlive the statement's run.
void BindColumn(const Table& table, const Column& column, const google::protobuf::Message& record,
                int parameter, Statement* statement, Scratch* scratch);

// Fills `record`, which is empty, from a row that has all columns of the table in their order. On
// error: what is wrong with the value of column number `*bad_column`, without saying where it is.
//
// `*stale` becomes true if the row would be another, were the record written: a program wrote it
// that did not know some field, or JSON text was edited.
//
// `setters`: for each column what sets its field, null where reflection has to; empty for none.
absl::Status ReadRow(const Table& table, absl::Span<const SetField> setters, const Statement& row,
                     google::protobuf::Message* record, int* bad_column, bool* stale);

// Bytes that the value takes in a row, at most.
std::int64_t SizeOfColumn(const Table& table, const Column& column,
                          const google::protobuf::Message& record);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_CODEC_H_
