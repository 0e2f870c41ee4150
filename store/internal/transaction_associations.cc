// Set, Clear, Add and Remove: all of them changes of the child's foreign key.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/store/internal/errors.h"
#include "kin/store/internal/transaction_core.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Fields of one type, as a foreign key and its own_key are.
void CopyField(const Message& from, const FieldDescriptor& source, Message* to,
               const FieldDescriptor& target) {
  const google::protobuf::Reflection& get = *from.GetReflection();
  const google::protobuf::Reflection& set = *to->GetReflection();
  switch (source.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return set.SetInt32(to, &target, get.GetInt32(from, &source));
    case FieldDescriptor::CPPTYPE_INT64:
      return set.SetInt64(to, &target, get.GetInt64(from, &source));
    case FieldDescriptor::CPPTYPE_UINT32:
      return set.SetUInt32(to, &target, get.GetUInt32(from, &source));
    case FieldDescriptor::CPPTYPE_UINT64:
      return set.SetUInt64(to, &target, get.GetUInt64(from, &source));
    case FieldDescriptor::CPPTYPE_STRING:
      return set.SetString(to, &target, get.GetString(from, &source));
    default:
      return;  // No other type is a key.
  }
}

// Makes `child` name `parent`.
void SetForeignKey(const graph::ForeignKey& key, const Message& parent, Message* child) {
  for (std::size_t i = 0; i < key.fields.size(); ++i) {
    CopyField(parent, *key.own_key[i], child, *key.fields[i]);
  }
}

// Makes the foreign key absent: its parts with presence.
void ClearForeignKey(const graph::ForeignKey& key, Message* child) {
  for (const FieldDescriptor* field : key.fields) {
    if (field->has_presence() && !field->is_required()) {
      child->GetReflection()->ClearField(child, field);
    }
  }
}

absl::Status AbsentKeyError(const Table& parent, const Message& record,
                            const graph::ForeignKey& key) {
  return absl::FailedPreconditionError(
      absl::StrCat(parent.NameOf(record), ".", FieldNames(key.own_key),
                   ": it is absent, so that no child can refer to it; set it first"));
}

}  // namespace

Version* TransactionCore::ShownBy(const Engine::Link& link, const Message& parent) {
  Version* shown = nullptr;
  for (Version* child : ChildrenOf(link, parent)) {
    if (shown == nullptr ||
        link.child->KeyLess(*link.child->MessageOf(child), *link.child->MessageOf(shown))) {
      shown = child;
    }
  }
  return shown;
}

absl::Status TransactionCore::Detach(const Engine::Link& link, Version* child) {
  Table& table = *link.child;
  // A foreign key that is part of the primary key cannot be emptied: it may not change.
  if (!link.key->optional) return Delete(table, table.MessageOf(child), /*from_key=*/true);
  Version* fresh = table.CopyVersion(*table.MessageOf(child));
  ClearForeignKey(*link.key, table.MutableMessageOf(fresh));
  return Update(table, child, fresh).status();
}

absl::StatusOr<Version*> TransactionCore::Attach(const Engine::Link& link, const Message& parent,
                                                 Version* child, const Message* child_named) {
  Table& table = *link.child;
  KeyParts key;
  if (!link.parent->keys(link.key->parent_index).Read(parent, &key)) {
    if (child != nullptr) table.FreeVersion(child);
    return AbsentKeyError(*link.parent, parent, *link.key);
  }
  if (child != nullptr) {
    SetForeignKey(*link.key, parent, table.MutableMessageOf(child));
    return Insert(table, child);
  }
  absl::StatusOr<Version*> current = FindToChange(table, child_named);
  if (!current.ok()) return current;
  KeyParts now;
  if (table.keys(link.key->child_index).Read(*table.MessageOf(*current), &now) && now == key) {
    return current;
  }
  Version* fresh = table.CopyVersion(*table.MessageOf(*current));
  SetForeignKey(*link.key, parent, table.MutableMessageOf(fresh));
  return Update(table, *current, fresh);
}

