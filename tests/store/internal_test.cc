// The parts of the engine by themselves: tables, lists, keys, views and memory. Over 600 lines: a
// few short cases of each.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "kin/store/internal/count_chain.h"
#include "kin/store/internal/line_table.h"
#include "kin/store/internal/memory.h"
#include "kin/store/internal/posting_list.h"
#include "kin/store/internal/table.h"
#include "kin/store/internal/utf8.h"
#include "kin/store/internal/view.h"
#include "kin/store/internal/writer_context.h"
#include "kin/store/internal/writer_lock.h"
#include "kin/store/store.h"
#include "kin/tests/testing/seed.h"
#include "tests/store/history.kin.h"

namespace kin::internal {
namespace {

// --- LineTable ---

struct Lines {
  explicit Lines(std::size_t entries) : table(LineTable::New(entries)) {}
  ~Lines() { LineTable::Delete(table); }

  LineTable* const table;

  std::uintptr_t Find(std::uint64_t hash, std::uintptr_t value) const {
    return table->Find(hash, [&](std::uintptr_t slot) { return slot == value; });
  }
  LineTable::Position Locate(std::uint64_t hash, std::uintptr_t value) const {
    return table->Locate(hash, [&](std::uintptr_t slot) { return slot == value; });
  }
  int Overflow(std::uint64_t bucket) const {
    return static_cast<int>(table->bucket(bucket).word.load() >> 56);
  }
};

TEST(LineTableTest, StartsEmptyWithRoomForWhatWasAsked) {
  for (std::size_t entries : {0u, 1u, 11u, 12u, 1000u}) {
    Lines lines(entries);
    EXPECT_GE(lines.table->capacity(), entries);
    EXPECT_EQ(lines.table->size(), 0u);
    EXPECT_EQ(lines.Find(7, 8), 0u);
    EXPECT_FALSE(lines.Locate(7, 8).found());
  }
}

TEST(LineTableTest, EntriesOfOneTagAndBucketAreToldApartByTheirMatch) {
  Lines lines(100);
  constexpr std::uint64_t kHash = 5;
  for (std::uintptr_t value = 8; value <= 8 * 50; value += 8) lines.table->Insert(kHash, value);
  for (std::uintptr_t value = 8; value <= 8 * 50; value += 8) {
    EXPECT_EQ(lines.Find(kHash, value), value);
  }
  EXPECT_EQ(lines.Find(kHash, 8 * 51), 0u);
  std::set<std::uintptr_t> seen;
  lines.table->Find(kHash, [&](std::uintptr_t slot) {
    EXPECT_TRUE(seen.insert(slot).second);
    return false;
  });
  EXPECT_EQ(seen.size(), 50u);
}

TEST(LineTableTest, TheOverflowCountSaysHowManyLieBeyondTheBucket) {
  Lines lines(100);
  for (std::uintptr_t i = 1; i <= 20; ++i) lines.table->Insert(0, 8 * i);
  EXPECT_EQ(lines.Overflow(0), 13);
  EXPECT_EQ(lines.Overflow(1), 6);
  EXPECT_EQ(lines.Overflow(2), 0);
  for (std::uintptr_t i = 20; i > 0; --i) lines.table->Erase(0, lines.Locate(0, 8 * i));
  EXPECT_EQ(lines.table->size(), 0u);
  for (std::uint64_t bucket = 0; bucket < 3; ++bucket) EXPECT_EQ(lines.Overflow(bucket), 0);
}

TEST(LineTableTest, ASaturatedOverflowCountStaysAndNothingIsLost) {
  Lines lines(1000);
  for (std::uintptr_t i = 1; i <= 500; ++i) lines.table->Insert(0, 8 * i);
  EXPECT_EQ(lines.Overflow(0), 127);
  for (std::uintptr_t i = 1; i <= 500; ++i) EXPECT_EQ(lines.Find(0, 8 * i), 8 * i);
  for (std::uintptr_t i = 1; i <= 499; ++i) lines.table->Erase(0, lines.Locate(0, 8 * i));
  EXPECT_EQ(lines.Overflow(0), 127) << "it is not known how many are left";
  EXPECT_EQ(lines.Find(0, 8 * 500), 8u * 500);
  EXPECT_EQ(lines.Find(0, 8 * 499), 0u);
}

TEST(LineTableTest, AProbeGoesRoundTheEnd) {
  Lines lines(8);
  ASSERT_EQ(lines.table->buckets(), 2u);
  constexpr std::uint64_t kLast = std::uint64_t{1} << 63;
  for (std::uintptr_t i = 1; i <= 10; ++i) lines.table->Insert(kLast, 8 * i);
  for (std::uintptr_t i = 1; i <= 10; ++i) EXPECT_EQ(lines.Find(kLast, 8 * i), 8 * i);
  EXPECT_EQ(lines.Overflow(1), 3);
  EXPECT_EQ(lines.Find(kLast, 8 * 11), 0u);
}

TEST(LineTableTest, AnErasedSlotIsUsedAgain) {
  Lines lines(11);
  const LineTable::Position first = lines.table->Insert(0, 8);
  lines.table->Erase(0, first);
  EXPECT_EQ(lines.table->At(first.bucket, first.slot), 0u);
  const LineTable::Position second = lines.table->Insert(0, 16);
  EXPECT_EQ(second.bucket, first.bucket);
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_EQ(lines.table->At(first.bucket, first.slot), 16u);
  lines.table->Replace(second, 24);
  EXPECT_EQ(lines.Find(0, 24), 24u);
  EXPECT_EQ(lines.Find(0, 16), 0u);
}

TEST(LineTableTest, ALargeTableIsGivenBackPartAfterPart) {
  const std::size_t before = SystemBytes();
  LineTable* table = LineTable::New(2'000'000);
  std::size_t left = SystemBytes();
  ASSERT_GE(left - before, std::size_t{32} << 20);
  int parts = 1;
  for (; !LineTable::DeletePart(table); ++parts) {
    ASSERT_LT(SystemBytes(), left);
    left = SystemBytes();
  }
  EXPECT_GE(parts, 4);
  EXPECT_EQ(SystemBytes(), before);
}

TEST(LineTableTest, ASmallTableIsOnePart) {
  EXPECT_TRUE(LineTable::DeletePart(LineTable::New(1000)));
}

TEST(LineTableTest, AgreesWithASetOverRandomChanges) {
  std::mt19937_64 random(4);
  Lines lines(500);
  std::map<std::uintptr_t, std::uint64_t> hashes;
  for (int i = 0; i < 20'000; ++i) {
    const std::uintptr_t value = 8 * (1 + random() % 700);
    auto it = hashes.find(value);
    if (it != hashes.end()) {
      ASSERT_EQ(lines.Find(it->second, value), value);
      lines.table->Erase(it->second, lines.Locate(it->second, value));
      hashes.erase(it);
    } else if (lines.table->size() < lines.table->capacity()) {
      // Few buckets and tags.
      const std::uint64_t hash = (random() % 3) << 57 | (random() % 40);
      lines.table->Insert(hash, value);
      hashes[value] = hash;
    }
    ASSERT_EQ(lines.table->size(), hashes.size());
  }
  std::size_t visited = 0;
  for (std::uint64_t bucket = 0; bucket < lines.table->buckets(); ++bucket) {
    LineTable::ForEach(lines.table->bucket(bucket), [&](std::uintptr_t slot) {
      EXPECT_TRUE(hashes.contains(slot));
      ++visited;
    });
  }
  EXPECT_EQ(visited, hashes.size());
  for (const auto& [value, hash] : hashes) EXPECT_EQ(lines.Find(hash, value), value);
}

// --- WriterLock ---

TEST(WriterLockTest, KeepsOthersOut) {
  absl::Mutex mutex;
  int counter = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10'000; ++j) {
        const WriterLock lock(&mutex);
        ++counter;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter, 40'000);
}

TEST(WriterLockTest, WaitsLongerThanItLooks) {
  absl::Mutex mutex;
  std::atomic<bool> begun{false};
  std::atomic<bool> has_lock{false};
  mutex.Lock();
  std::thread other([&] {
    begun = true;
    const WriterLock lock(&mutex);
    has_lock = true;
  });
  while (!begun) std::this_thread::yield();
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
  while (std::chrono::steady_clock::now() < end) EXPECT_FALSE(has_lock);
  mutex.Unlock();
  other.join();
  EXPECT_TRUE(has_lock);
}

// --- PostingList ---

std::vector<const Version*> Entries(const PostingList& list) {
  std::vector<const Version*> entries;
  const PostingArray* array = list.array();
  for (std::uint32_t i = 0; i < array->used.load(); ++i) {
    if (const Version* entry = array->entries()[i].load()) entries.push_back(entry);
  }
  return entries;
}

TEST(PostingListTest, KeepsPositionsWhileItGrowsShrinksAndReplaces) {
  for (std::size_t size : {1u, 4u, 5u, 8u, 9u, 17u, 255u, 256u, 257u, 400u}) {
    PostingList list(1, Key());
    std::vector<Version> versions(2 * size);
    for (std::size_t i = 0; i < size; ++i) {
      if (PostingArray* retired = list.Insert(&versions[i])) PostingArray::Delete(retired);
    }
    EXPECT_EQ(list.size(), size);
    for (std::size_t i = 0; i < size; ++i) {
      EXPECT_TRUE(list.Contains(&versions[i]));
      list.Replace(&versions[i], &versions[size + i]);
      EXPECT_FALSE(list.Contains(&versions[i]));
    }
    std::vector<const Version*> expected;
    for (std::size_t i = 0; i < size; ++i) expected.push_back(&versions[size + i]);
    EXPECT_EQ(Entries(list), expected);
    // An erased position is used again, so the rest keep theirs.
    for (std::size_t i = 0; i < size; i += 2) list.Erase(&versions[size + i]);
    for (std::size_t i = 0; i < size; i += 2) {
      if (PostingArray* retired = list.Insert(&versions[i])) PostingArray::Delete(retired);
    }
    const std::vector<const Version*> again = Entries(list);
    ASSERT_EQ(again.size(), size);
    for (std::size_t i = 1; i < size; i += 2) EXPECT_EQ(again[i], &versions[size + i]);
    EXPECT_GT(list.memory_bytes(), size * sizeof(void*));
    for (const Version* entry : again) list.Erase(const_cast<Version*>(entry));
    EXPECT_EQ(list.size(), 0u);
    EXPECT_TRUE(Entries(list).empty());
  }
}

// Lists that grow and shrink across the size from which on there is a map.
TEST(PostingListTest, EntriesStayWhereTheyAre) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  std::mt19937 random(seed);
  PostingList list(1, Key());
  std::deque<Marker> made;
  std::vector<std::pair<Version*, std::uint32_t>> live;  // With its position.
  const auto make = [&]() -> Version* {
    made.emplace_back();
    made.back().stamp = made.size() | (random() % 4 == 0 ? kDeletedFlag : 0);
    return &made.back();
  };
  const auto at = [&](std::uint32_t position) {
    return list.array()->entries()[position].load(std::memory_order_relaxed);
  };
  bool grows = true;
  for (int step = 0; step < 20'000; ++step) {
    grows = live.size() < 100 || (grows && live.size() < 400);
    const std::size_t which = live.empty() ? 0 : random() % live.size();
    const unsigned what = random() % 10;
    if (live.empty() || (what < 5 && grows)) {
      Version* entry = make();
      if (PostingArray* retired = list.Insert(entry)) PostingArray::Delete(retired);
      std::uint32_t position = 0;
      while (at(position) != entry) ++position;
      live.emplace_back(entry, position);
    } else if (what < 7) {
      Version* entry = make();
      Version* before = std::exchange(live[which].first, entry);
      list.Replace(before, entry);
      ASSERT_EQ(at(live[which].second), entry) << "step " << step;
      ASSERT_FALSE(list.Contains(before)) << "step " << step;
    } else {
      list.Erase(live[which].first);
      ASSERT_EQ(at(live[which].second), nullptr) << "step " << step;
      live[which] = live.back();
      live.pop_back();
    }
    ASSERT_EQ(list.size(), live.size());
    if (step % 200 != 0) continue;
    for (const auto& [entry, position] : live) {
      ASSERT_TRUE(list.Contains(entry)) << "step " << step;
      ASSERT_EQ(at(position), entry) << "step " << step;
    }
  }
}

// It has few entries, but to go through it would take long.
TEST(PostingListTest, AListThatWasLargeHasAMap) {
  PostingList list(1, Key());
  std::vector<Version> versions(10'000);
  for (Version& version : versions) {
    if (PostingArray* retired = list.Insert(&version)) PostingArray::Delete(retired);
  }
  for (std::size_t i = 0; i + 200 < versions.size(); ++i) list.Erase(&versions[i]);
  const std::size_t before = list.memory_bytes();
  EXPECT_TRUE(list.Contains(&versions[versions.size() - 100]));
  EXPECT_GT(list.memory_bytes(), before);
}

// A count that a writer changes by itself, as a transaction would. Made on the heap: stacks of
// AddressSanitizer do not align as the registry has to be.
struct Counted {
  ViewRegistry registry{nullptr, 0, nullptr};
  WriterContext context{&registry};
  CountChain counts;

  ~Counted() { context.reclaimer.Clear(); }
  void Change(std::int64_t delta) {
    context.stamp = StampOf(registry.published() + 1);
    context.RenewCount(counts);
    counts.Change(delta);
  }
  void Commit() { registry.Publish(registry.published() + 1); }
  void EndOfTransaction() {
    registry.AdvanceEra();
    context.Rescan();
    context.reclaimer.Run(context.scan.oldest_era, registry.era(), 8);
  }
};

TEST(CountChainTest, AnswersAsAtEachCommitAndNotBefore) {
  const auto owner = std::make_unique<Counted>();
  Counted& counted = *owner;
  EXPECT_EQ(counted.counts.At(LimitOf(9)), -1);
  counted.registry.Publish(2);
  counted.counts.Begin(StampOf(2), 7);
  EXPECT_EQ(counted.counts.At(LimitOf(1)), -1);
  EXPECT_EQ(counted.counts.At(LimitOf(2)), 7);
  counted.Change(3);
  EXPECT_EQ(counted.counts.At(LimitOf(2)), 7);
  EXPECT_EQ(counted.counts.At(LimitOf(3)), 10);
  counted.Change(-3);  // Undone: the next transaction has the same number.
  EXPECT_EQ(counted.counts.At(LimitOf(2)), 7);
  counted.Change(1);
  counted.Commit();
  EXPECT_EQ(counted.counts.At(LimitOf(2)), 7);
  EXPECT_EQ(counted.counts.At(LimitOf(3)), 8);
}

TEST(CountChainTest, WithoutOlderViewsNothingIsAllocated) {
  const auto owner = std::make_unique<Counted>();
  Counted& counted = *owner;
  counted.counts.Begin(StampOf(0), 0);
  for (int i = 1; i <= 100; ++i) {
    counted.Change(1);
    EXPECT_EQ(counted.counts.At(LimitOf(counted.registry.published())), i - 1);
    counted.Commit();
    View* view = counted.registry.Acquire();
    EXPECT_EQ(counted.counts.At(view->Limit()), i);
    ViewRegistry::Release(view);
    counted.EndOfTransaction();
  }
  EXPECT_EQ(counted.context.slab.bytes_in_use(), 0);
}

TEST(CountChainTest, EachViewKeepsItsCount) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto owner = std::make_unique<Counted>();
    Counted& counted = *owner;
    counted.counts.Begin(StampOf(0), 0);
    std::vector<std::pair<View*, std::int64_t>> views;
    std::int64_t count = 0;
    const auto check = [&] {
      for (const auto& [view, expected] : views) {
        ASSERT_EQ(counted.counts.At(view->Limit()), expected);
      }
    };
    for (int step = 0; step < 2000; ++step) {
      if (random() % 2 == 0) {  // Others do not change this count.
        const std::int64_t delta = static_cast<std::int64_t>(random() % 5) - 2;
        counted.Change(delta);
        if (random() % 4 == 0) views.emplace_back(counted.registry.Acquire(), count);
        check();
        if (random() % 4 == 0) {
          counted.Change(-delta);
        } else {
          count += delta;
          counted.Commit();
        }
      } else {
        counted.Commit();
      }
      if (random() % 3 == 0) views.emplace_back(counted.registry.Acquire(), count);
      while (views.size() > random() % 9) {
        const std::size_t i = random() % views.size();
        ViewRegistry::Release(views[i].first);
        views.erase(views.begin() + static_cast<std::ptrdiff_t>(i));
      }
      check();
      counted.EndOfTransaction();
      check();
    }
    for (const auto& [view, expected] : views) ViewRegistry::Release(view);
    for (int i = 0; i < 2000; ++i) counted.EndOfTransaction();
    EXPECT_EQ(counted.context.slab.bytes_in_use(), 0);
  }
}

