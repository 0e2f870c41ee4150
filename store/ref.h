// References to records: what reads and writes return, and what associations are followed from.
//
//   UserRef ada = snapshot.Find<User>(1);
//   if (ada) Use(ada->email());                        // -> the record's fields
//   for (PostRef post : ada.posts()) Use(post->title());  // . its associations
//
// A reference is two words, to be passed by value. It lives until the snapshot it came from is
// destroyed, or, from a transaction, until `Write` returns; it is not tied to the address of the
// Snapshot object, which may be moved.
#ifndef KIN_STORE_REF_H_
#define KIN_STORE_REF_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "kin/store/internal/hash_index.h"
#include "kin/store/internal/table.h"
#include "kin/store/internal/view.h"
#include "kin/store/model.h"

namespace kin {

namespace internal {

// A checked failure: the program dereferenced an empty reference. Does not return.
[[noreturn]] ABSL_ATTRIBUTE_NOINLINE void DereferencedEmpty(const char* model);

// A checked failure: the model is not in the schema of the store. Does not return.
[[noreturn]] ABSL_ATTRIBUTE_NOINLINE void ModelNotInSchema(const char* model);

// Marks the types that std::hash is given for.
struct RefTag {};

}  // namespace internal

// The base of UserRef and its like, which add a method for each association.
// Thread-safety: immutable; what it refers to never changes.
template <typename M>
class RefBase : public internal::RefTag {
 public:
  using Record = M;

  // Empty: refers to no record.
  constexpr RefBase() = default;
  // For the library.
  constexpr RefBase(const M* record, const internal::View* view) : record_(record), view_(view) {}

  explicit operator bool() const { return record_ != nullptr; }
  // The record. A checked failure on an empty reference.
  const M* operator->() const { return Checked(); }
  const M& operator*() const { return *Checked(); }
  // The record, null if the reference is empty. Within a snapshot a record has one address.
  const M* get() const { return record_; }

  // For the library.
  const internal::View* internal_view() const { return view_; }

  // Whether both refer to the same version of the same record; all empty ones are equal.
  friend bool operator==(const RefBase& a, const RefBase& b) { return a.record_ == b.record_; }
  template <typename H>
  friend H AbslHashValue(H h, const RefBase& ref) {
    return H::combine(std::move(h), ref.record_);
  }

 private:
  const M* Checked() const {
    if (ABSL_PREDICT_FALSE(record_ == nullptr)) {
      internal::DereferencedEmpty(ModelTraits<M>::kName);
    }
    return record_;
  }

