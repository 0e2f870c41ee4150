#include <iostream>
#include <memory>
#include <string>

#include "accounts.kin.h"                      // generated
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
using namespace accounts;

void Use(const std::string& text, const std::string& more = "") {
  std::cout << text << " " << more << "\n";
}

int main() {
  absl::StatusOr<std::unique_ptr<kin::Store>> store =
      kin::Store::Open(kin::Schema::Of<User, UserInfo, Post, Group, Membership>(),
                       {.persistence = kin::Sqlite("accounts.db")});      // none: memory only
  if (!store.ok()) {
    std::cerr << store.status() << "\n";
    return 1;
  }

  // Writing: one transaction at a time, all or nothing.
  absl::StatusOr<kin::CommitNumber> commit = (*store)->Write([&](kin::Transaction& txn) -> absl::Status {
    User u; u.set_email("ada@example.com");
    absl::StatusOr<UserRef> ada = txn.Insert(std::move(u));               // id allocated
    if (!ada.ok()) return ada.status();
    UserInfo info; info.set_infos("countess");
    return txn.Set(*ada, UserModel::user_info, std::move(info)).status(); // has_one: foreign key filled in
  });
  // Run a second time it says that the e-mail address is taken; nothing has changed then.
  if (!commit.ok()) std::cerr << commit.status() << "\n";

  // Reading: a consistent view, no locks, valid until destroyed.
  kin::Snapshot snapshot = (*store)->GetSnapshot();
  UserRef ada = snapshot.Find<User>(1);                                   // empty if there is none
  if (ada && ada.user_info()) Use(ada->email(), ada.user_info()->infos()); // -> fields, . associations
  for (PostRef post : ada.posts()) Use(post.author()->email());
}
