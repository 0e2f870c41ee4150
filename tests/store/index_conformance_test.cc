// One contract for every kind of index over every kind of key: what is found, by whom, through
// growth, moves, aborts and time. Run for each with generated code's functions.
//
//   KIN_SEED, KIN_STEPS  of the random histories.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/index_driver.h"
#include "tests/store/conformance.kin.h"

namespace kin::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

// Number of a record to its value; no value: it is there, and not in the index.
using Plain = std::map<int, std::optional<Value>>;

class IndexTest : public ::testing::TestWithParam<std::tuple<KeyKind, IndexKind>> {
 protected:
  KeyKind key_kind() const { return std::get<0>(GetParam()); }
  Value V(int i) const { return ValueOf(key_kind(), i); }

  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store_->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void Insert(int number, int value) {
    Write([&](Transaction& txn) { return index_.Insert(txn, number, V(value)); });
  }
  void Move(int number, int from, int to) {
    Write([&](Transaction& txn) { return index_.Move(txn, number, V(from), V(to)); });
  }
  void Delete(int number, int value) {
    Write([&](Transaction& txn) { return index_.Delete(txn, number, V(value)); });
  }

  // The numbers of those of `plain` that `has` accepts, as the index orders them.
  std::vector<int> Numbers(const Plain& plain, const std::function<bool(const Value&)>& has) const {
    std::vector<std::tuple<Value, Value, int>> found;
    for (const auto& [number, value] : plain) {
      if (value && has(*value)) found.emplace_back(*value, ValueOf(key_kind(), number), number);
    }
    std::sort(found.begin(), found.end());
    std::vector<int> numbers;
    for (const auto& entry : found) numbers.push_back(std::get<2>(entry));
    return numbers;
  }
  std::vector<int> InOrder(std::vector<int> found, const std::vector<int>& expected) const {
    if (index_.is_ordered() || found.size() != expected.size()) return found;
    return std::is_permutation(found.begin(), found.end(), expected.begin()) ? expected : found;
  }

  // That `reader` answers as `plain`, for values below `values`.
  void ExpectLike(const Plain& plain, const Reader& reader, int values) {
    for (int i = 0; i < values; ++i) {
      const Value value = V(i);
      const auto expected = Numbers(plain, [&](const Value& v) { return v == value; });
      EXPECT_EQ(InOrder(index_.Find(reader, value), expected), expected) << "value " << i;
      EXPECT_EQ(index_.Size(reader, value), static_cast<std::int64_t>(expected.size()))
          << "value " << i;
    }
    if (index_.is_ordered() || index_.is_key()) {
      const auto all = Numbers(plain, [](const Value&) { return true; });
      EXPECT_EQ(InOrder(index_.All(reader), all), all);
    }
    if (index_.is_ordered()) ExpectRangesLike(plain, reader, values);
  }

  void ExpectRangesLike(const Plain& plain, const Reader& reader, int values) {
    for (int i = 0; i < 8; ++i) {
      Value low = V(static_cast<int>(random_() % static_cast<std::uint64_t>(values)));
      Value high = V(static_cast<int>(random_() % static_cast<std::uint64_t>(values)));
      if (high < low) std::swap(low, high);
      auto expected = Numbers(plain, [&](const Value& v) { return !(v < low) && v < high; });
      EXPECT_EQ(index_.Range(reader, low, high), expected);
      std::reverse(expected.begin(), expected.end());
      EXPECT_EQ(index_.RangeBackwards(reader, low, high), expected);
      const auto begins = [&](const Value& v) {
        const auto* text = std::get_if<std::string>(&low[0]);
        if (low.size() > 1 || text == nullptr) return v[0] == low[0];
        return std::get<std::string>(v[0]).compare(0, text->size(), *text) == 0;
      };
      EXPECT_EQ(index_.Prefix(reader, low), Numbers(plain, begins));
    }
  }

