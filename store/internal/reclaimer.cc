#include "kin/store/internal/reclaimer.h"

#include <limits>

#include "kin/store/internal/table.h"

namespace kin::internal {
namespace {

// The memory of this one in the queue is asked for when the first is handled.
constexpr std::size_t kAhead = 4;

}  // namespace

std::size_t Reclaimer::Run(Era oldest_era, Era now, std::size_t limit) {
  std::size_t handled = 0;
  while (handled < limit && HasBefore(oldest_era)) {
    // What has waited long is cold.
    if (queue_.size() > kAhead) {
      __builtin_prefetch(queue_[kAhead].object, /*rw=*/1);
      __builtin_prefetch(static_cast<const char*>(queue_[kAhead].object) + 64, /*rw=*/1);
    }
    const Garbage garbage = queue_.front();
    queue_.pop_front();
    Handle(garbage, now);
    ++handled;
  }
  return handled;
}

void Reclaimer::Clear() {
  // What is handled may queue more, with an era that is never reached again.
  while (!queue_.empty()) {
    const Garbage garbage = queue_.front();
    queue_.pop_front();
    Handle(garbage, std::numeric_limits<Era>::max());
  }
}

void Reclaimer::Handle(const Garbage& garbage, Era now) {
  switch (garbage.kind) {
    case Garbage::Kind::kVersion:
      garbage.table->FreeVersion(static_cast<Version*>(garbage.object));
      return;
    case Garbage::Kind::kTombstone: {
      auto* tombstone = static_cast<Version*>(garbage.object);
      Table& table = *garbage.table;
      const std::uint64_t hash = table.HashOf(0, *table.MessageOf(tombstone));
      if (!table.primary().Contains(hash, tombstone)) return;  // Inserted again since.
      table.primary().Erase(hash, tombstone);
      Garbage again = garbage;
      again.kind = Garbage::Kind::kVersion;
      Add(again, now);
      return;
    }
    case Garbage::Kind::kMarker: {
      auto* marker = static_cast<Marker*>(garbage.object);
      HashIndex& index = *garbage.index;
      if (!index.Contains(marker->hash, marker)) return;  // The record came back since.
      index.Erase(marker->hash, marker);
      Garbage again = garbage;
      again.kind = Garbage::Kind::kFreeMarker;
      again.owner = index.table();
      Add(again, now);
      return;
    }
    case Garbage::Kind::kOrderedMarker: {
      auto* marker = static_cast<Marker*>(garbage.object);
      auto* node = reinterpret_cast<OrderedIndex::Node*>(marker->hash);
      if (node->entry() != marker) return;  // The record came back since.
      garbage.ordered->Unlink(node);
      Garbage again = garbage;
      again.kind = Garbage::Kind::kFreeMarker;
      again.owner = garbage.ordered->table();
      Add(again, now);
      again.kind = Garbage::Kind::kCallback;
      again.object = node;
      again.free = [](void* unlinked, Table*) {
        OrderedIndex::DeleteNode(static_cast<OrderedIndex::Node*>(unlinked));
      };
      Add(again, now);
      return;
    }
    case Garbage::Kind::kFreeMarker:
      garbage.owner->FreeMarker(static_cast<Marker*>(garbage.object));
      return;
    case Garbage::Kind::kLines:
      if (!LineTable::DeletePart(static_cast<LineTable*>(garbage.object))) Add(garbage, now);
      return;
    case Garbage::Kind::kCountNode:
      garbage.slab->Free(garbage.object, sizeof(CountNode));
      return;
    case Garbage::Kind::kCallback:
      garbage.free(garbage.object, garbage.owner);
      return;
  }
}

}  // namespace kin::internal
