#include "kin/persistence/evolution/type_change.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::persistence {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
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

std::string LastOf(const std::string& name) { return name.substr(name.rfind('.') + 1); }

// "t.Point.x (field 1)".
std::string Numbered(const FieldDescriptor& field) {
  return absl::StrCat(field.full_name(), " (field ", field.number(), ")");
}

// The message type of a field's values; of a map, that of its values; null if they are scalars.
const Descriptor* ValueTypeOf(const FieldDescriptor& field) {
  return field.is_map() ? field.message_type()->map_value()->message_type() : field.message_type();
}

// Finds what in a field's type would be read as something else, and collects what only may be.
// Types that contain each other are compared once.
class WireComparison {
 public:
  std::string Fields(const FieldDescriptor& from, const FieldDescriptor& to) {
    const std::string name = from.full_name();
    if (from.is_repeated() && !to.is_repeated()) {
      return absl::StrCat(name, " is repeated, and no longer is");
    }
    if (to.is_map() && !from.is_map()) {
      return absl::StrCat(name, " is a list, and becomes a map, which has each key once");
    }
    const bool was_message = from.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (was_message && from.type() == to.type()) {
      Purpose(from, to);
      return Messages(*from.message_type(), *to.message_type());
    }
    if (!was_message && SameScalarOnWire(from.type(), to.type())) {
      if (from.type() == to.type() && from.type() == FieldDescriptor::TYPE_ENUM) Enums(from, to);
      return "";
    }
    return absl::StrCat(name, " was ", TypeName(from), " and is ", TypeName(to));
  }

  std::vector<InnerChange> inner() && { return std::move(inner_); }

 private:
  std::string Messages(const Descriptor& from, const Descriptor& to) {
    if (!seen_.insert({&from, &to}).second) return "";
    for (int i = 0; i < from.field_count(); ++i) {
      const FieldDescriptor& old_field = *from.field(i);
      const FieldDescriptor* new_field = to.FindFieldByNumber(old_field.number());
      if (new_field == nullptr) {
        Gone(old_field, to);
        continue;
      }
      std::string difference = Fields(old_field, *new_field);
      if (!difference.empty()) return difference;
      Presence(old_field, *new_field);
    }
    for (int i = 0; i < to.field_count(); ++i) {
      if (from.IsReservedNumber(to.field(i)->number())) Reused(*to.field(i));
    }
    for (int i = 0; i < to.real_oneof_decl_count(); ++i) {
      const auto [first, second] = SetTogether(*to.oneof_decl(i), from);
      if (second == nullptr) continue;
      return absl::StrCat(first->full_name(), " and ", second->full_name(),
                          " exclude each other now");
    }
    for (int i = 0; i < from.real_oneof_decl_count(); ++i) {
      const auto [first, second] = SetTogether(*from.oneof_decl(i), to);
      if (second == nullptr) continue;
      inner_.push_back({{first->full_name(), second->full_name()},
                        absl::StrCat(first->full_name(), " and ", second->full_name(),
                                     " no longer exclude each other")});
    }
    return "";
  }

  // Two fields of `other` that have numbers of `oneof` and can be set together; null: there are
  // none.
  static std::pair<const FieldDescriptor*, const FieldDescriptor*> SetTogether(
      const OneofDescriptor& oneof, const Descriptor& other) {
    const FieldDescriptor* first = nullptr;
    for (int i = 0; i < oneof.field_count(); ++i) {
      const FieldDescriptor* arm = other.FindFieldByNumber(oneof.field(i)->number());
      if (arm == nullptr) continue;
      if (first == nullptr) {
        first = arm;
      } else if (arm->real_containing_oneof() == nullptr ||
                 arm->real_containing_oneof() != first->real_containing_oneof()) {
        return {first, arm};
      }
    }
    return {nullptr, nullptr};
  }

