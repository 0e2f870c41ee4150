// The commits of a store, for those who watch them.
#ifndef KIN_STORE_INTERNAL_CHANGE_FEED_H_
#define KIN_STORE_INTERNAL_CHANGE_FEED_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/change.h"
#include "kin/store/commit.h"
#include "kin/store/watch.h"

namespace kin::internal {

// A commit with copies of all that it changed. Immutable once made.
struct FeedEntry {
  CommitNumber commit = 0;
  std::vector<Change> changes;
  std::vector<std::unique_ptr<const google::protobuf::Message>> records;  // Of `changes`.
  std::forward_list<std::string> keys;                                    // Of `changes`.
  std::int64_t bytes = 0;
};

// Entries in the order of their commits, the newest ones, with a limit of bytes. What is dropped is
// counted as a gap, which comes before all entries.
struct FeedQueue {
  std::deque<std::shared_ptr<const FeedEntry>> entries;
  std::int64_t bytes = 0;
  std::int64_t max_bytes = 0;
  CommitNumber gap_first = 0;  // 0: there is no gap.
  CommitNumber gap_last = 0;

  void Push(std::shared_ptr<const FeedEntry> entry);
};

// What one Watch waits for. Guarded by the feed's mutex.
struct Subscription {
  FeedQueue queue;
  bool cancelled = false;
};

// Thread-safe. Shared by the engine and all who watch it.
class ChangeFeed {
 public:
  explicit ChangeFeed(std::int64_t history_bytes);

  // Whether anyone wants entries. Subscribing and publishing a commit exclude each other by the
  // engine's commit_mutex_, so what is read under it stays true until the commit is pushed.
  bool active() const { return active_.load(std::memory_order_relaxed); }

  static std::shared_ptr<const FeedEntry> Copy(CommitNumber commit,
                                               absl::Span<const Change> changes);
  // The next commit, which is visible.
  void Push(std::shared_ptr<const FeedEntry> entry);

  // REQUIRES: `from` is at most `published` + 1.
  std::unique_ptr<Subscription> Subscribe(CommitNumber from, CommitNumber published,
                                          std::int64_t max_bytes);
  void Unsubscribe(Subscription* subscription);
  absl::StatusOr<WatchEvent> Next(Subscription* subscription, absl::Duration timeout);
  void Cancel(Subscription* subscription);

  // No commit follows.
  void Close();

  // The thread that runs the body of a transaction, or a hook, of the engine; none: no thread. Of
  // the feed, since a Watch may outlive the engine.
  std::atomic<std::thread::id>& writer_thread() { return writer_thread_; }

 private:
  static WatchEvent Take(FeedQueue* queue);

  std::atomic<std::thread::id> writer_thread_{};
  const bool keeps_history_;
  std::atomic<bool> active_;
  absl::Mutex mutex_;
  FeedQueue history_ ABSL_GUARDED_BY(mutex_);
  std::vector<Subscription*> subscriptions_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_CHANGE_FEED_H_
