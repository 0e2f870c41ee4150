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

// A skip list (William Pugh, "Skip Lists: A Probabilistic Alternative to Balanced Trees", 1990)
// that one writer changes while readers walk it.
//
// A node stands for a (key, record): its bytes are the key and then the record's primary key, both
// encoded so that bytes compare as values do. Its entry is, as in a HashIndex, the record's newest
// version, or a Marker if the record has left the key and an older view may still find it here.
//
// Invariants, W the one writer, R any reader:
//  1. The bytes of a node never change.
//  2. W links a node from the lowest level up, each predecessor's pointer release, after the node's
//     own pointers are set. R follows pointers acquire. So R sees whole nodes, and the lowest level
//     always leads through all of them.
//  3. W unlinks a node from the highest level down and leaves the node's own pointers: R that
//  stands
//     on it goes on from there, to nodes that were linked after it when it was unlinked. Those stay
//     allocated as long as R's view (reclaimer.h), also if they are unlinked meanwhile.
//  4. A node that a view may need is not unlinked: markers stay until no view is older.
//  5. An entry that is no marker has the key of its node. So only R that walks back to an older
//     version has to compare that version's key.
//
// Readers: thread-safe. Writer: guarded by the store's writer lock.
class OrderedIndex {
 public:
  static constexpr int kMaxHeight = 16;  // Enough for 4^16 nodes at one in four.

  class Node {
   public:
    absl::string_view bytes() const {
      return {reinterpret_cast<const char*>(next_ + height_), bytes_};
    }
    Version* entry() const { return entry_.load(std::memory_order_acquire); }
    const Node* next() const { return next_[0].load(std::memory_order_acquire); }

   private:
    friend class OrderedIndex;
    Node() = default;
    std::atomic<Version*> entry_{nullptr};
    std::uint32_t bytes_ = 0;
    std::uint32_t height_ = 0;
    std::atomic<Node*> next_[1];  // `height_` of them, then the bytes.
  };

  // `index` counts in the model's indexes.
  OrderedIndex(Table* table, int index);
  ~OrderedIndex();
  OrderedIndex(const OrderedIndex&) = delete;
  OrderedIndex& operator=(const OrderedIndex&) = delete;

  Table* table() const { return table_; }
  int index() const { return index_; }

  // Reading. Null: there is none. O(log n) each, next() O(1).
  const Node* First() const { return head_->next(); }
  const Node* Last() const;
  // The first node with bytes >= `bytes`; the last one with bytes < `bytes`.
  const Node* LowerBound(absl::string_view bytes) const;
  const Node* Before(absl::string_view bytes) const;
  // Stores up to out.size() nodes, from *next on, with bytes < `end` (empty: all), and in *next the
  // one to go on with, null if there is none. Returns how many. As next(), but for records that are
  // far from each other in memory much faster.
  std::size_t Gather(const Node** next, absl::string_view end, absl::Span<const Node*> out) const;
  // About how many nodes have `begin` <= bytes < `end` (empty: no bound). O(log n).
  std::int64_t EstimateCount(absl::string_view begin, absl::string_view end) const;
  // The version that a view sees of the record of a node, null if it sees none there.
  const Version* Visible(const Node& node, Stamp limit) const;

  // What the fields of this index in `record` are encoded as: the beginning of a node's bytes.
  // False if one is absent.
  bool EncodeKey(const google::protobuf::Message& record, std::string* bytes) const;

  // The writer's side. Find and Add are O(log n), Add O(1) at the end.
  //
  // The node of a record's key, null if there is none. REQUIRES: the key is present.
  Node* Find(const google::protobuf::Message& record) const;
  // REQUIRES: there is no such node.
  Node* Add(const google::protobuf::Message& record, Version* entry);
  static void SetEntry(Node* node, Version* entry) {
    node->entry_.store(entry, std::memory_order_release);
  }
  // Takes the node out; the caller retires it, for DeleteNode.
  void Unlink(Node* node);
  static void DeleteNode(Node* node);

  std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  // Asks for the memory of about `count` nodes from `from` on, and of their records.
  void Warm(const Node* from, absl::string_view end, std::size_t count) const;
  static Node* NewNode(absl::string_view bytes, int height);
  int RandomHeight();
  // For each level the last node with bytes < `bytes`.
  void FindPredecessors(absl::string_view bytes, Node** predecessors) const;
  std::string NodeBytes(const google::protobuf::Message& record) const;

  Table* const table_;
  const int index_;
  Node* const head_;  // Of full height, before all nodes.
  std::atomic<int> height_{1};
  Node* tail_[kMaxHeight];  // Writer only: the last node of each level.
  std::uint64_t random_ = 0x9e3779b97f4a7c15u;
  std::size_t memory_bytes_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_ORDERED_INDEX_H_
