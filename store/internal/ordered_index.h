// An index that keeps records in the order of a key: for ranges, prefixes, and iteration both ways.
#ifndef KIN_STORE_INTERNAL_ORDERED_INDEX_H_
#define KIN_STORE_INTERNAL_ORDERED_INDEX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/version.h"

namespace kin::internal {

class Table;

// A list of leaves, each with the entries of a part of the key space, that one writer changes while
// readers walk it, and hints by which a leaf is found (as the links of Lehman and Yao, "Efficient
// Locking for Concurrent Operations on B-Trees", 1981; the order of a leaf's slots in one word is
// that of Mao, Kohler and Morris, "Cache Craftiness for Fast Multicore Key-Value Storage", 2012).
//
// A node stands for a (key, record): its bytes are the key and then the record's primary key, both
// encoded so that bytes compare as values do. Its entry is, as in a HashIndex, the record's newest
// version, or a Marker if the record has left the key and an older view may still find it here. In
// the leaf beside the entry are the first eight bytes, which mostly tell all: of a key that is one
// number, nodes need not be touched.
//
// Invariants, W the one writer, R any reader:
//  1. The bytes of a node never change, nor does a leaf's low bound. What a slot of a leaf says of
//     bytes and node is written once, before the leaf's `order` first names the slot (release;
//     R reads `order` acquire). So R that has read `order` may use its slots for as long as it
//     likes, also of nodes that are unlinked meanwhile. A node says where it is (`place_`, release
//     where it moves; R reads it acquire) before any leaf that has it can be reached.
//  2. A leaf has the nodes from its low bound to before that of the one that `next` leads to. The
//     first leaf's is the empty one. W replaces a full leaf by one or two new ones: they are whole
//     before they can be reached (release), and the old one stays as it was: stale, with its
//     `next`.
//  3. R that follows `next` from a leaf, stale or not, comes to a leaf that begins where this one
//     ends, as both were at one time since R's view was taken. So R meets each node that its view
//     needs once: such a node is in some leaf all that time (invariant 6), and moves only to what
//     takes the place of its leaf.
//  4. Only a leaf without nodes goes out of the list, and the one before it then ends where it
//     ended. R that stands on it goes on by its `next`.
//  5. Hints lead to leaves that were in the list since R's view was taken, and these stay allocated
//     as long as that view (reclaimer.h), as do nodes. But R may see a half-moved array: which leaf
//     a hint leads to is only believed after a look at the leaf's low bound, and who is left of the
//     leaf it seeks goes on by `next`.
//  6. A node that a view may need is not unlinked: markers stay until no view is older.
//  7. An entry that is no marker has the key of its node. So only R that walks back to an older
//     version has to compare that version's key.
//  8. In a stale leaf an entry is what it was when that leaf was replaced. Whatever took its place
//     since is of a commit that R does not see, or else R would have found the leaf's successor,
//     and leads R back to the same version; and what was replaced stays allocated as long as R's
//     view.
//
// Readers: thread-safe. Writer: guarded by the store's writer lock.
class OrderedIndex {
  struct Leaf;

 public:
  class Node {
   public:
    absl::string_view bytes() const {
      return {reinterpret_cast<const char*>(this) + sizeof(Node), size_};
    }
    Version* entry() const;
    // The next one in order, null if there is none; also of a node that has been unlinked.
    const Node* next() const;

   private:
    friend class OrderedIndex;
    explicit Node(std::uint32_t size) : size_(size) {}
    // The leaf, and in the low bits the slot in it. After the node was unlinked: where it was.
    std::atomic<std::uintptr_t> place_{0};
    const std::uint32_t size_;  // Of the bytes, which follow.
  };
  // A node and its entry.
  struct Entry {
    const Version* version = nullptr;
    const Node* node = nullptr;
  };
  // A place between two nodes, from which to go on. For one thread.
  class Place {
   public:
    bool at_end() const { return leaf_ == nullptr; }

   private:
    friend class OrderedIndex;
    const Leaf* leaf_ = nullptr;
    std::uint64_t order_ = 0;
    int rank_ = 0;
  };

