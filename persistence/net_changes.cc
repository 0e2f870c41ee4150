#include "kin/persistence/net_changes.h"

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "google/protobuf/message.h"

namespace kin::persistence {
namespace {

using google::protobuf::Message;

// That a copy takes beside the contents of its fields, about.
constexpr std::size_t kBytesOfCopy = 256;

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
      for (auto& record : *records) {
        if (!visit(record)) return;
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
    log.ForEach([&](const KeyView& key, ChangeFlags flags) {
      Add(key, pending->snapshot.FindRecord(static_cast<int>(model), key), flags, changes);
    });
  }
}

void CopyRecords(std::size_t most_bytes, PendingBatch* pending) {
  std::size_t records = 0;
  ForEachRecord(pending->batch, [&records](const Message*) {
    ++records;
    return true;
  });
  if (records > most_bytes / kBytesOfCopy) return;
  std::vector<std::unique_ptr<const Message>> copies;
  copies.reserve(records);
  std::size_t bytes = 0;
  ForEachRecord(pending->batch, [&](const Message* record) {
    std::unique_ptr<Message> copy(record->New());
    copy->CopyFrom(*record);
    // Not of the record: a message notes its size, in a line that others read.
    bytes += kBytesOfCopy + 2 * copy->ByteSizeLong();
    copies.push_back(std::move(copy));
    return bytes <= most_bytes;
  });
  if (bytes > most_bytes) return;
  auto next = copies.begin();
  ForEachRecord(pending->batch, [&next](const Message*& record) {
    record = (next++)->get();
    return true;
  });
  pending->copies = std::move(copies);
  pending->snapshot = Snapshot();
}

}  // namespace kin::persistence
