#include "kin/tests/testing/plain_model.h"

#include <cstdint>
#include <utility>

#include "google/protobuf/descriptor.h"

namespace kin::testing {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void AppendNumber(std::uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

void AppendField(const Message& record, const FieldDescriptor& field, std::string* out) {
  const Reflection& reflection = *record.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return AppendNumber(
          static_cast<std::uint64_t>(std::int64_t{reflection.GetInt32(record, &field)}) ^ kSign,
          out);
    case FieldDescriptor::CPPTYPE_INT64:
      return AppendNumber(static_cast<std::uint64_t>(reflection.GetInt64(record, &field)) ^ kSign,
                          out);
    case FieldDescriptor::CPPTYPE_UINT32:
      return AppendNumber(reflection.GetUInt32(record, &field), out);
    case FieldDescriptor::CPPTYPE_UINT64:
      return AppendNumber(reflection.GetUInt64(record, &field), out);
    default:
      for (char c : reflection.GetString(record, &field)) {
        out->push_back(c);
        if (c == '\0') out->push_back('\xff');
      }
      out->append(2, '\0');
  }
}

void CopyField(const Message& from, const FieldDescriptor& source, Message* to,
               const FieldDescriptor& target) {
  const Reflection& get = *from.GetReflection();
  const Reflection& set = *to->GetReflection();
  switch (source.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return set.SetInt32(to, &target, get.GetInt32(from, &source));
    case FieldDescriptor::CPPTYPE_INT64:
      return set.SetInt64(to, &target, get.GetInt64(from, &source));
    case FieldDescriptor::CPPTYPE_UINT32:
      return set.SetUInt32(to, &target, get.GetUInt32(from, &source));
    case FieldDescriptor::CPPTYPE_UINT64:
      return set.SetUInt64(to, &target, get.GetUInt64(from, &source));
    default:
      return set.SetString(to, &target, get.GetString(from, &source));
  }
}

void SetForeignKey(const graph::ForeignKey& key, const Message& parent, Message* child) {
  for (std::size_t i = 0; i < key.fields.size(); ++i) {
    CopyField(parent, *key.own_key[i], child, *key.fields[i]);
  }
}

PlainModel::Record Mutate(const Message& record, const auto& change) {
  std::shared_ptr<Message> copy(record.New());
  copy->CopyFrom(record);
  change(copy.get());
  return copy;
}

}  // namespace

std::optional<std::string> PlainModel::EncodeFields(const graph::FieldList& fields,
                                                    const Message& record) {
  std::string encoded;
  for (const FieldDescriptor* field : fields) {
    if (graph::HasPresence(*field) && !record.GetReflection()->HasField(record, field)) {
      return std::nullopt;
    }
    AppendField(record, *field, &encoded);
  }
  return encoded;
}

std::string PlainModel::KeyOf(const graph::Model& model, const Message& record) {
  return *EncodeFields(model.primary_key, record);
}

PlainModel::Record PlainModel::Copy(const Message& record) {
  return Mutate(record, [](Message*) {});
}

const PlainModel::Records& PlainModel::records(const graph::Model& model) const {
  static const Records& none = *new Records;
  auto it = models_.find(&model);
  return it == models_.end() ? none : it->second;
}

PlainModel::Records& PlainModel::writable(const graph::Model& model) {
  groups_.clear();
  return models_[&model];
}

PlainModel::Record PlainModel::Find(const graph::Model& model, const std::string& key) const {
  const Records& all = records(model);
  auto it = all.find(key);
  return it == all.end() ? nullptr : it->second;
}

PlainModel::Record PlainModel::FindBy(const graph::Model& model, const graph::Index& index,
                                      const std::string& key) const {
  for (const auto& [unused, record] : records(model)) {
    if (EncodeFields(index.fields, *record) == key) return record;
  }
  return nullptr;
}

const PlainModel::Groups& PlainModel::GroupsOf(const graph::ForeignKey& key) const {
  auto it = groups_.find(&key);
  if (it != groups_.end()) return it->second;
  Groups& groups = groups_[&key];
  for (const auto& [unused, child] : records(*key.child)) {
    if (auto value = EncodeFields(key.fields, *child)) groups[*value].push_back(child);
  }
  return groups;
}

std::vector<PlainModel::Record> PlainModel::ChildrenOf(const graph::ForeignKey& key,
                                                       const Message& parent) const {
  const auto value = EncodeFields(key.own_key, parent);
  if (!value) return {};
  const Groups& groups = GroupsOf(key);
  auto it = groups.find(*value);
  return it == groups.end() ? std::vector<Record>() : it->second;
}

PlainModel::Record PlainModel::ParentOf(const graph::ForeignKey& key, const Message& child) const {
  const auto value = EncodeFields(key.fields, child);
  if (!value) return nullptr;
  if (key.own_key == key.parent->primary_key) return Find(*key.parent, *value);
  return FindBy(*key.parent, key.parent->indexes[key.parent_index], *value);
}

