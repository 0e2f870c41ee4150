#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/compiler/parser.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "kin/options.pb.h"

namespace kin::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;

class Errors final : public google::protobuf::io::ErrorCollector,
                     public DescriptorPool::ErrorCollector {
 public:
  void AddError(int line, int column, const std::string& message) override {
    ADD_FAILURE() << line + 1 << ":" << column + 1 << ": " << message;
  }
  void AddError(const std::string&, const std::string& element, const Message*, ErrorLocation,
                const std::string& message) override {
    ADD_FAILURE() << element << ": " << message;
  }
};

void Copy(const FileDescriptor& file, DescriptorPool* pool) {
  if (pool->FindFileByName(file.name()) != nullptr) return;
  for (int i = 0; i < file.dependency_count(); ++i) Copy(*file.dependency(i), pool);
  FileDescriptorProto proto;
  file.CopyTo(&proto);
  ASSERT_NE(pool->BuildFile(proto), nullptr) << file.name();
}

}  // namespace

DynamicSchema::DynamicSchema(const std::string& text, const std::string& package,
                             const std::string& syntax)
    : package_(package) {
  const std::string file = absl::StrCat(
      "syntax = \"", syntax, "\"; package ", package, "; import \"kin/options.proto\";\n",
      "import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\";\n",
      "import \"google/protobuf/wrappers.proto\";\n", text);
  Copy(*ModelOptions::descriptor()->file(), &pool_);
  Copy(*google::protobuf::Timestamp::descriptor()->file(), &pool_);
  Copy(*google::protobuf::Duration::descriptor()->file(), &pool_);
  Copy(*google::protobuf::Int64Value::descriptor()->file(), &pool_);
  Errors errors;
  google::protobuf::io::ArrayInputStream input(file.data(), static_cast<int>(file.size()));
  google::protobuf::io::Tokenizer tokenizer(&input, &errors);
  google::protobuf::compiler::Parser parser;
  parser.RecordErrorsTo(&errors);
  FileDescriptorProto proto;
  EXPECT_TRUE(parser.Parse(&tokenizer, &proto)) << file;
  proto.set_name("schema.proto");
  const FileDescriptor* built = pool_.BuildFileCollectingErrors(proto, &errors);
  std::vector<const Descriptor*> models;
  if (built != nullptr) models = graph::ModelsOf(*built);
  schema_ = Schema::OfDescriptors(models, &factory_);
  EXPECT_TRUE(schema_->status().ok()) << schema_->status() << "\n" << file;
}

const Descriptor* DynamicSchema::Find(const std::string& name) const {
  return pool_.FindMessageTypeByName(absl::StrCat(package_, ".", name));
}

int DynamicSchema::ModelOf(const std::string& name) const {
  const Descriptor* descriptor = Find(name);
  const int model = descriptor == nullptr ? -1 : schema_->IndexOf(descriptor);
  EXPECT_GE(model, 0) << name;
  return model;
}

std::unique_ptr<Message> DynamicSchema::Record(const std::string& model,
                                               const std::string& text) const {
  std::unique_ptr<Message> record = schema_->NewRecord(ModelOf(model));
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, record.get()))
      << model << ": " << text;
  return record;
}

std::string Difference(const Store& store, const DynamicSchema& schema,
                       const std::vector<Row>& rows) {
  const Snapshot snapshot = store.GetSnapshot();
  std::vector<std::int64_t> expected(store.schema().graph().models.size(), 0);
  for (const Row& row : rows) {
    const int model = schema.ModelOf(row.model);
    ++expected[model];
    const std::unique_ptr<Message> wanted = schema.Record(row.model, row.text);
    std::string buffer;
    const Message* found =
        snapshot.FindRecord(model, store.schema().KeyOf(model, *wanted, &buffer));
    const std::string text = found == nullptr ? "nothing" : found->ShortDebugString();
    if (text != wanted->ShortDebugString()) {
      return absl::StrCat(row.model, ": is ", text, ", not ", wanted->ShortDebugString());
    }
  }
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::int64_t count = snapshot.CountRecords(static_cast<int>(i));
    if (count == expected[i]) continue;
    return absl::StrCat(store.schema().graph().models[i]->name, ": ", count, " records, not ",
                        expected[i]);
  }
  return "";
}

absl::StatusOr<std::unique_ptr<Store>> OpenDynamic(const DynamicSchema& schema,
                                                   const std::string& path,
                                                   MigrateOptions migrate) {
  SqliteOptions sqlite;
  sqlite.migrate = std::move(migrate);
  OpenOptions options;
  options.persistence = Sqlite(path, std::move(sqlite));
  return Store::Open(schema.schema(), std::move(options));
}

absl::Status Upsert(Store& store, const DynamicSchema& schema, const std::vector<Row>& rows) {
  return store
      .Write([&](Transaction& txn) -> absl::Status {
        for (const Row& row : rows) {
          absl::Status status =
              txn.UpsertRecord(schema.ModelOf(row.model), *schema.Record(row.model, row.text))
                  .status();
          if (!status.ok()) return status;
        }
        return absl::OkStatus();
      })
      .status();
}

absl::Status Delete(Store& store, const DynamicSchema& schema, const std::vector<Row>& rows) {
  return store
      .Write([&](Transaction& txn) -> absl::Status {
        for (const Row& row : rows) {
          absl::Status status =
              txn.DeleteRecord(schema.ModelOf(row.model), *schema.Record(row.model, row.text));
          if (!status.ok()) return status;
        }
        return absl::OkStatus();
      })
      .status();
}

}  // namespace kin::testing
