// Consistent views of a store.
//
//   kin::Snapshot snapshot = store->GetSnapshot();
//   UserRef ada = snapshot.Find<User>(1);
//   for (UserRef user : snapshot.All<User>()) Use(user->email());
//
// A snapshot shows the store as of one commit for as long as it lives. Reading takes no lock, and
// neither waits for a writer nor makes one wait. Taking and dropping one costs tens of nanoseconds:
// take one for each request. One that is kept keeps the memory of what has changed since.
#ifndef KIN_STORE_SNAPSHOT_H_
#define KIN_STORE_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/commit.h"
#include "kin/store/internal/follow.h"
#include "kin/store/key.h"
#include "kin/store/model.h"
#include "kin/store/ref.h"

namespace kin {

namespace query::internal {
// In kin/store/query/query.h.
template <typename M, typename Writer>
auto StartQuery(const kin::internal::View* view, Writer* writer);
}  // namespace query::internal

namespace internal {

// The place of M's primary index. Fails if M is known only to schemas made since the store was
// opened; otherwise whether M is in the store's schema is to be seen from its `index`.
template <typename M>
const IndexSlot& PrimarySlotOf(const View* view) {
  const std::uint32_t offset = ModelTraits<M>::slot_base.offset.load(std::memory_order_relaxed);
  if (ABSL_PREDICT_FALSE(offset >= view->slot_bytes)) ModelNotInSchema(ModelTraits<M>::kName);
  return *SlotsAt(view, offset);
}

// The primary index of M; a checked failure if M is not in the schema.
template <typename M>
const HashIndex& PrimaryOf(const View* view) {
  const HashIndex* index = PrimarySlotOf<M>(view).index;
  if (ABSL_PREDICT_FALSE(index == nullptr)) ModelNotInSchema(ModelTraits<M>::kName);
  return *index;
}

// By value, texts as views: what a lookup carries in registers.
template <typename T>
auto KeyArgument(const T& value) {
  if constexpr (std::is_convertible_v<const T&, absl::string_view>) {
    return absl::string_view(value);
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    const std::string_view text = value;
    return absl::string_view(text.data(), text.size());
  } else {
    return value;
  }
}

// Whether each integer among `values` is one of the parameter's type: what is not can be no key,
// and must not be narrowed to another one.
template <typename... Parameters, typename... Values>
constexpr bool InRange(std::uint64_t (*)(Parameters...), const Values&... values) {
  static_assert(sizeof...(Parameters) == sizeof...(Values),
                "Find takes one argument for each part of the key");
  const auto fits = []<typename Parameter, typename Value>(std::type_identity<Parameter>,
                                                           const Value& value) {
    if constexpr (std::is_integral_v<Parameter> && std::is_integral_v<Value> &&
                  !std::is_same_v<Value, bool> && !std::is_same_v<Value, char>) {
      return std::in_range<Parameter>(value);
    } else {
      return true;
    }
  };
  return (fits(std::type_identity<Parameters>{}, values) && ...);
}

// Reads that snapshots and transactions share. Thread-safety: as the class derived from it.
class Reader {
 public:
  // The record with that key, empty if there is none. A composite key is given as one argument a
  // part. One hash lookup.
  template <typename M, typename... Key>
  ABSL_ATTRIBUTE_ALWAYS_INLINE RefOf<M> Find(const Key&... key) const
      ABSL_ATTRIBUTE_LIFETIME_BOUND {
    if (!InRange(&ModelTraits<M>::HashKey, KeyArgument(key)...)) return {};
    return FindIn<M, 0>(PrimarySlotOf<M>(view()), ModelTraits<M>::HashKey(KeyArgument(key)...),
                        [... part = KeyArgument(key)](const M& record) {
                          return ModelTraits<M>::KeyEquals(record, part...);
                        });
  }

  // The record whose unique field has that value, empty if there is none. One hash lookup.
  template <typename F, typename Value>
  RefOf<typename F::Model> FindBy(const Field<F>& /*field*/,
                                  const Value& value) const ABSL_ATTRIBUTE_LIFETIME_BOUND {
    using M = typename F::Model;
    static_assert(F::kUniqueSlot >= 0,
                  "FindBy needs a field that is the key or is declared (kin.field).unique");
    PrimaryOf<M>(view());
    using V = typename F::Value;
    if constexpr (std::is_same_v<V, std::string>) {
      return FindByTyped<F>(absl::string_view(KeyArgument(value)));
    } else if constexpr (std::is_integral_v<V> && !std::is_same_v<V, bool>) {
      if (!std::in_range<V>(value)) return {};
      return FindByTyped<F>(static_cast<V>(value));
    } else {
      return FindByTyped<F>(static_cast<V>(value));
    }
  }

