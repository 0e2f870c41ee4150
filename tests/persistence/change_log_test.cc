#include "kin/persistence/change_log.h"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kin::persistence {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

template <typename K, typename F>
std::vector<std::pair<K, ChangeFlags>> Entries(const ChangeLog& log, F key_of) {
  std::vector<std::pair<K, ChangeFlags>> entries;
  log.ForEach(
      [&](const KeyView& key, ChangeFlags flags) { entries.emplace_back(key_of(key), flags); });
  return entries;
}
std::vector<std::pair<std::uint64_t, ChangeFlags>> Numbers(const ChangeLog& log) {
  return Entries<std::uint64_t>(log, [](const KeyView& key) { return key.number; });
}
std::vector<std::pair<std::string, ChangeFlags>> Texts(const ChangeLog& log) {
  return Entries<std::string>(log, [](const KeyView& key) { return std::string(key.bytes); });
}

TEST(ChangeLogTest, CompactSortsAndLeavesOneEntryAKey) {
  ChangeLog log;
  for (std::uint64_t key : {3, 1, 2, 1, 3, 1}) log.Append({key, {}}, 0);
  log.Compact();
  EXPECT_THAT(Numbers(log), ElementsAre(Pair(1, 0), Pair(2, 0), Pair(3, 0)));
  EXPECT_EQ(log.size(), 3u);
}

TEST(ChangeLogTest, TheFirstChangeSaysWhetherTheRecordWasThere) {
  ChangeLog log;
  log.Append({1, {}}, kInserted);  // Inserted, updated.
  log.Append({2, {}}, 0);          // Deleted, inserted.
  log.Append({1, {}}, kMoved);
  log.Append({2, {}}, kInserted);
  log.Append({3, {}}, kInserted);  // Inserted, deleted, inserted.
  log.Append({3, {}}, 0);
  log.Append({3, {}}, kInserted);
  log.Compact();
  EXPECT_THAT(Numbers(log),
              ElementsAre(Pair(1, kInserted | kMoved), Pair(2, kReborn), Pair(3, kInserted)));
}

TEST(ChangeLogTest, KeysOfBytesAreKept) {
  ChangeLog log(/*number_keys=*/false);
  {
    std::string key = "b";
    log.Append({0, key}, 0);
    key = "";
    log.Append({0, key}, kInserted);
    key = std::string(1'000'000, 'a');
    log.Append({0, key}, 0);
    key = "";
    log.Append({0, key}, 0);
  }
  log.Compact();
  EXPECT_THAT(Texts(log),
              ElementsAre(Pair("", kInserted), Pair(std::string(1'000'000, 'a'), 0), Pair("b", 0)));
}

TEST(ChangeLogTest, CompactingInPiecesIsCompactingAtOnce) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    const bool numbers = round % 2 == 0;
    ChangeLog whole(numbers), pieces(numbers);
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t key = random() % 300;
      const std::string text = std::to_string(key);
      const KeyView view = numbers ? KeyView{key, {}} : KeyView{0, text};
      const ChangeFlags flags = random() % 3 == 0 ? kInserted : random() % 4 * kReindexed;
      whole.Append(view, flags);
      pieces.Append(view, flags);
      if (random() % 5000 == 0) {
        ChangeLog older = std::move(pieces);
        pieces = ChangeLog(numbers);
        pieces.Append(view, 0);
        whole.Append(view, 0);
        older.Compact();
        pieces.Prepend(std::move(older));
      }
    }
    whole.Compact();
    pieces.Compact();
    ASSERT_EQ(whole.size(), pieces.size());
    ASSERT_EQ(whole.bytes(), pieces.bytes());
    ASSERT_EQ(Numbers(whole), Numbers(pieces));
    ASSERT_EQ(Texts(whole), Texts(pieces));
  }
}

}  // namespace
}  // namespace kin::persistence
