// Hooks: what they are given, what they may do, and what their failure does.
// Over 600 lines: one case a kind of hook and of change, over one fixture.
#include "kin/store/hooks.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/store/rules.kin.h"

namespace kin {
namespace {

using ::rules::Article;
using ::rules::ArticleModel;
using ::rules::Author;
using ::rules::AuthorModel;
using ::rules::AuthorRef;
using ::rules::Card;
using ::rules::CardModel;
using ::rules::Like;
using ::rules::Plain;
using ::rules::PlainModel;
using ::rules::PlainRef;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Schema AllModels() { return Schema::Of<Author, Article, Card, Like, Plain>(); }

Author NewAuthor(const std::string& email = "ada@x") {
  Author author;
  author.set_email(email);
  return author;
}

Article NewArticle() {
  Article article;
  article.set_title("abc");
  article.set_status(rules::DRAFT);
  article.mutable_due()->set_seconds(1);
  article.set_note("");
  return article;
}

Plain NewPlain(const std::string& text = "") {
  Plain plain;
  plain.set_text(text);
  return plain;
}

absl::string_view KindText(Change::Kind kind) {
  return kind == Change::kInsert ? "insert" : kind == Change::kUpdate ? "update" : "delete";
}

class HooksTest : public ::testing::Test {
 protected:
  void Open() {
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(schema_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  void TearDown() override {
    if (store_ != nullptr) {
      EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
    }
  }
  absl::Status Write(absl::FunctionRef<absl::Status(Transaction&)> body) {
    return store_->Write(body).status();
  }
  // Logs each Before and After of a model.
  template <typename M>
  void Log(const std::string& name) {
    for (const Change::Kind kind : {Change::kInsert, Change::kUpdate, Change::kDelete}) {
      schema_.Before<M>(kind, [this, name](ChangeOf<M>& change) {
        log_.push_back(absl::StrCat("before ", KindText(change.kind()), " ", name));
        return absl::OkStatus();
      });
      schema_.After<M>(kind, [this, name](const ChangeOf<M>& change) {
        log_.push_back(absl::StrCat("after ", KindText(change.kind()), " ", name));
        return absl::OkStatus();
      });
    }
  }
  std::vector<std::string> TakeLog() { return std::exchange(log_, {}); }

  Schema schema_ = AllModels();
  std::unique_ptr<Store> store_;
  std::vector<std::string> log_;
};

TEST_F(HooksTest, EachCallFiresThoseOfWhatItDoes) {
  Log<Author>("author");
  Log<Card>("card");
  Log<Like>("like");
  Log<Article>("article");
  Open();
  ASSERT_EQ(Write([&](Transaction& txn) -> absl::Status {
              EXPECT_TRUE(txn.Insert(NewAuthor()).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before insert author", "after insert author"));
              const AuthorRef ada = txn.Find<Author>(1);
              EXPECT_TRUE(txn.Upsert(Author(*ada)).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before update author", "after update author"));
              EXPECT_TRUE(txn.Upsert(NewAuthor("bob@x")).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before insert author", "after insert author"));
              EXPECT_TRUE(txn.Set(ada, AuthorModel::card, Card()).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before insert card", "after insert card"));
              EXPECT_TRUE(txn.Set(ada, AuthorModel::card, Card()).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before delete card", "after delete card",
                                                 "before insert card", "after insert card"));
              EXPECT_TRUE(txn.Clear(ada, AuthorModel::card).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before delete card", "after delete card"));
              auto article = txn.Add(ada, AuthorModel::articles, NewArticle());
              EXPECT_THAT(TakeLog(), ElementsAre("before insert article", "after insert article"));
              EXPECT_TRUE(txn.Remove(ada, AuthorModel::articles, *article).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before update article", "after update article"));
              EXPECT_TRUE(txn.Add(ada, AuthorModel::liked, *article).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before insert like", "after insert like"));
              EXPECT_TRUE(txn.Remove(ada, AuthorModel::liked, *article).ok());
              EXPECT_THAT(TakeLog(), ElementsAre("before delete like", "after delete like"));
              return absl::OkStatus();
            }),
            absl::OkStatus());
}

TEST_F(HooksTest, CascadesAndNullifyFireThem) {
  Log<Card>("card");
  Log<Article>("article");
  Open();
  ASSERT_EQ(Write([&](Transaction& txn) -> absl::Status {
              auto ada = txn.Insert(NewAuthor());
              EXPECT_TRUE(txn.Set(*ada, AuthorModel::card, Card()).ok());
              EXPECT_TRUE(txn.Add(*ada, AuthorModel::articles, NewArticle()).ok());
              TakeLog();
              return txn.Delete(*ada);
            }),
            absl::OkStatus());
  EXPECT_THAT(TakeLog(), UnorderedElementsAre("before delete card", "after delete card",
                                              "before update article", "after update article"));
}

TEST_F(HooksTest, ABeforeHookMayChangeTheRecord) {
  schema_.Before<Author>(Change::kInsert, [](ChangeOf<Author>& change) {
    change.mutable_record()->set_email(absl::AsciiStrToLower(change.after()->email()));
    change.mutable_record()->set_version(0);
    return absl::OkStatus();
  });
  schema_.Before<Author>(Change::kUpdate, [](ChangeOf<Author>& change) {
    if (change.Changed(AuthorModel::age)) change.mutable_record()->set_email("changed@x");
    return absl::OkStatus();
  });
  schema_.Before<Author>(Change::kDelete, [](ChangeOf<Author>& change) {
    EXPECT_EQ(change.mutable_record(), nullptr);
    EXPECT_EQ(change.after(), nullptr);
    EXPECT_EQ(change.before()->id(), 1);
    return absl::OkStatus();
  });
  Open();
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Insert(NewAuthor("ADA@X")).status(); }),
            absl::OkStatus());
  EXPECT_TRUE(store_->GetSnapshot().FindBy(AuthorModel::email, "ada@x"));
  ASSERT_EQ(Write([&](Transaction& txn) {
              return txn.Update(txn.Find<Author>(1), [](Author& a) { a.set_age(20); }).status();
            }),
            absl::OkStatus());
  EXPECT_TRUE(store_->GetSnapshot().FindBy(AuthorModel::email, "changed@x"));
  ASSERT_EQ(Write([&](Transaction& txn) { return txn.Delete(txn.Find<Author>(1)); }),
            absl::OkStatus());
}

TEST_F(HooksTest, WhatABeforeHookMakesOfARecordIsJudged) {
  schema_.Before<Author>(Change::kInsert, [](ChangeOf<Author>& change) {
    change.mutable_record()->clear_email();
    return absl::OkStatus();
  });
  schema_.Before<Author>(Change::kUpdate, [](ChangeOf<Author>& change) {
    change.mutable_record()->set_id(7);
    return absl::OkStatus();
  });
  Open();
  EXPECT_EQ(Write([&](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(HooksTest, TheKeyMayNotChangeInAnUpdate) {
  schema_.Before<Plain>(Change::kUpdate, [](ChangeOf<Plain>& change) {
    change.mutable_record()->set_id(7);
    return absl::OkStatus();
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
            absl::OkStatus());
  EXPECT_EQ(Write([&](Transaction& txn) {
              return txn.Update(txn.Find<Plain>(1), [](Plain&) {}).status();
            }).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(HooksTest, TheyTellWhatHasChanged) {
  std::vector<std::string> seen;
  const auto note = [&seen](const ChangeOf<Author>& change) {
    std::string line = absl::StrCat(KindText(change.kind()), ":");
    for (const auto* field : change.ChangedFields()) absl::StrAppend(&line, " ", field->name());
    if (change.before() != nullptr && change.Changed(AuthorModel::age)) {
      absl::StrAppend(&line, ", age was ",
                      change.before()->has_age() ? absl::StrCat(change.before()->age()) : "absent");
    }
    seen.push_back(line);
    return absl::OkStatus();
  };
  for (const Change::Kind kind : {Change::kInsert, Change::kUpdate, Change::kDelete}) {
    schema_.After<Author>(kind, note);
  }
  Open();
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              auto ada = txn.Insert(NewAuthor());
              const auto set_age = [](Author& author) { author.set_age(20); };
              for (int i = 0; i < 2; ++i) {
                if (auto s = txn.Update(*ada, set_age).status(); !s.ok()) return s;
              }
              if (auto s = txn.Update(*ada, [](Author& a) { a.clear_age(); }).status(); !s.ok()) {
                return s;
              }
              return txn.Delete(*ada);
            }),
            absl::OkStatus());
  EXPECT_THAT(seen, ElementsAre("insert: id email created_at updated_at version",
                                "update: age version, age was absent", "update: version",
                                "update: age version, age was 20",
                                "delete: id email created_at updated_at version"));
}

TEST_F(HooksTest, TheyUseTheTransactionAndFollowAssociations) {
  schema_.After<Author>(Change::kInsert,
                        [](const ChangeOf<Author>& change, Transaction& txn) -> absl::Status {
                          Card card;
                          card.set_text("new");
                          return txn.Set(change.ref(), AuthorModel::card, card).status();
                        });
  schema_.Before<Card>(Change::kInsert, [this](ChangeOf<Card>& change) {
    log_.push_back(change.ref().author()->email());  // Of a record that is not stored yet.
    return absl::OkStatus();
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              auto ada = txn.Insert(NewAuthor());
              if (!ada.ok()) return ada.status();
              EXPECT_EQ(ada->card()->text(), "new");
              return absl::OkStatus();
            }),
            absl::OkStatus());
  EXPECT_THAT(TakeLog(), ElementsAre("ada@x"));
}

TEST_F(HooksTest, AnAfterHookThatUpdatesTheRecordGivesItsVersion) {
  schema_.After<Plain>(Change::kInsert, [](const ChangeOf<Plain>& change, Transaction& txn) {
    return txn.Update(change.ref(), [](Plain& plain) { plain.set_text("after"); }).status();
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              auto plain = txn.Insert(NewPlain());
              EXPECT_EQ((*plain)->text(), "after");
              return plain.status();
            }),
            absl::OkStatus());
}

TEST_F(HooksTest, AFailureAbortsWhateverTheBodyReturns) {
  schema_.Before<Plain>(Change::kInsert, [](ChangeOf<Plain>& change) {
    return change.after()->text() == "before" ? absl::UnavailableError("before failed")
                                              : absl::OkStatus();
  });
  schema_.After<Plain>(Change::kInsert, [](const ChangeOf<Plain>& change) {
    return change.after()->text() == "after" ? absl::DataLossError("after failed")
                                             : absl::OkStatus();
  });
  schema_.Before<Plain>(Change::kDelete,
                        [](ChangeOf<Plain>&) { return absl::CancelledError("delete failed"); });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain("kept")).status(); }),
            absl::OkStatus());
  for (const bool ok : {true, false}) {
    const auto end = [ok] { return ok ? absl::OkStatus() : absl::InternalError("the body's"); };
    EXPECT_EQ(Write([&](Transaction& txn) {
                EXPECT_TRUE(txn.Insert(NewPlain()).ok());
                const Savepoint savepoint = txn.Savepoint();
                EXPECT_EQ(txn.Insert(NewPlain("before")).status().message(), "before failed");
                txn.RollbackTo(savepoint);
                return end();
              }),
              absl::UnavailableError("before failed"));
    EXPECT_EQ(Write([&](Transaction& txn) {
                EXPECT_EQ(txn.Insert(NewPlain("after")).status().message(), "after failed");
                EXPECT_EQ(txn.Count<Plain>(), 1);  // The call has changed nothing.
                return end();
              }),
              absl::DataLossError("after failed"));
    EXPECT_EQ(Write([&](Transaction& txn) {
                EXPECT_FALSE(txn.Delete(txn.Find<Plain>(1)).ok());
                return end();
              }),
              absl::CancelledError("delete failed"));
  }
  EXPECT_EQ(store_->GetSnapshot().commit(), 1u);
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 1);
}

TEST_F(HooksTest, AnErrorThatAHookSwallowsAbortsAllTheSame) {
  schema_.Before<Card>(Change::kInsert,
                       [](ChangeOf<Card>&) { return absl::UnavailableError("no cards"); });
  schema_.After<Author>(Change::kInsert, [](const ChangeOf<Author>& change, Transaction& txn) {
    txn.Set(change.ref(), AuthorModel::card, Card()).IgnoreError();
    return absl::OkStatus();
  });
  Open();
  EXPECT_EQ(Write([](Transaction& txn) { return txn.Insert(NewAuthor()).status(); }),
            absl::UnavailableError("no cards"));
}

TEST_F(HooksTest, WhatABeforeHookDidIsUndoneWithTheCall) {
  schema_.Before<Author>(Change::kInsert, [](ChangeOf<Author>&, Transaction& txn) {
    return txn.Insert(NewPlain("counted")).status();
  });
  Open();
  EXPECT_EQ(Write([](Transaction& txn) {
              EXPECT_TRUE(txn.Insert(NewAuthor()).ok());
              EXPECT_EQ(txn.Insert(NewAuthor()).status().code(),
                        absl::StatusCode::kAlreadyExists);  // The e-mail address is taken.
              return absl::OkStatus();
            }),
            absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 1);
}

TEST_F(HooksTest, ABeforeHookChangesTheRecordItselfAndNotBehindItsBack) {
  schema_.Before<Plain>(Change::kUpdate, [](ChangeOf<Plain>& change, Transaction& txn) {
    return txn.Delete(change.ref());
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
            absl::OkStatus());
  const absl::Status status = Write(
      [](Transaction& txn) { return txn.Update(txn.Find<Plain>(1), [](Plain&) {}).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("rules.Plain(1)"));
  EXPECT_TRUE(store_->GetSnapshot().Find<Plain>(1));
}

TEST_F(HooksTest, HooksThatCauseEachOtherWithoutEndAreStopped) {
  schema_.After<Plain>(Change::kInsert, [](const ChangeOf<Plain>&, Transaction& txn) {
    return txn.Insert(NewPlain()).status();
  });
  Open();
  const absl::Status status =
      Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("rules.Plain: hooks have called each other"));
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 0);
}

TEST_F(HooksTest, AHookGoesBackToItsOwnSavepointsOnly) {
  Savepoint outer;
  bool own = true;
  schema_.After<Plain>(Change::kInsert, [&](const ChangeOf<Plain>& change, Transaction& txn) {
    if (change.after()->text() != "outer") return absl::OkStatus();
    const Savepoint inner = txn.Savepoint();
    EXPECT_TRUE(txn.Insert(NewPlain("inner")).ok());
    txn.RollbackTo(own ? inner : outer);
    return absl::OkStatus();
  });
  Open();
  const auto body = [&](Transaction& txn) {
    outer = txn.Savepoint();
    return txn.Insert(NewPlain("outer")).status();
  };
  EXPECT_EQ(Write(body), absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 1);
  own = false;
  const absl::Status status = Write(body);
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("RollbackTo"));
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 1);
}

TEST_F(HooksTest, CascadesGoOnWhereHooksChangeWhatTheyReach) {
  // 1 <- 2 <- 3, and a hook that deletes the next but one first.
  schema_.Before<Author>(Change::kDelete, [](ChangeOf<Author>& change, Transaction& txn) {
    for (const auto& article : change.ref().articles()) {
      if (auto status = txn.Delete(article); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
  schema_.Before<Article>(Change::kDelete, [](ChangeOf<Article>& change, Transaction& txn) {
    const AuthorRef author = change.ref().author();
    return author && author.card() ? txn.Delete(author.card()) : absl::OkStatus();
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              auto ada = txn.Insert(NewAuthor());
              EXPECT_TRUE(txn.Set(*ada, AuthorModel::card, Card()).ok());
              for (int i = 0; i < 3; ++i) {
                EXPECT_TRUE(txn.Add(*ada, AuthorModel::articles, NewArticle()).ok());
              }
              return absl::OkStatus();
            }),
            absl::OkStatus());
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Delete(txn.Find<Author>(1)); }),
            absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Count<Article>(), 0);
  EXPECT_EQ(store_->GetSnapshot().Count<Card>(), 0);
}

TEST_F(HooksTest, ADeleteHookThatDeletesItsOwnRecordIsNoLoop) {
  schema_.Before<Plain>(Change::kDelete,
                        [n = std::make_shared<int>(0)](ChangeOf<Plain>& change, Transaction& txn) {
                          return (*n)++ == 0 ? txn.Delete(change.ref()) : absl::OkStatus();
                        });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
            absl::OkStatus());
  EXPECT_EQ(Write([](Transaction& txn) { return txn.Delete(txn.Find<Plain>(1)); }),
            absl::OkStatus());
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 0);
}

