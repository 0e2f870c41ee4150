#include "kin/store/snapshot.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "absl/base/internal/raw_logging.h"
#include "kin/store/internal/engine.h"
#include "kin/store/transaction.h"

namespace kin {
namespace internal {

void DereferencedEmpty(const char* model) {
  ABSL_RAW_LOG(FATAL, "kin: an empty reference to a %s was dereferenced; test it first", model);
  std::abort();
}

void ModelNotInSchema(const char* model) {
  ABSL_RAW_LOG(FATAL, "kin: %s is not in the schema of this store; add it to kin::Schema::Of",
               model);
  std::abort();
}

void ForeignReference(const char* model) {
  ABSL_RAW_LOG(FATAL, "kin: a reference to a %s of another store was given to a transaction",
               model);
  std::abort();
}

const Version* NewestOf(const Table& table, const Version* entry) {
  const Version* newest = table.FindEntry(*table.MessageOf(entry));
  return newest == nullptr || newest->deleted() ? nullptr : newest;
}

}  // namespace internal

const google::protobuf::Message* Snapshot::FindRecord(int model, const KeyView& key) const {
  const internal::Table& table = view()->engine->table(model);
  const internal::Version* version = table.FindVisible(key, view()->Limit());
  return version == nullptr ? nullptr : table.MessageOf(version);
}

void Snapshot::FindRecords(int model, absl::Span<const KeyView> keys,
                           absl::Span<const google::protobuf::Message*> out) const {
  ABSL_RAW_CHECK(out.size() == keys.size(), "kin: FindRecords needs room for each key");
  constexpr std::size_t kGroup = 256;
  const internal::Table& table = view()->engine->table(model);
  const internal::Version* versions[kGroup];
  for (std::size_t begin = 0; begin < keys.size(); begin += kGroup) {
    const std::size_t size = std::min(kGroup, keys.size() - begin);
    table.FindVisible(keys.subspan(begin, size), view()->Limit(), absl::MakeSpan(versions, size));
    for (std::size_t i = 0; i < size; ++i) {
      out[begin + i] = versions[i] == nullptr ? nullptr : table.MessageOf(versions[i]);
    }
  }
}

void Snapshot::ForEachRecord(
    int model, absl::FunctionRef<void(const google::protobuf::Message&)> visit) const {
  const internal::Table& table = view()->engine->table(model);
  const internal::LineTable& lines = *table.primary().lines();
  for (std::uint64_t i = 0; i < lines.buckets(); ++i) {
    internal::LineTable::ForEach(lines.bucket(i), [&](internal::Cell cell) {
      const internal::Version* version =
          internal::VisibleAt(internal::EntryIn(cell), view()->Limit());
      if (version != nullptr) visit(*table.MessageOf(version));
    });
  }
}

std::int64_t Snapshot::CountRecords(int model) const {
  const std::int64_t count = view()->engine->table(model).counts().At(view()->Limit());
  return count < 0 ? 0 : count;
}

}  // namespace kin