// The count of a commit is its number.
TEST(CountChainTest, ReadersBesideTheWriterFindTheCountOfTheirView) {
  const auto owner = std::make_unique<Counted>();
  Counted& counted = *owner;
  counted.counts.Begin(StampOf(0), 0);
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      while (!done.load()) {
        View* view = counted.registry.Acquire();
        for (int i = 0; i < (t == 0 ? 1 : 100); ++i) {
          const auto expected = static_cast<std::int64_t>(CommitOf(view->Limit()));
          if (counted.counts.At(view->Limit()) != expected) wrong.fetch_add(1);
        }
        ViewRegistry::Release(view);
        reads.fetch_add(1);
      }
    });
  }
  for (int i = 0; i < 20'000 || reads.load() < 1000; ++i) {
    counted.Change(1);
    counted.Commit();
    counted.EndOfTransaction();
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

// --- Keys ---

KeyReader ReaderOf(const google::protobuf::Message& prototype, const std::vector<int>& fields,
                   const ModelOps& ops) {
  graph::FieldList list;
  for (int number : fields) list.push_back(prototype.GetDescriptor()->FindFieldByNumber(number));
  return KeyReader(ops, list);
}

// Records in the order of their keys keep it when encoded, and come back when decoded; read by
// generated code and by reflection.
template <typename M>
void ExpectOrderAndRoundTrip(const std::vector<int>& fields, const std::vector<M>& in_order) {
  ModelOps by_reflection;
  by_reflection.descriptor = M::descriptor();
  const KeyReader generated = ReaderOf(M::default_instance(), fields, ModelTraits<M>::Ops());
  const KeyReader reflected = ReaderOf(M::default_instance(), fields, by_reflection);
  Key last;
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    KeyParts key;
    KeyParts same;
    ASSERT_TRUE(generated.Read(in_order[i], &key));
    ASSERT_TRUE(reflected.Read(in_order[i], &same));
    EXPECT_TRUE(key == same);
    EXPECT_EQ(HashParts(key), HashParts(same));
    std::string buffer;
    const Key encoded(generated.Encode(key, &buffer));
    EXPECT_TRUE(i == 0 || last < encoded) << in_order[i].ShortDebugString();
    last = encoded;
    M decoded;
    generated.Decode(encoded.view(), &decoded);
    KeyParts again;
    ASSERT_TRUE(generated.Read(decoded, &again));
    EXPECT_TRUE(again == key) << in_order[i].ShortDebugString();
  }
}