absl::StatusOr<Version*> TransactionCore::Set(const graph::Association& has_one,
                                              const Message* parent_named, Version* child,
                                              const Message* child_named) {
  const Engine::Link link = engine_.LinkOf(*has_one.foreign_key);
  Table& table = *link.child;
  absl::StatusOr<Version*> parent = FindNamed(*link.parent, parent_named);
  absl::Status status = parent.status();
  Version* named = nullptr;
  if (status.ok() && child == nullptr) {
    absl::StatusOr<Version*> found = FindNamed(table, child_named);
    status = found.status();
    if (found.ok()) named = *found;
  }
  if (!status.ok()) {
    if (child != nullptr) table.FreeVersion(child);
    return status;
  }
  const Mark before = mark();
  const Message& record = *link.parent->MessageOf(*parent);
  if (Version* shown = ShownBy(link, record); shown != nullptr) {
    if (shown == named) return named;  // It is the child already.
    if (child != nullptr) {
      const Message& old = *table.MessageOf(shown);
      Message* fresh = table.MutableMessageOf(child);
      const bool is_copy = table.SameKey(0, old, *fresh);
      SetForeignKey(*link.key, record, fresh);  // Which may be the key, or part of it.
      if (table.SameKey(0, old, *fresh)) {
        // The same record with other contents: replaced whole, and its own children stay.
        if (is_copy) status = CheckFresh(table, shown, *fresh);
        if (!status.ok()) {
          table.FreeVersion(child);
          return status;
        }
        return Update(table, shown, child);
      }
    }
    status = Detach(link, shown);
    if (!status.ok()) {
      if (child != nullptr) table.FreeVersion(child);
      RollbackTo(before);
      return status;
    }
  }
  // The parent may have a newer version, where it refers to itself or to the child detached.
  parent = FindNamed(*link.parent, parent_named);
  if (!parent.ok()) {
    if (child != nullptr) table.FreeVersion(child);
    RollbackTo(before);
    return parent;
  }
  absl::StatusOr<Version*> attached =
      Attach(link, *link.parent->MessageOf(*parent), child, child_named);
  if (!attached.ok()) RollbackTo(before);
  return attached;
}

absl::Status TransactionCore::Clear(const graph::Association& has_one,
                                    const Message* parent_named) {
  const Engine::Link link = engine_.LinkOf(*has_one.foreign_key);
  absl::StatusOr<Version*> parent = FindNamed(*link.parent, parent_named);
  if (!parent.ok()) return parent.status();
  Version* shown = ShownBy(link, *link.parent->MessageOf(*parent));
  return shown == nullptr ? absl::OkStatus() : Detach(link, shown);
}

absl::StatusOr<Version*> TransactionCore::Add(const graph::Association& has_many,
                                              const Message* parent_named, Version* child,
                                              const Message* child_named) {
  Table& owner = TableOf(*has_many.owner);
  absl::StatusOr<Version*> parent = FindNamed(owner, parent_named);
  if (!parent.ok()) {
    if (child != nullptr) TableOf(*has_many.target).FreeVersion(child);
    return parent;
  }
  const Message& record = *owner.MessageOf(*parent);
  if (has_many.through != nullptr) return AddThrough(has_many, record, child, child_named);
  return Attach(engine_.LinkOf(*has_many.foreign_key), record, child, child_named);
}

std::vector<Version*> TransactionCore::Middles(const graph::Association& has_many,
                                               const Message& parent, const Message& far) {
  const Engine::Link near_link = engine_.LinkOf(*has_many.through->foreign_key);
  const Engine::Link far_link = engine_.LinkOf(*has_many.source->foreign_key);
  std::vector<Version*> middles;
  KeyParts key;
  if (!far_link.parent->keys(far_link.key->parent_index).Read(far, &key)) return middles;
  for (Version* middle : ChildrenOf(near_link, parent)) {
    KeyParts other;
    if (far_link.child->keys(far_link.key->child_index)
            .Read(*far_link.child->MessageOf(middle), &other) &&
        other == key) {
      middles.push_back(middle);
    }
  }
  return middles;
}