  // `index` counts in the model's indexes.
  OrderedIndex(Table* table, int index);
  ~OrderedIndex();
  OrderedIndex(const OrderedIndex&) = delete;
  OrderedIndex& operator=(const OrderedIndex&) = delete;

  Table* table() const { return table_; }
  int index() const { return index_; }

  // Reading. Null: there is none. O(log n) each, next() O(1).
  const Node* First() const;
  const Node* Last() const;
  // The first node with bytes >= `bytes`; the last one with bytes < `bytes`.
  const Node* LowerBound(absl::string_view bytes) const;
  const Node* Before(absl::string_view bytes) const;
  // Before the first node with bytes >= `bytes`.
  Place Seek(absl::string_view bytes) const;
  // Stores up to out.size() entries, from *place on, of nodes with bytes < `end` (empty: all), and
  // in *place where to go on. Returns how many; fewer than there is room for: there are no more.
  std::size_t Gather(Place* place, absl::string_view end, absl::Span<Entry> out) const;
  // About how many nodes have `begin` <= bytes < `end` (empty: no bound). O(log n). In *start, if
  // given, what Seek(begin) gives.
  std::int64_t EstimateCount(absl::string_view begin, absl::string_view end,
                             Place* start = nullptr) const;
  // The version that a view sees of the record of a node, null if it sees none there.
  const Version* Visible(const Node& node, Stamp limit) const {
    return Visible({node.entry(), &node}, limit);
  }
  const Version* Visible(const Entry& entry, Stamp limit) const {
    if (Shows(entry.version, limit)) return entry.version;
    return VisibleBehind(entry, limit);
  }

  // What the fields of this index in `record` are encoded as: the beginning of a node's bytes.
  // False if one is absent.
  bool EncodeKey(const google::protobuf::Message& record, std::string* bytes) const;

  // The writer's side. Find and Add are O(log n), Add O(1) at the end.
  //
  // The node of a record's key, null if there is none. REQUIRES: the key is present.
  Node* Find(const google::protobuf::Message& record) const;
  // REQUIRES: there is no such node.
  Node* Add(const google::protobuf::Message& record, Version* entry);
  static void SetEntry(Node* node, Version* entry);
  // Takes the node out; the caller retires it, for DeleteNode.
  void Unlink(Node* node);
  static void DeleteNode(Node* node);

  std::size_t memory_bytes() const { return memory_bytes_; }
  // Whether leaves and hints are as the invariants say. For the writer.
  bool Sound() const;

 private:
  struct Key;    // Bytes to look for.
  struct Hints;  // A sorted array of what leads to leaves.
  struct Block;
  struct Found {  // Where the hint to a leaf is.
    std::size_t block = 0;
    std::size_t slot = 0;
  };

  static Leaf* NewLeaf(absl::string_view low);
  Node* NewNode(absl::string_view bytes);
  std::string NodeBytes(const google::protobuf::Message& record) const;
  const Version* VisibleBehind(const Entry& entry, Stamp limit) const;
  static const Node* NodeFrom(const Leaf* leaf, std::uint64_t order, int rank);

  // The last leaf whose low bound is <= `key`, or with `before` is < `key`; if *at is given, also
  // where the hint to it is, or nearly so.
  const Leaf* FindLeaf(const Key& key, bool before, Found* at = nullptr) const;
  const Leaf* LastLeaf() const;

  // The writer's.
  void AddToLeaf(Leaf* leaf, int rank, Node* node, std::uint64_t prefix, Version* entry);
  void AppendLeaf(Node* node, Version* entry);
  void Split(Leaf* leaf, int rank, Node* node, Version* entry);
  void RemoveLeaf(Leaf* leaf);
  void RetireLeaf(Leaf* leaf);
  Found HintOf(const Leaf& leaf) const;
  void ReplaceHint(Found at, Leaf* leaf);
  void InsertHint(Found after, Leaf* leaf);
  void EraseHint(Found at);

  Table* const table_;
  const int index_;
  std::atomic<Leaf*> first_;
  Leaf* last_;                  // Writer only.
  std::atomic<Hints*> blocks_;  // Of Block: each leads to leaves in order.
  std::atomic<std::int64_t> nodes_{0};
  std::atomic<std::int64_t> leaves_{1};
  std::size_t memory_bytes_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ORDERED_INDEX_H_
