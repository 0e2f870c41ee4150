// What readers find in an ordered index between any two instructions of a writer: all that their
// snapshot has, in order, both ways. The writer is stepped through with the processor's trap flag,
// and after each instruction a handler of the signal reads the index, on the same thread. That a
// store comes too late, or one too early, shows whenever there is an instruction between them.
//
// What this cannot show is what processors and compilers reorder; that is for ThreadSanitizer.
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kin/store/internal/engine.h"
#include "kin/store/store.h"
#include "tests/store/conformance.kin.h"

#if defined(__x86_64__) && defined(__linux__)

namespace kin {
namespace {

using ::conformance::Int64Keys;
using internal::OrderedIndex;
using internal::Version;

// What the handler reads, and what it has found; it may neither allocate nor report.
struct Reading {
  const OrderedIndex* index = nullptr;
  internal::Stamp limit{};
  // All that the snapshot sees, in order.
  const std::vector<std::int64_t>* keys = nullptr;
  const std::vector<std::string>* bytes = nullptr;
  // A node that a reader stands on, and the position of the key after it.
  const OrderedIndex::Node* held = nullptr;
  std::size_t after_held = 0;
  bool whole = true;  // Else it looks for keys, another each time.

  std::int64_t steps = 0;
  std::int64_t wrong = 0;
};
Reading reading;

std::int64_t KeyOf(const Version* version) { return internal::RecordIn<Int64Keys>(version)->key(); }

// From a node on, the keys from a position on have to come.
bool GoesOn(const OrderedIndex::Node* node, std::size_t at) {
  const std::vector<std::int64_t>& keys = *reading.keys;
  for (; node != nullptr; node = node->next()) {
    const Version* version = reading.index->Visible(*node, reading.limit);
    if (version == nullptr) continue;
    if (at == keys.size() || KeyOf(version) != keys[at]) return false;
    ++at;
  }
  return at == keys.size();
}

bool GoesBack() {
  const std::vector<std::int64_t>& keys = *reading.keys;
  std::size_t left = keys.size();
  for (const auto* node = reading.index->Last(); node != nullptr;
       node = reading.index->Before(node->bytes())) {
    const Version* version = reading.index->Visible(*node, reading.limit);
    if (version == nullptr) continue;
    if (left == 0 || KeyOf(version) != keys[left - 1]) return false;
    --left;
  }
  return left == 0;
}

bool IsGathered() {
  const std::vector<std::int64_t>& keys = *reading.keys;
  OrderedIndex::Place place = reading.index->Seek("");
  OrderedIndex::Entry entries[4];
  std::size_t at = 0;
  while (!place.at_end()) {
    const std::size_t size = reading.index->Gather(&place, "", absl::MakeSpan(entries));
    for (std::size_t i = 0; i < size; ++i) {
      const Version* version = reading.index->Visible(entries[i], reading.limit);
      if (version == nullptr) continue;
      if (at == keys.size() || KeyOf(version) != keys[at]) return false;
      ++at;
    }
  }
  return at == keys.size();
}

bool IsFound(std::size_t at) {
  const auto* node = reading.index->LowerBound((*reading.bytes)[at]);
  for (; node != nullptr; node = node->next()) {
    const Version* version = reading.index->Visible(*node, reading.limit);
    if (version != nullptr) return KeyOf(version) == (*reading.keys)[at];
  }
  return false;
}

bool IsFoundFromBehind(std::size_t at) {
  const auto* node = reading.index->Before((*reading.bytes)[at]);
  for (; node != nullptr; node = reading.index->Before(node->bytes())) {
    const Version* version = reading.index->Visible(*node, reading.limit);
    if (version != nullptr) return at > 0 && KeyOf(version) == (*reading.keys)[at - 1];
  }
  return at == 0;
}

void Look(int /*signal*/) {
  ++reading.steps;
  bool right;
  if (reading.whole) {
    right = GoesOn(reading.index->First(), 0) && GoesBack() && IsGathered() &&
            GoesOn(reading.held, reading.after_held - 1);
  } else {
    const std::size_t at = static_cast<std::size_t>(reading.steps) * 7 % reading.keys->size();
    right = IsFound(at) && IsFoundFromBehind(at);
  }
  if (!right) ++reading.wrong;
}

// Below the stack pointer the compiler may keep something.
inline void StartStepping() {
  asm volatile("subq $128, %%rsp\n pushfq\n orq $0x100, (%%rsp)\n popfq\n addq $128, %%rsp" ::
                   : "memory", "cc");
}
inline void StopStepping() {
  asm volatile("subq $128, %%rsp\n pushfq\n andq $-257, (%%rsp)\n popfq\n addq $128, %%rsp" ::
                   : "memory", "cc");
}

class OrderedStepsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    struct sigaction action = {};
    action.sa_handler = &Look;
    ASSERT_EQ(sigaction(SIGTRAP, &action, &before_), 0);
  }
  void TearDown() override {
    sigaction(SIGTRAP, &before_, nullptr);
    reading = Reading();
    EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  }

