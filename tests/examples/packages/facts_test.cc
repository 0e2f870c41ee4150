#include "kin/examples/packages/facts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/examples/packages/input.h"

namespace packages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FactsTest : public ::testing::Test {
 protected:
  // The facts of the one paragraph in `text`.
  std::optional<Facts> Read(absl::string_view text) {
    const Complain complain = [this](int line, absl::string_view what) {
      complaints_.push_back(absl::StrCat(line, ": ", what));
    };
    const auto input = Input::FromText(text);
    LineReader lines(input.get());
    ControlReader reader(&lines, complain);
    Paragraph paragraph;
    EXPECT_TRUE(*reader.Next(&paragraph));
    return ReadFacts(paragraph, complain);
  }

  std::vector<std::string> complaints_;
};

TEST_F(FactsTest, ReadsAWholeParagraph) {
  const auto facts = Read(
      "Package: python3-apt\n"
      "Source: python-apt (2.6.0)\n"
      "Version: 2.6.0+b1\n"
      "Architecture: amd64\n"
      "Maintainer: APT Development Team <deity@lists.debian.org>\n"
      "Installed-Size: 692\n"
      "Pre-Depends: dpkg (>= 1.15)\n"
      "Depends: libc6 (>= 2.32) | libc6.1, python3:any\n"
      "Breaks: apt-listchanges (<< 2)\n"
      "Provides: python-apt-api (= 2), python3.11-apt\n"
      "Section: python\n"
      "Priority: optional\n"
      "Essential: no\n"
      "Multi-Arch: same\n"
      "Homepage: https://apt.example/\n"
      "Description: Python 3 interface to libapt-pkg\n"
      " Longer text.\n"
      "Size: 172000\n");
  ASSERT_TRUE(facts);
  EXPECT_THAT(complaints_, IsEmpty());
  EXPECT_EQ(facts->name, "python3-apt");
  EXPECT_EQ(facts->source, "python-apt");
  EXPECT_EQ(facts->package.source_version(), "2.6.0");
  EXPECT_EQ(facts->package.version(), "2.6.0+b1");
  EXPECT_EQ(facts->package.architecture(), "amd64");
  EXPECT_EQ(facts->maintainer->name(), "APT Development Team");
  EXPECT_EQ(facts->maintainer->email(), "deity@lists.debian.org");
  EXPECT_EQ(facts->info.section(), "python");
  EXPECT_EQ(facts->info.priority(), "optional");
  EXPECT_EQ(facts->info.homepage(), "https://apt.example/");
  EXPECT_EQ(facts->info.description(), "Python 3 interface to libapt-pkg");
  EXPECT_EQ(facts->info.installed_size(), 692);
  EXPECT_EQ(facts->info.download_size(), 172000);
  EXPECT_EQ(facts->info.multi_arch(), "same");
  EXPECT_TRUE(facts->info.has_essential());
  EXPECT_FALSE(facts->info.essential());

  ASSERT_EQ(facts->dependencies.size(), 5u);
  std::vector<std::string> names;
  for (int i = 0; i < 5; ++i) {
    names.push_back(facts->dependencies[i].name);
    EXPECT_EQ(facts->dependencies[i].record.position(), i);
  }
  EXPECT_THAT(names, ElementsAre("dpkg", "libc6", "libc6.1", "python3", "apt-listchanges"));
  EXPECT_EQ(facts->dependencies[0].record.kind(), Dependency::PRE_DEPENDS);
  EXPECT_EQ(facts->dependencies[2].record.alternative(), 1);
  EXPECT_EQ(facts->dependencies[3].record.qualifier(), "any");
  EXPECT_EQ(facts->dependencies[4].record.relation(), Dependency::EARLIER);
  ASSERT_EQ(facts->provides.size(), 2u);
  EXPECT_EQ(facts->provides[0].record.version(), "2");
  EXPECT_FALSE(facts->provides[1].record.has_version());
}

TEST_F(FactsTest, WhatTheListDoesNotSayIsAbsent) {
  const auto facts = Read("Package: a\nVersion: 1\nArchitecture: all\n");
  ASSERT_TRUE(facts);
  EXPECT_THAT(complaints_, IsEmpty());
  EXPECT_FALSE(facts->maintainer);
  EXPECT_EQ(facts->source, "a");
  EXPECT_FALSE(facts->package.has_source_version());
  EXPECT_EQ(facts->info.ByteSizeLong(), 0u);
}

TEST_F(FactsTest, ParagraphsThatNameNoPackageAreReportedAndLeftOut) {
  EXPECT_FALSE(Read("Version: 1\nArchitecture: all\n"));
  EXPECT_FALSE(Read("Package: a b\nVersion: 1\nArchitecture: all\n"));
  EXPECT_FALSE(Read("Package: a\nVersion: 1 2\n"));
  EXPECT_THAT(complaints_,
              ElementsAre("1: the paragraph has no field Package and is left out",
                          "1: Package: \"a b\" is not valid; the paragraph is left out",
                          "2: Version: \"1 2\" is not valid; the paragraph is left out",
                          "1: the paragraph has no field Architecture and is left out"));
}

TEST_F(FactsTest, OtherMistakesCostOnlyWhatIsMistaken) {
  const auto facts = Read(
      "Package: a\nVersion: 1\nArchitecture: all\nInstalled-Size: big\nSource: (x)\n"
      "Provides: b | c, d (>= 1), e\nMaintainer: nobody\n");
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->info.has_installed_size());
  EXPECT_EQ(facts->source, "a");
  EXPECT_EQ(facts->maintainer->name(), "nobody");
  EXPECT_EQ(facts->maintainer->email(), "");
  ASSERT_EQ(facts->provides.size(), 2u);
  EXPECT_EQ(facts->provides[1].name, "e");
  EXPECT_EQ(facts->provides[1].record.position(), 1);
  EXPECT_THAT(complaints_,
              ElementsAre("5: Source: expected \"name\" or \"name (version)\", found \"(x)\"",
                          "4: Installed-Size: \"big\" is not a number",
                          "6: Provides: c is provided as an alternative, or other than by \"=\"",
                          "6: Provides: d is provided as an alternative, or other than by \"=\""));
}

}  // namespace
}  // namespace packages
