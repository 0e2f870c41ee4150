// What a model asks for beyond storing: value rules, fields that the store fills in, hooks.
#ifndef KIN_STORE_INTERNAL_MODEL_RULES_H_
#define KIN_STORE_INTERNAL_MODEL_RULES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/hooks.h"
#include "kin/store/internal/value_rules.h"

namespace kin::internal {

struct ModelOps;

// Constant once the store is open.
class ModelRules {
 public:
  ModelRules(const ModelOps& ops, const graph::Model& model) : values_(ops, model), model_(model) {}

  // Whether the model asks for nothing.
  bool empty() const { return values_.empty() && !has_stamps() && !has_hooks_; }

  const ValueRules& values() const { return values_; }

  // created_at, updated_at, lock_version.
  bool has_stamps() const {
    return model_.created_at != nullptr || model_.updated_at != nullptr ||
           model_.lock_version != nullptr;
  }
  bool has_times() const { return model_.created_at != nullptr || model_.updated_at != nullptr; }
  // Fills in what is absent or 0.
  void StampInsert(absl::Time now, google::protobuf::Message* record) const;
  // `before` is what `record` replaces. False: lock_version is at the largest number of its type.
  bool StampUpdate(absl::Time now, const google::protobuf::Message& before,
                   google::protobuf::Message* record) const;
  // The lock_version of a record; 0 where the model has none.
  std::uint64_t LockVersion(const google::protobuf::Message& record) const;

  using HookList = std::vector<RecordHook>;
  void AddHook(const Hooks::Entry& hook);
  const HookList& before(Change::Kind kind) const { return before_[kind]; }
  const HookList& after(Change::Kind kind) const { return after_[kind]; }
  const HookList& validators() const { return validators_; }

 private:
  ValueRules values_;
  const graph::Model& model_;
  bool has_hooks_ = false;
  std::array<HookList, 3> before_;
  std::array<HookList, 3> after_;
  HookList validators_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_MODEL_RULES_H_
