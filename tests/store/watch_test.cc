// Watch: every commit in order, with what it changed, or a notice that it is lost.
#include "kin/store/watch.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/rules.kin.h"

namespace kin {
namespace {

using ::rules::Article;
using ::rules::Author;
using ::rules::Card;
using ::rules::Like;
using ::rules::Plain;
using ::testing::ElementsAre;

// "3: 1 a->b", or "gap 1-2".
std::string TextOf(const absl::StatusOr<WatchEvent>& event) {
  if (!event.ok()) return std::string(absl::StatusCodeToString(event.status().code()));
  if (event->is_gap()) {
    EXPECT_TRUE(event->changes().empty());
    return absl::StrCat("gap ", event->first(), "-", event->last());
  }
  EXPECT_EQ(event->first(), event->last());
  std::string text = absl::StrCat(event->first(), ":");
  for (const Change& change : event->changes()) {
    const auto* before = change.Before<Plain>();
    const auto* after = change.After<Plain>();
    absl::StrAppend(&text, " ", before ? before->text() : "", "->", after ? after->text() : "");
  }
  return text;
}

class WatchTest : public ::testing::Test {
 protected:
  WatchTest() { Open(0); }
  void Open(std::int64_t history_bytes) {
    OpenOptions options;
    options.watch_history_bytes = history_bytes;
    store_ = *Store::Open(Schema::Of<Author, Article, Card, Like, Plain>(), std::move(options));
  }
  std::unique_ptr<Watch> Start(const WatchOptions& options = {}) {
    auto watch = store_->Watch(options);
    EXPECT_TRUE(watch.ok()) << watch.status();
    return *std::move(watch);
  }
  CommitNumber Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store_->Write(body);
    EXPECT_TRUE(commit.ok()) << commit.status();
    return commit.value_or(0);
  }
  CommitNumber Insert(const std::string& text) {
    return Write([&](Transaction& txn) {
      Plain plain;
      plain.set_text(text);
      return txn.Insert(std::move(plain)).status();
    });
  }
  CommitNumber SetText(std::int64_t id, const std::string& text) {
    return Write([&](Transaction& txn) {
      return txn.Update(txn.Find<Plain>(id), [&](Plain& plain) { plain.set_text(text); }).status();
    });
  }

  std::unique_ptr<Store> store_;
};

std::string Next(Watch& watch) { return TextOf(watch.Next(absl::ZeroDuration())); }

TEST_F(WatchTest, EachCommitIsGivenInOrderWithBeforeAndAfter) {
  Insert("before");
  auto watch = Start();
  Insert("a");
  SetText(2, "b");
  Write([](Transaction&) { return absl::OkStatus(); });  // No commit.
  EXPECT_FALSE(store_
                   ->Write([](Transaction& txn) {
                     EXPECT_TRUE(txn.Delete(txn.Find<Plain>(1)).ok());
                     return absl::CancelledError("");
                   })
                   .ok());
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Plain>(2)); });
  // A commit without a net change is one all the same.
  Write([](Transaction& txn) -> absl::Status {
    auto plain = txn.Insert(Plain());
    return txn.Delete(*plain);
  });
  EXPECT_EQ(Next(*watch), "2: ->a");
  EXPECT_EQ(Next(*watch), "3: a->b");
  EXPECT_EQ(Next(*watch), "4: b->");
  EXPECT_EQ(Next(*watch), "5:");
  EXPECT_EQ(Next(*watch), "DEADLINE_EXCEEDED");
}

TEST_F(WatchTest, WithoutHistoryEarlierCommitsAreAGap) {
  Insert("a");
  Insert("b");
  auto watch = Start({.from = 1});
  Insert("c");
  EXPECT_EQ(Next(*watch), "gap 1-2");
  EXPECT_EQ(Next(*watch), "3: ->c");
  auto from_next = Start({.from = 4});
  Insert("d");
  EXPECT_EQ(Next(*from_next), "4: ->d");
}