TEST_F(HooksTest, ValidatorsSeeWhatWouldBecomeVisible) {
  schema_.Validate<Author>([this](const ChangeOf<Author>& change, const Transaction& txn) {
    log_.push_back(absl::StrCat(KindText(change.kind()), " ", change.after()->email(), " of ",
                                txn.Count<Author>()));
    return change.ref().articles().empty() ? absl::FailedPreconditionError(absl::StrCat(
                                                 change.after()->email(), " has no articles"))
                                           : absl::OkStatus();
  });
  schema_.Validate<Article>([](const Article& article) {
    return article.title() == "bad" ? absl::InvalidArgumentError("a bad title") : absl::OkStatus();
  });
  Open();
  // The graph is complete at commit only, and a record that was changed twice is judged once.
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              auto ada = txn.Insert(NewAuthor());
              EXPECT_TRUE(txn.Update(*ada, [](Author& a) { a.set_email("eva@x"); }).ok());
              auto article = NewArticle();
              article.set_title("bad");
              auto added = txn.Add(*ada, AuthorModel::articles, std::move(article));
              return txn.Update(*added, [](Article& a) { a.set_title("good"); }).status();
            }),
            absl::OkStatus());
  EXPECT_THAT(TakeLog(), ElementsAre("insert eva@x of 1"));
  // All failures are listed, with the code of the first.
  const absl::Status status = Write([](Transaction& txn) -> absl::Status {
    EXPECT_TRUE(txn.Insert(NewAuthor("a@x")).ok());
    EXPECT_TRUE(txn.Insert(NewAuthor("b@x")).ok());
    return absl::OkStatus();
  });
  EXPECT_EQ(status, absl::FailedPreconditionError("a@x has no articles\nb@x has no articles"));
  EXPECT_EQ(store_->GetSnapshot().commit(), 1u);
  TakeLog();
  // A record that is deleted is not judged.
  EXPECT_EQ(Write([](Transaction& txn) { return txn.Delete(txn.Find<Author>(1)); }),
            absl::OkStatus());
  EXPECT_THAT(TakeLog(), IsEmpty());
}

