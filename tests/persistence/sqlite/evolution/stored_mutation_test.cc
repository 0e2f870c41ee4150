// The short sibling of stored_fuzz: the same changes, from a generator.
//
//   KIN_SEED  of the first, KIN_MUTATIONS how many. Default: 1, and 300
#include <array>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"
#include "kin/tests/persistence/sqlite/evolution/stored_mutations.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::testing {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  std::uint64_t value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) ? value : otherwise;
}

TEST(StoredMutationTest, AnyStoredSchemaIsRefusedOrWorks) {
  TempDir dir;
  StoredMutations mutations(dir.File("test.db"));
  std::string error;
  EXPECT_EQ(mutations.Check({}, &error), StoredMutations::Outcome::kOpened);
  const std::vector<std::uint8_t> newer = {1};
  EXPECT_EQ(mutations.Check(newer, &error), StoredMutations::Outcome::kMigrated);
  EXPECT_EQ(error, "");
  std::array<int, 3> outcomes{};
  const std::uint64_t first = FromEnvironment("KIN_SEED", 1);
  const std::uint64_t count = FromEnvironment("KIN_MUTATIONS", 300);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> bytes(1 + random() % 40);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    ++outcomes[static_cast<std::size_t>(mutations.Check(bytes, &error))];
    ASSERT_EQ(error, "") << "KIN_SEED=" << seed;
  }
  for (const int outcome : outcomes) EXPECT_GT(outcome, static_cast<int>(count / 50));
}

}  // namespace
}  // namespace kin::testing
