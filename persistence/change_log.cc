#include "kin/persistence/change_log.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/string_view.h"

namespace kin::persistence {

void ChangeLog::Append(const KeyView& key, ChangeFlags flags) {
  if (blocks_.empty() || blocks_.back().size() == blocks_.back().capacity()) {
    blocks_.emplace_back();
    blocks_.back().reserve(kBlockEntries);
  }
  Entry entry;
  if (number_keys_) {
    entry.number = key.number;
    entry.length = 0;
  } else {
    entry.data = Keep(key.bytes);
    entry.length = static_cast<std::uint32_t>(key.bytes.size());
  }
  entry.flags = flags;
  Block& block = blocks_.back();
  block.push_back(entry);
  // A block comes from malloc cold: asks for the line after the next.
  __builtin_prefetch(&block.back() + 8, /*rw=*/1);
  ++size_;
  bytes_ += sizeof(Entry) + key.bytes.size();
}

const char* ChangeLog::Keep(absl::string_view bytes) {
  if (bytes.size() > arena_left_) {
    std::size_t size = std::max(kArenaBytes, bytes.size());
    arenas_.push_back(std::make_unique<char[]>(size));
    arena_ = arenas_.back().get();
    arena_left_ = size;
  }
  char* kept = arena_;
  if (!bytes.empty()) std::memcpy(kept, bytes.data(), bytes.size());
  arena_ += bytes.size();
  arena_left_ -= bytes.size();
  return kept;
}

void ChangeLog::Prepend(ChangeLog older) {
  older.blocks_.insert(older.blocks_.end(), std::make_move_iterator(blocks_.begin()),
                       std::make_move_iterator(blocks_.end()));
  // The space to append keys into stays that of the newer log.
  older.arenas_.insert(older.arenas_.end(), std::make_move_iterator(arenas_.begin()),
                       std::make_move_iterator(arenas_.end()));
  blocks_ = std::move(older.blocks_);
  arenas_ = std::move(older.arenas_);
  size_ += older.size_;
  bytes_ += older.bytes_;
}

void ChangeLog::Compact() {
  if (size_ == 0) return;
  Block all;
  if (blocks_.size() == 1) {
    all = std::move(blocks_.front());
  } else {
    all.reserve(size_);
    for (Block& block : blocks_) {
      all.insert(all.end(), block.begin(), block.end());
      Block().swap(block);
    }
  }
  blocks_.clear();

  auto less = [this](const Entry& a, const Entry& b) { return Less(a, b); };
  // Stable: of the changes of one record, the first says whether it was there. What was compacted
  // before is in order already.
  const auto unsorted = std::is_sorted_until(all.begin(), all.end(), less);
  std::stable_sort(unsorted, all.end(), less);
  std::inplace_merge(all.begin(), unsorted, all.end(), less);
  std::size_t last = 0;
  for (std::size_t i = 1; i < all.size(); ++i) {
    if (Less(all[last], all[i])) {
      all[++last] = all[i];
    } else {
      all[last].flags = Combine(all[last].flags, all[i].flags);
    }
  }
  all.resize(last + 1);
  if (all.size() < all.capacity() / 2) all.shrink_to_fit();

  size_ = all.size();
  bytes_ = 0;
  blocks_.push_back(std::move(all));
  if (number_keys_) {
    bytes_ = size_ * sizeof(Entry);
    return;
  }
  // Keys of removed entries are let go of.
  std::vector<std::unique_ptr<char[]>> old = std::move(arenas_);
  arenas_.clear();
  arena_ = nullptr;
  arena_left_ = 0;
  for (Entry& entry : blocks_.front()) {
    entry.data = Keep({entry.data, entry.length});
    bytes_ += sizeof(Entry) + entry.length;
  }
}

void PutInFront(std::vector<ChangeLog> older, std::vector<ChangeLog>* logs) {
  for (std::size_t i = 0; i < older.size(); ++i) (*logs)[i].Prepend(std::move(older[i]));
}

}  // namespace kin::persistence