absl::StatusOr<Version*> TransactionCore::AddThrough(const graph::Association& has_many,
                                                     const Message& parent, Version* far,
                                                     const Message* far_named) {
  const Engine::Link near_link = engine_.LinkOf(*has_many.through->foreign_key);
  const Engine::Link far_link = engine_.LinkOf(*has_many.source->foreign_key);
  const Mark before = mark();
  absl::StatusOr<Version*> found =
      far != nullptr ? Insert(*far_link.parent, far) : FindNamed(*far_link.parent, far_named);
  if (!found.ok()) return found;
  const Message& far_record = *far_link.parent->MessageOf(*found);
  if (!Middles(has_many, parent, far_record).empty()) return found;  // Associated already.
  KeyParts unused;
  absl::Status status;
  if (!near_link.parent->keys(near_link.key->parent_index).Read(parent, &unused)) {
    status = AbsentKeyError(*near_link.parent, parent, *near_link.key);
  } else if (!far_link.parent->keys(far_link.key->parent_index).Read(far_record, &unused)) {
    status = AbsentKeyError(*far_link.parent, far_record, *far_link.key);
  } else {
    Version* middle = near_link.child->NewVersion();
    SetForeignKey(*near_link.key, parent, near_link.child->MutableMessageOf(middle));
    SetForeignKey(*far_link.key, far_record, near_link.child->MutableMessageOf(middle));
    if (IsChild(near_link, parent, middle)) {
      status = Insert(*near_link.child, middle).status();
    } else {
      near_link.child->FreeVersion(middle);
      status = absl::InvalidArgumentError(absl::StrCat(
          near_link.parent->NameOf(parent), ".", has_many.name, ": ",
          far_link.parent->NameOf(far_record), " cannot be among them, since the foreign keys ",
          FieldNames(near_link.key->fields), " and ", FieldNames(far_link.key->fields), " of ",
          near_link.child->model().name,
          " share a field, and would need two values of it; give records that have the same"));
    }
  }
  if (!status.ok()) {
    RollbackTo(before);
    return status;
  }
  // Hooks of the middle record may have changed it.
  Version* newest = far_link.parent->FindEntry(far_record);
  return newest == nullptr || newest->deleted() ? found : newest;
}

absl::Status TransactionCore::Remove(const graph::Association& has_many,
                                     const Message* parent_named, const Message* child_named) {
  Table& owner = TableOf(*has_many.owner);
  Table& target = TableOf(*has_many.target);
  absl::StatusOr<Version*> parent = FindNamed(owner, parent_named);
  if (!parent.ok()) return parent.status();
  absl::StatusOr<Version*> child = FindNamed(target, child_named);
  if (!child.ok()) return child.status();
  const Message& record = *owner.MessageOf(*parent);
  const absl::Status not_associated = absl::NotFoundError(
      absl::StrCat(owner.NameOf(record), ".", has_many.name, ": ",
                   target.NameOf(*target.MessageOf(*child)), " is not among them"));
  if (has_many.through == nullptr) {
    const Engine::Link link = engine_.LinkOf(*has_many.foreign_key);
    if (!IsChild(link, record, *child)) return not_associated;
    if (absl::Status status = CheckFresh(target, *child, *child_named); !status.ok()) {
      return status;
    }
    return Detach(link, *child);
  }
  const std::vector<Version*> middles = Middles(has_many, record, *target.MessageOf(*child));
  if (middles.empty()) return not_associated;
  Table& middle_table = TableOf(*has_many.through->target);
  const Mark before = mark();
  for (Version* middle : middles) {
    const Version* current = middle_table.FindEntry(*middle_table.MessageOf(middle));
    if (current == nullptr || current->deleted()) continue;  // It went with one before it.
    absl::Status status = Delete(middle_table, middle_table.MessageOf(middle), /*from_key=*/true);
    if (!status.ok()) {
      RollbackTo(before);
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace kin::internal