TEST_F(HooksTest, AfterACommitAllItsChangesAreGiven) {
  std::vector<std::string> seen;
  schema_.AfterCommit([&](CommitNumber commit, absl::Span<const Change> changes) {
    EXPECT_EQ(store_->GetSnapshot().commit(), commit);
    for (const Change& change : changes) {
      const auto* before = change.Before<Plain>();
      const auto* after = change.After<Plain>();
      seen.push_back(absl::StrCat(commit, " ", KindText(change.kind()), " ",
                                  before ? before->text() : "-", " ", after ? after->text() : "-"));
      EXPECT_EQ(change.Before<Author>(), nullptr);
    }
    return absl::OkStatus();
  });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              EXPECT_TRUE(txn.Insert(NewPlain("one")).ok());
              EXPECT_TRUE(txn.Insert(NewPlain("two")).ok());
              return txn.Delete(txn.Find<Plain>(1));  // Born and gone: no change.
            }),
            absl::OkStatus());
  ASSERT_EQ(Write([](Transaction& txn) {
              return txn.Update(txn.Find<Plain>(2), [](Plain& p) { p.set_text("three"); }).status();
            }),
            absl::OkStatus());
  EXPECT_FALSE(Write([](Transaction& txn) {
                 EXPECT_TRUE(txn.Delete(txn.Find<Plain>(2)).ok());
                 return absl::CancelledError("not committed");
               }).ok());
  ASSERT_EQ(Write([](Transaction&) { return absl::OkStatus(); }), absl::OkStatus());
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Delete(txn.Find<Plain>(2)); }),
            absl::OkStatus());
  EXPECT_THAT(seen, ElementsAre("1 insert - two", "2 update two three", "3 delete three -"));
}

