// The records of one key in an index that is not unique, once there are two or more.
#ifndef KIN_STORE_INTERNAL_POSTING_LIST_H_
#define KIN_STORE_INTERNAL_POSTING_LIST_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "kin/store/internal/count_chain.h"
#include "kin/store/internal/version.h"
#include "kin/store/key.h"

namespace kin::internal {

class PostingList;

// Positions of a list, and all that a reader needs of it to go through them: an index leads to the
// array itself, so that a small list is read from one cache line or two. What changes is written by
// the writer only, and no more once a larger array has taken the place.
struct alignas(64) PostingArray {
  std::uint64_t hash = 0;
  PostingList* list = nullptr;
  std::atomic<Stamp> newest{0};           // No entry is of a later commit.
  std::atomic<std::uint32_t> markers{0};  // Among the entries.
  std::atomic<std::uint32_t> used{0};     // Positions below this may hold an entry.
  std::uint32_t capacity = 0;
  // Records of another key with the same 64-bit hash are here as well: the list's count is of all,
  // so a reader that wants a count must iterate.
  std::atomic<bool> mixed{false};

  // They follow the head, in the rest of its cache line and those behind it.
  static constexpr std::size_t kHeadBytes = 40;
  std::atomic<Version*>* entries() {
    return reinterpret_cast<std::atomic<Version*>*>(reinterpret_cast<char*>(this) + kHeadBytes);
  }
  const std::atomic<Version*>* entries() const {
    return const_cast<PostingArray*>(this)->entries();
  }
  // Whether a view with `limit` sees every entry at once, so that none need be looked at. A reader
  // asks again after each entry that it has read (acquire): an entry that the view does not see is
  // stored (release) after the stamp that tells of it.
  bool AllShown(Stamp limit) const { return newest.load(std::memory_order_relaxed) <= limit; }
  // Whether a record has left and its marker is still there: AllShown does not speak of these.
  bool has_markers() const { return markers.load(std::memory_order_acquire) != 0; }

  // Fills `lines` cache lines, a power of two.
  static PostingArray* New(PostingList* list, std::uint64_t hash, std::size_t lines);
  static void Delete(PostingArray* array);
  std::size_t lines() const { return (kHeadBytes + capacity * sizeof(Version*)) / 64; }
  std::size_t bytes() const { return 64 * lines(); }
};

// An entry is a record's newest version, or the Marker of one that has left.
//
// Invariants:
//  1. An entry keeps its position for as long as any view may see it: all reads of a snapshot give
//     one order. A position is used again only when its entry has been erased, and that happens
//     when no view sees it.
//  2. A larger array is filled, then published (release; pairs with the acquire of readers), then
//     the old one is retired. Readers on the old one find all that their snapshot sees.
//  3. `counts` gives the number of records that a view sees, unless `mixed`. It has no answer for
//     views older than the list; these count by iterating.
//
// Insert, Replace and Erase are O(1) amortised. Readers: thread-safe. Writer: one at a time.
class PostingList {
 public:
  // `key` is the key of the records, encoded.
  PostingList(std::uint64_t hash, Key key);
  ~PostingList();
  PostingList(const PostingList&) = delete;
  PostingList& operator=(const PostingList&) = delete;

  std::uint64_t hash() const { return writable()->hash; }
  const Key& key() const { return key_; }
  const PostingArray* array() const { return array_.load(std::memory_order_acquire); }
  CountChain& counts() { return counts_; }
  const CountChain& counts() const { return counts_; }
  bool mixed() const { return array()->mixed.load(std::memory_order_relaxed); }
  void set_mixed() { writable()->mixed.store(true, std::memory_order_relaxed); }

  // The writer's side.
  // Returns the array before if another took its place: whatever leads to it is to lead to array(),
  // and then it is to be retired.
  PostingArray* Insert(Version* entry);
  void Replace(Version* from, Version* to);
  void Erase(Version* entry);
  bool Contains(const Version* entry) { return FindToChange(entry) >= 0; }
  std::uint32_t size() const { return size_; }  // Entries, markers included.
  std::size_t memory_bytes() const;
  // For HashIndex. What memory_bytes() was when it last asked.
  std::size_t counted_bytes = 0;
  // The markers in the list by the hash of their record's primary key; null until it is made.
  using Marked = absl::flat_hash_map<std::uint64_t, absl::InlinedVector<Marker*, 1>>;
  std::unique_ptr<Marked> marked;

 private:
  // Lists of so many positions, erased ones included, find records' versions through a map, which
  // is made when one is first looked for: who only inserts does not pay for it. To go through a
  // smaller list costs less than to keep a map, of which each change touches several lines and
  // which is larger than the list. A marker knows its position.
  static constexpr std::uint32_t kMappedFrom = 256;
  static constexpr std::uint32_t kRecent = 8;

  // To be called before `entry` is stored.
  void Announce(const Version* entry);
  void CountMarker(const Version* entry, int delta);
  // The position of an entry, -1 if there is none.
  std::int64_t Find(const Version* entry) const;
  std::int64_t Search(const Version* entry, std::uint32_t from, std::uint32_t to) const;
  // The same, for which the map is made.
  std::int64_t FindToChange(const Version* entry);
  void MapPositions();
  void NotePosition(Version* entry, std::uint32_t position);
  PostingArray* Larger();
  PostingArray* writable() const { return array_.load(std::memory_order_relaxed); }

  std::atomic<PostingArray*> array_;
  CountChain counts_;
  const Key key_;
  std::uint32_t size_ = 0;
  std::uint32_t next_ = 0;  // After the position changed last: changes often go from end to end.
  std::vector<std::uint32_t> free_;                               // Erased positions.
  bool mapped_ = false;                                           // Whether there is the map:
  absl::flat_hash_map<const Version*, std::uint32_t> positions_;  // of all but markers.
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_POSTING_LIST_H_
