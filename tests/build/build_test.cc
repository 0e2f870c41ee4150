#include <gtest/gtest.h>

#include "kin/store/store.h"
#include "tests/build/first.kin.h"

namespace {

TEST(BuildTest, GeneratesMessages) {
  kin::build_test::First first;
  first.set_id(7);
  first.mutable_at()->set_seconds(1);
  EXPECT_EQ(first.id(), 7);
}

}  // namespace
