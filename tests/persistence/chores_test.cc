#include "kin/persistence/chores.h"

#include <memory>
#include <thread>

#include "gtest/gtest.h"
#include "kin/tests/testing/fake_backend.h"
#include "kin/tests/testing/fake_clock.h"
#include "kin/tests/testing/faulty_backend.h"

namespace kin::persistence {
namespace {

class ChoresTest : public ::testing::Test {
 protected:
  Stats stats() const {
    Stats stats;
    chores_.AddStats(&stats);
    return stats;
  }

  testing::FakeDatabase database_;
  testing::Faults faults_;
  testing::FakeClock clock_;
  testing::FaultyBackend backend_{std::make_unique<testing::FakeBackend>(&database_), &faults_};
  Chores chores_{&backend_, &clock_};
};

TEST_F(ChoresTest, WhatIsDueBeforeTheStartIsDone) {
  chores_.Do();
  chores_.Start();
  faults_.AwaitTidies(1);
  chores_.Stop();
  EXPECT_EQ(stats().chores, 1);
}

TEST_F(ChoresTest, WhatBecomesDueMeanwhileIsDoneOnceMore) {
  faults_.HoldTidy();
  chores_.Start();
  chores_.Do();
  faults_.AwaitTidies(1);
  for (int i = 0; i < 3; ++i) chores_.Do();
  faults_.ReleaseTidy();
  faults_.AwaitTidies(2);
  chores_.Stop();
  EXPECT_EQ(stats().chores, 2);
  EXPECT_EQ(stats().chore_failures, 0);
}

TEST_F(ChoresTest, WhatFailsIsDoneAgainByItselfButNotAtOnce) {
  faults_.FailTidy(absl::UnavailableError("once"), 2);
  chores_.Start();
  chores_.Do();
  faults_.AwaitTidies(1);
  clock_.Settle();
  for (int i = 0; i < 3; ++i) chores_.Do();  // No reason to be quicker.
  clock_.Settle();
  EXPECT_EQ(stats().chores, 1);
  EXPECT_EQ(stats().chore_status.message(), "once");
  while (stats().chores < 3) {
    clock_.Advance(absl::Milliseconds(10));
    std::this_thread::yield();
  }
  chores_.Stop();
  EXPECT_EQ(stats().chore_failures, 2);
  EXPECT_TRUE(stats().chore_status.ok()) << stats().chore_status;
}

TEST_F(ChoresTest, WhatFailedStaysDueWhenStoppedAndStartedAgain) {
  faults_.FailTidy(absl::UnavailableError("once"));
  chores_.Start();
  chores_.Do();
  faults_.AwaitTidies(1);
  chores_.Stop();
  EXPECT_EQ(stats().chore_failures, 1);
  clock_.Advance(absl::Seconds(1));
  chores_.Start();
  faults_.AwaitTidies(2);
  chores_.Stop();
  EXPECT_TRUE(stats().chore_status.ok());
}

}  // namespace
}  // namespace kin::persistence
