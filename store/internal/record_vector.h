// Records that were found.
#ifndef KIN_STORE_INTERNAL_RECORD_VECTOR_H_
#define KIN_STORE_INTERNAL_RECORD_VECTOR_H_

#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace kin::internal {

// Leaves new elements uninitialized where nothing is said of them, so that resize(), before what
// writes them, costs nothing.
template <typename T>
struct UninitializedAllocator : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  using std::allocator<T>::allocator;

  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Arguments>
  void construct(U* at, Arguments&&... arguments) {
    ::new (static_cast<void*>(at)) U(std::forward<Arguments>(arguments)...);
  }
};

template <typename M>
using RecordVector = std::vector<const M*, UninitializedAllocator<const M*>>;

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_RECORD_VECTOR_H_
