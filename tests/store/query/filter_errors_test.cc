// What is wrong with a filter, and where.
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/query/parse_filter.h"
#include "tests/store/query/people.kin.h"

namespace kin::query {
namespace {

using ::query_test::Person;

std::string ErrorOf(const std::string& text, const FilterOptions& options = {}) {
  absl::StatusOr<Condition> condition = ParseFilter(*Person::descriptor(), text, options);
  if (condition.ok()) return absl::StrCat("no error: ", ToString(*condition));
  EXPECT_EQ(condition.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(condition.status().message());
}

// The column is that of the mark ^ in the text, which is taken out.
void ExpectError(std::string marked, const std::string& message,
                 const FilterOptions& options = {}) {
  const std::size_t offset = marked.find('^');
  ASSERT_NE(offset, std::string::npos) << marked;
  marked.erase(offset, 1);
  EXPECT_EQ(ErrorOf(marked, options), absl::StrCat("filter, column ", offset + 1, ": ", message))
      << marked;
}

TEST(FilterErrorsTest, NamesThatNothingHas) {
  ExpectError("^agee >= 18",
              "query_test.Person has no field or association \"agee\"; did you mean \"age\"?");
  ExpectError("^agee",
              "query_test.Person has no field or association \"agee\"; did you mean \"age\"?");
  ExpectError("age > 1 AND ^Boss.age = 3",
              "query_test.Person has no field or association \"Boss\"; did you mean \"boss\"?");
  ExpectError("boss.^wait:*", "query_test.Person has no field or association \"wait\"");
  ExpectError("pets:(name = Rex AND ^yeers > 1)",
              "query_test.Pet has no field or association \"yeers\"; did you mean \"years\"?");
  ExpectError("home.^cty = x", "query_test.Address has no field \"cty\"; did you mean \"city\"?");
  ExpectError("^city.x = 3", "the string query_test.Person.city has no fields of its own");
  ExpectError("boss.^age.x = 3", "the int64 query_test.Person.age has no fields of its own");
  ExpectError("^1 > 0", "query_test.Person has no field or association \"1\"");
  ExpectError("^\xff = 0", "query_test.Person has no field or association \"\\xff\"");
  ExpectError(absl::StrCat("^", std::string(100, 'a'), " = 0"),
              absl::StrCat("query_test.Person has no field or association \"", std::string(40, 'a'),
                           "...\""));
}

TEST(FilterErrorsTest, WhatIsNoFilter) {
  ExpectError("^\"Ada\"", "expected the name of a field or association and found the text \"Ada\"");
  ExpectError("age ^",
              "expected one of the operators = != < <= > >= : after \"age\" and found the end");
  ExpectError("(active^)",
              "expected one of the operators = != < <= > >= : after \"active\" and found \")\"");
  ExpectError("boss.age ^", "expected one of the operators = != < <= > >= : and found the end");
  ExpectError("boss. ^= 3", "expected a name after \".\" and found \"=\"");
  ExpectError("age = ^", "expected a value and found the end");
  ExpectError("age = ^AND city = x", "expected a value and found \"AND\"");
  ExpectError("age = 1 AND ^", "expected the name of a field or association and found the end");
  ExpectError("age = 1 OR ^", "expected the name of a field or association and found the end");
  ExpectError("^OR age = 1", "expected the name of a field or association and found \"OR\"");
  ExpectError("NOT ^", "expected the name of a field or association and found the end");
  ExpectError("NOT ^NOT age = 1",
              "one NOT or - is enough; put what is negated twice in parentheses");
  ExpectError("- ^- age = 1", "one NOT or - is enough; put what is negated twice in parentheses");
  ExpectError("(^)", "there is nothing in these parentheses");
  ExpectError("age = 1 (city = x^",
              "expected AND, OR or a \")\" for the \"(\" of column 9 and found the end");
  ExpectError("age = (1 OR 2^",
              "expected AND, OR or a \")\" for the \"(\" of column 7 and found the end");
  ExpectError("age = 1^)", "expected AND, OR or the end and found \")\"");
  ExpectError("age = 1 ^= 2", "expected AND, OR or the end and found \"=\"");
  ExpectError("age = 1^, 2", "expected AND, OR or the end and found \",\"");
}

TEST(FilterErrorsTest, WhatOtherLanguagesWrite) {
  ExpectError("age =^= 1", "unexpected \"=\"; one = compares");
  ExpectError("age = 1 ^&& city = x", "\"&&\" is written AND");
  ExpectError("age = 1 ^|| city = x", "\"||\" is written OR");
  ExpectError("age = 1 ^and city = x", "\"and\" is written AND");
  ExpectError("^not (city = x)", "\"not\" is written NOT");
  ExpectError("^!active:true", "\"!\" is no operator; write NOT, or != to compare");
  ExpectError("^lower(city) = x", "there is no function \"lower\"; there are count and matches");
  ExpectError("age = ^\\1", "unexpected \"\\\\\"; texts with it have to be in quotes");
  ExpectError("age^\x01= 1", "unexpected \"\\x01\"; texts with it have to be in quotes");
}

TEST(FilterErrorsTest, TextsThatAreNone) {
  ExpectError("city = ^\"Oslo", "the text that begins here has no closing \"");
  ExpectError("city = ^'Oslo\"", "the text that begins here has no closing '");
  ExpectError("city = \"a^\\q\"",
              "expected an escape: one of \\\\ \\\" \\' \\* \\n \\r \\t \\xHH \\uHHHH \\UHHHHHHHH");
  ExpectError("city = \"a^\\",
              "expected an escape: one of \\\\ \\\" \\' \\* \\n \\r \\t \\xHH \\uHHHH \\UHHHHHHHH");
  ExpectError("city = \"^\\xf\"", "expected 2 hexadecimal digits after \\x");
  ExpectError("city = \"^\\u12g4\"", "expected 4 hexadecimal digits after \\u");
  ExpectError("city = \"^\\U0011", "expected 8 hexadecimal digits after \\U");
  ExpectError("city = \"^\\ud800\"", "there is no character of that number");
  ExpectError("city = \"^\\U00110000\"", "there is no character of that number");
  ExpectError("city = ^\"\\xff\"", "the text for the string query_test.Person.city is not UTF-8");
  ExpectError("city = ^\"*\xc3\"", "the text for the string query_test.Person.city is not UTF-8");
}

TEST(FilterErrorsTest, ValuesOfAnotherType) {
  ExpectError("age = ^x",
              "expected an integer such as 42 for the int64 query_test.Person.age and found "
              "\"x\"");
  ExpectError("age = ^\"18\"",
              "expected an integer such as 42 for the int64 query_test.Person.age and found "
              "the text \"18\"");
  for (const char* none : {"1.5", "1e3", "-", "--1", "0x10", "*"}) {
    ExpectError(absl::StrCat("age = ^", none),
                absl::StrCat("expected an integer such as 42 for the int64 "
                             "query_test.Person.age and found \"",
                             none, "\""));
  }
  for (const char* none : {"x", "1.5x", "1e", "-", ".", "1.5.2", "+1"}) {
    ExpectError(absl::StrCat("weight = ^", none),
                absl::StrCat("expected a number such as 1.5, 2.997e9, inf or nan for the double "
                             "query_test.Person.weight and found \"",
                             none, "\""));
  }
  ExpectError("active = ^1",
              "expected true or false for the bool query_test.Person.active and found \"1\"");
  ExpectError("active = ^\"true\"",
              "expected true or false for the bool query_test.Person.active and found the text "
              "\"true\"");
  ExpectError("color = ^COLOR_READ",
              "the enum query_test.Color has no value \"COLOR_READ\"; did you mean \"COLOR_RED\"?");
  ExpectError("color = ^blue",
              "the enum query_test.Color has no value \"blue\"; there are COLOR_UNSPECIFIED, "
              "COLOR_RED, COLOR_GREEN, COLOR_BELOW");
  ExpectError("home = ^x",
              "the message query_test.Address query_test.Person.home cannot be compared with "
              "\"x\"; write home.FIELD, or a filter in parentheses after home:");
  ExpectError("home:^x",
              "the message query_test.Address query_test.Person.home cannot be compared with "
              "\"x\"; write home.FIELD, or a filter in parentheses after home:");
  ExpectError(
      "offices:^city",
      "the repeated message query_test.Address query_test.Person.offices cannot be compared "
      "with \"city\"; write offices.FIELD, or a filter in parentheses after offices:");
  ExpectError("boss = ^3",
              "\"boss\" is an association with query_test.Person; write boss:* or boss.FIELD, or a "
              "filter in parentheses after boss:");
  ExpectError("pets = ^null",
              "\"pets\" is an association with query_test.Pet; write pets:* or pets.FIELD or "
              "count(pets), or a filter in parentheses after pets:");
}

TEST(FilterErrorsTest, NumbersOutOfRange) {
  const std::pair<const char*, const char*> kCases[] = {
      {"score", "2147483648"},
      {"score", "-2147483649"},
      {"small", "4294967296"},
      {"small", "-1"},
      {"big", "-1"},
      {"big", "18446744073709551616"},
      {"age", "9223372036854775808"},
      {"weight", "1e400"},
      {"ratio", "1e39"},
      {"color", "2147483648"},
  };
  for (const auto& [field, value] : kCases) {
    const std::string error = ErrorOf(absl::StrCat(field, " = ", value));
    EXPECT_THAT(error,
                testing::StartsWith(absl::StrCat("filter, column ", std::strlen(field) + 4, ": \"",
                                                 value, "\" is out of the range of the ")))
        << error;
  }
}

TEST(FilterErrorsTest, TimesAndDurationsThatAreNone) {
  for (const char* none :
       {"2012-04-21", "2012-04-21T11:30:00", "2012-02-30T00:00:00Z", "2011-02-29T00:00:00Z",
        "2012-13-01T00:00:00Z", "2012-04-21T24:00:00Z", "2012-04-21T23:59:60Z",
        "2012-04-21T11:30:00.Z", "2012-04-21T11:30:00.0000000001Z", "2012-04-21T11:30:00+24:00",
        "2012-04-21T11:30:00+0400", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "2012-4-21T11:30:00Z", "now", "2012-04-21T11:30:00Zx",
        "2012-04-2xT11:30:00Z", "x"}) {
    ExpectError(absl::StrCat("born > ^\"", none, "\""),
                absl::StrCat("expected a time of RFC 3339 such as 2012-04-21T11:30:00-04:00 for "
                             "the message google.protobuf.Timestamp query_test.Person.born and "
                             "found the text \"",
                             none, "\""));
  }
  for (const char* none : {"20", "s", "20m", "1.s", ".5s", "1.0000000001s", "315576000001s",
                           "315576000000.1s", "--1s", "+1s", "1s ", "99999999999999999999s"}) {
    ExpectError(absl::StrCat("shift > ^\"", none, "\""),
                absl::StrCat("expected a duration in seconds such as 1.5s for the message "
                             "google.protobuf.Duration query_test.Person.shift and found the text "
                             "\"",
                             none, "\""));
  }
}

TEST(FilterErrorsTest, OperatorsThatDoNotFit) {
  ExpectError("active ^< true",
              "the bool query_test.Person.active has no order; compare it with = or !=");
  ExpectError("color ^>= COLOR_RED",
              "the enum query_test.Color query_test.Person.color has no order; compare it with = "
              "or !=");
  ExpectError("age ^< null", "null has no order; write = null or != null");
  ExpectError("score = ^null",
              "the int32 query_test.Person.score is never null; it has its default where nothing "
              "was set");
  ExpectError("city = ^null",
              "the string query_test.Person.city is never null; for the text write \"null\"");
  ExpectError("tags ^= red",
              "\"tags\" is repeated; ask for an element, as tags:VALUE, or for any, as tags:*");
  ExpectError("offices.city ^= Oslo",
              "\"offices\" is repeated; ask for an element with :, or put what holds for one in "
              "parentheses after offices:");
  ExpectError("marks ^= math",
              "\"marks\" is a map; ask for a key, as marks:KEY, or for its value, as marks.KEY");
  ExpectError("boss ^= (age = 3)", "a filter in parentheses comes after :");
  ExpectError("count(pets)^:3", "a count is compared, with = != < <= > >=");
}

TEST(FilterErrorsTest, FunctionsOfWhatDoesNotFit) {
  ExpectError("count(^age) = 3", "count is for associations, and this is a field");
  ExpectError("count(pets) = ^x",
              "expected an integer, which a count is compared with, and found \"x\"");
  ExpectError("count(pets) = ^99999999999999999999",
              "expected an integer, which a count is compared with, and found "
              "\"99999999999999999999\"");
  ExpectError("count(^) = 3", "expected the name of a field or association and found \")\"");
  ExpectError("count(pets^, 3)", "expected \")\" and found \",\"");
  ExpectError("count(pets) ^", "expected one of the operators = != < <= > >= : and found the end");
  ExpectError("matches(^age, \"1\")",
              "matches is for one text: the path in it leads to something else");
  ExpectError("matches(^boss, \"1\")",
              "matches is for one text: the path in it leads to something else");
  ExpectError("matches(^tags, \"1\")",
              "matches is for one text: the path in it leads to something else");
  ExpectError("matches(city^)", "expected \",\" and found \")\"");
  ExpectError("matches(city, ^x)", "expected a pattern in quotes and found \"x\"");
  ExpectError("matches(city, ^\"(\")", "this is no RE2 pattern: missing ): (");
  ExpectError("matches(city, \"x\"^", "expected \")\" and found the end");
}

TEST(FilterErrorsTest, MoreThanTheLimits) {
  FilterOptions options;
  options.max_length = 10;
  ExpectError("age = 1234^5", "the filter is longer than 10 bytes", options);
  EXPECT_EQ(ErrorOf("age = 1234", options), "no error: age == 1234");

  options = FilterOptions();
  options.max_terms = 3;
  EXPECT_EQ(ErrorOf("age = 1 OR pets:(years = 1)", options),
            "no error: age == 1 || pets.Has(years == 1)");
  ExpectError("age = 1 age = 2 age = 3 age = ^4",
              "the filter has more than 3 comparisons and values", options);
  ExpectError("age = (1 OR 2 OR 3 OR ^4)", "the filter has more than 3 comparisons and values",
              options);
  ExpectError("age = (1 OR 2 OR 3) ^boss:(age = 2)",
              "the filter has more than 3 comparisons and values", options);

  options = FilterOptions();
  options.max_depth = 3;
  EXPECT_EQ(ErrorOf("(((age = 1)))", options), "no error: age == 1");
  ExpectError("(((^(age = 1))))", "the filter is more than 3 deep here", options);
  ExpectError("age = (((^(1))))", "the filter is more than 3 deep here", options);
  EXPECT_EQ(ErrorOf("home.former.former.city = x", options),
            "no error: home.Within(former.Within(former.Within(city == \"x\")))");
  ExpectError("home.former.former.^former.city = x", "the filter is more than 3 deep here",
              options);
  ExpectError("boss:(boss:^(age = 1))", "the filter is more than 3 deep here", options);

  options = FilterOptions();
  options.max_associations = 2;
  EXPECT_EQ(ErrorOf("boss.boss.age = 1", options), "no error: boss.Has(boss.Has(age == 1))");
  ExpectError("boss.boss.^boss.age = 1", "more than 2 associations follow each other here",
              options);
  ExpectError("boss:(boss:(^boss:*))", "more than 2 associations follow each other here", options);
  ExpectError("count(boss.boss.^reports) > 1", "more than 2 associations follow each other here",
              options);

  options = FilterOptions();
  options.max_patterns = 1;
  EXPECT_THAT(ErrorOf("city = \"*a\" city = \"b*\" city = \"*c*\"", options),
              testing::StartsWith("no error"));
  ExpectError("city = \"*a\" matches(city, ^\"b\")",
              "more than 1 patterns; texts with one * at the end, or one at each end, are none",
              options);
  options.max_pattern_memory = 4096;
  ExpectError("matches(city, ^\"(\\\\pL{100}){10}\")",
              "the pattern needs more than 4096 bytes of memory", options);
}

TEST(FilterErrorsTest, NestingBeyondWhatAStackHoldsIsRefusedWhateverTheOptions) {
  FilterOptions options;
  options.max_length = 10'000'000;
  options.max_depth = 1'000'000;
  options.max_associations = 1'000'000;
  EXPECT_EQ(ErrorOf(std::string(5'000'000, '('), options),
            "filter, column 101: the filter is more than 100 deep here");
  std::string path;
  for (int i = 0; i < 100'000; ++i) path += "boss.";
  EXPECT_EQ(ErrorOf(absl::StrCat(path, "age = 1"), options),
            "filter, column 501: the filter is more than 100 deep here");
  std::string nested;
  for (int i = 0; i < 100'000; ++i) nested += "boss:(";
  EXPECT_THAT(ErrorOf(nested, options), testing::HasSubstr("is more than 100 deep here"));
}

}  // namespace
}  // namespace kin::query
