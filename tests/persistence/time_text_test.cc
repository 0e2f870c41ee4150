#include "kin/persistence/time_text.h"

#include <cstdint>
#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace kin::persistence {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFirst = -62135596800;
constexpr std::int64_t kLast = 253402300799;
constexpr std::int64_t kLongest = 315576000000;
constexpr std::int64_t kLeast = std::numeric_limits<std::int64_t>::min();

bool operator==(const SecondsAndNanos& a, const SecondsAndNanos& b) {
  return a.seconds == b.seconds && a.nanos == b.nanos;
}

TEST(TimeTextTest, TimestampsReadAsTimes) {
  EXPECT_EQ(TimestampToText({0, 0}), "1970-01-01T00:00:00.000000000Z");
  EXPECT_EQ(TimestampToText({-1, 999999999}), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(TimestampToText({1709208000, 5}), "2024-02-29T12:00:00.000000005Z");
  EXPECT_EQ(TimestampToText({-62135596800, 0}), "0001-01-01T00:00:00.000000000Z");
  EXPECT_EQ(TimestampToText({253402300799, 999999999}), "9999-12-31T23:59:59.999999999Z");
}

TEST(TimeTextTest, DurationsReadAsSeconds) {
  EXPECT_EQ(DurationToText({3, 500000000}), "3.500000000");
  EXPECT_EQ(DurationToText({0, -500000000}), "-0.500000000");
  EXPECT_EQ(DurationToText({-315576000000, -999999999}), "-315576000000.999999999");
}

TEST(TimeTextTest, EveryValueThatProtobufAllowsComesBack) {
  for (std::int64_t seconds : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, kFirst, kLast,
                               std::int64_t{951782400}}) {
    for (std::int32_t nanos : {0, 1, 999999999}) {
      const SecondsAndNanos value = {seconds, nanos};
      ASSERT_TRUE(IsTimestamp(value));
      SecondsAndNanos back;
      EXPECT_TRUE(ParseTimestamp(TimestampToText(value), &back)) << TimestampToText(value);
      EXPECT_TRUE(back == value) << TimestampToText(value);
    }
  }
  for (std::int64_t seconds : {std::int64_t{0}, std::int64_t{1}, kLongest}) {
    for (std::int32_t nanos : {0, 1, 999999999}) {
      for (int sign : {1, -1}) {
        const SecondsAndNanos value = {sign * seconds, sign * nanos};
        ASSERT_TRUE(IsDuration(value));
        SecondsAndNanos back;
        EXPECT_TRUE(ParseDuration(DurationToText(value), &back)) << DurationToText(value);
        EXPECT_TRUE(back == value) << DurationToText(value);
      }
    }
  }
}

TEST(TimeTextTest, WhatProtobufDoesNotAllow) {
  for (SecondsAndNanos value : {SecondsAndNanos{kFirst - 1, 0},
                                {kLast + 1, 0},
                                {0, -1},
                                {0, 1000000000},
                                {kMost, 0},
                                {kLeast, 0}}) {
    EXPECT_FALSE(IsTimestamp(value)) << value.seconds << " " << value.nanos;
  }
  for (SecondsAndNanos value : {SecondsAndNanos{kLongest + 1, 0},
                                {-kLongest - 1, 0},
                                {1, -1},
                                {-1, 1},
                                {0, 1000000000},
                                {0, -1000000000},
                                {kMost, 0},
                                {kLeast, 0}}) {
    EXPECT_FALSE(IsDuration(value)) << value.seconds << " " << value.nanos;
  }
}

TEST(TimeTextTest, NothingElseIsTaken) {
  SecondsAndNanos value;
  for (const char* text :
       {"", "now", "2024-02-30T12:00:00.000000000Z", "2024-02-29T12:00:00.000000000",
        "2024-02-29 12:00:00.000000000Z", "2024-02-29T12:00:00Z", "0000-02-29T12:00:00.000000000Z",
        "seconds:1 nanos:1", "0000-12-31T23:59:59.000000000Z", "2024-13-01T00:00:00.000000000Z",
        "2024-02-29T24:00:00.000000000Z"}) {
    EXPECT_FALSE(ParseTimestamp(text, &value)) << text;
  }
  for (const char* text :
       {"", "1", "1.5", "1.5000000000", "-0.000000000", "+1.000000000", "01.000000000",
        " 1.000000000", "18446744073709551616.000000000", "18446744073709551615.000000000",
        "seconds:1 nanos:1", "315576000001.000000000", "--1.000000000", "-", ".", "1.00000000x",
        "9223372036854775808.000000000"}) {
    EXPECT_FALSE(ParseDuration(text, &value)) << text;
  }
}

}  // namespace
}  // namespace kin::persistence
