#include "kin/tests/persistence/ledger/ledger.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/persistence/ledger/ledger.kin.h"

namespace kin::testing {
namespace {

using ledger_test::Account;
using ledger_test::AccountRef;
using ledger_test::Card;
using ledger_test::CardRef;
using ledger_test::Tally;
using ledger_test::TallyRef;
using LedgerTransfer = ledger_test::Transfer;

constexpr std::uint64_t kFewestAccounts = 6;
constexpr std::uint64_t kMostAccounts = 20;
constexpr std::uint64_t kTransfersKept = 30;

std::string Text(const std::optional<std::int64_t>& value) {
  return value ? absl::StrCat(*value) : "absent";
}

std::string Describe(const std::string& what, std::int64_t there, std::int64_t expected) {
  return absl::StrCat(what, ": is ", there, ", expected ", expected);
}

}  // namespace

Schema Ledger::StoreSchema() { return Schema::Of<Account, Card, LedgerTransfer, Tally>(); }

std::int64_t Ledger::AnyAccount() {
  return std::next(accounts_.begin(), static_cast<std::ptrdiff_t>(Random(accounts_.size())))->first;
}

void Ledger::Put(std::int64_t id, AccountRow row) {
  steps_.push_back({Step::Kind::kPutAccount, id, "", row, {}, {}, 0});
  accounts_[id] = std::move(row);
}

void Ledger::Put(std::int64_t id, CardRow row) {
  steps_.push_back({Step::Kind::kPutCard, id, "", {}, row, {}, 0});
  cards_[id] = std::move(row);
}

void Ledger::Put(std::int64_t id, TransferRow row) {
  steps_.push_back({Step::Kind::kPutTransfer, id, "", {}, {}, row, 0});
  transfers_[id] = row;
}

void Ledger::DeleteTransfer(std::int64_t id) {
  steps_.push_back({Step::Kind::kDeleteTransfer, id, "", {}, {}, {}, 0});
  transfers_.erase(id);
}

void Ledger::OpenAccount() {
  // Keys of closed accounts are used again.
  std::int64_t id = 1 + static_cast<std::int64_t>(Random(2 * kMostAccounts));
  while (accounts_.count(id) != 0) ++id;
  Put(id, AccountRow{absl::StrCat("account", number_), 0});
  Put(id, CardRow{id, absl::StrCat("card", number_, std::string(padding_, '.'))});
}

void Ledger::Transfer() {
  const std::int64_t from = AnyAccount(), to = AnyAccount();
  const std::int64_t amount = 1 + static_cast<std::int64_t>(Random(1000));
  AccountRow row = accounts_[from];
  row.balance -= amount;
  Put(from, row);
  row = accounts_[to];
  row.balance += amount;
  Put(to, row);
  Put(static_cast<std::int64_t>(number_), TransferRow{from, to, amount});
  if (transfers_.size() > kTransfersKept) DeleteTransfer(transfers_.begin()->first);
}

// What is on it goes to another; its card goes; its transfers forget it.
void Ledger::CloseAccount() {
  const std::int64_t id = AnyAccount();
  std::int64_t heir = AnyAccount();
  if (heir == id) heir = accounts_.begin()->first;
  if (heir == id) heir = accounts_.rbegin()->first;
  AccountRow row = accounts_[heir];
  row.balance += accounts_[id].balance;
  Put(heir, row);
  if (auto card = cards_.find(id); card != cards_.end()) {
    if (Random(2) == 0) {
      steps_.push_back({Step::Kind::kDeleteCard, id, "", {}, {}, {}, 0});
      cards_.erase(card);
    } else {
      // Left behind; the delete empties its foreign key, if it is still this account's.
      card->second.label += "!";
      Put(id, CardRow(card->second));
    }
  }
  steps_.push_back({Step::Kind::kDeleteAccount, id, "", {}, {}, {}, 0});
  accounts_.erase(id);
  for (auto& [unused, card] : cards_) {
    if (card.account == id) card.account.reset();
  }
  for (auto& [unused, transfer] : transfers_) {
    if (transfer.from == id) transfer.from.reset();
    if (transfer.to == id) transfer.to.reset();
  }
}

void Ledger::ExchangeNames() {
  const std::int64_t a = AnyAccount(), b = AnyAccount();
  if (a == b) return;
  AccountRow row_a = accounts_[a], row_b = accounts_[b];
  const AccountRow between{absl::StrCat("between", number_), row_a.balance};
  std::swap(row_a.name, row_b.name);
  Put(a, between);
  Put(b, row_b);
  Put(a, row_a);
}

void Ledger::ExchangeCards() {
  if (cards_.size() < 2) return;
  auto any = [&] {
    return std::next(cards_.begin(), static_cast<std::ptrdiff_t>(Random(cards_.size())))->first;
  };
  const std::int64_t a = any(), b = any();
  if (a == b) return;
  const std::optional<std::int64_t> of_a = cards_[a].account, of_b = cards_[b].account;
  Put(a, CardRow{std::nullopt, cards_[a].label});
  Put(b, CardRow{of_a, cards_[b].label});
  Put(a, CardRow{of_b, cards_[a].label});
}

void Ledger::ReuseTransfer() {
  if (transfers_.empty()) return;
  const auto [id, old] = *transfers_.begin();
  DeleteTransfer(id);
  Put(id, TransferRow{old.to, old.from, old.amount + 1});
}

void Ledger::Count() {
  const std::string name = absl::StrCat("tally", Random(5));
  if (tallies_.count(name) != 0 && Random(4) == 0) {
    steps_.push_back({Step::Kind::kDeleteTally, 0, name, {}, {}, {}, 0});
    tallies_.erase(name);
    return;
  }
  steps_.push_back({Step::Kind::kPutTally, 0, name, {}, {}, {}, ++tallies_[name]});
}

void Ledger::Advance() {
  ++number_;
  steps_.clear();
  random_.seed(seed_ * 0x9e3779b97f4a7c15u + number_);
  // Never empty: an empty transaction would make no commit.
  steps_.push_back({Step::Kind::kPutTally, 0, "commits", {}, {}, {}, ++tallies_["commits"]});
  if (accounts_.size() < kFewestAccounts) return OpenAccount();
  switch (Random(10)) {
    case 0:
      return accounts_.size() < kMostAccounts ? OpenAccount() : CloseAccount();
    case 1:
      return CloseAccount();
    case 2:
      return ExchangeNames();
    case 3:
      return ExchangeCards();
    case 4:
      return ReuseTransfer();
    case 5:
      return Count();
    default:
      return Transfer();
  }
}

void Ledger::AdvanceTo(std::uint64_t number) {
  while (number_ < number) Advance();
}

absl::Status Ledger::Replay(Transaction& txn) const {
  for (const Step& step : steps_) {
    absl::Status status;
    switch (step.kind) {
      case Step::Kind::kPutAccount: {
        Account account;
        account.set_id(step.id);
        account.set_name(step.account.name);
        account.set_balance(step.account.balance);
        status = txn.Upsert(std::move(account)).status();
        break;
      }
      case Step::Kind::kPutCard: {
        Card card;
        card.set_id(step.id);
        if (step.card.account) card.set_account_id(*step.card.account);
        card.set_label(step.card.label);
        status = txn.Upsert(std::move(card)).status();
        break;
      }
      case Step::Kind::kPutTransfer: {
        LedgerTransfer transfer;
        transfer.set_id(step.id);
        if (step.transfer.from) transfer.set_from_id(*step.transfer.from);
        if (step.transfer.to) transfer.set_to_id(*step.transfer.to);
        transfer.set_amount(step.transfer.amount);
        status = txn.Upsert(std::move(transfer)).status();
        break;
      }
      case Step::Kind::kPutTally: {
        Tally tally;
        tally.set_name(step.key);
        tally.set_count(step.count);
        status = txn.Upsert(std::move(tally)).status();
        break;
      }
      case Step::Kind::kDeleteAccount:
        status = txn.Delete(txn.Find<Account>(step.id));
        break;
      case Step::Kind::kDeleteCard:
        status = txn.Delete(txn.Find<Card>(step.id));
        break;
      case Step::Kind::kDeleteTransfer:
        status = txn.Delete(txn.Find<LedgerTransfer>(step.id));
        break;
      case Step::Kind::kDeleteTally:
        status = txn.Delete(txn.Find<Tally>(step.key));
        break;
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::string Ledger::Difference(const Snapshot& snapshot) const {
  std::int64_t sum = 0;
  for (const auto& [id, row] : accounts_) {
    const AccountRef account = snapshot.Find<Account>(id);
    if (!account) return absl::StrCat("account ", id, ": is not there");
    sum += account->balance();
    if (account->name() != row.name) {
      return absl::StrCat("account ", id, ": is called ", account->name(), ", expected ", row.name);
    }
    if (account->balance() != row.balance) {
      return Describe(absl::StrCat("balance of account ", id), account->balance(), row.balance);
    }
  }
  for (const auto& [id, row] : cards_) {
    const CardRef card = snapshot.Find<Card>(id);
    if (!card) return absl::StrCat("card ", id, ": is not there");
    const std::optional<std::int64_t> account =
        card->has_account_id() ? std::optional(card->account_id()) : std::nullopt;
    if (account != row.account || card->label() != row.label) {
      return absl::StrCat("card ", id, ": is ", card->label(), " of ", Text(account), ", expected ",
                          row.label, " of ", Text(row.account));
    }
    if (account && snapshot.Find<Account>(*account).card() != card) {
      return absl::StrCat("card ", id, ": is not the card of account ", *account);
    }
  }
  for (const auto& [id, row] : transfers_) {
    const ledger_test::TransferRef transfer = snapshot.Find<LedgerTransfer>(id);
    if (!transfer) return absl::StrCat("transfer ", id, ": is not there");
    const bool from = row.from ? transfer->has_from_id() && transfer->from_id() == *row.from
                               : !transfer->has_from_id();
    const bool to =
        row.to ? transfer->has_to_id() && transfer->to_id() == *row.to : !transfer->has_to_id();
    if (!from || !to || transfer->amount() != row.amount) {
      return absl::StrCat("transfer ", id, ": is ", transfer->ShortDebugString(), ", expected ",
                          Text(row.from), " to ", Text(row.to), ", ", row.amount);
    }
  }
  for (const auto& [name, count] : tallies_) {
    const TallyRef tally = snapshot.Find<Tally>(name);
    if (!tally) return absl::StrCat("tally ", name, ": is not there");
    if (tally->count() != count) return Describe(name, tally->count(), count);
  }
  if (sum != 0) return Describe("the sum of all balances", sum, 0);
  auto counts = [&](std::int64_t there, std::size_t expected, const char* what) {
    return there == static_cast<std::int64_t>(expected)
               ? ""
               : Describe(absl::StrCat("number of ", what), there,
                          static_cast<std::int64_t>(expected));
  };
  std::string difference = counts(snapshot.Count<Account>(), accounts_.size(), "accounts");
  difference += counts(snapshot.Count<Card>(), cards_.size(), "cards");
  difference += counts(snapshot.Count<LedgerTransfer>(), transfers_.size(), "transfers");
  difference += counts(snapshot.Count<Tally>(), tallies_.size(), "tallies");
  return difference;
}

}  // namespace kin::testing
