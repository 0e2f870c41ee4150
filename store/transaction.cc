#include "kin/store/transaction.h"

#include "absl/strings/str_cat.h"
#include "kin/store/internal/engine.h"

namespace kin {
namespace {

// INVALID_ARGUMENT unless `record` is of the model's type.
absl::Status CheckType(const internal::Table& table, const google::protobuf::Message& record) {
  if (record.GetDescriptor() == table.model().descriptor) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(table.model().name, ": a record of type ", record.GetTypeName(),
                   " of another descriptor was given; make it with Schema::NewRecord"));
}

absl::StatusOr<const google::protobuf::Message*> MessageOf(
    const internal::Table& table, const absl::StatusOr<internal::Version*>& version) {
  if (!version.ok()) return version.status();
  return table.MessageOf(*version);
}

}  // namespace

absl::StatusOr<const google::protobuf::Message*> Transaction::InsertRecord(
    int model, const google::protobuf::Message& record) {
  internal::Table& table = core_.engine().table(model);
  if (absl::Status status = CheckType(table, record); !status.ok()) return status;
  return MessageOf(table, core_.Insert(table, table.CopyVersion(record)));
}

absl::StatusOr<const google::protobuf::Message*> Transaction::UpsertRecord(
    int model, const google::protobuf::Message& record) {
  internal::Table& table = core_.engine().table(model);
  if (absl::Status status = CheckType(table, record); !status.ok()) return status;
  return MessageOf(table, core_.Upsert(table, table.CopyVersion(record)));
}

absl::Status Transaction::DeleteRecord(int model, const google::protobuf::Message& record) {
  internal::Table& table = core_.engine().table(model);
  if (absl::Status status = CheckType(table, record); !status.ok()) return status;
  return core_.Delete(table, &record, /*from_key=*/true);
}

const google::protobuf::Message* Transaction::FindRecord(int model, const KeyView& key) const {
  const internal::Table& table = core_.engine().table(model);
  const internal::Version* version = table.FindVisible(key, view()->Limit());
  return version == nullptr ? nullptr : table.MessageOf(version);
}

}  // namespace kin
