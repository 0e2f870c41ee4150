// What is committed and in no batch yet.
//
// A store passes on one commit at a time, and none while CommitSource::Cut calls back. So neither
// adding to a backlog nor taking from it needs a lock: what one commit costs beside that is three
// numbers that others may read.
#ifndef KIN_PERSISTENCE_BACKLOG_H_
#define KIN_PERSISTENCE_BACKLOG_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "kin/persistence/change_log.h"
#include "kin/persistence/watched_fields.h"
#include "kin/store/change.h"
#include "kin/store/commit.h"
#include "kin/store/schema.h"

namespace kin::persistence {

// The numbers are thread-safe, each for itself. Begin, Append and Take exclude one another: see
// above.
class Backlog {
 public:
  Backlog() = default;
  Backlog(const Backlog&) = delete;
  Backlog& operator=(const Backlog&) = delete;

  // Before the first of the others: the models, and the commit up to which all is written.
  void Begin(const Schema& schema, CommitNumber commit);

  // O(changes); never moves what is already there, so it has no bad moments.
  void Append(CommitNumber commit, absl::Span<const Change> changes);
  // What was appended since the last call, by model. Leaves nothing.
  std::vector<ChangeLog> Take();

  CommitNumber newest() const { return newest_.load(std::memory_order_relaxed); }
  // What Take would give: changes, those of one record counted one by one, and the memory they
  // take.
  std::int64_t changes() const { return changes_.load(std::memory_order_relaxed); }
  std::int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // What was appended since Begin. Not beside Take.
  std::int64_t all_changes() const { return taken_.load(std::memory_order_relaxed) + changes(); }

 private:
  std::vector<WatchedFields> watched_;  // By model.
  std::vector<bool> number_keys_;       // By model.

  std::vector<ChangeLog> logs_;  // By model.
  std::atomic<CommitNumber> newest_{0};
  std::atomic<std::int64_t> changes_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::int64_t> taken_{0};  // Changes.
};

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_BACKLOG_H_
