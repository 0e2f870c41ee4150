// A store as simple as can be, to compare the real one with: records of each model in a std::map,
// by key; associations and parents found by looking at all records. No versions and no indexes.
// What it knows of the models it has from their graph, so that it serves for any schema.
#ifndef KIN_TESTS_TESTING_PLAIN_MODEL_H_
#define KIN_TESTS_TESTING_PLAIN_MODEL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"

namespace kin::testing {

// A copy is a snapshot: records are shared and never change. Thread-compatible.
//
// Changes give the code that the store is to give; unless it is OK, nothing changed.
class PlainModel {
 public:
  using Message = google::protobuf::Message;
  using Record = std::shared_ptr<const Message>;
  using Records = std::map<std::string, Record>;  // By EncodeFields of the primary key.

  // REQUIRES: `graph` outlives this.
  explicit PlainModel(const graph::Graph* graph) : graph_(graph) {}

  // Encoded so that strings compare as the values do; nullopt if one is absent.
  static std::optional<std::string> EncodeFields(const graph::FieldList& fields,
                                                 const Message& record);
  static std::string KeyOf(const graph::Model& model, const Message& record);
  static Record Copy(const Message& record);

  const Records& records(const graph::Model& model) const;
  // Null if there is none.
  Record Find(const graph::Model& model, const std::string& key) const;
  // The record that has these values in an index.
  Record FindBy(const graph::Model& model, const graph::Index& index, const std::string& key) const;
  // The associated records, each once, in the order of keys; at most one of a has_one.
  std::vector<Record> Follow(const graph::Association& association, const Message& owner) const;

  absl::StatusCode Insert(const graph::Model& model, Record record);
  absl::StatusCode Upsert(const graph::Model& model, Record record);
  absl::StatusCode Update(const graph::Model& model, Record record);
  absl::StatusCode Delete(const graph::Model& model, const std::string& key);
  // `child` is a new record, or null: then `child_key` names one.
  absl::StatusCode Set(const graph::Association& has_one, const std::string& parent_key,
                       const Record& child, const std::string& child_key);
  absl::StatusCode Clear(const graph::Association& has_one, const std::string& parent_key);
  absl::StatusCode Add(const graph::Association& has_many, const std::string& parent_key,
                       const Record& child, const std::string& child_key);
  absl::StatusCode Remove(const graph::Association& has_many, const std::string& parent_key,
                          const std::string& child_key);

  // FAILED_PRECONDITION if a foreign key that is present has no parent.
  absl::StatusCode CheckAtCommit() const;

 private:
  // Children of a foreign key by its value, found by looking at all of them.
  using Groups = std::map<std::string, std::vector<Record>>;

  Records& writable(const graph::Model& model);
  const Groups& GroupsOf(const graph::ForeignKey& key) const;
  std::vector<Record> ChildrenOf(const graph::ForeignKey& key, const Message& parent) const;
  Record ParentOf(const graph::ForeignKey& key, const Message& child) const;
  bool Taken(const graph::Model& model, const Message& record) const;
  absl::StatusCode Detach(const graph::ForeignKey& key, const Record& child);
  absl::StatusCode Attach(const graph::ForeignKey& key, const Message& parent, const Record& child,
                          const std::string& child_key);
  std::vector<Record> Middles(const graph::Association& has_many, const Message& parent,
                              const Message& far) const;

  const graph::Graph* graph_;
  std::map<const graph::Model*, Records> models_;
  mutable std::map<const graph::ForeignKey*, Groups> groups_;  // Emptied by each change.
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_PLAIN_MODEL_H_
