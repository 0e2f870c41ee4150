#include "kin/store/metrics.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "accounts.kin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/store/internal/commit_times.h"
#include "kin/store/internal/utf8.h"
#include "kin/store/store.h"

namespace kin {
namespace {

// Reads the text as a collector does, by the grammar of the format, version 0.0.4: what is known of
// each metric, and the value of each series.
class Exposition {
 public:
  using Labels = std::map<std::string, std::string>;

  explicit Exposition(const std::string& text) {
    EXPECT_TRUE(absl::EndsWith(text, "\n"));
    EXPECT_TRUE(internal::IsUtf8(text));
    std::vector<std::string> lines = absl::StrSplit(text, '\n');
    lines.pop_back();
    for (const std::string& line : lines) {
      SCOPED_TRACE(line);
      rest_ = line;
      if (absl::ConsumePrefix(&rest_, "# HELP ")) {
        ReadHelp();
      } else if (absl::ConsumePrefix(&rest_, "# TYPE ")) {
        ReadType();
      } else {
        ReadSeries();
      }
    }
  }

  // The value of a series without labels, but for these.
  double Value(const std::string& name, const Labels& labels = {}) const {
    auto found = series.find({name, labels});
    if (found != series.end()) return found->second;
    ADD_FAILURE() << name << " is not there";
    return -1;
  }

  std::set<std::string> metrics;
  std::map<std::string, std::string> types;
  std::map<std::pair<std::string, Labels>, double> series;

 private:
  std::string Name(bool colons) {
    std::size_t size = 0;
    while (size < rest_.size() &&
           (absl::ascii_isalpha(rest_[size]) || rest_[size] == '_' ||
            (colons && rest_[size] == ':') || (size > 0 && absl::ascii_isdigit(rest_[size])))) {
      ++size;
    }
    EXPECT_GT(size, 0u) << "no name at: " << rest_;
    const std::string name(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return name;
  }
  void ReadHelp() {
    metric_ = Name(/*colons=*/true);
    EXPECT_TRUE(metrics.insert(metric_).second) << "twice";
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, " "));
    EXPECT_FALSE(rest_.empty());
    EXPECT_EQ(rest_.find('\\'), absl::string_view::npos);
  }
  void ReadType() {
    EXPECT_EQ(Name(/*colons=*/true), metric_) << "not after its HELP";
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, " "));
    const std::string type(rest_);
    EXPECT_TRUE(type == "counter" || type == "gauge" || type == "histogram");
    EXPECT_TRUE(types.emplace(metric_, type).second) << "twice";
  }
  std::string LabelValue() {
    std::string value;
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, "\""));
    while (!rest_.empty() && rest_.front() != '"') {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '\\') {
        c = rest_.empty() ? '?' : rest_.front();
        EXPECT_TRUE(c == '\\' || c == '"' || c == 'n') << "escapes " << c;
        if (c == 'n') c = '\n';
        if (!rest_.empty()) rest_.remove_prefix(1);
      }
      value += c;
    }
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, "\"")) << "does not end";
    return value;
  }
  Labels ReadLabels() {
    Labels labels;
    if (!absl::ConsumePrefix(&rest_, "{")) return labels;
    do {
      const std::string name = Name(/*colons=*/false);
      EXPECT_TRUE(absl::ConsumePrefix(&rest_, "="));
      EXPECT_TRUE(labels.emplace(name, LabelValue()).second) << name << " twice";
    } while (absl::ConsumePrefix(&rest_, ","));
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, "}"));
    return labels;
  }
  void ReadSeries() {
    const std::string name = Name(/*colons=*/true);
    ASSERT_EQ(types.count(metric_), 1u) << "before its TYPE";
    if (types[metric_] == "histogram") {
      EXPECT_TRUE(name == metric_ + "_bucket" || name == metric_ + "_sum" ||
                  name == metric_ + "_count");
    } else {
      EXPECT_EQ(name, metric_);
    }
    const Labels labels = ReadLabels();
    EXPECT_EQ(labels.count("le"), absl::EndsWith(name, "_bucket") ? 1u : 0u);
    EXPECT_TRUE(absl::ConsumePrefix(&rest_, " "));
    double value = 0;
    EXPECT_TRUE(absl::SimpleAtod(rest_, &value)) << "no number: " << rest_;
    EXPECT_TRUE(series.emplace(std::make_pair(name, labels), value).second) << "twice";
  }

  std::string metric_;      // Whose lines are being read.
  absl::string_view rest_;  // Of the line.
};