TEST(KeyReaderTest, SignedNumbersKeepTheirOrder) {
  std::vector<history::Person> people;
  using Limits = std::numeric_limits<std::int64_t>;
  for (std::int64_t id : {Limits::min(), Limits::min() + 1, std::int64_t{-1}, std::int64_t{0},
                          std::int64_t{1}, Limits::max()}) {
    people.emplace_back().set_id(id);
  }
  ExpectOrderAndRoundTrip({1}, people);
  std::vector<history::Desk> desks;
  for (std::int32_t floor : {std::numeric_limits<std::int32_t>::min(), -1, 0, 1,
                             std::numeric_limits<std::int32_t>::max()}) {
    desks.emplace_back().set_floor(floor);
  }
  ExpectOrderAndRoundTrip({3}, desks);
}

TEST(KeyReaderTest, UnsignedNumbersKeepTheirOrder) {
  std::vector<history::Badge> badges;
  for (std::uint64_t id : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 63,
                           std::numeric_limits<std::uint64_t>::max()}) {
    badges.emplace_back().set_id(id);
  }
  ExpectOrderAndRoundTrip({1}, badges);
}

TEST(KeyReaderTest, TextKeepsItsOrderByBytes) {
  std::vector<history::Desk> desks;
  for (const std::string& code :
       {std::string(), std::string("\0", 1), std::string("\0\0", 2), std::string("\0a", 2),
        std::string("a"), std::string("a\0", 2), std::string("a\0b", 3), std::string("a\1"),
        std::string("ab"), std::string("b"), std::string("\xc3\xbf")}) {
    desks.emplace_back().set_code(code);
  }
  ExpectOrderAndRoundTrip({1}, desks);
}

