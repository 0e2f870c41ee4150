#include "kin/store/metrics.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "accounts.kin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/internal/commit_times.h"
#include "kin/store/store.h"

namespace kin {
namespace {

using ::testing::HasSubstr;

// Reads the text as a collector does: what is known of each metric, and the value of each line.
struct Exposition {
  explicit Exposition(const std::string& text) { Read(text); }
  void Read(const std::string& text) {
    EXPECT_TRUE(absl::EndsWith(text, "\n"));
    std::string metric;
    for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
      const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 3));
      if (words[0] == "#") {
        ASSERT_EQ(words.size(), 4u) << line;
        if (words[1] == "HELP") {
          metric = words[2];
          EXPECT_TRUE(metrics.insert(metric).second) << metric << " twice";
        } else {
          EXPECT_EQ(words[1], "TYPE");
          EXPECT_EQ(words[2], metric);
          types[metric] = words[3];
        }
        continue;
      }
      EXPECT_TRUE(absl::StartsWith(line, metric)) << line;
      const std::string::size_type space = line.rfind(' ');
      double value = 0;
      EXPECT_TRUE(absl::SimpleAtod(line.substr(space + 1), &value)) << line;
      EXPECT_TRUE(values.emplace(std::string(line.substr(0, space)), value).second) << line;
    }
  }
  std::set<std::string> metrics;
  std::map<std::string, std::string> types;
  std::map<std::string, double> values;
};

TEST(PrometheusTextTest, HasEveryCounter) {
  Stats stats;
  stats.commit = 12;
  stats.durable_commit = 11;
  stats.records = 3;
  stats.lag = absl::Milliseconds(1500);
  stats.retries = 4;
  stats.space_waits = 5;
  stats.chores = 9;
  stats.chore_failures = 2;
  stats.oldest_snapshot_age = absl::Seconds(7);
  const Exposition text(PrometheusText(stats));
  EXPECT_EQ(text.values.at("kin_commit"), 12);
  EXPECT_EQ(text.values.at("kin_durable_commit"), 11);
  EXPECT_EQ(text.values.at("kin_records"), 3);
  EXPECT_EQ(text.values.at("kin_lag_seconds"), 1.5);
  EXPECT_EQ(text.values.at("kin_retries_total"), 4);
  EXPECT_EQ(text.values.at("kin_space_waits_total"), 5);
  EXPECT_EQ(text.values.at("kin_chores_total"), 9);
  EXPECT_EQ(text.values.at("kin_chore_failures_total"), 2);
  EXPECT_EQ(text.values.at("kin_oldest_snapshot_age_seconds"), 7);
  EXPECT_EQ(text.values.at("kin_halted"), 0);
  EXPECT_EQ(text.values.count("kin_halt_cause"), 0u);
  for (const auto& [metric, type] : text.types) {
    EXPECT_EQ(absl::EndsWith(metric, "_total"), type == "counter") << metric;
  }
  EXPECT_EQ(text.types.size(), text.metrics.size());
}

TEST(PrometheusTextTest, BucketsOfAHistogramCountAllBelow) {
  Stats stats;
  for (int i = 0; i < 10; ++i) stats.flush_latency.Add(absl::Microseconds(1));
  stats.flush_latency.Add(absl::Seconds(2));
  stats.flush_latency.Add(absl::Hours(2));
  const Exposition text(PrometheusText(stats));
  EXPECT_EQ(text.types.at("kin_flush_duration_seconds"), "histogram");
  const std::string bucket = "kin_flush_duration_seconds_bucket{le=\"";
  EXPECT_EQ(text.values.at(bucket + "2.56e-07\"}"), 0);
  EXPECT_EQ(text.values.at(bucket + "1.024e-06\"}"), 10);
  EXPECT_EQ(text.values.at(bucket + "+Inf\"}"), 12);
  EXPECT_EQ(text.values.at("kin_flush_duration_seconds_count"), 12);
  EXPECT_NEAR(text.values.at("kin_flush_duration_seconds_sum"), 7202.00001, 0.001);
  double last = 0;
  int buckets = 0;
  for (int i = 0; i < LatencyHistogram::kBuckets; ++i) {
    const absl::Duration bound = LatencyHistogram::Bound(i);
    const std::string le =
        bound == absl::InfiniteDuration() ? "+Inf" : absl::StrCat(absl::ToDoubleSeconds(bound));
    ASSERT_EQ(text.values.count(bucket + le + "\"}"), 1u) << le;
    EXPECT_GE(text.values.at(bucket + le + "\"}"), last);
    last = text.values.at(bucket + le + "\"}");
    ++buckets;
  }
  EXPECT_EQ(buckets, LatencyHistogram::kBuckets);
}

