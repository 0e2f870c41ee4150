// An open-addressing hash table of pointers that one writer changes while readers probe it.
//
// A bucket is one cache line: seven tag bytes and an overflow count in one word, and seven slots. A
// lookup touches the bucket's line and then the record that the slot points at, whose key decides.
// (The layout follows F14, Facebook's folly; what differs is that the word of tags is one atomic,
// so that readers need no lock.)
//
// A slot holds a tagged pointer: what it points at is the caller's business. Keys are not stored:
// the caller's `match` compares.
//
// Invariants, W the one writer (whoever holds the writer's lock), R any reader:
//  1. W stores a slot before the tag that announces it, both release. R loads the word acquire,
//  then
//     slots acquire. So a tag that R sees has a slot that was stored for it or later.
//  2. A removed entry loses its tag; its slot keeps the old pointer until it is used again. R with
//  an
//     older word may read either (which is why the slot is stored release as well); what the old
//     pointer leads to stays allocated until all such R are gone (reclaimer.h), and `match` on the
//     new one decides by its key.
//  3. An entry is never moved within a table. So an entry that was there before R began, and stays,
//     is found by R.
//  4. An entry that lies beyond its home bucket is counted in the overflow count of each bucket
//  that
//     it passed. Counts stick at 127: they are no tag. R stops at a bucket whose count is 0.
//  5. At least two slots in five are free, one in three where there is no memory to grow, so a
//  probe
//     ends; one round is the bound in any case.
#ifndef KIN_STORE_INTERNAL_LINE_TABLE_H_
#define KIN_STORE_INTERNAL_LINE_TABLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

// Sanitizers are to see each load.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define KIN_LINE_TABLE_PLAIN_LOADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define KIN_LINE_TABLE_PLAIN_LOADS 1
#endif
#endif

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"

namespace kin::internal {

// Where the buckets of a table are, in one word that a reader loads at once: the buckets' address,
// and in its lowest six bits by how much to shift a hash, for the distance of its home bucket in
// bytes. (A lookup's loads are what limits how many lookups the processor overlaps.)
using Home = std::uint64_t;

// Readers: thread-safe. Writer: one at a time.
class LineTable {
 public:
  static constexpr int kSlots = 7;

  struct alignas(64) Bucket {
    std::atomic<std::uintptr_t> slot[kSlots];
    std::atomic<std::uint64_t> word;  // Tags in bytes 0 to 6, overflow count in byte 7.
  };
  static_assert(sizeof(Bucket) == 64);

  // A table with room for `entries` (at the load factor at which tables grow); null if the system
  // has no memory.
  static LineTable* TryNew(std::size_t entries);
  // The same, and aborts the process then.
  static LineTable* New(std::size_t entries);
  static void Delete(LineTable* table);
  // Deletes a table that no reader can reach a part at a time, for giving hundreds of megabytes
  // back to the system takes tens of milliseconds. Returns whether it is done.
  static bool DeletePart(LineTable* table);

  // The slot whose entry `match` accepts, 0 if there is none. `match` is given slots that may
  // belong to another key of the same tag.
  template <typename Match>
  std::uintptr_t Find(std::uint64_t hash, Match&& match) const {
    const Tags tags = TagsOf(hash);
    std::uint64_t index = HomeIndex(hash);
    for (std::uint64_t round = 0; round <= mask_; ++round) {
      const Bucket& bucket = buckets_[index];
      const std::uint64_t word = bucket.word.load(std::memory_order_acquire);
      for (Hits hits = HitsIn(word, tags); hits != 0; hits &= hits - 1) {
        const std::uintptr_t slot = bucket.slot[SlotOf(hits)].load(std::memory_order_acquire);
        if (ABSL_PREDICT_TRUE(match(slot))) return slot;
      }
      if (ABSL_PREDICT_TRUE(word >> 56 == 0)) return 0;
      index = (index + 1) & mask_;
    }
    return 0;
  }

  Home home() const { return HomeOf(buckets_, shift_); }
  // Of a table that is always empty.
  static Home EmptyHome();
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void Prefetch(Home home, std::uint64_t hash) {
    __builtin_prefetch(&BucketOf(home, hash));
  }
  // The same for one of many that are asked for together; see PrefetchVersion.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static void PrefetchOfMany(Home home, std::uint64_t hash) {
    __builtin_prefetch(&BucketOf(home, hash), /*rw=*/0, /*locality=*/2);
  }

