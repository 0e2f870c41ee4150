#include "kin/store/internal/ordered_index.h"

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
