// The records of one key in an index that is not unique, once there are two or more.
#ifndef KIN_STORE_INTERNAL_POSTING_LIST_H_
#define KIN_STORE_INTERNAL_POSTING_LIST_H_

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kin/store/internal/count_chain.h"
#include "kin/store/internal/version.h"
#include "kin/store/key.h"

namespace kin::internal {

// Positions of a list. `used` and the entries are written by the writer only.
struct PostingArray {
  std::uint32_t capacity = 0;
  std::atomic<std::uint32_t> used{0};  // Positions below this may hold an entry.

  std::atomic<Version*>* entries() { return reinterpret_cast<std::atomic<Version*>*>(this + 1); }
  const std::atomic<Version*>* entries() const {
    return reinterpret_cast<const std::atomic<Version*>*>(this + 1);
  }
  static PostingArray* New(std::uint32_t capacity);
  static void Delete(PostingArray* array);
  std::size_t bytes() const { return sizeof(PostingArray) + capacity * sizeof(Version*); }
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
  PostingList(std::uint64_t hash, Key key) : hash_(hash), key_(std::move(key)) {}
  ~PostingList();
  PostingList(const PostingList&) = delete;
  PostingList& operator=(const PostingList&) = delete;

  std::uint64_t hash() const { return hash_; }
  const Key& key() const { return key_; }
  const PostingArray* array() const { return array_.load(std::memory_order_acquire); }
  CountChain& counts() { return counts_; }
  const CountChain& counts() const { return counts_; }
  // Whether a view with `limit` sees every entry of the array at once, so that none need be looked
  // at. A reader asks again after each entry that it has read (acquire): an entry that the view
  // does not see is stored (release) after the stamp that tells of it.
  bool AllShown(Stamp limit) const { return newest_.load(std::memory_order_relaxed) <= limit; }
  // Whether a record has left and its marker is still there: AllShown does not speak of these.
  bool has_markers() const { return markers_.load(std::memory_order_acquire) != 0; }
  // Records of another key with the same 64-bit hash are here as well: the count is of all, so a
  // reader that wants a count must iterate.
  bool mixed() const { return mixed_.load(std::memory_order_relaxed); }
  void set_mixed() { mixed_.store(true, std::memory_order_relaxed); }

  // The writer's side.
  // Returns an array to be retired, or null.
  PostingArray* Insert(Version* entry);
  void Replace(Version* from, Version* to);
  void Erase(Version* entry);
  bool Contains(const Version* entry) { return FindToChange(entry) >= 0; }
  std::uint32_t size() const { return size_; }  // Entries, markers included.
  std::size_t memory_bytes() const;

 private:
  // Larger lists find entries through a map, which is made when an entry is first looked for: who
  // only inserts does not pay for it.
  static constexpr std::uint32_t kMappedFrom = 24;
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
  PostingArray* writable() { return array_.load(std::memory_order_relaxed); }

  const std::uint64_t hash_;
  const Key key_;
  std::atomic<PostingArray*> array_{nullptr};
  CountChain counts_;
  std::atomic<bool> mixed_{false};
  std::atomic<std::uint32_t> markers_{0};  // Among the entries.
  std::atomic<Stamp> newest_{0};           // No entry is of a later commit.

  std::uint32_t size_ = 0;
  std::vector<std::uint32_t> free_;                               // Erased positions.
  absl::flat_hash_map<const Version*, std::uint32_t> positions_;  // Empty: not made.
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_POSTING_LIST_H_
