#include "kin/bench/groups.h"

#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "benchmark/benchmark.h"

namespace kin::bench {
namespace {

struct Group {
  std::vector<std::function<void()>> members;
};

struct Groups {
  std::vector<Group> in_order;
  absl::flat_hash_map<std::string, std::size_t> by_name;
};

Groups& AllGroups() {
  static auto& groups = *new Groups;
  return groups;
}

// Of --benchmark_out: Google Benchmark would write it anew with each group.
std::string& OutputFile() {
  static auto& file = *new std::string;
  return file;
}

// Shows what runs on the console, and keeps it as JSON, as if all groups were one run.
class Reporter : public benchmark::ConsoleReporter {
 public:
  Reporter() : ConsoleReporter(OO_Tabular) {
    json_.SetOutputStream(&text_);
    json_.SetErrorStream(&text_);
    SetErrorStream(&messages_);  // "No benchmark matches" is no news in a group left out.
  }

  bool ReportContext(const Context& context) override {
    if (started_) return true;
    started_ = true;
    json_.ReportContext(context);
    const bool go_on = ConsoleReporter::ReportContext(context);
    std::cerr << messages_.str();
    return go_on;
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    json_.ReportRuns(runs);
    for (const Run& run : runs) failed_ |= run.error_occurred;
  }

  bool started() const { return started_; }
  bool failed() const { return failed_; }
  std::string json() {
    json_.Finalize();
    return text_.str();
  }

 private:
  benchmark::JSONReporter json_;
  std::ostringstream text_;
  std::ostringstream messages_;
  bool started_ = false;
  bool failed_ = false;
};

bool WriteOutput(Reporter& reporter) {
  std::ofstream file(OutputFile());
  file << reporter.json();
  file.close();
  if (!file) std::cerr << "cannot write " << OutputFile() << "\n";
  return !file.fail();
}

}  // namespace

void InGroup(const std::string& group, std::function<void()> add) {
  Groups& groups = AllGroups();
  const auto [it, fresh] = groups.by_name.try_emplace(group, groups.in_order.size());
  if (fresh) groups.in_order.emplace_back();
  groups.in_order[it->second].members.push_back(std::move(add));
}

bool ParseArguments(int argc, char** argv) {
  static auto& defaults = *new std::vector<std::string>{
      "--benchmark_enable_random_interleaving=true",
      "--benchmark_repetitions=15",
      "--benchmark_min_time=0.02",
      "--benchmark_report_aggregates_only=true",
  };
  std::vector<char*> arguments = {argv[0]};
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--benchmark_out=")) {
      OutputFile() = std::string(argument);
    } else if (argument != "--benchmark_out_format=json") {
      arguments.push_back(argv[i]);
    }
  }
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  return !benchmark::ReportUnrecognizedArguments(count, arguments.data());
}

int RunGroups() {
  Reporter reporter;
  std::size_t run = 0;
  for (const Group& group : AllGroups().in_order) {
    benchmark::ClearRegisteredBenchmarks();
    for (const std::function<void()>& add : group.members) add();
    run += benchmark::RunSpecifiedBenchmarks(&reporter);
  }
  benchmark::Shutdown();
  if (run == 0) {
    std::cerr << "no benchmark matches --benchmark_filter=" << benchmark::GetBenchmarkFilter()
              << "\n";
    return 1;
  }
  if (!OutputFile().empty() && reporter.started() && !WriteOutput(reporter)) return 1;
  return reporter.failed() ? 1 : 0;
}

}  // namespace kin::bench
