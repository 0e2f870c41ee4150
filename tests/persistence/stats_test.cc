// Every counter of write-behind, followed through one story on a clock that the test turns.
#include "kin/store/stats.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>

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

class StatsTest : public ::testing::Test {
 protected:
  // What the change log takes for a record whose key is one number.
  static constexpr std::int64_t kBytes = 16;

  StatsTest() {
    WriteBehindOptions options;
    options.flush_after = absl::InfiniteDuration();
    options.max_bytes = 8 * kBytes;
    options.clock = &clock_;
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(
        std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                                 &faults_),
        options);
    store_ = *Store::Open(Schema::Of<Unsigned>(), std::move(open));
  }
  absl::Status Insert(std::uint64_t number) {
    return store_
        ->Write([&](Transaction& txn) {
          Unsigned record;
          record.set_number(number);
          return txn.Insert(std::move(record)).status();
        })
        .status();
  }
  absl::Status Set(std::uint64_t number, const std::string& text) {
    return store_
        ->Write([&](Transaction& txn) {
          return txn
              .Update(txn.Find<Unsigned>(number), [&](Unsigned& record) { record.set_text(text); })
              .status();
        })
        .status();
  }
  absl::Status Delete(std::uint64_t number) {
    return store_->Write([&](Transaction& txn) { return txn.Delete(txn.Find<Unsigned>(number)); })
        .status();
  }
  template <typename F>
  void AdvanceUntil(F condition) {
    while (!condition()) {
      clock_.Advance(absl::Milliseconds(100));
      clock_.Settle();
    }
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::FakeClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(StatsTest, AreZeroAtFirst) {
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.commit, 0u);
  EXPECT_EQ(stats.durable_commit, 0u);
  EXPECT_EQ(stats.records, 0);
  EXPECT_EQ(stats.lag_records, 0);
  EXPECT_EQ(stats.lag_bytes, 0);
  EXPECT_EQ(stats.lag, absl::ZeroDuration());
  EXPECT_EQ(stats.batches, 0);
  EXPECT_EQ(stats.changes_committed, 0);
  EXPECT_EQ(stats.rows_written, 0);
  EXPECT_EQ(stats.retries, 0);
  EXPECT_EQ(stats.last_flush, absl::ZeroDuration());
  EXPECT_EQ(stats.flush_latency.count, 0);
  EXPECT_EQ(stats.space_waits, 0);
  EXPECT_EQ(stats.space_refusals, 0);
  EXPECT_FALSE(stats.halted);
  EXPECT_TRUE(stats.halt_cause.ok());
}

TEST_F(StatsTest, CountWhatIsNotWrittenBeforeAndAfterCoalescing) {
  ASSERT_TRUE(Insert(1).ok());
  clock_.Advance(absl::Seconds(2));
  ASSERT_TRUE(Insert(2).ok());
  ASSERT_TRUE(Set(1, "a").ok());
  ASSERT_TRUE(Delete(2).ok());
  Stats stats = store_->stats();
  EXPECT_EQ(stats.commit, 4u);
  EXPECT_EQ(stats.durable_commit, 0u);
  EXPECT_EQ(stats.records, 1);
  EXPECT_EQ(stats.lag_records, 4);
  EXPECT_EQ(stats.lag_bytes, 4 * kBytes);
  EXPECT_EQ(stats.lag, absl::Seconds(2));
  EXPECT_EQ(stats.changes_committed, 4);
  EXPECT_EQ(stats.batches, 0);
  EXPECT_EQ(stats.rows_written, 0);

  // While a batch is being written it counts, once a record.
  faults_.Hold();
  std::thread flush([&] { EXPECT_TRUE(store_->Flush().ok()); });
  faults_.AwaitCalls(1);
  ASSERT_TRUE(Insert(3).ok());
  clock_.Advance(absl::Seconds(3));
  stats = store_->stats();
  EXPECT_EQ(stats.commit, 5u);
  EXPECT_EQ(stats.durable_commit, 0u);
  EXPECT_EQ(stats.lag_records, 3);
  EXPECT_EQ(stats.lag_bytes, 3 * kBytes);
  EXPECT_EQ(stats.lag, absl::Seconds(5));
  EXPECT_EQ(stats.batches, 0);
  EXPECT_EQ(stats.flush_latency.count, 0);
  faults_.Release();
  flush.join();

  stats = store_->stats();
  EXPECT_EQ(stats.durable_commit, 4u);
  EXPECT_EQ(stats.lag_records, 1);
  EXPECT_EQ(stats.lag_bytes, kBytes);
  EXPECT_EQ(stats.lag, absl::Seconds(3));
  EXPECT_EQ(stats.batches, 1);
  EXPECT_EQ(stats.changes_committed, 5);
  EXPECT_EQ(stats.rows_written, 1);  // The other was born and gone.
  EXPECT_EQ(stats.last_flush, absl::Seconds(3));
  EXPECT_EQ(stats.flush_latency.count, 1);
  EXPECT_EQ(stats.flush_latency.sum, absl::Seconds(3));
  EXPECT_EQ(stats.flush_latency.longest, absl::Seconds(3));
  EXPECT_EQ(stats.retries, 0);

  ASSERT_TRUE(store_->Close().ok());
  stats = store_->stats();
  EXPECT_EQ(stats.durable_commit, 5u);
  EXPECT_EQ(stats.lag_records, 0);
  EXPECT_EQ(stats.lag_bytes, 0);
  EXPECT_EQ(stats.lag, absl::ZeroDuration());
  EXPECT_EQ(stats.batches, 2);
  EXPECT_EQ(stats.rows_written, 2);
  EXPECT_EQ(stats.last_flush, absl::ZeroDuration());
  EXPECT_EQ(stats.flush_latency.count, 2);
}