  const M* record_ = nullptr;
  const internal::View* view_ = nullptr;
};

template <typename R>
concept ReferenceType = std::derived_from<R, RefBase<typename R::Record>>;

namespace internal {

template <typename M>
const M* RecordIn(const Version* version) {
  return static_cast<const M*>(static_cast<const void*>(version + 1));
}

// Asks for the line in which a record ends, which has its numbers or the last of them: Protobuf's
// compiler puts them behind all else. See PrefetchVersion.
template <typename M>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchNumbers(const M* record) {
  __builtin_prefetch(reinterpret_cast<const char*>(record + 1) - 1, /*rw=*/0, /*locality=*/2);
}

// Asks for the lines in which a record's fields begin and end: all of them, unless it is large.
template <typename M>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchRecord(const M* record) {
  constexpr std::size_t kHead = 2 * sizeof(void*);  // A function table and an arena.
  __builtin_prefetch(reinterpret_cast<const char*>(record) + kHead, /*rw=*/0, /*locality=*/2);
  PrefetchNumbers(record);
}

inline const IndexSlot* SlotsAt(const View* view, std::size_t offset) {
  return reinterpret_cast<const IndexSlot*>(reinterpret_cast<const char*>(view->slots) + offset);
}

template <typename M>
const IndexSlot& SlotOf(const View* view, std::size_t slot) {
  return SlotsAt(view, ModelTraits<M>::slot_base.offset.load(std::memory_order_relaxed))[slot];
}

// The place of a field or association of M in View::slots.
template <typename M, int kSlot>
struct Place {
  static const IndexSlot& Of(const View* view) { return SlotOf<M>(view, kSlot); }
};

// The record of the index at Place that `view` shows and `equals` accepts; null if there is none.
// `slot` is Place::Of(view). For indexes without posting lists. What is common is inlined: one
// bucket, one record, which is current and has the key. The rest starts anew, in a function of its
// own, so that it costs the common case neither registers nor instructions, and the processor
// overlaps more lookups.
template <typename M, typename Place, typename Equals>
ABSL_ATTRIBUTE_NOINLINE const M* SearchRecord(const View* view, std::uint64_t hash, Equals equals) {
  const HashIndex* index = Place::Of(view).index;
  if (ABSL_PREDICT_FALSE(index == nullptr)) ModelNotInSchema(ModelTraits<M>::kName);
  const Stamp limit = view->Limit();
  // An older version of the first candidate, most likely.
  const Home home = Place::Of(view).home.load(std::memory_order_acquire);
  if (const Cell first = LineTable::FindFirst(home, hash); first != 0) {
    const Version* version = VisibleAt(EntryIn(first), limit);
    if (version != nullptr && equals(*RecordIn<M>(version))) return RecordIn<M>(version);
  }
  const M* found = nullptr;
  index->lines()->Find(hash, [&](Cell cell) {
    const Version* version = VisibleAt(EntryIn(cell), limit);
    if (version == nullptr || !equals(*RecordIn<M>(version))) return false;
    found = RecordIn<M>(version);
    return true;
  });
  return found;
}

template <typename M, typename Place, typename Equals>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline const M* FindRecord(const View* view, const IndexSlot& slot,
                                                        std::uint64_t hash, Equals equals) {
  // Pairs with the release in HashIndex::Publish.
  const Home home = slot.home.load(std::memory_order_acquire);
  const Cell first = LineTable::FindFirst(home, hash);
  if (ABSL_PREDICT_TRUE(first != 0)) {
    const Version* version = EntryIn(first);
    if (ABSL_PREDICT_TRUE(Shows(version, view->Limit()))) {
      const M* record = RecordIn<M>(version);
      if (ABSL_PREDICT_TRUE(equals(*record))) return record;
    }
  }
  return SearchRecord<M, Place>(view, hash, equals);
}

// The newest version of the record of `entry`, null if it is deleted. For transactions, whose
// ranges may be older than their changes.
const Version* NewestOf(const Table& table, const Version* entry);

}  // namespace internal

// The records of a has_many, in an order that is the same for all reads of a snapshot.
//
// In a transaction a range may be iterated while records are changed: what stays is visited once,
// what is added may be. That of a `through` has the records that there were when it was asked for,
// less those deleted since. Thread-safety: immutable.
template <typename M>
class Range {
 public:
  using value_type = RefOf<M>;

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = RefOf<M>;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = value_type;

    iterator() = default;
    value_type operator*() const { return value_type(current_, range_.view_); }
    ABSL_ATTRIBUTE_ALWAYS_INLINE iterator& operator++() {
      if (ABSL_PREDICT_TRUE(next_ != nullptr)) {
        SettleInArray();
      } else {
        ++position_;
        Settle();
      }
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    // A range has each record once.
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.current_ == b.current_;
    }

   private:
    friend class Range;
    explicit iterator(const Range& range) : range_(range) {
      Settle();
      if (current_ != nullptr && range.IsOfOneKey()) {
        // The key of this record is that of all: the array need not be looked up again, nor the
        // keys compared.
        array_ = internal::ArrayIn(range.cell_);
        limit_ = range.view_->Limit();
        // With markers among them each entry is looked at. Read before the entries: a marker that
        // is counted no more is not among them.
        shown_ = array_->has_markers() ? 0 : limit_;
        next_ = array_->entries() + position_ + 1;
        end_ = array_->entries() + array_->used.load(std::memory_order_acquire);
        for (int i = 0; i < kAhead && next_ + i < end_; ++i) Prefetch(next_ + i);
      }
    }

    // Records whose loads are under way while one is at hand.
    static constexpr int kAhead = 16;
    ABSL_ATTRIBUTE_ALWAYS_INLINE static void Prefetch(
        const std::atomic<internal::Version*>* entry) {
      const internal::Version* version = entry->load(std::memory_order_relaxed);
      __builtin_prefetch(reinterpret_cast<const char*>(version + 1) + 16);
    }

    // Goes on to the next position that shows a record, or to the end.
    void Settle() { current_ = range_.At(&position_); }
    ABSL_ATTRIBUTE_ALWAYS_INLINE void SettleInArray() {
      while (ABSL_PREDICT_TRUE(next_ != end_)) {
        if (end_ - next_ > kAhead) Prefetch(next_ + kAhead);
        const internal::Version* entry = (next_++)->load(std::memory_order_acquire);
        if (ABSL_PREDICT_FALSE(entry == nullptr)) continue;
        // Mostly the record need not be touched: who iterates does that.
        if (ABSL_PREDICT_TRUE(array_->AllShown(shown_)) || internal::Shows(entry, limit_) ||
            SettleBehind(&entry)) {
          current_ = internal::RecordIn<M>(entry);
          return;
        }
      }
      current_ = nullptr;
    }
    // An older version may have another key.
    ABSL_ATTRIBUTE_NOINLINE bool SettleBehind(const internal::Version** entry) const {
      *entry = internal::VisibleAt(*entry, limit_);
      return *entry != nullptr &&
             range_.relation_->matches(range_.owner_, *internal::RecordIn<M>(*entry));
    }