  static absl::Status Insert(Transaction& txn, std::int64_t key) {
    Int64Keys record;
    record.set_key(key);
    record.set_sorted(key);
    return txn.Insert(record).status();
  }
  void Insert(const std::vector<std::int64_t>& keys) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (const std::int64_t key : keys) {
        if (absl::Status status = Insert(txn, key); !status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void Delete(const std::vector<std::int64_t>& keys) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (const std::int64_t key : keys) {
        const absl::Status status = txn.Delete(txn.Find<Int64Keys>(key));
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }

  // Readers of the present state; one of them stands on the node at `position`.
  void Read(std::size_t position = 0) {
    snapshot_ = std::make_unique<Snapshot>(store_->GetSnapshot());
    keys_.clear();
    bytes_.clear();
    for (const auto record : snapshot_->All<Int64Keys>()) keys_.push_back(record->key());
    const internal::View* view = snapshot_->Find<Int64Keys>(keys_[0]).internal_view();
    reading = Reading();
    reading.limit = view->Limit();
    const auto& indexes = store_->schema().graph().models[0]->indexes;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      if (indexes[i].fields[0]->name() != "sorted") continue;
      reading.index = view->engine->table(0).ordered(static_cast<int>(i));
    }
    for (const auto* node = reading.index->First(); node != nullptr; node = node->next()) {
      if (reading.index->Visible(*node, reading.limit) == nullptr) continue;
      if (bytes_.size() == position) reading.held = node;
      bytes_.emplace_back(node->bytes());
    }
    ASSERT_EQ(bytes_.size(), keys_.size());
    reading.keys = &keys_;
    reading.bytes = &bytes_;
    reading.after_held = position + 1;
  }

  // What a transaction does after `before`, with a reader between all of its instructions. The
  // commit is not stepped through: Abseil's clock takes long when it is slowed down.
  template <typename Before, typename Body>
  void Step(Before before, Body body) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      before(txn);
      StartStepping();
      body(txn);
      StopStepping();
      return absl::OkStatus();
    });
    EXPECT_TRUE(commit.ok()) << commit.status();
    EXPECT_GT(reading.steps, 500);
    EXPECT_EQ(reading.wrong, 0) << "of " << reading.steps;
  }
  void StepInsert(std::int64_t key) {
    absl::Status inserted;
    Step([](Transaction&) {}, [&](Transaction& txn) { inserted = Insert(txn, key); });
    EXPECT_TRUE(inserted.ok()) << inserted;
  }
  // Inserts that are undone, which takes the nodes out at once.
  void StepUndo(const std::vector<std::int64_t>& keys) {
    std::optional<kin::Savepoint> savepoint;
    Step(
        [&](Transaction& txn) {
          savepoint = txn.Savepoint();
          for (const std::int64_t key : keys) EXPECT_TRUE(Insert(txn, key).ok());
        },
        [&](Transaction& txn) { txn.RollbackTo(*savepoint); });
  }

  struct sigaction before_ = {};
  std::vector<std::int64_t> keys_;
  std::vector<std::string> bytes_;
  std::unique_ptr<Store> store_ = *Store::Open(Schema::Of<Int64Keys>());
  std::unique_ptr<Snapshot> snapshot_;
};

// A leaf has fifteen entries.
const std::vector<std::int64_t> kLeaf = {70, 10,  130, 40, 20,  90, 0,  140,
                                         30, 110, 50,  80, 120, 60, 100};

class SplitStepsTest : public OrderedStepsTest, public ::testing::WithParamInterface<int> {};

TEST_P(SplitStepsTest, ALeafIsSplitAroundReaders) {
  Insert(kLeaf);
  Read(7);
  StepInsert(GetParam());
}

TEST_P(SplitStepsTest, ASplitIsUndoneAroundReaders) {
  Insert(kLeaf);
  Read(7);
  StepUndo({GetParam()});
}

// In either half, at their ends, and at the end of all.
INSTANTIATE_TEST_SUITE_P(Keys, SplitStepsTest, ::testing::Values(-5, 25, 65, 75, 115, 145));

TEST_F(OrderedStepsTest, AnEntryIsAddedToALeafAroundReaders) {
  Insert({10, 30, 20});
  Read(1);
  StepInsert(25);
}

TEST_F(OrderedStepsTest, ALeafIsReplacedByOneAroundReaders) {
  // All slots of the leaf are used up, mostly by what is gone.
  Insert(kLeaf);
  Delete({10, 20, 30, 40, 50, 60, 80, 90, 100, 110});
  for (int i = 0; i < 20; ++i) Insert({});
  Read(2);
  StepInsert(75);
}

TEST_F(OrderedStepsTest, EmptyLeavesGoAroundReaders) {
  Insert({10, 20, 30});
  Read(1);
  // They fill the leaf and begin another.
  std::vector<std::int64_t> more;
  for (std::int64_t key = 100; key < 114; ++key) more.push_back(key);
  StepUndo(more);
}

TEST_F(OrderedStepsTest, HintsAreMovedAroundReaders) {
  // The hints to 128 leaves fill a block; those of one more are halved.
  std::vector<std::int64_t> all;
  for (std::int64_t key = 0; key < 15 * 128; ++key) all.push_back(10 * key);
  Insert(all);
  Read(0);
  reading.whole = false;
  for (const std::int64_t key : {9605, 19105}) StepInsert(key);
}

}  // namespace
}  // namespace kin

#endif
