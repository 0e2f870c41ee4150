// Places in indexes that are used again, or unlinked, while a reader is on its way through them.
// The interleavings are made on one thread: what a writer does happens in the middle of a reader's
// step, where it can do the most harm.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/internal/engine.h"
#include "kin/store/internal/line_table.h"
#include "kin/store/store.h"
#include "tests/store/conformance.kin.h"

namespace kin {
namespace {

using ::conformance::Int64Keys;
using internal::LineTable;
using ::testing::ElementsAre;

// --- LineTable ---

struct Entry {
  std::uint64_t key;
};

// A hash of the first bucket, with `tag` in slots of either parity.
constexpr std::uint64_t TagOf(std::uint64_t tag) { return tag << 8 | tag; }

class LineTableReuseTest : public ::testing::Test {
 protected:
  ~LineTableReuseTest() override { LineTable::Delete(table_); }

  static std::uintptr_t ValueOf(const Entry& entry) {
    return reinterpret_cast<std::uintptr_t>(&entry);
  }
  static bool Has(std::uintptr_t slot, std::uint64_t key) {
    return reinterpret_cast<const Entry*>(slot)->key == key;
  }

  LineTable* const table_ = LineTable::New(0);
};

TEST_F(LineTableReuseTest, AReaderWithAnOldWordRejectsTheKeyThatHasTheSlotNow) {
  // All of one bucket. The first has the tag that is looked for, so that the reader stops at it.
  const Entry other{1};
  const Entry wanted{2};
  const Entry newcomer{3};
  table_->Insert(TagOf(5), ValueOf(other));
  const LineTable::Position place = table_->Insert(TagOf(5), ValueOf(wanted));
  int asked = 0;
  const std::uintptr_t found = table_->Find(TagOf(5), [&](std::uintptr_t slot) {
    if (++asked == 1) {
      // The reader holds the word. What it is about to load is erased, and its slot used again.
      table_->Erase(TagOf(5), place);
      const LineTable::Position again = table_->Insert(TagOf(9), ValueOf(newcomer));
      EXPECT_EQ(again.slot, place.slot);
      EXPECT_EQ(again.bucket, place.bucket);
    }
    return Has(slot, 2);
  });
  EXPECT_EQ(found, 0u) << "the record was gone before the reader came to it";
  EXPECT_EQ(asked, 2) << "the newcomer was offered, for its key to decide";
}

TEST_F(LineTableReuseTest, AReaderWithAnOldWordMayStillBeGivenWhatWasErased) {
  const Entry other{1};
  const Entry wanted{2};
  table_->Insert(TagOf(5), ValueOf(other));
  const LineTable::Position place = table_->Insert(TagOf(5), ValueOf(wanted));
  const std::uintptr_t found = table_->Find(TagOf(5), [&](std::uintptr_t slot) {
    if (Has(slot, 1)) table_->Erase(TagOf(5), place);
    return Has(slot, 2);
  });
  EXPECT_EQ(found, ValueOf(wanted)) << "which is why it stays allocated as long as the reader";
}

TEST_F(LineTableReuseTest, WhatStaysIsFoundWhileAllAroundItIsReplaced) {
  // Twelve entries of one tag and home: the last lie in the next bucket. While the reader goes
  // through them, all but the last are replaced by others, again and again.
  std::vector<Entry> entries;
  for (std::uint64_t key = 0; key < 11; ++key) entries.push_back({key});
  for (const Entry& entry : entries) table_->Insert(TagOf(5), ValueOf(entry));
  const Entry newcomer{99};
  int asked = 0;
  const std::uintptr_t found = table_->Find(TagOf(5), [&](std::uintptr_t slot) {
    ++asked;
    for (std::size_t i = 0; i + 1 < entries.size(); ++i) {
      const std::uintptr_t value = ValueOf(entries[i]);
      const auto same = [&](std::uintptr_t cell) { return cell == value; };
      if (const auto at = table_->Locate(TagOf(5), same); at.found()) {
        table_->Erase(TagOf(5), at);
        table_->Insert(TagOf(7), ValueOf(newcomer));
      } else {
        const auto fresh = [&](std::uintptr_t cell) { return cell == ValueOf(newcomer); };
        table_->Erase(TagOf(7), table_->Locate(TagOf(7), fresh));
        table_->Insert(TagOf(5), value);
      }
    }
    return Has(slot, 10);
  });
  EXPECT_EQ(found, ValueOf(entries[10]));
  EXPECT_GE(asked, 1);
}

// --- Posting lists and ordered nodes, under a snapshot ---

class ReuseTest : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store_->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void Insert(std::int64_t key, std::int64_t many) {
    Write([&](Transaction& txn) {
      Int64Keys record;
      record.set_key(key);
      record.set_many(many);
      record.set_sorted(key);
      return txn.Insert(record).status();
    });
  }
  void Delete(std::int64_t key) {
    Write([&](Transaction& txn) { return txn.Delete(txn.Find<Int64Keys>(key)); });
  }
  // Until all is freed that no open snapshot keeps.
  void Reclaim() {
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (store_->stats().retired > 0 && absl::Now() < deadline) {
      store_->Write([](Transaction&) { return absl::OkStatus(); }).IgnoreError();
    }
    ASSERT_EQ(store_->stats().retired, 0);
  }
  // Commits that give the reclaimer all that it may have.
  void ReclaimSome() {
    for (int i = 0; i < 20; ++i) {
      store_->Write([](Transaction&) { return absl::OkStatus(); }).IgnoreError();
    }
  }
  int IndexOver(const char* field) const {
    const auto& indexes = store_->schema().graph().models[0]->indexes;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      if (indexes[i].fields[0]->name() == field) return static_cast<int>(i);
    }
    return -1;
  }
  static const internal::View* ViewOf(const Snapshot& snapshot, std::int64_t key) {
    return snapshot.Find<Int64Keys>(key).internal_view();
  }

