// A process that commits numbered transactions is killed at any moment, again and again; each time
// the database equals the model after some transaction, at least as new as what was acknowledged,
// and the next process goes on from there. That the harness sees what it is for is shown by
// crash_harness_test.cc.
//
// KIN_CRASH_ROUNDS: how many processes; the stress run has hundreds.
// KIN_SEED: of what they do and when they are killed (seed.h).
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>

#include "kin/persistence/sqlite/backend.h"
#include "kin/tests/persistence/sqlite/crash_harness.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"

namespace kin {
namespace {

TEST(CrashTest, ADatabaseIsAPrefixOfTheCommits) {
  const unsigned seed = testing::Seed();
  SCOPED_TRACE("KIN_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  testing::CrashHarness harness(seed, [](const std::string& path, const std::string& vfs) {
    return std::make_unique<persistence::sqlite::SqliteBackend>(path, vfs);
  });
  constexpr Durability kLevels[] = {Durability::kBuffered, Durability::kWritten,
                                    Durability::kSynced};
  const char* text = std::getenv("KIN_CRASH_ROUNDS");
  const int rounds = text == nullptr ? 30 : std::atoi(text);
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds; ++round) {
    SCOPED_TRACE(round);
    ASSERT_EQ(harness.RunAndKill(kLevels[round % 3]), "");
    // Now and then the next process finds what the kill left.
    if (random() % 4 == 0) continue;
    ASSERT_EQ(harness.Check(), "");
  }
  ASSERT_EQ(harness.Check(), "");
  EXPECT_GT(harness.acknowledged(), static_cast<std::uint64_t>(rounds))
      << "hardly anything was at risk";
  testing::RawDatabase raw(harness.path());
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
}

}  // namespace
}  // namespace kin
