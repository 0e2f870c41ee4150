// BM_Memory: bytes that a record takes, by the allocator's own count. Time is of no interest here.
#include <malloc.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "kin/bench/groups.h"
#include "kin/bench/lookups.h"
#include "kin/bench/write_bench.h"
#include "kin/store/internal/memory.h"

namespace kin::bench {
namespace {

// What malloc has given out, and what Kin has had from the system directly.
std::int64_t BytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<std::int64_t>(info.uordblks + info.hblkhd + internal::SystemBytes());
}

// Of one message allocated by itself.
std::int64_t BytesOfMessage() {
  const auto node = std::make_unique<Node>();
  return static_cast<std::int64_t>(malloc_usable_size(node.get()) + sizeof(std::size_t));
}

void Settle(KinStore& who) { who.WaitForReclamation(); }
void Settle(Flat& /*who*/) {}

template <typename Who>
void Memory(benchmark::State& state, std::size_t n) {
  const Dataset& data = DatasetOf(n, Keys::kRandom);
  double bytes = 0;
  for (auto _ : state) {
    const std::int64_t before = BytesInUse();
    Who who(data, Pages::kHuge);
    Settle(who);
    std::int64_t own = 0;  // That a user of the contender would not have.
    if constexpr (std::is_same_v<Who, Flat>) own = static_cast<std::int64_t>(n * sizeof(void*));
    bytes = static_cast<double>(BytesInUse() - before - own) / static_cast<double>(n);
  }
  state.counters["bytes_per_record"] = bytes;
  state.counters["beyond_message"] = bytes - static_cast<double>(BytesOfMessage());
}

template <typename Who>
void Register() {
  for (const std::size_t n : {10'000, 1'000'000, 4'000'000}) {
    const auto add = [n] {
      benchmark::RegisterBenchmark(
          absl::StrCat("BM_Memory/key_and_foreign_key/", Who::kName, "/", n).c_str(), &Memory<Who>,
          n)
          ->Iterations(1);
    };
    InGroup("BM_Memory", add, Turns::kOnce);
  }
}

}  // namespace

void RegisterMemory() {
  Register<KinStore>();
  Register<Flat>();
}

}  // namespace kin::bench
