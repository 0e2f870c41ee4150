// Over 600 lines: leaves, the hints that lead to them and their changes rest on the same
// invariants.
#include "kin/store/internal/ordered_index.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "absl/base/internal/endian.h"
#include "kin/store/internal/table.h"

namespace kin::internal {
namespace {

// The first eight bytes as a number: where two differ, they compare as the bytes do.
std::uint64_t PrefixOf(absl::string_view bytes) {
  if (bytes.size() >= 8) return absl::big_endian::Load64(bytes.data());
  char padded[8] = {};
  if (!bytes.empty()) std::memcpy(padded, bytes.data(), bytes.size());
  return absl::big_endian::Load64(padded);
}

// The order of a leaf's slots: in the lowest four bits how many there are, then the slot of each.
using Order = std::uint64_t;
int CountIn(Order order) { return static_cast<int>(order & 15); }
int SlotAt(Order order, int rank) { return static_cast<int>(order >> (4 * rank + 4) & 15); }
Order WithSlot(Order order, int rank, int slot) {
  const Order below = (Order{1} << (4 * rank + 4)) - 1;
  return ((order & below) | Order(slot) << (4 * rank + 4) | (order & ~below) << 4) + 1;
}
Order WithoutRank(Order order, int rank) {
  const Order below = (Order{1} << (4 * rank + 4)) - 1;
  return ((order & below) | (order >> 4 & ~below)) - 1;
}

}  // namespace

// Bytes to look for.
struct OrderedIndex::Key {
  explicit Key(absl::string_view of) : prefix(PrefixOf(of)), bytes(of) {}

  std::uint64_t prefix;
  absl::string_view bytes;
};

// Aligned, so that the low bits of its address are free for a slot.
struct alignas(64) OrderedIndex::Leaf {
  static constexpr int kSlots = 15;

  std::atomic<Order> order{0};
  std::atomic<Leaf*> next{nullptr};
  // Of the low bound of the next leaf, to be believed where it is above what is sought.
  std::atomic<std::uint64_t> end_prefix{~std::uint64_t{0}};
  std::uint64_t low_prefix = 0;
  Leaf* previous = nullptr;  // Writer only.
  std::uint32_t low_size = 0;
  int used = 0;  // Writer only: slots, each of which is used once.
  std::uint64_t prefix[kSlots];
  std::atomic<Version*> entry[kSlots];
  Node* node[kSlots];
  // The low bound follows.

