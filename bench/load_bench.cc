// How fast a database becomes records, and what memory that takes: BM_Load, BM_LoadPairs,
// BM_LoadMemory.
#include <malloc.h>
#include <sqlite3.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "kin/bench/persistence_bench.h"
#include "kin/bench/posts.h"

namespace kin::bench {
namespace {

constexpr std::size_t kPosts = 1'000'000;
constexpr int kPairs = 100'000;

const ScratchDirectory& Directory() {
  static ScratchDirectory directory;
  return directory;
}

struct Prepared {
  std::string path;
  std::uint64_t sum = 0;
};

const Prepared& Posts() {
  static const Prepared& prepared = *[] {
    auto* made = new Prepared{Directory().File("posts.db")};
    const std::vector<PostRow> posts = MakePosts(kPosts, Order::kAscending);
    MakeDatabase(made->path, posts);
    made->sum = SumOf(posts);
    return made;
  }();
  return prepared;
}

const Prepared& Pairs() {
  static const Prepared& prepared = *[] {
    auto* made = new Prepared{Directory().File("pairs.db")};
    std::unique_ptr<Store> store = OpenStore(made->path, Flushing::kWhenTold);
    Check(store
              ->Write([&](Transaction& txn) -> absl::Status {
                for (int i = 1; i <= kPairs; ++i) {
                  Pair pair;
                  pair.set_id(i);
                  pair.set_value(absl::StrCat("value ", i));
                  made->sum += SumOf(i, 0, pair.value());
                  absl::Status status = txn.Insert(std::move(pair)).status();
                  if (!status.ok()) return status;
                }
                return absl::OkStatus();
              })
              .status());
    Check(store->Close());
    return made;
  }();
  return prepared;
}

// What a program has that reads its tables by hand: messages, found by key, and by foreign key.
struct BarePosts {
  absl::flat_hash_map<std::int64_t, std::unique_ptr<Post>> by_id;
  absl::flat_hash_map<std::int64_t, std::vector<Post*>> by_author;
  absl::flat_hash_map<std::int64_t, std::unique_ptr<Author>> authors;
};

std::string TextOf(sqlite3_stmt* row, int column) {
  return std::string(reinterpret_cast<const char*>(sqlite3_column_text(row, column)),
                     static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
}

std::int64_t CountOf(BareDatabase& database, const char* table) {
  sqlite3_stmt* count = database.Prepare(absl::StrCat("SELECT count(*) FROM ", table));
  Check(sqlite3_step(count) == SQLITE_ROW, "no count");
  const std::int64_t rows = sqlite3_column_int64(count, 0);
  sqlite3_finalize(count);
  return rows;
}

void LoadBare(const std::string& path, BarePosts* all) {
  BareDatabase database(path, "NORMAL");
  database.Exec("BEGIN");
  all->by_id.reserve(static_cast<std::size_t>(CountOf(database, "posts")));
  all->by_author.reserve(static_cast<std::size_t>(CountOf(database, "authors")));
  sqlite3_stmt* rows = database.Prepare("SELECT id FROM authors");
  while (sqlite3_step(rows) == SQLITE_ROW) {
    auto author = std::make_unique<Author>();
    author->set_id(sqlite3_column_int64(rows, 0));
    all->authors.emplace(author->id(), std::move(author));
  }
  sqlite3_finalize(rows);
  rows = database.Prepare("SELECT id, author_id, title FROM posts ORDER BY id");
  while (sqlite3_step(rows) == SQLITE_ROW) {
    auto post = std::make_unique<Post>();
    post->set_id(sqlite3_column_int64(rows, 0));
    post->set_author_id(sqlite3_column_int64(rows, 1));
    post->set_title(TextOf(rows, 2));
    all->by_author[post->author_id()].push_back(post.get());
    all->by_id.emplace(post->id(), std::move(post));
  }
  sqlite3_finalize(rows);
  database.Exec("COMMIT");
}

// As the yardstick: two maps of one entry a record.
struct BareTwoMaps {
  absl::flat_hash_map<std::int64_t, std::unique_ptr<Post>> by_id;
  absl::flat_hash_map<std::int64_t, Post*> by_other;
};

void LoadBareTwoMaps(const std::string& path, BareTwoMaps* all) {
  BareDatabase database(path, "NORMAL");
  database.Exec("BEGIN");
  const auto count = static_cast<std::size_t>(CountOf(database, "posts"));
  all->by_id.reserve(count);
  all->by_other.reserve(count);
  sqlite3_stmt* rows = database.Prepare("SELECT id, author_id, title FROM posts");
  while (sqlite3_step(rows) == SQLITE_ROW) {
    auto post = std::make_unique<Post>();
    post->set_id(sqlite3_column_int64(rows, 0));
    post->set_author_id(sqlite3_column_int64(rows, 1));
    post->set_title(TextOf(rows, 2));
    all->by_other.emplace(post->id() + post->author_id(), post.get());
    all->by_id.emplace(post->id(), std::move(post));
  }
  sqlite3_finalize(rows);
  database.Exec("COMMIT");
}

std::uint64_t SumOf(const Store& store) {
  const Snapshot snapshot = store.GetSnapshot();
  std::uint64_t sum = 0;
  for (PostRef post : snapshot.All<Post>()) {
    sum += bench::SumOf(post->id(), post->author_id(), post->title());
  }
  return sum;
}

template <typename Maps>
std::uint64_t SumOfMaps(const Maps& maps) {
  std::uint64_t sum = 0;
  for (const auto& [id, post] : maps.by_id) {
    sum += bench::SumOf(id, post->author_id(), post->title());
  }
  return sum;
}

void LoadKin(benchmark::State& state) {
  const Prepared& posts = Posts();
  for (auto _ : state) {
    std::unique_ptr<Store> store = OpenStore(posts.path, Flushing::kAsUsual);
    state.PauseTiming();
    if (SumOf(*store) != posts.sum) state.SkipWithError("not all was loaded");
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kPosts));
}

template <typename Maps>
void LoadBy(benchmark::State& state, void (*load)(const std::string&, Maps*)) {
  const Prepared& posts = Posts();
  for (auto _ : state) {
    auto maps = std::make_unique<Maps>();
    load(posts.path, maps.get());
    state.PauseTiming();
    if (SumOfMaps(*maps) != posts.sum) state.SkipWithError("not all was loaded");
    maps.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kPosts));
}

void LoadPairsKin(benchmark::State& state) {
  const Prepared& pairs = Pairs();
  for (auto _ : state) {
    std::unique_ptr<Store> store = OpenStore(pairs.path, Flushing::kAsUsual);
    state.PauseTiming();
    std::uint64_t sum = 0;
    {
      const Snapshot snapshot = store->GetSnapshot();
      for (PairRef pair : snapshot.All<Pair>()) sum += bench::SumOf(pair->id(), 0, pair->value());
    }
    if (sum != pairs.sum) state.SkipWithError("not all was loaded");
    store.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kPairs);
}

void LoadPairsBare(benchmark::State& state) {
  const Prepared& pairs = Pairs();
  for (auto _ : state) {
    absl::flat_hash_map<std::int64_t, std::unique_ptr<Pair>> by_id;
    {
      BareDatabase database(pairs.path, "NORMAL");
      database.Exec("BEGIN");
      by_id.reserve(static_cast<std::size_t>(CountOf(database, "pairs")));
      sqlite3_stmt* rows = database.Prepare("SELECT id, value FROM pairs");
      while (sqlite3_step(rows) == SQLITE_ROW) {
        auto pair = std::make_unique<Pair>();
        pair->set_id(sqlite3_column_int64(rows, 0));
        pair->set_value(TextOf(rows, 1));
        by_id.emplace(pair->id(), std::move(pair));
      }
      sqlite3_finalize(rows);
      database.Exec("COMMIT");
    }
    state.PauseTiming();
    std::uint64_t sum = 0;
    for (const auto& [id, pair] : by_id) sum += bench::SumOf(id, 0, pair->value());
    if (sum != pairs.sum) state.SkipWithError("not all was loaded");
    by_id.clear();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kPairs);
}

// "VmRSS" or "VmHWM", in bytes.
double MemoryOf(const char* what) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!absl::StartsWith(line, what)) continue;
    std::int64_t kib = 0;
    std::string digits;
    for (char c : line) {
      if (c >= '0' && c <= '9') digits += c;
    }
    if (absl::SimpleAtoi(digits, &kib)) return static_cast<double>(kib) * 1024;
  }
  return 0;
}

