#include "kin/examples/packages/debian_version.h"

#include <gtest/gtest.h>

#include <string>

namespace packages {
namespace {

struct Fact {
  const char* earlier;
  const char* later;
};

// Each is what `dpkg --compare-versions EARLIER lt LATER` of dpkg 1.21.22 confirms.
constexpr Fact kEarlier[] = {
    {"1.0", "1.1"},
    {"1.9", "1.10"},
    {"9", "10"},
    {"1.0~rc1", "1.0"},
    {"1.0~rc1", "1.0~rc2"},
    {"1.0~~", "1.0~"},
    {"1.0~~a", "1.0~"},
    {"1.0~", "1.0"},
    {"1.0", "1.0a"},
    {"1.0a", "1.0b"},
    {"1.0a", "1.0+"},
    {"1.0+dfsg", "1.0.1"},
    {"1.0+b1", "1.0.b1"},
    {"1.0-1", "1.0-2"},
    {"1.0-1", "1.0-1+b1"},
    {"1.0-1~bpo12+1", "1.0-1"},
    {"1.0-1", "1.0-1.1"},
    {"1.0-9", "1.0-10"},
    {"1.0", "1.0-1"},
    {"1.0-1", "1.0.1-1"},
    {"1.0-1", "1.0-1-1"},
    {"2.0", "1:1.0"},
    {"1:1.0", "2:0.1"},
    {"9:1", "10:1"},
    {"1.0Z", "1.0a"},
    {"1.2.3", "1.2.3.0"},
    {"2.36-9+deb12u10", "2.36-9+deb12u13"},
    {"5.15.8+dfsg-11+deb12u2", "5.15.8+dfsg-11+deb12u3"},
    {"20220623.0-1", "20220623.1-1+deb12u2"},
    {"99999999999999999999", "100000000000000000000"},
    {"0.0~git20200101", "0.0+git20190101"},
    {"1.0~", "1.0-1"},
    {"a", "a1"},
};

// Each is what `dpkg --compare-versions A eq B` confirms.
constexpr Fact kEqual[] = {
    {"1.0", "1.0"},  {"0:1.0", "1.0"},    {"1.0-0", "1.0"}, {"1.00", "1.0"},
    {"1.01", "1.1"}, {"1.0-01", "1.0-1"}, {"00:1", "0:1"},  {"1a0", "1a"},
};

int Sign(int order) { return (order > 0) - (order < 0); }

TEST(CompareVersionsTest, AgreesWithDpkgOnWhatIsEarlier) {
  for (const Fact& fact : kEarlier) {
    EXPECT_EQ(Sign(CompareVersions(fact.earlier, fact.later)), -1)
        << fact.earlier << " lt " << fact.later;
    EXPECT_EQ(Sign(CompareVersions(fact.later, fact.earlier)), 1)
        << fact.later << " gt " << fact.earlier;
  }
}

TEST(CompareVersionsTest, AgreesWithDpkgOnWhatIsTheSame) {
  for (const Fact& fact : kEqual) {
    EXPECT_EQ(CompareVersions(fact.earlier, fact.later), 0) << fact.earlier << " eq " << fact.later;
    EXPECT_EQ(CompareVersions(fact.later, fact.earlier), 0) << fact.later << " eq " << fact.earlier;
  }
}

TEST(IsVersionTest, TakesWhatDpkgTakes) {
  for (const char* version : {"1", "1.0-1", "1:2.3~rc1+dfsg-4.5", "0~", "2024a-0+deb12u1"}) {
    EXPECT_TRUE(IsVersion(version)) << version;
  }
  for (const char* version : {"", ":1", "a:1", "1:", "1 2", "1.0)", "1/2", "ü"}) {
    EXPECT_FALSE(IsVersion(version)) << version;
  }
}

}  // namespace
}  // namespace packages
