#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "examples/packages/packages.kin.h"
#include "kin/examples/packages/answers.h"
#include "kin/examples/packages/input.h"
#include "kin/examples/packages/load.h"
#include "kin/examples/packages/sample.h"
#include "kin/store/store.h"

namespace packages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A store in memory, and lists given as text.
class GraphTest : public ::testing::Test {
 protected:
  GraphTest() {
    auto store = kin::Store::Open(kin::Schema::Of<PackageName, Package, PackageInfo, Maintainer,
                                                  Source, Dependency, Provides, PackageList>(),
                                  {});
    EXPECT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  ~GraphTest() override { EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()); }

  LoadCounts Load(const std::vector<SampleList>& lists) {
    ListLoader loader(
        store_.get(), [this](const std::string& complaint) { complaints_.push_back(complaint); },
        [](absl::string_view, const LoadCounts&) {});
    for (const SampleList& list : lists) {
      EXPECT_EQ(loader.Load(list.name, 0, Input::FromText(list.text).get()), absl::OkStatus());
    }
    EXPECT_EQ(loader.Finish(), absl::OkStatus());
    return loader.counts();
  }

  LoadCounts LoadSample() { return Load({std::begin(kSampleLists), std::end(kSampleLists)}); }

  std::string Rdepends(absl::string_view text) {
    const kin::Snapshot snapshot = store_->GetSnapshot();
    const QualifiedName name = ParseName(text);
    const PackageNameRef found = snapshot.FindBy(PackageNameModel::name, name.name);
    if (!found) return "(unknown)";
    return absl::StrJoin(
        DependantsOf(found, name.qualifier).dependants, " ",
        [](std::string* out, const Dependant& dependant) { absl::StrAppend(out, dependant.name); });
  }

  std::unique_ptr<kin::Store> store_;
  std::vector<std::string> complaints_;
};

// testdata/rdepends.txt, written by record_rdepends.sh: what apt-cache answered on the same lists.
TEST_F(GraphTest, RdependsAgreesWithAptCache) {
  LoadSample();
  std::ifstream recorded("tests/examples/packages/testdata/rdepends.txt");
  int names = 0;
  for (std::string line; std::getline(recorded, line); ++names) {
    const std::vector<std::string> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    EXPECT_EQ(Rdepends(parts[0]), absl::StripAsciiWhitespace(parts[1])) << parts[0];
  }
  EXPECT_EQ(names, 20);
  EXPECT_THAT(complaints_, IsEmpty());
}

TEST_F(GraphTest, NamesWithoutPackagesHaveDependantsToo) {
  LoadSample();
  EXPECT_EQ(Rdepends("mail-transport-agent"), "bsd-mailx mailman3");
  EXPECT_EQ(Rdepends("gone-from-the-archive"), "tool-with-self");
  EXPECT_EQ(Rdepends("python3:any"), "lsb-release mailman3 nodeenv python3-apt");
  EXPECT_EQ(Rdepends("gcc:amd64"), "crossbuild-essential-amd64");
  EXPECT_EQ(Rdepends("no-such-name"), "(unknown)");
}

TEST_F(GraphTest, RelationsReadAsTheyWereWritten) {
  LoadSample();
  const kin::Snapshot snapshot = store_->GetSnapshot();
  const PackageRef package = Versions(snapshot.FindBy(PackageNameModel::name, "mailman3")).front();
  EXPECT_EQ(RelationField(package, Dependency::DEPENDS),
            "<default-mta> | postfix | <mail-transport-agent>, python3:any, <lsb-base> (>= 3.0-6)");
  EXPECT_EQ(RelationField(package, Dependency::SUGGESTS), "");
  const PackageRef gcc = Versions(snapshot.FindBy(PackageNameModel::name, "gcc")).front();
  EXPECT_EQ(ProvidesField(gcc), "c-compiler, gcc-x86-64-linux-gnu (= 4:12.2.0-3)");
  EXPECT_EQ(gcc->source_version(), "1.203");
}

TEST_F(GraphTest, VersionsAreInDebiansOrder) {
  LoadSample();
  const kin::Snapshot snapshot = store_->GetSnapshot();
  const auto versions = Versions(snapshot.FindBy(PackageNameModel::name, "moving"));
  ASSERT_EQ(versions.size(), 2u);
  EXPECT_EQ(versions[0]->version(), "1.10-1");
  EXPECT_EQ(versions[1]->version(), "1.9-1");
}

