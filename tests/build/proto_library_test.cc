// What kin_proto_library makes of proto_library targets of every kind, linked into one program.
// That the program starts is half of the test: protobuf aborts when a file is registered twice.
#include <gtest/gtest.h>

#include "google/protobuf/descriptor.h"
#include "kin/options.pb.h"
#include "kin/store/store.h"
#include "renamed/prefixed.kin.h"
#include "tests/build/first.kin.h"
#include "tests/build/other/generated.kin.h"
#include "tests/build/second.kin.h"
#include "tests/build/third.kin.h"

namespace kin::build_test {
namespace {

TEST(ProtoLibraryTest, SharesWhatSeveralImport) {
  First first;
  first.mutable_shared()->mutable_value()->set_value(1);
  Third third;
  *third.mutable_shared() = first.shared();
  Generated generated;
  *generated.mutable_shared() = third.shared();
  EXPECT_EQ(generated.shared().value().value(), 1);
}

TEST(ProtoLibraryTest, TakesSeveralSourcesAndBothSyntaxes) {
  Second second;
  EXPECT_FALSE(second.IsInitialized());
  second.set_id(1);
  second.set_third_id(0);
  EXPECT_TRUE(second.IsInitialized());
}

TEST(ProtoLibraryTest, KeepsTheNameAnImportPrefixGives) {
  EXPECT_EQ(Prefixed::descriptor()->file()->name(), "renamed/prefixed.proto");
}

TEST(ProtoLibraryTest, CompilesOptionsIn) {
  EXPECT_TRUE(First::descriptor()->options().HasExtension(kin::model));
  EXPECT_FALSE(Shared::descriptor()->options().HasExtension(kin::model));
}

}  // namespace
}  // namespace kin::build_test