TEST(KeyReaderTest, TuplesKeepTheirOrderPartByPart) {
  std::vector<history::Enrolment> both;
  std::vector<std::string> names = {std::string(),
                                    std::string("\0", 1),
                                    std::string("\0\0", 2),
                                    std::string("\0\xff", 2),
                                    std::string("a"),
                                    std::string("a\0", 2),
                                    std::string("a\0\xff", 3),
                                    std::string("a\1"),
                                    std::string("ab"),
                                    std::string("\xff\xff")};
  for (std::int64_t person : {-5, 0, 7}) {
    for (const std::string& name : names) {
      both.emplace_back().set_person_id(person);
      both.back().set_team_name(name);
    }
  }
  ExpectOrderAndRoundTrip({1, 2}, both);
  // The text first: what follows must not leak into its order.
  std::vector<history::Enrolment> turned;
  for (const std::string& name : names) {
    for (std::uint32_t grade : {0u, 1u, 0xffffffffu}) {
      turned.emplace_back().set_team_name(name);
      turned.back().set_grade(grade);
    }
  }
  ExpectOrderAndRoundTrip({2, 3}, turned);
}

TEST(KeyReaderTest, AnAbsentPartIsNoKey) {
  const KeyReader reader =
      ReaderOf(history::Note::default_instance(), {2, 3}, ModelTraits<history::Note>::Ops());
  history::Note note;
  KeyParts key;
  EXPECT_FALSE(reader.Read(note, &key));
  note.set_person_id(0);
  EXPECT_FALSE(reader.Read(note, &key));
  note.set_team_name("");
  EXPECT_TRUE(reader.Read(note, &key));
}

