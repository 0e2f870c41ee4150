#include "kin/examples/packages/relations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace packages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Parsed {
  std::vector<std::string> relations;  // "name:qualifier sign version #alternative"
  std::vector<std::string> complaints;
};

Parsed Parse(absl::string_view text) {
  Parsed parsed;
  const auto relations =
      ParseRelations({"Depends", text, 10}, [&](int line, absl::string_view what) {
        parsed.complaints.push_back(absl::StrCat(line, ": ", what));
      });
  for (const Relation& relation : relations) {
    std::string shown(relation.name);
    if (!relation.qualifier.empty()) absl::StrAppend(&shown, ":", relation.qualifier);
    if (!relation.version.empty()) {
      absl::StrAppend(&shown, " ", RelationSign(relation.relation), " ", relation.version);
    }
    parsed.relations.push_back(absl::StrCat(shown, " #", relation.alternative));
  }
  return parsed;
}

TEST(ParseRelationsTest, ReadsNamesVersionsAndAlternatives) {
  const Parsed parsed = Parse("libc6 (>= 2.34), a|b (<<1:2~) | c , python3:any (= 3.11-1), g++");
  EXPECT_THAT(parsed.relations, ElementsAre("libc6 >= 2.34 #0", "a #0", "b << 1:2~ #1", "c #2",
                                            "python3:any = 3.11-1 #0", "g++ #0"));
  EXPECT_THAT(parsed.complaints, IsEmpty());
}

TEST(ParseRelationsTest, ReadsFoldedFieldsAndATrailingComma) {
  const Parsed parsed = Parse("\n a,\n b (>> 1),\n c(<= 2),\n d (< 3), e (> 4),");
  EXPECT_THAT(parsed.relations,
              ElementsAre("a #0", "b >> 1 #0", "c <= 2 #0", "d <= 3 #0", "e >= 4 #0"));
  EXPECT_THAT(parsed.complaints, IsEmpty());
}

TEST(ParseRelationsTest, AnEmptyFieldHasNone) {
  EXPECT_THAT(Parse("").relations, IsEmpty());
  EXPECT_THAT(Parse("").complaints, IsEmpty());
}

TEST(ParseRelationsTest, ReportsWhatIsMalformedAndKeepsTheRest) {
  const Parsed parsed =
      Parse("a,, b (1.0),\n c (>= x y) | d,\n -e, f (>= 1, g [amd64], h: , i (>= )");
  EXPECT_THAT(parsed.relations, ElementsAre("a #0", "d #0"));
  EXPECT_THAT(
      parsed.complaints,
      ElementsAre(
          "10: Depends: nothing between two separators in \"\"",
          "10: Depends: expected one of << <= = >= >> before the version in \"b (1.0)\"",
          "11: Depends: \"x y\" is not a version in \"c (>= x y)\"",
          "12: Depends: expected the name of a package in \"-e\"",
          "12: Depends: expected \"(\", a sign, a version and \")\" after the name in \"f (>= 1\"",
          "12: Depends: architecture and profile lists belong into source packages only in "
          "\"g [amd64]\"",
          "12: Depends: expected an architecture after \":\" in \"h:\"",
          "12: Depends: \"\" is not a version in \"i (>= )\""));
}

TEST(IsPackageNameTest, FollowsDpkg) {
  for (const char* name : {"a", "g++", "libc6", "0ad", "python3.11-x", "X11"}) {
    EXPECT_TRUE(IsPackageName(name)) << name;
  }
  for (const char* name : {"", "-a", "+b", "a b", "a(b", "ä", ".a"}) {
    EXPECT_FALSE(IsPackageName(name)) << name;
  }
}

}  // namespace
}  // namespace packages