TEST(PrometheusTextTest, HasEveryCounter) {
  Stats stats;
  stats.commit = 12;
  stats.records = 3;
  stats.versions = 14;
  stats.retired = 15;
  stats.memory_bytes = 16;
  stats.snapshots = 17;
  stats.oldest_snapshot = 18;
  stats.chores = 9;
  stats.chore_failures = 2;
  stats.oldest_snapshot_age = absl::Seconds(7);
  stats.commit_latency.Add(absl::Seconds(19));
  stats.durable_commit = 11;
  stats.lag_records = 20;
  stats.lag_bytes = 21;
  stats.lag = absl::Milliseconds(1500);
  stats.batches = 22;
  stats.changes_committed = 23;
  stats.rows_written = 24;
  stats.retries = 4;
  stats.last_flush = absl::Milliseconds(2500);
  stats.flush_latency.Add(absl::Seconds(25));
  stats.space_waits = 5;
  stats.space_refusals = 26;
  const Exposition text(PrometheusText(stats));
  EXPECT_EQ(text.Value("kin_commit"), 12);
  EXPECT_EQ(text.Value("kin_records"), 3);
  EXPECT_EQ(text.Value("kin_versions"), 14);
  EXPECT_EQ(text.Value("kin_retired_objects"), 15);
  EXPECT_EQ(text.Value("kin_memory_bytes"), 16);
  EXPECT_EQ(text.Value("kin_snapshots"), 17);
  EXPECT_EQ(text.Value("kin_oldest_snapshot_commit"), 18);
  EXPECT_EQ(text.Value("kin_oldest_snapshot_age_seconds"), 7);
  EXPECT_EQ(text.Value("kin_commit_duration_seconds_sum"), 19);
  EXPECT_EQ(text.Value("kin_durable_commit"), 11);
  EXPECT_EQ(text.Value("kin_lag_records"), 20);
  EXPECT_EQ(text.Value("kin_lag_bytes"), 21);
  EXPECT_EQ(text.Value("kin_lag_seconds"), 1.5);
  EXPECT_EQ(text.Value("kin_batches_total"), 22);
  EXPECT_EQ(text.Value("kin_changes_committed_total"), 23);
  EXPECT_EQ(text.Value("kin_rows_written_total"), 24);
  EXPECT_EQ(text.Value("kin_retries_total"), 4);
  EXPECT_EQ(text.Value("kin_last_flush_seconds"), 2.5);
  EXPECT_EQ(text.Value("kin_flush_duration_seconds_sum"), 25);
  EXPECT_EQ(text.Value("kin_space_waits_total"), 5);
  EXPECT_EQ(text.Value("kin_space_refusals_total"), 26);
  EXPECT_EQ(text.Value("kin_chores_total"), 9);
  EXPECT_EQ(text.Value("kin_chore_failures_total"), 2);
  EXPECT_EQ(text.Value("kin_halted"), 0);
  EXPECT_EQ(text.metrics.count("kin_halt_cause"), 0u);
  for (const auto& [metric, type] : text.types) {
    EXPECT_EQ(absl::EndsWith(metric, "_total"), type == "counter") << metric;
  }
  EXPECT_EQ(text.types.size(), text.metrics.size());
}

// A collector takes differences of it, also after years.
TEST(PrometheusTextTest, SumsAreExact) {
  Stats stats;
  stats.flush_latency.sum = absl::Seconds(12'345'678) + absl::Microseconds(90);
  const Exposition text(PrometheusText(stats));
  EXPECT_EQ(text.Value("kin_flush_duration_seconds_sum"), 12345678.00009);
}

TEST(PrometheusTextTest, BucketsOfAHistogramCountAllBelow) {
  Stats stats;
  for (int i = 0; i < 10; ++i) stats.flush_latency.Add(absl::Microseconds(1));
  stats.flush_latency.Add(absl::Seconds(2));
  stats.flush_latency.Add(absl::Hours(2));
  const Exposition text(PrometheusText(stats));
  EXPECT_EQ(text.types.at("kin_flush_duration_seconds"), "histogram");
  const std::string bucket = "kin_flush_duration_seconds_bucket";
  EXPECT_EQ(text.Value(bucket, {{"le", "2.56e-07"}}), 0);
  EXPECT_EQ(text.Value(bucket, {{"le", "1.024e-06"}}), 10);
  EXPECT_EQ(text.Value(bucket, {{"le", "+Inf"}}), 12);
  EXPECT_EQ(text.Value("kin_flush_duration_seconds_count"), 12);
  EXPECT_EQ(text.Value("kin_flush_duration_seconds_sum"), 7202.00001);
  std::map<double, double> counts;
  for (const auto& [series, count] : text.series) {
    if (series.first != bucket) continue;
    double bound = 0;
    ASSERT_TRUE(absl::SimpleAtod(series.second.at("le"), &bound));
    counts[bound] = count;
  }
  ASSERT_EQ(counts.size(), static_cast<std::size_t>(LatencyHistogram::kBuckets));
  double last = 0;
  int i = 0;
  for (const auto& [bound, count] : counts) {
    EXPECT_EQ(bound, absl::ToDoubleSeconds(LatencyHistogram::Bound(i++)));
    EXPECT_GE(count, last);
    last = count;
  }
}

TEST(PrometheusTextTest, SaysWhyWriteBehindIsHalted) {
  Stats stats;
  stats.halted = true;
  stats.halt_cause = absl::DataLossError("the \"file\" is\ngone: C:\\x");
  const std::string name = "my \"store\"\\\n";
  const Exposition text(PrometheusText(stats, name));
  EXPECT_EQ(text.Value("kin_halted", {{"store", name}}), 1);
  EXPECT_EQ(text.Value("kin_halt_cause", {{"store", name},
                                          {"code", "DATA_LOSS"},
                                          {"message", "the \"file\" is\ngone: C:\\x"}}),
            1);
  EXPECT_EQ(text.Value("kin_commit_duration_seconds_bucket", {{"store", name}, {"le", "+Inf"}}), 0);
  for (const auto& [series, unused] : text.series) {
    EXPECT_EQ(series.second.count("store"), 1u) << series.first;
  }
}

// A path, for one, may be any bytes; a collector refuses a text that is not UTF-8 as a whole.
TEST(PrometheusTextTest, IsUtf8WhateverACauseSays) {
  Stats stats;
  stats.halted = true;
  stats.halt_cause = absl::UnavailableError("caf\xe9.db \xff: disk full, \xc3\xbc");
  const Exposition text(PrometheusText(stats, "caf\xe9"));
  EXPECT_EQ(text.Value("kin_halt_cause", {{"store", "caf\ufffd"},
                                          {"code", "UNAVAILABLE"},
                                          {"message", "caf\ufffd.db \ufffd: disk full, \u00fc"}}),
            1);
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
  EXPECT_EQ(text.Value("kin_records", {{"store", "accounts"}}), 40);
  EXPECT_EQ(text.Value("kin_commit_duration_seconds_count", {{"store", "accounts"}}), 2);
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
