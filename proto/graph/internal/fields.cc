// Keys, and what is said of single fields.
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/proto/graph/graph.h"
#include "kin/proto/graph/internal/builder.h"
#include "kin/proto/graph/internal/lookup.h"
#include "kin/proto/graph/internal/position.h"

namespace kin::graph::internal {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FieldDescriptor;

constexpr absl::string_view kKeyTypes = "a key is of integers, string or bytes";

bool Contains(const FieldList& fields, const FieldDescriptor* field) {
  for (const FieldDescriptor* each : fields) {
    if (each == field) return true;
  }
  return false;
}

// Whether a message is one value for SQL: a time, a duration, or a wrapper of a scalar.
bool HasColumnOfOneValue(const Descriptor& message) {
  const Descriptor::WellKnownType type = message.well_known_type();
  return type == Descriptor::WELLKNOWNTYPE_TIMESTAMP ||
         type == Descriptor::WELLKNOWNTYPE_DURATION ||
         (type >= Descriptor::WELLKNOWNTYPE_DOUBLEVALUE &&
          type <= Descriptor::WELLKNOWNTYPE_BOOLVALUE);
}

// How to declare a field so that it has no presence.
std::string WithoutPresence(const FieldDescriptor& field) {
  if (field.real_containing_oneof() != nullptr) {
    return absl::StrCat("move it out of the oneof \"", field.real_containing_oneof()->name(), "\"");
  }
  const bool proto2 = field.file()->syntax() == google::protobuf::FileDescriptor::SYNTAX_PROTO2;
  return absl::StrCat("write \"", proto2 ? "required " : "", field.type_name(), " ", field.name(),
                      " = ", field.number(), "\"");
}

}  // namespace

std::optional<FieldList> Builder::FindFields(
    const google::protobuf::RepeatedPtrField<std::string>& names, const Descriptor& message,
    absl::FunctionRef<Position(int)> position, absl::string_view what) {
  FieldList fields;
  bool sound = true;
  for (int i = 0; i < names.size(); ++i) {
    const std::string& name = names[i];
    const FieldDescriptor* field = message.FindFieldByName(name);
    if (field == nullptr) {
      Report(position(i), absl::StrCat(what, ": ", message.full_name(), " has no field \"", name,
                                       "\"", DidYouMean(name, FieldNames(message))));
      sound = false;
    } else if (Contains(fields, field)) {
      Report(position(i), absl::StrCat(what, " names the field \"", name, "\" twice; remove one"));
      sound = false;
    } else {
      fields.push_back(field);
    }
  }
  if (fields.size() > kMaxKeyParts) {
    Report(position(kMaxKeyParts), absl::StrCat(what, " has ", fields.size(),
                                                " fields, and may have at most ", kMaxKeyParts));
    sound = false;
  }
  if (!sound) return std::nullopt;
  return fields;
}

const FieldDescriptor* Builder::DefaultKey(ModelState& state) {
  const FieldDescriptor* id = state.descriptor().FindFieldByName("id");
  if (id == nullptr) {
    Report(internal::PositionOf(state.descriptor()),
           absl::StrCat(
               "the model ", state.model->name,
               " has no key; write a field \"int64 id\", or name the fields of the key: "
               "primary_key: [\"",
               state.descriptor().field_count() > 0 ? state.descriptor().field(0)->name() : "…",
               "\"]"));
  }
  return id;
}

bool Builder::CheckKeyPart(ModelState& state, const FieldDescriptor& field) {
  if (!CanBeKey(field)) {
    Report(PositionOfType(field),
           absl::StrCat("\"", field.name(), "\" is ", TypeText(field),
                        " and cannot be in the key of ", state.model->name, "; ", kKeyTypes));
    return false;
  }
  if (HasPresence(field)) {
    Report(PositionOfLabel(field),
           absl::StrCat("\"", field.name(), "\" is in the key of ", state.model->name,
                        " and so cannot be absent; ", WithoutPresence(field)));
    return false;
  }
  return true;
}

