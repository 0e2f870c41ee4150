// Snapshot::FindRecords gives what FindRecord gives, however many are asked for.
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/find_records.kin.h"

namespace kin {
namespace {

using ::find_records::Named;
using ::find_records::Numbered;
using ::find_records::Paired;
using ::google::protobuf::Message;

constexpr int kModels = 3;

// One more than what is looked up together, in a table and in a snapshot, and around that.
constexpr std::size_t kSizes[] = {0, 1, 2, 63, 64, 65, 128, 255, 256, 257, 600};

class FindRecordsTest : public ::testing::Test {
 protected:
  FindRecordsTest() : store_(*Store::Open(Schema::Of<Numbered, Named, Paired>())) {}

  static Numbered NumberedOf(std::int64_t i) {
    Numbered record;
    record.set_id(i < 3 ? i - 3 : i);  // Not 0, in place of which one is allocated.
    return record;
  }
  static Named NamedOf(std::int64_t i) {
    Named record;
    record.set_name(
        i == 0 ? "" : std::string(static_cast<std::size_t>(i % 40), 'n') + std::to_string(i));
    return record;
  }
  static Paired PairedOf(std::int64_t i) {
    Paired record;
    record.set_name(absl::StrCat("pair ", i / 2));
    record.set_number(i % 2);
    return record;
  }
  void Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    const auto commit = store_->Write(body);
    ASSERT_TRUE(commit.ok()) << commit.status();
  }
  void Put(std::int64_t begin, std::int64_t end, std::int64_t step, const std::string& value) {
    Write([&](Transaction& txn) -> absl::Status {
      const auto upsert = [&](auto record) {
        record.set_value(value);
        return txn.Upsert(record).status();
      };
      absl::Status status;
      for (std::int64_t i = begin; i < end; i += step) {
        status.Update(upsert(NumberedOf(i)));
        status.Update(upsert(NamedOf(i)));
        status.Update(upsert(PairedOf(i)));
      }
      return status;
    });
  }
  void Delete(std::int64_t begin, std::int64_t end, std::int64_t step) {
    Write([&](Transaction& txn) -> absl::Status {
      absl::Status status;
      for (std::int64_t i = begin; i < end; i += step) {
        status.Update(txn.DeleteRecord(0, NumberedOf(i)));
        status.Update(txn.DeleteRecord(1, NamedOf(i)));
        status.Update(txn.DeleteRecord(2, PairedOf(i)));
      }
      return status;
    });
  }

  // Keys of [0, size), whether they are there or not.
  struct Keys {
    std::vector<std::string> buffers;
    std::vector<KeyView> keys;
  };
  Keys KeysOf(int model, std::size_t size) const {
    Keys result;
    result.buffers.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      const auto at = static_cast<std::int64_t>(i);
      std::unique_ptr<Message> record;
      if (model == 0) record = std::make_unique<Numbered>(NumberedOf(at));
      if (model == 1) record = std::make_unique<Named>(NamedOf(at));
      if (model == 2) record = std::make_unique<Paired>(PairedOf(at));
      const KeyView key = store_->schema().KeyOf(model, *record, &result.buffers[i]);
      // Bytes may be those of the record.
      result.buffers[i] = std::string(key.bytes);
      result.keys.push_back({key.number, result.buffers[i]});
    }
    return result;
  }
  // How many of them were there.
  std::size_t ExpectTheSame(const Snapshot& snapshot) const {
    std::size_t there = 0;
    for (int model = 0; model < kModels; ++model) {
      for (const std::size_t size : kSizes) {
        const Keys keys = KeysOf(model, size);
        const Message* const untouched = &Numbered::default_instance();
        std::vector<const Message*> found(size + 1, untouched);
        snapshot.FindRecords(model, keys.keys, absl::MakeSpan(found).subspan(0, size));
        for (std::size_t i = 0; i < size; ++i) {
          EXPECT_EQ(found[i], snapshot.FindRecord(model, keys.keys[i])) << model << ", " << i;
          there += static_cast<std::size_t>(found[i] != nullptr);
        }
        EXPECT_EQ(found[size], untouched);
      }
    }
    return there;
  }

  std::unique_ptr<Store> store_;
};

constexpr std::size_t Sum() {
  std::size_t sum = 0;
  for (const std::size_t size : kSizes) sum += size;
  return sum;
}

TEST_F(FindRecordsTest, OfNone) { EXPECT_EQ(ExpectTheSame(store_->GetSnapshot()), 0u); }

TEST_F(FindRecordsTest, OfAll) {
  Put(0, 600, 1, "a");
  EXPECT_EQ(ExpectTheSame(store_->GetSnapshot()), kModels * Sum());
}

TEST_F(FindRecordsTest, OfSomeOfWhichOthersAreDeleted) {
  Put(0, 600, 2, "a");
  Put(1, 600, 6, "b");
  Delete(0, 600, 4);
  const std::size_t there = ExpectTheSame(store_->GetSnapshot());
  EXPECT_GT(there, 0u);
  EXPECT_LT(there, kModels * Sum());
}

TEST_F(FindRecordsTest, InASnapshotThatIsOlderThanAllThatIsThere) {
  Put(0, 600, 2, "a");
  const Snapshot old = store_->GetSnapshot();
  const std::size_t there = ExpectTheSame(old);
  Put(0, 600, 1, "b");
  Delete(0, 600, 3);
  Put(600, 20'000, 1, "c");  // The tables grow.
  EXPECT_EQ(ExpectTheSame(old), there);
  EXPECT_EQ(static_cast<const Numbered*>(
                old.FindRecord(0, store_->schema().KeyOf(0, NumberedOf(0), nullptr)))
                ->value(),
            "a");
}

TEST_F(FindRecordsTest, WithoutRoomForEachItStops) {
  const Snapshot snapshot = store_->GetSnapshot();
  const Keys keys = KeysOf(0, 2);
  const Message* found[1] = {};
  EXPECT_DEATH(snapshot.FindRecords(0, keys.keys, absl::MakeSpan(found)), "room for each key");
}

// The tables grow, and records change and go, while they are looked up.
TEST_F(FindRecordsTest, BesideAWriter) {
  Put(0, 600, 2, "a");
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::int64_t begin = 600; begin < 6000; begin += 300) {
      Put(begin, begin + 300, 1, "b");
      Put(0, 600, 5, "c");
      Delete(0, 600, 5);
    }
    done = true;
  });
  int rounds = 0;
  while (!done || rounds < 3) {
    ++rounds;
    EXPECT_GT(ExpectTheSame(store_->GetSnapshot()), 0u);
  }
  writer.join();
}

}  // namespace
}  // namespace kin
