// Ordered indexes: iteration in key order, and what older snapshots see in them.
#include "kin/store/internal/ordered_index.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/internal/engine.h"
#include "kin/store/store.h"
#include "tests/store/ordered.kin.h"

namespace kin {
namespace {

using ::ordered_test::Pair;
using ::ordered_test::PairRef;
using ::ordered_test::Word;
using ::ordered_test::WordRef;
using ::testing::ElementsAre;

std::unique_ptr<Store> OpenStore() {
  auto store = Store::Open(Schema::Of<Word, Pair>());
  EXPECT_TRUE(store.ok()) << store.status();
  return std::move(*store);
}

Word NewWord(const std::string& id, const std::string& text) {
  Word word;
  word.set_id(id);
  word.set_text(text);
  return word;
}

template <typename Reader>
std::vector<std::string> Ids(const Reader& reader) {
  std::vector<std::string> ids;
  for (WordRef word : reader.template All<Word>()) ids.push_back(word->id());
  return ids;
}

// The ids of the records that a snapshot sees in an index, in its order.
std::vector<std::string> Walk(const Snapshot& snapshot, int index) {
  const internal::View* view = snapshot.Find<Word>("a").internal_view();
  std::vector<std::string> ids;
  if (view == nullptr) return ids;
  const internal::OrderedIndex& ordered = *view->engine->table(0).ordered(index);
  for (const auto* node = ordered.First(); node != nullptr; node = node->next()) {
    const internal::Version* version = ordered.Visible(*node, view->Limit());
    if (version != nullptr) ids.push_back(internal::RecordIn<Word>(version)->id());
  }
  return ids;
}

int IndexOver(const Store& store, const std::string& field) {
  const auto& indexes = store.schema().graph().models[0]->indexes;
  for (std::size_t i = 0; i < indexes.size(); ++i) {
    if (indexes[i].fields.size() == 1 && indexes[i].fields[0]->name() == field) {
      return static_cast<int>(i);
    }
  }
  return -1;
}

TEST(OrderedIndexTest, AllIsInTheOrderOfAnOrderedKey) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    for (const char* id : {"m", "", "zz", "a", "z"}) {
      if (auto s = txn.Upsert(NewWord(id, std::string("t") + id)).status(); !s.ok()) return s;
    }
    Word zero = NewWord(std::string("a\0b", 3), "zero");
    if (auto s = txn.Insert(zero).status(); !s.ok()) return s;
    EXPECT_THAT(Ids(txn), ElementsAre("", "a", std::string("a\0b", 3), "m", "z", "zz"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_THAT(Ids(store->GetSnapshot()),
              ElementsAre("", "a", std::string("a\0b", 3), "m", "z", "zz"));
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

TEST(OrderedIndexTest, CompositeKeysAreInTheOrderOfTheirParts) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    for (int left : {3, -5, 0, std::numeric_limits<int>::min(), std::numeric_limits<int>::max()}) {
      for (const char* right : {"b", "", "a"}) {
        Pair pair;
        pair.set_left(left);
        pair.set_right(right);
        if (auto s = txn.Insert(pair).status(); !s.ok()) return s;
      }
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  std::vector<std::pair<int, std::string>> seen;
  Snapshot snapshot = store->GetSnapshot();
  for (PairRef pair : snapshot.All<Pair>()) seen.emplace_back(pair->left(), pair->right());
  EXPECT_EQ(seen.size(), 15u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

// What was taken out by the savepoint and added again is in another place than the range is at.
TEST(OrderedIndexTest, ARecordThatIsInsertedAgainIsGivenOnce) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    if (auto s = txn.Insert(NewWord("a", "1")).status(); !s.ok()) return s;
    const auto savepoint = txn.Savepoint();
    if (auto s = txn.Insert(NewWord("b", "2")).status(); !s.ok()) return s;
    const auto words = txn.All<Word>();
    auto it = words.begin();  // Has looked ahead, to b.
    std::vector<std::string> seen = {(*it)->id()};
    txn.RollbackTo(savepoint);
    if (auto s = txn.Insert(NewWord("b", "2")).status(); !s.ok()) return s;
    while (++it != words.end()) seen.push_back((*it)->id());
    EXPECT_THAT(seen, ElementsAre("a", "b"));
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
}

// Leaves are split while a reader comes to them, both ways.
TEST(OrderedIndexTest, ReadersComeToLeavesThatAreBeingSplit) {
  auto store = OpenStore();
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::size_t most = 0;
    while (!done) {
      const Snapshot snapshot = store->GetSnapshot();
      const std::vector<std::string> ids = Ids(snapshot);
      EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
      EXPECT_EQ(ids.size(), static_cast<std::size_t>(snapshot.Count<Word>()));
      EXPECT_GE(ids.size(), most);
      most = ids.size();
      const WordRef last = snapshot.Query<Word>().OrderBy(ordered_test::WordModel::id).Last();
      EXPECT_EQ(last ? last->id() : "", ids.empty() ? "" : ids.back());
    }
  });
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const std::string id = std::to_string(random());
    auto commit = store->Write(
        [&](Transaction& txn) -> absl::Status { return txn.Upsert(NewWord(id, id)).status(); });
    EXPECT_TRUE(commit.ok()) << commit.status();
  }
  done = true;
  reader.join();
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

TEST(OrderedIndexTest, ARangeOfATransactionMayBeIteratedWhileItChanges) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    for (char c = 'a'; c <= 'z'; ++c) {
      if (auto s = txn.Insert(NewWord(std::string(1, c), std::string(2, c))).status(); !s.ok()) {
        return s;
      }
    }
    std::multiset<std::string> seen;
    for (WordRef word : txn.All<Word>()) {
      seen.insert(word->id());
      if (word->id() == "c") {
        EXPECT_TRUE(txn.Delete(word).ok());
        EXPECT_TRUE(txn.Delete(txn.Find<Word>("d")).ok());
        EXPECT_TRUE(txn.Insert(NewWord("b2", "b2")).ok());
        EXPECT_TRUE(txn.Update(txn.Find<Word>("e"), [](Word& w) { w.set_text("E"); }).ok());
      }
    }
    EXPECT_EQ(seen.size(), 25u);
    EXPECT_EQ(seen.count("d"), 0u);
    EXPECT_EQ(seen.count("e"), 1u);
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

// Random changes; every open snapshot must keep giving the order of its own commit.
TEST(OrderedIndexTest, EachSnapshotKeepsItsOrder) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  auto store = OpenStore();
  // By id: text, weight.
  using Plain = std::map<std::string, std::pair<std::string, double>>;
  Plain plain;
  struct Open {
    Snapshot snapshot;
    Plain plain;
  };
  std::vector<Open> open;
  for (int step = 0; step < 600; ++step) {
    Plain next = plain;
    const bool abort = step > 0 && random() % 5 == 0;
    auto commit = store->Write([&](Transaction& txn) -> absl::Status {
      // "a" is always there, so that a snapshot's view can be had from it.
      for (int i = 0; i < 4; ++i) {
        const std::string id(1, static_cast<char>('a' + (step == 0 ? 0 : random() % 12)));
        if (random() % 4 == 0 && id != "a") {
          if (txn.Find<Word>(id)) {
            EXPECT_TRUE(txn.Delete(txn.Find<Word>(id)).ok());
            next.erase(id);
          }
          continue;
        }
        Word word = NewWord(id, std::string(1, static_cast<char>('k' + random() % 14)));
        word.set_weight(static_cast<double>(random() % 7) - 3);
        if (txn.Upsert(word).ok()) next[id] = {word.text(), word.weight()};
      }
      return abort ? absl::CancelledError("") : absl::OkStatus();
    });
    if (!abort) {
      ASSERT_TRUE(commit.ok()) << commit.status();
      plain = next;
    }
    ASSERT_EQ(store->CheckInvariants(), absl::OkStatus()) << "step " << step;
    if (!plain.empty() && random() % 3 == 0) open.push_back({store->GetSnapshot(), plain});
    if (open.size() > 6) open.erase(open.begin() + static_cast<int>(random() % open.size()));
    for (const Open& view : open) {
      std::vector<std::string> by_id;
      std::map<std::string, std::string> by_text;
      std::multimap<std::pair<double, std::string>, std::string> by_weight;
      for (const auto& [id, values] : view.plain) {
        by_id.push_back(id);
        by_text[values.first] = id;
        by_weight.insert({{values.second, id}, id});
      }
      ASSERT_EQ(Ids(view.snapshot), by_id) << "step " << step;
      std::vector<std::string> expected;
      for (const auto& [text, id] : by_text) expected.push_back(id);
      ASSERT_EQ(Walk(view.snapshot, IndexOver(*store, "text")), expected) << "step " << step;
      expected.clear();
      for (const auto& [weight, id] : by_weight) expected.push_back(id);
      ASSERT_EQ(Walk(view.snapshot, IndexOver(*store, "weight")), expected) << "step " << step;
    }
  }
}

// The order is that of the whole key, of which all that is asked for has one part.
TEST(OrderedIndexTest, AQueryGoesOnFromARecordWithAnotherPartOfTheKey) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    for (int left = 0; left < 300; ++left) {
      for (const char* right : {"b", "a", "c"}) {
        Pair pair;
        pair.set_left(left);
        pair.set_right(right);
        if (auto s = txn.Insert(pair).status(); !s.ok()) return s;
      }
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  const Snapshot snapshot = store->GetSnapshot();
  const auto query = snapshot.Query<Pair>().Where(ordered_test::PairModel::left == 5);
  const auto after = [&](int left, const char* right) {
    std::string found;
    for (PairRef pair : query.After(snapshot.Find<Pair>(left, right)).ToVector()) {
      found += pair->right();
    }
    return found;
  };
  EXPECT_THAT(query.Explain().chosen.path, ::testing::HasSubstr("ordered index (left, right)"));
  EXPECT_EQ(after(4, "c"), "abc");
  EXPECT_EQ(after(5, "a"), "bc");
  EXPECT_EQ(after(6, "a"), "");
}

TEST(OrderedIndexTest, GoesBothWaysFromAnyPlace) {
  auto store = OpenStore();
  auto commit = store->Write([](Transaction& txn) -> absl::Status {
    for (char c = 'a'; c <= 'y'; c += 2) {
      if (auto s = txn.Insert(NewWord(std::string(1, c), std::string(1, c))).status(); !s.ok()) {
        return s;
      }
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  Snapshot snapshot = store->GetSnapshot();
  const internal::OrderedIndex& ordered =
      *snapshot.Find<Word>("a").internal_view()->engine->table(0).ordered(0);
  EXPECT_EQ(ordered.LowerBound("b")->bytes()[0], 'c');
  EXPECT_EQ(ordered.Before("b")->bytes()[0], 'a');
  EXPECT_EQ(ordered.LowerBound("z"), nullptr);
  EXPECT_EQ(ordered.Before("a"), nullptr);
  EXPECT_EQ(ordered.Last()->bytes()[0], 'y');
  EXPECT_EQ(ordered.First()->bytes()[0], 'a');
}

}  // namespace
}  // namespace kin
