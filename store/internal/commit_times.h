// When commits were made, roughly, to tell how old a snapshot is.
#ifndef KIN_STORE_INTERNAL_COMMIT_TIMES_H_
#define KIN_STORE_INTERNAL_COMMIT_TIMES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "kin/store/commit.h"

namespace kin::internal {

// Times in nanoseconds, of any clock that does not go back. Commits that follow each other closely
// are noted as one; of a long past fewer and fewer are told apart. Some tens of KiB at most,
// however long a snapshot stays. Thread-compatible.
class CommitTimes {
 public:
  // How exact TimeOf is, for the newest commits.
  static constexpr std::int64_t kSpacing = 10'000'000;

  // Notes that `commit`, newer than all before, was made at `now`. O(1) in nearly every call.
  void Note(CommitNumber commit, std::int64_t now) {
    if (!times_.empty() && now - times_.back().second < kSpacing) return;
    if (times_.size() == kMost) Thin();
    times_.emplace_back(commit, now);
  }

  // Commits before `oldest` are asked for no more.
  void Forget(CommitNumber oldest) {
    const auto keep = AtOrBefore(oldest);
    if (keep != times_.end() && keep - times_.begin() > static_cast<std::ptrdiff_t>(kMost / 4)) {
      times_.erase(times_.begin(), keep);
    }
  }

  // When `commit` was made, or a little earlier; `otherwise` if nothing is known of it.
  std::int64_t TimeOf(CommitNumber commit, std::int64_t otherwise) const {
    const auto it = AtOrBefore(commit);
    return it == times_.end() ? otherwise : it->second;
  }

 private:
  static constexpr std::size_t kMost = 2048;
  using Times = std::vector<std::pair<CommitNumber, std::int64_t>>;

  // The last that is not after `commit`; the end if there is none.
  Times::const_iterator AtOrBefore(CommitNumber commit) const {
    auto after = std::upper_bound(
        times_.begin(), times_.end(), commit,
        [](CommitNumber number, const auto& noted) { return number < noted.first; });
    return after == times_.begin() ? times_.end() : std::prev(after);
  }

  // Every second of the older half goes.
  void Thin() {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < times_.size(); ++i) {
      if (i >= kMost / 2 || i % 2 == 0) times_[kept++] = times_[i];
    }
    times_.resize(kept);
  }

  Times times_;  // By commit, and by time.
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_COMMIT_TIMES_H_
