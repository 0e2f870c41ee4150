// Changes to a store: what the body of `Store::Write` is given.
//
//   store->Write([&](kin::Transaction& txn) -> absl::Status {
//     User user;
//     user.set_email("ada@example.com");
//     absl::StatusOr<UserRef> ada = txn.Insert(std::move(user));
//     if (!ada.ok()) return ada.status();
//     return txn.Update(*ada, [](User& u) { u.set_first_name("Ada"); }).status();
//   });
//
// A transaction reads as a snapshot does (Find, FindBy, All, Count, Resolve, and the references it
// gives), and sees its own changes. References from it live until `Write` returns. Transactions run
// one at a time.
//
// A call that fails changes nothing, and the transaction goes on. Value rules, keys, unique values
// and has_one are judged at the call, NULLIFY and CASCADE act at the call; that each foreign key
// that is present has its parent, and RESTRICT, are judged at commit.
//
// Errors of every call: INVALID_ARGUMENT (a value rule, text that is not UTF-8), NOT_FOUND (a
// reference that is empty or names a record that is gone), ALREADY_EXISTS (key, unique value,
// second child of a has_one), FAILED_PRECONDITION (a reference or record of an older lock_version
// than the newest), RESOURCE_EXHAUSTED (no id is left, the transaction is over
// OpenOptions::max_transaction_changes), and that of a hook that fails, which is the end of the
// transaction: whatever follows, Write returns it. A reference of another store is a checked
// failure.
//
// A reference that is passed names its record by model and key; it may come from a snapshot.
#ifndef KIN_STORE_TRANSACTION_H_
#define KIN_STORE_TRANSACTION_H_

#include <concepts>
#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/transaction_core.h"
#include "kin/store/model.h"
#include "kin/store/ref.h"
#include "kin/store/snapshot.h"

namespace kin {

namespace internal {
[[noreturn]] ABSL_ATTRIBUTE_NOINLINE void ForeignReference(const char* model);

// A message class, and not a reference to one: so `M&&` takes temporaries and what is moved only.
template <typename M>
concept RecordType = std::derived_from<M, google::protobuf::Message>;
}  // namespace internal

// A place in a transaction to go back to. Valid until the transaction ends or goes back to an
// earlier one.
class Savepoint {
 private:
  friend class Transaction;
  internal::TransactionCore::Mark mark_;
};

// Used by the thread that runs the body only.
class Transaction : public internal::Reader {
 public:
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  // Adds a record. A 64-bit `id` left at 0 is allocated, an empty `uuid` key filled. ALREADY_EXISTS
  // if the key or a unique value is taken. O(number of indexes).
  template <internal::RecordType M>
  absl::StatusOr<RefOf<M>> Insert(M&& record) {
    return InsertFresh<M>(std::move(record));
  }
  template <internal::RecordType M>
  absl::StatusOr<RefOf<M>> Insert(const M& record) {
    return InsertFresh<M>(record);
  }

  // Inserts the record, or replaces the whole record that has its key. ALREADY_EXISTS only for
  // another record's unique value. A key of 0 that is allocated inserts.
  template <internal::RecordType M>
  absl::StatusOr<RefOf<M>> Upsert(M&& record) {
    return Result<M>(core_.Upsert(TableOf<M>(), Fresh(std::move(record))));
  }
  template <internal::RecordType M>
  absl::StatusOr<RefOf<M>> Upsert(const M& record) {
    return Result<M>(core_.Upsert(TableOf<M>(), Fresh(record)));
  }

