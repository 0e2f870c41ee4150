// Counters of a store, all taken at about one time.
#ifndef KIN_STORE_STATS_H_
#define KIN_STORE_STATS_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kin/store/commit.h"
#include "kin/store/latency.h"

namespace kin {

struct Stats {
  // The store.
  CommitNumber commit = 0;           // Newest committed.
  std::int64_t records = 0;          // Live records of all models.
  std::int64_t versions = 0;         // Versions in memory, those of live records included.
  std::int64_t retired = 0;          // Objects that wait until no snapshot can reach them.
  std::int64_t memory_bytes = 0;     // Of versions and indexes; not of what messages own.
  std::int64_t snapshots = 0;        // Open now.
  CommitNumber oldest_snapshot = 0;  // Its commit; the newest commit if none is open.
  // How long ago the oldest snapshot was overtaken by a newer commit: since then it has kept old
  // versions in memory. Exact to some hundredths of itself, or of a second. Zero if none was.
  absl::Duration oldest_snapshot_age = absl::ZeroDuration();
  // From the end of a transaction's body until the commit is visible, without waits for durability.
  // One commit in sixteen is timed.
  LatencyHistogram commit_latency;

  // Persistence; zero in a memory-only store.
  CommitNumber durable_commit = 0;
  // Changes that are not in the database yet; those in a batch count once a record.
  std::int64_t lag_records = 0;
  std::int64_t lag_bytes = 0;                 // Memory held to remember them.
  absl::Duration lag = absl::ZeroDuration();  // Age of the oldest commit not in the database.
  std::int64_t batches = 0;                   // Written and committed.
  std::int64_t changes_committed = 0;         // Before coalescing.
  std::int64_t rows_written = 0;              // After it: inserted, updated and deleted rows.
  std::int64_t retries = 0;
  absl::Duration last_flush = absl::ZeroDuration();
  LatencyHistogram flush_latency;   // Of batches, from when the attempt that wrote it began.
  std::int64_t space_waits = 0;     // Writes that waited because write-behind was full.
  std::int64_t space_refusals = 0;  // Of these, the ones that were refused.
  bool halted = false;
  absl::Status halt_cause;  // Why, if halted.
  // What the database does beside its batches, such as checkpoints of its log. What fails is done
  // again, and delays nothing; while it fails, the log grows.
  std::int64_t chores = 0;
  std::int64_t chore_failures = 0;  // Of these.
  absl::Status chore_status;        // Of the last one.
};

}  // namespace kin

#endif  // KIN_STORE_STATS_H_
