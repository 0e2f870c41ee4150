// Schemas made at run time from the text of .proto files, so that one program has many versions of
// one model; and stores of them, whose records are written and compared as text.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_DYNAMIC_SCHEMA_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_DYNAMIC_SCHEMA_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "kin/persistence/sqlite.h"
#include "kin/store/store.h"

namespace kin::testing {

// All models of one .proto text.
class DynamicSchema {
 public:
  // `text`: what follows syntax, package and imports. A mistake in it fails the test.
  explicit DynamicSchema(const std::string& text, const std::string& package = "t",
                         const std::string& syntax = "proto3");

  const Schema& schema() const { return *schema_; }
  // The position of a model called so, without its package; fails the test if there is none.
  int ModelOf(const std::string& name) const;
  const google::protobuf::Descriptor* Find(const std::string& name) const;
  // A record of `model` from text format.
  std::unique_ptr<google::protobuf::Message> Record(const std::string& model,
                                                    const std::string& text) const;
  google::protobuf::DynamicMessageFactory* factory() const { return &factory_; }

 private:
  const std::string package_;
  google::protobuf::DescriptorPool pool_;
  mutable google::protobuf::DynamicMessageFactory factory_;
  std::optional<Schema> schema_;
};

absl::StatusOr<std::unique_ptr<Store>> OpenDynamic(const DynamicSchema& schema,
                                                   const std::string& path,
                                                   MigrateOptions migrate = {});

// One record each: model and text format.
struct Row {
  std::string model;
  std::string text;
};
// What differs between the records of a store and `rows`, which name each record that is to be
// there: "" or the first difference.
std::string Difference(const Store& store, const DynamicSchema& schema,
                       const std::vector<Row>& rows);
absl::Status Upsert(Store& store, const DynamicSchema& schema, const std::vector<Row>& rows);
absl::Status Delete(Store& store, const DynamicSchema& schema, const std::vector<Row>& rows);

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_EVOLUTION_DYNAMIC_SCHEMA_H_