// Whatever the transactions before were: their memory is used again.
TEST_F(HooksTest, ACommitsChangesAreItsOwn) {
  std::vector<std::string> seen;
  schema_.AfterCommit([&](CommitNumber, absl::Span<const Change> changes) {
    for (const Change& change : changes) seen.push_back(change.After<Plain>()->text());
    return absl::OkStatus();
  });
  schema_.Validate<Plain>([](const Plain& plain) {
    return plain.text() == "bad" ? absl::InvalidArgumentError("bad") : absl::OkStatus();
  });
  Open();
  const auto insert = [&](int first, int count, const char* text) {
    return Write([=](Transaction& txn) {
      absl::Status status;
      for (int i = first; i < first + count; ++i) {
        status.Update(txn.Insert(NewPlain(text != nullptr ? text : absl::StrCat(i))).status());
      }
      return status;
    });
  };
  int first = 0;
  // More than what is kept in between, then fewer than before, and the other way.
  for (const int count : {3, 1, 5000, 2, 1, 40, 4096, 7}) {
    EXPECT_EQ(insert(0, 3, "bad").code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(insert(first, count, nullptr), absl::OkStatus());
    std::vector<std::string> expected;
    for (int i = first; i < first + count; ++i) expected.push_back(absl::StrCat(i));
    EXPECT_EQ(std::exchange(seen, {}), expected);
    first += count;
  }
}

TEST_F(HooksTest, EachChangeOfACommitHasItsKey) {
  int likes = 0;
  int others = 0;
  schema_.AfterCommit([&](CommitNumber, absl::Span<const Change> changes) {
    for (const Change& change : changes) {
      const auto* record = change.after != nullptr ? change.after : change.before;
      std::string buffer;
      EXPECT_TRUE(change.key == schema_.KeyOf(change.model, *record, &buffer));
      ++(record->GetDescriptor() == Like::descriptor() ? likes : others);
    }
    return absl::OkStatus();
  });
  Open();
  constexpr int kArticles = 20;
  ASSERT_EQ(Write([](Transaction& txn) -> absl::Status {
              absl::Status status = txn.Insert(NewAuthor()).status();
              for (int i = 0; i < kArticles; ++i) {
                auto article = txn.Add(txn.Find<Author>(1), AuthorModel::articles, NewArticle());
                if (!article.ok()) return article.status();
                status.Update(txn.Add(txn.Find<Author>(1), AuthorModel::liked, *article).status());
              }
              return status;
            }),
            absl::OkStatus());
  EXPECT_EQ(likes, kArticles);
  EXPECT_EQ(others, kArticles + 1);
}

TEST_F(HooksTest, AFailureAfterACommitIsToldAndUndoesNothing) {
  schema_.AfterCommit([](CommitNumber, absl::Span<const Change>) {
    return absl::UnavailableError("the mail server is down");
  });
  Open();
  EXPECT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
            absl::UnavailableError("commit 1 is made and stays, but a hook after it failed: the "
                                   "mail server is down"));
  EXPECT_EQ(store_->GetSnapshot().Count<Plain>(), 1);
}

