#include "kin/persistence/backlog.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/schema.h"
#include "tests/persistence/models.kin.h"

namespace kin::persistence {
namespace {

using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Unsigned;
using persistence_test::User;
using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

// The entries of a log; keys are numbers, or text.
std::vector<std::pair<std::string, ChangeFlags>> Entries(const ChangeLog& log) {
  std::vector<std::pair<std::string, ChangeFlags>> entries;
  log.ForEach([&](const KeyView& key, ChangeFlags flags) {
    entries.emplace_back(key.bytes.empty() ? std::to_string(key.number) : std::string(key.bytes),
                         flags);
  });
  return entries;
}

class BacklogTest : public ::testing::Test {
 protected:
  enum { kUsers, kProfiles, kPosts, kUnsigned };

  BacklogTest() { backlog_.Begin(Schema::Of<User, Profile, Post, Unsigned>(), 7); }

  static Change Number(std::uint64_t number, const Unsigned* before, const Unsigned* after) {
    return {kUnsigned, {number, {}}, before, after};
  }

  Backlog backlog_;
};

TEST_F(BacklogTest, BeginsAtTheCommitThatIsWritten) {
  EXPECT_EQ(backlog_.newest(), 7u);
  EXPECT_EQ(backlog_.changes(), 0);
  EXPECT_EQ(backlog_.bytes(), 0);
  EXPECT_EQ(backlog_.all_changes(), 0);
  EXPECT_THAT(backlog_.Take(), SizeIs(4));
}

TEST_F(BacklogTest, KeepsWhatChangedAndHowByModel) {
  Unsigned record;
  Post before;
  before.set_slug("a slug");
  Post after = before;
  after.set_author("another");
  {
    std::string slug = "a slug";  // Is copied.
    const std::vector<Change> changes = {Number(1, nullptr, &record),
                                         {kPosts, {0, slug}, &before, &after},
                                         Number(2, &record, &record)};
    backlog_.Append(8, changes);
  }
  backlog_.Append(9, {Number(2, &record, nullptr)});
  EXPECT_EQ(backlog_.newest(), 9u);
  EXPECT_EQ(backlog_.changes(), 4);

  const std::vector<ChangeLog> logs = backlog_.Take();
  ASSERT_THAT(logs, SizeIs(4));
  EXPECT_THAT(Entries(logs[kPosts]), ElementsAre(Pair("a slug", kReindexed)));
  EXPECT_THAT(Entries(logs[kUnsigned]),
              ElementsAre(Pair("1", kInserted), Pair("2", 0), Pair("2", 0)));
}

TEST_F(BacklogTest, CountsTheBytesOfWhatItHas) {
  Unsigned record;
  Post post;
  const std::string slug(1000, 's');
  backlog_.Append(8, {Number(1, nullptr, &record), {kPosts, {0, slug}, nullptr, &post}});
  const std::int64_t bytes = backlog_.bytes();
  EXPECT_GT(bytes, 1000);
  const std::vector<ChangeLog> logs = backlog_.Take();
  EXPECT_EQ(bytes, static_cast<std::int64_t>(logs[kPosts].bytes() + logs[kUnsigned].bytes()));
}

TEST_F(BacklogTest, TakeLeavesNothingButTheCommitAndTheSum) {
  Unsigned record;
  backlog_.Append(8, {Number(1, nullptr, &record), Number(2, nullptr, &record)});
  backlog_.Take();
  EXPECT_EQ(backlog_.newest(), 8u);
  EXPECT_EQ(backlog_.changes(), 0);
  EXPECT_EQ(backlog_.bytes(), 0);
  EXPECT_EQ(backlog_.all_changes(), 2);

  backlog_.Append(9, {Number(3, nullptr, &record)});
  EXPECT_EQ(backlog_.changes(), 1);
  EXPECT_EQ(backlog_.all_changes(), 3);
  EXPECT_THAT(Entries(backlog_.Take()[kUnsigned]), ElementsAre(Pair("3", kInserted)));
}

TEST_F(BacklogTest, ACommitWithoutChangesIsTheNewest) {
  backlog_.Append(8, {});
  EXPECT_EQ(backlog_.newest(), 8u);
  EXPECT_EQ(backlog_.changes(), 0);
  for (const ChangeLog& log : backlog_.Take()) EXPECT_TRUE(log.empty());
}

}  // namespace
}  // namespace kin::persistence