  absl::string_view low() const {
    return {reinterpret_cast<const char*>(this) + sizeof(Leaf), low_size};
  }
  // Whether its low bound is <= the key; with `before`, < it.
  bool Begins(const Key& key, bool before) const {
    if (low_prefix != key.prefix) return low_prefix < key.prefix;
    return before ? low() < key.bytes : low() <= key.bytes;
  }
  bool Less(int slot, const Key& key) const {
    if (prefix[slot] != key.prefix) return prefix[slot] < key.prefix;
    return node[slot]->bytes() < key.bytes;
  }
  // How many nodes of an order are before the key.
  int RankOf(Order of, const Key& key) const {
    int low = 0;
    int high = CountIn(of);
    while (low < high) {
      const int middle = (low + high) / 2;
      if (Less(SlotAt(of, middle), key)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
  static std::size_t BytesFor(std::size_t low_size) {
    return (sizeof(Leaf) + low_size + 63) / 64 * 64;
  }
  std::size_t memory_bytes() const { return BytesFor(low_size); }
  // Asks for all of it but the nodes: a search touches several of its lines, one after the other.
  void Prefetch() const {
    for (std::size_t at = 0; at < offsetof(Leaf, node); at += 64) {
      __builtin_prefetch(reinterpret_cast<const char*>(this) + at);
    }
  }

  // For a leaf that is not published yet: `slots` nodes, in order.
  void Append(Node* of, std::uint64_t of_prefix, Version* of_entry) {
    prefix[used] = of_prefix;
    entry[used].store(of_entry, std::memory_order_relaxed);
    node[used] = of;
    order.store(WithSlot(order.load(std::memory_order_relaxed), used, used),
                std::memory_order_relaxed);
    ++used;
  }
  // From now on a node, or each, says that it is here.
  void TakeNode(int slot) {
    node[slot]->place_.store(reinterpret_cast<std::uintptr_t>(this) | static_cast<unsigned>(slot),
                             std::memory_order_release);
  }
  void TakeNodes() {
    for (int i = 0; i < used; ++i) TakeNode(i);
  }
};

// Prefixes and what they lead to, in order: leaves, or blocks of them. W moves items within the
// array while R may read it; `size` is stored (release) after an item beyond the former size.
struct OrderedIndex::Hints {
  struct Item {
    std::atomic<std::uint64_t> prefix{0};
    std::atomic<void*> to{nullptr};
  };

  explicit Hints(std::size_t room) : capacity(room), items(new Item[room]) {}
  ~Hints() { delete[] items; }

  void Set(std::size_t i, std::uint64_t prefix, void* to) {
    items[i].prefix.store(prefix, std::memory_order_relaxed);
    items[i].to.store(to, std::memory_order_release);
  }
  void Copy(std::size_t from, std::size_t to) {
    Set(to, items[from].prefix.load(std::memory_order_relaxed),
        items[from].to.load(std::memory_order_relaxed));
  }
  void Insert(std::size_t at, std::uint64_t prefix, void* to) {
    const std::size_t count = size.load(std::memory_order_relaxed);
    for (std::size_t i = count; i > at; --i) Copy(i - 1, i);
    Set(at, prefix, to);
    size.store(count + 1, std::memory_order_release);
  }
  void Erase(std::size_t at) {
    const std::size_t count = size.load(std::memory_order_relaxed);
    for (std::size_t i = at + 1; i < count; ++i) Copy(i, i - 1);
    size.store(count - 1, std::memory_order_release);
  }
  // How many of the first `count` items begin at the key or before, as far as can be told.
  template <typename Tie>
  std::size_t CountUpTo(std::uint64_t prefix, std::size_t count, Tie tie) const {
    std::size_t low = 0;
    std::size_t high = count;
    while (low < high) {
      const std::size_t middle = (low + high) / 2;
      const std::uint64_t other = items[middle].prefix.load(std::memory_order_relaxed);
      if (other != prefix ? other < prefix
                          : tie(items[middle].to.load(std::memory_order_acquire))) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  std::size_t memory_bytes() const { return sizeof(Hints) + capacity * sizeof(Item); }

  const std::size_t capacity;
  std::atomic<std::size_t> size{0};
  Item* const items;
};

struct OrderedIndex::Block {
  static constexpr std::size_t kLeaves = 128;

  Block() : hints(kLeaves) {}
  Leaf* leaf(std::size_t i) const {
    return static_cast<Leaf*>(hints.items[i].to.load(std::memory_order_acquire));
  }
  std::size_t size() const { return hints.size.load(std::memory_order_acquire); }
  std::size_t memory_bytes() const { return sizeof(Block) - sizeof(Hints) + hints.memory_bytes(); }
  // Asks for the items that the first steps of a search may touch.
  void Prefetch() const {
    constexpr std::size_t kStep = kLeaves / 8;
    for (std::size_t i = kStep; i < kLeaves; i += kStep) __builtin_prefetch(&hints.items[i]);
  }

  Hints hints;
};

namespace {

template <typename T>
void DeleteObject(void* object, Table* /*table*/) {
  delete static_cast<T*>(object);
}

}  // namespace

OrderedIndex::OrderedIndex(Table* table, int index)
    : table_(table), index_(index), first_(NewLeaf("")), last_(first_.load()) {
  auto* block = new Block;
  block->hints.Insert(0, 0, last_);
  auto* blocks = new Hints(16);
  blocks->Insert(0, 0, block);
  blocks_.store(blocks, std::memory_order_release);
  memory_bytes_ = last_->memory_bytes() + block->memory_bytes() + blocks->memory_bytes();
}

OrderedIndex::~OrderedIndex() {
  for (Leaf* leaf = first_.load(); leaf != nullptr;) {
    const Order order = leaf->order.load();
    for (int i = 0; i < CountIn(order); ++i) DeleteNode(leaf->node[SlotAt(order, i)]);
    Leaf* next = leaf->next.load();
    std::free(leaf);
    leaf = next;
  }
  Hints* blocks = blocks_.load();
  for (std::size_t i = 0; i < blocks->size.load(); ++i) {
    delete static_cast<Block*>(blocks->items[i].to.load());
  }
  delete blocks;
}

OrderedIndex::Leaf* OrderedIndex::NewLeaf(absl::string_view low) {
  void* memory = std::aligned_alloc(64, Leaf::BytesFor(low.size()));
  if (memory == nullptr) throw std::bad_alloc();
  Leaf* leaf = new (memory) Leaf;
  leaf->low_size = static_cast<std::uint32_t>(low.size());
  leaf->low_prefix = PrefixOf(low);
  if (!low.empty()) {
    std::memcpy(reinterpret_cast<char*>(leaf) + sizeof(Leaf), low.data(), low.size());
  }
  return leaf;
}

OrderedIndex::Node* OrderedIndex::NewNode(absl::string_view bytes) {
  Node* node = new (::operator new(sizeof(Node) + bytes.size()))
      Node(static_cast<std::uint32_t>(bytes.size()));
  std::memcpy(reinterpret_cast<char*>(node) + sizeof(Node), bytes.data(), bytes.size());
  memory_bytes_ += sizeof(Node) + bytes.size();
  return node;
}

void OrderedIndex::DeleteNode(Node* node) {
  node->~Node();
  ::operator delete(node);
}

bool OrderedIndex::EncodeKey(const google::protobuf::Message& record, std::string* bytes) const {
  KeyParts key;
  if (!table_->keys(index_).Read(record, &key)) return false;
  AppendOrdered(key, bytes);
  return true;
}

std::string OrderedIndex::NodeBytes(const google::protobuf::Message& record) const {
  std::string bytes;
  EncodeKey(record, &bytes);
  if (index_ != 0) {
    KeyParts key;
    table_->keys(0).Read(record, &key);
    AppendOrdered(key, &bytes);
  }
  return bytes;
}

// --- Reading ---

namespace {

constexpr std::uintptr_t kSlotBits = 63;

}  // namespace

Version* OrderedIndex::Node::entry() const {
  const std::uintptr_t place = place_.load(std::memory_order_acquire);
  const Leaf* leaf = reinterpret_cast<const Leaf*>(place & ~kSlotBits);
  // Pairs with the release in SetEntry.
  return leaf->entry[place & kSlotBits].load(std::memory_order_acquire);
}

const OrderedIndex::Node* OrderedIndex::Node::next() const {
  const std::uintptr_t place = place_.load(std::memory_order_acquire);
  const Leaf* leaf = reinterpret_cast<const Leaf*>(place & ~kSlotBits);
  const int slot = static_cast<int>(place & kSlotBits);
  const Order order = leaf->order.load(std::memory_order_acquire);
  for (int rank = 0; rank < CountIn(order); ++rank) {
    if (SlotAt(order, rank) == slot) return NodeFrom(leaf, order, rank + 1);
  }
  // Unlinked. The same may have been added again since: whoever stood here has had it.
  int rank = leaf->RankOf(order, Key(bytes()));
  if (rank < CountIn(order) && leaf->node[SlotAt(order, rank)]->bytes() == bytes()) ++rank;
  return NodeFrom(leaf, order, rank);
}

const OrderedIndex::Node* OrderedIndex::NodeFrom(const Leaf* leaf, Order order, int rank) {
  while (rank >= CountIn(order)) {
    leaf = leaf->next.load(std::memory_order_acquire);
    if (leaf == nullptr) return nullptr;
    order = leaf->order.load(std::memory_order_acquire);
    rank = 0;
  }
  return leaf->node[SlotAt(order, rank)];
}

const OrderedIndex::Leaf* OrderedIndex::FindLeaf(const Key& key, bool before, Found* at) const {
  const auto begins = [&](const void* leaf) {
    return static_cast<const Leaf*>(leaf)->Begins(key, before);
  };
  const Hints& blocks = *blocks_.load(std::memory_order_acquire);
  std::size_t i = blocks.CountUpTo(
      key.prefix, blocks.size.load(std::memory_order_acquire),
      [&](void* block) { return begins(static_cast<const Block*>(block)->leaf(0)); });
  const Leaf* leaf = nullptr;
  while (leaf == nullptr && i > 0) {
    const Block& block = *static_cast<Block*>(blocks.items[--i].to.load(std::memory_order_acquire));
    block.Prefetch();
    std::size_t slot = block.hints.CountUpTo(key.prefix, block.size(), begins);
    // Mostly the first one that is looked at; see invariant 5.
    for (; leaf == nullptr && slot > 0; --slot) {
      const Leaf* candidate = block.leaf(slot - 1);
      candidate->Prefetch();
      if (!begins(candidate)) continue;
      leaf = candidate;
      if (at != nullptr) *at = {i, slot - 1};
    }
  }
  if (leaf == nullptr) leaf = first_.load(std::memory_order_acquire);
  while (key.prefix >= leaf->end_prefix.load(std::memory_order_relaxed)) {
    const Leaf* next = leaf->next.load(std::memory_order_acquire);
    if (next == nullptr || !begins(next)) break;
    leaf = next;
  }
  return leaf;
}

const OrderedIndex::Leaf* OrderedIndex::LastLeaf() const {
  const Hints& blocks = *blocks_.load(std::memory_order_acquire);
  const std::size_t size = blocks.size.load(std::memory_order_acquire);
  const Block& block =
      *static_cast<Block*>(blocks.items[size - 1].to.load(std::memory_order_acquire));
  const std::size_t leaves = block.size();
  const Leaf* leaf = leaves == 0 ? first_.load(std::memory_order_acquire) : block.leaf(leaves - 1);
  while (const Leaf* next = leaf->next.load(std::memory_order_acquire)) leaf = next;
  return leaf;
}

const OrderedIndex::Node* OrderedIndex::First() const {
  const Leaf* leaf = first_.load(std::memory_order_acquire);
  return NodeFrom(leaf, leaf->order.load(std::memory_order_acquire), 0);
}

const OrderedIndex::Node* OrderedIndex::Last() const {
  const Leaf* leaf = LastLeaf();
  const Order order = leaf->order.load(std::memory_order_acquire);
  if (CountIn(order) > 0) return leaf->node[SlotAt(order, CountIn(order) - 1)];
  return Before(leaf->low());
}

const OrderedIndex::Node* OrderedIndex::LowerBound(absl::string_view bytes) const {
  const Place place = Seek(bytes);
  return NodeFrom(place.leaf_, place.order_, place.rank_);
}

const OrderedIndex::Node* OrderedIndex::Before(absl::string_view bytes) const {
  while (!bytes.empty()) {
    const Key key(bytes);
    const Leaf* leaf = FindLeaf(key, true);
    const Order order = leaf->order.load(std::memory_order_acquire);
    const int rank = leaf->RankOf(order, key);
    if (rank > 0) return leaf->node[SlotAt(order, rank - 1)];
    bytes = leaf->low();
  }
  return nullptr;
}

OrderedIndex::Place OrderedIndex::Seek(absl::string_view bytes) const {
  Place place;
  if (bytes.empty()) {
    place.leaf_ = first_.load(std::memory_order_acquire);
    place.order_ = place.leaf_->order.load(std::memory_order_acquire);
    return place;
  }
  const Key key(bytes);
  place.leaf_ = FindLeaf(key, false);
  place.order_ = place.leaf_->order.load(std::memory_order_acquire);
  place.rank_ = place.leaf_->RankOf(place.order_, key);
  return place;
}

std::size_t OrderedIndex::Gather(Place* place, absl::string_view end, absl::Span<Entry> out) const {
  const Key key(end);
  std::size_t size = 0;
  const Leaf* leaf = place->leaf_;
  Order order = place->order_;
  int rank = place->rank_;
  while (size < out.size() && leaf != nullptr) {
    const Leaf* next = leaf->next.load(std::memory_order_acquire);
    if (next != nullptr && (end.empty() || next->low_prefix <= key.prefix)) {
      constexpr std::size_t kLine = 64;
      for (std::size_t at = 0; at < sizeof(Leaf); at += kLine) {
        __builtin_prefetch(reinterpret_cast<const char*>(next) + at);
      }
    }
    for (; rank < CountIn(order) && size < out.size(); ++rank) {
      const int slot = SlotAt(order, rank);
      if (!end.empty() && !leaf->Less(slot, key)) {
        *place = Place();
        return size;
      }
      const Version* version = leaf->entry[slot].load(std::memory_order_acquire);
      PrefetchVersion(version);
      out[size++] = {version, leaf->node[slot]};
    }
    if (rank < CountIn(order)) break;
    leaf = next;
    if (leaf == nullptr) break;
    order = leaf->order.load(std::memory_order_acquire);
    rank = 0;
  }
  place->leaf_ = leaf;
  place->order_ = order;
  place->rank_ = rank;
  return size;
}

std::int64_t OrderedIndex::EstimateCount(absl::string_view begin, absl::string_view end,
                                         Place* start) const {
  Found from;
  Found to;
  const Key begin_key(begin);
  const Key end_key(end);
  const Leaf* leaf = FindLeaf(begin_key, false, &from);
  Order order = leaf->order.load(std::memory_order_acquire);
  const int skipped = begin.empty() ? 0 : leaf->RankOf(order, begin_key);
  if (start != nullptr) {
    start->leaf_ = leaf;
    start->order_ = order;
    start->rank_ = skipped;
  }
  const Leaf* last = end.empty() ? nullptr : FindLeaf(end_key, false, &to);
  const Hints& blocks = *blocks_.load(std::memory_order_acquire);
  const std::size_t blocks_size = blocks.size.load(std::memory_order_acquire);
  const auto leaves_of = [&](std::size_t i) {
    return static_cast<Block*>(blocks.items[i].to.load(std::memory_order_acquire))->size();
  };
  if (last == nullptr) to = {blocks_size - 1, leaves_of(blocks_size - 1)};
  std::int64_t count = -skipped;
  // Leaf by leaf, if there are few.
  constexpr std::size_t kFewLeaves = 3;
  const bool near =
      to.block <= from.block + 1 && (to.block > from.block || to.slot <= from.slot + kFewLeaves);
  for (std::size_t i = 0; near && i < kFewLeaves; ++i) {
    if (leaf == last) return std::max(count + leaf->RankOf(order, end_key), std::int64_t{0});
    count += CountIn(order);
    leaf = leaf->next.load(std::memory_order_acquire);
    if (leaf == nullptr) return std::max(count, std::int64_t{0});
    order = leaf->order.load(std::memory_order_acquire);
  }
  // By the hints, and what a leaf has on average.
  constexpr std::size_t kFewBlocks = 32;
  double leaves = static_cast<double>(to.slot) - static_cast<double>(from.slot);
  const double of_block = static_cast<double>(leaves_.load(std::memory_order_relaxed)) /
                          static_cast<double>(blocks_size);
  if (to.block >= from.block + kFewBlocks) {
    leaves += of_block * static_cast<double>(to.block - from.block);
  } else {
    for (std::size_t i = from.block; i < to.block && i < blocks_size; ++i) {
      leaves += static_cast<double>(leaves_of(i));
    }
  }
  const double of_leaf = static_cast<double>(nodes_.load(std::memory_order_relaxed)) /
                         static_cast<double>(leaves_.load(std::memory_order_relaxed));
  double estimate = std::max(leaves, 1.0) * of_leaf - skipped;
  if (last != nullptr) {
    estimate += last->RankOf(last->order.load(std::memory_order_acquire), end_key);
  }
  return std::max(static_cast<std::int64_t>(estimate), count);
}

const Version* OrderedIndex::VisibleBehind(const Entry& entry, Stamp limit) const {
  const Version* version = VisibleAt(entry.version, limit);
  if (version == nullptr || version == entry.version) return version;
  std::string bytes;
  if (!EncodeKey(*table_->MessageOf(version), &bytes)) return nullptr;
  return entry.node->bytes().substr(0, bytes.size()) == bytes ? version : nullptr;
}

// --- Writing ---

OrderedIndex::Node* OrderedIndex::Find(const google::protobuf::Message& record) const {
  const std::string bytes = NodeBytes(record);
  const Key key(bytes);
  const Leaf* leaf = FindLeaf(key, false);
  const Order order = leaf->order.load(std::memory_order_relaxed);
  const int rank = leaf->RankOf(order, key);
  if (rank == CountIn(order)) return nullptr;
  const int slot = SlotAt(order, rank);
  Node* node = leaf->node[slot];
  return leaf->prefix[slot] == key.prefix && node->bytes() == bytes ? node : nullptr;
}

void OrderedIndex::SetEntry(Node* node, Version* entry) {
  const std::uintptr_t place = node->place_.load(std::memory_order_relaxed);
  Leaf* leaf = reinterpret_cast<Leaf*>(place & ~kSlotBits);
  leaf->entry[place & kSlotBits].store(entry, std::memory_order_release);
}

OrderedIndex::Node* OrderedIndex::Add(const google::protobuf::Message& record, Version* entry) {
  const std::string bytes = NodeBytes(record);
  const Key key(bytes);
  const Order of_last = last_->order.load(std::memory_order_relaxed);
  const bool at_end =
      CountIn(of_last) > 0 && last_->Less(SlotAt(of_last, CountIn(of_last) - 1), key);
  Leaf* leaf = at_end ? last_ : const_cast<Leaf*>(FindLeaf(key, false));
  const Order order = leaf->order.load(std::memory_order_relaxed);
  const int rank = at_end ? CountIn(order) : leaf->RankOf(order, key);
  Node* node = NewNode(bytes);
  nodes_.fetch_add(1, std::memory_order_relaxed);
  if (leaf->used < Leaf::kSlots) {
    AddToLeaf(leaf, rank, node, key.prefix, entry);
  } else if (at_end && CountIn(order) > Leaf::kSlots / 2) {
    AppendLeaf(node, entry);  // What comes in order fills leaves.
  } else {
    Split(leaf, rank, node, entry);
  }
  return node;
}

void OrderedIndex::AddToLeaf(Leaf* leaf, int rank, Node* node, std::uint64_t prefix,
                             Version* entry) {
  const int slot = leaf->used++;
  leaf->prefix[slot] = prefix;
  leaf->entry[slot].store(entry, std::memory_order_relaxed);
  leaf->node[slot] = node;
  node->place_.store(reinterpret_cast<std::uintptr_t>(leaf) | static_cast<unsigned>(slot),
                     std::memory_order_relaxed);
  leaf->order.store(WithSlot(leaf->order.load(std::memory_order_relaxed), rank, slot),
                    std::memory_order_release);  // Invariant 1.
}

void OrderedIndex::AppendLeaf(Node* node, Version* entry) {
  Leaf* leaf = NewLeaf(node->bytes());
  leaf->Append(node, leaf->low_prefix, entry);
  leaf->TakeNodes();
  leaf->previous = last_;
  const Found at = HintOf(*last_);
  last_->end_prefix.store(leaf->low_prefix, std::memory_order_relaxed);
  last_->next.store(leaf, std::memory_order_release);
  last_ = leaf;
  InsertHint(at, leaf);
  leaves_.fetch_add(1, std::memory_order_relaxed);
  memory_bytes_ += leaf->memory_bytes();
}

void OrderedIndex::Split(Leaf* leaf, int rank, Node* node, Version* entry) {
  struct Item {
    Node* node;
    std::uint64_t prefix;
    Version* entry;
  };
  Item items[Leaf::kSlots + 1];
  const Order order = leaf->order.load(std::memory_order_relaxed);
  int size = 0;
  for (int i = 0; i <= CountIn(order); ++i) {
    if (i == rank) items[size++] = {node, PrefixOf(node->bytes()), entry};
    if (i == CountIn(order)) break;
    const int slot = SlotAt(order, i);
    items[size++] = {leaf->node[slot], leaf->prefix[slot],
                     leaf->entry[slot].load(std::memory_order_relaxed)};
  }
  // One is enough, if most of the slots are of nodes that are gone.
  const bool one = size <= Leaf::kSlots / 2 + 1;
  const int in_left = one ? size : size / 2;
  Leaf* left = NewLeaf(leaf->low());
  Leaf* right = one ? left : NewLeaf(items[in_left].node->bytes());
  for (int i = 0; i < size; ++i) {
    (i < in_left ? left : right)->Append(items[i].node, items[i].prefix, items[i].entry);
  }
  Leaf* next = leaf->next.load(std::memory_order_relaxed);
  right->next.store(next, std::memory_order_relaxed);
  right->end_prefix.store(leaf->end_prefix.load(std::memory_order_relaxed),
                          std::memory_order_relaxed);
  left->previous = leaf->previous;
  if (!one) {
    left->next.store(right, std::memory_order_relaxed);
    left->end_prefix.store(right->low_prefix, std::memory_order_relaxed);
    right->previous = left;
  }
  (next == nullptr ? last_ : next->previous) = right;
  const Found at = HintOf(*leaf);
  // Before they can be reached: a reader asks a node where it is. The one that says nothing yet
  // comes first, for the others lead to the leaves as well.
  rank < in_left ? left->TakeNode(rank) : right->TakeNode(rank - in_left);
  left->TakeNodes();
  if (!one) right->TakeNodes();
  // Invariant 2.
  (leaf->previous == nullptr ? first_ : leaf->previous->next)
      .store(left, std::memory_order_release);
  ReplaceHint(at, left);
  if (!one) InsertHint(at, right);
  memory_bytes_ += left->memory_bytes() + (one ? 0 : right->memory_bytes());
  leaves_.fetch_add(one ? 0 : 1, std::memory_order_relaxed);
  RetireLeaf(leaf);
}

void OrderedIndex::Unlink(Node* node) {
  const std::uintptr_t place = node->place_.load(std::memory_order_relaxed);
  Leaf* leaf = reinterpret_cast<Leaf*>(place & ~kSlotBits);
  const Order order = leaf->order.load(std::memory_order_relaxed);
  int rank = 0;
  while (SlotAt(order, rank) != static_cast<int>(place & kSlotBits)) ++rank;
  leaf->order.store(WithoutRank(order, rank), std::memory_order_release);
  nodes_.fetch_sub(1, std::memory_order_relaxed);
  memory_bytes_ -= sizeof(Node) + node->size_;
  if (CountIn(order) == 1 && leaf->previous != nullptr) RemoveLeaf(leaf);
}

void OrderedIndex::RemoveLeaf(Leaf* leaf) {
  EraseHint(HintOf(*leaf));
  Leaf* next = leaf->next.load(std::memory_order_relaxed);
  (next == nullptr ? last_ : next->previous) = leaf->previous;
  leaf->previous->end_prefix.store(leaf->end_prefix.load(std::memory_order_relaxed),
                                   std::memory_order_relaxed);
  leaf->previous->next.store(next, std::memory_order_release);  // Invariant 4.
  leaves_.fetch_sub(1, std::memory_order_relaxed);
  RetireLeaf(leaf);
}

void OrderedIndex::RetireLeaf(Leaf* leaf) {
  memory_bytes_ -= leaf->memory_bytes();
  table_->context().RetireWith(leaf, [](void* object, Table*) { std::free(object); });
}

// --- Hints ---

OrderedIndex::Found OrderedIndex::HintOf(const Leaf& leaf) const {
  Found found;
  FindLeaf(Key(leaf.low()), false, &found);
  return found;
}

void OrderedIndex::ReplaceHint(Found at, Leaf* leaf) {
  const Hints& blocks = *blocks_.load(std::memory_order_relaxed);
  static_cast<Block*>(blocks.items[at.block].to.load(std::memory_order_relaxed))
      ->hints.Set(at.slot, leaf->low_prefix, leaf);
}

void OrderedIndex::InsertHint(Found after, Leaf* leaf) {
  Hints* blocks = blocks_.load(std::memory_order_relaxed);
  auto* block = static_cast<Block*>(blocks->items[after.block].to.load(std::memory_order_relaxed));
  if (block->size() == Block::kLeaves) {
    // At the end, where keys may come in order, blocks stay full.
    const bool last = leaf == last_;
    const std::size_t kept = last ? Block::kLeaves : Block::kLeaves / 2;
    auto* right = new Block;
    memory_bytes_ += right->memory_bytes();
    for (std::size_t i = kept; i < Block::kLeaves; ++i) {
      right->hints.Insert(i - kept, block->leaf(i)->low_prefix, block->leaf(i));
    }
    if (last) right->hints.Insert(0, leaf->low_prefix, leaf);
    if (blocks->size.load(std::memory_order_relaxed) == blocks->capacity) {
      auto* larger = new Hints(2 * blocks->capacity);
      memory_bytes_ += larger->memory_bytes() - blocks->memory_bytes();
      for (std::size_t i = 0; i < blocks->capacity; ++i) {
        larger->Insert(i, blocks->items[i].prefix.load(std::memory_order_relaxed),
                       blocks->items[i].to.load(std::memory_order_relaxed));
      }
      blocks_.store(larger, std::memory_order_release);
      table_->context().RetireWith(blocks, &DeleteObject<Hints>);
      blocks = larger;
    }
    blocks->Insert(after.block + 1, right->leaf(0)->low_prefix, right);
    if (last) return;
    block->hints.size.store(kept, std::memory_order_release);
    if (after.slot >= kept) {
      block = right;
      after.slot -= kept;
    }
  }
  block->hints.Insert(after.slot + 1, leaf->low_prefix, leaf);
}

void OrderedIndex::EraseHint(Found at) {
  Hints* blocks = blocks_.load(std::memory_order_relaxed);
  auto* block = static_cast<Block*>(blocks->items[at.block].to.load(std::memory_order_relaxed));
  if (block->size() == 1) {
    blocks->Erase(at.block);
    memory_bytes_ -= block->memory_bytes();
    table_->context().RetireWith(block, &DeleteObject<Block>);
    return;
  }
  block->hints.Erase(at.slot);
  if (at.slot == 0) blocks->Set(at.block, block->leaf(0)->low_prefix, block);
}

bool OrderedIndex::Sound() const {
  const Hints& blocks = *blocks_.load();
  std::size_t i = 0;
  std::size_t slot = 0;
  std::int64_t nodes = 0;
  std::int64_t leaves = 0;
  std::size_t bytes_used = blocks.memory_bytes();
  const Leaf* previous = nullptr;
  for (const Leaf* leaf = first_.load(); leaf != nullptr; leaf = leaf->next.load()) {
    if (i == blocks.size.load()) return false;
    const Block& block = *static_cast<Block*>(blocks.items[i].to.load());
    if (block.leaf(slot) != leaf || leaf->previous != previous ||
        block.hints.items[slot].prefix.load() != leaf->low_prefix ||
        (slot == 0 && blocks.items[i].prefix.load() != leaf->low_prefix)) {
      return false;
    }
    if (slot == 0) bytes_used += block.memory_bytes();
    if (++slot == block.size()) {
      ++i;
      slot = 0;
    }
    const Leaf* next = leaf->next.load();
    const Order order = leaf->order.load();
    for (int rank = 0; rank < CountIn(order); ++rank) {
      const int at = SlotAt(order, rank);
      const absl::string_view bytes = leaf->node[at]->bytes();
      if (leaf->prefix[at] != PrefixOf(bytes) || bytes < leaf->low() ||
          (next != nullptr && bytes >= next->low()) ||
          leaf->node[at]->place_.load() !=
              (reinterpret_cast<std::uintptr_t>(leaf) | static_cast<unsigned>(at))) {
        return false;
      }
      bytes_used += sizeof(Node) + bytes.size();
    }
    bytes_used += leaf->memory_bytes();
    if (leaf->end_prefix.load() != (next == nullptr ? ~std::uint64_t{0} : next->low_prefix) ||
        (CountIn(order) == 0 && previous != nullptr)) {
      return false;
    }
    nodes += CountIn(order);
    ++leaves;
    previous = leaf;
  }
  return previous == last_ && i == blocks.size.load() && nodes == nodes_.load() &&
         leaves == leaves_.load() && bytes_used == memory_bytes_;
}

}  // namespace kin::internal
