// Hooks: functions of the program that a store calls when records change.
//
//   kin::Schema schema = kin::Schema::Of<User, Post>();
//   schema.Before<User>(kin::Change::kInsert, [](kin::ChangeOf<User>& change) {
//     change.mutable_record()->set_email(absl::AsciiStrToLower(change.after()->email()));
//     return absl::OkStatus();
//   });
//   schema.Validate<User>([](const User& user) {
//     return user.email().empty() ? absl::InvalidArgumentError("accounts.User.email: …")
//                                 : absl::OkStatus();
//   });
//   auto store = kin::Store::Open(std::move(schema));
//
// Hooks run on the thread that writes, in the order in which they were registered, and make others
// that write wait: they must be quick. They fire for every change of a record, whichever call makes
// it: Insert, Upsert, Update, Delete, Set, Clear, Add and Remove, and what CASCADE and NULLIFY do.
// They do not fire when a store is opened, nor when a transaction is rolled back.
//
//   Before     at the call, before the rules are judged; may change the record and use the
//              transaction.
//   After      at the call, when the change is made; may use the transaction.
//   Validate   at commit, once for each record that the transaction has inserted or changed, as it
//              is then; sees all that would become visible. All failures are listed.
//   AfterCommit  when the commit is visible.
//
// A hook that fails, or throws (INTERNAL), aborts the transaction: Write returns its error,
// whatever the body returns. Inside a hook Store::Write, Flush, WaitDurable, Close and a
// Watch::Next that would wait are FAILED_PRECONDITION; GetSnapshot works, and shows the newest
// commit. docs/rules.md tells more.
#ifndef KIN_STORE_HOOKS_H_
#define KIN_STORE_HOOKS_H_

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/change.h"
#include "kin/store/internal/hooks.h"
#include "kin/store/model.h"
#include "kin/store/ref.h"
#include "kin/store/schema.h"
#include "kin/store/transaction.h"

namespace kin {

// A change of one record of M, as a hook sees it. Valid during the call of the hook.
template <typename M>
class ChangeOf {
 public:
  // For the library.
  explicit ChangeOf(const internal::HookCall* call) : call_(*call) {}

  Change::Kind kind() const { return call_.kind; }
  // The record before the change; null for an insert. At the call it is the newest version that the
  // transaction saw, in a validator the one committed.
  const M* before() const { return static_cast<const M*>(call_.before); }
  // The record as it is to be; null for a delete.
  const M* after() const { return static_cast<const M*>(call_.after); }
  // The same, to be changed: in a Before hook of an insert or update, else null. The key may be
  // changed where it is inserted; what the store fills in is filled in after.
  M* mutable_record() { return static_cast<M*>(call_.record); }
  // A reference from which associations can be followed: of after(), for a delete of before().
  RefOf<M> ref() const { return RefOf<M>(after() != nullptr ? after() : before(), call_.view); }

  // Whether the change gives a field another value, or another presence. For an insert or a delete:
  // whether the field is set.
  template <typename F>
  bool Changed(const Field<F>& /*field*/) const {
    static_assert(std::is_same_v<typename F::Model, M>, "the field is one of another model");
    return Changed(*M::descriptor()->FindFieldByNumber(F::kNumber));
  }
  // All fields for which that holds, in order of declaration. O(size of the record).
  graph::FieldList ChangedFields() const {
    graph::FieldList fields;
    for (int i = 0; i < M::descriptor()->field_count(); ++i) {
      if (Changed(*M::descriptor()->field(i))) fields.push_back(M::descriptor()->field(i));
    }
    return fields;
  }

 private:
  bool Changed(const google::protobuf::FieldDescriptor& field) const {
    const M& none = M::default_instance();
    return !SameField(before() != nullptr ? *before() : none, after() != nullptr ? *after() : none,
                      field);
  }

  internal::HookCall call_;
};

namespace internal {

// Hooks take what they need of (change, transaction).
template <typename M, typename Change, typename Txn, typename Hook>
absl::Status CallHook(const Hook& hook, Change& change, Txn& transaction) {
  if constexpr (std::is_invocable_r_v<absl::Status, const Hook&, Change&, Txn&>) {
    return hook(change, transaction);
  } else {
    static_assert(std::is_invocable_r_v<absl::Status, const Hook&, Change&>,
                  "a hook is absl::Status(kin::ChangeOf<M>&) or absl::Status(kin::ChangeOf<M>&, "
                  "kin::Transaction&); both const for After and Validate, but for After's "
                  "transaction; it must be callable when const");
    return hook(change);
  }
}

}  // namespace internal

template <typename M, typename Hook>
Schema& Schema::Before(Change::Kind kind, Hook hook) {
  return AddHook({M::descriptor(), internal::Hooks::When::kBefore, kind,
                  [hook = std::move(hook)](const internal::HookCall& call) {
                    ChangeOf<M> change(&call);
                    return internal::CallHook<M>(hook, change, *call.transaction);
                  }});
}

template <typename M, typename Hook>
Schema& Schema::After(Change::Kind kind, Hook hook) {
  return AddHook({M::descriptor(), internal::Hooks::When::kAfter, kind,
                  [hook = std::move(hook)](const internal::HookCall& call) {
                    const ChangeOf<M> change(&call);
                    return internal::CallHook<M>(hook, change, *call.transaction);
                  }});
}

template <typename M, typename Hook>
Schema& Schema::Validate(Hook hook) {
  return AddHook({M::descriptor(), internal::Hooks::When::kValidate, Change::kInsert,
                  [hook = std::move(hook)](const internal::HookCall& call) -> absl::Status {
                    const ChangeOf<M> change(&call);
                    if constexpr (std::is_invocable_r_v<absl::Status, const Hook&, const M&>) {
                      return hook(*change.after());
                    } else {
                      const Transaction& view = *call.transaction;
                      return internal::CallHook<M>(hook, change, view);
                    }
                  }});
}

}  // namespace kin

#endif  // KIN_STORE_HOOKS_H_
