// Value rules, stamps and lock_version: each broken by each call that can break it.
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/util/time_util.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/rules.kin.h"

namespace kin {
namespace {

using ::google::protobuf::util::TimeUtil;
using ::rules::Article;
using ::rules::ArticleRef;
using ::rules::Author;
using ::rules::AuthorModel;
using ::rules::AuthorRef;
using ::rules::Card;
using ::rules::CardRef;
using ::rules::Like;
using ::rules::Plain;
using ::testing::AllOf;
using ::testing::HasSubstr;

Author NewAuthor(const std::string& email = "ada@x") {
  Author author;
  author.set_email(email);
  return author;
}

// Breaks no rule.
Article NewArticle() {
  Article article;
  article.set_title("abc");
  article.set_status(rules::DRAFT);
  article.mutable_due()->set_seconds(1);
  article.set_note("");
  return article;
}

class RulesTest : public ::testing::Test {
 protected:
  RulesTest() {
    OpenOptions options;
    options.clock = [this] { return now_; };
    store_ = *Store::Open(Schema::Of<Author, Article, Card, Like, Plain>(), std::move(options));
  }
  void TearDown() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  absl::Status Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status();
  }
  // The error of a call, in a transaction that goes on and commits.
  absl::Status Call(absl::FunctionRef<absl::Status(Transaction&)> call) {
    absl::Status status;
    EXPECT_EQ(Write([&](Transaction& txn) {
                status = call(txn);
                return absl::OkStatus();
              }),
              absl::OkStatus());
    return status;
  }
  void Refuses(const Article& article, const std::string& what) {
    const absl::Status status =
        Call([&](Transaction& txn) { return txn.Insert(article).status(); });
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << what;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
    EXPECT_EQ(store_->GetSnapshot().Count<Article>(), 0);
  }

  absl::Time now_ = absl::FromUnixMicros(1'700'000'000'123'456);
  std::unique_ptr<Store> store_;
};

TEST_F(RulesTest, WhatBreaksNoRuleIsStored) {
  Article article = NewArticle();
  article.set_title("äöüßé");  // Five characters, ten bytes.
  article.set_weight(0.1F);
  article.add_tags("x");
  article.add_tags("yz");
  article.set_blob("\xff\xfe");
  article.set_number(std::numeric_limits<std::uint64_t>::max());
  article.add_pages(2);
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Insert(article).status(); }), absl::OkStatus());
}

TEST_F(RulesTest, EachRuleNamesModelKeyAndField) {
  Article article = NewArticle();
  article.set_title("x");
  Refuses(article,
          "rules.Article(1).title: it has 1 characters, and its min_len is 2; give at "
          "least 2");
  article.set_title("äöüßéx");
  Refuses(article, ".title: it has 6 characters, and its max_len is 5; give at most 5");
  article = NewArticle();
  article.set_author_id(0);
  Refuses(article, ".author_id: 0 is less than its min, 1; give at least that");
  article = NewArticle();
  article.clear_status();
  Refuses(article, ".status: it is required, and STATUS_UNSPECIFIED; set another");
  article.set_status(rules::RETRACTED);
  Refuses(article, ".status: RETRACTED is none of DRAFT, PUBLISHED; give one of these");
  article.set_status(static_cast<rules::Status>(77));
  Refuses(article, ".status: 77 is none of DRAFT, PUBLISHED");
  article = NewArticle();
  for (const char* tag : {"a", "b", "c"}) article.add_tags(tag);
  Refuses(article, ".tags: it has 3 elements, and its max_len is 2");
  article = NewArticle();
  article.add_tags("a");
  article.add_tags("B");
  Refuses(article,
          ".tags: element 1: \"B\" does not match its pattern, [a-z]+; give a value the "
          "whole of which does");
  article = NewArticle();
  article.set_weight(0.2F);
  Refuses(article, ".weight: 0.2 is more than its max, 0.1");
  article.set_weight(std::numeric_limits<float>::quiet_NaN());
  Refuses(article, ".weight: nan is more than its max");
  article = NewArticle();
  article.set_blob("abc");
  Refuses(article, ".blob: it has 3 bytes, and its max_len is 2");
  article.set_blob(std::string("\0", 1));
  Refuses(article, ".blob: \"\\x00\" does not match");
  article = NewArticle();
  article.set_number(7);
  Refuses(article, ".number: 7 is none of 0, 18446744073709551615");
  article = NewArticle();
  article.clear_due();
  Refuses(article, ".due: it is required and absent; set it");
  article = NewArticle();
  article.add_pages(1);
  article.add_pages(0);
  Refuses(article, ".pages: element 1: 0 is less than its min, 1");
  article = NewArticle();
  article.clear_note();
  Refuses(article, ".note: it is required and absent");
}

TEST_F(RulesTest, EveryRuleBrokenIsListed) {
  Author author;
  author.set_age(17);
  const absl::Status status = Call([&](Transaction& txn) { return txn.Insert(author).status(); });
  EXPECT_EQ(status.message(),
            "rules.Author(1).email: it is required and empty; set it\n"
            "rules.Author(1).age: 17 is less than its min, 18; give at least that");
}

