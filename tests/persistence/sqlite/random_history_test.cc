// Random histories of transactions over models that refer to each other, flushed at random moments
// and opened again, against a plain model of what there should be.
//
// KIN_STEPS: how many transactions each history has; the stress run has tens of thousands.
// KIN_SEED: of the last two (seed.h).
#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

#include "google/protobuf/util/message_differencer.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"

namespace kin {
namespace {

using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Tag;
using persistence_test::Tagging;
using persistence_test::User;

// Everything in a store, by model and serialized key; serialized.
using Contents = std::map<std::pair<int, std::string>, std::string>;

Contents ContentsOf(const Store& store) {
  Contents contents;
  const Schema& schema = store.schema();
  Snapshot snapshot = store.GetSnapshot();
  for (int model = 0; model < static_cast<int>(schema.graph().models.size()); ++model) {
    snapshot.ForEachRecord(model, [&](const google::protobuf::Message& record) {
      std::string buffer;
      const KeyView key = schema.KeyOf(model, record, &buffer);
      contents[{model, std::to_string(key.number) + ":" + std::string(key.bytes)}] =
          record.SerializeAsString();
    });
  }
  return contents;
}

class RandomHistoryTest : public testing::SqliteTest, public ::testing::WithParamInterface<int> {
 protected:
  void OpenSmall() {
    OpenOptions options;
    SqliteOptions sqlite;
    sqlite.flush_after = absl::Milliseconds(Random(20));
    options.persistence = Sqlite(path_, std::move(sqlite));
    absl::StatusOr<std::unique_ptr<Store>> store =
        Store::Open(testing::FullSchema(), std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  int Random(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  std::string Name() { return "n" + std::to_string(Random(8)); }

  User RandomUser() {
    User user;
    user.set_id(1 + Random(12));
    user.set_name(Name());
    if (Random(2)) user.set_email(Name());
    if (Random(2)) user.set_manager_id(1 + Random(12));
    user.set_city(Random(2) ? "here" : "there");
    user.set_desk(Random(6));
    user.set_age(Random(3));
    user.set_badge(static_cast<std::uint64_t>(Random(12)));
    return user;
  }

  // One random change; whether the store accepts it is the store's business.
  void Change(Transaction& txn) {
    switch (Random(12)) {
      case 0:
        txn.Insert(RandomUser()).status().IgnoreError();
        break;
      case 1:
      case 2:
        txn.Upsert(RandomUser()).status().IgnoreError();
        break;
      case 3:
        txn.Delete(txn.Find<User>(1 + Random(12))).IgnoreError();
        break;
      case 4: {
        Profile profile;
        profile.set_id(1 + Random(6));
        profile.set_user_id(1 + Random(12));
        txn.Upsert(std::move(profile)).status().IgnoreError();
        break;
      }
      case 5:
        txn.Delete(txn.Find<Profile>(1 + Random(6))).IgnoreError();
        break;
      case 6: {
        Post post;
        post.set_slug(Name());
        if (Random(3)) post.set_author(Name());
        post.set_title(Name());
        txn.Upsert(std::move(post)).status().IgnoreError();
        break;
      }
      case 7:
        txn.Delete(txn.Find<Post>(Name())).IgnoreError();
        break;
      case 8: {
        Tag tag;
        tag.set_code(Name());
        txn.Upsert(std::move(tag)).status().IgnoreError();
        Tagging tagging;
        tagging.set_post_slug(Name());
        tagging.set_tag_code(Name());
        tagging.set_rank(Random(5));
        txn.Upsert(std::move(tagging)).status().IgnoreError();
        break;
      }
      case 9:
        txn.Delete(txn.Find<Tag>(Name())).IgnoreError();
        break;
      default:
        Exchange(txn);
    }
  }

  // Two users exchange their unique values by way of a third.
  void Exchange(Transaction& txn) {
    const int a = 1 + Random(12), b = 1 + Random(12);
    persistence_test::UserRef first = txn.Find<User>(a), second = txn.Find<User>(b);
    if (!first || !second || a == b) return;
    const User user_a = *first, user_b = *second;
    auto take = [&](int id, const User& from) {
      return txn
          .Update(txn.Find<User>(id),
                  [&](User& user) {
                    const User old = user;
                    user = from;
                    user.set_id(id);
                    if (old.has_manager_id()) user.set_manager_id(old.manager_id());
                  })
          .status();
    };
    User nobody;
    nobody.set_name("between" + std::to_string(a));
    nobody.set_badge(1'000'000);
    nobody.set_desk(-a);
    // Each may be refused (a post refers to the name); what was done before stays.
    if (!take(a, nobody).ok()) return;
    if (!take(b, user_a).ok()) return;
    take(a, user_b).IgnoreError();
  }

  std::mt19937 random_;
};

TEST_P(RandomHistoryTest, ComesBackAsItWas) {
  const unsigned seed = GetParam() != 0 ? static_cast<unsigned>(GetParam()) : testing::Seed();
  SCOPED_TRACE("KIN_SEED=" + std::to_string(seed));
  RecordProperty("seed", std::to_string(seed));
  random_.seed(seed);
  OpenSmall();
  int commits = 0;
  const char* text = std::getenv("KIN_STEPS");
  const int steps = text == nullptr ? 1500 : std::atoi(text);
  for (int step = 0; step < steps; ++step) {
    absl::StatusOr<CommitNumber> commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (int changes = 1 + Random(6); changes > 0; --changes) Change(txn);
      return absl::OkStatus();
    });
    if (commit.ok()) ++commits;
    if (Random(15) == 0) Flush();
    if (Random(60) == 0) {
      const Contents before = ContentsOf(*store_);
      Close();
      OpenSmall();
      ASSERT_EQ(before, ContentsOf(*store_)) << "step " << step;
      const absl::Status invariants = store_->CheckInvariants();
      ASSERT_TRUE(invariants.ok()) << invariants;
    }
  }
  EXPECT_GT(commits, 300);
  Close();
  testing::RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
}

// 0: a new seed each time.
INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistoryTest, ::testing::Values(1, 2, 3, 0, 0));

}  // namespace
}  // namespace kin
