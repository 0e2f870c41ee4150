#include "kin/store/internal/utf8.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// The length of the sequence at `at`, which is not ASCII; 0 if it is not a valid one.
int SequenceLength(const unsigned char* at, std::size_t left) {
  const unsigned char lead = at[0];
  int length;
  unsigned char low = 0x80;  // Bounds of the second byte.
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (left < static_cast<std::size_t>(length) || at[1] < low || at[1] > high) return 0;
  for (int i = 2; i < length; ++i) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  return length;
}

// Dotted path of the invalid field in `record`, if any.
std::string FindIn(const Message& record, const FieldDescriptor& field);

std::string FindInNested(const Message& nested, const FieldDescriptor& field) {
  const std::string inner = FindInvalidUtf8(nested);
  return inner.empty() ? "" : absl::StrCat(field.name(), ".", inner);
}

std::string FindIn(const Message& record, const FieldDescriptor& field) {
  const google::protobuf::Reflection& reflection = *record.GetReflection();
  const bool text = field.type() == FieldDescriptor::TYPE_STRING;
  if (!text && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return "";
  std::string unused;
  if (field.is_repeated()) {
    const int size = reflection.FieldSize(record, &field);
    for (int i = 0; i < size; ++i) {
      std::string found;
      if (!text) {
        found = FindInNested(reflection.GetRepeatedMessage(record, &field, i), field);
      } else if (!IsUtf8(reflection.GetRepeatedStringReference(record, &field, i, &unused))) {
        found = field.name();
      }
      if (!found.empty()) return found;
    }
    return "";
  }
  if (text) {
    return IsUtf8(reflection.GetStringReference(record, &field, &unused)) ? "" : field.name();
  }
  if (!reflection.HasField(record, &field)) return "";
  return FindInNested(reflection.GetMessage(record, &field), field);
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t left = text.size();
  while (left > 0) {
    if (left >= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        at += 8;
        left -= 8;
        continue;
      }
    }
    const int length = *at < 0x80 ? 1 : SequenceLength(at, left);
    if (length == 0) return false;
    at += length;
    left -= length;
  }
  return true;
}

std::string FindInvalidUtf8(const Message& record) {
  const google::protobuf::Descriptor& descriptor = *record.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    std::string found = FindIn(record, *descriptor.field(i));
    if (!found.empty()) return found;
  }
  std::vector<const FieldDescriptor*> extensions;
  if (descriptor.extension_range_count() > 0) {
    record.GetReflection()->ListFields(record, &extensions);
  }
  for (const FieldDescriptor* field : extensions) {
    if (!field->is_extension()) continue;
    std::string found = FindIn(record, *field);
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace kin::internal
