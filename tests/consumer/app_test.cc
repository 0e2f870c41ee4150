#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "accounts.kin.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"
#include "models/groups.kin.h"

namespace {

using accounts::Group;
using accounts::User;
using accounts::UserModel;

std::unique_ptr<kin::Store> Open(const std::string& path) {
  auto store = kin::Store::Open(kin::Schema::Of<User, Group>(), {.persistence = kin::Sqlite(path)});
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? std::move(*store) : nullptr;
}

TEST(ConsumerTest, HasTheMessagesOfItsModels) {
  User user;
  user.set_age(0);
  EXPECT_TRUE(user.has_age());
  Group group;
  group.mutable_founded()->set_seconds(1);
  EXPECT_EQ(group.founded().seconds(), 1);
}

TEST(ConsumerTest, WhatWasWrittenIsThereAfterReopening) {
  const std::string path = testing::TempDir() + "/consumer.db";
  {
    std::unique_ptr<kin::Store> store = Open(path);
    ASSERT_NE(store, nullptr);
    auto commit = store->Write([](kin::Transaction& txn) -> absl::Status {
      Group group;
      group.set_name("engineers");
      group.mutable_founded()->set_seconds(7);
      auto engineers = txn.Insert(std::move(group));
      if (!engineers.ok()) return engineers.status();
      User ada;
      ada.set_email("ada@example.com");
      ada.set_group_id((*engineers)->id());
      return txn.Insert(std::move(ada)).status();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
    ASSERT_EQ(store->Close(), absl::OkStatus());
  }
  std::unique_ptr<kin::Store> store = Open(path);
  ASSERT_NE(store, nullptr);
  kin::Snapshot snapshot = store->GetSnapshot();
  EXPECT_EQ(snapshot.commit(), 1u);
  accounts::UserRef ada = snapshot.FindBy(UserModel::email, "ada@example.com");
  ASSERT_TRUE(ada);
  ASSERT_TRUE(ada.group());
  EXPECT_EQ(ada.group()->name(), "engineers");
  EXPECT_EQ(ada.group()->founded().seconds(), 7);
}

}  // namespace
