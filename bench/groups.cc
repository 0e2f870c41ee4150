#include "kin/bench/groups.h"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "benchmark/benchmark.h"

namespace kin::bench {
namespace {

struct Group {
  Turns turns = Turns::kMany;
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

struct Arguments {
  std::string output;  // Of --benchmark_out: Google Benchmark would write it anew with each turn.
  int turns = 15;      // Of --benchmark_repetitions.
};

Arguments& GivenArguments() {
  static auto& arguments = *new Arguments;
  return arguments;
}

// Keeps what runs as JSON, as if all groups were one run, and shows the medians of a group.
class Reporter : public benchmark::BenchmarkReporter {
 public:
  Reporter() {
    json_.SetOutputStream(&text_);
    json_.SetErrorStream(&text_);
    SetOutputStream(&messages_);
    SetErrorStream(&messages_);  // "No benchmark matches" is no news in a group left out.
  }

  void BeginTurn(int turn, int turns) {
    turn_ = turn;
    turns_ = turns;
  }
  // Shows the medians of the turns since the last group.
  void EndGroup() {
    for (const std::string& name : names_) {
      std::vector<Run>& runs = runs_[name];
      std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
        return a.GetAdjustedRealTime() < b.GetAdjustedRealTime();
      });
      console_.ReportRuns({runs[runs.size() / 2]});
    }
    names_.clear();
    runs_.clear();
  }

  bool ReportContext(const Context& context) override {
    if (started_) return true;
    started_ = true;
    json_.ReportContext(context);
    return console_.ReportContext(context);
  }
  void ReportRuns(const std::vector<Run>& runs) override {
    std::vector<Run> numbered = runs;
    for (Run& run : numbered) {
      run.repetition_index = turn_;
      run.repetitions = turns_;
      failed_ |= run.error_occurred;
      std::vector<Run>& same = runs_[run.benchmark_name()];
      if (same.empty()) names_.push_back(run.benchmark_name());
      same.push_back(run);
    }
    json_.ReportRuns(numbered);
  }

  bool started() const { return started_; }
  bool failed() const { return failed_; }
  std::string json() {
    json_.Finalize();
    return text_.str();
  }

 private:
  benchmark::ConsoleReporter console_{benchmark::ConsoleReporter::OO_Tabular};
  benchmark::JSONReporter json_;
  std::ostringstream text_;
  std::ostringstream messages_;
  std::vector<std::string> names_;  // In the order of a group's members.
  absl::flat_hash_map<std::string, std::vector<Run>> runs_;
  int turn_ = 0;
  int turns_ = 1;
  bool started_ = false;
  bool failed_ = false;
};

bool WriteOutput(Reporter& reporter) {
  const std::string& path = GivenArguments().output;
  std::ofstream file(path);
  file << reporter.json();
  file.close();
  if (!file) std::cerr << "cannot write " << path << "\n";
  return !file.fail();
}

}  // namespace

void InGroup(const std::string& group, std::function<void()> add, Turns turns) {
  Groups& groups = AllGroups();
  const auto [it, fresh] = groups.by_name.try_emplace(group, groups.in_order.size());
  if (fresh) groups.in_order.emplace_back();
  groups.in_order[it->second].turns = turns;
  groups.in_order[it->second].members.push_back(std::move(add));
}

bool ParseArguments(int argc, char** argv) {
  static auto& turn = *new std::string("--benchmark_min_time=0.02");
  std::vector<char*> arguments = {argv[0], turn.data()};
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--benchmark_out=")) {
      GivenArguments().output = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--benchmark_repetitions=")) {
      if (!absl::SimpleAtoi(argument, &GivenArguments().turns)) return false;
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
    const int turns = group.turns == Turns::kOnce ? 1 : GivenArguments().turns;
    for (int turn = 0; turn < turns; ++turn) {
      benchmark::ClearRegisteredBenchmarks();
      for (const std::function<void()>& add : group.members) add();
      reporter.BeginTurn(turn, turns);
      const std::size_t matched = benchmark::RunSpecifiedBenchmarks(&reporter);
      run += matched;
      if (matched == 0) break;
    }
    reporter.EndGroup();
  }
  benchmark::Shutdown();
  if (run == 0) {
    std::cerr << "no benchmark matches --benchmark_filter=" << benchmark::GetBenchmarkFilter()
              << "\n";
    return 1;
  }
  if (!GivenArguments().output.empty() && reporter.started() && !WriteOutput(reporter)) return 1;
  return reporter.failed() ? 1 : 0;
}

}  // namespace kin::bench