// The most memory that the process had while it loaded, over what it has after, both less what it
// had before.
void LoadMemory(benchmark::State& state) {
  const Prepared& posts = Posts();
  for (auto _ : state) {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";  // Forgets the highest yet.
    const double before = MemoryOf("VmRSS");
    std::unique_ptr<Store> store = OpenStore(posts.path, Flushing::kAsUsual);
    const double peak = MemoryOf("VmHWM") - before;
    const double after = MemoryOf("VmRSS") - before;
    state.PauseTiming();
    state.counters["peak_over_after"] = peak / after;
    state.counters["bytes_a_record"] = after / kPosts;
    if (SumOf(*store) != posts.sum) state.SkipWithError("not all was loaded");
    store.reset();
    state.ResumeTiming();
  }
}

}  // namespace

void RegisterLoads() {
  auto add = [](const char* name, auto function, int iterations) {
    benchmark::RegisterBenchmark(name, function)
        ->Unit(benchmark::kMillisecond)
        ->Iterations(iterations)
        ->UseRealTime();
  };
  add("BM_Load/1000000/kin", LoadKin, 1);
  add(
      "BM_Load/1000000/bare",
      [](benchmark::State& state) { LoadBy<BareTwoMaps>(state, LoadBareTwoMaps); }, 1);
  add(
      "BM_Load/1000000/bare_lists",
      [](benchmark::State& state) { LoadBy<BarePosts>(state, LoadBare); }, 1);
  add("BM_LoadPairs/100000/kin", LoadPairsKin, 5);
  add("BM_LoadPairs/100000/bare", LoadPairsBare, 5);
  add("BM_LoadMemory/1000000/kin", LoadMemory, 1);
}

}  // namespace kin::bench