  std::mt19937_64 random_{1};
  const std::unique_ptr<Store> store_ = *Store::Open(
      Schema::Of<conformance::Int64Keys, conformance::Uint64Keys, conformance::Int32Keys,
                 conformance::TextKeys, conformance::RawKeys, conformance::TupleKeys>());
  const IndexDriver index_{*store_, std::get<0>(GetParam()), std::get<1>(GetParam())};
};

TEST_P(IndexTest, AnEmptyIndexFindsNothing) {
  ExpectLike({}, store_->GetSnapshot(), 12);
  Write([&](Transaction& txn) {
    ExpectLike({}, txn, 12);
    return absl::OkStatus();
  });
}

TEST_P(IndexTest, OneRecordIsFoundUnderItsValueAndNoOther) {
  for (int i = 0; i < 14; ++i) {  // Each edge.
    Insert(1, i);
    ExpectLike({{1, V(i)}}, store_->GetSnapshot(), 14);
    Delete(1, i);
    ExpectLike({}, store_->GetSnapshot(), 14);
  }
}

TEST_P(IndexTest, ATransactionFindsItsOwnWrites) {
  Insert(1, 0);
  Write([&](Transaction& txn) -> absl::Status {
    if (auto status = index_.Insert(txn, 2, V(1)); !status.ok()) return status;
    ExpectLike({{1, V(0)}, {2, V(1)}}, txn, 6);
    if (auto status = index_.Move(txn, 2, V(1), V(2)); !status.ok()) return status;
    if (auto status = index_.Move(txn, 1, V(0), V(1)); !status.ok()) return status;
    ExpectLike({{1, V(1)}, {2, V(2)}}, txn, 6);
    if (auto status = index_.Delete(txn, 2, V(2)); !status.ok()) return status;
    ExpectLike({{1, V(1)}}, txn, 6);
    return absl::OkStatus();
  });
  ExpectLike({{1, V(1)}}, store_->GetSnapshot(), 6);
}

TEST_P(IndexTest, ASecondRecordOfOneValueIsRefusedOrFoundToo) {
  Insert(1, 3);
  const auto commit = store_->Write([&](Transaction& txn) { return index_.Insert(txn, 2, V(3)); });
  if (index_.is_unique()) {
    EXPECT_EQ(commit.status().code(), absl::StatusCode::kAlreadyExists);
    ExpectLike({{1, V(3)}}, store_->GetSnapshot(), 6);
    return;
  }
  Plain plain = {{1, V(3)}, {2, V(3)}};
  for (int number = 3; number < 100; ++number) {
    Insert(number, 3);
    plain[number] = V(3);
  }
  ExpectLike(plain, store_->GetSnapshot(), 6);
}

