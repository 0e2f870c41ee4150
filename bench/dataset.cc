#include "kin/bench/dataset.h"

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

namespace kin::bench {
namespace {

// A bijection that spreads 1, 2, 3… over all 64 bits (splitmix64, Steele et al.).
std::uint64_t Spread(std::uint64_t x) {
  x *= 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

using Permutation = std::vector<std::uint32_t>;

Permutation RandomPermutation(std::size_t n, std::mt19937_64* random) {
  Permutation permutation(n);
  std::iota(permutation.begin(), permutation.end(), 0u);
  std::shuffle(permutation.begin(), permutation.end(), *random);
  return permutation;
}

// The sum of `value(i)` over each request.
template <typename Value>
Sums SumUp(std::size_t n, Value&& value) {
  Sums sums(n / kRequest);
  for (std::size_t i = 0; i < n; ++i) sums[i / kRequest] += value(i);
  return sums;
}

}  // namespace

Dataset::Dataset(std::size_t n, Keys keys) : records(n), cycle(n), order(n) {
  std::mt19937_64 random(n);
  // Record i of the insertion order has the key KeyOf(names[i]).
  const Permutation names = RandomPermutation(n, &random);
  const Permutation along = RandomPermutation(n, &random);  // Positions in `records`.
  const Permutation shuffled = RandomPermutation(n, &random);
  std::vector<std::uint32_t> place(n);  // In the cycle, of a position in `records`.
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint64_t number = names[i] + 1;
    records[i].id = static_cast<std::int64_t>(keys == Keys::kRandom ? Spread(number) : number);
    records[i].value = static_cast<std::int64_t>(Spread(number + n));
  }
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t at = along[i];
    records[at].next_id = records[along[(i + 1) % n]].id;
    cycle[i] = records[at].id;
    place[at] = static_cast<std::uint32_t>(i);
    order[i] = records[shuffled[i]].id;
  }

  const auto value_along = [&](std::size_t i) {
    return static_cast<std::uint64_t>(records[along[i % n]].value);
  };
  found = SumUp(n, [&](std::size_t i) { return value_along(place[shuffled[i]]); });
  next = SumUp(n, [&](std::size_t i) { return value_along(place[shuffled[i]] + 1); });
  previous = SumUp(n, [&](std::size_t i) { return value_along(place[shuffled[i]] + n - 1); });
  forwards = SumUp(n, [&](std::size_t i) { return value_along(i + 1); });
  backwards = SumUp(n, [&](std::size_t i) {
    return value_along(i / kRequest * kRequest + n - 1 - i % kRequest);
  });
}

const Dataset& DatasetOf(std::size_t n, Keys keys) {
  static auto& kept = *new std::map<std::pair<std::size_t, Keys>, std::unique_ptr<Dataset>>;
  std::unique_ptr<Dataset>& dataset = kept[{n, keys}];
  if (dataset == nullptr) dataset = std::make_unique<Dataset>(n, keys);
  return *dataset;
}

}  // namespace kin::bench
