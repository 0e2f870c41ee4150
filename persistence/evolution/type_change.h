// What becomes of the values of a column when its field's type changes.
#ifndef KIN_PERSISTENCE_EVOLUTION_TYPE_CHANGE_H_
#define KIN_PERSISTENCE_EVOLUTION_TYPE_CHANGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kin/persistence/mapping.h"

namespace kin::persistence {

enum class NanBits { kStay, kWiden, kNarrow };

// What becomes of part of a value, whose bytes both types read alike.
struct InnerChange {
  std::vector<std::string> names;  // By which MigrateOptions::allow may have it: old and new.
  std::string change;
  std::string doubt;  // Why it may be another thing all the same, and what to do; empty: it is not.
};

struct TypeChange {
  enum class Kind {
    kSame,      // Every value stays what it is.
    kWider,     // So it does, and there is room for more.
    kNarrower,  // Values from `least` to `greatest`, as they are in the column, stay what they are;
                // of a double, those that a float can have.
    kToJson,    // The value stays, as JSON text from now on.
    kFromJson,  // And the other way round.
    kOther,     // Values would be lost, or mean something else.
  };
  Kind kind = Kind::kSame;
  std::int64_t least = 0;
  std::int64_t greatest = 0;
  // Between float and double the bits of a NaN are others.
  NanBits nan_bits = NanBits::kStay;
  // kOther of a message: what in it changed; else empty.
  std::string detail;
  // If it is not kOther, of enums and messages.
  std::vector<InnerChange> inner;
};

// Whether a value may be absent is another matter. Both may be the overlay.
TypeChange CompareTypes(const Column& from, const Column& to);

// "int64", "repeated string", "map<string, int32>".
std::string TypeName(const google::protobuf::FieldDescriptor& field);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_EVOLUTION_TYPE_CHANGE_H_
