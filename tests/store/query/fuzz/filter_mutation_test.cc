// The short sibling of filter_fuzz: the same texts, from a generator.
//
//   KIN_SEED  of the first, KIN_FILTERS how many. Default: 1, and 20000
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "kin/tests/store/query/fuzz/filter_checks.h"

namespace kin::query {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(FilterMutationTest, AnyTextIsAFilterOrRefusedWithItsColumn) {
  std::array<int, 2> outcomes{};
  const std::uint64_t first = FromEnvironment("KIN_SEED", 1);
  const std::uint64_t count = FromEnvironment("KIN_FILTERS", 20000);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::mt19937_64 random(seed);
    // Few changes and few words are more often right.
    const std::size_t longest = std::size_t{1} << (1 + random() % 7);
    std::vector<std::uint8_t> bytes(1 + random() % longest);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    const std::string text = TextFrom(bytes);
    std::string error;
    ++outcomes[CheckFilter(text, &error) ? 1 : 0];
    ASSERT_EQ(error, "") << "KIN_SEED=" << seed << "\n" << absl::CHexEscape(text);
  }
  // Both are reached.
  for (const int outcome : outcomes) EXPECT_GT(outcome, static_cast<int>(count / 50));
}

}  // namespace
}  // namespace kin::query
