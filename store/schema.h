// The models of a store.
#ifndef KIN_STORE_SCHEMA_H_
#define KIN_STORE_SCHEMA_H_

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/change.h"
#include "kin/store/internal/hooks.h"
#include "kin/store/key.h"

namespace kin {

template <typename M>
struct ModelTraits;

namespace internal {
struct ModelOps;
class SchemaData;
}  // namespace internal

// Which models a store has, with their associations and indexes. Made from generated messages:
//
//   kin::Schema schema = kin::Schema::Of<User, UserInfo, Post>();
//
// Every model that an association of these names must be among them. A mistake does not show here
// but when a store is opened, with the whole list in the error (see status()).
//
// Models that are known only at run time come from their descriptors (OfDescriptors); their records
// are handled as google::protobuf::Message.
//
// Copies share their contents; hooks that are added to one are not added to the others.
// Thread-compatible: immutable but for the adding of hooks.
class Schema {
 public:
  // Each M is a message with the `kin.model` option and generated code.
  template <typename... M>
  static Schema Of() {
    return Schema({&ModelTraits<M>::Ops()...});
  }

  // Models without generated code. `factory` makes their records (a DynamicMessageFactory); it and
  // the pool of the descriptors, all of one pool, must outlive every store of the schema. Reads and
  // writes are those for records of any model: Snapshot::FindRecord, Transaction::InsertRecord and
  // the like. Reading costs more than with generated code, by reflection and one indirection.
  static Schema OfDescriptors(absl::Span<const google::protobuf::Descriptor* const> models,
                              google::protobuf::MessageFactory* factory);

  // Adds a hook, to be called by stores that are opened with this schema afterwards. What hooks are
  // given, and when they are called, is in kin/store/hooks.h. M must be one of the models, else
  // Open is INVALID_ARGUMENT.
  //
  //   Before    absl::Status(kin::ChangeOf<M>& [, kin::Transaction&])
  //   After     absl::Status(const kin::ChangeOf<M>& [, kin::Transaction&])
  //   Validate  absl::Status(const kin::ChangeOf<M>& [, const kin::Transaction&]), or (const M&)
  //
  // The transaction may be left out. Hooks are called on the threads that write, one at a time.
  template <typename M, typename Hook>
  Schema& Before(Change::Kind kind, Hook hook);
  template <typename M, typename Hook>
  Schema& After(Change::Kind kind, Hook hook);
  template <typename M, typename Hook>
  Schema& Validate(Hook hook);
  // Called after each commit, in order, when it is visible: with its number, and the net change of
  // each record, in no particular order, which is valid during the call. An error is returned by
  // Write, and does not undo the commit.
  Schema& AfterCommit(
      std::function<absl::Status(CommitNumber commit, absl::Span<const Change> changes)> hook);

  // INVALID_ARGUMENT with every mistake in the models; OK if there is none.
  const absl::Status& status() const;

  // The models in the order in which they were given, with all defaults resolved.
  // REQUIRES: status().ok().
  const graph::Graph& graph() const;

  // The position in graph().models; -1 if the model is not in the schema.
  int IndexOf(const google::protobuf::Descriptor* descriptor) const;

  // For plugins and tools. `model` counts in graph().models.
  //
  // Whether keys of the model are in KeyView::number.
  bool has_number_key(int model) const;
  // Of a field of the model.
  FieldComparison ComparisonOf(int model, const google::protobuf::FieldDescriptor& field) const;
  // The key of a record. May use `buffer` to hold the bytes of the result.
  KeyView KeyOf(int model, const google::protobuf::Message& record, std::string* buffer) const;
  // Sets the key fields of `record` to those that `key` encodes.
  void SetKey(int model, const KeyView& key, google::protobuf::Message* record) const;
  // A new, empty record of the model, on the heap.
  std::unique_ptr<google::protobuf::Message> NewRecord(int model) const;

  // Not for use by programs.
  const internal::SchemaData& data() const { return *data_; }
  const internal::Hooks& hooks() const { return *hooks_; }

 private:
  Schema& AddHook(internal::Hooks::Entry hook);
  explicit Schema(std::initializer_list<const internal::ModelOps*> models);
  explicit Schema(std::shared_ptr<const internal::SchemaData> data);

  std::shared_ptr<const internal::SchemaData> data_;
  std::shared_ptr<const internal::Hooks> hooks_;
};

}  // namespace kin

#endif  // KIN_STORE_SCHEMA_H_
