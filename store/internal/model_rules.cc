#include "kin/store/internal/model_rules.h"

#include <cstdint>
#include <limits>

#include "google/protobuf/descriptor.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/internal/read_field.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsMessage(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

// A google.protobuf.Timestamp of any descriptor pool, or microseconds.
void SetTime(absl::Time time, const FieldDescriptor& field, Message* record) {
  const Reflection& reflection = *record->GetReflection();
  if (!IsMessage(field)) {
    return reflection.SetInt64(record, &field, absl::ToUnixMicros(time));
  }
  constexpr int kSeconds = 1;
  constexpr int kNanos = 2;
  Message* timestamp = reflection.MutableMessage(record, &field);
  const google::protobuf::Descriptor& type = *timestamp->GetDescriptor();
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  const auto nanos = absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds));
  timestamp->GetReflection()->SetInt64(timestamp, type.FindFieldByNumber(kSeconds), seconds);
  timestamp->GetReflection()->SetInt32(timestamp, type.FindFieldByNumber(kNanos),
                                       static_cast<std::int32_t>(nanos));
}

// Whether the program has given a time: 0 microseconds without presence is none.
bool HasTime(const FieldDescriptor& field, const Message& record) {
  return record.GetReflection()->HasField(record, &field);
}

void CopyTime(const Message& from, const FieldDescriptor& field, Message* to) {
  const Reflection& reflection = *from.GetReflection();
  if (!reflection.HasField(from, &field)) {
    to->GetReflection()->ClearField(to, &field);
  } else if (IsMessage(field)) {
    to->GetReflection()->MutableMessage(to, &field)->CopyFrom(reflection.GetMessage(from, &field));
  } else {
    to->GetReflection()->SetInt64(to, &field, reflection.GetInt64(from, &field));
  }
}

std::uint64_t ReadCounter(const Message& record, const FieldDescriptor& field) {
  KeyPart part;
  if (!ReadField(record, field, &part)) return 0;
  const bool is_unsigned = field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32 ||
                           field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64;
  return is_unsigned ? part.number : static_cast<std::uint64_t>(UnbiasInteger(part.number));
}

// `value` is in two's complement, and one more than what the field has held, or 1. False if the
// field cannot hold it.
bool SetCounter(std::uint64_t value, const FieldDescriptor& field, Message* record) {
  const Reflection& reflection = *record->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      if (static_cast<std::int64_t>(value) > std::numeric_limits<std::int32_t>::max()) return false;
      reflection.SetInt32(record, &field, static_cast<std::int32_t>(value));
      return true;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (value > std::numeric_limits<std::uint32_t>::max()) return false;
      reflection.SetUInt32(record, &field, static_cast<std::uint32_t>(value));
      return true;
    case FieldDescriptor::CPPTYPE_INT64:
      if (value == std::uint64_t{1} << 63) return false;
      reflection.SetInt64(record, &field, static_cast<std::int64_t>(value));
      return true;
    default:
      if (value == 0) return false;
      reflection.SetUInt64(record, &field, value);
      return true;
  }
}

}  // namespace

void ModelRules::StampInsert(absl::Time now, Message* record) const {
  for (const FieldDescriptor* field : {model_.created_at, model_.updated_at}) {
    if (field != nullptr && !HasTime(*field, *record)) SetTime(now, *field, record);
  }
  if (model_.lock_version != nullptr && LockVersion(*record) == 0) {
    SetCounter(1, *model_.lock_version, record);
  }
}

bool ModelRules::StampUpdate(absl::Time now, const Message& before, Message* record) const {
  if (model_.created_at != nullptr) CopyTime(before, *model_.created_at, record);
  if (model_.updated_at != nullptr) SetTime(now, *model_.updated_at, record);
  return model_.lock_version == nullptr ||
         SetCounter(LockVersion(before) + 1, *model_.lock_version, record);
}

std::uint64_t ModelRules::LockVersion(const Message& record) const {
  return model_.lock_version == nullptr ? 0 : ReadCounter(record, *model_.lock_version);
}

void ModelRules::AddHook(const Hooks::Entry& hook) {
  has_hooks_ = true;
  switch (hook.when) {
    case Hooks::When::kBefore:
      before_[hook.kind].push_back(hook.hook);
      return;
    case Hooks::When::kAfter:
      after_[hook.kind].push_back(hook.hook);
      return;
    case Hooks::When::kValidate:
      validators_.push_back(hook.hook);
      return;
  }
}

}  // namespace kin::internal
