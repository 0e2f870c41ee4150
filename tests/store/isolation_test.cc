// Isolation, checked from recorded histories: writers and readers write down what they saw, each by
// itself and at once; afterwards a checker replays the commits one after the other and judges every
// observation. That writers are serializable, and that each snapshot shows one commit.
//
//   KIN_TRANSACTIONS  of each writer.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "tests/store/history.kin.h"

namespace kin {
namespace {

using ::history::Person;
using ::history::PersonRef;
using ::history::Task;
using ::history::TaskRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kPeople = 3;
constexpr std::int64_t kTasks = 12;
constexpr int kWriters = 2;
constexpr int kReaders = 2;

int Transactions() {
  const char* text = std::getenv("KIN_TRANSACTIONS");
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : 600;
}

// What is asked: the task of an id, or the tasks of a person (which phantoms would show in).
struct Question {
  enum class Kind { kTask, kTasksOf };
  Kind kind;
  std::int64_t id;
};

struct Step {
  Question question;  // For a write: of the task written.
  std::string answer;
  bool write = false;
};

// A transaction or a snapshot.
struct Observation {
  CommitNumber commit = 0;            // Made or shown; 0 for a transaction that was aborted.
  CommitNumber committed_before = 0;  // The newest that had returned before it began.
  std::vector<Step> steps;
};

std::string Answer(const internal::Reader& reader, const Question& question) {
  if (question.kind == Question::Kind::kTask) {
    const TaskRef task = reader.Find<Task>(question.id);
    return task ? absl::StrCat(task->owner_id(), ":", task->title()) : "none";
  }
  std::vector<std::int64_t> ids;
  const auto tasks = reader.Find<Person>(question.id).tasks();
  for (const TaskRef task : tasks) ids.push_back(task->id());
  std::sort(ids.begin(), ids.end());
  return absl::StrCat(tasks.size(), ":", absl::StrJoin(ids, ","));
}

// The same questions to plain data: what Answer gives for each task that is there.
class Replay {
 public:
  std::string Answer(const Question& question) const {
    if (question.kind == Question::Kind::kTask) {
      auto it = tasks_.find(question.id);
      return it == tasks_.end() ? "none" : it->second;
    }
    std::vector<std::int64_t> ids;
    for (const auto& [id, task] : tasks_) {
      if (task.substr(0, task.find(':')) == absl::StrCat(question.id)) ids.push_back(id);
    }
    return absl::StrCat(ids.size(), ":", absl::StrJoin(ids, ","));
  }
  void Write(const Step& step) {
    if (step.answer == "none") {
      tasks_.erase(step.question.id);
    } else {
      tasks_[step.question.id] = step.answer;
    }
  }

 private:
  std::map<std::int64_t, std::string> tasks_;
};

// What is wrong with a history; empty if nothing is. `first` is the commit before the first one.
std::vector<std::string> Check(CommitNumber first, std::vector<Observation> transactions,
                               std::vector<Observation> snapshots) {
  std::vector<std::string> wrong;
  const auto by_commit = [](const Observation& a, const Observation& b) {
    return a.commit < b.commit;
  };
  std::sort(transactions.begin(), transactions.end(), by_commit);
  std::sort(snapshots.begin(), snapshots.end(), by_commit);
  Replay state;
  CommitNumber at = first;
  auto snapshot = snapshots.begin();
  const auto judge = [&](const Observation& seen, const Replay& then, const Step& step) {
    const std::string expected = then.Answer(step.question);
    if (step.answer == expected) return;
    wrong.push_back(absl::StrCat("at commit ", seen.commit, " question ",
                                 static_cast<int>(step.question.kind), " of ", step.question.id,
                                 " was answered ", step.answer, ", not ", expected));
  };
  const auto judge_snapshots = [&] {
    for (; snapshot != snapshots.end() && snapshot->commit == at; ++snapshot) {
      for (const Step& step : snapshot->steps) judge(*snapshot, state, step);
    }
  };
  judge_snapshots();
  for (const Observation& transaction : transactions) {
    if (transaction.commit != at + 1) {
      wrong.push_back(absl::StrCat("commit ", transaction.commit, " follows ", at));
    }
    for (const Step& step : transaction.steps) {
      if (step.write) {
        state.Write(step);
      } else {
        judge(transaction, state, step);
      }
    }
    at = transaction.commit;
    judge_snapshots();
  }
  for (const auto* kind : {&transactions, &snapshots}) {
    for (const Observation& seen : *kind) {
      if (seen.commit < seen.committed_before) {
        wrong.push_back(absl::StrCat("commit ", seen.commit, " was seen after ",
                                     seen.committed_before, " had returned"));
      }
    }
  }
  if (snapshot != snapshots.end()) wrong.push_back("a snapshot shows a commit that was not made");
  return wrong;
}

class IsolationTest : public ::testing::Test {
 protected:
  static Question RandomQuestion(std::mt19937_64& random) {
    if (random() % 3 == 0) {
      return {Question::Kind::kTasksOf, 1 + static_cast<std::int64_t>(random() % kPeople)};
    }
    return {Question::Kind::kTask, 1 + static_cast<std::int64_t>(random() % kTasks)};
  }