TEST(BiasDoubleTest, KeepsOrderWithOneZeroAndOneNan) {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<double> in_order = {-inf, -1e300, -1, -5e-324, 0, 5e-324, 1, 1e300, inf, nan};
  for (std::size_t i = 1; i < in_order.size(); ++i) {
    EXPECT_LT(BiasDouble(in_order[i - 1]), BiasDouble(in_order[i])) << in_order[i];
  }
  EXPECT_EQ(BiasDouble(-0.0), BiasDouble(0.0));
  EXPECT_EQ(BiasDouble(-nan), BiasDouble(nan));
}

// --- UTF-8 ---

std::string Encode(std::uint32_t code_point, int length) {
  std::string text;
  if (length == 1) return std::string(1, static_cast<char>(code_point));
  static constexpr std::uint32_t kLead[] = {0, 0, 0xc0, 0xe0, 0xf0, 0xf8};
  text.push_back(static_cast<char>(kLead[length] | code_point >> (6 * (length - 1))));
  for (int i = length - 2; i >= 0; --i) {
    text.push_back(static_cast<char>(0x80 | (code_point >> (6 * i) & 0x3f)));
  }
  return text;
}

TEST(Utf8Test, AcceptsEveryCodePointInItsShortestFormAndNoOther) {
  for (std::uint32_t code = 0; code <= 0x110010; ++code) {
    const int shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    const bool scalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    ASSERT_EQ(IsUtf8(Encode(code, shortest)), scalar) << std::hex << code;
    if (code % 97 != 0 && code > 0x900) continue;
    for (int longer = shortest + 1; longer <= 5; ++longer) {
      ASSERT_FALSE(IsUtf8(Encode(code, longer))) << std::hex << code << " in " << longer;
    }
  }
}

