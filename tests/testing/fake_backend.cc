#include "kin/tests/testing/fake_backend.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kin::testing {

FakeBackend::~FakeBackend() { Close().IgnoreError(); }

absl::StatusOr<LoadedState> FakeBackend::Load(const Schema& schema, Loader& loader) {
  absl::MutexLock lock(&database_->mutex_);
  if (database_->owned_) return absl::UnavailableError("in use by another store");
  database_->off_ = false;
  schema_ = schema;
  database_->tables_.resize(schema.graph().models.size());
  database_->state_.next_ids.resize(schema.graph().models.size());
  for (std::size_t model = 0; model < database_->tables_.size(); ++model) {
    for (const auto& [key, bytes] : database_->tables_[model]) {
      google::protobuf::Message* record = loader.New(static_cast<int>(model));
      if (!record->ParseFromString(bytes)) return absl::DataLossError("not a record");
      absl::Status status = loader.Add(static_cast<int>(model), record);
      if (!status.ok()) return status;
    }
  }
  database_->owned_ = owner_ = true;
  return database_->state_;
}

absl::Status FakeBackend::Describe(absl::Span<const Violation> violations) {
  return absl::DataLossError(violations.front().detail);
}

absl::Status FakeBackend::Apply(const persistence::Batch& batch) {
  absl::MutexLock lock(&database_->mutex_);
  if (database_->off_) return absl::UnavailableError("no power");
  if (batch.to == database_->state_.commit) return absl::OkStatus();
  if (batch.from != database_->state_.commit) return absl::DataLossError("not the next batch");
  std::vector<FakeDatabase::Rows> tables = database_->tables_;
  for (std::size_t model = 0; model < tables.size(); ++model) {
    absl::Status status = ApplyTo(batch.models[model], static_cast<int>(model), &tables[model]);
    if (!status.ok()) return status;
  }
  database_->tables_ = std::move(tables);
  database_->state_ = {batch.to, batch.next_ids};
  database_->batches_.push_back({batch.from, batch.to, batch.models});
  return absl::OkStatus();
}

namespace {

// Whether the keys of `rows` ascend.
template <typename Rows, typename KeyOf>
bool InOrder(const Rows& rows, KeyOf key_of) {
  std::optional<Key> last;
  for (const auto& row : rows) {
    Key key(key_of(row));
    if (last.has_value() && !(*last < key)) return false;
    last = std::move(key);
  }
  return true;
}

}  // namespace

absl::Status FakeBackend::ApplyTo(const persistence::ModelChanges& changes, int model,
                                  FakeDatabase::Rows* rows) const {
  for (const KeyView& key : changes.deletes) {
    if (rows->erase(Key(key)) != 1) return absl::InternalError("deletes a row that is not there");
  }
  std::string buffer;
  const auto key_of = [&](const google::protobuf::Message* record) {
    return schema_->KeyOf(model, *record, &buffer);
  };
  bool in_order = InOrder(changes.deletes, [](const KeyView& key) { return key; });
  for (const auto* records :
       {&changes.updates, &changes.reindexed, &changes.moved, &changes.inserts}) {
    in_order = in_order && InOrder(*records, key_of);
  }
  if (!in_order) return absl::InternalError("the rows are not in the order of their keys");
  for (const auto* updates : {&changes.updates, &changes.reindexed, &changes.moved}) {
    for (const google::protobuf::Message* record : *updates) {
      auto row = rows->find(Key(key_of(record)));
      if (row == rows->end()) return absl::InternalError("updates a row that is not there");
      row->second = record->SerializeAsString();
    }
  }
  for (const google::protobuf::Message* record : changes.inserts) {
    const bool is_new = rows->emplace(Key(key_of(record)), record->SerializeAsString()).second;
    if (!is_new) return absl::InternalError("inserts a row that is there");
  }
  return absl::OkStatus();
}

absl::Status FakeBackend::Sync() {
  absl::MutexLock lock(&database_->mutex_);
  if (database_->off_) return absl::UnavailableError("no power");
  ++database_->syncs_;
  database_->synced_state_ = database_->state_;
  database_->synced_tables_ = database_->tables_;
  return absl::OkStatus();
}

absl::Status FakeBackend::Close() {
  absl::MutexLock lock(&database_->mutex_);
  if (owner_) database_->owned_ = owner_ = false;
  return absl::OkStatus();
}

}  // namespace kin::testing
