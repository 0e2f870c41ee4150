#include <utility>

#include "absl/strings/str_cat.h"
#include "kin/persistence/sqlite/backend.h"

namespace kin::persistence::sqlite {

absl::Status SqliteBackend::Admit(absl::Span<const Change> changes) const {
  if (!guards_.empty()) {
    absl::Status guarded = CheckGuards(guards_, mapping_, changes);
    if (!guarded.ok()) return guarded;
  }
  for (const Change& change : changes) {
    if (change.after == nullptr) continue;
    const std::int64_t fits = surely_fits_[change.model];
    if (fits >= 0 && reflections_[change.model]->GetUnknownFields(*change.after).empty() &&
        (fits == kAnySize || static_cast<std::int64_t>(change.after->ByteSizeLong()) <= fits)) {
      continue;
    }
    absl::Status status = CheckRecord(mapping_.tables[change.model], *change.after, limits_);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status SqliteBackend::Apply(const Batch& batch) {
  const Checkpointer::Batch no_checkpoint_ends(&checkpointer_);
  int moved = 0;
  sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (moved) {
    return Named(absl::FailedPreconditionError(absl::StrCat(
        "the file was moved away or deleted while the store is open; bring it back to ", path_,
        ", or close the store and restore the file")));
  }
  absl::Status status = PrepareStatements();  // After a Close that failed.
  if (status.ok()) status = begin_.Run();
  if (!status.ok()) return Named(status);
  bool already_applied = false;
  status = ApplyInTransaction(batch, &already_applied);
  if (status.ok() && !already_applied) {
    const WalVfs::Commit in_one_piece(wal_vfs_);
    status = commit_.Run();
  }
  if (status.ok() && !already_applied) {
    written_ids_ = batch.next_ids;
    return status;
  }
  // Some errors have rolled it back already.
  if (!sqlite3_get_autocommit(database_.get())) database_.Exec("ROLLBACK").IgnoreError();
  return Named(status);
}

absl::Status SqliteBackend::ApplyInTransaction(const Batch& batch, bool* already_applied) {
  absl::StatusOr<bool> row = read_commit_.Step();
  if (!row.ok()) return row.status();
  const CommitNumber stored = *row ? static_cast<CommitNumber>(read_commit_.Int(0)) : 0;
  read_commit_.Reset();
  if (stored == batch.to) {
    *already_applied = true;
    return absl::OkStatus();
  }
  if (stored != batch.from) {
    return absl::DataLossError(absl::StrCat("the database is at commit ", stored,
                                            ", and this store wrote it up to ", batch.from,
                                            "; something else changed table _kin_meta, or another "
                                            "file was put in the database's place"));
  }
  absl::Status status = WriteRows(batch);
  return status.ok() ? WriteState(batch) : status;
}

// Rows that leave make room first; rows whose unique values change then leave the unique indexes;
// so whatever comes finds its place free. Foreign keys are looked at when the transaction ends;
// parents go before children only because that costs less.
absl::Status SqliteBackend::WriteRows(const Batch& batch) {
  const std::vector<int>& order = mapping_.parents_first;
  absl::Status status;
  for (auto table = order.rbegin(); status.ok() && table != order.rend(); ++table) {
    status = writers_[*table].Delete(batch.models[*table].deletes);
  }
  for (auto table = order.begin(); status.ok() && table != order.end(); ++table) {
    status = writers_[*table].Park(batch.models[*table].moved);
  }
  for (auto table = order.begin(); status.ok() && table != order.end(); ++table) {
    const ModelChanges& changes = batch.models[*table];
    status = writers_[*table].UpdatePlain(changes.updates);
    if (status.ok()) status = writers_[*table].Update(changes.reindexed);
    if (status.ok()) status = writers_[*table].Update(changes.moved);
  }
  for (auto table = order.begin(); status.ok() && table != order.end(); ++table) {
    status = writers_[*table].Insert(batch.models[*table].inserts);
  }
  return status;
}

absl::Status SqliteBackend::WriteState(const Batch& batch) {
  for (std::size_t model = 0; model < batch.next_ids.size(); ++model) {
    // 0: the model allocates none. What is stored may matter again when it does.
    if (batch.next_ids[model] == written_ids_[model] || batch.next_ids[model] == 0) continue;
    write_id_.BindText(1, id_names_[model]);
    write_id_.BindInt(2, static_cast<std::int64_t>(batch.next_ids[model]));
    absl::Status status = write_id_.Run();
    if (!status.ok()) return status;
  }
  write_commit_.BindInt(1, static_cast<std::int64_t>(batch.to));
  absl::Status status = write_commit_.Run();
  if (!status.ok()) return status;
  if (sqlite3_changes64(database_.get()) == 1) return absl::OkStatus();
  return absl::DataLossError("table _kin_meta, key commit: the row is gone");
}

}  // namespace kin::persistence::sqlite
