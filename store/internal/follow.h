// How associations are followed: what the methods of generated references call.
#ifndef KIN_STORE_INTERNAL_FOLLOW_H_
#define KIN_STORE_INTERNAL_FOLLOW_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "kin/store/internal/record_vector.h"
#include "kin/store/ref.h"

namespace kin::internal {

// The record that `entry`, met in a probe for `hash`, shows to a view, if it is the other end of
// association A from `owner`.
template <typename A>
const typename A::Target* TargetAt(const HashIndex& index, std::uint64_t hash, const Version* entry,
                                   Stamp limit, const typename A::Owner& owner) {
  const Version* version = index.Visible(hash, entry, limit);
  if (ABSL_PREDICT_FALSE(version == nullptr)) return nullptr;
  const auto* target = RecordIn<typename A::Target>(version);
  return ABSL_PREDICT_TRUE(A::Equal(owner, *target)) ? target : nullptr;
}

// Whether the foreign key of A is one number.
template <typename A>
inline constexpr bool kOneNumber = requires(const typename A::Owner& owner,
                                            const typename A::Target& target) {
  A::Holds(target, A::Key(owner));
};

template <typename A>
Range<typename A::Target> Many(const RefBase<typename A::Owner>& ref);

// Calls visit(reference) for each record of an association of any kind.
template <typename A, typename Visit>
void ForEachOf(const RefBase<typename A::Owner>& ref, Visit&& visit);

// Of several children the one with the lowest key.
template <typename A>
const typename A::Target* Lowest(const HashIndex& index, std::uint64_t hash, Stamp limit,
                                 const typename A::Owner& owner) {
  const typename A::Target* lowest = nullptr;
  index.ForEachEntry(hash, [&](const Version* entry) {
    const auto* target = TargetAt<A>(index, hash, entry, limit, owner);
    if (target != nullptr && (lowest == nullptr || index.table()->KeyLess(*target, *lowest))) {
      lowest = target;
    }
    return false;
  });
  return lowest;
}

template <typename A>
RefOf<typename A::Target> OneThrough(const RefBase<typename A::Owner>& ref) {
  RefOf<typename A::Target> lowest;
  ForEachOf<A>(ref, [&](RefOf<typename A::Target> target) {
    const Table& table = *SlotOf<typename A::Target>(ref.internal_view(), 0).index->table();
    if (!lowest || table.KeyLess(*target, *lowest)) lowest = target;
  });
  return lowest;
}

// belongs_to and has_one: hash, probe, one comparison.
template <typename A>
ABSL_ATTRIBUTE_ALWAYS_INLINE inline RefOf<typename A::Target> One(RefBase<typename A::Owner> ref) {
  using Target = typename A::Target;
  if (ABSL_PREDICT_FALSE(!ref)) return {};
  if constexpr (A::kThrough) {
    return OneThrough<A>(ref);
  } else {
    const auto& owner = *ref.get();
    if (!A::Present(owner)) return {};
    const View* view = ref.internal_view();
    using Here = Place<typename A::Owner, A::kSlot>;
    const IndexSlot& slot = Here::Of(view);
    const Target* found = nullptr;
    if constexpr (A::kLowest) {
      found = Lowest<A>(*slot.index, A::Hash(owner), view->Limit(), owner);
    } else if constexpr (kOneNumber<A>) {
      // Read once: acquire loads would have the compiler read the owner again.
      const auto key = A::Key(owner);
      found = FindRecord<Target, Here>(
          view, slot, HashKey(key), [key](const Target& target) { return A::Holds(target, key); });
    } else {
      found = FindRecord<Target, Here>(view, slot, A::Hash(owner), [&owner](const Target& target) {
        return A::Equal(owner, target);
      });
    }
    return RefOf<Target>(found, found == nullptr ? nullptr : view);
  }
}

template <typename A>
std::vector<const typename A::Target*> CollectThrough(const RefBase<typename A::Owner>& ref) {
  std::vector<const typename A::Target*> collected;
  absl::flat_hash_set<const typename A::Target*> seen;
  ForEachOf<A>(ref, [&](RefOf<typename A::Target> target) {
    if (seen.insert(target.get()).second) collected.push_back(target.get());
  });
  return collected;
}

template <typename A>
constexpr typename Range<typename A::Target>::Relation RelationOf() {
  using Owner = typename A::Owner;
  typename Range<typename A::Target>::Relation relation = {};
  relation.matches = [](const void* owner, const typename A::Target& target) {
    return A::Equal(*static_cast<const Owner*>(owner), target);
  };
  if constexpr (kOneNumber<A>) {
    relation.number = [](const void* owner) {
      return MakeKeyPart(A::Key(*static_cast<const Owner*>(owner))).number;
    };
  }
  return relation;
}
template <typename A>
inline constexpr typename Range<typename A::Target>::Relation kRelation = RelationOf<A>();

// has_many.
template <typename A>
Range<typename A::Target> Many(const RefBase<typename A::Owner>& ref) {
  using Target = typename A::Target;
  if (ABSL_PREDICT_FALSE(!ref)) return {};
  const View* view = ref.internal_view();
  if constexpr (A::kThrough) {
    return Range<Target>(view, CollectThrough<A>(ref));
  } else {
    const auto& owner = *ref.get();
    if (!A::Present(owner)) return {};
    const HashIndex& index = *SlotOf<typename A::Owner>(view, A::kSlot).index;
    const Stamp limit = view->Limit();
    const std::uint64_t hash = A::Hash(owner);
    const Cell cell = index.lines()->Find(hash, [&](Cell candidate) {
      if (!IsList(candidate)) {
        return TargetAt<A>(index, hash, EntryIn(candidate), limit, owner) != nullptr;
      }
      const PostingArray* array = ArrayIn(candidate);
      __builtin_prefetch(array + 1);  // Most entries are in the lines behind its head.
      return array->hash == hash;
    });
    if (cell == 0) return {};
    return Range<Target>(view, &index, cell, &owner, &kRelation<A>);
  }
}

template <typename A, typename Visit>
void ForEachOf(const RefBase<typename A::Owner>& ref, Visit&& visit) {
  if constexpr (A::kThrough) {
    ForEachOf<typename A::Through>(
        ref, [&](const auto& middle) { ForEachOf<typename A::Source>(middle, visit); });
  } else if constexpr (A::kMany) {
    for (const auto& target : Many<A>(ref)) visit(target);
  } else {
    if (auto target = One<A>(ref)) visit(target);
  }
}

// What One and Many give, for `refs[i]` in `out[i]`. The loads of a group are started together: the
// owners, then the buckets of their keys, then the records that these point at.
template <typename A, typename OwnerRef, typename Out>
void ResolveAll(absl::Span<const OwnerRef> refs, absl::Span<Out> out) {
  constexpr std::size_t kGroup = 32;
  const auto follow = [](const OwnerRef& ref) {
    if constexpr (A::kMany) {
      return Many<A>(ref);
    } else {
      return One<A>(ref);
    }
  };
  if constexpr (A::kThrough) {
    for (std::size_t i = 0; i < refs.size(); ++i) out[i] = follow(refs[i]);
  } else {
    std::uint64_t hashes[kGroup];
    Home homes[kGroup];
    Cell cells[kGroup];
    for (std::size_t begin = 0; begin < refs.size(); begin += kGroup) {
      const std::size_t size = std::min(kGroup, refs.size() - begin);
      for (std::size_t i = 0; i < size; ++i) {
        const OwnerRef& ref = refs[begin + i];
        if (begin + i + kGroup < refs.size()) {
          const char* next = reinterpret_cast<const char*>(refs[begin + i + kGroup].get());
          __builtin_prefetch(next, /*rw=*/0, /*locality=*/2);
          __builtin_prefetch(next + 47, /*rw=*/0, /*locality=*/2);
        }
        homes[i] = 0;
        if (!ref || !A::Present(*ref)) continue;
        hashes[i] = A::Hash(*ref);
        // Pairs with the release in HashIndex::Publish.
        homes[i] = SlotOf<typename A::Owner>(ref.internal_view(), A::kSlot)
                       .home.load(std::memory_order_acquire);
        LineTable::PrefetchOfMany(homes[i], hashes[i]);
      }
      for (std::size_t i = 0; i < size; ++i) {
        cells[i] = homes[i] == 0 ? 0 : LineTable::FindFirst(homes[i], hashes[i]);
        const char* first = reinterpret_cast<const char*>(cells[i] & ~Cell{1});
        if (first != nullptr) __builtin_prefetch(first, /*rw=*/0, /*locality=*/2);
      }
      for (std::size_t i = 0; i < size; ++i) {
        const OwnerRef& ref = refs[begin + i];
        if constexpr (!A::kMany && !A::kLowest) {
          // What FindRecord does next.
          if (ABSL_PREDICT_TRUE(cells[i] != 0) &&
              ABSL_PREDICT_TRUE(Shows(EntryIn(cells[i]), ref.internal_view()->Limit()))) {
            const auto* target = RecordIn<typename A::Target>(EntryIn(cells[i]));
            if (ABSL_PREDICT_TRUE(A::Equal(*ref, *target))) {
              out[begin + i] = Out(target, ref.internal_view());
              continue;
            }
          }
        }
        out[begin + i] = follow(ref);
      }
    }
  }
}

// Of the records of a has_many that are collected, so many are asked for meanwhile; the others when
// they are gone through, for of more what was asked for first would be gone again by then.
inline constexpr std::size_t kPrefetchedTargets = 256;

// Appends the entries of a posting list that is of `hash` to `out`, if the view shows all of them
// at once; else appends nothing, and returns false. Whose children they are is not looked at.
template <typename Target>
bool AppendShown(const PostingArray& array, std::uint64_t hash, Stamp limit,
                 RecordVector<Target>* out) {
  if (array.hash != hash || array.mixed.load(std::memory_order_relaxed)) return false;
  if (array.has_markers()) return false;  // Read before the entries.
  const std::size_t before = out->size();
  const std::uint32_t used = array.used.load(std::memory_order_acquire);
  out->resize(before + used);
  const Target** end = out->data() + before;
  const Target* const* const all = out->data();
  for (std::uint32_t i = 0; i < used; ++i) {
    const Version* entry = array.entries()[i].load(std::memory_order_acquire);
    if (entry == nullptr) continue;
    const auto* record = RecordIn<Target>(entry);
    if (static_cast<std::size_t>(end - all) < kPrefetchedTargets) PrefetchRecord(record);
    *end++ = record;
  }
  const bool shown = array.AllShown(limit);
  out->resize(shown ? static_cast<std::size_t>(end - all) : before);
  return shown;
}

// Asks for what a cell leads to: a record, or the array of a short list.
ABSL_ATTRIBUTE_ALWAYS_INLINE inline void PrefetchCell(Cell cell) {
  if (cell == 0) return;
  const char* bytes = reinterpret_cast<const char*>(cell & ~Cell{1});
  __builtin_prefetch(bytes);
  __builtin_prefetch(bytes + 64);
}

// Appends the records of a has_many of each owner, which is not a `through`, to `out`. As in
// ResolveAll, and posting lists are gone through with no look at their records, where these are all
// shown: their memory may come when it is needed.
template <typename A>
void CollectMany(const View* view, absl::Span<const typename A::Owner* const> owners,
                 RecordVector<typename A::Target>* out) {
  constexpr std::size_t kGroup = 32;
  const Stamp limit = view->Limit();
  const auto append = [&](const typename A::Owner* owner) {
    for (const auto& target : Many<A>(RefBase<typename A::Owner>(owner, view))) {
      out->push_back(target.get());
    }
  };
  std::uint64_t hashes[kGroup];
  Home homes[kGroup];
  Cell cells[kGroup];
  std::size_t firsts[kGroup];  // Where in `out` a list begins.
  for (std::size_t begin = 0; begin < owners.size(); begin += kGroup) {
    const std::size_t size = std::min(kGroup, owners.size() - begin);
    const auto* const* group = owners.data() + begin;
    for (std::size_t i = 0; i < size; ++i) {
      if (begin + i + kGroup < owners.size()) {
        const char* next = reinterpret_cast<const char*>(group[i + kGroup]);
        __builtin_prefetch(next, /*rw=*/0, /*locality=*/2);
        __builtin_prefetch(next + 47, /*rw=*/0, /*locality=*/2);
      }
      homes[i] = 0;
      if (!A::Present(*group[i])) continue;
      hashes[i] = A::Hash(*group[i]);
      // Pairs with the release in HashIndex::Publish.
      homes[i] = SlotOf<typename A::Owner>(view, A::kSlot).home.load(std::memory_order_acquire);
      LineTable::PrefetchOfMany(homes[i], hashes[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      cells[i] = homes[i] == 0 ? 0 : LineTable::FindFirst(homes[i], hashes[i]);
      PrefetchCell(cells[i]);
    }
    const std::size_t before = out->size();
    std::size_t lists = 0;
    const typename A::Owner* of_list[kGroup];
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t first = out->size();
      if (cells[i] != 0 && IsList(cells[i]) && !view->transaction &&
          AppendShown(*ArrayIn(cells[i]), hashes[i], limit, out)) {
        firsts[lists] = first;
        of_list[lists] = group[i];
        lists += static_cast<std::size_t>(out->size() > first);
      } else if (homes[i] != 0) {
        append(group[i]);
      }
    }
    // Another key may have the same hash: then the list is of that one.
    bool same = true;
    for (std::size_t i = 0; i < lists; ++i) same &= A::Equal(*of_list[i], *(*out)[firsts[i]]);
    if (ABSL_PREDICT_TRUE(same)) continue;
    out->resize(before);
    for (std::size_t i = 0; i < size; ++i) append(group[i]);
  }
}

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_FOLLOW_H_
