// What write-behind costs those beside it: BM_CommitBeside, an update of one record, and
// BM_ReadBeside, lookups.
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "benchmark/benchmark.h"
#include "kin/bench/persistence_bench.h"
#include "kin/bench/posts.h"

namespace kin::bench {
namespace {

std::unique_ptr<Store> MakeStore(const std::string& path, const std::vector<PostRow>& posts,
                                 Flushing flushing) {
  if (!path.empty()) {
    MakeDatabase(path, posts);
    return OpenStore(path, flushing);
  }
  std::unique_ptr<Store> store = OpenStore("", flushing);
  Check(store
            ->Write([](Transaction& txn) -> absl::Status {
              for (int i = 1; i <= kAuthors; ++i) {
                Author author;
                author.set_id(i);
                absl::Status status = txn.Insert(author).status();
                if (!status.ok()) return status;
              }
              return absl::OkStatus();
            })
            .status());
  InsertPosts(*store, posts);
  return store;
}

void UpdateOne(Store& store, std::int64_t id, const std::string& title) {
  Check(store
            .Write([&](Transaction& txn) {
              return txn.Update(txn.Find<Post>(id), [&](Post& post) { post.set_title(title); })
                  .status();
            })
            .status());
}

// Updates of single records in random order; write-behind follows as it does by default.
void CommitBeside(benchmark::State& state, bool persistent) {
  constexpr std::size_t kPosts = 100'000;
  ScratchDirectory directory;
  const std::string path = persistent ? directory.File("commits.db") : "";
  const std::vector<PostRow> posts = MakePosts(kPosts, Order::kAscending);
  std::unique_ptr<Store> store = MakeStore(path, posts, Flushing::kAsUsual);
  std::vector<std::string> titles;
  for (int round = 0; round < 16; ++round) titles.push_back(NewTitle(round, round));
  std::mt19937_64 random(1);
  std::vector<std::int64_t> ids(1 << 16);
  for (std::int64_t& id : ids) id = static_cast<std::int64_t>(1 + random() % kPosts);
  std::size_t i = 0;
  for (auto _ : state) {
    UpdateOne(*store, ids[i % ids.size()], titles[i / ids.size() % titles.size()]);
    ++i;
  }
  const Stats before = store->stats();
  state.counters["batches"] = static_cast<double>(before.batches);
  state.counters["lag_seconds"] = absl::ToDoubleSeconds(before.lag);
  if (persistent && before.lag > absl::Seconds(2)) state.SkipWithError("it does not keep up");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  Check(store->Close());
  if (store->durable_commit() != store->GetSnapshot().commit()) {
    state.SkipWithError("not all was written");
  }
}

// Lookups by key in random order, while a flush of all records runs, or none.
void ReadBeside(benchmark::State& state, bool flush) {
  constexpr std::size_t kPosts = 1'000'000;
  static auto& posts = *new std::vector<PostRow>(MakePosts(kPosts, Order::kAscending));
  ScratchDirectory directory;
  std::unique_ptr<Store> store = MakeStore(directory.File("reads.db"), posts, Flushing::kWhenTold);
  for (std::size_t begin = 0; begin < kPosts; begin += 1000) {
    Check(store
              ->Write([&](Transaction& txn) -> absl::Status {
                for (std::size_t i = begin; i < begin + 1000; ++i) {
                  absl::Status status =
                      txn.Update(txn.Find<Post>(posts[i].id),
                                 [&](Post& post) { post.set_title(NewTitle(posts[i].id, 1)); })
                          .status();
                  if (!status.ok()) return status;
                }
                return absl::OkStatus();
              })
              .status());
  }
  std::mt19937_64 random(1);
  std::vector<std::int64_t> ids(1 << 20);
  for (std::int64_t& id : ids) id = static_cast<std::int64_t>(1 + random() % kPosts);
  std::thread flusher;
  if (flush) flusher = std::thread([&store] { Check(store->Flush()); });
  std::size_t at = 0;
  bool right = true;
  for (auto _ : state) {
    const Snapshot snapshot = store->GetSnapshot();
    for (int i = 0; i < 1000; ++i, at = (at + 1) % ids.size()) {
      right &= snapshot.Find<Post>(ids[at])->author_id() == posts[ids[at] - 1].author_id;
    }
  }
  if (flush && store->durable_commit() == store->GetSnapshot().commit()) {
    state.SkipWithError("the flush ended before the reads");
  }
  if (flusher.joinable()) flusher.join();
  if (!right) state.SkipWithError("a lookup found another record");
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * 1000));
}

}  // namespace

void RegisterBesideWriteBehind() {
  auto commit = [](const char* name, bool persistent) {
    benchmark::RegisterBenchmark(
        name, [persistent](benchmark::State& state) { CommitBeside(state, persistent); })
        ->Iterations(3'000'000)
        ->UseRealTime();
  };
  commit("BM_CommitBeside/write_behind/kin", true);
  commit("BM_CommitBeside/memory_only/kin", false);
  auto read = [](const char* name, bool flush) {
    benchmark::RegisterBenchmark(name,
                                 [flush](benchmark::State& state) { ReadBeside(state, flush); })
        ->Iterations(2'000)
        ->UseRealTime();
  };
  read("BM_ReadBeside/flush/kin", true);
  read("BM_ReadBeside/idle/kin", false);
}

}  // namespace kin::bench
