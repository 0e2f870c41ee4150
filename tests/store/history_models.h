// The models of history.proto behind one interface each, so that random histories handle them
// alike.
#ifndef KIN_TESTS_STORE_HISTORY_MODELS_H_
#define KIN_TESTS_STORE_HISTORY_MODELS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/store.h"

namespace kin::testing {

using google::protobuf::Message;
using Reader = internal::Reader;  // A Snapshot or a Transaction.

// What following an association gave.
struct Followed {
  std::vector<const Message*> records;  // In the range's order.
  std::size_t size = 0;                 // What the range says.
};

// Keys are given as records that hold them. In writes, `from` is where the reference given is got
// from: the transaction, or a snapshot; a record that is not there gives an empty reference.
struct AssociationDriver {
  std::string name;
  const graph::Association* association = nullptr;
  // REQUIRES: the owner is there.
  std::function<Followed(const Reader&, const Message& owner)> follow;
  // Resolve over these owners, then a comparison with what the methods give. False: they differ.
  std::function<bool(const Reader&, const std::vector<const Message*>& owners)> resolve_agrees;

  using Attach = std::function<absl::StatusOr<const Message*>(
      Transaction&, const Reader& from, const Message& owner, const Message& child)>;
  Attach attach_new;  // Set or Add of a new record.
  Attach attach;      // Set or Add of one that exists.
  std::function<absl::Status(Transaction&, const Reader& from, const Message& owner,
                             const Message& child)>
      detach;  // Clear (of whatever child) or Remove.
};

struct UniqueDriver {
  const google::protobuf::FieldDescriptor* field = nullptr;
  // FindBy the value that `record` has.
  std::function<const Message*(const Reader&, const Message& record)> find_by;
};

struct ModelDriver {
  const graph::Model* model = nullptr;
  int position = 0;
  const Message* prototype = nullptr;
  std::function<const Message*(const Reader&, const Message& key)> find;
  std::function<std::vector<const Message*>(const Reader&)> all;
  std::function<std::int64_t(const Reader&)> count;
  std::function<absl::StatusOr<const Message*>(Transaction&, const Message&)> insert;
  std::function<absl::StatusOr<const Message*>(Transaction&, const Message&)> upsert;
  // Gives the record that has `key` the contents of `next`.
  std::function<absl::StatusOr<const Message*>(Transaction&, const Reader& from, const Message& key,
                                               const Message& next)>
      update;
  std::function<absl::Status(Transaction&, const Reader& from, const Message& key)> remove;
  std::vector<UniqueDriver> unique;
  std::vector<AssociationDriver> associations;
};

Schema HistorySchema();
// In the order of the schema's models.
std::vector<ModelDriver> HistoryDrivers(const Schema& schema);

}  // namespace kin::testing

#endif  // KIN_TESTS_STORE_HISTORY_MODELS_H_
