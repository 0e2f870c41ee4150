// A backend that fails when it is told to.
#ifndef KIN_TESTS_TESTING_FAULTY_BACKEND_H_
#define KIN_TESTS_TESTING_FAULTY_BACKEND_H_

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kin/persistence/backend.h"
#include "kin/tests/testing/forwarding_backend.h"

namespace kin::testing {

// What a FaultyBackend is to do. Thread-safe.
class Faults {
 public:
  // The next `times` calls of Apply fail: before anything is done, in the middle, where the backend
  // has to undo what it did, or after all was.
  void FailBefore(absl::Status status, int times = 1) { Fail(std::move(status), times, &before_); }
  void FailDuring(absl::Status status, int times = 1) { Fail(std::move(status), times, &during_); }
  void FailAfter(absl::Status status, int times = 1) { Fail(std::move(status), times, &after_); }
  void FailSync(absl::Status status, int times = 1) { Fail(std::move(status), times, &sync_); }
  void FailClose(absl::Status status, int times = 1) { Fail(std::move(status), times, &close_); }
  void FailTidy(absl::Status status, int times = 1) { Fail(std::move(status), times, &tidy_); }
  // From now on there always are chores.
  void WantTidy() {
    absl::MutexLock lock(&mutex_);
    tidies_ = true;
  }
  // Makes Tidy wait, once it is called, until ReleaseTidy.
  void HoldTidy() {
    absl::MutexLock lock(&mutex_);
    tidy_held_ = true;
  }
  void ReleaseTidy() {
    absl::MutexLock lock(&mutex_);
    tidy_held_ = false;
  }
  // Returns when Tidy has been called so often, in all.
  void AwaitTidies(int calls) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, calls]()
                       ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return tidy_calls_ >= calls; };
    mutex_.Await(absl::Condition(&reached));
  }
  // Makes Apply wait, once it is called, until Release.
  void Hold() {
    absl::MutexLock lock(&mutex_);
    held_ = true;
  }
  void Release() {
    absl::MutexLock lock(&mutex_);
    held_ = false;
  }
  // Returns when Apply has been called so often, in all.
  void AwaitCalls(int calls) {
    absl::MutexLock lock(&mutex_);
    auto reached = [this, calls]()
                       ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return calls_ >= calls; };
    mutex_.Await(absl::Condition(&reached));
  }
  int calls() const {
    absl::MutexLock lock(&mutex_);
    return calls_;
  }
  // Every range Apply was asked for.
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges() const {
    absl::MutexLock lock(&mutex_);
    return ranges_;
  }
  // The thread of the last call of Apply.
  std::thread::id caller() const {
    absl::MutexLock lock(&mutex_);
    return caller_;
  }
  // No fault from now on.
  void Heal() {
    absl::MutexLock lock(&mutex_);
    before_.clear();
    during_.clear();
    close_.clear();
    after_.clear();
    sync_.clear();
    tidy_.clear();
  }

 private:
  friend class FaultyBackend;
  using Queue = std::vector<absl::Status>;

  void Fail(absl::Status status, int times, Queue* queue) {
    absl::MutexLock lock(&mutex_);
    queue->insert(queue->end(), times, status);
  }
  absl::Status Next(Queue* queue) {
    absl::MutexLock lock(&mutex_);
    if (queue->empty()) return absl::OkStatus();
    absl::Status status = queue->front();
    queue->erase(queue->begin());
    return status;
  }
  void Called(const persistence::Batch& batch) {
    absl::MutexLock lock(&mutex_);
    ++calls_;
    caller_ = std::this_thread::get_id();
    ranges_.emplace_back(batch.from, batch.to);
    auto released = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !held_; };
    mutex_.Await(absl::Condition(&released));
  }

  bool tidies() const {
    absl::MutexLock lock(&mutex_);
    return tidies_;
  }
  absl::Status Tidied() {
    {
      absl::MutexLock lock(&mutex_);
      ++tidy_calls_;
      auto released = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !tidy_held_; };
      mutex_.Await(absl::Condition(&released));
    }
    return Next(&tidy_);
  }

  mutable absl::Mutex mutex_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  int calls_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread::id caller_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<CommitNumber, CommitNumber>> ranges_ ABSL_GUARDED_BY(mutex_);
  bool tidies_ ABSL_GUARDED_BY(mutex_) = false;
  bool tidy_held_ ABSL_GUARDED_BY(mutex_) = false;
  int tidy_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  Queue before_, during_, after_, sync_, close_, tidy_;
};

// Another backend, with faults.
class FaultyBackend final : public ForwardingBackend {
 public:
  FaultyBackend(std::unique_ptr<persistence::Backend> backend, Faults* faults)
      : ForwardingBackend(std::move(backend)), faults_(faults) {}

  absl::Status Apply(const persistence::Batch& batch) override {
    faults_->Called(batch);
    absl::Status status = faults_->Next(&faults_->before_);
    if (!status.ok()) return status;
    status = faults_->Next(&faults_->during_);
    if (!status.ok()) return ApplyPart(batch, status);
    status = ForwardingBackend::Apply(batch);
    return status.ok() ? faults_->Next(&faults_->after_) : status;
  }
  absl::Status Sync() override {
    absl::Status status = faults_->Next(&faults_->sync_);
    return status.ok() ? ForwardingBackend::Sync() : status;
  }
  bool NeedsTidy() const override { return faults_->tidies() || ForwardingBackend::NeedsTidy(); }
  absl::Status Tidy() override {
    absl::Status status = faults_->Tidied();
    return status.ok() ? ForwardingBackend::Tidy() : status;
  }
  absl::Status Close() override {
    absl::Status status = faults_->Next(&faults_->close_);
    return status.ok() ? ForwardingBackend::Close() : status;
  }

 private:
  // Has the backend apply a batch that no database can: its last row twice. `status`, if it was
  // refused, as it must be.
  absl::Status ApplyPart(persistence::Batch batch, absl::Status status) {
    for (auto model = batch.models.rbegin(); model != batch.models.rend(); ++model) {
      if (!model->inserts.empty()) {
        model->inserts.push_back(model->inserts.back());
      } else if (!model->deletes.empty()) {
        model->deletes.push_back(model->deletes.back());
      } else {
        continue;
      }
      if (!ForwardingBackend::Apply(batch).ok()) return status;
      return absl::InternalError("the backend applied a batch that has a row twice");
    }
    return status;
  }

  Faults* const faults_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_FAULTY_BACKEND_H_
