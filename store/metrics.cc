#include "kin/store/metrics.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "kin/store/internal/utf8.h"

namespace kin {
namespace {

// The length of the character that `text` begins with; 0 if that is none.
std::size_t CharacterSize(absl::string_view text) {
  for (std::size_t size = 1; size <= 4 && size <= text.size(); ++size) {
    if (internal::IsUtf8(text.substr(0, size))) return size;
  }
  return 0;
}

// The format is UTF-8, and a collector refuses all of a text that is not; paths and labels may be
// any bytes.
std::string Utf8(absl::string_view value) {
  if (internal::IsUtf8(value)) return std::string(value);
  std::string text;
  while (!value.empty()) {
    const std::size_t size = CharacterSize(value);
    absl::StrAppend(&text, size == 0 ? "\ufffd" : value.substr(0, size));
    value.remove_prefix(size == 0 ? 1 : size);
  }
  return text;
}

std::string Escaped(absl::string_view value) {
  return absl::StrReplaceAll(Utf8(value), {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}});
}

// To the nanosecond for eleven days, and to 15 digits: collectors take differences of sums.
std::string Seconds(absl::Duration duration) {
  return duration == absl::InfiniteDuration()
             ? "+Inf"
             : absl::StrFormat("%.15g", absl::ToDoubleSeconds(duration));
}

// Writes metrics one after the other.
class Writer {
 public:
  explicit Writer(absl::string_view store) {
    if (!store.empty()) store_ = absl::StrCat("store=\"", Escaped(store), "\"");
  }

  void Gauge(absl::string_view name, absl::string_view help, const absl::AlphaNum& value) {
    Head(name, help, "gauge");
    Line(name, "", value);
  }
  void Gauge(absl::string_view name, absl::string_view help, absl::Duration value) {
    Gauge(name, help, Seconds(value));
  }
  void Counter(absl::string_view name, absl::string_view help, const absl::AlphaNum& value) {
    Head(name, help, "counter");
    Line(name, "", value);
  }
  // A gauge that is 1 and says something by its label.
  void Info(absl::string_view name, absl::string_view help, absl::string_view label) {
    Head(name, help, "gauge");
    Line(name, label, 1);
  }
  void Histogram(absl::string_view name, absl::string_view help, const LatencyHistogram& latency) {
    Head(name, help, "histogram");
    std::int64_t below = 0;
    for (int i = 0; i < LatencyHistogram::kBuckets; ++i) {
      below += latency.buckets[static_cast<std::size_t>(i)];
      Line(absl::StrCat(name, "_bucket"),
           absl::StrCat("le=\"", Seconds(LatencyHistogram::Bound(i)), "\""), below);
    }
    Line(absl::StrCat(name, "_sum"), "", Seconds(latency.sum));
    Line(absl::StrCat(name, "_count"), "", latency.count);
  }

  std::string TakeText() { return std::move(text_); }

 private:
  void Head(absl::string_view name, absl::string_view help, absl::string_view type) {
    absl::StrAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }
  void Line(absl::string_view name, absl::string_view label, const absl::AlphaNum& value) {
    const absl::string_view comma = store_.empty() || label.empty() ? "" : ",";
    const bool labels = !store_.empty() || !label.empty();
    absl::StrAppend(&text_, name, labels ? "{" : "");
    absl::StrAppend(&text_, store_, comma, label, labels ? "} " : " ");
    absl::StrAppend(&text_, value, "\n");
  }

  std::string store_;
  std::string text_;
};

void AddStore(const Stats& stats, Writer* out) {
  out->Gauge("kin_commit", "Number of the newest commit.", stats.commit);
  out->Gauge("kin_records", "Live records of all models.", stats.records);
  out->Gauge("kin_versions", "Versions of records in memory.", stats.versions);
  out->Gauge("kin_retired_objects", "Objects that wait until no snapshot can reach them.",
             stats.retired);
  out->Gauge("kin_memory_bytes", "Memory of versions and indexes.", stats.memory_bytes);
  out->Gauge("kin_snapshots", "Open snapshots.", stats.snapshots);
  out->Gauge("kin_oldest_snapshot_commit", "Commit that the oldest open snapshot shows.",
             stats.oldest_snapshot);
  out->Gauge("kin_oldest_snapshot_age_seconds",
             "Time since the oldest open snapshot was overtaken by a newer commit.",
             stats.oldest_snapshot_age);
  out->Histogram("kin_commit_duration_seconds",
                 "Time from the end of a transaction's body until it is visible, of one commit in "
                 "sixteen.",
                 stats.commit_latency);
}

void AddPersistence(const Stats& stats, Writer* out) {
  out->Gauge("kin_durable_commit", "Newest commit that is in the database.", stats.durable_commit);
  out->Gauge("kin_lag_records", "Changed records that are not in the database.", stats.lag_records);
  out->Gauge("kin_lag_bytes", "Memory held to remember them.", stats.lag_bytes);
  out->Gauge("kin_lag_seconds", "Age of the oldest commit that is not in the database.", stats.lag);
  out->Counter("kin_batches_total", "Batches written.", stats.batches);
  out->Counter("kin_changes_committed_total", "Changes of records, before coalescing.",
               stats.changes_committed);
  out->Counter("kin_rows_written_total", "Rows inserted, updated and deleted, after coalescing.",
               stats.rows_written);
  out->Counter("kin_retries_total", "Attempts to write that followed a failed one.", stats.retries);
  out->Gauge("kin_last_flush_seconds", "Time that the last batch took to write.", stats.last_flush);
  out->Histogram("kin_flush_duration_seconds", "Time to write a batch.", stats.flush_latency);
  out->Counter("kin_space_waits_total", "Writes that waited because write-behind was full.",
               stats.space_waits);
  out->Counter("kin_space_refusals_total", "Writes refused because write-behind was full.",
               stats.space_refusals);
  out->Counter("kin_chores_total", "Chores of the database, such as checkpoints.", stats.chores);
  out->Counter("kin_chore_failures_total", "Chores that failed, to be done again.",
               stats.chore_failures);
  out->Gauge("kin_halted", "1 while write-behind is halted.", stats.halted ? 1 : 0);
  if (stats.halted) {
    out->Info("kin_halt_cause", "Why write-behind is halted.",
              absl::StrCat("code=\"", absl::StatusCodeToString(stats.halt_cause.code()),
                           "\",message=\"", Escaped(stats.halt_cause.message()), "\""));
  }
}

}  // namespace

std::string PrometheusText(const Stats& stats, absl::string_view store) {
  Writer out(store);
  AddStore(stats, &out);
  AddPersistence(stats, &out);
  return out.TakeText();
}

MetricsHandler::Response MetricsHandler::operator()(absl::string_view method,
                                                    absl::string_view path) const {
  if (path != "/metrics") return {404, "text/plain; charset=utf-8", "see /metrics\n"};
  if (method != "GET" && method != "HEAD") {
    return {405, "text/plain; charset=utf-8", "GET or HEAD\n"};
  }
  return {200, "text/plain; version=0.0.4; charset=utf-8", PrometheusText(store_->stats(), label_)};
}

}  // namespace kin