std::vector<PlainModel::Record> PlainModel::Follow(const graph::Association& association,
                                                   const Message& owner) const {
  std::map<std::string, Record> found;
  const auto add = [&](const Record& record) {
    if (record != nullptr) found.emplace(KeyOf(*association.target, *record), record);
  };
  if (association.through != nullptr) {
    for (const Record& middle : Follow(*association.through, owner)) {
      for (const Record& far : Follow(*association.source, *middle)) add(far);
    }
  } else if (association.kind == graph::Association::Kind::kBelongsTo) {
    add(ParentOf(*association.foreign_key, owner));
  } else {
    for (const Record& child : ChildrenOf(*association.foreign_key, owner)) add(child);
  }
  std::vector<Record> records;
  for (const auto& [unused, record] : found) records.push_back(record);
  if (association.kind != graph::Association::Kind::kHasMany && records.size() > 1) {
    records.resize(1);
  }
  return records;
}

bool PlainModel::Taken(const graph::Model& model, const Message& record) const {
  const std::string own = KeyOf(model, record);
  for (const graph::Index& index : model.indexes) {
    if (!index.unique || &index == &model.indexes[0]) continue;
    const auto value = EncodeFields(index.fields, record);
    if (!value) continue;
    const Record holder = FindBy(model, index, *value);
    if (holder != nullptr && KeyOf(model, *holder) != own) return true;
  }
  return false;
}

absl::StatusCode PlainModel::Insert(const graph::Model& model, Record record) {
  const std::string key = KeyOf(model, *record);
  if (Find(model, key) != nullptr || Taken(model, *record)) return absl::StatusCode::kAlreadyExists;
  writable(model)[key] = std::move(record);
  return absl::StatusCode::kOk;
}

absl::StatusCode PlainModel::Upsert(const graph::Model& model, Record record) {
  if (Find(model, KeyOf(model, *record)) == nullptr) return Insert(model, std::move(record));
  return Update(model, std::move(record));
}

absl::StatusCode PlainModel::Update(const graph::Model& model, Record record) {
  const std::string key = KeyOf(model, *record);
  if (Find(model, key) == nullptr) return absl::StatusCode::kNotFound;
  if (Taken(model, *record)) return absl::StatusCode::kAlreadyExists;
  writable(model)[key] = std::move(record);
  return absl::StatusCode::kOk;
}

absl::StatusCode PlainModel::Delete(const graph::Model& model, const std::string& key) {
  const Record record = Find(model, key);
  if (record == nullptr) return absl::StatusCode::kNotFound;
  for (const auto& foreign_key : graph_->foreign_keys) {
    if (foreign_key->parent != &model || foreign_key->on_delete != NULLIFY) continue;
    for (const Record& child : ChildrenOf(*foreign_key, *record)) Detach(*foreign_key, child);
  }
  const Record newest = Find(model, key);  // It may have referred to itself.
  writable(model).erase(key);
  for (const auto& foreign_key : graph_->foreign_keys) {
    if (foreign_key->parent != &model || foreign_key->on_delete != CASCADE) continue;
    for (const Record& child : ChildrenOf(*foreign_key, *newest)) {
      Delete(*foreign_key->child, KeyOf(*foreign_key->child, *child));
    }
  }
  return absl::StatusCode::kOk;
}

absl::StatusCode PlainModel::Detach(const graph::ForeignKey& key, const Record& child) {
  if (!key.optional) return Delete(*key.child, KeyOf(*key.child, *child));
  return Update(*key.child, Mutate(*child, [&](Message* record) {
    for (const FieldDescriptor* field : key.fields) {
      if (graph::HasPresence(*field)) record->GetReflection()->ClearField(record, field);
    }
  }));
}

absl::StatusCode PlainModel::Attach(const graph::ForeignKey& key, const Message& parent,
                                    const Record& child, const std::string& child_key) {
  if (!EncodeFields(key.own_key, parent)) return absl::StatusCode::kFailedPrecondition;
  const auto attach = [&](Message* record) { SetForeignKey(key, parent, record); };
  if (child != nullptr) return Insert(*key.child, Mutate(*child, attach));
  const Record named = Find(*key.child, child_key);
  if (named == nullptr) return absl::StatusCode::kNotFound;
  if (EncodeFields(key.fields, *named) == EncodeFields(key.own_key, parent)) {
    return absl::StatusCode::kOk;
  }
  const Record changed = Mutate(*named, attach);
  if (KeyOf(*key.child, *changed) != child_key) return absl::StatusCode::kInvalidArgument;
  return Update(*key.child, changed);
}

