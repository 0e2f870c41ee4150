// A program of somebody else's, from the first line to the database.
//
//   bazel run //:app -- DATABASE
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "accounts.kin.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
#include "models/groups.kin.h"

namespace {

absl::Status AddOneMore(kin::Transaction& txn) {
  accounts::GroupRef engineers;
  for (accounts::GroupRef group : txn.All<accounts::Group>()) engineers = group;
  if (!engineers) {
    accounts::Group group;
    group.set_name("engineers");
    absl::StatusOr<accounts::GroupRef> added = txn.Insert(std::move(group));
    if (!added.ok()) return added.status();
    engineers = *added;
  }
  accounts::User user;
  user.set_email("engineer" + std::to_string(txn.Count<accounts::User>()) + "@example.com");
  user.set_group_id(engineers->id());
  return txn.Insert(std::move(user)).status();
}

int Run(const char* database) {
  absl::StatusOr<std::unique_ptr<kin::Store>> store = kin::Store::Open(
      kin::Schema::Of<accounts::User, accounts::Group>(), {.persistence = kin::Sqlite(database)});
  if (!store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }
  absl::StatusOr<kin::CommitNumber> commit =
      (*store)->Write(AddOneMore, {.durability = kin::Durability::kWritten});
  if (!commit.ok()) {
    std::cerr << commit.status() << "\n";
    return 1;
  }
  {
    kin::Snapshot snapshot = (*store)->GetSnapshot();
    for (accounts::UserRef user : snapshot.All<accounts::User>()) {
      std::cout << user->email() << " of " << user.group()->name() << "\n";
    }
  }
  if (absl::Status status = (*store)->Close(); !status.ok()) {
    std::cerr << status << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: app DATABASE\n";
    return 2;
  }
  return Run(argv[1]);
}