  // The first step of Find, to be inlined where it matters: the slot of the first tag that matches
  // in the home bucket, 0 if there is none. Find knows more.
  ABSL_ATTRIBUTE_ALWAYS_INLINE static std::uintptr_t FindFirst(Home home, std::uint64_t hash) {
    const Bucket& bucket = BucketOf(home, hash);
    const std::size_t hit = FirstHit(bucket.word, TagsOf(hash));
    if (ABSL_PREDICT_FALSE(hit >= kSlots)) return 0;
    const std::uintptr_t slot = bucket.slot[hit].load(std::memory_order_acquire);
    if (slot == 0) __builtin_unreachable();  // Invariant 1.
    return slot;
  }

  // The writer's side. Position of an entry, for Replace and Erase.
  struct Position {
    std::uint64_t bucket = 0;
    int slot = -1;
    bool found() const { return slot >= 0; }
  };
  template <typename Match>
  Position Locate(std::uint64_t hash, Match&& match) const {
    const Tags tags = TagsOf(hash);
    std::uint64_t index = HomeIndex(hash);
    for (std::uint64_t round = 0; round <= mask_; ++round) {
      const Bucket& bucket = buckets_[index];
      const std::uint64_t word = bucket.word.load(std::memory_order_relaxed);
      for (Hits hits = HitsIn(word, tags); hits != 0; hits &= hits - 1) {
        const int i = static_cast<int>(SlotOf(hits));
        if (match(bucket.slot[i].load(std::memory_order_relaxed))) return {index, i};
      }
      if (word >> 56 == 0) break;
      index = (index + 1) & mask_;
    }
    return {};
  }

  // REQUIRES: size() < limit().
  Position Insert(std::uint64_t hash, std::uintptr_t value);
  void Replace(Position at, std::uintptr_t value) {
    buckets_[at.bucket].slot[at.slot].store(value, std::memory_order_release);
  }
  void Erase(std::uint64_t hash, Position at);

  // Makes the system give the page of a bucket, which it does when the page is first written to.
  // REQUIRES: the table is not published yet.
  void Touch(std::uint64_t bucket) {
    // A write even where it changes nothing: a page that is read first is had in two steps.
    std::uint64_t nothing = 0;
    buckets_[bucket & mask_].word.compare_exchange_strong(nothing, 0, std::memory_order_relaxed);
  }

  std::uint64_t buckets() const { return mask_ + 1; }
  const Bucket& bucket(std::uint64_t index) const { return buckets_[index]; }
  std::size_t size() const { return size_; }          // Writer only.
  std::size_t capacity() const { return capacity_; }  // Entries at which it should grow.
  // Entries that it may hold where it cannot grow: probes get longer.
  std::size_t limit() const { return capacity_ + capacity_ / 8; }
  std::size_t memory_bytes() const { return memory_bytes_; }

  // Calls visit(slot) for each entry of a bucket, as a reader or the writer.
  template <typename Visit>
  static void ForEach(const Bucket& bucket, Visit&& visit) {
    std::uint64_t tags = bucket.word.load(std::memory_order_acquire) & kTagBits;
    for (; tags != 0; tags &= tags - 1) {
      visit(bucket.slot[__builtin_ctzll(tags) >> 3].load(std::memory_order_acquire));
    }
  }
  // The slot at a position, 0 if there is no entry.
  std::uintptr_t At(std::uint64_t bucket, int slot) const {
    const Bucket& b = buckets_[bucket];
    const std::uint64_t word = b.word.load(std::memory_order_acquire);
    if ((word >> (slot * 8) & 0x80) == 0) return 0;
    return b.slot[slot].load(std::memory_order_acquire);
  }

 private:
  static constexpr std::uint64_t kTagBits = 0x0080808080808080u;
  static constexpr std::uint64_t kOneOverflow = std::uint64_t{1} << 56;
  static constexpr std::uint64_t kStuckOverflow = 127;

