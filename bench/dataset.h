// The records that all contenders hold, the order in which benchmarks read them, and what these
// reads must add up to.
#ifndef KIN_BENCH_DATASET_H_
#define KIN_BENCH_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kin::bench {

enum class Keys { kRandom, kSequential };

// Lookups between taking a snapshot and dropping it: "once a request".
inline constexpr std::size_t kRequest = 1000;

struct Record {
  std::int64_t id;
  std::int64_t next_id;
  std::int64_t value;
};

// Sums of the values found, modulo 2^64, one for each request of a pass over all records.
using Sums = std::vector<std::uint64_t>;

// Immutable.
struct Dataset {
  // `n` is a multiple of kRequest.
  Dataset(std::size_t n, Keys keys);

  std::size_t requests() const { return order.size() / kRequest; }

  // In the order of insertion, which is random: neighbours in memory are no neighbours otherwise.
  std::vector<Record> records;
  // The ids along the one cycle that next_id makes.
  std::vector<std::int64_t> cycle;
  // The ids in another random order.
  std::vector<std::int64_t> order;

  // Finding `order`, and going from there to the next or the previous record.
  Sums found;
  Sums next;
  Sums previous;
  // Walking the cycle from cycle[request * kRequest] on, forwards or backwards.
  Sums forwards;
  Sums backwards;
};

// Made once for each size and kind of keys, and kept.
const Dataset& DatasetOf(std::size_t n, Keys keys);

}  // namespace kin::bench

#endif  // KIN_BENCH_DATASET_H_
