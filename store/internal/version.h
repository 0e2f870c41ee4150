// One version of a record, and how a reader walks to the one it sees.
#ifndef KIN_STORE_INTERNAL_VERSION_H_
#define KIN_STORE_INTERNAL_VERSION_H_

#include <atomic>
#include <cstdint>

#include "absl/base/attributes.h"
#include "kin/store/commit.h"

namespace kin::internal {

// A commit number, and a flag in the highest bit: so "is it visible, and not deleted" is one
// comparison. A view of commit c sees what was made in commits up to LimitOf(c).
using Stamp = std::uint64_t;
inline constexpr Stamp kDeletedFlag = Stamp{1} << 63;
constexpr Stamp StampOf(CommitNumber commit) { return commit; }
constexpr Stamp LimitOf(CommitNumber commit) { return commit; }
constexpr CommitNumber CommitOf(Stamp stamp) { return stamp & ~kDeletedFlag; }

// The head of a version. The record's message follows it in the same allocation (for models known
// only at run time, a pointer to the message).
//
// Two kinds carry kDeletedFlag and show a reader "nothing here":
//   - in a primary index, the version that says the record is deleted; its message holds the key;
//   - in a secondary index, a Marker, which says that the record left this entry.
//
// Invariants:
//  1. `stamp` and the message never change once the version can be reached.
//  2. `older` leads to versions of earlier commits. What is behind it is alive for every reader
//  whose
//     limit is below the version's commit, and for no other: a reader goes on only while
//     CommitOf(stamp) > limit.
//  3. The writer may change `older` to skip versions that no snapshot sees (release; pairs with
//     the acquire in VisibleAt). Either value leads a reader to the same visible version.
struct Version {
  Stamp stamp = 0;
  std::atomic<Version*> older{nullptr};

  bool deleted() const { return (stamp & kDeletedFlag) != 0; }
};
static_assert(sizeof(Version) == 16, "a 48-byte message and its head fill one cache line");

// Stands in a secondary index for a record that has left the entry, for as long as an older
// snapshot can still find it there. `hash` is the entry's, which the record no longer tells.
// `older` is the version that left, or, if the transaction that left had made that one itself, the
// one before it (null if none); that does not change.
//
// In an ordered index `hash` is the address of the node.
struct Marker : Version {
  std::uint64_t hash = 0;
  std::uint32_t position = 0;  // In a posting list: where it stands.
};

// Asks for the memory of a version and, unless it is large, its record. Into the second-level
// cache: a processor lets more loads of that be under way at once. (A hundred records of two lines
// each took an AMD Zen 4 0.65 us so, and 1.6 us into the first.)
//
// To be inlined, as all that only asks for memory: GCC takes such a function for one without
// effects, and removes the calls.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchVersion(const Version* version) {
  const char* bytes = reinterpret_cast<const char*>(version);
  __builtin_prefetch(bytes, /*rw=*/0, /*locality=*/2);
  __builtin_prefetch(bytes + 64, /*rw=*/0, /*locality=*/2);
}

// Whether a reader with `limit` sees this version, so need not look for an older one.
inline bool Shows(const Version* version, Stamp limit) {
  return version->stamp <= limit;  // With kDeletedFlag it is above every limit.
}

// The version that a reader with `limit` sees, starting from the newest; null if there is none or
// the record is deleted.
inline const Version* VisibleAt(const Version* version, Stamp limit) {
  while (CommitOf(version->stamp) > limit) {
    // Pairs with the release stores of the writer that link or relink versions.
    version = version->older.load(std::memory_order_acquire);
    if (version == nullptr) return nullptr;
  }
  return version->deleted() ? nullptr : version;
}

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_VERSION_H_
