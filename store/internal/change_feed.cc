#include "kin/store/internal/change_feed.h"

#include <algorithm>
#include <utility>

namespace kin {
namespace internal {
namespace {

using google::protobuf::Message;

// The copy of a record of a change; null of null.
const Message* CopyRecord(const Message* record, FeedEntry* entry) {
  if (record == nullptr) return nullptr;
  Message* copy = record->New();
  copy->CopyFrom(*record);
  entry->records.emplace_back(copy);
  entry->bytes += static_cast<std::int64_t>(copy->SpaceUsedLong()) + std::int64_t{sizeof(void*)};
  return copy;
}

}  // namespace

void FeedQueue::Push(std::shared_ptr<const FeedEntry> entry) {
  bytes += entry->bytes;
  entries.push_back(std::move(entry));
  while (bytes > max_bytes && !entries.empty()) {
    if (gap_first == 0) gap_first = entries.front()->commit;
    gap_last = entries.front()->commit;
    bytes -= entries.front()->bytes;
    entries.pop_front();
  }
}

ChangeFeed::ChangeFeed(std::int64_t history_bytes)
    : keeps_history_(history_bytes > 0), active_(keeps_history_) {
  history_.max_bytes = history_bytes;
}

std::shared_ptr<const FeedEntry> ChangeFeed::Copy(CommitNumber commit,
                                                  absl::Span<const Change> changes) {
  auto entry = std::make_shared<FeedEntry>();
  entry->commit = commit;
  entry->changes.reserve(changes.size());
  entry->bytes =
      std::int64_t{sizeof(FeedEntry)} + static_cast<std::int64_t>(changes.size() * sizeof(Change));
  for (Change change : changes) {
    if (!change.key.bytes.empty()) {
      entry->keys.emplace_front(change.key.bytes);
      change.key.bytes = entry->keys.front();
      entry->bytes += static_cast<std::int64_t>(sizeof(std::string) + change.key.bytes.size());
    }
    change.before = CopyRecord(change.before, entry.get());
    change.after = CopyRecord(change.after, entry.get());
    entry->changes.push_back(change);
  }
  return entry;
}

void ChangeFeed::Push(std::shared_ptr<const FeedEntry> entry) {
  absl::MutexLock lock(&mutex_);
  for (Subscription* subscription : subscriptions_) subscription->queue.Push(entry);
  if (keeps_history_) history_.Push(std::move(entry));
}

std::unique_ptr<Subscription> ChangeFeed::Subscribe(CommitNumber from, CommitNumber published,
                                                    std::int64_t max_bytes) {
  auto subscription = std::make_unique<Subscription>();
  FeedQueue& queue = subscription->queue;
  queue.max_bytes = max_bytes;
  absl::MutexLock lock(&mutex_);
  const CommitNumber held =
      history_.entries.empty() ? published + 1 : history_.entries.front()->commit;
  if (from < held) {
    queue.gap_first = from;
    queue.gap_last = held - 1;
  }
  for (const auto& entry : history_.entries) {
    if (entry->commit >= from) queue.Push(entry);
  }
  subscriptions_.push_back(subscription.get());
  active_.store(true, std::memory_order_relaxed);
  return subscription;
}

void ChangeFeed::Unsubscribe(Subscription* subscription) {
  absl::MutexLock lock(&mutex_);
  subscriptions_.erase(std::find(subscriptions_.begin(), subscriptions_.end(), subscription));
  active_.store(keeps_history_ || !subscriptions_.empty(), std::memory_order_relaxed);
}

WatchEvent ChangeFeed::Take(FeedQueue* queue) {
  WatchEvent event;
  if (queue->gap_first != 0) {
    event.first_ = std::exchange(queue->gap_first, 0);
    event.last_ = queue->gap_last;
    return event;
  }
  event.entry_ = std::move(queue->entries.front());
  queue->entries.pop_front();
  queue->bytes -= event.entry_->bytes;
  event.first_ = event.last_ = event.entry_->commit;
  return event;
}

absl::StatusOr<WatchEvent> ChangeFeed::Next(Subscription* subscription, absl::Duration timeout) {
  FeedQueue& queue = subscription->queue;
  absl::MutexLock lock(&mutex_);
  const auto ready = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return subscription->cancelled || closed_ || queue.gap_first != 0 || !queue.entries.empty();
  };
  // What it would wait for, its own thread keeps from being made.
  const bool in_body = writer_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  if (!mutex_.AwaitWithTimeout(absl::Condition(&ready), in_body ? absl::ZeroDuration() : timeout)) {
    if (in_body && timeout > absl::ZeroDuration()) {
      return absl::FailedPreconditionError(
          "Watch::Next was called inside the body of a transaction, or a hook, with a timeout and "
          "no event to give; follow the commits in another thread");
    }
    return absl::DeadlineExceededError("there was no commit in time");
  }
  if (subscription->cancelled) return absl::CancelledError("the watch was cancelled");
  if (queue.gap_first != 0 || !queue.entries.empty()) return Take(&queue);
  return absl::FailedPreconditionError("the store is closed: no commit follows");
}

void ChangeFeed::Cancel(Subscription* subscription) {
  absl::MutexLock lock(&mutex_);
  subscription->cancelled = true;
}

void ChangeFeed::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

}  // namespace internal

absl::Span<const Change> WatchEvent::changes() const {
  return entry_ == nullptr ? absl::Span<const Change>() : absl::MakeConstSpan(entry_->changes);
}

Watch::Watch(std::shared_ptr<internal::ChangeFeed> feed,
             std::unique_ptr<internal::Subscription> subscription)
    : feed_(std::move(feed)), subscription_(std::move(subscription)) {}

Watch::~Watch() { feed_->Unsubscribe(subscription_.get()); }

absl::StatusOr<WatchEvent> Watch::Next(absl::Duration timeout) {
  return feed_->Next(subscription_.get(), timeout);
}

void Watch::Cancel() { feed_->Cancel(subscription_.get()); }

}  // namespace kin
