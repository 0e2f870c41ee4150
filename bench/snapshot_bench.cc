// BM_Snapshot: taking and dropping one, and reading in an old one.
#include <cstdint>

#include "absl/synchronization/mutex.h"
#include "benchmark/benchmark.h"
#include "kin/bench/groups.h"
#include "kin/bench/lookups.h"
#include "kin/bench/write_bench.h"

namespace kin::bench {
namespace {

constexpr std::size_t kRecords = 10'000;
constexpr int kUpdates = 1'000'000;

void TakeAndDrop(benchmark::State& state) {
  const KinStore& who = FilledFor<KinStore>({kRecords}).who;
  for (auto _ : state) {
    const KinStore::Request request(who);
    benchmark::DoNotOptimize(&request);
  }
  state.SetItemsProcessed(state.iterations());
}

// The yardstick: two pairs of lock and unlock, with nobody else there.
void TwoLocks(benchmark::State& state) {
  absl::Mutex mutex;
  for (auto _ : state) {
    for (int i = 0; i < 2; ++i) {
      mutex.Lock();
      benchmark::DoNotOptimize(&mutex);
      mutex.Unlock();
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// A store with a snapshot under which one record was updated again and again.
struct Hot {
  Hot() : data(DatasetOf(kRecords, Keys::kRandom)), who(data, Pages::kHuge), old(who) {
    for (int i = 0; i < kUpdates; ++i) who.Change(data.order[0]);
  }
  const Dataset& data;
  KinStore who;
  KinStore::Request old;
};

Hot& HotStore() {
  static auto& hot = *new Hot;
  return hot;
}

// The record's id is read anew each time, so that nothing is computed but once.
void Read(benchmark::State& state, const KinStore::Request& request, std::int64_t id,
          std::int32_t revision) {
  bool right = true;
  for (auto _ : state) {
    benchmark::DoNotOptimize(id);
    right &= request.Find(id)->revision() == revision;
  }
  state.SetItemsProcessed(state.iterations());
  if (!right) state.SkipWithError("not the version of the snapshot");
}

void ReadOld(benchmark::State& state) {
  Hot& hot = HotStore();
  Read(state, hot.old, hot.data.order[0], 0);
}

void ReadFresh(benchmark::State& state) {
  Hot& hot = HotStore();
  const KinStore::Request request(hot.who);
  Read(state, request, hot.data.order[0], kUpdates);
}

}  // namespace

void RegisterSnapshots() {
  InGroup("BM_Snapshot/take_and_drop", [] {
    benchmark::RegisterBenchmark("BM_Snapshot/take_and_drop/kin/10000", &TakeAndDrop);
    benchmark::RegisterBenchmark("BM_Snapshot/take_and_drop/two_mutex_locks/10000", &TwoLocks);
  });
  InGroup("BM_Snapshot/read", [] {
    benchmark::RegisterBenchmark("BM_Snapshot/read_old/kin/10000", &ReadOld);
    benchmark::RegisterBenchmark("BM_Snapshot/read_fresh/kin/10000", &ReadFresh);
  });
}

}  // namespace kin::bench