// Every hook tries all that would wait for the transaction that it is part of.
TEST_F(HooksTest, WritingFromAHookIsAnErrorAndNoDeadlock) {
  const auto refused = [this] {
    const auto write = store_->Write([](Transaction&) { return absl::OkStatus(); }).status();
    for (const absl::Status& status : {write, store_->Flush(), store_->WaitDurable(1),
                                       store_->Close(), store_->CheckInvariants()}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
    }
    store_->stats();
    store_->GetSnapshot();
    log_.push_back("refused");
    return absl::OkStatus();
  };
  schema_.Before<Plain>(Change::kInsert, [=](ChangeOf<Plain>&) { return refused(); });
  schema_.After<Plain>(Change::kInsert, [=](const ChangeOf<Plain>&) { return refused(); });
  schema_.Validate<Plain>([=](const Plain&) { return refused(); });
  schema_.AfterCommit([=](CommitNumber, absl::Span<const Change>) { return refused(); });
  Open();
  ASSERT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
            absl::OkStatus());
  EXPECT_EQ(TakeLog().size(), 4u);
  // Of another store it is possible.
  auto other = *Store::Open(AllModels());
  ASSERT_EQ(Write([&](Transaction&) {
              return other->Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); })
                  .status();
            }),
            absl::OkStatus());
}