  void Doubt(const FieldDescriptor& from, const FieldDescriptor& to, std::string change,
             const std::string& why) {
    inner_.push_back({{to.full_name(), from.full_name()},
                      absl::StrCat(Numbered(to), ": ", change),
                      absl::StrCat(why, ". If that is meant, put \"", to.full_name(),
                                   "\" into MigrateOptions::allow")});
  }

  void Presence(const FieldDescriptor& from, const FieldDescriptor& to) {
    if (!from.has_presence() || to.has_presence() || to.is_repeated()) return;
    Doubt(from, to, "always has a value",
          "a value that is absent, and one that is the default, would be the same from the next "
          "time on that the record is written");
  }

  // Becomes an unknown field, and stays, until the number is used again.
  void Gone(const FieldDescriptor& field, const Descriptor& to) {
    if (to.IsReservedNumber(field.number())) return;
    std::vector<std::string> names = {field.full_name()};
    if (to.full_name() != field.containing_type()->full_name()) {
      names.push_back(absl::StrCat(to.full_name(), ".", field.name()));
    }
    std::string doubt = absl::StrCat(
        "another field that gets this number would read what it left. Write `reserved ",
        field.number(), ";` into ", to.full_name(), ", or put \"", names[0],
        "\" into MigrateOptions::allow; both keep what is stored as unknown fields");
    inner_.push_back({std::move(names), absl::StrCat(Numbered(field), ": gone"), std::move(doubt)});
  }

  void Reused(const FieldDescriptor& field) {
    inner_.push_back(
        {{field.full_name()},
         absl::StrCat(Numbered(field), ": new, under a number that was reserved"),
         absl::StrCat("what a former field left under this number would be read as it. Give it a "
                      "number that was never used; or, if it is that field, which comes back as it "
                      "was, put \"",
                      field.full_name(), "\" into MigrateOptions::allow")});
  }

  // An enum of another name may say the same with other words, or something else.
  void Enums(const FieldDescriptor& from, const FieldDescriptor& to) {
    const EnumDescriptor& old_type = *from.enum_type();
    const EnumDescriptor& new_type = *to.enum_type();
    if (old_type.full_name() == new_type.full_name()) return;
    for (int i = 0; i < old_type.value_count(); ++i) {
      const auto& value = *old_type.value(i);
      const auto* named = new_type.FindValueByName(value.name());
      if (named != nullptr && named->number() == value.number()) continue;
      const auto* now = new_type.FindValueByNumber(value.number());
      Doubt(from, to, absl::StrCat(old_type.full_name(), " becomes ", new_type.full_name()),
            absl::StrCat(value.name(), ", which is ", value.number(), ", would be ",
                         now == nullptr ? "a number without a name" : now->name()));
      return;
    }
  }

  // A message of another name, in a field of another name.
  void Purpose(const FieldDescriptor& from, const FieldDescriptor& to) {
    const Descriptor* old_type = ValueTypeOf(from);
    const Descriptor* new_type = ValueTypeOf(to);
    if (old_type == nullptr || new_type == nullptr || from.name() == to.name() ||
        LastOf(old_type->full_name()) == LastOf(new_type->full_name())) {
      return;
    }
    Doubt(from, to,
          absl::StrCat("was ", from.name(), ", a ", old_type->full_name(), ", and is a ",
                       new_type->full_name()),
          "the number seems to be used again, for something else");
  }

  std::set<std::pair<const Descriptor*, const Descriptor*>> seen_;
  std::vector<InnerChange> inner_;
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
  WireComparison comparison;
  std::string difference = comparison.Fields(*from.field, *to.field);
  if (!difference.empty()) return Other(std::move(difference));
  change.inner = std::move(comparison).inner();
  return change;
}

}  // namespace

TypeChange CompareTypes(const Column& from, const Column& to) {
  if (from.encoding == Encoding::kEnum && to.encoding == Encoding::kEnum) {
    return CompareSerialized(from, to);
  }
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
