// A value on its way into a field.
#ifndef KIN_STORE_FIELD_VALUE_H_
#define KIN_STORE_FIELD_VALUE_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace kin {

// Of the members, the one that the field's type asks for.
struct FieldValue {
  std::int64_t integer = 0;  // Of every integer type, bool and enum; that of a uint64 by its bits.
  double real = 0;           // Of float and double.
  absl::string_view bytes;   // Of string and bytes; copied into the field.
};

// Sets one field of a message of one class, as its generated setter does. A value that the field's
// type cannot hold is cut to its size: to be checked before.
using SetField = void (*)(google::protobuf::Message* record, const FieldValue& value);

}  // namespace kin

#endif  // KIN_STORE_FIELD_VALUE_H_