  // Writes or deletes a random task, after and before reads that the write is made from.
  static absl::Status WriteTask(Transaction& txn, std::mt19937_64& random, const std::string& title,
                                std::vector<Step>* steps) {
    const Question about = {Question::Kind::kTask,
                            1 + static_cast<std::int64_t>(random() % kTasks)};
    const TaskRef task = txn.Find<Task>(about.id);
    absl::Status status;
    if (task && random() % 4 == 0) {
      status = txn.Delete(task);
    } else {
      Task fresh;
      fresh.set_id(about.id);
      fresh.set_reviewer_id(1);
      fresh.set_owner_id(1 + static_cast<std::int64_t>(random() % kPeople));
      fresh.set_title(title);
      status = txn.Upsert(fresh).status();
    }
    steps->push_back({about, Answer(txn, about), true});
    return status;
  }

  void Note(CommitNumber commit) {
    CommitNumber newest = returned_.load();
    while (newest < commit && !returned_.compare_exchange_weak(newest, commit)) {
    }
  }

  std::vector<Observation> RunWriter(int writer) {
    std::mt19937_64 random(static_cast<std::uint64_t>(writer) + 10);
    std::vector<Observation> history;
    for (int i = 0; i < Transactions(); ++i) {
      Observation seen;
      seen.committed_before = returned_.load();
      const bool abort = random() % 8 == 0;
      const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
        for (int k = 0; k < 3; ++k) {
          const Question question = RandomQuestion(random);
          seen.steps.push_back({question, Answer(txn, question)});
          const std::string title = absl::StrCat("w", writer, "t", i, "k", k);
          if (auto status = WriteTask(txn, random, title, &seen.steps); !status.ok()) return status;
          seen.steps.push_back({question, Answer(txn, question)});
        }
        return abort ? absl::CancelledError("on purpose") : absl::OkStatus();
      });
      EXPECT_EQ(commit.ok(), !abort) << commit.status();
      if (!commit.ok()) continue;
      Note(*commit);
      seen.commit = *commit;
      history.push_back(std::move(seen));
    }
    return history;
  }

  std::vector<Observation> RunReader(int reader, const std::atomic<bool>& done) {
    std::mt19937_64 random(static_cast<std::uint64_t>(reader) + 100);
    std::vector<Observation> history;
    std::vector<std::pair<Snapshot, Observation>> open;
    bool last = false;
    while (!last) {
      last = done.load();
      Observation seen;
      seen.committed_before = returned_.load();
      Snapshot snapshot = store_->GetSnapshot();
      seen.commit = snapshot.commit();
      open.emplace_back(std::move(snapshot), std::move(seen));
      // Some are asked again and again while the store goes on.
      for (auto& [view, observed] : open) {
        const Question question = RandomQuestion(random);
        observed.steps.push_back({question, Answer(view, question)});
      }
      if (open.size() > 5) {
        const auto drop = open.begin() + static_cast<std::ptrdiff_t>(random() % open.size());
        history.push_back(std::move(drop->second));
        open.erase(drop);
      }
    }
    for (auto& entry : open) history.push_back(std::move(entry.second));
    return history;
  }

