// One of those who gather for a batch keeps the time, so that it begins when it is due although not
// all have come.
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/persistence/write_behind.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/faulty_backend.h"
#include "kin/tests/testing/still_clock.h"
#include "tests/persistence/models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Unsigned;

constexpr absl::Duration kLongest = absl::Seconds(60);

class TimekeeperTest : public ::testing::Test {
 protected:
  TimekeeperTest() {
    WriteBehindOptions options;
    options.clock = &clock_;
    options.flush_after = absl::InfiniteDuration();  // The writing thread is of no help.
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(
        std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                                 &faults_),
        std::move(options));
    auto store = Store::Open(Schema::Of<Unsigned>(), std::move(open));
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    clock_.AwaitAsleep(1);
  }

  absl::Status Insert(std::uint64_t number) {
    return store_
        ->Write(
            [&](Transaction& txn) {
              Unsigned record;
              record.set_number(number);
              return txn.Insert(std::move(record)).status();
            },
            {.durability = Durability::kWritten})
        .status();
  }
  // Has the batch that is held serve two more, and take a while: so three are expected for the next
  // one, for as long.
  void ServeThree(CommitNumber commit) {
    std::vector<std::thread> two;
    for (int i = 0; i < 2; ++i) {
      two.emplace_back([&] { EXPECT_TRUE(store_->WaitDurable(commit, absl::Hours(1)).ok()); });
    }
    clock_.AwaitAsleep(3);  // With the writing thread.
    clock_.Advance(absl::Milliseconds(1));
    faults_.Release();
    for (std::thread& thread : two) thread.join();
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::StillClock clock_;
  std::unique_ptr<Store> store_;
};

TEST_F(TimekeeperTest, EachBatchHasOne) {
  faults_.Hold();
  std::thread first([&] { EXPECT_TRUE(Insert(1).ok()); });
  faults_.AwaitCalls(1);
  ServeThree(1);
  first.join();

  // Who keeps the time of a batch is served by it; his stack stays his until the end.
  faults_.Hold();
  absl::Notification second_served, third_served, leave;
  std::thread second([&] {
    EXPECT_TRUE(Insert(2).ok());
    second_served.Notify();
    leave.WaitForNotification();
  });
  EXPECT_TRUE(clock_.AwaitTimekeeper());
  clock_.Advance(absl::Milliseconds(1));
  faults_.AwaitCalls(2);
  EXPECT_EQ(faults_.caller(), second.get_id());
  ServeThree(2);
  second_served.WaitForNotification();

  // Somebody else keeps that of the next.
  std::thread third([&] {
    EXPECT_TRUE(Insert(3).ok());
    third_served.Notify();
  });
  EXPECT_TRUE(clock_.AwaitTimekeeper()) << "nobody keeps the time";
  clock_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(third_served.WaitForNotificationWithTimeout(kLongest));
  EXPECT_EQ(faults_.caller(), third.get_id());
  EXPECT_TRUE(store_->Flush().ok());  // Frees it, if nobody did.
  leave.Notify();
  third.join();
  second.join();
}

}  // namespace
}  // namespace kin::persistence