    Range range_;
    std::uint32_t position_ = 0;
    const M* current_ = nullptr;
    // Of a snapshot's view of a posting list, what is left of it. Null: Range::At is to be asked.
    const std::atomic<internal::Version*>* next_ = nullptr;
    const std::atomic<internal::Version*>* end_ = nullptr;
    const internal::PostingArray* array_ = nullptr;
    internal::Stamp limit_ = 0;
    internal::Stamp shown_ = 0;
  };
  using const_iterator = iterator;

  // Empty.
  Range() = default;

  iterator begin() const { return iterator(*this); }
  iterator end() const { return iterator(); }

  // How many records. O(1); counts them where the range is of a `through`, or of a snapshot that
  // is older than the list of its records (the first transaction to give a parent two children
  // makes that list).
  std::size_t size() const {
    if (collected_ != nullptr) return collected_->size();
    if (cell_ == 0) return 0;
    if (internal::IsList(cell_)) {
      const internal::PostingList& list = *internal::ListIn(cell_);
      const std::int64_t count = list.counts().At(view_->Limit());
      if (count >= 0 && !list.mixed() && (count == 0 || IsOfOwner(list))) {
        return static_cast<std::size_t>(count);
      }
    }
    std::size_t counted = 0;
    for (iterator it = begin(); it != end(); ++it) ++counted;
    return counted;
  }
  bool empty() const { return begin() == end(); }

  // For the library. What is known of the owner of a range.
  struct Relation {
    // Whether a record still has `owner` for its parent.
    bool (*matches)(const void* owner, const M& record);
    // The owner's key as in Key::number. Null: it is not one number.
    std::uint64_t (*number)(const void* owner);
  };
  Range(const internal::View* view, const internal::HashIndex* index, internal::Cell cell,
        const void* owner, const Relation* relation)
      : view_(view), index_(index), cell_(cell), owner_(owner), relation_(relation) {}
  Range(const internal::View* view, std::vector<const M*> collected)
      : view_(view),
        collected_(std::make_shared<const std::vector<const M*>>(std::move(collected))) {}

 private:
  friend class iterator;

  // Whether it is of a posting list that does not change for this view, and all of whose records
  // that the view sees at once have one key.
  bool IsOfOneKey() const {
    return internal::IsList(cell_) && !view_->transaction &&
           !internal::ArrayIn(cell_)->mixed.load(std::memory_order_relaxed);
  }

  // Whether a posting list, which holds records of one key, is that of the owner: another key may
  // have the same hash.
  bool IsOfOwner(const internal::PostingList& list) const {
    if (relation_->number != nullptr) return relation_->number(owner_) == list.key().number;
    return begin() != end();
  }

  // The record at *position or after, whose position is stored; null at the end.
  const M* At(std::uint32_t* position) const {
    if (cell_ == 0) return collected_ == nullptr ? nullptr : AtCollected(position);
    if (!internal::IsList(cell_)) return *position == 0 ? Single() : nullptr;
    const internal::PostingArray* array = internal::ArrayIn(cell_);
    // It may have grown since.
    if (ABSL_PREDICT_FALSE(view_->transaction)) array = array->list->array();
    const std::uint32_t used = array->used.load(std::memory_order_acquire);
    const internal::Stamp limit = view_->Limit();
    for (; *position < used; ++*position) {
      const internal::Version* entry = array->entries()[*position].load(std::memory_order_acquire);
      if (entry == nullptr) continue;
      const internal::Version* version = internal::VisibleAt(entry, limit);
      if (version == nullptr) continue;
      const M* record = internal::RecordIn<M>(version);
      if (relation_->matches(owner_, *record)) return record;
    }
    return nullptr;
  }

  const M* Single() const {
    const internal::Version* entry = internal::EntryIn(cell_);
    if (view_->transaction) entry = internal::NewestOf(*index_->table(), entry);
    if (entry == nullptr) return nullptr;
    const internal::Version* version = internal::VisibleAt(entry, view_->Limit());
    if (version == nullptr) return nullptr;
    const M* record = internal::RecordIn<M>(version);
    return relation_->matches(owner_, *record) ? record : nullptr;
  }

