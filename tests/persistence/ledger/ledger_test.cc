#include "kin/tests/persistence/ledger/ledger.h"

#include "gtest/gtest.h"

namespace kin::testing {
namespace {

// In memory only: the model does what a store does, so that a difference is a database's.
TEST(LedgerTest, AgreesWithAStoreInMemory) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    std::unique_ptr<Store> store = *Store::Open(Ledger::StoreSchema());
    Ledger ledger(seed);
    for (int i = 0; i < 2000; ++i) {
      ledger.Advance();
      absl::StatusOr<CommitNumber> commit =
          store->Write([&](Transaction& txn) { return ledger.Replay(txn); });
      ASSERT_TRUE(commit.ok()) << ledger.number() << ": " << commit.status();
      ASSERT_EQ(*commit, ledger.number());
      ASSERT_EQ(ledger.Difference(store->GetSnapshot()), "") << ledger.number();
    }
  }
}

TEST(LedgerTest, NumbersAreTransactionsWhoeverCounts) {
  std::unique_ptr<Store> store = *Store::Open(Ledger::StoreSchema());
  Ledger writes(7), jumps(7), other(8);
  for (int i = 0; i < 200; ++i) {
    writes.Advance();
    ASSERT_TRUE(store->Write([&](Transaction& txn) { return writes.Replay(txn); }).ok());
  }
  jumps.AdvanceTo(200);
  EXPECT_EQ(jumps.Difference(store->GetSnapshot()), "");
  other.AdvanceTo(200);
  EXPECT_NE(other.Difference(store->GetSnapshot()), "");
  jumps.AdvanceTo(201);
  EXPECT_NE(jumps.Difference(store->GetSnapshot()), "");
}

}  // namespace
}  // namespace kin::testing