TEST_F(RulesTest, AnAbsentValueIsHeldToRequiredOnly) {
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }),
            absl::OkStatus());
}

TEST_F(RulesTest, EachCallThatWritesJudges) {
  ASSERT_EQ(Write([](Transaction& txn) {
              auto author = txn.Insert(NewAuthor());
              return txn.Insert(NewArticle()).status();
            }),
            absl::OkStatus());
  const auto find = [](Transaction& txn) { return txn.Find<Author>(1); };
  const std::vector<std::function<absl::Status(Transaction&)>> calls = {
      [&](Transaction& txn) {
        return txn.Update(find(txn), [](Author& author) { author.set_age(151); }).status();
      },
      [&](Transaction& txn) {
        Author author(*find(txn));
        author.set_email("no at");
        return txn.Upsert(std::move(author)).status();
      },
      [&](Transaction& txn) { return txn.Upsert(NewAuthor("")).status(); },
      [&](Transaction& txn) {
        Card card;
        card.set_text("long");
        return txn.Set(find(txn), AuthorModel::card, std::move(card)).status();
      },
      [&](Transaction& txn) {
        return txn.Add(find(txn), AuthorModel::articles, Article()).status();
      },
      [&](Transaction& txn) { return txn.Add(find(txn), AuthorModel::liked, Article()).status(); },
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    EXPECT_EQ(Call(calls[i]).code(), absl::StatusCode::kInvalidArgument) << "call " << i;
    const Snapshot snapshot = store_->GetSnapshot();
    EXPECT_EQ(snapshot.commit(), 1u) << "call " << i << " has changed something";
  }
}

TEST_F(RulesTest, StampsAreFilledIn) {
  ASSERT_EQ(Write([](Transaction& txn) {
              if (auto ada = txn.Insert(NewAuthor()); !ada.ok()) return ada.status();
              Card card;
              return txn.Set(txn.Find<Author>(1), AuthorModel::card, std::move(card)).status();
            }),
            absl::OkStatus());
  const absl::Time inserted = now_;
  now_ += absl::Seconds(5);
  ASSERT_EQ(Write([](Transaction& txn) {
              const auto set = [](auto& record) { record.clear_version(); };
              if (auto s = txn.Update(txn.Find<Author>(1), set).status(); !s.ok()) return s;
              return txn
                  .Update(txn.Find<Card>(1),
                          [](Card& card) {
                            card.set_text("x");
                            card.set_made(3);
                          })
                  .status();
            }),
            absl::OkStatus());
  const Snapshot snapshot = store_->GetSnapshot();
  const AuthorRef ada = snapshot.Find<Author>(1);
  EXPECT_EQ(TimeUtil::TimestampToMicroseconds(ada->created_at()), absl::ToUnixMicros(inserted));
  EXPECT_EQ(TimeUtil::TimestampToMicroseconds(ada->updated_at()), absl::ToUnixMicros(now_));
  EXPECT_EQ(ada->version(), 2);
  const CardRef card = snapshot.Find<Card>(1);
  EXPECT_EQ(card->made(), absl::ToUnixMicros(inserted));
  EXPECT_EQ(card->changed(), absl::ToUnixMicros(now_));
  EXPECT_EQ(card->version(), 2u);
}

TEST_F(RulesTest, ATransactionHasOneTime) {
  ASSERT_EQ(Write([this](Transaction& txn) {
              txn.Insert(NewAuthor("a@x")).IgnoreError();
              now_ += absl::Seconds(1);
              return txn.Insert(NewAuthor("b@x")).status();
            }),
            absl::OkStatus());
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Author>(1)->created_at().seconds(),
            snapshot.Find<Author>(2)->created_at().seconds());
}

TEST_F(RulesTest, AnInsertKeepsTheStampsItIsGiven) {
  Author author = NewAuthor();
  author.mutable_created_at()->set_seconds(5);
  author.set_version(7);
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Insert(author).status(); }), absl::OkStatus());
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Author>(1)->created_at().seconds(), 5);
  EXPECT_EQ(snapshot.Find<Author>(1)->version(), 7);
}

TEST_F(RulesTest, AnUpsertKeepsWhenTheRecordWasCreated) {
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }),
            absl::OkStatus());
  const std::int64_t created = store_->GetSnapshot().Find<Author>(1)->created_at().seconds();
  now_ += absl::Seconds(9);
  Author next = NewAuthor("new@x");
  next.set_id(1);
  next.set_version(1);
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Upsert(next).status(); }), absl::OkStatus());
  const Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Find<Author>(1)->created_at().seconds(), created);
  EXPECT_EQ(snapshot.Find<Author>(1)->updated_at().seconds(), created + 9);
}

TEST_F(RulesTest, WithoutAClockStampsAreOfTheMachine) {
  auto store = *Store::Open(Schema::Of<Author, Article, Card, Like>());
  const absl::Time before = absl::Now();
  ASSERT_TRUE(store->Write([](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }).ok());
  const absl::Time stamp = absl::FromUnixNanos(
      TimeUtil::TimestampToNanoseconds(store->GetSnapshot().Find<Author>(1)->created_at()));
  EXPECT_GE(stamp, before);
  EXPECT_LE(stamp, absl::Now());
}