  const M* AtCollected(std::uint32_t* position) const {
    for (; *position < collected_->size(); ++*position) {
      const M* record = (*collected_)[*position];
      if (!view_->transaction) return record;
      const internal::Table& table = *internal::SlotOf<M>(view_, 0).index->table();
      const internal::Version* newest =
          internal::NewestOf(table, internal::Table::VersionOf(const_cast<M*>(record)));
      if (newest != nullptr) return internal::RecordIn<M>(newest);
    }
    return nullptr;
  }

  const internal::View* view_ = nullptr;
  const internal::HashIndex* index_ = nullptr;
  internal::Cell cell_ = 0;  // An entry or a posting list of `index_`.
  const void* owner_ = nullptr;
  const Relation* relation_ = nullptr;
  std::shared_ptr<const std::vector<const M*>> collected_;  // Of a `through`.
};

// All records of a model: in the order of the key if that is declared `ordered`, else in no
// particular one, which may be another once the store has grown. Otherwise as Range.
template <typename M>
class TableRange {
 public:
  using value_type = RefOf<M>;

  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = RefOf<M>;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = value_type;

    iterator() = default;
    value_type operator*() const { return value_type(current_, view_); }
    iterator& operator++() {
      if (ordered_) {
        SettleInOrder();
      } else {
        ++slot_;
        Settle();
      }
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) {
      return a.current_ == b.current_;
    }

   private:
    friend class TableRange;
    iterator(const internal::View* view, const internal::HashIndex* index)
        : view_(view), index_(index), lines_(index->lines()) {
      if (const internal::OrderedIndex* ordered = index->table()->ordered(0); ordered != nullptr) {
        ordered_ = true;
        node_ = ordered->First();
        SettleInOrder();
      } else {
        Settle();
      }
    }

    void SettleInOrder() {
      const internal::Stamp limit = view_->Limit();
      current_ = nullptr;
      for (; node_ != nullptr && current_ == nullptr; node_ = node_->next()) {
        const internal::Version* version = internal::VisibleAt(node_->entry(), limit);
        // A transaction may have undone the insert of the node it was about to go to.
        if (version != nullptr && view_->transaction) {
          version = internal::NewestOf(*index_->table(), version);
        }
        if (version != nullptr) current_ = internal::RecordIn<M>(version);
      }
    }

    void Settle() {
      const internal::Stamp limit = view_->Limit();
      for (; bucket_ < lines_->buckets(); ++bucket_, slot_ = 0) {
        if (slot_ == 0) PrefetchAhead();
        for (; slot_ < internal::LineTable::kSlots; ++slot_) {
          const internal::Cell cell = lines_->At(bucket_, slot_);
          if (cell == 0) continue;
          const internal::Version* version = internal::EntryIn(cell);
          if (view_->transaction && lines_ != index_->lines()) {
            version = internal::NewestOf(*index_->table(), version);
            if (version == nullptr) continue;
          }
          version = internal::VisibleAt(version, limit);
          if (version == nullptr) continue;
          current_ = internal::RecordIn<M>(version);
          return;
        }
      }
      current_ = nullptr;
    }
    void PrefetchAhead() const {
      constexpr std::uint64_t kBucketsAhead = 8;
      if (bucket_ + kBucketsAhead >= lines_->buckets()) return;
      for (int slot = 0; slot < internal::LineTable::kSlots; ++slot) {
        const internal::Cell cell = lines_->At(bucket_ + kBucketsAhead, slot);
        if (cell != 0) internal::PrefetchVersion(internal::EntryIn(cell));
      }
    }

    const internal::View* view_ = nullptr;
    const internal::HashIndex* index_ = nullptr;
    const internal::LineTable* lines_ = nullptr;
    std::uint64_t bucket_ = 0;
    int slot_ = 0;
    bool ordered_ = false;
    const internal::OrderedIndex::Node* node_ = nullptr;  // After that of `current_`.
    const M* current_ = nullptr;
  };
  using const_iterator = iterator;

  iterator begin() const { return iterator(view_, index_); }
  iterator end() const { return iterator(); }
  // O(1).
  std::size_t size() const {
    const std::int64_t count = index_->table()->counts().At(view_->Limit());
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  bool empty() const { return size() == 0; }

  // For the library.
  TableRange(const internal::View* view, const internal::HashIndex* index)
      : view_(view), index_(index) {}

 private:
  const internal::View* view_;
  const internal::HashIndex* index_;
};

}  // namespace kin

template <typename R>
requires std::derived_from<R, kin::internal::RefTag>
struct std::hash<R> {
  std::size_t operator()(const R& ref) const noexcept {
    return std::hash<const void*>()(ref.get());
  }
};

#endif  // KIN_STORE_REF_H_
