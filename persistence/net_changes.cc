#include "kin/persistence/net_changes.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "google/protobuf/arena.h"
#include "google/protobuf/message.h"

namespace kin::persistence {
namespace {

using google::protobuf::Message;

// That a copy takes beside the contents of its fields, about.
constexpr std::size_t kBytesOfCopy = 256;
// The memory of a record is asked for so many records before it is read.
constexpr std::size_t kAhead = 8;
// Of the arena that copies live in. From here on malloc would ask the kernel for each.
constexpr std::size_t kLargestBlock = std::size_t{64} << 10;

void Add(const KeyView& key, const Message* record, ChangeFlags flags, ModelChanges* changes) {
  const bool was_there = !(flags & kInserted);
  if (was_there && (record == nullptr || (flags & kReborn))) changes->deletes.push_back(key);
  if (record == nullptr) return;
  if (!was_there || (flags & kReborn)) {
    changes->inserts.push_back(record);
  } else if (flags & kMoved) {
    changes->moved.push_back(record);
  } else if (flags & kReindexed) {
    changes->reindexed.push_back(record);
  } else {
    changes->updates.push_back(record);
  }
}

template <typename Batch, typename Visit>
void ForEachRecord(Batch& batch, Visit visit) {
  for (auto& changes : batch.models) {
    for (auto* records : {&changes.updates, &changes.reindexed, &changes.moved, &changes.inserts}) {
      for (std::size_t i = 0; i < records->size(); ++i) {
        if (i + kAhead < records->size()) {
          const char* next = reinterpret_cast<const char*>((*records)[i + kAhead]);
          __builtin_prefetch(next);
          __builtin_prefetch(next + 64);
        }
        if (!visit((*records)[i])) return;
      }
    }
  }
}

}  // namespace

void ComputeNetChanges(PendingBatch* pending) {
  pending->batch.models.clear();
  pending->batch.models.resize(pending->logs.size());
  for (std::size_t model = 0; model < pending->logs.size(); ++model) {
    ChangeLog& log = pending->logs[model];
    log.Compact();
    ModelChanges* changes = &pending->batch.models[model];
    constexpr std::size_t kGroup = 256;
    KeyView keys[kGroup];
    ChangeFlags flags[kGroup];
    const Message* records[kGroup];
    std::size_t size = 0;
    const auto add = [&] {
      pending->snapshot.FindRecords(static_cast<int>(model), absl::MakeConstSpan(keys, size),
                                    absl::MakeSpan(records, size));
      for (std::size_t i = 0; i < size; ++i) Add(keys[i], records[i], flags[i], changes);
      size = 0;
    };
    log.ForEach([&](const KeyView& key, ChangeFlags of_key) {
      keys[size] = key;
      flags[size] = of_key;
      if (++size == kGroup) add();
    });
    add();
  }
}

void CopyRecords(std::size_t most_bytes, PendingBatch* pending) {
  std::size_t records = 0;
  for (const ModelChanges& changes : pending->batch.models) {
    records += changes.size() - changes.deletes.size();
  }
  if (records > most_bytes / kBytesOfCopy) return;
  google::protobuf::ArenaOptions options;
  options.max_block_size = kLargestBlock;
  auto arena = std::make_unique<google::protobuf::Arena>(options);
  std::vector<const Message*> copies;
  copies.reserve(records);
  std::size_t bytes = 0;
  ForEachRecord(pending->batch, [&](const Message* record) {
    Message* copy = record->New(arena.get());
    copy->CopyFrom(*record);
    // Not of the record: a message notes its size, in a line that others read.
    bytes += kBytesOfCopy + 2 * copy->ByteSizeLong();
    copies.push_back(copy);
    return bytes <= most_bytes;
  });
  if (bytes > most_bytes) return;
  auto next = copies.begin();
  ForEachRecord(pending->batch, [&next](const Message*& record) {
    record = *next++;
    return true;
  });
  pending->copies = std::move(arena);
  pending->snapshot = Snapshot();
}

}  // namespace kin::persistence