  // Tags, 0x80 to 0xff, are of the hash's lowest bits, which choose no bucket: bits 0 to 6 in slots
  // of even number and 8 to 14 in the others, for then one instruction repeats them. Tags has them
  // in every byte; hits are the slots that have theirs. With SSE2 these instructions wait for their
  // operands beside those that compute addresses, not among them, so that more lookups are under
  // way at once.
#if defined(__SSE2__)
  using Tags = __m128i;
  using Hits = unsigned;  // Bit i: slot i.
  static Tags TagsOf(std::uint64_t hash) {
    return _mm_shufflelo_epi16(_mm_cvtsi32_si128(static_cast<int>(hash | 0x8080)), 0);
  }
  static Hits HitsIn(std::uint64_t word, Tags tags) {
    const __m128i words = _mm_cvtsi64_si128(static_cast<long long>(word));
    return static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(words, tags))) & 0x7f;
  }
  static std::size_t SlotOf(Hits hits) { return static_cast<unsigned>(__builtin_ctz(hits)); }
  // SlotOf(HitsIn(word, tags)) of a word loaded here (acquire); kSlots or more if there are none.
  // What is above the word always hits, and the overflow count never.
  static std::size_t FirstHit(const std::atomic<std::uint64_t>& word, Tags tags) {
    __m128i words;
#if defined(__GNUC__) && defined(__x86_64__) && !defined(KIN_LINE_TABLE_PLAIN_LOADS)
    // An acquire load, for aligned words are loaded whole and loads stay in order. Not by way of a
    // general register, as std::atomic would, which takes an instruction and some cycles more.
    asm volatile("movq %1, %0" : "=x"(words) : "m"(word) : "memory");
#else
    words = _mm_cvtsi64_si128(static_cast<long long>(word.load(std::memory_order_acquire)));
#endif
    const auto hits = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(words, tags)));
#if defined(__GNUC__) && defined(__x86_64__)
    // __builtin_ctzll, but for the two instructions with which GCC makes its int an index.
    std::uint64_t first;
    asm("rep bsfq %1, %0" : "=r"(first) : "r"(std::uint64_t{hits}) : "cc");
    return first;
#else
    return static_cast<std::size_t>(__builtin_ctzll(hits));
#endif
  }
#else
  using Tags = std::uint64_t;
  using Hits = std::uint64_t;  // 0x80 in byte i: slot i.
  static Tags TagsOf(std::uint64_t hash) { return ((hash & 0x7f7f) | 0x8080) * kPairs; }
  // Perhaps also a hit for another tag (the borrow of the subtraction), never for an empty slot.
  static Hits HitsIn(std::uint64_t word, Tags tags) {
    const std::uint64_t x = word ^ tags;
    return (x - kOnes) & ~x & kTagBits;
  }
  static std::size_t SlotOf(Hits hits) {
    return static_cast<std::size_t>(__builtin_ctzll(hits)) >> 3;
  }
  static std::size_t FirstHit(const std::atomic<std::uint64_t>& word, Tags tags) {
    const Hits hits = HitsIn(word.load(std::memory_order_acquire), tags);
    return hits == 0 ? kSlots : SlotOf(hits);
  }
  static constexpr std::uint64_t kOnes = 0x0101010101010101u;
  static constexpr std::uint64_t kPairs = 0x0001000100010001u;
#endif

  static Home HomeOf(const Bucket* buckets, int shift) {
    return reinterpret_cast<std::uintptr_t>(buckets) | static_cast<unsigned>(shift - kLineBits);
  }
  static std::uint64_t TagOf(std::uint64_t hash, int slot) {
    return ((slot % 2 == 0 ? hash : hash >> 8) & 0x7f) | 0x80;
  }

  // The bucket where a probe begins: the highest bits of the hash.
  static constexpr int kLineBits = 6;  // Of sizeof(Bucket).
  std::uint64_t HomeIndex(std::uint64_t hash) const { return hash >> shift_; }
  static const Bucket& BucketOf(Home home, std::uint64_t hash) {
    constexpr std::uint64_t kLine = sizeof(Bucket) - 1;
    const std::uint64_t distance = hash >> (home & kLine) & ~kLine;
    return *reinterpret_cast<const Bucket*>((home & ~kLine) + distance);
  }

  LineTable() = default;

  std::uint64_t mask_ = 0;
  int shift_ = 63;  // 64 less the binary logarithm of the number of buckets, which is at least 1.
  Bucket* buckets_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  std::size_t memory_bytes_ = 0;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_LINE_TABLE_H_
