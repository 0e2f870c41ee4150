// Values of records to and from SQLite.
#ifndef KIN_PERSISTENCE_SQLITE_CODEC_H_
#define KIN_PERSISTENCE_SQLITE_CODEC_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "kin/persistence/mapping.h"
#include "kin/persistence/sqlite/database.h"

namespace kin::persistence::sqlite {

// Values made for a statement, which refers to them until it has run.
// Addresses of elements must stay: hence a deque.
using Scratch = std::deque<std::string>;

// Binds the value of one column of a record. What the record itself holds is not copied: it, and
// `scratch`, must outlive the statement's run.
void BindColumn(const Table& table, const Column& column, const google::protobuf::Message& record,
                int parameter, Statement* statement, Scratch* scratch);

// Sets one field of a record, which has it unset, from a row. On error: what is wrong with the
// value, without saying where it is.
absl::Status ReadColumn(const Table& table, const Column& column, const Statement& row,
                        int position, google::protobuf::Message* record);

// Bytes that the value takes in a row, at most.
std::int64_t SizeOfColumn(const Table& table, const Column& column,
                          const google::protobuf::Message& record);

}  // namespace kin::persistence::sqlite

#endif  // KIN_PERSISTENCE_SQLITE_CODEC_H_
