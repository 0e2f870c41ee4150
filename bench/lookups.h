// Benchmarks of lookups, for any contender and operation. An iteration is one request of kRequest
// lookups; items are lookups.
#ifndef KIN_BENCH_LOOKUPS_H_
#define KIN_BENCH_LOOKUPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "benchmark/benchmark.h"
#include "kin/bench/contenders.h"
#include "kin/bench/dataset.h"
#include "kin/bench/groups.h"

namespace kin::bench {

// What is measured on.
struct Setup {
  std::size_t n = 0;
  Keys keys = Keys::kRandom;
  Pages pages = Pages::kHuge;

  const Dataset& data() const { return DatasetOf(n, keys); }
  friend bool operator<(const Setup& a, const Setup& b) {
    return std::tie(a.n, a.keys, a.pages) < std::tie(b.n, b.keys, b.pages);
  }
};

// A contender as it is shared by all benchmarks of a setup: with the handles of the records in
// Dataset::order, from a request that goes on.
template <typename Who>
struct Filled {
  explicit Filled(const Setup& setup) : who(setup.data(), setup.pages), request(who) {
    for (std::int64_t id : setup.data().order) owners.push_back(request.Find(id));
  }

  // The request of setup.data() to begin a repetition with: another one each time, far from the
  // last, so that what one has left in the caches is of no use to the next.
  std::size_t NextStart(const Dataset& data) const {
    return starts.fetch_add(1, std::memory_order_relaxed) * 389 % data.requests();
  }

  Who who;
  typename Who::Request request;
  std::vector<typename Who::Handle> owners;
  mutable std::atomic<std::size_t> starts{0};
};

// Filled when first asked for, outside of what is timed, and kept.
template <typename Who>
Filled<Who>& FilledFor(const Setup& setup) {
  static absl::Mutex& mutex = *new absl::Mutex;  // Threads of one benchmark all ask.
  absl::MutexLock lock(&mutex);
  static auto& kept = *new std::map<Setup, std::unique_ptr<Filled<Who>>>;
  std::unique_ptr<Filled<Who>>& filled = kept[setup];
  if (filled == nullptr) filled = std::make_unique<Filled<Who>>(setup);
  return *filled;
}

// The operations. Step goes on from the last result; At looks up what belongs to an id of
// Dataset::order, or to the record of that id.
struct FindOp {
  static constexpr char kName[] = "BM_Find";
  static constexpr bool kOwners = false;
  static const Sums& Independent(const Dataset& data) { return data.found; }
  static const Sums& Dependent(const Dataset& data) { return data.forwards; }
  template <typename Who>
  static typename Who::Handle Step(const typename Who::Request& request,
                                   const typename Who::Handle& last) {
    return request.Find(NextId(last));
  }
  template <typename Who>
  static typename Who::Handle At(const typename Who::Request& request, const std::int64_t* id,
                                 const typename Who::Handle* /*owner*/) {
    return request.Find(*id);
  }
};

struct BelongsToOp {
  static constexpr char kName[] = "BM_BelongsTo";
  static constexpr bool kOwners = true;  // Goes from one record to another.
  static const Sums& Independent(const Dataset& data) { return data.next; }
  static const Sums& Dependent(const Dataset& data) { return data.forwards; }
  template <typename Who>
  static typename Who::Handle Step(const typename Who::Request& request,
                                   const typename Who::Handle& last) {
    return request.Next(last);
  }
  template <typename Who>
  static typename Who::Handle At(const typename Who::Request& request, const std::int64_t* /*id*/,
                                 const typename Who::Handle* owner) {
    return request.Next(*owner);
  }
  template <typename Who>
  static void Resolve(const typename Who::Request& request,
                      absl::Span<const typename Who::Handle> owners,
                      absl::Span<typename Who::Handle> out) {
    request.ResolveNext(owners, out);
  }
};

struct HasOneOp {
  static constexpr char kName[] = "BM_HasOne";
  static constexpr bool kOwners = true;  // Goes from one record to another.
  static const Sums& Independent(const Dataset& data) { return data.previous; }
  static const Sums& Dependent(const Dataset& data) { return data.backwards; }
  template <typename Who>
  static typename Who::Handle Step(const typename Who::Request& request,
                                   const typename Who::Handle& last) {
    return request.Previous(last);
  }
  template <typename Who>
  static typename Who::Handle At(const typename Who::Request& request, const std::int64_t* /*id*/,
                                 const typename Who::Handle* owner) {
    return request.Previous(*owner);
  }
  template <typename Who>
  static void Resolve(const typename Who::Request& request,
                      absl::Span<const typename Who::Handle> owners,
                      absl::Span<typename Who::Handle> out) {
    request.ResolvePrevious(owners, out);
  }
};

// To be called after the loop of a benchmark.
inline void Finish(benchmark::State& state, bool right) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kRequest));
  if (!right) state.SkipWithError("the values found do not add up to what they should");
}

// Told when the timed loop of a benchmark begins and ends.
struct NoMeter {
  void Begin() {}
  void End() {}
};