TEST(PrometheusTextTest, SaysWhyWriteBehindIsHalted) {
  Stats stats;
  stats.halted = true;
  stats.halt_cause = absl::DataLossError("the \"file\" is\ngone: C:\\x");
  const std::string text = PrometheusText(stats, "my \"store\"");
  EXPECT_THAT(text, HasSubstr("kin_halted{store=\"my \\\"store\\\"\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kin_halt_cause{store=\"my \\\"store\\\"\",code=\"DATA_LOSS\","
                              "message=\"the \\\"file\\\" is\\ngone: C:\\\\x\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kin_commit_duration_seconds_bucket{store=\"my \\\"store\\\"\","
                              "le=\"+Inf\"} 0\n"));
}

TEST(LatencyHistogramTest, EveryDurationHasABucket) {
  LatencyHistogram histogram;
  for (int i = 0; i < LatencyHistogram::kBuckets - 1; ++i) {
    histogram.Add(LatencyHistogram::Bound(i));
    EXPECT_EQ(histogram.buckets[static_cast<std::size_t>(i)], 1);
    histogram.Add(LatencyHistogram::Bound(i) + absl::Nanoseconds(1));
    EXPECT_EQ(histogram.buckets[static_cast<std::size_t>(i + 1)], 1);
    histogram.buckets[static_cast<std::size_t>(i + 1)] = 0;
  }
  histogram.Add(absl::Seconds(-1));  // A clock that went back.
  EXPECT_EQ(histogram.buckets[0], 2);
  EXPECT_GE(histogram.sum, absl::ZeroDuration());
}

class MetricsHandlerTest : public ::testing::Test {
 protected:
  void Commit(int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_TRUE(
          store_->Write([](Transaction& txn) { return txn.Insert(accounts::Group()).status(); })
              .ok());
    }
  }
  std::unique_ptr<Store> store_ =
      *Store::Open(Schema::Of<accounts::User, accounts::UserInfo, accounts::Post, accounts::Group,
                              accounts::Membership>());
};

TEST_F(MetricsHandlerTest, AnswersWithTheStoresCounters) {
  Commit(40);
  const MetricsHandler metrics(store_.get(), "accounts");
  const MetricsHandler::Response answer = metrics("GET", "/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const Exposition text(answer.body);
  EXPECT_EQ(text.values.at("kin_records{store=\"accounts\"}"), 40);
  EXPECT_EQ(text.values.at("kin_commit_duration_seconds_count{store=\"accounts\"}"), 2);
  EXPECT_EQ(metrics("HEAD", "/metrics").status, 200);
  EXPECT_EQ(metrics("POST", "/metrics").status, 405);
  EXPECT_EQ(metrics("GET", "/").status, 404);
  EXPECT_EQ(metrics("GET", "/metrics/../x").status, 404);
}

TEST_F(MetricsHandlerTest, TellsSinceWhenASnapshotIsOld) {
  Commit(1);
  Snapshot snapshot = store_->GetSnapshot();
  EXPECT_EQ(store_->stats().oldest_snapshot_age, absl::ZeroDuration());
  Commit(1);
  // However little later.
  const absl::Duration age = store_->stats().oldest_snapshot_age;
  EXPECT_GT(age, absl::ZeroDuration());
  EXPECT_GE(store_->stats().oldest_snapshot_age, age);
  snapshot = Snapshot();
  EXPECT_EQ(store_->stats().oldest_snapshot_age, absl::ZeroDuration());
}

TEST(CommitTimesTest, IsExactToItsSpacing) {
  internal::CommitTimes times;
  EXPECT_EQ(times.TimeOf(1, -1), -1);
  constexpr std::int64_t kStep = internal::CommitTimes::kSpacing / 4;
  for (CommitNumber commit = 1; commit <= 1000; ++commit) {
    times.Note(commit, static_cast<std::int64_t>(commit) * kStep);
    for (CommitNumber asked = 1; asked <= commit; asked += 37) {
      const std::int64_t time = static_cast<std::int64_t>(asked) * kStep;
      EXPECT_LE(times.TimeOf(asked, -1), time);
      EXPECT_GT(times.TimeOf(asked, -1), time - internal::CommitTimes::kSpacing);
    }
  }
}

TEST(CommitTimesTest, ALongPastTakesNoMoreSpace) {
  internal::CommitTimes times;
  constexpr std::int64_t kStep = internal::CommitTimes::kSpacing;
  constexpr CommitNumber kCommits = 1'000'000;
  for (CommitNumber commit = 1; commit <= kCommits; ++commit) {
    times.Note(commit, static_cast<std::int64_t>(commit) * kStep);
  }
  EXPECT_EQ(times.TimeOf(1, -1), kStep);
  for (CommitNumber asked = 1; asked <= kCommits; asked += 997) {
    const std::int64_t age = static_cast<std::int64_t>(kCommits - asked) * kStep;
    const std::int64_t told = static_cast<std::int64_t>(kCommits) * kStep - times.TimeOf(asked, -1);
    EXPECT_GE(told, age);
  }
  times.Forget(kCommits - 1);
  EXPECT_EQ(times.TimeOf(1, -1), -1);
  EXPECT_EQ(times.TimeOf(kCommits, -1), static_cast<std::int64_t>(kCommits) * kStep);
}

}  // namespace
}  // namespace kin
