// The date of the machine may be set, back as well, while a store is open: whatever waits goes on
// as if nothing had happened. Here the program sees a date that is an hour ahead of the kernel's,
// which is how a date set back looks to a wait that is under way; then it is set back.
#include "kin/persistence/clock.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "kin/persistence/write_behind.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/faulty_backend.h"
#include "tests/persistence/models.kin.h"

namespace {

constexpr std::int64_t kHour = 3600;
std::atomic<std::int64_t> ahead{kHour};

}  // namespace

// In place of the C library's, also for the libraries that this program uses.
extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, now));
  if (clock == CLOCK_REALTIME) now->tv_sec += ahead.load();
  return result;
}

namespace kin::persistence {
namespace {

using persistence_test::Unsigned;

class DateTest : public ::testing::Test {
 protected:
  DateTest() { ahead = kHour; }
  void Open() {
    WriteBehindOptions options;
    options.flush_after = absl::Milliseconds(2);
    OpenOptions open;
    open.persistence = std::make_unique<WriteBehind>(
        std::make_unique<testing::FaultyBackend>(std::make_unique<testing::FakeBackend>(&database_),
                                                 &faults_),
        options);
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(Schema::Of<Unsigned>(), std::move(open));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void Commit() {
    const absl::StatusOr<CommitNumber> commit = store_->Write([this](Transaction& txn) {
      Unsigned record;
      record.set_number(++commits_);
      return txn.Insert(std::move(record)).status();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void AwaitDurable() {
    while (store_->durable_commit() < commits_) std::this_thread::yield();
  }
  // Returns when Abseil, which looks only now and then, knows of it.
  static void SetDateBack() {
    const absl::Time before = absl::Now();
    ahead = 0;
    while (absl::Now() > before - absl::Seconds(kHour / 2)) std::this_thread::yield();
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  CommitNumber commits_ = 0;
  std::unique_ptr<Store> store_;
};

TEST_F(DateTest, TheClockGoesOn) {
  const absl::Time before = Clock::System()->Now();
  SetDateBack();
  const absl::Duration passed = Clock::System()->Now() - before;
  EXPECT_GE(passed, absl::ZeroDuration());
  EXPECT_LT(passed, absl::Seconds(kHour / 2));
}

TEST_F(DateTest, AWaitEnds) {
  Doorbell bell;
  absl::Mutex mutex;
  absl::MutexLock lock(&mutex);
  const absl::Time deadline = Clock::System()->Now() + absl::Milliseconds(2);
  while (Clock::System()->Now() < deadline) Clock::System()->Wait(&bell, &mutex, deadline);
}

TEST_F(DateTest, ChangesAreWrittenByThemselves) {
  ASSERT_NO_FATAL_FAILURE(Open());
  for (int i = 0; i < 3; ++i) {
    ASSERT_NO_FATAL_FAILURE(Commit());
    AwaitDurable();
  }
  SetDateBack();
  ASSERT_NO_FATAL_FAILURE(Commit());
  AwaitDurable();
}

TEST_F(DateTest, FailedAttemptsAreMadeAgain) {
  ASSERT_NO_FATAL_FAILURE(Open());
  faults_.FailBefore(absl::UnavailableError("busy"), 3);
  ASSERT_NO_FATAL_FAILURE(Commit());
  AwaitDurable();
  EXPECT_EQ(store_->stats().retries, 3);
}

TEST_F(DateTest, TheAgeOfWhatIsNotWrittenIsNotNegative) {
  ASSERT_NO_FATAL_FAILURE(Open());
  faults_.Hold();
  ASSERT_NO_FATAL_FAILURE(Commit());
  SetDateBack();
  const absl::Duration lag = store_->stats().lag;
  EXPECT_GE(lag, absl::ZeroDuration());
  EXPECT_LT(lag, absl::Seconds(kHour / 2));
  faults_.Release();
}

TEST_F(DateTest, AFlushEndsWhenItIsTo) {
  ASSERT_NO_FATAL_FAILURE(Open());
  faults_.Hold();
  ASSERT_NO_FATAL_FAILURE(Commit());
  const absl::Status flushed = store_->Flush(absl::Milliseconds(2));
  EXPECT_EQ(flushed.code(), absl::StatusCode::kDeadlineExceeded) << flushed;
  faults_.Release();
}

TEST_F(DateTest, ChoresAreDoneAgain) {
  ASSERT_NO_FATAL_FAILURE(Open());
  faults_.FailTidy(absl::UnavailableError("busy"), 2);
  faults_.WantTidy();
  ASSERT_NO_FATAL_FAILURE(Commit());
  faults_.AwaitTidies(3);
}

}  // namespace
}  // namespace kin::persistence
