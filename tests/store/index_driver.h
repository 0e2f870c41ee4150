// An index of any kind over keys of any kind, behind one interface: what the conformance suite
// drives.
#ifndef KIN_TESTS_STORE_INDEX_DRIVER_H_
#define KIN_TESTS_STORE_INDEX_DRIVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/store/internal/engine.h"
#include "kin/store/store.h"

namespace kin::testing {

using Reader = internal::Reader;  // A Snapshot or a Transaction.

enum class KeyKind { kInt64, kUint64, kInt32, kText, kRaw, kTuple };
enum class IndexKind {
  kKey,         // The hash index of the primary key.
  kOrderedKey,  // The ordered index of the primary key.
  kUnique,      // A unique hash index.
  kMany,        // A hash index that is not unique: posting lists.
  kOrdered,     // An ordered index that is not unique.
};
const char* NameOf(KeyKind kind);
const char* NameOf(IndexKind kind);

// A key, part by part; compares as keys do.
using Value = std::vector<std::variant<std::int64_t, std::uint64_t, std::string>>;

// The i-th value of a kind, different for each i; the first are the edges of the kind.
Value ValueOf(KeyKind kind, int i);

// A record is known by a number; in the index under test it has a value, or none. Where the index
// is that of the primary key, the value is the key; else the record's key is ValueOf(kind, number).
class IndexDriver {
 public:
  IndexDriver(const Store& store, KeyKind key, IndexKind index);

  bool is_key() const {
    return index_kind_ == IndexKind::kKey || index_kind_ == IndexKind::kOrderedKey;
  }
  bool is_unique() const { return is_key() || index_kind_ == IndexKind::kUnique; }
  bool is_ordered() const {
    return index_kind_ == IndexKind::kOrdered || index_kind_ == IndexKind::kOrderedKey;
  }

  // Writing. A record that is there is moved from `from`, its value now, by one call or, where
  // that is the key, by two.
  absl::Status Insert(Transaction& txn, int number, const Value& value) const;
  absl::Status Move(Transaction& txn, int number, const Value& from, const Value& to) const;
  absl::Status Delete(Transaction& txn, int number, const Value& value) const;
  // Takes the record out of the index, and leaves it. REQUIRES: !is_key().
  absl::Status Leave(Transaction& txn, int number) const;

  // Reading: the numbers of the records, in the index's order.
  std::vector<int> Find(const Reader& reader, const Value& value) const;
  // How many, as a range of a has_many says it without iterating where it can.
  std::int64_t Size(const Reader& reader, const Value& value) const;
  // All records that the index has; for a hash index, all of the model in no particular order.
  std::vector<int> All(const Reader& reader) const;

  // REQUIRES: is_ordered(). From `low` to before `high`, or from before `high` back to `low`.
  std::vector<int> Range(const Reader& reader, const Value& low, const Value& high) const;
  std::vector<int> RangeBackwards(const Reader& reader, const Value& low, const Value& high) const;
  // Those whose first part is that of `value`, or begins with it where there is but one part.
  std::vector<int> Prefix(const Reader& reader, const Value& value) const;

 private:
  using Message = google::protobuf::Message;

  std::unique_ptr<Message> NewRecord(int number, const Value* key, const Value* value) const;
  std::unique_ptr<Message> Probe(const Value& value) const;
  int NumberOf(const internal::Version* version) const;
  std::string Encode(const Value& value) const;
  const internal::OrderedIndex& ordered() const { return *table_->ordered(position_); }

  const Store* store_;
  KeyKind key_kind_;
  IndexKind index_kind_;
  int model_ = -1;
  internal::Table* table_ = nullptr;
  int position_ = -1;  // Of the index in the model.
};

}  // namespace kin::testing

#endif  // KIN_TESTS_STORE_INDEX_DRIVER_H_
