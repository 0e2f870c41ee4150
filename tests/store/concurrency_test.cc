// One writer and many readers: invariants that transactions keep must hold in every snapshot.
//
//   KIN_TRANSACTIONS  of each test's writer.
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::history::Desk;
using ::history::DeskModel;
using ::history::DeskRef;
using ::history::Person;
using ::history::PersonModel;
using ::history::PersonRef;
using ::history::Task;
using ::history::TaskRef;

int Transactions() {
  const char* text = std::getenv("KIN_TRANSACTIONS");
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : 1500;
}

std::unique_ptr<Store> OpenStore() { return *Store::Open(testing::HistorySchema()); }

// Runs `read` on two threads, again and again, until `write` has returned. Each reads once at
// least.
void ReadWhile(const std::function<void()>& write, const std::function<void(std::uint64_t)>& read) {
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (std::uint64_t thread = 0; thread < 2; ++thread) {
    readers.emplace_back([&, thread] {
      std::uint64_t round = thread;
      do {
        read(round);
        round += 2;
      } while (!done.load());
    });
  }
  write();
  done.store(true);
  for (std::thread& reader : readers) reader.join();
}

std::string Code(std::size_t i) { return absl::StrCat("account", i); }

TEST(ConcurrencyTest, TransfersKeepTheSumInEverySnapshotWhileTheTableGrows) {
  const std::unique_ptr<Store> store = OpenStore();
  // A desk is an account, its floor the balance. Closed ones are opened again under their code.
  constexpr std::int64_t kSum = 1000;
  ASSERT_TRUE(store
                  ->Write([&](Transaction& txn) {
                    Desk desk;
                    desk.set_code(Code(0));
                    desk.set_floor(kSum);
                    return txn.Insert(desk).status();
                  })
                  .ok());
  const auto write = [&] {
    std::mt19937_64 random(1);
    const int transactions = Transactions();
    std::size_t accounts = 1;
    for (int i = 0; i < transactions; ++i) {
      if (i % 2 == 0) ++accounts;
      const std::string from = Code(random() % accounts);
      const std::string to = Code(random() % accounts);
      const bool close = random() % 4 == 0;
      const bool abort = random() % 16 == 0;
      const auto commit = store->Write([&](Transaction& txn) -> absl::Status {
        if (from == to || !txn.Find<Desk>(from)) return absl::OkStatus();
        const std::int32_t all = txn.Find<Desk>(from)->floor();
        const std::int32_t amount = close ? all : all / 2;
        if (!txn.Find<Desk>(to)) {
          Desk desk;
          desk.set_code(to);
          if (auto opened = txn.Insert(desk); !opened.ok()) return opened.status();
        }
        auto sent = txn.Update(txn.Find<Desk>(from), [&](Desk& d) { d.set_floor(all - amount); });
        if (!sent.ok()) return sent.status();
        auto received =
            txn.Update(txn.Find<Desk>(to), [&](Desk& d) { d.set_floor(d.floor() + amount); });
        if (!received.ok()) return received.status();
        if (close) {
          if (absl::Status closed = txn.Delete(txn.Find<Desk>(from)); !closed.ok()) return closed;
        }
        return abort ? absl::CancelledError("") : absl::OkStatus();
      });
      ASSERT_TRUE(commit.ok() || (abort && absl::IsCancelled(commit.status()))) << commit.status();
    }
  };
  ReadWhile(write, [&](std::uint64_t) {
    const Snapshot snapshot = store->GetSnapshot();
    std::int64_t sum = 0;
    std::int64_t count = 0;
    for (DeskRef desk : snapshot.All<Desk>()) {
      sum += desk->floor();
      ++count;
      ASSERT_EQ(snapshot.Find<Desk>(desk->code()), desk);
    }
    ASSERT_EQ(sum, kSum);
    ASSERT_EQ(count, snapshot.Count<Desk>());
    // By a scan, for none is below 0 and no index says so.
    const auto scanned = snapshot.Query<Desk>().Where(DeskModel::floor >= 0);
    ASSERT_EQ(scanned.Sum(DeskModel::floor), kSum);
    ASSERT_EQ(scanned.Count(), count);
  });
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

TEST(ConcurrencyTest, MovesOfAHasOneKeepABijectionInEverySnapshot) {
  const std::unique_ptr<Store> store = OpenStore();
  constexpr std::int64_t kPeople = 20;
  ASSERT_TRUE(store
                  ->Write([&](Transaction& txn) -> absl::Status {
                    for (std::int64_t i = 0; i < kPeople; ++i) {
                      Person person;
                      person.set_email(absl::StrCat("p", i));
                      auto added = txn.Insert(person);
                      if (!added.ok()) return added.status();
                      Desk desk;
                      desk.set_code(Code(i));
                      if (auto set = txn.Set(*added, PersonModel::desk, desk); !set.ok()) {
                        return set.status();
                      }
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto write = [&] {
    std::mt19937_64 random(2);
    const int transactions = Transactions();
    for (int i = 0; i < transactions; ++i) {
      const auto commit = store->Write([&](Transaction& txn) -> absl::Status {
        const PersonRef a = txn.Find<Person>(1 + static_cast<std::int64_t>(random() % kPeople));
        const PersonRef b = txn.Find<Person>(1 + static_cast<std::int64_t>(random() % kPeople));
        if (a == b) return absl::OkStatus();
        const DeskRef desk_of_a = a.desk();
        const DeskRef desk_of_b = b.desk();
        if (auto status = txn.Clear(b, PersonModel::desk); !status.ok()) return status;
        if (auto status = txn.Set(b, PersonModel::desk, desk_of_a).status(); !status.ok()) {
          return status;
        }
        if (random() % 4 == 0) {  // A new desk under the old code.
          Desk again;
          again.set_code(desk_of_b->code());
          if (auto status = txn.Delete(desk_of_b); !status.ok()) return status;
          return txn.Set(a, PersonModel::desk, again).status();
        }
        return txn.Set(a, PersonModel::desk, desk_of_b).status();
      });
      ASSERT_TRUE(commit.ok()) << commit.status();
    }
  };
  ReadWhile(write, [&](std::uint64_t) {
    const Snapshot snapshot = store->GetSnapshot();
    ASSERT_EQ(snapshot.Count<Desk>(), kPeople);
    for (PersonRef person : snapshot.All<Person>()) {
      ASSERT_TRUE(person.desk());
      ASSERT_EQ(person.desk().person(), person);
    }
    for (DeskRef desk : snapshot.All<Desk>()) ASSERT_EQ(desk.person().desk(), desk);
  });
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

TEST(ConcurrencyTest, ListsThatGrowAndShrinkHaveTheirSizeInEverySnapshot) {
  const std::unique_ptr<Store> store = OpenStore();
  ASSERT_TRUE(store
                  ->Write([&](Transaction& txn) -> absl::Status {
                    for (const char* email : {"a", "b"}) {
                      Person person;
                      person.set_email(email);
                      if (auto added = txn.Insert(person); !added.ok()) return added.status();
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  const auto write = [&] {
    std::mt19937_64 random(3);
    const int transactions = Transactions();
    std::deque<std::int64_t> ids;
    for (int i = 0; i < transactions; ++i) {
      const bool shrink = i / 200 % 2 == 1;
      const auto commit = store->Write([&](Transaction& txn) -> absl::Status {
        // All tasks are reviewed by 1; owners move between 1, 2 and nobody.
        if (!shrink || ids.empty()) {
          Task task;
          task.set_reviewer_id(1);
          task.set_owner_id(1 + static_cast<std::int64_t>(random() % 2));
          auto added = txn.Insert(task);
          if (added.ok()) ids.push_back((*added)->id());
          return added.status();
        }
        const std::size_t place = random() % ids.size();
        const TaskRef task = txn.Find<Task>(ids[place]);
        if (random() % 2 == 0) {
          return txn.Update(task, [&](Task& t) { t.set_owner_id(3 - t.owner_id()); }).status();
        }
        ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place));
        return txn.Delete(task);
      });
      ASSERT_TRUE(commit.ok()) << commit.status();
    }
  };
  ReadWhile(write, [&](std::uint64_t) {
    const Snapshot snapshot = store->GetSnapshot();
    const std::size_t all = static_cast<std::size_t>(snapshot.Count<Task>());
    std::size_t owned = 0;
    for (std::int64_t id : {1, 2}) {
      const PersonRef person = snapshot.Find<Person>(id);
      std::size_t seen = 0;
      for (TaskRef task : person.tasks()) {
        ASSERT_EQ(task.owner(), person);
        ++seen;
      }
      ASSERT_EQ(person.tasks().size(), seen);
      owned += seen;
    }
    ASSERT_EQ(owned, all);
    ASSERT_EQ(snapshot.Find<Person>(1).reviews().size(), all);
    const auto people = snapshot.Query<Person>();
    ASSERT_EQ(people.Follow(PersonModel::reviews).ToVector().size(), all);
    for (const TaskRef task : people.Where(PersonModel::id == 1).Follow(PersonModel::tasks)) {
      ASSERT_EQ(task->owner_id(), 1);
    }
  });
  EXPECT_EQ(store->CheckInvariants(), absl::OkStatus());
}

TEST(ConcurrencyTest, SnapshotsMayBeDroppedOnOtherThreadsAndBeMoreThanAChunk) {
  const std::unique_ptr<Store> store = OpenStore();
  absl::Mutex mutex;
  std::deque<Snapshot> passed;
  std::atomic<int> taken{0};
  ASSERT_TRUE(store
                  ->Write([&](Transaction& txn) {
                    Desk desk;
                    desk.set_code("counter");
                    return txn.Insert(desk).status();
                  })
                  .ok());
  const auto write = [&] {
    const int transactions = Transactions();
    for (int i = 0; i < transactions; ++i) {
      const auto commit = store->Write([&](Transaction& txn) {
        return txn.Update(txn.Find<Desk>("counter"), [](Desk& d) { d.set_floor(d.floor() + 1); })
            .status();
      });
      ASSERT_TRUE(commit.ok()) << commit.status();
    }
  };
  ReadWhile(write, [&](std::uint64_t round) {
    Snapshot snapshot = store->GetSnapshot();
    // The first commit made the counter, each later one counted.
    ASSERT_EQ(snapshot.Find<Desk>("counter")->floor(),
              static_cast<std::int32_t>(snapshot.commit()) - 1);
    taken.fetch_add(1);
    Snapshot other;
    {
      absl::MutexLock lock(&mutex);
      passed.push_back(std::move(snapshot));
      if (passed.size() <= 100) return;
      const std::size_t place = round % passed.size();
      other = std::move(passed[place]);
      passed.erase(passed.begin() + static_cast<std::ptrdiff_t>(place));
    }
    ASSERT_EQ(other.Find<Desk>("counter")->floor(), static_cast<std::int32_t>(other.commit()) - 1);
  });
  passed.clear();
  EXPECT_GT(taken.load(), 0);
  EXPECT_EQ(store->stats().snapshots, 0);
}

TEST(ConcurrencyTest, ARecordSupersededOftenUnderOpenSnapshotsKeepsAShortChain) {
  const std::unique_ptr<Store> store = OpenStore();
  const auto count = [&] {
    const auto commit = store->Write([&](Transaction& txn) {
      Desk desk;
      desk.set_code("hot");
      const DeskRef old = txn.Find<Desk>("hot");
      desk.set_floor(old ? old->floor() + 1 : 0);
      return txn.Upsert(desk).status();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  };
  count();
  const Snapshot first = store->GetSnapshot();
  std::vector<Snapshot> later;
  const int updates = 100 * Transactions() < 100'000 ? 100 * Transactions() : 100'000;
  for (int i = 0; i < updates; ++i) {
    count();
    if (i % (updates / 4) == 0) later.push_back(store->GetSnapshot());
  }
  EXPECT_EQ(first.Find<Desk>("hot")->floor(), 0);
  for (const Snapshot& snapshot : later) {
    EXPECT_EQ(snapshot.Find<Desk>("hot")->floor(),
              static_cast<std::int32_t>(snapshot.commit()) - 1);
  }
  const internal::View* view = first.Find<Desk>("hot").internal_view();
  const internal::Version* newest =
      internal::Table::VersionOf(const_cast<Desk*>(store->GetSnapshot().Find<Desk>("hot").get()));
  int links = 0;
  for (const internal::Version* version = newest; version->stamp > view->Limit(); ++links) {
    version = version->older.load();
  }
  EXPECT_LE(links, static_cast<int>(later.size()) + 2);
}

}  // namespace
}  // namespace kin
