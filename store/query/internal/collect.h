// Following an association from many records at once.
#ifndef KIN_STORE_QUERY_INTERNAL_COLLECT_H_
#define KIN_STORE_QUERY_INTERNAL_COLLECT_H_

#include <algorithm>
#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/types/span.h"
#include "kin/store/internal/follow.h"
#include "kin/store/internal/record_vector.h"
#include "kin/store/query/internal/cursor.h"

namespace kin::query::internal {

// Room for so many records is made at first: as much as malloc has at hand for each thread (glibc's
// tcache has blocks of up to 1032 bytes).
inline constexpr std::size_t kFirstRecords = 1024 / sizeof(void*);

template <typename T>
void RemoveDuplicates(kin::internal::RecordVector<T>* records) {
  absl::flat_hash_set<const T*> seen;
  seen.reserve(records->size());
  records->erase(std::remove_if(records->begin(), records->end(),
                                [&](const T* record) { return !seen.insert(record).second; }),
                 records->end());
}

// The records that association A leads to from `owners`, each once if these are.
template <typename A>
kin::internal::RecordVector<typename A::Target> CollectTargets(
    const View* view, const kin::internal::RecordVector<typename A::Owner>& owners,
    Interrupt* interrupt) {
  using Target = typename A::Target;
  using OwnerRef = RefOf<typename A::Owner>;
  kin::internal::RecordVector<Target> targets;
  if constexpr (A::kThrough && A::kMany) {
    targets = CollectTargets<typename A::Source>(
        view, CollectTargets<typename A::Through>(view, owners, interrupt), interrupt);
    RemoveDuplicates(&targets);
  } else {
    constexpr std::size_t kGroup = 256;
    targets.reserve(std::max(owners.size(), kFirstRecords));
    for (std::size_t begin = 0; begin < owners.size(); begin += kGroup) {
      if (interrupt->Stopped()) break;
      const std::size_t size = std::min(kGroup, owners.size() - begin);
      if constexpr (A::kMany) {
        kin::internal::CollectMany<A>(view, absl::MakeConstSpan(owners).subspan(begin, size),
                                      &targets);
      } else {
        OwnerRef refs[kGroup];
        RefOf<Target> out[kGroup];
        for (std::size_t i = 0; i < size; ++i) refs[i] = OwnerRef(owners[begin + i], view);
        kin::internal::ResolveAll<A>(absl::MakeConstSpan(refs, size), absl::MakeSpan(out, size));
        for (std::size_t i = 0; i < size; ++i) {
          if (out[i]) targets.push_back(out[i].get());
        }
      }
    }
    // The children of a has_many have one parent: they are met once.
    if constexpr (!A::kMany) RemoveDuplicates(&targets);
  }
  return targets;
}

}  // namespace kin::query::internal

#endif  // KIN_STORE_QUERY_INTERNAL_COLLECT_H_
