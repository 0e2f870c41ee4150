// Following the commits of a store.
//
//   absl::StatusOr<std::unique_ptr<kin::Watch>> watch = store->Watch();
//   for (;;) {
//     absl::StatusOr<kin::WatchEvent> event = (*watch)->Next();
//     if (!event.ok()) break;                        // The store is closed, or Cancel was called.
//     if (event->is_gap()) Reload(store->GetSnapshot());
//     for (const kin::Change& change : event->changes()) {
//       if (const auto* user = change.After<User>()) Use(*user);
//     }
//   }
//
// Every commit is given once, in order, none left out without notice: where more has been committed
// than may be held, a gap says which commits are lost. Who has to start anew from there takes a
// snapshot and passes over events up to its commit().
//
// What is given are copies, made once for all who watch: they neither keep a snapshot's memory nor
// depend on the store. Without anyone who watches, and without OpenOptions::watch_history_bytes, a
// commit pays one comparison. In a hook use Schema::AfterCommit.
#ifndef KIN_STORE_WATCH_H_
#define KIN_STORE_WATCH_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kin/store/change.h"
#include "kin/store/commit.h"

namespace kin {

namespace internal {
class ChangeFeed;
struct FeedEntry;
struct Subscription;
}  // namespace internal

struct WatchOptions {
  // The first commit to be given; at most the one after the newest. What of these commits the store
  // does not hold any more (OpenOptions::watch_history_bytes) is a gap. Unset: the next commit.
  std::optional<CommitNumber> from;
  // Memory for events that have not been taken. What exceeds it is dropped, the oldest first, and
  // becomes a gap. A commit that alone is larger is a gap at once.
  std::int64_t max_bytes = std::int64_t{64} << 20;
};

// One commit, or a gap. Copies share what they hold, which lives as long as one of them.
// Thread-safety: immutable.
class WatchEvent {
 public:
  // Whether commits are lost: those from first() to last().
  bool is_gap() const { return entry_ == nullptr; }
  // Of a commit both are its number.
  CommitNumber first() const { return first_; }
  CommitNumber last() const { return last_; }
  // The net change of each record, in no particular order; of a gap none. Valid as long as this
  // event or a copy of it; of models known only at run time, as long as their factory.
  absl::Span<const Change> changes() const;

 private:
  friend class internal::ChangeFeed;

  CommitNumber first_ = 0;
  CommitNumber last_ = 0;
  std::shared_ptr<const internal::FeedEntry> entry_;
};

// From Store::Watch. May outlive the store. Thread-safe: of several threads that call Next, each
// event goes to one.
class Watch {
 public:
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  // Waits for the next event. A commit that it gives is visible to GetSnapshot.
  // DEADLINE_EXCEEDED: there was none in time. CANCELLED: Cancel was called. FAILED_PRECONDITION:
  // the store is closed, and all events have been given; or it would have to wait inside the body
  // of a transaction of this store, or a hook.
  absl::StatusOr<WatchEvent> Next(absl::Duration timeout = absl::InfiniteDuration());

  // Ends all calls of Next, now and later.
  void Cancel();

  // For the library.
  Watch(std::shared_ptr<internal::ChangeFeed> feed,
        std::unique_ptr<internal::Subscription> subscription);

 private:
  const std::shared_ptr<internal::ChangeFeed> feed_;
  const std::unique_ptr<internal::Subscription> subscription_;
};

}  // namespace kin

#endif  // KIN_STORE_WATCH_H_