void Builder::ResolveKey(ModelState& state) {
  Model& model = *state.model;
  FieldList key;
  if (state.options.primary_key().empty()) {
    const FieldDescriptor* id = DefaultKey(state);
    if (id == nullptr) return;
    key.push_back(id);
  } else {
    std::optional<FieldList> found = FindFields(
        state.options.primary_key(), state.descriptor(),
        [&state](int part) {
          return PositionIn(state.descriptor(), {ModelOptions::kPrimaryKeyFieldNumber, part});
        },
        "primary_key");
    if (!found.has_value()) return;
    key = *std::move(found);
  }
  state.has_key = true;
  for (const FieldDescriptor* field : key) {
    if (!CheckKeyPart(state, *field)) state.has_key = false;
  }
  if (!state.has_key) return;
  model.primary_key = key;
  const FieldDescriptor& first = *key.front();
  if (key.size() > 1) return;
  model.allocates_id =
      first.name() == "id" && (first.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
                               first.cpp_type() == FieldDescriptor::CPPTYPE_UINT64);
  model.uuid = state.fields[first.index()].uuid();
}

void Builder::CheckFields(ModelState& state) {
  for (int i = 0; i < state.descriptor().field_count(); ++i) {
    CheckField(state, *state.descriptor().field(i), state.fields[i]);
  }
}

void Builder::CheckField(ModelState& state, const FieldDescriptor& field,
                         const FieldOptions& options) {
  const auto report = [&](int option, absl::string_view message) {
    Report(PositionIn(field, {option}), absl::StrCat("\"", field.name(), "\" ", message));
  };
  const std::string is = absl::StrCat("is ", TypeText(field));
  const struct {
    bool asked;
    int number;
    absl::string_view text;
  } kinds[] = {{options.unique(), FieldOptions::kUniqueFieldNumber, "unique"},
               {options.ordered(), FieldOptions::kOrderedFieldNumber, "ordered"},
               {options.indexed(), FieldOptions::kIndexedFieldNumber, "indexed"}};
  for (const auto& kind : kinds) {
    if (kind.asked && !CanBeIndexed(field)) {
      report(kind.number,
             absl::StrCat(is, " and cannot be ", kind.text,
                          "; an index is of integers, bool, enum, float, double, string "
                          "or bytes"));
    }
  }
  const bool floating = field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE ||
                        field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT;
  if (options.unique() && floating && !field.is_repeated()) {
    report(FieldOptions::kUniqueFieldNumber,
           absl::StrCat(is,
                        " and cannot be unique, since a NaN equals nothing, not even itself; use "
                        "an integer or a string"));
  }
  if (options.json()) CheckJson(field);
  if (options.uuid()) {
    const bool text = !field.is_repeated() && field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const bool is_key = state.model->primary_key == FieldList{&field};
    if (!text) {
      report(FieldOptions::kUuidFieldNumber,
             absl::StrCat(is, " and cannot be a uuid; write \"string ", field.name(),
                          "\" or \"bytes ", field.name(), "\""));
    } else if (!is_key && state.has_key) {
      report(FieldOptions::kUuidFieldNumber,
             absl::StrCat(
                 "is not the key of ", state.model->name,
                 ", and only a key is filled with a uuid; remove uuid, or write primary_key: [\"",
                 field.name(), "\"]"));
    }
  }
}

void Builder::CheckJson(const FieldDescriptor& field) {
  const auto report = [&](absl::string_view message) {
    Report(PositionIn(field, {FieldOptions::kJsonFieldNumber}),
           absl::StrCat("\"", field.name(), "\" is ", TypeText(field), message));
  };
  if (field.is_repeated()) return;
  if (field.message_type() == nullptr) {
    report(" and cannot be json, which is for messages, repeated fields and maps; remove json");
  } else if (HasColumnOfOneValue(*field.message_type())) {
    report(
        ", whose column holds a value that SQL can read already, and cannot be json; remove "
        "json");
  }
}

}  // namespace kin::graph::internal
