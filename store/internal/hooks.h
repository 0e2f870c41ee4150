// Hooks as a schema holds them, for records of any model.
#ifndef KIN_STORE_INTERNAL_HOOKS_H_
#define KIN_STORE_INTERNAL_HOOKS_H_

#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/store/change.h"
#include "kin/store/commit.h"

namespace kin {

class Transaction;

namespace internal {

struct View;

// What a hook is called with.
struct HookCall {
  Change::Kind kind = Change::kInsert;
  const google::protobuf::Message* before = nullptr;  // Null: an insert.
  const google::protobuf::Message* after = nullptr;   // Null: a delete.
  google::protobuf::Message* record = nullptr;        // `after`, where it may be changed.
  const View* view = nullptr;
  Transaction* transaction = nullptr;
};
using RecordHook = std::function<absl::Status(const HookCall&)>;
using CommitHook = std::function<absl::Status(CommitNumber, absl::Span<const Change>)>;

struct Hooks {
  enum class When { kBefore, kAfter, kValidate };
  struct Entry {
    const google::protobuf::Descriptor* model = nullptr;
    When when = When::kBefore;
    Change::Kind kind = Change::kInsert;  // Not of kValidate.
    RecordHook hook;
  };
  std::vector<Entry> entries;  // As registered.
  std::vector<CommitHook> after_commit;
};

// Calls a hook; INTERNAL if it throws.
absl::Status GuardedCommitHook(const CommitHook& hook, CommitNumber commit,
                               absl::Span<const Change> changes);

}  // namespace internal
}  // namespace kin

#endif  // KIN_STORE_INTERNAL_HOOKS_H_