  const std::unique_ptr<Store> store_ = *Store::Open(testing::HistorySchema());
  std::atomic<CommitNumber> returned_{0};
};

TEST_F(IsolationTest, RecordedHistoriesAreSerializableAndSnapshotsAreOfOneCommit) {
  const auto people = store_->Write([](Transaction& txn) -> absl::Status {
    for (int i = 0; i < kPeople; ++i) {
      Person person;
      person.set_email(absl::StrCat("p", i));
      if (auto status = txn.Insert(person).status(); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(people.ok()) << people.status();
  Note(*people);
  std::atomic<bool> done{false};
  std::vector<Observation> written[kWriters];
  std::vector<Observation> read[kReaders];
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { read[i] = RunReader(i, done); });
  }
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([&, i] { written[i] = RunWriter(i); });
  }
  for (std::thread& writer : writers) writer.join();
  done.store(true);
  for (std::thread& reader : readers) reader.join();

  std::vector<Observation> transactions;
  std::vector<Observation> snapshots;
  for (auto& history : written)
    transactions.insert(transactions.end(), history.begin(), history.end());
  for (auto& history : read) snapshots.insert(snapshots.end(), history.begin(), history.end());
  EXPECT_GT(transactions.size(), 0u);
  EXPECT_GE(snapshots.size(), static_cast<std::size_t>(kReaders));
  EXPECT_THAT(Check(*people, std::move(transactions), std::move(snapshots)), IsEmpty());
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
}

// The checker finds what it is there for.
class CheckerTest : public ::testing::Test {
 protected:
  static constexpr Question kTask{Question::Kind::kTask, 1};
  static constexpr Question kList{Question::Kind::kTasksOf, 2};
  static Observation Seen(CommitNumber commit, std::vector<Step> steps,
                          CommitNumber committed_before = 0) {
    return {commit, committed_before, std::move(steps)};
  }
};

TEST_F(CheckerTest, AcceptsReadsOfOwnWritesAndOfOneCommit) {
  EXPECT_THAT(
      Check(0,
            {Seen(2, {{kTask, "2:a"}, {kTask, "none", true}, {kList, "0:"}}, 1),
             Seen(1, {{kTask, "none"}, {kTask, "2:a", true}, {kTask, "2:a"}, {kList, "1:1"}})},
            {Seen(0, {{kTask, "none"}}), Seen(1, {{kTask, "2:a"}, {kList, "1:1"}}),
             Seen(2, {{kTask, "none"}})}),
      IsEmpty());
}

TEST_F(CheckerTest, FindsALostUpdateAPhantomAnOldSnapshotAndAGap) {
  const Observation first = Seen(1, {{kTask, "2:a", true}});
  EXPECT_THAT(Check(0, {first, Seen(2, {{kTask, "none"}})}, {}),
              ElementsAre(HasSubstr("at commit 2")));
  EXPECT_THAT(Check(0, {first}, {Seen(1, {{kTask, "2:a"}, {kList, "0:"}})}),
              ElementsAre(HasSubstr("question 1 of 2 was answered 0:, not 1:1")));
  EXPECT_THAT(Check(0, {first}, {Seen(0, {}, 1)}),
              ElementsAre(HasSubstr("commit 0 was seen after 1 had returned")));
  EXPECT_THAT(Check(0, {first, Seen(3, {})}, {}), ElementsAre("commit 3 follows 1"));
  EXPECT_THAT(Check(0, {first}, {Seen(7, {})}), ElementsAre(HasSubstr("was not made")));
}

}  // namespace
}  // namespace kin