class LockVersionTest : public RulesTest {
 protected:
  LockVersionTest() {
    EXPECT_EQ(Write([](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }),
              absl::OkStatus());
    EXPECT_EQ(Write([](Transaction& txn) {
                return txn.Set(txn.Find<Author>(1), AuthorModel::card, Card()).status();
              }),
              absl::OkStatus());
    old_ = store_->GetSnapshot();
    EXPECT_EQ(Write([](Transaction& txn) {
                if (auto s = txn.Update(txn.Find<Card>(1), [](Card&) {}).status(); !s.ok())
                  return s;
                return txn.Update(txn.Find<Author>(1), [](Author& a) { a.set_age(20); }).status();
              }),
              absl::OkStatus());
  }
  void TearDown() override {
    old_ = Snapshot();
    RulesTest::TearDown();
  }

  Snapshot old_;
};

TEST_F(LockVersionTest, AStaleReferenceIsRefused) {
  const auto change = [](Author& author) { author.set_age(30); };
  const absl::Status status =
      Call([&](Transaction& txn) { return txn.Update(old_.Find<Author>(1), change).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("rules.Author(1).version"), HasSubstr("given is 1"),
                    HasSubstr("newest is 2"), HasSubstr("read it again")));
  EXPECT_EQ(store_->GetSnapshot().Find<Author>(1)->age(), 20);
}

TEST_F(LockVersionTest, AStaleCopyIsRefusedByUpsert) {
  Author copy(*old_.Find<Author>(1));
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Upsert(copy).status(); }).code(),
            absl::StatusCode::kFailedPrecondition);
  copy.set_version(3);  // There was never such a version.
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Upsert(copy).status(); }).code(),
            absl::StatusCode::kFailedPrecondition);
  copy.set_version(0);
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Upsert(copy).status(); }).code(),
            absl::StatusCode::kFailedPrecondition);
  copy.set_version(2);
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Upsert(copy).status(); }), absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Find<Author>(1)->version(), 3);
}

TEST_F(LockVersionTest, AStaleReferenceIsRefusedByDeleteAndByAssociations) {
  EXPECT_EQ(Call([&](Transaction& txn) { return txn.Delete(old_.Find<Card>(1)); }).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Call([&](Transaction& txn) -> absl::Status {
              auto bob = txn.Insert(NewAuthor("bob@x"));
              if (!bob.ok()) return bob.status();
              return txn.Set(*bob, AuthorModel::card, old_.Find<Card>(1)).status();
            }).code(),
            absl::StatusCode::kFailedPrecondition);
  // The parent is not changed, so it may be of any version.
  EXPECT_EQ(
      Call([&](Transaction& txn) { return txn.Clear(old_.Find<Author>(1), AuthorModel::card); }),
      absl::OkStatus());
}

TEST_F(LockVersionTest, ATransactionMayGoOnFromWhatItHasRead) {
  EXPECT_EQ(Call([&](Transaction& txn) -> absl::Status {
              const AuthorRef ada = txn.Find<Author>(1);
              Author copy(*ada);
              for (int i = 0; i < 3; ++i) {
                auto changed =
                    txn.Update(ada, [](Author& author) { author.set_age(author.age() + 1); });
                if (!changed.ok()) return changed.status();
              }
              return txn.Upsert(std::move(copy)).status();
            }),
            absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Find<Author>(1)->version(), 6);
  // A record of this transaction's own has no older version.
  EXPECT_EQ(Call([&](Transaction& txn) -> absl::Status {
              auto bob = txn.Insert(NewAuthor("bob@x"));
              if (auto s = txn.Update(*bob, [](Author&) {}).status(); !s.ok()) return s;
              return txn.Update(*bob, [](Author&) {}).status();
            }),
            absl::OkStatus());
}

TEST_F(LockVersionTest, TheLargestVersionIsTheLast) {
  Author author = NewAuthor("max@x");
  author.set_id(9);
  author.set_version(std::numeric_limits<std::int32_t>::max());
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Insert(author).status(); }), absl::OkStatus());
  const absl::Status status = Call(
      [&](Transaction& txn) { return txn.Update(txn.Find<Author>(9), [](Author&) {}).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("rules.Author(9).version"));
}

TEST_F(LockVersionTest, AVersionBelowZeroIsCountedOn) {
  Author author = NewAuthor("min@x");
  author.set_id(9);
  author.set_version(-2);
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Insert(author).status(); }), absl::OkStatus());
  for (const int version : {-1, 0, 1}) {
    ASSERT_EQ(Call([&](Transaction& txn) {
                const auto updated = txn.Update(txn.Find<Author>(9), [](Author&) {});
                EXPECT_EQ(updated.ok() ? (*updated)->version() : -9, version);
                return updated.status();
              }),
              absl::OkStatus());
  }
}

}  // namespace
}  // namespace kin
