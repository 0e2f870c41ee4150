#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace {

struct Guarded {
  absl::Mutex mutex;
  absl::CondVar changed;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

TEST(SanitizerTest, SeesTheLocksOfAbseil) {
  Guarded guarded;
  absl::BlockingCounter done(2);
  int plain = 0;
  absl::Notification go;
  auto body = [&](int seed) {
    go.WaitForNotification();
    EXPECT_EQ(plain, 1);
    for (int i = 0; i < 200; ++i) {
      absl::MutexLock lock(&guarded.mutex);
      guarded.value += seed;
      guarded.changed.SignalAll();
    }
    done.DecrementCount();
  };
  std::thread one(body, 1), two(body, 1);
  plain = 1;
  go.Notify();
  {
    absl::MutexLock lock(&guarded.mutex);
    guarded.mutex.Await(absl::Condition(
        +[](Guarded* g) ABSL_NO_THREAD_SAFETY_ANALYSIS { return g->value >= 100; }, &guarded));
    guarded.value += 0;
    while (guarded.value < 300) guarded.changed.WaitWithTimeout(&guarded.mutex, absl::Seconds(1));
  }
  done.Wait();
  {
    absl::ReaderMutexLock lock(&guarded.mutex);
    EXPECT_EQ(guarded.value, 400);
  }
  one.join();
  two.join();
}

}  // namespace