// In random order, free to overlap.
template <typename Op, typename Who, typename Meter = NoMeter>
void Independent(benchmark::State& state, const Setup& setup, Meter&& meter = {}) {
  const Dataset& data = setup.data();
  const Filled<Who>& filled = FilledFor<Who>(setup);
  const Sums& sums = Op::Independent(data);
  bool right = true;
  std::size_t number = filled.NextStart(data);
  meter.Begin();
  for (auto _ : state) {
    const typename Who::Request request(filled.who);
    std::uint64_t sum = 0;
    const std::int64_t* ids = data.order.data() + number * kRequest;
    const typename Who::Handle* owners = filled.owners.data() + number * kRequest;
    for (std::size_t i = 0; i < kRequest; ++i) {
      sum += Value(Op::template At<Who>(request, ids + i, owners + i));
    }
    right &= sum == sums[number];
    if (++number == data.requests()) number = 0;
  }
  meter.End();
  Finish(state, right);
}

// Each key comes from the last result.
template <typename Op, typename Who, typename Meter = NoMeter>
void Dependent(benchmark::State& state, const Setup& setup, Meter&& meter = {}) {
  const Dataset& data = setup.data();
  const Filled<Who>& filled = FilledFor<Who>(setup);
  const Sums& sums = Op::Dependent(data);
  bool right = true;
  std::size_t number = filled.NextStart(data);
  meter.Begin();
  for (auto _ : state) {
    const typename Who::Request request(filled.who);
    typename Who::Handle handle = request.Find(data.cycle[number * kRequest]);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < kRequest; ++i) {
      handle = Op::template Step<Who>(request, handle);
      sum += Value(handle);
    }
    right &= sum == sums[number];
    if (++number == data.requests()) number = 0;
  }
  meter.End();
  Finish(state, right);
}

// The associations of `batch` records at once.
template <typename Op, typename Who>
void Batch(benchmark::State& state, const Setup& setup, std::size_t batch) {
  const Dataset& data = setup.data();
  const Filled<Who>& filled = FilledFor<Who>(setup);
  const Sums& sums = Op::Independent(data);
  std::vector<typename Who::Handle> found(batch);
  bool right = true;
  std::size_t number = filled.NextStart(data);
  for (auto _ : state) {
    const typename Who::Request request(filled.who);
    std::uint64_t sum = 0;
    const absl::Span<const typename Who::Handle> owners =
        absl::MakeConstSpan(filled.owners).subspan(number * kRequest, kRequest);
    for (std::size_t begin = 0; begin < kRequest; begin += batch) {
      const auto some = owners.subspan(begin, batch);
      Op::template Resolve<Who>(request, some, absl::MakeSpan(found));
      for (std::size_t i = 0; i < some.size(); ++i) sum += Value(found[i]);
    }
    right &= sum == sums[number];
    if (++number == data.requests()) number = 0;
  }
  Finish(state, right);
}

// BM_<Op>/<mode>/<who>/<n>, and what the setup has of its own.
inline std::string NameOf(const char* op, const char* mode, const char* who, const Setup& setup) {
  return absl::StrCat(op, "/", mode, "/", who, "/", setup.n,
                      setup.keys == Keys::kSequential ? "/sequential" : "",
                      setup.pages == Pages::kSmall ? "/small_pages" : "");
}

// Registers a benchmark among those of the same operation, mode and data. `configure` is given it.
template <typename Op, typename Who, typename Run, typename Configure>
void Register(const char* mode, const Setup& setup, Run run, Configure configure) {
  const std::string group = NameOf(Op::kName, mode, "", {setup.n, setup.keys});
  InGroup(group, [name = NameOf(Op::kName, mode, Who::kName, setup), run, configure] {
    configure(benchmark::RegisterBenchmark(name.c_str(), run));
  });
}

template <typename Op, typename Who>
void RegisterLookups(const Setup& setup) {
  const auto plain = [](benchmark::internal::Benchmark* /*benchmark*/) {};
  Register<Op, Who>(
      "independent", setup,
      [setup](benchmark::State& state) { Independent<Op, Who>(state, setup); }, plain);
  Register<Op, Who>(
      "dependent", setup, [setup](benchmark::State& state) { Dependent<Op, Who>(state, setup); },
      plain);
}

// Resolve; a plain loop where there is no such thing.
template <typename Op, typename Who>
void RegisterBatches(const Setup& setup) {
  for (const std::size_t batch : {kRequest, std::size_t{64}}) {
    Register<Op, Who>(
        batch == kRequest ? "batch" : "batch_of_64", setup,
        [setup, batch](benchmark::State& state) { Batch<Op, Who>(state, setup, batch); },
        [](benchmark::internal::Benchmark* /*benchmark*/) {});
  }
}

// Reading by one thread and by two, in wall-clock time.
template <typename Op, typename Who>
void RegisterThreads(const Setup& setup) {
  for (const int threads : {1, 2}) {
    const std::string name =
        NameOf(Op::kName, absl::StrCat("threads", threads).c_str(), Who::kName, setup);
    InGroup(NameOf(Op::kName, "threads", "", setup), [name, setup, threads] {
      benchmark::RegisterBenchmark(
          name.c_str(), [setup](benchmark::State& state) { Independent<Op, Who>(state, setup); })
          ->Threads(threads)
          ->UseRealTime();
    });
  }
}

}  // namespace kin::bench

#endif  // KIN_BENCH_LOOKUPS_H_