TEST(Utf8Test, RefusesWhatIsCutOffAndStrayBytesAtEveryOffset) {
  for (std::size_t before = 0; before < 20; ++before) {
    const std::string ascii(before, 'a');
    for (const std::string& whole : {Encode(0xff, 2), Encode(0x20ac, 3), Encode(0x1f600, 4)}) {
      EXPECT_TRUE(IsUtf8(ascii + whole));
      EXPECT_TRUE(IsUtf8(ascii + whole + "12345678" + whole));
      for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        // On the heap and of that size, so that a read past the end is found.
        const std::unique_ptr<char[]> exact(new char[before + cut]);
        const std::string text = ascii + whole.substr(0, cut);
        std::copy(text.begin(), text.end(), exact.get());
        EXPECT_FALSE(IsUtf8(absl::string_view(exact.get(), before + cut)));
        EXPECT_FALSE(IsUtf8(text + "a"));
        EXPECT_FALSE(IsUtf8(ascii + whole.substr(cut)));
      }
    }
    for (char stray : {'\x80', '\xbf', '\xc0', '\xc1', '\xf5', '\xfe', '\xff'}) {
      EXPECT_FALSE(IsUtf8(ascii + stray + "aaaaaaaaa"));
    }
  }
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8(std::string("\0\0\0", 3)));
}

