// Contenders that a writer may change while readers read, as users do it without Kin.
#ifndef KIN_BENCH_CONTENDERS_SHARED_H_
#define KIN_BENCH_CONTENDERS_SHARED_H_

#include <cstdint>
#include <memory>

#include "absl/base/attributes.h"
#include "absl/synchronization/mutex.h"
#include "kin/bench/contenders.h"

namespace kin::bench {

// The maps of Flat behind one lock, which each lookup takes for reading.
class FlatMutex {
 public:
  static constexpr char kName[] = "flat_mutex";
  using Handle = const Node*;

  FlatMutex(const Dataset& data, Pages pages) : flat_(data, pages) {}

  class Request {
   public:
    explicit Request(const FlatMutex& who) : request_(who.flat_), mutex_(who.mutex_) {}
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Find(std::int64_t id) const {
      absl::ReaderMutexLock lock(&mutex_);
      return request_.Find(id);
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Next(const Node* node) const {
      absl::ReaderMutexLock lock(&mutex_);
      return request_.Next(node);
    }
    ABSL_ATTRIBUTE_ALWAYS_INLINE const Node* Previous(const Node* node) const {
      absl::ReaderMutexLock lock(&mutex_);
      return request_.Previous(node);
    }

   private:
    const Flat::Request request_;
    absl::Mutex& mutex_;
  };

  // Assigns a field in place, under the lock.
  void Change(std::int64_t id) {
    absl::MutexLock lock(&mutex_);
    flat_.Change(id);
  }

 private:
  friend class Request;

  Flat flat_;
  mutable absl::Mutex mutex_;
};

}  // namespace kin::bench

#endif  // KIN_BENCH_CONTENDERS_SHARED_H_
