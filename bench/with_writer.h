// Benchmarks of lookups while another thread writes, in wall-clock time.
#ifndef KIN_BENCH_WITH_WRITER_H_
#define KIN_BENCH_WITH_WRITER_H_

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>

#include "kin/bench/lookups.h"

namespace kin::bench {

// Calls who.Change(id) from a thread of its own, for ids in an order of its own, until destroyed:
// `per_second` times a second, 0 for as fast as it can. Waiting for the next change is spinning: a
// sleep is longer than the pause between two changes. What it missed while it did not run it makes
// good for a few changes only, so that it never writes much faster than asked for.
template <typename Who>
class Writer {
 public:
  Writer(Who* who, const Dataset& data, std::int64_t per_second)
      : thread_([this, who, &data, per_second] { Run(*who, data, per_second); }) {
    while (writes() == 0) std::this_thread::yield();
  }
  ~Writer() {
    stop_.store(true, std::memory_order_relaxed);
    thread_.join();
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  std::int64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int kMadeGood = 10;

  void Run(Who& who, const Dataset& data, std::int64_t per_second) {
    const auto pause = per_second == 0 ? Clock::duration::zero()
                                       : Clock::duration(std::chrono::seconds(1)) / per_second;
    Clock::time_point next = Clock::now();
    for (std::size_t i = 0; !stop_.load(std::memory_order_relaxed); ++i) {
      if (per_second != 0) {
        Clock::time_point now = Clock::now();
        while (now < next) now = Clock::now();
        next = std::max(next + pause, now - kMadeGood * pause);
      }
      // A prime step: through all records, in no order that readers have.
      who.Change(data.order[i * 7919 % data.order.size()]);
      writes_.store(static_cast<std::int64_t>(i + 1), std::memory_order_relaxed);
    }
  }

  std::atomic<std::int64_t> writes_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Nobody changes it: the idle yardstick, in the same clock.
template <>
class Writer<Flat> {
 public:
  Writer(Flat* /*who*/, const Dataset& /*data*/, std::int64_t /*per_second*/) {}
  std::int64_t writes() const { return 0; }
};

// What a writer did in the timed loop.
template <typename Who>
class WriteMeter {
 public:
  explicit WriteMeter(const Writer<Who>* writer) : writer_(*writer) {}
  void Begin() { begin_ = writer_.writes(); }
  void End() { end_ = writer_.writes(); }
  std::int64_t writes() const { return end_ - begin_; }

 private:
  const Writer<Who>& writer_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

// Find in random order, free to overlap; belongs_to and has_one along the cycle, each key from the
// last result: in both, references are of the request's own snapshot.
template <typename Op, typename Who>
void WithWriter(benchmark::State& state, const Setup& setup, std::int64_t per_second) {
  const Writer<Who> writer(&FilledFor<Who>(setup).who, setup.data(), per_second);
  WriteMeter<Who> meter(&writer);
  if constexpr (Op::kOwners) {
    Dependent<Op, Who>(state, setup, meter);
  } else {
    Independent<Op, Who>(state, setup, meter);
  }
  state.counters["writes_per_second"] =
      benchmark::Counter(static_cast<double>(meter.writes()), benchmark::Counter::kIsRate);
}

template <typename Op, typename Who>
void RegisterWithWriter(const Setup& setup) {
  const auto in_real_time = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->UseRealTime();
  };
  Register<Op, Who>(
      "with_writer", setup,
      [setup](benchmark::State& state) { WithWriter<Op, Who>(state, setup, 100'000); },
      in_real_time);
  Register<Op, Who>(
      "with_busy_writer", setup,
      [setup](benchmark::State& state) { WithWriter<Op, Who>(state, setup, 0); }, in_real_time);
}

}  // namespace kin::bench

#endif  // KIN_BENCH_WITH_WRITER_H_