  // All records of a model: a range of references, with size().
  template <typename M>
  TableRange<M> All() const ABSL_ATTRIBUTE_LIFETIME_BOUND {
    return TableRange<M>(view(), &PrimaryOf<M>(view()));
  }

  // How many records the model has. O(1).
  template <typename M>
  std::int64_t Count() const {
    return static_cast<std::int64_t>(All<M>().size());
  }

  // All records of a model, to be filtered, ordered, counted and so on: kin/store/query/query.h,
  // which generated headers include.
  template <typename M>
  auto Query() const ABSL_ATTRIBUTE_LIFETIME_BOUND {
    PrimaryOf<M>(view());
    return query::internal::StartQuery<M, void>(view(), nullptr);
  }

  // The association of each of `refs`, in `out` at the same position: a reference for a belongs_to
  // or has_one, a Range for a has_many. As a loop over the references' methods, but memory
  // latency overlaps: about three times as fast where the records are not in the cache.
  // REQUIRES: out.size() >= refs.size().
  template <typename A>
  void Resolve(absl::Span<const RefOf<typename A::Owner>> refs, const BelongsTo<A>& /*association*/,
               absl::Span<RefOf<typename A::Target>> out) const {
    ResolveAll<A>(refs, out);
  }
  template <typename A>
  void Resolve(absl::Span<const RefOf<typename A::Owner>> refs, const HasOne<A>& /*association*/,
               absl::Span<RefOf<typename A::Target>> out) const {
    ResolveAll<A>(refs, out);
  }
  template <typename A>
  void Resolve(absl::Span<const RefOf<typename A::Owner>> refs, const HasMany<A>& /*association*/,
               absl::Span<Range<typename A::Target>> out) const {
    ResolveAll<A>(refs, out);
  }

  // For the library.
  const View* internal_view() const { return view_; }

 protected:
  Reader() = default;
  explicit Reader(const View* view) : view_(view) {}
  const View* view() const { return view_; }
  void set_view(const View* view) { view_ = view; }

 private:
  template <typename F, typename Typed>
  RefOf<typename F::Model> FindByTyped(const Typed& value) const {
    using M = typename F::Model;
    return FindIn<M, F::kUniqueSlot>(
        SlotOf<M>(view(), F::kUniqueSlot), HashKey(value),
        [value](const M& record) { return F::Has(record) && F::Get(record) == value; });
  }

  template <typename M, int kSlot, typename Equals>
  ABSL_ATTRIBUTE_ALWAYS_INLINE RefOf<M> FindIn(const IndexSlot& slot, std::uint64_t hash,
                                               Equals equals) const {
    const View* view = this->view();
    const M* found = FindRecord<M, Place<M, kSlot>>(view, slot, hash, equals);
    return RefOf<M>(found, found == nullptr ? nullptr : view);
  }

  const View* view_ = nullptr;
};

}  // namespace internal

// Movable; not copyable (take another). May be used by several threads at once, and moved to and
// dropped on any thread. Must not outlive its store. A default-constructed or moved-from one is
// only to be destroyed or assigned to.
class Snapshot : public internal::Reader {
 public:
  Snapshot() = default;
  ~Snapshot() { Drop(); }
  Snapshot(Snapshot&& other) noexcept : Reader(other.view()) { other.set_view(nullptr); }
  Snapshot& operator=(Snapshot&& other) noexcept {
    if (this != &other) {
      Drop();
      set_view(other.view());
      other.set_view(nullptr);
    }
    return *this;
  }

  // The newest commit that it shows.
  CommitNumber commit() const { return internal::CommitOf(view()->Limit()); }

  // For plugins and tools, which handle records of any model; `model` counts in
  // Schema::graph().models. The record with that key, null if there is none; lives as long as the
  // snapshot.
  const google::protobuf::Message* FindRecord(int model, const KeyView& key) const
      ABSL_ATTRIBUTE_LIFETIME_BOUND;
  // The same for each of `keys`, in `out`. Where a key is one field, memory is asked for by many at
  // once: a fraction of the time if it is not in the processor's cache.
  // REQUIRES: out.size() == keys.size().
  void FindRecords(int model, absl::Span<const KeyView> keys,
                   absl::Span<const google::protobuf::Message*> out) const;
  void ForEachRecord(int model,
                     absl::FunctionRef<void(const google::protobuf::Message&)> visit) const;
  std::int64_t CountRecords(int model) const;

  // For the library.
  explicit Snapshot(internal::View* view) : Reader(view) {}

 private:
  void Drop() {
    if (view() != nullptr) {
      internal::ViewRegistry::Release(const_cast<internal::View*>(view()));
    }
  }
};

}  // namespace kin

#endif  // KIN_STORE_SNAPSHOT_H_
