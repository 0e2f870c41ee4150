#include "kin/persistence/evolution/type_change.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;

// What integers a column may hold. A uint64 is in two's complement; `high`: also from 2^63 on.
struct Range {
  std::int64_t least = 0;
  std::int64_t greatest = 0;
  bool high = false;
};

bool IsInteger(Encoding encoding) {
  switch (encoding) {
    case Encoding::kInt32:
    case Encoding::kInt64:
    case Encoding::kUint32:
    case Encoding::kUint64:
    case Encoding::kBool:
    case Encoding::kEnum:
      return true;
    default:
      return false;
  }
}

Range RangeOf(Encoding encoding) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  switch (encoding) {
    case Encoding::kInt64:
      return {std::numeric_limits<std::int64_t>::min(), kMost, false};
    case Encoding::kUint32:
      return {0, std::numeric_limits<std::uint32_t>::max(), false};
    case Encoding::kUint64:
      return {0, kMost, true};
    case Encoding::kBool:
      return {0, 1, false};
    default:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max(),
              false};
  }
}

TypeChange Other(std::string detail = "") {
  TypeChange change;
  change.kind = TypeChange::Kind::kOther;
  change.detail = std::move(detail);
  return change;
}

TypeChange CompareIntegers(Encoding from, Encoding to) {
  TypeChange change;
  if (from == to) return change;
  // A number has no meaning as another type's name for it, nor has any but 0 and 1 as a bool.
  if (to == Encoding::kEnum || to == Encoding::kBool) return Other();
  const Range old_range = RangeOf(from), new_range = RangeOf(to);
  const bool fits = new_range.least <= old_range.least &&
                    new_range.greatest >= old_range.greatest && (new_range.high || !old_range.high);
  change.kind = fits ? TypeChange::Kind::kWider : TypeChange::Kind::kNarrower;
  change.least = std::max(old_range.least, new_range.least);
  change.greatest = std::min(old_range.greatest, new_range.greatest);
  return change;
}

// How values lie on the wire, so that what one type wrote the other reads as the same value.
bool SameScalarOnWire(FieldDescriptor::Type from, FieldDescriptor::Type to) {
  if (from == to) return true;
  switch (from) {
    case FieldDescriptor::TYPE_BOOL:
    case FieldDescriptor::TYPE_UINT32:
      return (to == FieldDescriptor::TYPE_UINT32 && from == FieldDescriptor::TYPE_BOOL) ||
             (to == FieldDescriptor::TYPE_INT32 && from == FieldDescriptor::TYPE_BOOL) ||
             to == FieldDescriptor::TYPE_UINT64 || to == FieldDescriptor::TYPE_INT64;
    case FieldDescriptor::TYPE_ENUM:
      return to == FieldDescriptor::TYPE_INT32 || to == FieldDescriptor::TYPE_INT64;
    case FieldDescriptor::TYPE_INT32:
      return to == FieldDescriptor::TYPE_INT64;
    case FieldDescriptor::TYPE_SINT32:
      return to == FieldDescriptor::TYPE_SINT64;
    case FieldDescriptor::TYPE_STRING:
      return to == FieldDescriptor::TYPE_BYTES;
    default:
      return false;
  }
}

// Finds what in a message type would be read as something else. Types that contain each other are
// compared once.
class WireComparison {
 public:
  std::string Fields(const FieldDescriptor& from, const FieldDescriptor& to) {
    const std::string name = from.full_name();
    if (from.is_repeated() && !to.is_repeated()) {
      return absl::StrCat(name, " is repeated, and no longer is");
    }
    const bool was_message = from.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (was_message && from.type() == to.type()) {
      return Messages(*from.message_type(), *to.message_type());
    }
    if (!was_message && SameScalarOnWire(from.type(), to.type())) return "";
    return absl::StrCat(name, " was ", TypeName(from), " and is ", TypeName(to));
  }

