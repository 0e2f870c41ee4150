// Hands items from one thread to another, many at a time.
#ifndef KIN_STORE_INTERNAL_BATCH_QUEUE_H_
#define KIN_STORE_INTERNAL_BATCH_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kin::internal {

// From one thread that calls Push, WaitUntilDone and Close, to one that calls Next until it is
// false. In order; what one of them did before, the other sees after.
template <typename T>
class BatchQueue {
 public:
  // `most`: batches that may be waiting before Push waits.
  explicit BatchQueue(std::size_t most) : most_(most) {}

  // Leaves `*batch` empty, to be filled again.
  void Push(std::vector<T>* batch) {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BatchQueue::HasRoom));
    waiting_.push_back(std::move(*batch));
    if (spare_.empty()) {
      batch->clear();
    } else {
      *batch = std::move(spare_.back());
      spare_.pop_back();
    }
  }

  // Until all that was pushed has been dealt with.
  void WaitUntilDone() {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &BatchQueue::IsDone));
  }

  // Next is false from when all has been dealt with.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  // Waits for a batch, and takes back the one before, which has been dealt with.
  bool Next(std::vector<T>* batch) {
    absl::MutexLock lock(&mutex_);
    if (taken_) {
      batch->clear();
      spare_.push_back(std::move(*batch));
    }
    taken_ = false;
    mutex_.Await(absl::Condition(this, &BatchQueue::HasNextOrIsClosed));
    if (waiting_.empty()) return false;
    *batch = std::move(waiting_.front());
    waiting_.pop_front();
    taken_ = true;
    return true;
  }

 private:
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return waiting_.size() < most_; }
  bool IsDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return waiting_.empty() && !taken_; }
  bool HasNextOrIsClosed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !waiting_.empty();
  }

  const std::size_t most_;
  absl::Mutex mutex_;
  std::deque<std::vector<T>> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::vector<T>> spare_ ABSL_GUARDED_BY(mutex_);  // Empty, with their memory.
  bool taken_ ABSL_GUARDED_BY(mutex_) = false;                 // A batch is being dealt with.
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_BATCH_QUEUE_H_
