// What Explain() says of a query.
#ifndef KIN_STORE_QUERY_EXPLANATION_H_
#define KIN_STORE_QUERY_EXPLANATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kin::query {

// Thread-safety: a value.
struct Explanation {
  // A way to find the records.
  struct Way {
    std::string path;    // "ordered index (age), a range of it"
    double rows = 0;     // How many records it was estimated to visit.
    double cost = 0;     // What that was estimated to cost: nanoseconds, roughly.
    std::string reason;  // Why it was not taken.
  };

  std::string model;      // "accounts.User"
  std::string condition;  // "age >= 18"
  Way chosen;
  std::vector<Way> others;
  // The parts of the condition that are judged record by record, and why no index does it.
  std::vector<std::string> judged;
  // "by the index", "sorted", "the first 10 are kept"; empty if no order is wanted.
  std::string order;
  // After a run: how many records the chosen way has visited, and how many of them were found.
  std::optional<std::int64_t> visited;
  std::optional<std::int64_t> found;

  // Several lines, for people.
  std::string ToString() const;
};

}  // namespace kin::query

#endif  // KIN_STORE_QUERY_EXPLANATION_H_