  // Calls change(M&) on a copy of the newest version, which then takes its place; returns the new
  // one. INVALID_ARGUMENT if the key changes, FAILED_PRECONDITION if `change` has itself changed
  // the record in the transaction.
  template <ReferenceType R, typename Change>
  absl::StatusOr<R> Update(const R& ref, Change&& change) {
    using M = typename R::Record;
    internal::Table& table = TableOf<M>();
    absl::StatusOr<internal::Version*> current = core_.FindToChange(table, Named(ref));
    if (!current.ok()) return current.status();
    M copy(*internal::RecordIn<M>(*current));
    const std::uint64_t generation = core_.generation();
    std::forward<Change>(change)(copy);
    if (core_.generation() != generation) {  // `change` has used the transaction.
      const internal::Version* copied = *current;
      current = core_.FindNamed(table, Named(ref));
      if (current.ok() && *current != copied) current = core_.OvertakenError(table, copied);
      if (!current.ok()) return current.status();
    }
    return Result<M>(core_.Update(table, *current, Fresh(std::move(copy))));
  }

  // Deletes a record. Its children are deleted (CASCADE), or lose it (NULLIFY); while there are
  // others (RESTRICT), the transaction cannot commit. O(children that change).
  template <ReferenceType R>
  absl::Status Delete(const R& ref) {
    return core_.Delete(TableOf<typename R::Record>(), Named(ref));
  }

  // Makes `child` the one child of a has_one: a new record, whose foreign key is filled in, or one
  // that exists. The child shown before loses its foreign key if that is optional, else it is
  // deleted.
  template <typename A>
  absl::StatusOr<RefOf<typename A::Target>> Set(const RefOf<typename A::Owner>& parent,
                                                const HasOne<A>& /*has_one*/,
                                                std::type_identity_t<typename A::Target> child) {
    static_assert(!A::kThrough, "Set needs a has_one that is direct, not through another");
    return Result<typename A::Target>(
        core_.Set(AssociationOf<A>(), Named(parent), Fresh(std::move(child)), nullptr));
  }
  template <typename A>
  absl::StatusOr<RefOf<typename A::Target>> Set(const RefOf<typename A::Owner>& parent,
                                                const HasOne<A>& /*has_one*/,
                                                const RefOf<typename A::Target>& child) {
    static_assert(!A::kThrough, "Set needs a has_one that is direct, not through another");
    return Result<typename A::Target>(
        core_.Set(AssociationOf<A>(), Named(parent), nullptr, Named(child)));
  }

  // Detaches the child of a has_one, as Set does with the one before; OK if there is none.
  template <typename A>
  absl::Status Clear(const RefOf<typename A::Owner>& parent, const HasOne<A>& /*has_one*/) {
    static_assert(!A::kThrough, "Clear needs a has_one that is direct, not through another");
    return core_.Clear(AssociationOf<A>(), Named(parent));
  }

  // Adds `child` to a has_many: a new record, whose foreign key is filled in, or one that exists,
  // whose foreign key is changed. Over a `through` a middle record is made unless there is one, and
  // the far record is returned.
  template <typename A>
  absl::StatusOr<RefOf<typename A::Target>> Add(const RefOf<typename A::Owner>& parent,
                                                const HasMany<A>& /*has_many*/,
                                                std::type_identity_t<typename A::Target> child) {
    CheckCanAdd<A>();
    return Result<typename A::Target>(
        core_.Add(AssociationOf<A>(), Named(parent), Fresh(std::move(child)), nullptr));
  }
  template <typename A>
  absl::StatusOr<RefOf<typename A::Target>> Add(const RefOf<typename A::Owner>& parent,
                                                const HasMany<A>& /*has_many*/,
                                                const RefOf<typename A::Target>& child) {
    CheckCanAdd<A>();
    return Result<typename A::Target>(
        core_.Add(AssociationOf<A>(), Named(parent), nullptr, Named(child)));
  }

  // Takes `child` out of a has_many: its foreign key is emptied if optional, else it is deleted.
  // Over a `through` the middle records are deleted. NOT_FOUND if it is not among them.
  template <typename A>
  absl::Status Remove(const RefOf<typename A::Owner>& parent, const HasMany<A>& /*has_many*/,
                      const RefOf<typename A::Target>& child) {
    CheckCanAdd<A>();
    return core_.Remove(AssociationOf<A>(), Named(parent), Named(child));
  }