TEST_F(HooksTest, AThrowingHookIsAnError) {
  schema_.Before<Plain>(Change::kInsert, [](ChangeOf<Plain>& change) -> absl::Status {
    if (change.after()->text() == "std") throw std::runtime_error("oops");
    if (change.after()->text() == "int") throw 7;
    return absl::OkStatus();
  });
  schema_.Validate<Plain>([](const Plain& plain) -> absl::Status {
    if (plain.text() == "validator") throw std::runtime_error("oops");
    return absl::OkStatus();
  });
  schema_.AfterCommit([](CommitNumber, absl::Span<const Change>) -> absl::Status {
    throw std::runtime_error("oops");
  });
  Open();
  const auto insert = [this](const std::string& text) {
    return Write([&](Transaction& txn) { return txn.Insert(NewPlain(text)).status(); });
  };
  EXPECT_EQ(insert("std"),
            absl::InternalError("rules.Plain: a hook threw: oops; return an absl::Status"));
  EXPECT_EQ(insert("int").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(insert("validator"),
            absl::InternalError("rules.Plain(1): a validator threw: oops; return an absl::Status"));
  EXPECT_EQ(store_->GetSnapshot().commit(), 0u);
  EXPECT_EQ(insert("").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(store_->GetSnapshot().commit(), 1u);
}

TEST_F(HooksTest, HooksAreOfModelsOfTheSchema) {
  Schema schema = Schema::Of<Plain>();
  schema.Validate<Author>([](const Author&) { return absl::OkStatus(); });
  const absl::Status status = Store::Open(schema).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("a hook for rules.Author"));
}

TEST_F(HooksTest, CopiesOfASchemaHaveTheirOwnHooks) {
  const Schema copy = schema_;
  schema_.Validate<Plain>([](const Plain&) { return absl::InternalError("refused"); });
  Open();
  EXPECT_FALSE(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }).ok());
  auto other = *Store::Open(copy);
  EXPECT_TRUE(other->Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }).ok());
}

TEST_F(HooksTest, SeveralThreadsWriteThroughOneHookAtATime) {
  int running = 0;
  int calls = 0;
  schema_.Before<Plain>(Change::kInsert, [&](ChangeOf<Plain>&) {
    EXPECT_EQ(++running, 1);
    ++calls;
    --running;
    return absl::OkStatus();
  });
  std::vector<CommitNumber> commits;
  schema_.AfterCommit([&](CommitNumber commit, absl::Span<const Change>) {
    commits.push_back(commit);
    return absl::OkStatus();
  });
  Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int j = 0; j < 50; ++j) {
        EXPECT_EQ(Write([](Transaction& txn) { return txn.Insert(NewPlain()).status(); }),
                  absl::OkStatus());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls, 200);
  ASSERT_EQ(commits.size(), 200u);
  for (std::size_t i = 0; i < commits.size(); ++i) EXPECT_EQ(commits[i], i + 1);
}

}  // namespace
}  // namespace kin
