#include "kin/store/internal/engine_loader.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/store/internal/errors.h"
#include "kin/store/internal/record_rules.h"

namespace kin::internal {
namespace {

using google::protobuf::Message;

// Reports end here: a database this broken needs no longer list.
constexpr std::size_t kMaxViolations = 100;

template <typename Visit>
void ForEachVersion(const Table& table, Visit&& visit) {
  const LineTable& lines = *table.primary().lines();
  for (std::uint64_t i = 0; i < lines.buckets(); ++i) {
    LineTable::ForEach(lines.bucket(i), [&](Cell cell) { visit(EntryIn(cell)); });
  }
}

// The record that has `key` in an index; at load there is one version of each.
const Version* Find(const HashIndex& index, const KeyParts& key) {
  const Version* found = nullptr;
  const Table& table = *index.table();
  index.ForEachEntry(HashParts(key), [&](const Version* entry) {
    KeyParts other;
    if (!table.keys(index.index()).Read(*table.MessageOf(entry), &other) || !(other == key)) {
      return false;
    }
    found = entry;
    return true;
  });
  return found;
}

}  // namespace

void EngineLoader::Reserve(int model, std::int64_t records) {
  Table& table = engine_.table(model);
  if (records <= 0) return;
  WaitForIndexing();
  for (int i = 0; i < table.indexes(); ++i) {
    // A multi index has a cell a key; one for each record is the most.
    if (i == 0 || table.index(i).unique()) {
      table.index(i).Reserve(static_cast<std::size_t>(records));
    }
  }
  if (records >= kWorthAThread && !threaded_ && !too_many_ &&
      std::thread::hardware_concurrency() > 1) {
    StartIndexing();
  }
}

SetField EngineLoader::SetterOf(int model, const google::protobuf::FieldDescriptor& field) const {
  for (const FieldOps& ops : engine_.table(model).ops().fields) {
    if (ops.number == field.number() && !field.is_extension()) return ops.set;
  }
  return nullptr;
}

void EngineLoader::StartIndexing() {
  try {
    indexing_ = std::thread([this] {
      std::vector<Added> batch;
      while (queue_.Next(&batch)) {
        for (const Added& added : batch) Take(*added.table, added.version);
      }
    });
    threaded_ = true;
  } catch (const std::system_error&) {
    // As many threads as there may be: then without.
  }
}

void EngineLoader::WaitForIndexing() {
  if (!threaded_) return;
  if (!batch_.empty()) queue_.Push(&batch_);
  queue_.WaitUntilDone();
}

void EngineLoader::StopIndexing() {
  if (!threaded_) return;
  WaitForIndexing();
  queue_.Close();
  indexing_.join();
  threaded_ = false;
}

Message* EngineLoader::New(int model) {
  Table& table = engine_.table(model);
  Version* version = table.NewVersion();
  Message* record = table.MutableMessageOf(version);
  if (table.ops().message_size == 0) pending_[record] = version;
  return record;
}

Version* EngineLoader::VersionOf(Table& table, Message* record) {
  if (table.ops().message_size != 0) return Table::VersionOf(record);
  auto it = pending_.find(record);
  Version* version = it->second;
  pending_.erase(it);
  return version;
}

void EngineLoader::Discard(int model, Message* record) {
  Table& table = engine_.table(model);
  table.FreeVersion(VersionOf(table, record));
}

absl::Status EngineLoader::Add(int model, Message* record) {
  Table& table = engine_.table(model);
  Version* version = VersionOf(table, record);
  if (absl::Status status = CheckRecord(table, *record); !status.ok()) {
    table.FreeVersion(version);
    return status;
  }
  if (ABSL_PREDICT_FALSE(too_many_.load(std::memory_order_relaxed))) StopIndexing();
  if (!threaded_) {
    Take(table, version);
    return absl::OkStatus();
  }
  batch_.push_back({&table, version});
  if (batch_.size() == kBatch) queue_.Push(&batch_);
  return absl::OkStatus();
}

void EngineLoader::Take(Table& table, Version* version) {
  const Message& record = *table.MessageOf(version);
  if (taken_ - added_ == kAhead) AddToIndexes(waiting_[added_++ % kAhead]);
  Waiting& waiting = waiting_[taken_++ % kAhead];
  waiting.table = &table;
  waiting.version = version;
  table.keys(0).Read(record, &waiting.key);
  waiting.hash = HashParts(waiting.key);
  table.primary().Prefetch(waiting.hash);
  for (int i = 1; i < table.indexes(); ++i) {
    KeyParts key;
    if (table.keys(i).Read(record, &key)) table.index(i).Prefetch(HashParts(key));
  }
}

void EngineLoader::AddToIndexes(const Waiting& record) {
  Table& table = *record.table;
  const Message& message = *table.MessageOf(record.version);
  if (ABSL_PREDICT_FALSE(violations_.size() >= kMaxViolations)) {
    too_many_.store(true, std::memory_order_relaxed);
  }
  if (table.FindEntry(record.hash, record.key) != nullptr) {
    if (violations_.size() < kMaxViolations) {
      violations_.push_back({table.position(), &message, table.keys(0).fields(),
                             Violation::Kind::kDuplicate, "another row has the same key"});
    } else if (!threaded_) {
      table.FreeVersion(record.version);
      return;
    }
    // Memory of versions is the caller's thread's to give back.
    refused_.emplace_back(&table, record.version);
    return;
  }
  table.primary().Add(record.hash, record.version);
  if (table.model().allocates_id) RaiseNextId(table, IdIn(table, record.key));
  table.counts().Change(1);
  // The other indexes too, while the record is at hand.
  if (violations_.size() < kMaxViolations) {
    CheckValues(table, message);
    Index(table, record.version);
  }
}

void EngineLoader::Drain() {
  StopIndexing();
  while (added_ < taken_) AddToIndexes(waiting_[added_++ % kAhead]);
}

EngineLoader::~EngineLoader() {
  StopIndexing();
  for (; added_ < taken_; ++added_) {
    const Waiting& waiting = waiting_[added_ % kAhead];
    refused_.emplace_back(waiting.table, waiting.version);
  }
  for (const auto& [table, version] : refused_) table->FreeVersion(version);
}

void EngineLoader::CheckValues(const Table& table, const Message& record) {
  if (table.rules() == nullptr) return;
  for (BrokenRule& broken : table.rules()->values().Check(record)) {
    violations_.push_back({table.position(),
                           &record,
                           {broken.field},
                           Violation::Kind::kValue,
                           std::move(broken.text)});
  }
}

void EngineLoader::Index(Table& table, Version* version) {
  const Message& record = *table.MessageOf(version);
  for (int i = 1; i < table.indexes(); ++i) {
    KeyParts key;
    if (!table.keys(i).Read(record, &key)) continue;
    HashIndex& index = table.index(i);
    if (index.unique()) {
      if (const Version* holder = Find(index, key); holder != nullptr) {
        violations_.push_back(
            {table.position(), &record, table.keys(i).fields(), Violation::Kind::kDuplicate,
             absl::StrCat("the value ", FieldValues(record, table.keys(i).fields()),
                          " is unique, and ", table.NameOf(*table.MessageOf(holder)), " has it")});
        continue;
      }
    }
    const std::uint64_t hash = HashParts(key);
    if (PostingList* list = index.Add(hash, version); list != nullptr) list->counts().Change(1);
  }
}

void EngineLoader::IndexInOrder(Table& table, OrderedIndex& ordered) {
  std::vector<std::pair<std::string, Version*>> entries;
  entries.reserve(table.primary().lines()->size());
  ForEachVersion(table, [&](Version* version) {
    std::string bytes;
    if (ordered.EncodeKey(*table.MessageOf(version), &bytes)) {
      entries.emplace_back(std::move(bytes), version);
    }
  });
  std::sort(entries.begin(), entries.end(), [&table](const auto& a, const auto& b) {
    return a.first != b.first
               ? a.first < b.first
               : table.KeyLess(*table.MessageOf(a.second), *table.MessageOf(b.second));
  });
  // In order, each goes to the end, which needs no search.
  for (const auto& [bytes, version] : entries) ordered.Add(*table.MessageOf(version), version);
}

bool EngineLoader::CheckParent(Table& child, const Engine::Link& link, const Version* version) {
  const Message& record = *child.MessageOf(version);
  KeyParts key;
  if (!child.keys(link.key->child_index).Read(record, &key)) return true;
  if (Find(link.parent_index(), key) != nullptr) return true;
  if (violations_.size() < kMaxViolations) {
    violations_.push_back({child.position(), &record, link.key->fields,
                           Violation::Kind::kMissingParent, MissingParentText(link, record)});
  }
  return false;
}

// Once a key, and not once a record.
void EngineLoader::CheckParents(Table& child, const Engine::Link& link) {
  const LineTable& lines = *link.child_index().lines();
  for (std::uint64_t i = 0; i < lines.buckets(); ++i) {
    LineTable::ForEach(lines.bucket(i), [&](Cell cell) {
      if (!IsList(cell)) {
        CheckParent(child, link, EntryIn(cell));
        return;
      }
      const PostingList& list = *ListIn(cell);
      const PostingArray* array = list.array();
      const std::uint32_t used = array->used.load(std::memory_order_relaxed);
      for (std::uint32_t entry = 0; entry < used; ++entry) {
        const Version* version = array->entries()[entry].load(std::memory_order_relaxed);
        // That of one is that of all.
        if (CheckParent(child, link, version) && !list.mixed()) return;
      }
    });
  }
}

std::vector<Violation> EngineLoader::Finish() {
  Drain();
  for (const std::unique_ptr<Table>& table : engine_.tables_) {
    for (int i = 0; i < table->indexes(); ++i) {
      if (table->ordered(i) != nullptr) IndexInOrder(*table, *table->ordered(i));
    }
  }
  for (const std::unique_ptr<Table>& table : engine_.tables_) {
    for (const Engine::Link& link : engine_.parents_of(*table)) CheckParents(*table, link);
  }
  return std::move(violations_);
}

}  // namespace kin::internal
