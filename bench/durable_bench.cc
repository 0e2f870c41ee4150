// Commits that wait until they are safe: BM_Synced, BM_Written. An iteration is one commit of one
// record by one thread.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "benchmark/benchmark.h"
#include "kin/bench/persistence_bench.h"
#include "kin/bench/posts.h"

namespace kin::bench {
namespace {

// Shared by the threads of one run.
struct Shared {
  std::unique_ptr<ScratchDirectory> directory;
  std::string path;
  std::unique_ptr<Store> store;
  std::unique_ptr<BareDatabase> bare;
  absl::Mutex mutex;  // One program's threads share a connection.
  std::int64_t commits = 0;
};

Shared& TheShared() {
  static auto& shared = *new Shared;
  return shared;
}

void MakeShared() {
  Shared& shared = TheShared();
  shared.directory = std::make_unique<ScratchDirectory>();
  shared.path = shared.directory->File("commits.db");
  MakeDatabase(shared.path, {});
  shared.commits = 0;
}

void SetUpKin(const benchmark::State&) {
  MakeShared();
  TheShared().store = OpenStore(TheShared().path, Flushing::kAsUsual);
}

template <bool kSynced>
void SetUpBare(const benchmark::State&) {
  MakeShared();
  TheShared().bare = std::make_unique<BareDatabase>(TheShared().path, kSynced ? "FULL" : "NORMAL");
}

// Every commit is in the database.
void TearDown(const benchmark::State&) {
  Shared& shared = TheShared();
  if (shared.store != nullptr) Check(shared.store->Close());
  shared.store.reset();
  shared.bare.reset();
  {
    BareDatabase database(shared.path, "NORMAL");
    sqlite3_stmt* count = database.Prepare("SELECT count(*) FROM posts");
    Check(sqlite3_step(count) == SQLITE_ROW, "no count");
    Check(sqlite3_column_int64(count, 0) == shared.commits, "commits are missing");
    sqlite3_finalize(count);
  }
  shared.directory.reset();
}

void Finish(benchmark::State& state) {
  absl::MutexLock lock(&TheShared().mutex);
  TheShared().commits += static_cast<std::int64_t>(state.iterations());
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

PostRow RowOf(const benchmark::State& state, std::int64_t i) {
  const std::int64_t id = 1 + state.thread_index() + i * state.threads();
  return {id, 1 + id % kAuthors, NewTitle(id, 0)};
}

template <Durability kDurability>
void CommitKin(benchmark::State& state) {
  Store& store = *TheShared().store;
  std::int64_t i = 0;
  for (auto _ : state) {
    const PostRow row = RowOf(state, i++);
    Check(store
              .Write(
                  [&](Transaction& txn) {
                    Post post;
                    post.set_id(row.id);
                    post.set_author_id(row.author_id);
                    post.set_title(row.title);
                    return txn.Insert(std::move(post)).status();
                  },
                  {.durability = kDurability})
              .status());
  }
  Finish(state);
}

void CommitBare(benchmark::State& state) {
  Shared& shared = TheShared();
  std::int64_t i = 0;
  for (auto _ : state) {
    const PostRow row = RowOf(state, i++);
    absl::MutexLock lock(&shared.mutex);
    shared.bare->InsertEach({&row, 1});
  }
  Finish(state);
}

void Add(const std::string& name, int threads, int iterations, void (*run)(benchmark::State&),
         void (*set_up)(const benchmark::State&)) {
  benchmark::RegisterBenchmark(name.c_str(), run)
      ->Threads(threads)
      ->Iterations(iterations)
      ->UseRealTime()
      ->Setup(set_up)
      ->Teardown(TearDown);
}

}  // namespace

void RegisterDurableCommits() {
  constexpr Durability kSynced = Durability::kSynced, kWritten = Durability::kWritten;
  Add("BM_Synced/single/kin", 1, 1000, CommitKin<kSynced>, SetUpKin);
  Add("BM_Synced/single/kin", 16, 500, CommitKin<kSynced>, SetUpKin);
  Add("BM_Synced/single/bare", 1, 1000, CommitBare, SetUpBare<true>);
  Add("BM_Written/single/kin", 1, 10'000, CommitKin<kWritten>, SetUpKin);
  Add("BM_Written/single/kin", 16, 2'000, CommitKin<kWritten>, SetUpKin);
  Add("BM_Written/single/bare", 1, 20'000, CommitBare, SetUpBare<false>);
}

}  // namespace kin::bench