TEST_F(WatchTest, WithHistoryEarlierCommitsAreGivenAsFarAsTheyAreHeld) {
  Open(std::int64_t{1} << 20);
  for (const char* text : {"a", "b", "c"}) Insert(text);
  auto all = Start({.from = 0});
  EXPECT_EQ(Next(*all), "1: ->a");
  auto some = Start({.from = 3});
  Insert("d");
  EXPECT_EQ(Next(*some), "3: ->c");
  EXPECT_EQ(Next(*some), "4: ->d");
  // Longer than the history: its beginning is lost.
  Open(10'000);
  for (int i = 1; i <= 50; ++i) Insert(std::string(1000, 'x'));
  auto late = Start({.from = 1});
  const auto gap = late->Next(absl::ZeroDuration());
  ASSERT_TRUE(gap.ok() && gap->is_gap());
  EXPECT_EQ(gap->first(), 1u);
  EXPECT_GT(gap->last(), 40u);
  for (CommitNumber commit = gap->last() + 1; commit <= 50; ++commit) {
    const auto event = late->Next(absl::ZeroDuration());
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(event->first(), commit);
  }
  EXPECT_EQ(Next(*late), "DEADLINE_EXCEEDED");
}

TEST_F(WatchTest, FromIsAtMostTheNextCommit) {
  Insert("a");
  EXPECT_EQ(store_->Watch({.from = 3}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->Watch({.max_bytes = 0}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(WatchTest, WhatExceedsTheMemoryIsAGapAndTheNewestStay) {
  auto small = Start({.max_bytes = 10'000});
  auto large = Start();
  for (int i = 0; i < 50; ++i) Insert(std::string(1000, 'x'));
  const auto gap = small->Next(absl::ZeroDuration());
  ASSERT_TRUE(gap.ok() && gap->is_gap());
  EXPECT_EQ(gap->first(), 1u);
  const auto next = small->Next(absl::ZeroDuration());
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(next->first(), gap->last() + 1);
  for (CommitNumber commit = 1; commit <= 50; ++commit) {
    const auto event = large->Next(absl::ZeroDuration());
    ASSERT_TRUE(event.ok() && !event->is_gap());
    EXPECT_EQ(event->first(), commit);
  }
  // A commit that is larger than all there may be.
  while (small->Next(absl::ZeroDuration()).ok()) {
  }
  Insert(std::string(20'000, 'x'));
  EXPECT_EQ(Next(*small), "gap 51-51");
  Insert("y");
  EXPECT_EQ(Next(*small), "52: ->y");
}

TEST_F(WatchTest, EventsLiveAsLongAsTheyAreKept) {
  auto watch = Start();
  Write([](Transaction& txn) -> absl::Status {
    Author author;
    author.set_email("ada@x");
    auto ada = txn.Insert(std::move(author));
    Article article;
    article.set_title("abc");
    article.set_status(rules::DRAFT);
    article.mutable_due();
    article.set_note("");
    return txn.Add(*ada, rules::AuthorModel::liked, std::move(article)).status();
  });
  const WatchEvent event = *watch->Next();
  watch.reset();
  for (int i = 0; i < 100; ++i) Insert("x");
  Write([](Transaction& txn) { return txn.Delete(txn.Find<Author>(1)); });
  const Schema schema = store_->schema();
  store_.reset();
  ASSERT_EQ(event.changes().size(), 3u);
  int likes = 0;
  for (const Change& change : event.changes()) {
    EXPECT_EQ(change.kind(), Change::kInsert);
    // The key is a copy too: of a Like it is bytes.
    std::string buffer;
    EXPECT_TRUE(change.key == schema.KeyOf(change.model, *change.after, &buffer));
    likes += change.After<Like>() != nullptr;
  }
  EXPECT_EQ(likes, 1);
}

TEST_F(WatchTest, AnEventIsVisible) {
  auto watch = Start();
  std::thread writer([this] {
    for (int i = 0; i < 200; ++i) Insert("x");
  });
  for (CommitNumber commit = 1; commit <= 200; ++commit) {
    const auto event = watch->Next();
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(event->first(), commit);
    const Snapshot snapshot = store_->GetSnapshot();
    EXPECT_GE(snapshot.commit(), commit);
    EXPECT_TRUE(snapshot.Find<Plain>(static_cast<std::int64_t>(commit)));
  }
  writer.join();
}

TEST_F(WatchTest, AfterCloseWhatIsLeftIsGiven) {
  auto watch = Start();
  Insert("a");
  ASSERT_TRUE(store_->Close().ok());
  EXPECT_EQ(Next(*watch), "1: ->a");
  EXPECT_EQ(TextOf(watch->Next()), "FAILED_PRECONDITION");
  store_.reset();
  EXPECT_EQ(TextOf(watch->Next()), "FAILED_PRECONDITION");
}

TEST_F(WatchTest, CancelAndTheEndOfTheStoreWakeWhoWaits) {
  auto cancelled = Start();
  auto closed = Start();
  std::thread first([&] { EXPECT_EQ(TextOf(cancelled->Next()), "CANCELLED"); });
  std::thread second([&] { EXPECT_EQ(TextOf(closed->Next()), "FAILED_PRECONDITION"); });
  cancelled->Cancel();
  first.join();
  EXPECT_EQ(TextOf(cancelled->Next()), "CANCELLED");
  store_.reset();
  second.join();
}

TEST_F(WatchTest, SeveralThreadsShareAWatch) {
  auto watch = Start();
  std::atomic<CommitNumber> sum{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const auto event = watch->Next();
        if (!event.ok()) return;
        sum += event->first();
      }
    });
  }
  for (int i = 0; i < 100; ++i) Insert("x");
  ASSERT_TRUE(store_->Close().ok());
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 5050u);
}

// Who begins to watch while others write misses nothing from its first commit on.
TEST_F(WatchTest, BeginningWhileCommitsAreMadeMissesNone) {
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    while (!stop) Insert("x");
  });
  for (int i = 0; i < 100; ++i) {
    const CommitNumber before = store_->GetSnapshot().commit();
    auto watch = Start();
    const auto first = watch->Next();
    ASSERT_TRUE(first.ok() && !first->is_gap());
    EXPECT_GT(first->first(), before);
    const auto second = watch->Next();
    ASSERT_TRUE(second.ok());
    EXPECT_EQ(second->first(), first->first() + 1);
  }
  stop = true;
  writer.join();
}

TEST_F(WatchTest, AHookMayBeginToWatch) {
  Schema schema = Schema::Of<Plain>();
  Store* raw = nullptr;
  std::unique_ptr<Watch> watch;
  schema.AfterCommit([&](CommitNumber, absl::Span<const Change>) {
    if (watch == nullptr) watch = *raw->Watch();
    return absl::OkStatus();
  });
  store_ = *Store::Open(schema);
  raw = store_.get();
  Insert("a");
  Insert("b");
  EXPECT_EQ(Next(*watch), "2: ->b");
}

// It would wait for itself.
TEST_F(WatchTest, WaitingInsideATransactionIsAnErrorAndNoDeadlock) {
  Schema schema = Schema::Of<Plain>();
  std::unique_ptr<Watch> watch;
  int hooks = 0;
  schema.AfterCommit([&](CommitNumber commit, absl::Span<const Change>) {
    ++hooks;
    // The commit itself is there.
    EXPECT_EQ(watch->Next()->first(), commit);
    EXPECT_EQ(watch->Next().status().code(), absl::StatusCode::kFailedPrecondition);
    return absl::OkStatus();
  });
  store_ = *Store::Open(schema);
  watch = *store_->Watch();
  ASSERT_TRUE(store_
                  ->Write([&](Transaction& txn) {
                    EXPECT_EQ(watch->Next().status().code(), absl::StatusCode::kFailedPrecondition);
                    EXPECT_EQ(watch->Next(absl::ZeroDuration()).status().code(),
                              absl::StatusCode::kDeadlineExceeded);
                    return txn.Insert(Plain()).status();
                  })
                  .ok());
  EXPECT_EQ(hooks, 1);
  // The watch outlives the store, and asks it nothing.
  store_.reset();
  EXPECT_EQ(watch->Next().status().code(), absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace kin
