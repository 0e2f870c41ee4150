#include "kin/store/query/internal/walk.h"

#include "absl/container/flat_hash_set.h"
#include "kin/store/internal/engine.h"

namespace kin::query::internal {
namespace {

using ::google::protobuf::Message;
using ::kin::graph::Association;
using ::kin::internal::Engine;
using ::kin::internal::HashIndex;
using ::kin::internal::KeyParts;
using Visit = absl::FunctionRef<bool(const Version*)>;

bool FromChild(const Association& association) {
  return association.kind == Association::Kind::kBelongsTo;
}

// The records of `to` whose key in index `to_index` is that of `record` in index `from_index`.
bool ForEachWithKey(const View& view, const Table& from, int from_index, const Message& record,
                    const Table& to, int to_index, Visit visit) {
  KeyParts key;
  if (!from.keys(from_index).Read(record, &key)) return true;
  const std::uint64_t hash = HashParts(key);
  const HashIndex& index = to.index(to_index);
  return !index.ForEachEntry(hash, [&](const Version* entry) {
    const Version* version = index.Visible(hash, entry, view.Limit());
    if (version == nullptr) return false;
    KeyParts other;
    if (!to.keys(to_index).Read(*to.MessageOf(version), &other) || !(other == key)) return false;
    return !visit(version);
  });
}

// Over a foreign key: to its children, or to its parent.
bool ForEachOver(const View& view, const graph::ForeignKey& key, bool to_parent,
                 const Message& record, Visit visit) {
  const Engine::Link link = view.engine->LinkOf(key);
  return to_parent ? ForEachWithKey(view, *link.child, key.child_index, record, *link.parent,
                                    key.parent_index, visit)
                   : ForEachWithKey(view, *link.parent, key.parent_index, record, *link.child,
                                    key.child_index, visit);
}

}  // namespace

const Table* TableOf(const View& view, const google::protobuf::Descriptor* model) {
  const int position = view.engine->schema().IndexOf(model);
  return position < 0 ? nullptr : &view.engine->table(position);
}

bool MayHoldKey(const Table& table, int index, const kin::internal::PostingList& list,
                const KeyParts& key) {
  if (list.mixed()) return true;
  std::string buffer;
  return table.keys(index).Encode(key, &buffer) == list.key().view();
}

bool ForEachTarget(const View& view, const Association& association, const Message& owner,
                   Visit visit) {
  const Table& targets = *TableOf(view, association.target->descriptor);
  if (association.lowest) {
    // Of several the one with the lowest key.
    const Version* lowest = nullptr;
    const auto keep = [&](const Version* version) {
      if (lowest == nullptr ||
          targets.KeyLess(*targets.MessageOf(version), *targets.MessageOf(lowest))) {
        lowest = version;
      }
      return true;
    };
    Association all = association;
    all.lowest = false;
    ForEachTarget(view, all, owner, keep);
    return lowest == nullptr || visit(lowest);
  }
  if (association.through != nullptr) {
    const Table& middles = *TableOf(view, association.through->target->descriptor);
    return ForEachTarget(view, *association.through, owner, [&](const Version* middle) {
      return ForEachTarget(view, *association.source, *middles.MessageOf(middle), visit);
    });
  }
  return ForEachOver(view, *association.foreign_key, FromChild(association), owner, visit);
}

bool ForEachOwner(const View& view, const Association& association, const Message& target,
                  Visit visit) {
  if (association.through != nullptr) {
    const Table& middles = *TableOf(view, association.source->owner->descriptor);
    return ForEachOwner(view, *association.source, target, [&](const Version* middle) {
      return ForEachOwner(view, *association.through, *middles.MessageOf(middle), visit);
    });
  }
  return ForEachOver(view, *association.foreign_key, !FromChild(association), target, visit);
}

std::int64_t CountTargets(const View& view, const Association& association, const Message& owner,
                          std::int64_t enough, absl::FunctionRef<bool(const Version*)> counts) {
  std::int64_t count = 0;
  absl::flat_hash_set<const Version*> seen;  // Of a `through`.
  ForEachTarget(view, association, owner, [&](const Version* version) {
    if (association.through != nullptr && !seen.insert(version).second) return true;
    if (counts(version)) ++count;
    return count < enough;
  });
  return count;
}

}  // namespace kin::query::internal
