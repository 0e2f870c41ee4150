#include "kin/persistence/backlog.h"

#include <cstddef>
#include <utility>

namespace kin::persistence {

void Backlog::Begin(const Schema& schema, CommitNumber commit) {
  for (std::size_t model = 0; model < schema.graph().models.size(); ++model) {
    watched_.emplace_back(schema, static_cast<int>(model));
    number_keys_.push_back(schema.has_number_key(static_cast<int>(model)));
    logs_.emplace_back(number_keys_.back());
  }
  newest_.store(commit, std::memory_order_relaxed);
}

void Backlog::Append(CommitNumber commit, absl::Span<const Change> changes) {
  std::int64_t bytes = 0;
  for (const Change& change : changes) {
    ChangeFlags flags = 0;
    if (change.before == nullptr) {
      flags = kInserted;
    } else if (change.after != nullptr) {
      flags = watched_[change.model].Compare(*change.before, *change.after);
    }
    ChangeLog& log = logs_[change.model];
    const std::size_t before = log.bytes();
    log.Append(change.key, flags);
    bytes += static_cast<std::int64_t>(log.bytes() - before);
  }
  // Nobody else writes them: to load and to store is enough.
  newest_.store(commit, std::memory_order_relaxed);
  changes_.store(this->changes() + static_cast<std::int64_t>(changes.size()),
                 std::memory_order_relaxed);
  bytes_.store(this->bytes() + bytes, std::memory_order_relaxed);
}

std::vector<ChangeLog> Backlog::Take() {
  std::vector<ChangeLog> taken = std::move(logs_);
  logs_.clear();
  for (bool number_keys : number_keys_) logs_.emplace_back(number_keys);
  taken_.store(all_changes(), std::memory_order_relaxed);
  changes_.store(0, std::memory_order_relaxed);
  bytes_.store(0, std::memory_order_relaxed);
  return taken;
}

}  // namespace kin::persistence
