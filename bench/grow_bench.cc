// BM_Grow: a table grows from 1 to 10 million records, 100 a transaction, while another thread
// reads. How long the longest transaction took, and how long the reader ever had to wait.
//
//   ./bazelw run --config=bench //bench:grow_bench
//
// Times of the process's own (`_cpu_`) are without what the system gave to others meanwhile.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "bench/models/node.kin.h"
#include "benchmark/benchmark.h"
#include "kin/store/internal/memory.h"
#include "kin/store/store.h"

namespace kin::bench {
namespace {

constexpr std::int64_t kFrom = 1'000'000;
constexpr std::int64_t kTo = 10'000'000;
constexpr std::int64_t kTransaction = 100;
// Lookups of one request of the reader.
constexpr int kLookups = 10;

// Each record belongs to itself, so that the key and the foreign key both have an index that grows.
Node NodeOf(std::int64_t id) {
  Node node;
  node.set_id(id);
  node.set_next_id(id);
  node.set_value(id);
  return node;
}

class Kin {
 public:
  static constexpr char kName[] = "kin";

  Kin() : store_(*Store::Open(Schema::Of<Node>())) {}

  bool Append(std::int64_t from, std::int64_t to) {
    return store_
        ->Write([&](Transaction& txn) -> absl::Status {
          for (std::int64_t id = from; id < to; ++id) {
            if (auto node = txn.Insert(NodeOf(id)); !node.ok()) return node.status();
          }
          return absl::OkStatus();
        })
        .ok();
  }

  // Whether the records of `count` random ids that are there are found. REQUIRES: some are.
  bool Read(std::mt19937_64& random, int count) const {
    const Snapshot snapshot = store_->GetSnapshot();
    const auto size = static_cast<std::uint64_t>(snapshot.Count<Node>());
    bool right = true;
    for (int i = 0; i < count; ++i) {
      const auto id = static_cast<std::int64_t>(1 + random() % size);
      const NodeRef node = snapshot.Find<Node>(id);
      right &= node && node->value() == id && node.previous() == node;
    }
    return right;
  }

  std::int64_t size() const { return store_->GetSnapshot().Count<Node>(); }

 private:
  std::unique_ptr<Store> store_;
};

// What one would use instead: maps behind one lock, held for a transaction.
class FlatMutex {
 public:
  static constexpr char kName[] = "flat_mutex";

  bool Append(std::int64_t from, std::int64_t to) {
    absl::MutexLock lock(&mutex_);
    bool right = true;
    for (std::int64_t id = from; id < to; ++id) {
      auto node = std::make_unique<Node>(NodeOf(id));
      right &= by_next_id_.emplace(node->next_id(), node.get()).second;
      right &= by_id_.emplace(id, std::move(node)).second;
    }
    return right;
  }

  bool Read(std::mt19937_64& random, int count) const {
    absl::ReaderMutexLock lock(&mutex_);
    bool right = true;
    for (int i = 0; i < count; ++i) {
      const auto id = static_cast<std::int64_t>(1 + random() % by_id_.size());
      const auto node = by_id_.find(id);
      right &= node != by_id_.end() && node->second->value() == id &&
               by_next_id_.find(id) != by_next_id_.end();
    }
    return right;
  }

  std::int64_t size() const {
    absl::ReaderMutexLock lock(&mutex_);
    return static_cast<std::int64_t>(by_id_.size());
  }

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::int64_t, std::unique_ptr<const Node>> by_id_;
  absl::flat_hash_map<std::int64_t, const Node*> by_next_id_;
};

// How long pieces of work took, by the clock and of the thread's own time, in ms.
class Laps {
 public:
  Laps() : wall_(Clock::now()), cpu_(ThreadTime()) {
    walls_.reserve(kExpected);
    cpus_.reserve(kExpected);
  }

  // Ends one piece and begins the next.
  void Lap() {
    const Clock::time_point wall = Clock::now();
    const double cpu = ThreadTime();
    walls_.push_back(std::chrono::duration<float, std::milli>(wall - wall_).count());
    cpus_.push_back(static_cast<float>((cpu - cpu_) * 1e3));
    wall_ = wall;
    cpu_ = cpu;
  }

  void Report(const std::string& what, benchmark::State& state) {
    state.counters[what + "_max_ms"] = Quantile(walls_, 1);
    state.counters[what + "_max_cpu_ms"] = Quantile(cpus_, 1);
    state.counters[what + "_p999_ms"] = Quantile(walls_, 0.999);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kExpected = std::size_t{1} << 24;

  static double ThreadTime() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }
  static double Quantile(std::vector<float>& laps, double part) {
    if (laps.empty()) return 0;
    const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(laps.size() - 1));
    std::nth_element(laps.begin(), laps.begin() + at, laps.end());
    return laps[static_cast<std::size_t>(at)];
  }

  Clock::time_point wall_;
  double cpu_;
  std::vector<float> walls_;
  std::vector<float> cpus_;
};

template <typename Who>
void Grow(benchmark::State& state, bool huge_pages) {
  internal::SetHugePages(huge_pages);
  for (auto _ : state) {
    state.PauseTiming();
    auto who = std::make_unique<Who>();
    bool right = true;
    std::int64_t next = 1;
    for (; next <= kFrom; next += kTransaction) right &= who->Append(next, next + kTransaction);
    if (!right) {
      state.SkipWithError("the records to begin with were not inserted");
      break;
    }
    std::atomic<bool> stop{false};
    std::atomic<bool> reading{false};
    bool read_right = true;
    Laps reads;
    std::thread reader([&] {
      std::mt19937_64 random(1);
      reading.store(true);
      reads = Laps();
      while (!stop.load(std::memory_order_relaxed)) {
        read_right &= who->Read(random, kLookups);
        reads.Lap();
      }
    });
    while (!reading.load()) std::this_thread::yield();
    state.ResumeTiming();
    Laps commits;
    for (; next <= kTo; next += kTransaction) {
      right &= who->Append(next, next + kTransaction);
      commits.Lap();
    }
    state.PauseTiming();
    stop.store(true);
    reader.join();
    commits.Report("commit", state);
    reads.Report("read", state);
    if (!right || !read_right || who->size() != kTo) {
      state.SkipWithError("not all was inserted and read");
    }
    who.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * (kTo - kFrom));
  internal::SetHugePages(true);
}

template <typename Who>
void Register(bool huge_pages = true) {
  benchmark::RegisterBenchmark(
      absl::StrCat("BM_Grow/", Who::kName, "/", kTo, huge_pages ? "" : "/small_pages").c_str(),
      &Grow<Who>, huge_pages)
      ->Iterations(1)
      ->Unit(benchmark::kSecond)
      ->UseRealTime();
}

}  // namespace
}  // namespace kin::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  kin::bench::Register<kin::bench::Kin>();
  kin::bench::Register<kin::bench::Kin>(false);
  kin::bench::Register<kin::bench::FlatMutex>();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