  const std::unique_ptr<Store> store_ = *Store::Open(Schema::Of<Int64Keys>());
};

TEST_F(ReuseTest, PositionsOfAListAreUsedAgainBehindAndBeforeAReader) {
  for (std::int64_t key = 0; key < 8; ++key) Insert(key, 7);
  Delete(2);
  Delete(5);
  Reclaim();  // Positions 2 and 5 are free.
  const Snapshot snapshot = store_->GetSnapshot();
  const internal::View* view = ViewOf(snapshot, 0);
  internal::HashIndex& index = view->engine->table(0).index(IndexOver("many"));
  std::vector<std::int64_t> seen;
  index.ForEachEntry(internal::HashKey(std::int64_t{7}), [&](const internal::Version* entry) {
    const internal::Version* version = internal::VisibleAt(entry, view->Limit());
    if (version != nullptr) seen.push_back(internal::RecordIn<Int64Keys>(version)->key());
    if (seen.size() == 3) {
      // The reader is in the middle. Positions behind and before it get others, records go.
      for (std::int64_t key = 100; key < 130; ++key) Insert(key, 7);
      for (std::int64_t key : {0, 4, 6, 7}) Delete(key);
      ReclaimSome();
    }
    return false;
  });
  EXPECT_THAT(seen, ElementsAre(0, 1, 3, 4, 6, 7));
  const internal::PostingList& list = *index.FindList(internal::HashKey(std::int64_t{7}));
  EXPECT_EQ(list.counts().At(view->Limit()), 6);
}

TEST_F(ReuseTest, AReaderOnANodeThatIsUnlinkedGoesOnThroughWhatItsSnapshotHas) {
  for (std::int64_t key = 0; key < 40; ++key) Insert(key, key);
  auto before = std::make_unique<Snapshot>(store_->GetSnapshot());
  for (std::int64_t key = 10; key < 20; ++key) Delete(key);
  // Sees none of these, but walks through their nodes, which `before` keeps.
  const Snapshot snapshot = store_->GetSnapshot();
  const internal::View* view = ViewOf(snapshot, 0);
  const internal::OrderedIndex& ordered = *view->engine->table(0).ordered(IndexOver("sorted"));
  std::vector<std::int64_t> seen;
  int nodes = 0;
  for (const auto* node = ordered.First(); node != nullptr; node = node->next()) {
    const internal::Version* version = ordered.Visible(*node, view->Limit());
    if (version != nullptr) seen.push_back(internal::RecordIn<Int64Keys>(version)->key());
    if (++nodes == 15) {
      // The reader stands on a node that nobody needs now; it is unlinked, with its neighbours.
      // Nodes after it that the snapshot has stay, also those deleted and those added around.
      before.reset();
      ReclaimSome();
      for (std::int64_t key = 20; key < 30; ++key) Delete(key);
      for (std::int64_t key = 10; key < 20; ++key) Insert(key, key);
      for (std::int64_t key = 100; key < 110; ++key) Insert(key, key);
      ReclaimSome();
    }
  }
  std::vector<std::int64_t> expected;
  for (std::int64_t key = 0; key < 40; ++key) {
    if (key < 10 || key >= 20) expected.push_back(key);
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(ReuseTest, ADeletedRecordsVersionIsReadAfterItsKeyHasBeenUsedAgain) {
  Insert(1, 1);
  const Snapshot snapshot = store_->GetSnapshot();
  const auto old = snapshot.Find<Int64Keys>(1);
  for (int round = 0; round < 50; ++round) {
    Delete(1);
    Insert(1, 2 + round);
  }
  ReclaimSome();
  EXPECT_EQ(old->many(), 1);
  EXPECT_EQ(snapshot.Find<Int64Keys>(1), old);
  EXPECT_EQ(store_->GetSnapshot().Find<Int64Keys>(1)->many(), 51);
}

}  // namespace
}  // namespace kin
