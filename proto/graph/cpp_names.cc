#include "kin/proto/graph/cpp_names.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"

namespace kin::graph {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::EnumDescriptor;
using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::FileDescriptor;

// Those that protobuf escapes, and those of C++20 that only its later versions do: what an earlier
// version generates for them does not compile as C++20, so there is nothing to disagree with.
// Sorted.
constexpr absl::string_view kKeywords[] = {
    "NULL",         "alignas",   "alignof",       "and",
    "and_eq",       "asm",       "auto",          "bitand",
    "bitor",        "bool",      "break",         "case",
    "catch",        "char",      "char16_t",      "char32_t",
    "char8_t",      "class",     "co_await",      "co_return",
    "co_yield",     "compl",     "concept",       "const",
    "const_cast",   "consteval", "constexpr",     "constinit",
    "continue",     "decltype",  "default",       "delete",
    "do",           "double",    "dynamic_cast",  "else",
    "enum",         "explicit",  "export",        "extern",
    "false",        "float",     "for",           "friend",
    "goto",         "if",        "inline",        "int",
    "long",         "mutable",   "namespace",     "new",
    "noexcept",     "not",       "not_eq",        "nullptr",
    "operator",     "or",        "or_eq",         "private",
    "protected",    "public",    "register",      "reinterpret_cast",
    "requires",     "return",    "short",         "signed",
    "sizeof",       "static",    "static_assert", "static_cast",
    "struct",       "switch",    "template",      "this",
    "thread_local", "throw",     "true",          "try",
    "typedef",      "typeid",    "typename",      "union",
    "unsigned",     "using",     "virtual",       "void",
    "volatile",     "wchar_t",   "while",         "xor",
    "xor_eq",
};

static_assert(std::is_sorted(std::begin(kKeywords), std::end(kKeywords)));

}  // namespace

std::string CppIdentifier(absl::string_view name) {
  const bool keyword = std::binary_search(std::begin(kKeywords), std::end(kKeywords), name);
  return absl::StrCat(name, keyword ? "_" : "");
}

std::string FieldAccessor(const FieldDescriptor& field) {
  return CppIdentifier(absl::AsciiStrToLower(field.name()));
}

std::string FlatName(const Descriptor& message) {
  if (message.containing_type() == nullptr) return message.name();
  return absl::StrCat(FlatName(*message.containing_type()), "_", message.name());
}

std::string CppClass(const Descriptor& message) {
  if (message.containing_type() == nullptr) return CppIdentifier(message.name());
  return CppIdentifier(absl::StrCat(CppClass(*message.containing_type()), "_", message.name()));
}

std::string CppClass(const EnumDescriptor& type) {
  if (type.containing_type() == nullptr) return CppIdentifier(type.name());
  return absl::StrCat(CppClass(*type.containing_type()), "_", type.name());
}

std::string RefClass(const Descriptor& model) { return absl::StrCat(FlatName(model), "Ref"); }

std::string ModelClass(const Descriptor& model) { return absl::StrCat(FlatName(model), "Model"); }

std::string CppNamespace(const FileDescriptor& file) {
  if (file.package().empty()) return "";
  return absl::StrCat("::", absl::StrReplaceAll(file.package(), {{".", "::"}}));
}

}  // namespace kin::graph
