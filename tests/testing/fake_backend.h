// A database that is a map, for tests of what is above a backend.
#ifndef KIN_TESTS_TESTING_FAKE_BACKEND_H_
#define KIN_TESTS_TESTING_FAKE_BACKEND_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kin/persistence/backend.h"

namespace kin::testing {

// What outlives a FakeBackend, as a file outlives a program. Thread-safe.
class FakeDatabase {
 public:
  struct AppliedBatch {
    CommitNumber from = 0;
    CommitNumber to = 0;
    std::vector<persistence::ModelChanges> models;  // Records and keys may be gone.

    std::int64_t rows() const {
      std::int64_t rows = 0;
      for (const persistence::ModelChanges& changes : models) rows += changes.size();
      return rows;
    }
  };
  using Rows = std::map<Key, std::string>;  // Serialized records.

  CommitNumber commit() const {
    absl::MutexLock lock(&mutex_);
    return state_.commit;
  }
  // As if somebody had edited it.
  void SetCommit(CommitNumber commit) {
    absl::MutexLock lock(&mutex_);
    state_.commit = commit;
  }
  // What was not synced is gone, and until it is loaded again nothing can be done.
  void CutPower() {
    absl::MutexLock lock(&mutex_);
    off_ = true;
    state_ = synced_state_;
    tables_ = synced_tables_;
  }
  std::vector<AppliedBatch> batches() const {
    absl::MutexLock lock(&mutex_);
    return batches_;
  }
  Rows rows(int model) const {
    absl::MutexLock lock(&mutex_);
    return static_cast<std::size_t>(model) < tables_.size() ? tables_[model] : Rows();
  }
  int syncs() const {
    absl::MutexLock lock(&mutex_);
    return syncs_;
  }

 private:
  friend class FakeBackend;
  mutable absl::Mutex mutex_;
  bool owned_ ABSL_GUARDED_BY(mutex_) = false;
  bool off_ ABSL_GUARDED_BY(mutex_) = false;
  LoadedState state_ ABSL_GUARDED_BY(mutex_);
  std::vector<Rows> tables_ ABSL_GUARDED_BY(mutex_);
  LoadedState synced_state_ ABSL_GUARDED_BY(mutex_);
  std::vector<Rows> synced_tables_ ABSL_GUARDED_BY(mutex_);
  std::vector<AppliedBatch> batches_ ABSL_GUARDED_BY(mutex_);
  int syncs_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Refuses batches that are not what they should be: a delete of a row that is not there, rows out
// of the order of their keys, and so on.
class FakeBackend final : public persistence::Backend {
 public:
  explicit FakeBackend(FakeDatabase* database) : database_(database) {}
  ~FakeBackend() override;

  absl::StatusOr<LoadedState> Load(const Schema& schema, Loader& loader) override;
  absl::Status Describe(absl::Span<const Violation> violations) override;
  absl::Status Start() override { return absl::OkStatus(); }
  absl::Status Admit(absl::Span<const Change>) const override { return absl::OkStatus(); }
  absl::Status Apply(const persistence::Batch& batch) override;
  absl::Status Sync() override;
  absl::Status Close() override;

 private:
  absl::Status ApplyTo(const persistence::ModelChanges& changes, int model,
                       FakeDatabase::Rows* rows) const;

  FakeDatabase* const database_;
  std::optional<Schema> schema_;
  bool owner_ = false;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_FAKE_BACKEND_H_
