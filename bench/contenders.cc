#include "kin/bench/contenders.h"

#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/time/clock.h"
#include "kin/store/internal/memory.h"

namespace kin::bench {
namespace {

// A benchmark without its data is of no use.
void Check(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "bench: %s\n", what);
  std::abort();
}

Node NodeOf(const Record& record) {
  Node node;
  node.set_id(record.id);
  node.set_next_id(record.next_id);
  node.set_value(record.value);
  return node;
}

}  // namespace

KinStore::KinStore(const Dataset& data, Pages pages) {
  internal::SetHugePages(pages == Pages::kHuge);
  absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(Schema::Of<Node>());
  Check(store.ok(), "the store did not open");
  store_ = *std::move(store);
  // One transaction: only the whole cycle has all parents.
  const absl::StatusOr<CommitNumber> commit = store_->Write([&](Transaction& txn) -> absl::Status {
    for (const Record& record : data.records) {
      if (auto node = txn.Insert(NodeOf(record)); !node.ok()) return node.status();
    }
    return absl::OkStatus();
  });
  Check(commit.ok(), "the records were not inserted");
  internal::SetHugePages(true);
}

void KinStore::WaitForReclamation() const {
  while (store_->stats().retired > 0) absl::SleepFor(absl::Milliseconds(1));
}

void KinStore::Change(std::int64_t id) {
  const absl::StatusOr<CommitNumber> commit = store_->Write([id](Transaction& txn) {
    return txn
        .Update(txn.Find<Node>(id), [](Node& node) { node.set_revision(node.revision() + 1); })
        .status();
  });
  Check(commit.ok(), "a record was not updated");
}

HeapNodes::HeapNodes(const Dataset& data) {
  nodes_.reserve(data.records.size());
  for (const Record& record : data.records)
    nodes_.push_back(std::make_unique<Node>(NodeOf(record)));
}

Flat::Flat(const Dataset& data, Pages /*pages*/) : heap_(data) {
  for (const auto& node : heap_.nodes()) {
    by_id_.emplace(node->id(), node.get());
    by_next_id_.emplace(node->next_id(), node.get());
  }
}

void Flat::Change(std::int64_t id) {
  Node* node = const_cast<Node*>(by_id_.find(id)->second);
  node->set_revision(node->revision() + 1);
}

Sqlite::Sqlite(const Dataset& data, Pages /*pages*/) {
  Check(sqlite3_open(":memory:", &database_) == SQLITE_OK, "SQLite did not open");
  Execute(
      "CREATE TABLE nodes (id INTEGER PRIMARY KEY, next_id INTEGER NOT NULL UNIQUE,"
      " value INTEGER NOT NULL) STRICT");
  Execute("BEGIN");
  sqlite3_stmt* insert = Prepare("INSERT INTO nodes VALUES (?, ?, ?)");
  for (const Record& record : data.records) {
    sqlite3_bind_int64(insert, 1, record.id);
    sqlite3_bind_int64(insert, 2, record.next_id);
    sqlite3_bind_int64(insert, 3, record.value);
    Check(sqlite3_step(insert) == SQLITE_DONE, "SQLite did not insert");
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  Execute("COMMIT");
  find_ = Prepare("SELECT id, next_id, value FROM nodes WHERE id = ?");
  find_previous_ = Prepare("SELECT id, next_id, value FROM nodes WHERE next_id = ?");
}

Sqlite::~Sqlite() {
  sqlite3_finalize(find_);
  sqlite3_finalize(find_previous_);
  sqlite3_close(database_);
}

void Sqlite::Execute(const char* sql) {
  Check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK, sql);
}

sqlite3_stmt* Sqlite::Prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  Check(sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) ==
            SQLITE_OK,
        sql);
  return statement;
}

Record Sqlite::Request::Run(sqlite3_stmt* statement, std::int64_t key) {
  sqlite3_bind_int64(statement, 1, key);
  Record record{};
  if (sqlite3_step(statement) == SQLITE_ROW) {
    record = {sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
              sqlite3_column_int64(statement, 2)};
  }
  sqlite3_reset(statement);
  return record;
}

}  // namespace kin::bench
