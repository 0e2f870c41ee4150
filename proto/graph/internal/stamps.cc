// The fields that the store fills in: created_at, updated_at and lock_version.
#include <algorithm>
#include <string>

#include "absl/container/flat_hash_set.h"
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

using ::google::protobuf::FieldDescriptor;

bool IsTime(const FieldDescriptor& field) {
  if (field.is_repeated()) return false;
  if (field.message_type() != nullptr) {
    return field.message_type()->full_name() == "google.protobuf.Timestamp";
  }
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
}

bool IsCounter(const FieldDescriptor& field) {
  return !field.is_repeated() && (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32 ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_UINT32 ||
                                  field.cpp_type() == FieldDescriptor::CPPTYPE_UINT64);
}

// Whether the key or a foreign key of the model's own options has the field.
bool IsKey(const FieldList& primary_key, const ModelOptions& model, const FieldDescriptor& field) {
  if (std::find(primary_key.begin(), primary_key.end(), &field) != primary_key.end()) return true;
  return std::any_of(model.belongs_to().begin(), model.belongs_to().end(),
                     [&field](const BelongsToOptions& options) {
                       return std::find(options.foreign_key().begin(), options.foreign_key().end(),
                                        field.name()) != options.foreign_key().end();
                     });
}

}  // namespace

bool Builder::CheckStamp(ModelState& state, const FieldDescriptor& field,
                         const FieldOptions& options, int option) {
  const std::string& name = FieldOptions::descriptor()->FindFieldByNumber(option)->name();
  const auto report = [&](const std::string& message) {
    Report(PositionIn(field, {option}), absl::StrCat("\"", field.name(), "\" ", message));
    return false;
  };
  const bool counter = option == FieldOptions::kLockVersionFieldNumber;
  if (counter ? !IsCounter(field) : !IsTime(field)) {
    return report(absl::StrCat(
        "is ", TypeText(field), " and cannot be ", name, "; write ",
        counter ? "\"int64 " : "\"google.protobuf.Timestamp ", field.name(), "\"",
        counter ? "" : absl::StrCat(", or \"int64 ", field.name(), "\" for microseconds")));
  }
  if (counter && HasPresence(field)) {
    return report(absl::StrCat("is ", name, " and cannot be absent; ",
                               field.real_containing_oneof() != nullptr ? "move it out of the oneof"
                                                                        : "remove \"optional\""));
  }
  if (field.real_containing_oneof() != nullptr) {
    return report(absl::StrCat("is in the oneof \"", field.real_containing_oneof()->name(),
                               "\" and cannot be ", name, "; move it out"));
  }
  if (options.has_belongs_to() || IsKey(state.model->primary_key, state.options, field)) {
    return report(absl::StrCat("is part of a key and cannot be ", name,
                               ", which the store changes; use another field"));
  }
  if (counter && options.unique()) {
    return report("is lock_version, which many records share, and cannot be unique; remove one");
  }
  return true;
}

void Builder::ResolveStamps(ModelState& state) {
  Model& model = *state.model;
  for (int i = 0; i < state.descriptor().field_count(); ++i) {
    const FieldDescriptor& field = *state.descriptor().field(i);
    const FieldOptions& options = state.fields[i];
    const struct {
      bool asked;
      int option;
      const FieldDescriptor** place;
    } stamps[] = {
        {options.created_at(), FieldOptions::kCreatedAtFieldNumber, &model.created_at},
        {options.updated_at(), FieldOptions::kUpdatedAtFieldNumber, &model.updated_at},
        {options.lock_version(), FieldOptions::kLockVersionFieldNumber, &model.lock_version}};
    int asked = 0;
    for (const auto& stamp : stamps) {
      if (!stamp.asked) continue;
      const std::string& name = FieldOptions::descriptor()->FindFieldByNumber(stamp.option)->name();
      if (++asked > 1) {
        Report(PositionIn(field, {stamp.option}),
               absl::StrCat("\"", field.name(), "\" cannot be ", name,
                            " and something else of the store's as well; use a field for each"));
        continue;
      }
      if (!CheckStamp(state, field, options, stamp.option)) continue;
      if (*stamp.place != nullptr) {
        Report(PositionIn(field, {stamp.option}),
               absl::StrCat("\"", field.name(), "\" cannot be ", name, ", since \"",
                            (*stamp.place)->name(), "\" of ", model.name, " is; remove one"));
        continue;
      }
      *stamp.place = &field;
    }
  }
}

// Once all foreign keys are known: what the store fills in is neither one, nor what one holds.
void Builder::CheckFilledInKeys() {
  absl::flat_hash_set<const FieldDescriptor*> seen;
  const auto check = [&](const Model& model, const FieldDescriptor* field) {
    const struct {
      const FieldDescriptor* place;
      int option;
    } stamps[] = {{model.created_at, FieldOptions::kCreatedAtFieldNumber},
                  {model.updated_at, FieldOptions::kUpdatedAtFieldNumber},
                  {model.lock_version, FieldOptions::kLockVersionFieldNumber}};
    for (const auto& stamp : stamps) {
      if (stamp.place != field || !seen.insert(field).second) continue;
      Report(PositionIn(*field, {stamp.option}),
             absl::StrCat("\"", field->name(), "\" is part of a key and cannot be ",
                          FieldOptions::descriptor()->FindFieldByNumber(stamp.option)->name(),
                          ", which the store changes; use another field"));
    }
  };
  for (const auto& key : graph_.foreign_keys) {
    for (const FieldDescriptor* field : key->fields) {
      check(*key->child, field);
      if (!key->child->uuid || field != key->child->primary_key[0] || !seen.insert(field).second) {
        continue;
      }
      Report(PositionIn(*field, {FieldOptions::kUuidFieldNumber}),
             absl::StrCat("\"", field->name(),
                          "\" is a foreign key, which its parent gives a value, and cannot be a "
                          "uuid; remove uuid"));
    }
    for (const FieldDescriptor* field : key->own_key) check(*key->parent, field);
  }
}

}  // namespace kin::graph::internal