  std::string Messages(const Descriptor& from, const Descriptor& to) {
    if (!seen_.insert({&from, &to}).second) return "";
    for (int i = 0; i < from.field_count(); ++i) {
      const FieldDescriptor& old_field = *from.field(i);
      const FieldDescriptor* new_field = to.FindFieldByNumber(old_field.number());
      if (new_field == nullptr) continue;  // Becomes an unknown field, and stays.
      std::string difference = Fields(old_field, *new_field);
      if (!difference.empty()) return difference;
    }
    for (int i = 0; i < to.real_oneof_decl_count(); ++i) {
      std::string difference = Oneof(from, *to.oneof_decl(i));
      if (!difference.empty()) return difference;
    }
    return "";
  }

 private:
  // Fields that could be set together, and no longer can.
  std::string Oneof(const Descriptor& from, const OneofDescriptor& to) {
    const FieldDescriptor* first = nullptr;
    for (int i = 0; i < to.field_count(); ++i) {
      const FieldDescriptor* arm = from.FindFieldByNumber(to.field(i)->number());
      if (arm == nullptr) continue;
      if (first == nullptr) {
        first = arm;
      } else if (arm->real_containing_oneof() == nullptr ||
                 arm->real_containing_oneof() != first->real_containing_oneof()) {
        return absl::StrCat(first->full_name(), " and ", arm->full_name(),
                            " exclude each other now");
      }
    }
    return "";
  }

  std::set<std::pair<const Descriptor*, const Descriptor*>> seen_;
};

bool IsSerialized(Encoding encoding) {
  return encoding == Encoding::kMessage || encoding == Encoding::kRepeated;
}

// `same`: what it is if both read the same bytes alike.
TypeChange CompareSerialized(const Column& from, const Column& to,
                             TypeChange::Kind same = TypeChange::Kind::kSame) {
  TypeChange change;
  change.kind = same;
  if (from.field == nullptr || to.field == nullptr) return change;
  std::string difference = WireComparison().Fields(*from.field, *to.field);
  return difference.empty() ? change : Other(std::move(difference));
}

}  // namespace

TypeChange CompareTypes(const Column& from, const Column& to) {
  if (IsInteger(from.encoding) && IsInteger(to.encoding)) {
    return CompareIntegers(from.encoding, to.encoding);
  }
  TypeChange wider;
  wider.kind = TypeChange::Kind::kWider;
  if (from.encoding == Encoding::kText && to.encoding == Encoding::kBytes) return wider;
  if (from.encoding == Encoding::kFloat && to.encoding == Encoding::kDouble) {
    wider.nan_bits = NanBits::kWiden;
    return wider;
  }
  if (from.encoding == Encoding::kDouble && to.encoding == Encoding::kFloat) {
    TypeChange narrower;
    narrower.kind = TypeChange::Kind::kNarrower;
    narrower.nan_bits = NanBits::kNarrow;
    return narrower;
  }
  if (IsSerialized(from.encoding) && to.encoding == Encoding::kJson) {
    return CompareSerialized(from, to, TypeChange::Kind::kToJson);
  }
  if (from.encoding == Encoding::kJson && IsSerialized(to.encoding)) {
    return CompareSerialized(from, to, TypeChange::Kind::kFromJson);
  }
  if (from.encoding != to.encoding) return Other();
  switch (from.encoding) {
    case Encoding::kFloat:
    case Encoding::kDouble:
    case Encoding::kText:
    case Encoding::kBytes:
    case Encoding::kTimestamp:
    case Encoding::kDuration:
      return TypeChange();
    default:
      return CompareSerialized(from, to);
  }
}

std::string TypeName(const FieldDescriptor& field) {
  if (field.is_map()) {
    return absl::StrCat("map<", TypeName(*field.message_type()->map_key()), ", ",
                        TypeName(*field.message_type()->map_value()), ">");
  }
  std::string type = field.type_name();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    type = field.message_type()->full_name();
  } else if (field.type() == FieldDescriptor::TYPE_ENUM) {
    type = field.enum_type()->full_name();
  }
  return field.is_repeated() ? absl::StrCat("repeated ", type) : type;
}

}  // namespace kin::persistence