TEST_P(IndexTest, ManyAreFoundWhateverTheOrderTheyCameIn) {
  constexpr int kMany = 250;  // The tables grow several times.
  std::vector<int> numbers(kMany);
  for (int i = 0; i < kMany; ++i) numbers[static_cast<std::size_t>(i)] = i;
  for (int round = 0; round < 3; ++round) {
    if (round == 1) std::reverse(numbers.begin(), numbers.end());
    if (round == 2) std::shuffle(numbers.begin(), numbers.end(), random_);
    Plain plain;
    Write([&](Transaction& txn) -> absl::Status {
      for (int number : numbers) {
        if (auto status = index_.Insert(txn, number, V(number)); !status.ok()) return status;
        plain[number] = V(number);
      }
      return absl::OkStatus();
    });
    ExpectLike(plain, store_->GetSnapshot(), kMany + 10);
    Write([&](Transaction& txn) -> absl::Status {
      for (int number : numbers) {
        if (auto status = index_.Delete(txn, number, V(number)); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ExpectLike({}, store_->GetSnapshot(), 20);
  }
}

TEST_P(IndexTest, AnOldSnapshotKeepsItsAnswersWhileTheTablesGrowAndShrink) {
  const Plain before = {{0, V(0)}, {1, V(1)}, {2, V(2)}};
  for (const auto& [number, value] : before) Insert(number, number);
  const Snapshot old = store_->GetSnapshot();
  Move(1, 1, 5000);
  Delete(2, 2);
  for (int i = 10; i < 400; ++i) Insert(i, i);
  const Snapshot full = store_->GetSnapshot();
  ExpectLike(before, old, 20);
  for (int i = 10; i < 400; ++i) Delete(i, i);
  ExpectLike(before, old, 20);
  EXPECT_THAT(index_.Find(old, V(5000)), IsEmpty());
  EXPECT_THAT(index_.Find(full, V(5000)), ElementsAre(1));
  for (int i = 10; i < 400; ++i) EXPECT_THAT(index_.Find(full, V(i)), ElementsAre(i));
}

TEST_P(IndexTest, ARecordMovedAwayAndBackIsSeenOnceByEachSnapshot) {
  Insert(1, 0);
  std::vector<std::pair<Snapshot, Plain>> seen;
  int at = 0;
  for (int to : {1, 0, 2, 0, 1, 1, 2}) {
    seen.emplace_back(store_->GetSnapshot(), Plain{{1, V(at)}});
    if (to != at) Move(1, at, to);
    at = to;
  }
  // And all of it within one transaction.
  Write([&](Transaction& txn) -> absl::Status {
    for (int to : {0, 1, 2, 0, 2, 1, 0}) {
      if (to == at) continue;
      if (auto status = index_.Move(txn, 1, V(at), V(to)); !status.ok()) return status;
      at = to;
      ExpectLike({{1, V(at)}}, txn, 4);
    }
    return absl::OkStatus();
  });
  seen.emplace_back(store_->GetSnapshot(), Plain{{1, V(at)}});
  for (const auto& [snapshot, plain] : seen) ExpectLike(plain, snapshot, 4);
}

TEST_P(IndexTest, AValueHandedFromRecordToRecordIsEachSnapshotsOwn) {
  std::vector<std::pair<Snapshot, Plain>> seen;
  for (int number = 1; number < 20; ++number) {
    Insert(number, 7);
    seen.emplace_back(store_->GetSnapshot(), Plain{{number, V(7)}});
    Delete(number, 7);
    seen.emplace_back(store_->GetSnapshot(), Plain{});
  }
  for (const auto& [snapshot, plain] : seen) ExpectLike(plain, snapshot, 9);
}

TEST_P(IndexTest, ADeletedRecordThatIsInsertedAgainIsANewOne) {
  Insert(1, 4);
  const Snapshot first = store_->GetSnapshot();
  Write([&](Transaction& txn) -> absl::Status {
    if (auto status = index_.Delete(txn, 1, V(4)); !status.ok()) return status;
    ExpectLike({}, txn, 6);
    return index_.Insert(txn, 1, V(4));
  });
  Delete(1, 4);
  const Snapshot second = store_->GetSnapshot();
  Insert(1, 4);
  ExpectLike({{1, V(4)}}, first, 6);
  ExpectLike({}, second, 6);
  ExpectLike({{1, V(4)}}, store_->GetSnapshot(), 6);
}

TEST_P(IndexTest, AnAbsentValueIsNotInTheIndex) {
  if (index_.is_key()) GTEST_SKIP() << "a key is never absent";
  Insert(1, 0);
  Insert(2, 1);
  const Snapshot before = store_->GetSnapshot();
  Write([&](Transaction& txn) { return index_.Leave(txn, 1); });
  const Snapshot after = store_->GetSnapshot();
  Write([&](Transaction& txn) { return index_.Leave(txn, 2); });
  Move(1, 0, 0);
  ExpectLike({{1, V(0)}, {2, V(1)}}, before, 4);
  ExpectLike({{2, V(1)}}, after, 4);
  ExpectLike({{1, V(0)}}, store_->GetSnapshot(), 4);
}

TEST_P(IndexTest, AnAbortedTransactionLeavesNothing) {
  Insert(1, 0);
  Insert(2, 1);
  const Plain plain = {{1, V(0)}, {2, V(1)}};
  const Snapshot before = store_->GetSnapshot();
  const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    for (int i = 10; i < 200; ++i) {
      if (auto status = index_.Insert(txn, i, V(i)); !status.ok()) return status;
    }
    if (auto status = index_.Move(txn, 1, V(0), V(300)); !status.ok()) return status;
    if (auto status = index_.Move(txn, 2, V(1), V(0)); !status.ok()) return status;
    if (auto status = index_.Delete(txn, 1, V(300)); !status.ok()) return status;
    return absl::CancelledError("on purpose");
  });
  EXPECT_EQ(commit.status(), absl::CancelledError("on purpose"));
  ExpectLike(plain, before, 20);
  ExpectLike(plain, store_->GetSnapshot(), 20);
}

TEST_P(IndexTest, GoingBackToASavepointUndoesWhatCameAfterIt) {
  Insert(1, 0);
  Write([&](Transaction& txn) -> absl::Status {
    if (auto status = index_.Insert(txn, 2, V(1)); !status.ok()) return status;
    const Savepoint savepoint = txn.Savepoint();
    for (int round = 0; round < 2; ++round) {
      if (auto status = index_.Move(txn, 1, V(0), V(2)); !status.ok()) return status;
      if (auto status = index_.Move(txn, 2, V(1), V(0)); !status.ok()) return status;
      if (auto status = index_.Delete(txn, 1, V(2)); !status.ok()) return status;
      for (int i = 10; i < 60; ++i) {
        if (auto status = index_.Insert(txn, i, V(i)); !status.ok()) return status;
      }
      txn.RollbackTo(savepoint);
      ExpectLike({{1, V(0)}, {2, V(1)}}, txn, 20);
    }
    return index_.Move(txn, 1, V(0), V(3));
  });
  ExpectLike({{1, V(3)}, {2, V(1)}}, store_->GetSnapshot(), 20);
}

TEST_P(IndexTest, SizesOfListsThatGrowAndShrinkAreEachSnapshotsOwn) {
  if (index_.is_unique()) GTEST_SKIP() << "a list has one";
  std::vector<std::pair<Snapshot, Plain>> seen;
  Plain plain;
  for (int number = 0; number < 60; ++number) {
    Insert(number, number % 2);
    plain[number] = V(number % 2);
    if (number % 7 == 0) seen.emplace_back(store_->GetSnapshot(), plain);
  }
  for (int number = 0; number < 60; ++number) {
    if (number % 3 == 0) {
      Move(number, number % 2, 1 - number % 2);
      plain[number] = V(1 - number % 2);
    } else {
      Delete(number, number % 2);
      plain.erase(number);
    }
    if (number % 7 == 0) seen.emplace_back(store_->GetSnapshot(), plain);
  }
  for (const auto& [snapshot, then] : seen) ExpectLike(then, snapshot, 3);
}

TEST_P(IndexTest, AllReadsOfASnapshotHaveOneOrder) {
  const bool unique = index_.is_unique();
  for (int number = 0; number < 40; ++number) Insert(number, unique ? number : 0);
  const Snapshot snapshot = store_->GetSnapshot();
  const std::vector<int> list = index_.Find(snapshot, V(0));
  const std::vector<int> all =
      index_.is_key() || index_.is_ordered() ? index_.All(snapshot) : std::vector<int>();
  for (int number = 0; number < 40; ++number) {
    if (number % 2 == 0) {
      Delete(number, unique ? number : 0);
    } else {
      Move(number, unique ? number : 0, 100 + number);
    }
    Insert(200 + number, unique ? 200 + number : 0);
    ASSERT_EQ(index_.Find(snapshot, V(0)), list);
    // A hash table that has grown may be walked in another order, one that has not may not.
    if (index_.is_ordered()) {
      ASSERT_EQ(index_.All(snapshot), all);
    }
  }
}

TEST_P(IndexTest, ReadersFindWhatTheirSnapshotHasWhileTheTableGrowsAndShrinks) {
  // Commit c has records 0 to 20c - 1, up to the middle; then it loses them again, the last first.
  constexpr int kCommits = 60;
  constexpr int kEach = 20;
  const auto there = [](CommitNumber commit) {
    const int c = static_cast<int>(commit);
    return kEach * (c <= kCommits ? c : 2 * kCommits - c);
  };
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&, thread] {
      std::mt19937_64 random(static_cast<std::uint64_t>(thread));
      do {
        const Snapshot snapshot = store_->GetSnapshot();
        const int count = there(snapshot.commit());
        for (int i = 0; i < 50; ++i) {
          const int number = static_cast<int>(random() % (kCommits * kEach));
          const std::vector<int> found = index_.Find(snapshot, V(number));
          wrong += static_cast<int>(
              found != (number < count ? std::vector<int>{number} : std::vector<int>{}));
        }
        if (index_.is_key() || index_.is_ordered()) {
          wrong += static_cast<int>(index_.All(snapshot).size() != static_cast<std::size_t>(count));
        }
      } while (!done.load());
    });
  }
  for (int commit = 1; commit <= 2 * kCommits; ++commit) {
    Write([&](Transaction& txn) -> absl::Status {
      const int first = commit <= kCommits ? kEach * (commit - 1) : kEach * (2 * kCommits - commit);
      for (int i = first; i < first + kEach; ++i) {
        const absl::Status status =
            commit <= kCommits ? index_.Insert(txn, i, V(i)) : index_.Delete(txn, i, V(i));
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_P(IndexTest, ReadersFindTheirWindowWhilePlacesAndKeysAreUsedAgain) {
  // Commit c has the records c to c + kWindow - 1, by whose remainders they are known.
  constexpr int kWindow = 40;
  constexpr int kNumbers = 64;
  constexpr int kCommits = 300;
  const auto value = [&](int number) { return V(index_.is_unique() ? number : number % 3); };
  Write([&](Transaction& txn) -> absl::Status {
    for (int i = 1; i <= kWindow; ++i) {
      const int number = i % kNumbers;
      if (auto status = index_.Insert(txn, number, value(number)); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  std::atomic<bool> done{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&, thread] {
      std::mt19937_64 random(static_cast<std::uint64_t>(thread));
      do {
        const Snapshot snapshot = store_->GetSnapshot();
        Plain plain;
        for (int i = 0; i < kWindow; ++i) {
          const int number = (static_cast<int>(snapshot.commit()) + i) % kNumbers;
          plain[number] = value(number);
        }
        for (int i = 0; i < 5; ++i) {
          const Value asked = value(static_cast<int>(random() % kNumbers));
          const auto expected = Numbers(plain, [&](const Value& v) { return v == asked; });
          wrong += static_cast<int>(InOrder(index_.Find(snapshot, asked), expected) != expected);
          wrong += static_cast<int>(index_.Size(snapshot, asked) !=
                                    static_cast<std::int64_t>(expected.size()));
        }
      } while (!done.load());
    });
  }
  for (int commit = 1; commit <= kCommits; ++commit) {
    Write([&](Transaction& txn) -> absl::Status {
      const int gone = commit % kNumbers;
      const int fresh = (commit + kWindow) % kNumbers;
      if (auto status = index_.Delete(txn, gone, value(gone)); !status.ok()) return status;
      return index_.Insert(txn, fresh, value(fresh));
    });
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

// Random changes beside a std::map, with snapshots that go on answering as at their commit.
class IndexHistory : public IndexTest {
 protected:
  static constexpr int kNumbers = 40;
  static constexpr int kValues = 16;

  int Random(int below) { return static_cast<int>(random_() % static_cast<std::uint64_t>(below)); }

  // One change to the transaction, and to `plain` if it was made.
  void Change(Transaction& txn, Plain* plain) {
    const int number = Random(kNumbers);
    const Value value = V(Random(kValues));
    auto it = plain->find(number);
    bool taken = false;
    for (const auto& [other, held] : *plain) {
      taken |= index_.is_unique() && other != number && held == value;
    }
    absl::Status status;
    if (it == plain->end()) {
      status = index_.Insert(txn, number, value);
      if (!taken) (*plain)[number] = value;
    } else if (Random(3) == 0) {
      taken = false;
      status = index_.Delete(txn, number, it->second.value_or(value));
      plain->erase(it);
    } else if (!index_.is_key() && Random(4) == 0) {
      taken = false;
      status = index_.Leave(txn, number);
      it->second.reset();
    } else {
      status = index_.Move(txn, number, it->second.value_or(value), value);
      if (!taken) it->second = value;
    }
    EXPECT_EQ(status.code(), taken ? absl::StatusCode::kAlreadyExists : absl::StatusCode::kOk)
        << status;
  }

  void Transact(Plain* committed) {
    Plain plain = *committed;
    const bool abort = Random(6) == 0;
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      const int changes = 1 + Random(Random(10) == 0 ? 60 : 4);
      for (int i = 0; i < changes; ++i) {
        if (Random(8) != 0) {
          Change(txn, &plain);
          continue;
        }
        const Plain before = plain;
        const Savepoint savepoint = txn.Savepoint();
        for (int k = 0; k < 3; ++k) Change(txn, &plain);
        if (Random(2) == 0) {
          txn.RollbackTo(savepoint);
          plain = before;
        }
      }
      if (Random(4) == 0) ExpectLike(plain, txn, kValues);
      return abort ? absl::CancelledError("on purpose") : absl::OkStatus();
    });
    EXPECT_EQ(commit.ok(), !abort) << commit.status();
    if (commit.ok()) *committed = std::move(plain);
  }
};

TEST_P(IndexHistory, AnswersAsAMapAtEachOpenSnapshot) {
  const std::uint64_t seed = FromEnvironment("KIN_SEED", 1);
  const std::uint64_t steps = FromEnvironment("KIN_STEPS", 120);
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  random_.seed(seed);
  Plain plain;
  std::vector<std::pair<Snapshot, Plain>> open;
  for (std::uint64_t step = 0; step < steps && !HasFailure(); ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    Transact(&plain);
    ASSERT_EQ(store_->CheckInvariants(), absl::OkStatus());
    if (Random(3) == 0) open.emplace_back(store_->GetSnapshot(), plain);
    if (open.size() > 6) open.erase(open.begin() + Random(static_cast<int>(open.size())));
    if (!open.empty()) {
      const auto& [snapshot, then] =
          open[static_cast<std::size_t>(Random(static_cast<int>(open.size())))];
      ExpectLike(then, snapshot, kValues);
    }
  }
  for (const auto& [snapshot, then] : open) ExpectLike(then, snapshot, kValues);
  ExpectLike(plain, store_->GetSnapshot(), kValues);
}

std::string NameOfParameters(const ::testing::TestParamInfo<std::tuple<KeyKind, IndexKind>>& info) {
  return absl::StrCat(NameOf(std::get<1>(info.param)), "Of", NameOf(std::get<0>(info.param)));
}

const auto kAllKinds = ::testing::Combine(
    ::testing::Values(KeyKind::kInt64, KeyKind::kUint64, KeyKind::kInt32, KeyKind::kText,
                      KeyKind::kRaw, KeyKind::kTuple),
    ::testing::Values(IndexKind::kKey, IndexKind::kOrderedKey, IndexKind::kUnique, IndexKind::kMany,
                      IndexKind::kOrdered));

INSTANTIATE_TEST_SUITE_P(Every, IndexTest, kAllKinds, NameOfParameters);
INSTANTIATE_TEST_SUITE_P(Every, IndexHistory, kAllKinds, NameOfParameters);

}  // namespace
}  // namespace kin::testing