absl::StatusCode PlainModel::Set(const graph::Association& has_one, const std::string& parent_key,
                                 const Record& child, const std::string& child_key) {
  const graph::ForeignKey& key = *has_one.foreign_key;
  const Record parent = Find(*has_one.owner, parent_key);
  if (parent == nullptr) return absl::StatusCode::kNotFound;
  if (child == nullptr && Find(*key.child, child_key) == nullptr) {
    return absl::StatusCode::kNotFound;
  }
  const PlainModel before = *this;
  const std::vector<Record> shown = Follow(has_one, *parent);
  absl::StatusCode code = absl::StatusCode::kOk;
  if (!shown.empty()) {
    const std::string shown_key = KeyOf(*key.child, *shown[0]);
    if (child == nullptr && shown_key == child_key) return absl::StatusCode::kOk;
    if (child != nullptr && KeyOf(*key.child, *child) == shown_key && key.optional) {
      return Update(*key.child,
                    Mutate(*child, [&](Message* record) { SetForeignKey(key, *parent, record); }));
    }
    code = Detach(key, shown[0]);
  }
  if (code == absl::StatusCode::kOk) {
    const Record newest = Find(*has_one.owner, parent_key);
    code = newest == nullptr ? absl::StatusCode::kNotFound : Attach(key, *newest, child, child_key);
  }
  if (code != absl::StatusCode::kOk) *this = before;
  return code;
}

absl::StatusCode PlainModel::Clear(const graph::Association& has_one,
                                   const std::string& parent_key) {
  const Record parent = Find(*has_one.owner, parent_key);
  if (parent == nullptr) return absl::StatusCode::kNotFound;
  const std::vector<Record> shown = Follow(has_one, *parent);
  return shown.empty() ? absl::StatusCode::kOk : Detach(*has_one.foreign_key, shown[0]);
}

std::vector<PlainModel::Record> PlainModel::Middles(const graph::Association& has_many,
                                                    const Message& parent,
                                                    const Message& far) const {
  std::vector<Record> middles;
  const graph::ForeignKey& far_key = *has_many.source->foreign_key;
  for (const Record& middle : ChildrenOf(*has_many.through->foreign_key, parent)) {
    const auto value = EncodeFields(far_key.fields, *middle);
    if (value && value == EncodeFields(far_key.own_key, far)) middles.push_back(middle);
  }
  return middles;
}

absl::StatusCode PlainModel::Add(const graph::Association& has_many, const std::string& parent_key,
                                 const Record& child, const std::string& child_key) {
  const Record parent = Find(*has_many.owner, parent_key);
  if (parent == nullptr) return absl::StatusCode::kNotFound;
  if (has_many.through == nullptr) {
    return Attach(*has_many.foreign_key, *parent, child, child_key);
  }
  const PlainModel before = *this;
  absl::StatusCode code = absl::StatusCode::kOk;
  if (child != nullptr) code = Insert(*has_many.target, child);
  if (code != absl::StatusCode::kOk) return code;
  const Record far =
      Find(*has_many.target, child != nullptr ? KeyOf(*has_many.target, *child) : child_key);
  if (far == nullptr) return absl::StatusCode::kNotFound;
  if (!Middles(has_many, *parent, *far).empty()) return absl::StatusCode::kOk;
  const graph::ForeignKey& near_key = *has_many.through->foreign_key;
  const graph::ForeignKey& far_key = *has_many.source->foreign_key;
  if (!EncodeFields(near_key.own_key, *parent) || !EncodeFields(far_key.own_key, *far)) {
    code = absl::StatusCode::kFailedPrecondition;
  } else {
    std::shared_ptr<Message> middle(google::protobuf::MessageFactory::generated_factory()
                                        ->GetPrototype(near_key.child->descriptor)
                                        ->New());
    SetForeignKey(near_key, *parent, middle.get());
    SetForeignKey(far_key, *far, middle.get());
    code = Insert(*near_key.child, middle);
  }
  if (code != absl::StatusCode::kOk) *this = before;
  return code;
}

absl::StatusCode PlainModel::Remove(const graph::Association& has_many,
                                    const std::string& parent_key, const std::string& child_key) {
  const Record parent = Find(*has_many.owner, parent_key);
  const Record child = Find(*has_many.target, child_key);
  if (parent == nullptr || child == nullptr) return absl::StatusCode::kNotFound;
  if (has_many.through == nullptr) {
    const auto value = EncodeFields(has_many.foreign_key->fields, *child);
    if (!value || value != EncodeFields(has_many.foreign_key->own_key, *parent)) {
      return absl::StatusCode::kNotFound;
    }
    return Detach(*has_many.foreign_key, child);
  }
  const std::vector<Record> middles = Middles(has_many, *parent, *child);
  if (middles.empty()) return absl::StatusCode::kNotFound;
  const graph::Model& model = *has_many.through->target;
  for (const Record& middle : middles) Delete(model, KeyOf(model, *middle));
  return absl::StatusCode::kOk;
}

absl::StatusCode PlainModel::CheckAtCommit() const {
  for (const auto& key : graph_->foreign_keys) {
    // By all the values that parents have, so that this takes one look at each.
    std::map<std::string, bool> own_keys;
    for (const auto& [unused, parent] : records(*key->parent)) {
      if (auto value = EncodeFields(key->own_key, *parent)) own_keys[*value] = true;
    }
    for (const auto& [unused, child] : records(*key->child)) {
      const auto value = EncodeFields(key->fields, *child);
      if (value && !own_keys.contains(*value)) return absl::StatusCode::kFailedPrecondition;
    }
  }
  return absl::StatusCode::kOk;
}

}  // namespace kin::testing
