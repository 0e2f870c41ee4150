#include "kin/persistence/net_changes.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "google/protobuf/message.h"

namespace kin::persistence {
namespace {

using google::protobuf::Message;

// That a copy takes beside the contents of its fields, about.
constexpr std::size_t kBytesOfCopy = 256;
// Records that are looked up together.
constexpr std::size_t kGroup = 256;
// The memory of a record is asked for so many records before it is copied.
constexpr std::size_t kAhead = 8;

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

// Calls visit(records) for each list of a batch, until it returns false.
template <typename Visit>
void ForEachList(Batch& batch, Visit visit) {
  for (ModelChanges& changes : batch.models) {
    for (auto* records : {&changes.updates, &changes.reindexed, &changes.moved, &changes.inserts}) {
      if (!visit(*records)) return;
    }
  }
}

}  // namespace

void ComputeNetChanges(PendingBatch* pending) {
  pending->batch.models.clear();
  pending->batch.models.resize(pending->logs.size());
  KeyView keys[kGroup];
  ChangeFlags flags[kGroup];
  const Message* records[kGroup];
  for (std::size_t model = 0; model < pending->logs.size(); ++model) {
    ChangeLog& log = pending->logs[model];
    if (log.empty()) continue;
    log.Compact();
    ModelChanges* changes = &pending->batch.models[model];
    std::size_t size = 0;
    const auto add = [&] {
      if (size == 0) return;
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
  std::vector<std::unique_ptr<const Message>> copies;
  copies.reserve(records);
  std::size_t bytes = 0;
  ForEachList(pending->batch, [&](const ModelChanges::Records& originals) {
    for (std::size_t i = 0; i < originals.size() && bytes <= most_bytes; ++i) {
      if (i + kAhead < originals.size()) {
        const char* next = reinterpret_cast<const char*>(originals[i + kAhead]);
        __builtin_prefetch(next);
        __builtin_prefetch(next + 64);
      }
      std::unique_ptr<Message> copy(originals[i]->New());
      copy->CopyFrom(*originals[i]);
      // Not of the record: a message notes its size, in a line that others read.
      bytes += kBytesOfCopy + 2 * copy->ByteSizeLong();
      copies.push_back(std::move(copy));
    }
    return bytes <= most_bytes;
  });
  if (bytes > most_bytes) return;
  auto next = copies.begin();
  ForEachList(pending->batch, [&next](ModelChanges::Records& list) {
    for (const Message*& record : list) record = (next++)->get();
    return true;
  });
  pending->copies = std::move(copies);
  pending->snapshot = Snapshot();
}

}  // namespace kin::persistence
