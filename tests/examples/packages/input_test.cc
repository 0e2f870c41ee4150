#include "kin/examples/packages/input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace packages {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Path(absl::string_view name) { return absl::StrCat(::testing::TempDir(), "/", name); }

std::string WriteFile(absl::string_view name, absl::string_view content) {
  const std::string path = Path(name);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

bool Succeeds(const std::string& command) { return std::system(command.c_str()) == 0; }

// All lines of a file and what Finish says.
absl::Status ReadLines(const std::string& path, std::vector<std::string>* lines) {
  lines->clear();
  auto input = Input::Open(path);
  if (!input.ok()) return input.status();
  LineReader reader(input->get());
  absl::string_view line;
  while (true) {
    const auto more = reader.Next(&line);
    if (!more.ok()) return more.status();
    if (!*more) return (*input)->Finish();
    lines->push_back(std::string(line));
  }
}

TEST(InputTest, ReadsPlainFiles) {
  std::vector<std::string> lines;
  EXPECT_TRUE(ReadLines(WriteFile("plain", "a\n\nb"), &lines).ok());
  EXPECT_THAT(lines, ElementsAre("a", "", "b"));
  EXPECT_TRUE(ReadLines(WriteFile("empty", ""), &lines).ok());
  EXPECT_THAT(lines, ElementsAre());
}

TEST(InputTest, ReadsWhatIsCompressedWhateverItsName) {
  const std::string plain = WriteFile("list", "one\ntwo\n");
  for (const std::string program : {"gzip", "xz", "lz4", "zstd", "bzip2"}) {
    if (!Succeeds(absl::StrCat("command -v ", program, " > /dev/null"))) continue;
    for (const std::string suffix : {"", ".gz", ".xz", ".lz4", ".zst", ".bz2"}) {
      const std::string packed = Path(absl::StrCat("packed_", program, suffix));
      ASSERT_TRUE(Succeeds(absl::StrCat(program, " -c < ", plain, " > ", packed)));
      std::vector<std::string> lines;
      const absl::Status status = ReadLines(packed, &lines);
      // apt-helper goes by the name. Where that lies, the program that fits is run.
      EXPECT_TRUE(status.ok()) << packed << ": " << status;
      EXPECT_THAT(lines, ElementsAre("one", "two")) << packed;
    }
  }
}

TEST(InputTest, ReportsACompressedFileThatIsCutShort) {
  std::string text;
  for (int i = 0; i < 100000; ++i) absl::StrAppend(&text, i * 7919 % 100003, "\n");
  const std::string plain = WriteFile("long", text);
  ASSERT_TRUE(Succeeds(absl::StrCat("gzip -c < ", plain, " | head -c 20000 > ", Path("cut_gzip"))));
  std::vector<std::string> lines;
  const absl::Status status = ReadLines(Path("cut_gzip"), &lines);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cut_gzip could not be read whole"));
}

TEST(InputTest, SaysWhyAFileCannotBeRead) {
  EXPECT_EQ(Input::Open(Path("missing")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Input::Open(::testing::TempDir()).status().code(), absl::StatusCode::kInvalidArgument);
  const std::string binary = WriteFile("binary", absl::string_view("\x7f"
                                                                   "ELF\0\0",
                                                                   6));
  EXPECT_EQ(Input::Open(binary).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(FindPackageListsTest, FindsEachListOnce) {
  const std::string directory = Path("lists");
  ASSERT_TRUE(
      Succeeds(absl::StrCat("mkdir -p ", directory, "/partial && cd ", directory,
                            " && touch a_Packages b_Packages.lz4 b_Packages.gz c_Packages.xz "
                            "c_Packages d_Sources e_Packages.diff_Index InRelease lock")));
  EXPECT_THAT(FindPackageLists(directory),
              ElementsAre(directory + "/a_Packages", directory + "/b_Packages.gz",
                          directory + "/c_Packages"));
  EXPECT_THAT(FindPackageLists(Path("nowhere")), ElementsAre());
}

}  // namespace
}  // namespace packages
