// The crash harness sees what it is for: each of these backends does one thing that a database must
// not do, and is caught.
#include "kin/tests/persistence/sqlite/crash_harness.h"

#include <signal.h>
#include <unistd.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/persistence/sqlite/backend.h"
#include "kin/tests/testing/forwarding_backend.h"
#include "kin/tests/testing/seed.h"

namespace kin {
namespace {

using google::protobuf::Message;
using persistence::Backend;
using persistence::Batch;
using persistence::ModelChanges;
using ::testing::HasSubstr;

// Says that a batch is written, and writes it with the next one.
class Hasty final : public testing::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  absl::Status Apply(const Batch& batch) override {
    absl::Status status = CatchUp();
    if (status.ok()) Keep(batch);
    return status;
  }
  absl::Status Sync() override {
    absl::Status status = CatchUp();
    return status.ok() ? ForwardingBackend::Sync() : status;
  }
  absl::Status Close() override {
    absl::Status status = CatchUp();
    return status.ok() ? ForwardingBackend::Close() : status;
  }

 private:
  absl::Status CatchUp() {
    if (kept_.to == 0) return absl::OkStatus();
    absl::Status status = ForwardingBackend::Apply(kept_);
    if (status.ok()) kept_ = Batch();
    return status;
  }
  // A copy: what a batch points to is gone after Apply.
  void Keep(const Batch& batch) {
    records_.clear();
    keys_.clear();
    kept_ = batch;
    for (ModelChanges& changes : kept_.models) {
      for (KeyView& key : changes.deletes) {
        keys_.emplace_back(key.bytes);
        key.bytes = keys_.back();
      }
      for (auto* list : {&changes.updates, &changes.reindexed, &changes.moved, &changes.inserts}) {
        for (const Message*& record : *list) {
          records_.emplace_back(record->New());
          records_.back()->CopyFrom(*record);
          record = records_.back().get();
        }
      }
    }
  }

  Batch kept_;
  std::vector<std::unique_ptr<Message>> records_;
  std::deque<std::string> keys_;
};

// Leaves a row of a batch as it was, now and then.
class Forgetful final : public testing::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  absl::Status Apply(const Batch& batch) override {
    Batch less = batch;
    if (++batches_ % 3 == 0) {
      for (ModelChanges& changes : less.models) {
        if (changes.updates.empty()) continue;
        changes.updates.pop_back();
        break;
      }
    }
    return ForwardingBackend::Apply(less);
  }

 private:
  int batches_ = 0;
};

// Writes the rows of a batch in one transaction and the number of its last commit in another. Dies
// in between, now and then, since the moment is a short one.
class Twofold final : public testing::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;

  absl::Status Apply(const Batch& batch) override {
    if (batch.to - batch.from < 2) return ForwardingBackend::Apply(batch);
    Batch rows = batch;
    rows.to = batch.from + 1;
    absl::Status status = ForwardingBackend::Apply(rows);
    if (!status.ok()) return status;
    // However often the process has opened the database: of one opening there may be few.
    static int batches = 0;
    if (++batches % 5 == 0) kill(getpid(), SIGKILL);
    Batch number;
    number.from = rows.to;
    number.to = batch.to;
    number.next_ids = batch.next_ids;
    number.models.resize(batch.models.size());
    return ForwardingBackend::Apply(number);
  }
};

// What the harness says first of a backend of this kind, within so many processes.
template <typename Liar>
std::string Verdict(Durability durability) {
  const unsigned seed = testing::Seed();
  testing::CrashHarness harness(seed, [](const std::string& path, const std::string& vfs) {
    return std::make_unique<Liar>(std::make_unique<persistence::sqlite::SqliteBackend>(path, vfs));
  });
  constexpr int kMostRounds = 100;
  for (int round = 0; round < kMostRounds; ++round) {
    std::string wrong = harness.RunAndKill(durability);
    if (wrong.empty()) wrong = harness.Check();
    if (!wrong.empty()) return wrong;
  }
  return absl::StrCat("nothing is wrong, says the harness, with KIN_SEED=", seed);
}

TEST(CrashHarnessTest, SeesWhatIsAcknowledgedBeforeItIsCommitted) {
  EXPECT_THAT(Verdict<Hasty>(Durability::kWritten), HasSubstr("was acknowledged"));
}

TEST(CrashHarnessTest, SeesARowThatIsLeftOut) {
  EXPECT_THAT(Verdict<Forgetful>(Durability::kBuffered), HasSubstr("at commit"));
  EXPECT_THAT(Verdict<Forgetful>(Durability::kSynced), HasSubstr("at commit"));
}

TEST(CrashHarnessTest, SeesRowsThatAreNotCommittedWithTheirNumber) {
  EXPECT_THAT(Verdict<Twofold>(Durability::kBuffered), HasSubstr("at commit"));
}

}  // namespace
}  // namespace kin