TEST_F(GraphTest, FindsMaintainersByAnyPartOfTheirAddress) {
  LoadSample();
  const kin::Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(FindMaintainers(snapshot, "packages@qa.debian.org").size(), 2u);
  EXPECT_EQ(FindMaintainers(snapshot, "matthias klose").size(), 1u);
  EXPECT_EQ(FindMaintainers(snapshot, "Matthias Klose <doko@debian.org>").size(), 1u);
  EXPECT_EQ(FindMaintainers(snapshot, "QA Group").size(), 2u);
  EXPECT_EQ(FindMaintainers(snapshot, "Debian QA Group").size(), 1u);
  EXPECT_THAT(FindMaintainers(snapshot, "nobody"), IsEmpty());
}

TEST_F(GraphTest, LoadingTheSameAgainChangesNothing) {
  EXPECT_EQ(LoadSample().added, 22);
  const kin::Snapshot before = store_->GetSnapshot();
  const LoadCounts counts = LoadSample();
  EXPECT_EQ(counts.added, 0);
  EXPECT_EQ(counts.changed, 0);
  EXPECT_EQ(counts.unchanged, 22);
  EXPECT_EQ(counts.repeated, 1);
  EXPECT_EQ(counts.removed, 0);
  const kin::Snapshot after = store_->GetSnapshot();
  EXPECT_EQ(after.Count<Dependency>(), before.Count<Dependency>());
  // The same versions, not merely equal ones.
  for (PackageRef package : before.All<Package>()) {
    EXPECT_EQ(after.Find<Package>(package->id()).get(), package.get());
  }
}

TEST_F(GraphTest, LoadingOtherListsRemovesWhatTheyDoNotContain) {
  LoadSample();
  const LoadCounts counts = Load({kSampleLists[1]});
  EXPECT_EQ(counts.unchanged, 3);
  EXPECT_EQ(counts.removed, 19);
  const kin::Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<Package>(), 3u);
  EXPECT_EQ(snapshot.Count<PackageInfo>(), 3u);
  EXPECT_EQ(snapshot.Count<Provides>(), 0u);
  EXPECT_EQ(snapshot.Count<Maintainer>(), 3u);
  EXPECT_EQ(snapshot.Count<Source>(), 3u);
  EXPECT_FALSE(snapshot.FindBy(PackageNameModel::name, "postfix"));
  const PackageNameRef python = snapshot.FindBy(PackageNameModel::name, "python3");
  ASSERT_TRUE(python);  // Still asked for.
  EXPECT_TRUE(python.packages().empty());
}

TEST_F(GraphTest, FewerRelationsThanBeforeLeaveNoneBehind) {
  Load({{"a", "Package: a\nVersion: 1\nArchitecture: all\nDepends: b, c | d\nProvides: x, y\n"}});
  EXPECT_EQ(
      Load({{"a", "Package: a\nVersion: 1\nArchitecture: all\nDepends: b\nProvides: y\n"}}).changed,
      1);
  const kin::Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(snapshot.Count<Dependency>(), 1u);
  EXPECT_EQ(snapshot.Count<Provides>(), 1u);
  EXPECT_FALSE(snapshot.FindBy(PackageNameModel::name, "c"));
  EXPECT_TRUE(snapshot.FindBy(PackageNameModel::name, "y"));
}

TEST_F(GraphTest, AVersionThatTwoListsDescribeDifferentlyIsReported) {
  const LoadCounts counts =
      Load({{"a", "Package: p\nVersion: 1\nArchitecture: all\nDepends: b\n"},
            {"b", "\nPackage: p\nVersion: 1\nArchitecture: all\nDepends: c\n"}});
  EXPECT_EQ(counts.added, 1);
  EXPECT_EQ(counts.complaints, 1);
  EXPECT_THAT(complaints_,
              ElementsAre("b:2: p 1 (all) stands earlier with other facts; those are kept"));
  EXPECT_EQ(Rdepends("b"), "p");
}

TEST_F(GraphTest, CountsNamesByWhatTheyAre) {
  LoadSample();
  const ArchiveStats stats = StatsOf(store_->GetSnapshot());
  EXPECT_EQ(stats.real_names, 20);
  EXPECT_EQ(stats.virtual_names, 9);
  EXPECT_EQ(stats.most_needed.front().second, "libc6");
  EXPECT_EQ(stats.most_needed.front().first, 10);  // libc6:amd64 included.
}

}  // namespace
}  // namespace packages
