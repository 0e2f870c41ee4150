#include "kin/proto/graph/internal/lookup.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/graph.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::DescriptorPool;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

bool IsVisible(const FileDescriptor& from, const FileDescriptor* wanted) {
  if (&from == wanted) return true;
  for (int i = 0; i < from.dependency_count(); ++i) {
    const std::vector<const FileDescriptor*> files = PublicFiles(*from.dependency(i));
    if (std::find(files.begin(), files.end(), wanted) != files.end()) return true;
  }
  return false;
}

// Whether something that other names can be in is called so and visible. A package can be of many
// files; it is enough that one of them is visible.
bool IsVisibleScope(const FileDescriptor& from, const std::string& name) {
  const DescriptorPool& pool = *from.pool();
  if (const Descriptor* message = pool.FindMessageTypeByName(name)) {
    return IsVisible(from, message->file());
  }
  const auto in_package = [&name](const FileDescriptor& file) {
    return file.package() == name || absl::StartsWith(file.package(), name + ".");
  };
  if (in_package(from)) return true;
  for (int i = 0; i < from.dependency_count(); ++i) {
    if (in_package(*from.dependency(i))) return true;
  }
  return false;
}

// Levenshtein's distance.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

MessageLookup FindMessage(absl::string_view name, const Descriptor& scope) {
  MessageLookup result;
  const FileDescriptor& file = *scope.file();
  const DescriptorPool& pool = *file.pool();
  const auto try_name = [&](const std::string& full_name) {
    const Descriptor* message = pool.FindMessageTypeByName(full_name);
    if (message == nullptr) return false;
    const bool visible = IsVisible(file, message->file());
    if (visible) result.found = message;
    if (!visible && result.not_imported == nullptr) result.not_imported = message;
    return visible;
  };
  if (absl::ConsumePrefix(&name, ".")) {
    try_name(std::string(name));
    return result;
  }
  // Like protobuf: the innermost scope that has the first part of the name decides.
  const absl::string_view first_part = name.substr(0, name.find('.'));
  const bool dotted = first_part.size() < name.size();
  for (std::string prefix = scope.full_name();;) {
    const std::string dot = prefix.empty() ? "" : ".";
    if (try_name(absl::StrCat(prefix, dot, name))) return result;
    if (dotted && IsVisibleScope(file, absl::StrCat(prefix, dot, first_part))) return result;
    if (prefix.empty()) return result;
    const size_t last_dot = prefix.rfind('.');
    prefix.resize(last_dot == std::string::npos ? 0 : last_dot);
  }
}

std::string NameIn(const Descriptor& message, const Descriptor& scope) {
  absl::string_view name = message.full_name();
  const std::string& package = scope.file()->package();
  if (!package.empty() && absl::ConsumePrefix(&name, package)) absl::ConsumePrefix(&name, ".");
  if (FindMessage(name, scope).found == &message) return std::string(name);
  return absl::StrCat(name.size() == message.full_name().size() ? "" : ".", message.full_name());
}

std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(1, (name.size() + 1) / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance =
        EditDistance(absl::AsciiStrToLower(name), absl::AsciiStrToLower(candidate));
    if (distance >= best_distance || distance >= std::max(name.size(), candidate.size())) continue;
    best_distance = distance;
    best = &candidate;
  }
  return best == nullptr ? "" : absl::StrCat("; did you mean \"", *best, "\"?");
}

std::vector<std::string> FieldNames(const Descriptor& message) {
  std::vector<std::string> names;
  for (int i = 0; i < message.field_count(); ++i) names.push_back(message.field(i)->name());
  return names;
}

std::string Quoted(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) {
    const absl::string_view before = i == 0 ? "" : i + 1 == names.size() ? " and " : ", ";
    absl::StrAppend(&text, before, "\"", names[i], "\"");
  }
  return text;
}

std::string TypeText(const FieldDescriptor& field) {
  if (field.is_map()) return "map";
  std::string type = field.type_name();
  if (field.message_type() != nullptr) {
    absl::StrAppend(&type, " ", field.message_type()->full_name());
  } else if (field.enum_type() != nullptr) {
    absl::StrAppend(&type, " ", field.enum_type()->full_name());
  }
  return absl::StrCat(field.is_repeated() ? "repeated " : "", type);
}

bool CanBeKey(const FieldDescriptor& field) {
  if (field.is_repeated()) return false;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_STRING:
      return true;
    default:
      return false;
  }
}

bool CanBeIndexed(const FieldDescriptor& field) {
  return !field.is_repeated() && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE;
}

bool SameKeyType(const FieldDescriptor& a, const FieldDescriptor& b) {
  if (a.cpp_type() != b.cpp_type()) return false;
  return a.cpp_type() != FieldDescriptor::CPPTYPE_STRING || a.type() == b.type();
}

}  // namespace kin::graph::internal
