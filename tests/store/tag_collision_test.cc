// Two keys of one index whose hashes have the same tag and the same bucket: a probe for one meets
// the entries of the other.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::history::Person;
using ::history::Task;

// In a table of two buckets, as long as it is small.
std::pair<std::int64_t, std::int64_t> IdsThatCollide() {
  const auto place = [](std::int64_t id) {
    const std::uint64_t hash = internal::HashKey(id);
    return std::pair(hash & 0x7f7f, hash >> 63);
  };
  std::int64_t id = 2;
  while (place(id) != place(1)) ++id;
  return {1, id};
}

TEST(TagCollisionTest, ARecordThatMovedToAKeyOfTheSameTagHidesNoOtherFromOldSnapshots) {
  const auto [a, b] = IdsThatCollide();
  const std::unique_ptr<Store> store = *Store::Open(testing::HistorySchema());
  const auto write = [&](absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  };
  const auto add_task = [&](std::int64_t owner) {
    write([&](Transaction& txn) {
      Task task;
      task.set_reviewer_id(1);
      task.set_owner_id(owner);
      return txn.Insert(task).status();
    });
  };
  for (const std::int64_t id : {a, b}) {
    write([&, id = id](Transaction& txn) {
      Person person;
      person.set_id(id);
      person.set_email(absl::StrCat("p", id));
      return txn.Insert(person).status();
    });
  }
  // The first slot of the bucket is free again, and the list of `a` is behind it.
  add_task(b);
  for (int i = 0; i < 3; ++i) add_task(a);
  write([](Transaction& txn) { return txn.Delete(txn.Find<Task>(1)); });
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (store->stats().retired > 0 && absl::Now() < deadline) {
    store->Write([](Transaction&) { return absl::OkStatus(); }).IgnoreError();
  }

  const Snapshot snapshot = store->GetSnapshot();
  write([&](Transaction& txn) {
    return txn.Update(txn.Find<Task>(2), [&, b = b](Task& t) { t.set_owner_id(b); }).status();
  });
  const auto ids = [](const Snapshot& from, std::int64_t owner) {
    std::vector<std::int64_t> found;
    for (const auto task : from.Find<Person>(owner).tasks()) found.push_back(task->id());
    EXPECT_EQ(from.Find<Person>(owner).tasks().size(), found.size());
    return found;
  };
  EXPECT_EQ(ids(snapshot, a), (std::vector<std::int64_t>{2, 3, 4}));
  EXPECT_EQ(ids(snapshot, b), std::vector<std::int64_t>());
  const Snapshot now = store->GetSnapshot();
  EXPECT_EQ(ids(now, a), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(ids(now, b), (std::vector<std::int64_t>{2}));
}

}  // namespace
}  // namespace kin
