// How long write-behind waits before it tries a batch again, by a clock that the test turns.
#include <algorithm>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/write_behind.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/fake_clock.h"
#include "kin/tests/testing/faulty_backend.h"
#include "tests/persistence/models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Unsigned;

constexpr absl::Duration kShortest = absl::Milliseconds(10);
constexpr absl::Duration kLongest = absl::Seconds(5);
constexpr int kDoublings = 9;  // From the shortest to the longest.

// A store whose database refuses every batch for a passing reason. The thread of write-behind is
// the only one that waits by the clock.
class Refused {
 public:
  Refused() {
    WriteBehindOptions options;
    options.clock = &clock_;
    options.retry_for = absl::InfiniteDuration();
    flush_after_ = options.flush_after;
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(
        std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                                 &faults_),
        options);
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(Schema::Of<Unsigned>(), std::move(open));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  ~Refused() { faults_.Heal(); }

  // Commits, and returns when the batch was refused for the first time.
  void Begin() {
    faults_.FailBefore(absl::UnavailableError("full"), 1000);
    const absl::StatusOr<CommitNumber> commit = store_->Write([this](Transaction& txn) {
      Unsigned record;
      record.set_number(++commits_);
      return txn.Insert(std::move(record)).status();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
    clock_.Settle();
    const int before = faults_.calls();
    clock_.Advance(flush_after_);
    faults_.AwaitCalls(before + 1);
    clock_.Settle();
  }
  // Has the next attempt succeed, which is due within `most`.
  void End(absl::Duration most) {
    faults_.Heal();
    clock_.Advance(most);
    while (store_->durable_commit() < commits_) clock_.Settle();
  }
  // Turns the clock; whether that has made it try again, once.
  bool TriesWithin(absl::Duration duration) {
    const int before = faults_.calls();
    clock_.Advance(duration);
    clock_.Settle();
    EXPECT_LE(faults_.calls(), before + 1);
    return faults_.calls() > before;
  }

 private:
  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::FakeClock clock_;
  absl::Duration flush_after_;
  CommitNumber commits_ = 0;
  std::unique_ptr<Store> store_;
};

void ExpectDoublingWaits(Refused& refused) {
  constexpr absl::Duration kInstant = absl::Nanoseconds(1);
  absl::Duration most = kShortest;
  for (int wait = 0; wait < kDoublings + 3; ++wait) {
    SCOPED_TRACE(wait);
    EXPECT_FALSE(refused.TriesWithin(most / 2 - kInstant)) << "in less than a half";
    ASSERT_TRUE(refused.TriesWithin(most / 2 + kInstant)) << "not within " << most;
    most = std::min(2 * most, kLongest);
  }
}

TEST(RetryTest, WaitsDoubleToALongestOneAndAreHalfAsLongAtLeast) {
  Refused refused;
  ASSERT_NO_FATAL_FAILURE(refused.Begin());
  ASSERT_NO_FATAL_FAILURE(ExpectDoublingWaits(refused));
}

TEST(RetryTest, WaitsAreShortAgainAfterASuccess) {
  Refused refused;
  ASSERT_NO_FATAL_FAILURE(refused.Begin());
  ASSERT_NO_FATAL_FAILURE(ExpectDoublingWaits(refused));
  refused.End(kLongest);
  ASSERT_NO_FATAL_FAILURE(refused.Begin());
  ASSERT_NO_FATAL_FAILURE(ExpectDoublingWaits(refused));
}

// Stores that a fault stopped at one moment do not come back at one moment.
TEST(RetryTest, TwoStoresWaitDifferently) {
  auto long_waits = [] {
    constexpr absl::Duration kStep = absl::Milliseconds(50);
    std::vector<absl::Duration> waits;
    Refused refused;
    refused.Begin();
    for (int wait = 0; wait < kDoublings; ++wait) refused.TriesWithin(kLongest);
    while (waits.size() < 4) {
      absl::Duration waited = kLongest / 2 - kStep;
      EXPECT_FALSE(refused.TriesWithin(waited));
      do {
        waited += kStep;
      } while (!refused.TriesWithin(kStep) && waited <= kLongest);
      waits.push_back(waited);
    }
    return waits;
  };
  const std::vector<absl::Duration> first = long_waits();
  EXPECT_NE(std::count(first.begin(), first.end(), first[0]), 4) << "all are " << first[0];
  EXPECT_NE(first, long_waits());
}

}  // namespace
}  // namespace kin::persistence
