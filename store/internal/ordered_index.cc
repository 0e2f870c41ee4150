#include "kin/store/internal/ordered_index.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "kin/store/internal/table.h"

namespace kin::internal {
namespace {

std::size_t NodeSize(std::size_t header, int height, std::size_t bytes) {
  return header + static_cast<std::size_t>(height - 1) * sizeof(void*) + bytes;
}

}  // namespace

OrderedIndex::OrderedIndex(Table* table, int index)
    : table_(table), index_(index), head_(NewNode("", kMaxHeight)) {
  for (Node*& tail : tail_) tail = head_;
}

OrderedIndex::~OrderedIndex() {
  for (Node* node = head_; node != nullptr;) {
    Node* next = node->next_[0].load(std::memory_order_relaxed);
    DeleteNode(node);
    node = next;
  }
}

OrderedIndex::Node* OrderedIndex::NewNode(absl::string_view bytes, int height) {
  Node* node = new (::operator new(NodeSize(sizeof(Node), height, bytes.size()))) Node;
  node->bytes_ = static_cast<std::uint32_t>(bytes.size());
  node->height_ = static_cast<std::uint32_t>(height);
  for (int i = 0; i < height; ++i) new (&node->next_[i]) std::atomic<Node*>(nullptr);
  if (!bytes.empty()) {
    std::memcpy(reinterpret_cast<char*>(node->next_ + height), bytes.data(), bytes.size());
  }
  return node;
}

void OrderedIndex::DeleteNode(Node* node) {
  node->~Node();
  ::operator delete(node);
}

int OrderedIndex::RandomHeight() {
  // xorshift64 (George Marsaglia, "Xorshift RNGs", 2003). One node in four is a level higher.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  int height = 1;
  for (std::uint64_t bits = random_ >> 8; (bits & 3) == 0 && height < kMaxHeight; bits >>= 2) {
    ++height;
  }
  return height;
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

void OrderedIndex::FindPredecessors(absl::string_view bytes, Node** predecessors) const {
  Node* node = head_;
  for (int level = kMaxHeight - 1; level >= 0; --level) {
    if (level < height_.load(std::memory_order_relaxed)) {
      for (;;) {
        Node* next = node->next_[level].load(std::memory_order_acquire);
        if (next == nullptr || next->bytes() >= bytes) break;
        node = next;
      }
    }
    predecessors[level] = node;
  }
}

const OrderedIndex::Node* OrderedIndex::Before(absl::string_view bytes) const {
  const Node* node = head_;
  for (int level = height_.load(std::memory_order_acquire) - 1; level >= 0; --level) {
    for (;;) {
      const Node* next = node->next_[level].load(std::memory_order_acquire);
      if (next == nullptr || next->bytes() >= bytes) break;
      node = next;
    }
  }
  return node == head_ ? nullptr : node;
}

const OrderedIndex::Node* OrderedIndex::LowerBound(absl::string_view bytes) const {
  const Node* before = Before(bytes);
  const Node* node = before == nullptr ? First() : before->next();
  // A node may have been linked between since.
  while (node != nullptr && node->bytes() < bytes) node = node->next();
  return node;
}

const OrderedIndex::Node* OrderedIndex::Last() const {
  const Node* node = head_;
  for (int level = height_.load(std::memory_order_acquire) - 1; level >= 0; --level) {
    while (const Node* next = node->next_[level].load(std::memory_order_acquire)) node = next;
  }
  return node == head_ ? nullptr : node;
}

// Nodes lie anywhere in memory, and each is found only through the one before: one miss of the
// cache after the other. The levels above lead to places further on, from which several ways are
// gone at once. What this reads is read again by who walks, so it needs not be exact.
void OrderedIndex::Warm(const Node* from, absl::string_view end, std::size_t count) const {
  constexpr std::size_t kTall = 20;
  constexpr std::size_t kStarts = 96;
  constexpr int kSteps = 8;
  const auto beyond = [&](const Node* node) {
    return node == nullptr || (!end.empty() && node->bytes() >= end);
  };
  const Node* starts[kStarts];  // From which all of the lowest level is gone.
  std::size_t size = 0;
  // Up to the third level, where one node in sixteen is.
  const Node* node = from;
  while (!beyond(node) && node->height_ < 3 && size < kStarts / 4) {
    starts[size++] = node;
    node = node->next_[node->height_ - 1].load(std::memory_order_acquire);
  }
  const Node* ways[kStarts];
  std::size_t tall = 0;
  for (; tall < std::min(kTall, count / 16 + 2) && !beyond(node) && node->height_ >= 3;
       node = node->next_[2].load(std::memory_order_acquire)) {
    ways[tall++] = node;
    starts[size++] = node;
  }
  for (int step = 0; step < kSteps; ++step) {
    for (std::size_t i = 0; i < tall; ++i) {
      if (ways[i] == nullptr || size == kStarts) continue;
      ways[i] = ways[i]->next_[1].load(std::memory_order_acquire);
      if (ways[i] == nullptr) continue;
      __builtin_prefetch(ways[i]);
      starts[size++] = ways[i];
      // The next step would look at a node that has just been asked for.
    }
    for (std::size_t i = 0; i < tall; ++i) {
      if (ways[i] != nullptr && ways[i]->height_ >= 3) ways[i] = nullptr;  // Where another begins.
    }
  }
  for (std::size_t i = 0; i < size; ++i) __builtin_prefetch(starts[i]->entry());
  for (int step = 0; step < kSteps; ++step) {
    for (std::size_t i = 0; i < size; ++i) {
      if (starts[i] == nullptr) continue;
      starts[i] = starts[i]->next();
      if (starts[i] != nullptr) __builtin_prefetch(starts[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      if (starts[i] == nullptr) continue;
      if (starts[i]->height_ >= 2) {
        starts[i] = nullptr;
      } else {
        __builtin_prefetch(starts[i]->entry());
      }
    }
  }
}

std::size_t OrderedIndex::Gather(const Node** next, absl::string_view end,
                                 absl::Span<const Node*> out) const {
  constexpr std::size_t kWorthwhile = 32;
  if (out.size() >= kWorthwhile) Warm(*next, end, out.size());
  std::size_t size = 0;
  const Node* node = *next;
  for (; size < out.size() && node != nullptr; node = node->next()) {
    if (!end.empty() && node->bytes() >= end) {
      node = nullptr;
      break;
    }
    out[size++] = node;
  }
  *next = node;
  return size;
}

std::int64_t OrderedIndex::EstimateCount(absl::string_view begin, absl::string_view end) const {
  // The lower the level, the better the guess and the longer the way: as far down as there are few.
  constexpr std::int64_t kEnough = 16;
  const auto before = [](const Node* node, absl::string_view bytes) {
    return node != nullptr && node->bytes() < bytes;
  };
  const Node* node = head_;
  for (int level = height_.load(std::memory_order_acquire) - 1; level >= 0; --level) {
    const Node* next = node->next_[level].load(std::memory_order_acquire);
    for (; before(next, begin); next = node->next_[level].load(std::memory_order_acquire)) {
      node = next;
    }
    std::int64_t count = 0;
    for (; next != nullptr && (end.empty() || before(next, end));
         next = next->next_[level].load(std::memory_order_acquire)) {
      ++count;
    }
    if (count >= kEnough || level == 0) return count << (2 * level);
  }
  return 0;
}

const Version* OrderedIndex::Visible(const Node& node, Stamp limit) const {
  const Version* entry = node.entry();
  const Version* version = VisibleAt(entry, limit);
  if (version == nullptr || version == entry) return version;
  std::string bytes;
  if (!EncodeKey(*table_->MessageOf(version), &bytes)) return nullptr;
  return node.bytes().substr(0, bytes.size()) == bytes ? version : nullptr;
}

OrderedIndex::Node* OrderedIndex::Find(const google::protobuf::Message& record) const {
  const std::string bytes = NodeBytes(record);
  Node* predecessors[kMaxHeight];
  FindPredecessors(bytes, predecessors);
  Node* node = predecessors[0]->next_[0].load(std::memory_order_relaxed);
  return node != nullptr && node->bytes() == bytes ? node : nullptr;
}

OrderedIndex::Node* OrderedIndex::Add(const google::protobuf::Message& record, Version* entry) {
  const std::string bytes = NodeBytes(record);
  Node* predecessors[kMaxHeight];
  if (tail_[0] == head_ || tail_[0]->bytes() < bytes) {
    std::memcpy(predecessors, tail_, sizeof(predecessors));
  } else {
    FindPredecessors(bytes, predecessors);
  }
  const int height = RandomHeight();
  Node* node = NewNode(bytes, height);
  node->entry_.store(entry, std::memory_order_relaxed);
  for (int level = 0; level < height; ++level) {
    node->next_[level].store(predecessors[level]->next_[level].load(std::memory_order_relaxed),
                             std::memory_order_relaxed);
  }
  for (int level = 0; level < height; ++level) {  // Invariant 2.
    predecessors[level]->next_[level].store(node, std::memory_order_release);
    if (tail_[level] == predecessors[level]) tail_[level] = node;
  }
  if (height > height_.load(std::memory_order_relaxed)) {
    height_.store(height, std::memory_order_release);
  }
  memory_bytes_ += NodeSize(sizeof(Node), height, bytes.size());
  return node;
}

void OrderedIndex::Unlink(Node* node) {
  Node* predecessors[kMaxHeight];
  FindPredecessors(node->bytes(), predecessors);
  for (int level = static_cast<int>(node->height_) - 1; level >= 0; --level) {  // Invariant 3.
    predecessors[level]->next_[level].store(node->next_[level].load(std::memory_order_relaxed),
                                            std::memory_order_release);
    if (tail_[level] == node) tail_[level] = predecessors[level];
  }
  memory_bytes_ -= NodeSize(sizeof(Node), static_cast<int>(node->height_), node->bytes_);
}

}  // namespace kin::internal
