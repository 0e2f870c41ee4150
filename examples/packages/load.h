// Loads package lists into a store.
#ifndef KIN_EXAMPLES_PACKAGES_LOAD_H_
#define KIN_EXAMPLES_PACKAGES_LOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kin/examples/packages/facts.h"
#include "kin/examples/packages/graph_writer.h"
#include "kin/examples/packages/input.h"
#include "kin/store/store.h"

namespace packages {

// A load, so far.
struct LoadCounts {
  int64_t lists = 0;
  int64_t paragraphs = 0;
  int64_t added = 0;
  int64_t changed = 0;
  int64_t unchanged = 0;
  int64_t repeated = 0;
  int64_t removed = 0;
  int64_t complaints = 0;  // Bad lines, and versions that two lists describe differently.
};

// Replaces what the store holds by what lists say, in transactions of bounded size:
//
//   ListLoader loader(store, on_complaint, on_progress);
//   for (const std::string& path : paths) if (auto s = loader.Load(path); !s.ok()) return s;
//   if (auto s = loader.Finish(); !s.ok()) return s;
//
// Nothing is removed before Finish. A load that ends earlier leaves the store without a
// PackageList, and the next one brings it in order. Thread-compatible.
class ListLoader {
 public:
  // `on_complaint` is given "FILE:LINE: what is wrong", `on_progress` the file being read.
  ListLoader(kin::Store* store, std::function<void(const std::string&)> on_complaint,
             std::function<void(absl::string_view path, const LoadCounts&)> on_progress);

  // Opens and loads one list. On error what was loaded before it, and part of it, stays.
  absl::Status Load(const std::string& path);
  // The same of a list that is open; `modified` in seconds since 1970, 0 if not known.
  absl::Status Load(const std::string& path, int64_t modified, Input* input);

  // Removes what the loaded lists do not contain, and records which lists these were.
  absl::Status Finish();

  const LoadCounts& counts() const { return counts_; }

 private:
  struct Pending {
    Facts facts;
    int line;
  };

  void Complain(absl::string_view path, int line, absl::string_view what);
  absl::Status Begin();
  absl::Status WritePending(absl::string_view path);

  kin::Store* const store_;
  const std::function<void(const std::string&)> on_complaint_;
  const std::function<void(absl::string_view, const LoadCounts&)> on_progress_;
  GraphWriter writer_;
  LoadCounts counts_;
  std::vector<Pending> pending_;
  std::vector<PackageList> lists_;
};

}  // namespace packages

#endif  // KIN_EXAMPLES_PACKAGES_LOAD_H_
