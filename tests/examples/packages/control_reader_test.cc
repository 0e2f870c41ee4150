#include "kin/examples/packages/control_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/examples/packages/input.h"

namespace packages {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// All that a reader makes of a text: "name=value@line", paragraphs begun by "--@line".
struct Reading {
  std::vector<std::string> fields;
  std::vector<std::string> complaints;
};

Reading Read(absl::string_view text) {
  Reading reading;
  const auto input = Input::FromText(text);
  LineReader lines(input.get());
  ControlReader reader(&lines, [&](int line, absl::string_view what) {
    reading.complaints.push_back(absl::StrCat(line, ": ", what));
  });
  Paragraph paragraph;
  while (true) {
    const auto more = reader.Next(&paragraph);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return reading;
    reading.fields.push_back(absl::StrCat("--@", paragraph.line()));
    for (const ControlField& field : paragraph.fields()) {
      reading.fields.push_back(absl::StrCat(field.name, "=", field.value, "@", field.line));
    }
  }
}

TEST(ControlReaderTest, ReadsFieldsOfParagraphs) {
  const Reading reading = Read("Package: a\nVersion:1\n\nPackage:   b  \n");
  EXPECT_THAT(reading.fields,
              ElementsAre("--@1", "Package=a@1", "Version=1@2", "--@4", "Package=b@4"));
  EXPECT_THAT(reading.complaints, IsEmpty());
}

TEST(ControlReaderTest, JoinsFoldedLines) {
  const Reading reading = Read("Depends: a,\n b,\n\tc\nSize:\n 7\nEmpty:\n");
  EXPECT_THAT(reading.fields,
              ElementsAre("--@1", "Depends=a,\n b,\n\tc@1", "Size=\n 7@4", "Empty=@6"));
  EXPECT_THAT(reading.complaints, IsEmpty());
}

TEST(ControlReaderTest, TakesBlankLinesCarriageReturnsAndNoLastLineEnd) {
  const Reading reading = Read("\r\n \nPackage: a\r\nB: c\r\n \t\r\n\n\nPackage: b");
  EXPECT_THAT(reading.fields, ElementsAre("--@3", "Package=a@3", "B=c@4", "--@8", "Package=b@8"));
  EXPECT_THAT(reading.complaints, IsEmpty());
}

TEST(ControlReaderTest, EmptyInputHasNoParagraphs) {
  EXPECT_THAT(Read("").fields, IsEmpty());
  EXPECT_THAT(Read("\n\n\n").fields, IsEmpty());
}

TEST(ControlReaderTest, NamesBadLinesAndKeepsTheRest) {
  const Reading reading = Read(
      " stray\n"
      "Package: a\n"
      "no colon here\n"
      " which is continued\n"
      "Version: 1\n"
      "version: 2\n"
      "# Comment: no\n"
      "Spaced Name: no\n"
      "Size: 3\n");
  EXPECT_THAT(reading.fields, ElementsAre("--@2", "Package=a@2", "Version=1@5", "Size=3@9"));
  EXPECT_THAT(reading.complaints,
              ElementsAre("1: a continuation line that no field precedes: \" stray\"",
                          "3: expected \"Field: value\", found \"no colon here\"",
                          "6: field version stands twice, first in line 5",
                          "7: expected \"Field: value\", found \"# Comment: no\"",
                          "8: expected \"Field: value\", found \"Spaced Name: no\""));
}

TEST(ControlReaderTest, NamesLinesThatAreNotText) {
  const Reading reading =
      Read(absl::string_view("Package: a\nMaintainer: M\xfcller\n x\nA: \0\n", 38));
  EXPECT_THAT(reading.fields, ElementsAre("--@1", "Package=a@1"));
  EXPECT_THAT(reading.complaints, ElementsAre("2: not UTF-8 text: \"Maintainer: M?ller\"",
                                              "4: not UTF-8 text: \"A: ?\""));
}

TEST(ControlReaderTest, FindsFieldsInAnyCase) {
  const auto input = Input::FromText("Installed-Size: 5\n");
  LineReader lines(input.get());
  ControlReader reader(&lines, [](int, absl::string_view) { ADD_FAILURE(); });
  Paragraph paragraph;
  ASSERT_TRUE(*reader.Next(&paragraph));
  ASSERT_NE(paragraph.Find("installed-size"), nullptr);
  EXPECT_EQ(paragraph.Find("installed-size")->value, "5");
  EXPECT_EQ(paragraph.Find("size"), nullptr);
}

TEST(ControlReaderTest, ReadsAcrossBufferBoundaries) {
  std::string text;
  for (int i = 0; i < 50000; ++i) absl::StrAppend(&text, "Package: p", i, "\nSize: ", i, "\n\n");
  const Reading reading = Read(text);
  ASSERT_EQ(reading.fields.size(), 150000u);
  EXPECT_EQ(reading.fields[149999], "Size=49999@149999");
}

TEST(IsTextTest, KnowsUtf8) {
  for (const char* text :
       {"", "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsText(text)) << text;
  }
  for (const char* text : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                           "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80", "a\xff"}) {
    EXPECT_FALSE(IsText(text));
  }
  EXPECT_FALSE(IsText(absl::string_view("\0", 1)));
}

}  // namespace
}  // namespace packages