// --- Views ---

// On the heap: AddressSanitizer's stacks do not keep the alignment of a cache line.
TEST(ViewRegistryTest, GivesMoreViewsThanAChunkAndKeepsTheirPlaces) {
  const auto registry_owner = std::make_unique<ViewRegistry>(nullptr, 0, nullptr);
  ViewRegistry& registry = *registry_owner;
  registry.Publish(3);
  std::set<View*> views;
  for (int i = 0; i < 200; ++i) {
    View* view = registry.Acquire();
    EXPECT_TRUE(views.insert(view).second);
    EXPECT_EQ(view->Limit(), LimitOf(3));
  }
  ViewRegistry::Scan scan;
  registry.ScanInto(&scan);
  EXPECT_EQ(scan.views, 200);
  EXPECT_FALSE(scan.acquiring);
  for (View* view : views) ViewRegistry::Release(view);
  registry.ScanInto(&scan);
  EXPECT_EQ(scan.views, 0);
  EXPECT_EQ(scan.oldest_era, registry.era());
  EXPECT_EQ(scan.oldest_limit, LimitOf(3));
  EXPECT_TRUE(views.contains(registry.Acquire())) << "places are used again";
}

TEST(ViewRegistryTest, AScanGivesTheOldestEraAndAllLimitsInOrder) {
  const auto registry_owner = std::make_unique<ViewRegistry>(nullptr, 0, nullptr);
  ViewRegistry& registry = *registry_owner;
  registry.Publish(1);
  View* first = registry.Acquire();
  registry.AdvanceEra();
  registry.Publish(2);
  View* second = registry.Acquire();
  registry.AdvanceEra();
  registry.Publish(3);
  ViewRegistry::Scan scan;
  registry.ScanInto(&scan);
  EXPECT_EQ(scan.oldest_era, View::kFirstEra);
  EXPECT_EQ(scan.oldest_limit, LimitOf(1));
  EXPECT_EQ(scan.limits, (std::vector<Stamp>{LimitOf(1), LimitOf(2)}));
  EXPECT_EQ(scan.published, 3u);
  ViewRegistry::Release(first);
  registry.ScanInto(&scan);
  EXPECT_EQ(scan.oldest_era, View::kFirstEra + 1);
  EXPECT_EQ(scan.oldest_limit, LimitOf(2));
  ViewRegistry::Release(second);
}

