// The code of docs/rules.md, which is compared with this file.
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/docs/rules.kin.h"

namespace shop {
namespace {

using ::testing::ElementsAre;

std::string lines;
void Log(const std::string& line) { lines += line + "\n"; }

Account NewAccount(const std::string& email) {
  Account account;
  account.set_email(email);
  account.set_plan("free");
  return account;
}

TEST(RulesDocTest, HooksAreAddedToTheSchema) {
  lines.clear();
  // clang-format off
  kin::Schema schema = kin::Schema::Of<Account, Order>();

  // Changes what is stored.
  schema.Before<Account>(kin::Change::kInsert, [](kin::ChangeOf<Account>& change) {
    change.mutable_record()->set_email(absl::AsciiStrToLower(change.after()->email()));
    return absl::OkStatus();
  });
  // Uses the transaction: a first order for each account that leaves the free plan.
  schema.After<Account>(kin::Change::kUpdate,
                        [](const kin::ChangeOf<Account>& change, kin::Transaction& txn) {
    if (!change.Changed(AccountModel::plan) || change.before()->plan() != "free") return absl::OkStatus();
    return txn.Add(change.ref(), AccountModel::orders, Order()).status();
  });
  // Judges the record alone …
  schema.Validate<Order>([](const Order& order) {
    return order.cents() % 5 == 0 ? absl::OkStatus() : absl::InvalidArgumentError(absl::StrCat(
        "shop.Order(", order.id(), ").cents: ", order.cents(), " is no multiple of 5"));
  });
  // … or in the graph that would become visible.
  schema.Validate<Account>([](const kin::ChangeOf<Account>& change, const kin::Transaction& txn) {
    if (change.after()->plan() == "site" && txn.Count<Account>() > 1) {
      return absl::FailedPreconditionError("shop.Account: a site has one account");
    }
    return absl::OkStatus();
  });
  schema.AfterCommit([](kin::CommitNumber commit, absl::Span<const kin::Change> changes) {
    for (const kin::Change& change : changes) {
      if (change.kind() != kin::Change::kInsert) continue;
      if (const auto* account = change.After<Account>()) Log(absl::StrCat(commit, ": welcome ", account->email()));
    }
    return absl::OkStatus();
  });

  absl::StatusOr<std::unique_ptr<kin::Store>> store = kin::Store::Open(std::move(schema));
  // clang-format on
  ASSERT_TRUE(store.ok()) << store.status();
  ASSERT_TRUE((*store)
                  ->Write([](kin::Transaction& txn) -> absl::Status {
                    auto ada = txn.Insert(NewAccount("Ada@x"));
                    if (!ada.ok()) return ada.status();
                    return txn.Update(*ada, [](Account& a) { a.set_plan("team"); }).status();
                  })
                  .ok());
  EXPECT_EQ(lines, "1: welcome ada@x\n");
  EXPECT_EQ((*store)->GetSnapshot().Find<Account>(1).orders().size(), 1u);
  EXPECT_EQ(
      (*store)
          ->Write([](kin::Transaction& txn) {
            Order order;
            order.set_cents(7);
            return txn.Add(txn.Find<Account>(1), AccountModel::orders, std::move(order)).status();
          })
          .status()
          .message(),
      "shop.Order(2).cents: 7 is no multiple of 5");
}

TEST(RulesDocTest, RulesAreToldAtTheCall) {
  auto store = *kin::Store::Open(kin::Schema::Of<Account, Order>());
  const absl::Status status = store
                                  ->Write([](kin::Transaction& txn) {
                                    Account account = NewAccount("ada@x");
                                    account.set_age(17);
                                    return txn.Insert(std::move(account)).status();
                                  })
                                  .status();
  EXPECT_EQ(status.message(),
            "shop.Account(1).age: 17 is less than its min, 18; give at least that");
}

TEST(RulesDocTest, AnOutdatedCopyIsReadAgain) {
  auto opened = kin::Store::Open(kin::Schema::Of<Account, Order>());
  kin::Store* store = opened->get();
  ASSERT_TRUE(
      store->Write([](kin::Transaction& txn) { return txn.Insert(NewAccount("a@x")).status(); })
          .ok());
  int attempts = 0;
  const auto Decide = [&](const AccountRef& seen) {
    // Somebody else is faster, once.
    if (++attempts == 1) {
      store
          ->Write([](kin::Transaction& txn) {
            return txn.Update(txn.Find<Account>(1), [](Account& a) { a.set_age(20); }).status();
          })
          .IgnoreError();
    }
    return seen->age() + 1;
  };
  // clang-format off
  absl::Status status;
  for (int attempt = 0; attempt < 10; ++attempt) {
    kin::Snapshot snapshot = store->GetSnapshot();
    AccountRef seen = snapshot.Find<Account>(1);
    int age = Decide(seen);                        // Takes its time, outside of any transaction.
    status = store->Write([&](kin::Transaction& txn) {
      return txn.Update(seen, [&](Account& account) { account.set_age(age); }).status();
    }).status();
    if (status.code() != absl::StatusCode::kFailedPrecondition) break;
  }
  // clang-format on
  EXPECT_EQ(attempts, 2);
  EXPECT_EQ(store->GetSnapshot().Find<Account>(1)->age(), 21);
}

TEST(RulesDocTest, AThreadFollowsTheCommits) {
  auto opened = kin::Store::Open(kin::Schema::Of<Account, Order>());
  kin::Store* store = opened->get();
  std::vector<std::string> seen;
  const auto Reload = [&](const kin::Snapshot&) { seen.push_back("reload"); };
  const auto Show = [&](const Account& account) { seen.push_back(account.email()); };
  // clang-format off
  absl::StatusOr<std::unique_ptr<kin::Watch>> watch = store->Watch({.max_bytes = 1 << 20});
  if (!watch.ok()) return;
  std::thread follower([&, watch = *std::move(watch)] {
    while (true) {
      absl::StatusOr<kin::WatchEvent> event = watch->Next();
      if (!event.ok()) return;                                  // The store is closed.
      if (event->is_gap()) Reload(store->GetSnapshot());        // Too slow: start anew.
      for (const kin::Change& change : event->changes()) {
        if (const auto* account = change.After<Account>()) Show(*account);
      }
    }
  });
  // clang-format on
  for (const char* email : {"a@x", "b@x"}) {
    ASSERT_TRUE(
        store->Write([&](kin::Transaction& txn) { return txn.Insert(NewAccount(email)).status(); })
            .ok());
  }
  ASSERT_TRUE(store->Close().ok());
  follower.join();
  EXPECT_THAT(seen, ElementsAre("a@x", "b@x"));
}

}  // namespace
}  // namespace shop
