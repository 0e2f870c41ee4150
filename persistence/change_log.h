// Which records of one model changed since the last batch. Appended to under the writer's lock, so
// an entry is 16 bytes put at the end of a block; sorting and removing duplicates wait for Compact.
#ifndef KIN_PERSISTENCE_CHANGE_LOG_H_
#define KIN_PERSISTENCE_CHANGE_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kin/store/key.h"

namespace kin::persistence {

// What happened to a record in one commit, or, after Compact, in several. Bits.
using ChangeFlags = std::uint32_t;
// The first of the changes inserted the record: it was not there before. Else it was.
inline constexpr ChangeFlags kInserted = 1;
// It was there, went, and was inserted again.
inline constexpr ChangeFlags kReborn = 2;
// A field of an index or of a foreign key may have changed.
inline constexpr ChangeFlags kReindexed = 4;
// A value of a unique index may have changed.
inline constexpr ChangeFlags kMoved = 8;

// The flags of `first` and then `second`, changes of the same record.
constexpr ChangeFlags Combine(ChangeFlags first, ChangeFlags second) {
  ChangeFlags both = (first | second) & (kReborn | kReindexed | kMoved);
  if (first & kInserted) return both | kInserted;
  return both | (second & kInserted ? kReborn : 0);
}

// Thread-compatible.
class ChangeLog {
 public:
  // REQUIRES: `number_keys` says whether keys are in KeyView::number.
  explicit ChangeLog(bool number_keys = true) : number_keys_(number_keys) {}
  ChangeLog(ChangeLog&&) = default;
  ChangeLog& operator=(ChangeLog&&) = default;

  // O(1); never moves what is already there, so it has no bad moments.
  void Append(const KeyView& key, ChangeFlags flags);

  // Sorts by key and leaves one entry a key. O(n log n).
  void Compact();

  // Puts the entries of `older`, which came before all of these, in front.
  void Prepend(ChangeLog older);

  // Entries, duplicates included, and the memory they take.
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }
  bool empty() const { return size_ == 0; }

  // Calls f(KeyView, ChangeFlags) for every entry. Keys live as long as the log.
  template <typename F>
  void ForEach(F f) const {
    for (const Block& block : blocks_) {
      for (const Entry& entry : block) f(KeyOf(entry), entry.flags);
    }
  }

 private:
  struct Entry {
    union {
      std::uint64_t number;
      const char* data;
    };
    std::uint32_t length;
    ChangeFlags flags;
  };
  static_assert(sizeof(Entry) == 16);
  using Block = std::vector<Entry>;

  // 64 KiB: small enough for malloc to hand out again without asking the kernel.
  static constexpr std::size_t kBlockEntries = 4096;
  static constexpr std::size_t kArenaBytes = 65536;

  KeyView KeyOf(const Entry& entry) const {
    if (number_keys_) return {entry.number, {}};
    return {0, {entry.data, entry.length}};
  }
  bool Less(const Entry& a, const Entry& b) const { return KeyOf(a) < KeyOf(b); }
  const char* Keep(absl::string_view bytes);

  bool number_keys_;
  std::size_t size_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Block> blocks_;                    // None empty.
  std::vector<std::unique_ptr<char[]>> arenas_;  // Bytes of keys.
  char* arena_ = nullptr;                        // Free space in the last of them.
  std::size_t arena_left_ = 0;
};

// Prepends each log of `older` to the one in the same place of `logs`; `older` may be empty.
void PutInFront(std::vector<ChangeLog> older, std::vector<ChangeLog>* logs);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_CHANGE_LOG_H_
