// Numbered transactions over several tables whose rows depend on each other, and what the tables
// hold after each: a plain model that neither a store nor a database has a part in. A database that
// was broken off at any moment has to equal the model after some number of transactions.
#ifndef KIN_TESTS_PERSISTENCE_LEDGER_LEDGER_H_
#define KIN_TESTS_PERSISTENCE_LEDGER_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kin/store/store.h"

namespace kin::testing {

// The accounts of a bank. Transaction n depends on `seed`, n and the state before it, and on
// nothing else, so that a child process and its parent compute the same. Thread-compatible.
class Ledger {
 public:
  // `padding`: bytes by which labels are longer, so that a few transactions fill a file.
  explicit Ledger(std::uint64_t seed, std::size_t padding = 0) : seed_(seed), padding_(padding) {}

  // Does the next transaction here, and makes the changes that the store has to make for it.
  void Advance();
  // What Advance did, on a store: transaction number `number()`.
  absl::Status Replay(Transaction& txn) const;
  // Advances to `number`, which is not below number().
  void AdvanceTo(std::uint64_t number);
  std::uint64_t number() const { return number_; }

  // Whether the records of a store are those of this model: "" or the first difference.
  std::string Difference(const Snapshot& snapshot) const;

  static Schema StoreSchema();

 private:
  struct AccountRow {
    std::string name;
    std::int64_t balance = 0;
  };
  struct CardRow {
    std::optional<std::int64_t> account;
    std::string label;
  };
  struct TransferRow {
    std::optional<std::int64_t> from, to;
    std::int64_t amount = 0;
  };
  // One change of one record, as the store is asked for it.
  struct Step {
    enum class Kind {
      kPutAccount,
      kDeleteAccount,
      kPutCard,
      kDeleteCard,
      kPutTransfer,
      kDeleteTransfer,
      kPutTally,
      kDeleteTally,
    };
    Kind kind;
    std::int64_t id = 0;
    std::string key;
    AccountRow account;
    CardRow card;
    TransferRow transfer;
    std::int64_t count = 0;
  };

  std::uint64_t Random(std::uint64_t limit) { return random_() % limit; }
  std::int64_t AnyAccount();
  void Put(std::int64_t id, AccountRow row);
  void Put(std::int64_t id, CardRow row);
  void Put(std::int64_t id, TransferRow row);
  void DeleteTransfer(std::int64_t id);

  void OpenAccount();
  void Transfer();
  void CloseAccount();
  void ExchangeNames();
  void ExchangeCards();
  void ReuseTransfer();
  void Count();

  std::uint64_t seed_;
  std::size_t padding_;
  std::uint64_t number_ = 0;
  std::mt19937_64 random_;  // Of the transaction being made.
  std::map<std::int64_t, AccountRow> accounts_;
  std::map<std::int64_t, CardRow> cards_;
  std::map<std::int64_t, TransferRow> transfers_;
  std::map<std::string, std::int64_t> tallies_;
  std::vector<Step> steps_;  // Of the last transaction.
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_LEDGER_LEDGER_H_
