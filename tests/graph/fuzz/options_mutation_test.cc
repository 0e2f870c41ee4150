// The short sibling of options_fuzz: the same changes, from a generator.
//
//   KIN_SEED  of the first, KIN_MUTATIONS how many. Default: 1, and 1500
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/fuzz/option_mutations.h"

namespace kin::graph {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(OptionsMutationTest, AnyOptionsAreDiagnosedOrWork) {
  std::array<int, 3> outcomes{};
  const std::uint64_t first = FromEnvironment("KIN_SEED", 1);
  const std::uint64_t count = FromEnvironment("KIN_MUTATIONS", 1500);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(1 + random() % 24);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    std::string error;
    ++outcomes[static_cast<std::size_t>(CheckMutation(bytes, &error))];
    ASSERT_EQ(error, "") << "KIN_SEED=" << seed;
  }
  // All of them are reached.
  for (const int outcome : outcomes) EXPECT_GT(outcome, static_cast<int>(count / 50));
}

}  // namespace
}  // namespace kin::graph
