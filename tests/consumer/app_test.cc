#include <gtest/gtest.h>

#include "accounts.kin.h"
#include "kin/store/store.h"
#include "models/groups.kin.h"

namespace {

TEST(ConsumerTest, HasTheMessagesOfItsModels) {
  accounts::User user;
  user.set_age(0);
  EXPECT_TRUE(user.has_age());
  accounts::Group group;
  group.mutable_founded()->set_seconds(1);
  EXPECT_EQ(group.founded().seconds(), 1);
}

}  // namespace
