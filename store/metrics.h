// A store's counters for Prometheus (https://prometheus.io), which collects them over HTTP.
//
//   kin::MetricsHandler metrics(store.get());
//   // In the HTTP server of your choice; examples/metrics is a whole program:
//   kin::MetricsHandler::Response answer = metrics(request.method, request.path);
//
// Kin opens no port by itself.
#ifndef KIN_STORE_METRICS_H_
#define KIN_STORE_METRICS_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "kin/store/stats.h"
#include "kin/store/store.h"

namespace kin {

// All of `stats` in Prometheus' text format, version 0.0.4: a HELP and a TYPE line for each metric;
// latencies as histograms; times in seconds, sizes in bytes. `store`, if not empty, becomes the
// label of that name on each, to tell several stores of a process apart. Some tens of microseconds.
std::string PrometheusText(const Stats& stats, absl::string_view store = "");

// Answers requests for the metrics of one store, which must outlive it. Thread-safe, as often as
// you like; waits for the running transaction, as Store::stats does.
class MetricsHandler {
 public:
  struct Response {
    int status = 200;
    std::string content_type;
    std::string body;
  };

  // `label`: as `store` of PrometheusText.
  explicit MetricsHandler(const Store* store, std::string label = "")
      : store_(store), label_(std::move(label)) {}

  // GET and HEAD of /metrics: 200. Another path: 404. Another method: 405. A body for HEAD is given
  // too, as HTTP libraries expect, which leave it out.
  Response operator()(absl::string_view method, absl::string_view path) const;

 private:
  const Store* const store_;
  const std::string label_;
};

}  // namespace kin

#endif  // KIN_STORE_METRICS_H_
