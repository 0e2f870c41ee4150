// How fast changes reach the database: BM_FlushInserts, BM_FlushUpdates, BM_FlushHot. Timed from
// when all changes are in memory to when the database is closed, all in the one file.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "kin/bench/persistence_bench.h"
#include "kin/bench/posts.h"

namespace kin::bench {
namespace {

constexpr std::size_t kPosts = 1'000'000;
constexpr std::size_t kBareTransaction = 10'000;

enum class How { kKin, kBareMany, kBareEach };

const std::vector<PostRow>& Posts(Order order) {
  static auto& ascending = *new std::vector<PostRow>(MakePosts(kPosts, Order::kAscending));
  static auto& random = *new std::vector<PostRow>(MakePosts(kPosts, Order::kRandom));
  return order == Order::kAscending ? ascending : random;
}

// A copy of a database that is made once, with all posts or none.
void CopyDatabase(const ScratchDirectory& directory, Order order, bool full,
                  const std::string& path) {
  const std::string original = directory.File(std::string(full ? "full" : "empty") +
                                              std::to_string(static_cast<int>(order)));
  if (!std::filesystem::exists(original)) {
    MakeDatabase(original, full ? Posts(order) : std::vector<PostRow>());
  }
  std::filesystem::copy_file(original, path, std::filesystem::copy_options::overwrite_existing);
}

const ScratchDirectory& Directory() {
  static ScratchDirectory directory;
  return directory;
}

void CheckSum(benchmark::State& state, const std::string& path, std::uint64_t expected) {
  if (SumOfDatabase(path) != expected) state.SkipWithError("not all was written");
}

void InsertEachIn(BareDatabase& bare, const std::vector<PostRow>& posts) {
  for (std::size_t i = 0; i < posts.size(); i += kBareTransaction) {
    bare.InsertEach(absl::MakeConstSpan(posts).subspan(i, kBareTransaction));
  }
}

void FlushInserts(benchmark::State& state, Order order, How how) {
  const std::vector<PostRow>& posts = Posts(order);
  const std::string path = Directory().File("inserts.db");
  for (auto _ : state) {
    state.PauseTiming();
    CopyDatabase(Directory(), order, /*full=*/false, path);
    if (how == How::kKin) {
      std::unique_ptr<Store> store = OpenStore(path, Flushing::kWhenTold);
      InsertPosts(*store, posts);
      state.ResumeTiming();
      Check(store->Close());
      state.PauseTiming();
    } else {
      auto bare = std::make_unique<BareDatabase>(path, "NORMAL");
      state.ResumeTiming();
      if (how == How::kBareMany) {
        bare->InsertMany(posts);
      } else {
        InsertEachIn(*bare, posts);
      }
      bare.reset();
      state.PauseTiming();
    }
    CheckSum(state, path, SumOf(posts));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kPosts));
}

void UpdateTitles(Store& store, absl::Span<const PostRow> changed) {
  constexpr std::size_t kTransaction = 1000;
  for (std::size_t begin = 0; begin < changed.size(); begin += kTransaction) {
    const std::size_t end = std::min(changed.size(), begin + kTransaction);
    Check(store
              .Write([&](Transaction& txn) -> absl::Status {
                for (std::size_t i = begin; i < end; ++i) {
                  absl::Status status =
                      txn.Update(txn.Find<Post>(changed[i].id),
                                 [&](Post& post) { post.set_title(changed[i].title); })
                          .status();
                  if (!status.ok()) return status;
                }
                return absl::OkStatus();
              })
              .status());
  }
}

std::vector<PostRow> ShuffledWithNewTitles(std::vector<PostRow> posts, int round) {
  std::shuffle(posts.begin(), posts.end(), std::mt19937_64(static_cast<std::uint64_t>(round)));
  for (PostRow& post : posts) post.title = NewTitle(post.id, round);
  return posts;
}

void FlushUpdates(benchmark::State& state, How how) {
  const std::vector<PostRow> changed = ShuffledWithNewTitles(Posts(Order::kAscending), 1);
  const std::string path = Directory().File("updates.db");
  for (auto _ : state) {
    state.PauseTiming();
    CopyDatabase(Directory(), Order::kAscending, /*full=*/true, path);
    if (how == How::kKin) {
      std::unique_ptr<Store> store = OpenStore(path, Flushing::kWhenTold);
      UpdateTitles(*store, changed);
      state.ResumeTiming();
      Check(store->Close());
      state.PauseTiming();
    } else {
      auto bare = std::make_unique<BareDatabase>(path, "NORMAL");
      state.ResumeTiming();
      for (std::size_t i = 0; i < changed.size(); i += kBareTransaction) {
        bare->UpdateEach(absl::MakeConstSpan(changed).subspan(i, kBareTransaction));
      }
      bare.reset();
      state.PauseTiming();
    }
    CheckSum(state, path, SumOf(changed));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kPosts));
}

// `times` updates of each of a tenth of the posts between two flushes.
void FlushHot(benchmark::State& state, int times) {
  const std::string path = Directory().File("hot.db");
  const std::size_t hot = kPosts / 10;
  for (auto _ : state) {
    state.PauseTiming();
    CopyDatabase(Directory(), Order::kAscending, /*full=*/true, path);
    std::unique_ptr<Store> store = OpenStore(path, Flushing::kWhenTold);
    std::vector<PostRow> posts = Posts(Order::kAscending);
    std::shuffle(posts.begin(), posts.end(), std::mt19937_64(3));
    std::vector<PostRow> changed(posts.begin(), posts.begin() + hot);
    for (int round = 1; round <= times; ++round) {
      changed = ShuffledWithNewTitles(std::move(changed), round);
      UpdateTitles(*store, changed);
    }
    std::move(changed.begin(), changed.end(), posts.begin());
    state.ResumeTiming();
    Check(store->Close());
    state.PauseTiming();
    store.reset();
    CheckSum(state, path, SumOf(posts));
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * hot));
}

}  // namespace

void RegisterFlushes() {
  auto add = [](const char* name, auto function) {
    benchmark::RegisterBenchmark(name, function)
        ->Unit(benchmark::kMillisecond)
        ->Iterations(1)
        ->UseRealTime();
  };
  add("BM_FlushInserts/ascending/kin",
      [](auto& state) { FlushInserts(state, Order::kAscending, How::kKin); });
  add("BM_FlushInserts/ascending/bare_many",
      [](auto& state) { FlushInserts(state, Order::kAscending, How::kBareMany); });
  add("BM_FlushInserts/ascending/bare_each",
      [](auto& state) { FlushInserts(state, Order::kAscending, How::kBareEach); });
  add("BM_FlushInserts/random/kin",
      [](auto& state) { FlushInserts(state, Order::kRandom, How::kKin); });
  add("BM_FlushInserts/random/bare_each",
      [](auto& state) { FlushInserts(state, Order::kRandom, How::kBareEach); });
  add("BM_FlushUpdates/random/kin", [](auto& state) { FlushUpdates(state, How::kKin); });
  add("BM_FlushUpdates/random/bare_each", [](auto& state) { FlushUpdates(state, How::kBareEach); });
  add("BM_FlushHot/ten_updates/kin", [](auto& state) { FlushHot(state, 10); });
  add("BM_FlushHot/one_update/kin", [](auto& state) { FlushHot(state, 1); });
}

}  // namespace kin::bench