TEST_F(StatsTest, TellOfRetriesAndOfAHalt) {
  ASSERT_TRUE(Insert(1).ok());
  faults_.FailBefore(absl::UnavailableError("busy"), 2);
  absl::Status flushed;
  std::thread flush([&] { flushed = store_->Flush(); });
  AdvanceUntil([&] { return store_->durable_commit() == 1; });
  flush.join();
  EXPECT_TRUE(flushed.ok()) << flushed;
  Stats stats = store_->stats();
  EXPECT_EQ(stats.retries, 2);
  EXPECT_EQ(stats.batches, 1);
  EXPECT_FALSE(stats.halted);

  // In the middle of the batch, so that nothing of it counts.
  ASSERT_TRUE(Insert(2).ok());
  faults_.FailDuring(absl::DataLossError("damaged"));
  EXPECT_FALSE(store_->Flush().ok());
  stats = store_->stats();
  EXPECT_TRUE(stats.halted);
  EXPECT_EQ(stats.halt_cause, absl::DataLossError("damaged"));
  EXPECT_EQ(stats.retries, 2);
  EXPECT_EQ(stats.batches, 1);
  EXPECT_EQ(stats.rows_written, 1);
  EXPECT_EQ(stats.flush_latency.count, 1);
  EXPECT_EQ(stats.lag_records, 1);

  EXPECT_TRUE(store_->Flush().ok());
  stats = store_->stats();
  EXPECT_FALSE(stats.halted);
  EXPECT_TRUE(stats.halt_cause.ok());
  EXPECT_EQ(stats.retries, 3);
  EXPECT_EQ(stats.batches, 2);
  EXPECT_EQ(stats.rows_written, 2);
}

TEST_F(StatsTest, TellWhoWaitedForSpaceAndWhoWasRefused) {
  faults_.Hold();  // Else what fills the limit is written at once.
  for (std::uint64_t number = 1; number <= 8; ++number) ASSERT_TRUE(Insert(number).ok());
  std::atomic<bool> refused{false};
  std::thread writer([&] {
    EXPECT_TRUE(absl::IsResourceExhausted(Insert(9)));
    refused = true;
  });
  while (!refused) clock_.Advance(absl::Milliseconds(1));
  writer.join();
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.space_waits, 1);
  EXPECT_EQ(stats.space_refusals, 1);
  EXPECT_EQ(stats.commit, 8u);
  EXPECT_EQ(stats.lag_records, 8);
  EXPECT_EQ(stats.lag_bytes, 8 * kBytes);
  faults_.Release();
}

}  // namespace
}  // namespace kin::persistence