  // As Snapshot::Query, and with UpdateAll and DeleteAll; sees the transaction's own changes.
  template <typename M>
  auto Query() {
    internal::PrimaryOf<M>(view());
    return query::internal::StartQuery<M, Transaction>(view(), this);
  }
  // In a hook that may not write.
  template <typename M>
  auto Query() const {
    return Reader::Query<M>();
  }

  // For plugins and tools, which handle records of any model; `model` counts in
  // Schema::graph().models, and `record` is of that model's type. They return the record as it is
  // stored, which lives until `Write` returns; otherwise as Insert, Upsert and Delete. UpsertRecord
  // is also how such a record is updated.
  absl::StatusOr<const google::protobuf::Message*> InsertRecord(
      int model, const google::protobuf::Message& record);
  absl::StatusOr<const google::protobuf::Message*> UpsertRecord(
      int model, const google::protobuf::Message& record);
  // Deletes the record that has the key of `record`.
  absl::Status DeleteRecord(int model, const google::protobuf::Message& record);
  const google::protobuf::Message* FindRecord(int model, const KeyView& key) const;

  // Marks this place. RollbackTo undoes all that was done since; references to versions made since
  // stay readable, but name records that may be gone. A hook goes back to savepoints of its own
  // only.
  kin::Savepoint Savepoint() {
    kin::Savepoint savepoint;
    savepoint.mark_ = core_.mark();
    return savepoint;
  }
  void RollbackTo(const kin::Savepoint& savepoint) { core_.RollbackForProgram(savepoint.mark_); }

  // For the library.
  explicit Transaction(internal::TransactionCore* core) : Reader(core->view()), core_(*core) {}

 private:
  template <typename A>
  static constexpr void CheckCanAdd() {
    static_assert(!A::kThrough || A::kCanAdd,
                  "Add and Remove over a `through` need a middle model that belongs directly to "
                  "both ends");
  }

  template <typename M>
  internal::Table& TableOf() {
    return *internal::PrimaryOf<M>(view()).table();
  }
  template <typename A>
  const graph::Association& AssociationOf() {
    return *TableOf<typename A::Owner>().model().associations[A::kSlot - 1];
  }
  template <typename M>
  internal::Version* Fresh(M&& record) {
    using Record = std::remove_cvref_t<M>;
    // Where the record will be looked for is loaded while it is made.
    internal::LineTable::Prefetch(
        internal::SlotOf<Record>(view(), 0).home.load(std::memory_order_relaxed),
        ModelTraits<Record>::HashOf(record));
    return Made(TableOf<Record>(), std::forward<M>(record));
  }
  template <typename M>
  static internal::Version* Made(internal::Table& table, M&& record) {
    internal::Version* version = table.NewRawVersion();
    new (static_cast<void*>(version + 1)) std::remove_cvref_t<M>(std::forward<M>(record));
    return version;
  }
  template <typename M, typename R>
  absl::StatusOr<RefOf<M>> InsertFresh(R&& record) {
    internal::Table& table = TableOf<M>();
    if (core_.ReadAhead(table, record)) {
      return Result<M>(core_.Insert(table, Made(table, std::forward<R>(record)), true));
    }
    return Result<M>(core_.Insert(table, Fresh(std::forward<R>(record))));
  }
  // The record that a reference names; null if it is empty.
  template <typename M>
  const M* Named(const RefBase<M>& ref) {
    if (ref && ABSL_PREDICT_FALSE(ref.internal_view()->engine != view()->engine)) {
      internal::ForeignReference(ModelTraits<M>::kName);
    }
    return ref.get();
  }
  template <typename M>
  absl::StatusOr<RefOf<M>> Result(absl::StatusOr<internal::Version*> version) {
    if (!version.ok()) return std::move(version).status();
    return RefOf<M>(internal::RecordIn<M>(*version), view());
  }

  internal::TransactionCore& core_;
};

}  // namespace kin

#endif  // KIN_STORE_TRANSACTION_H_