TEST(ViewRegistryTest, ThreadsOfSeveralRegistriesNeverShareAPlace) {
  const auto one_owner = std::make_unique<ViewRegistry>(nullptr, 0, nullptr);
  ViewRegistry& one = *one_owner;
  const auto other_owner = std::make_unique<ViewRegistry>(nullptr, 1, nullptr);
  ViewRegistry& other = *other_owner;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        View* a = one.Acquire();
        View* b = other.Acquire();
        View* c = one.Acquire();
        EXPECT_NE(a, c);
        EXPECT_EQ(a->slot_bytes, 0u);
        EXPECT_EQ(b->slot_bytes, 1u);
        ViewRegistry::Release(a);
        ViewRegistry::Release(b);
        ViewRegistry::Release(c);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ViewRegistry::Scan scan;
  one.ScanInto(&scan);
  EXPECT_EQ(scan.views, 0);
}

// --- Memory ---

TEST(SlabTest, BlocksAreApartAlignedAndUsedAgain) {
  Slab slab;
  std::vector<std::pair<char*, std::size_t>> blocks;
  for (std::size_t bytes : {1u, 31u, 32u, 33u, 64u, 65u, 500u, 1024u, 1025u, 5000u}) {
    for (int i = 0; i < 100; ++i) {
      char* block = static_cast<char*>(slab.Allocate(bytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 32, 0u);
#if !defined(__SANITIZE_ADDRESS__)
      EXPECT_TRUE(bytes <= 32 || bytes > 64 || reinterpret_cast<std::uintptr_t>(block) % 64 == 0);
#endif
      std::fill_n(block, bytes, static_cast<char>(i));
      blocks.emplace_back(block, bytes);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(blocks[i].first[0], static_cast<char>(i % 100));
    EXPECT_EQ(blocks[i].first[blocks[i].second - 1], static_cast<char>(i % 100));
  }
  EXPECT_GT(slab.bytes_in_use(), 0);
  for (const auto& [block, bytes] : blocks) slab.Free(block, bytes);
  EXPECT_EQ(slab.bytes_in_use(), 0);
}

TEST(AllocateZeroedTest, GivesZeroesAlignedToALineInEverySize) {
  for (std::size_t bytes : {64u, 100u, 4096u, 1u << 20, 5u << 20}) {
    char* memory = static_cast<char*>(AllocateZeroed(bytes));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % 64, 0u);
    EXPECT_TRUE(std::all_of(memory, memory + bytes, [](char c) { return c == 0; }));
    std::fill_n(memory, bytes, '\x55');
    FreeZeroed(memory, bytes);
  }
}

}  // namespace
}  // namespace kin::internal
