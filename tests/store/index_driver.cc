#include "kin/tests/store/index_driver.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

namespace kin::testing {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

// What a reader reads through, which is the library's own business.
struct ViewAccess : Reader {
  static const internal::View* Of(const Reader& reader) { return (reader.*&ViewAccess::view)(); }
};

std::string TextOf(int i, bool raw) {
  static const auto& edges = *new std::vector<std::string>{
      "",   std::string(1, '\0'),  std::string(2, '\0'),   "a", std::string("a\0", 2),
      "ab", std::string(100, 'l'), std::string("a\0b", 3), "b"};
  static const auto& raw_edges =
      *new std::vector<std::string>{"\xff", "\xff\xff", std::string("\0\xff", 2)};
  const std::size_t at = static_cast<std::size_t>(i);
  if (at < edges.size()) return edges[at];
  if (raw && at - edges.size() < raw_edges.size()) return raw_edges[at - edges.size()];
  return absl::StrCat("value", i);
}

template <typename T>
std::int64_t SignedOf(int i) {
  constexpr T kEdges[] = {0, -1, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), 1};
  return i < 5 ? kEdges[i] : i % 2 == 0 ? i : -i;
}

std::uint64_t UnsignedOf(int i) {
  constexpr std::uint64_t kEdges[] = {0, std::numeric_limits<std::uint64_t>::max(),
                                      std::uint64_t{1} << 63, (std::uint64_t{1} << 63) - 1, 1};
  return i < 5 ? kEdges[i] : static_cast<std::uint64_t>(i);
}

void SetField(const FieldDescriptor& field,
              const std::variant<std::int64_t, std::uint64_t, std::string>& value,
              Message* record) {
  const google::protobuf::Reflection& reflection = *record->GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(record, &field,
                                 static_cast<std::int32_t>(std::get<std::int64_t>(value)));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(record, &field, std::get<std::int64_t>(value));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(record, &field, std::get<std::uint64_t>(value));
    default:
      return reflection.SetString(record, &field, std::get<std::string>(value));
  }
}

void SetFields(const graph::FieldList& fields, const Value& value, Message* record) {
  for (std::size_t i = 0; i < fields.size(); ++i) SetField(*fields[i], value[i], record);
}

}  // namespace

const char* NameOf(KeyKind kind) {
  static constexpr const char* kNames[] = {"Int64", "Uint64", "Int32", "Text", "Raw", "Tuple"};
  return kNames[static_cast<int>(kind)];
}

const char* NameOf(IndexKind kind) {
  static constexpr const char* kNames[] = {"Key", "OrderedKey", "Unique", "Many", "Ordered"};
  return kNames[static_cast<int>(kind)];
}

Value ValueOf(KeyKind kind, int i) {
  switch (kind) {
    case KeyKind::kInt64:
      return {SignedOf<std::int64_t>(i)};
    case KeyKind::kUint64:
      return {UnsignedOf(i)};
    case KeyKind::kInt32:
      return {SignedOf<std::int32_t>(i)};
    case KeyKind::kText:
      return {TextOf(i, false)};
    case KeyKind::kRaw:
      return {TextOf(i, true)};
    case KeyKind::kTuple:
      return {SignedOf<std::int32_t>(i / 7), TextOf(i % 7, false)};
  }
  return {};
}

IndexDriver::IndexDriver(const Store& store, KeyKind key, IndexKind index)
    : store_(&store), key_kind_(key), index_kind_(index) {
  const graph::Graph& graph = store.schema().graph();
  const std::string name = absl::StrCat("conformance.", NameOf(key), "Keys");
  for (std::size_t i = 0; i < graph.models.size(); ++i) {
    if (graph.models[i]->name == name) model_ = static_cast<int>(i);
  }
  static constexpr const char* kPrefixes[] = {"key", "key", "unique", "many", "sorted"};
  const graph::Model& model = *graph.models[static_cast<std::size_t>(model_)];
  for (std::size_t i = 0; i < model.indexes.size(); ++i) {
    if (absl::StartsWith(model.indexes[i].fields[0]->name(), kPrefixes[static_cast<int>(index)])) {
      if (!is_ordered() || model.indexes[i].ordered) position_ = static_cast<int>(i);
    }
  }
  if (index == IndexKind::kKey) position_ = 0;
  table_ = &ViewAccess::Of(store.GetSnapshot())->engine->table(model_);
}

std::unique_ptr<Message> IndexDriver::NewRecord(int number, const Value* key,
                                                const Value* value) const {
  std::unique_ptr<Message> record = store_->schema().NewRecord(model_);
  record->GetReflection()->SetInt64(record.get(),
                                    record->GetDescriptor()->FindFieldByName("number"), number);
  SetFields(table_->keys(0).fields(), *key, record.get());
  if (value != nullptr) SetFields(table_->keys(position_).fields(), *value, record.get());
  return record;
}

std::unique_ptr<Message> IndexDriver::Probe(const Value& value) const {
  const Value key = is_key() ? value : ValueOf(key_kind_, 0);
  return NewRecord(0, &key, &value);
}

absl::Status IndexDriver::Insert(Transaction& txn, int number, const Value& value) const {
  const Value key = is_key() ? value : ValueOf(key_kind_, number);
  return txn.InsertRecord(model_, *NewRecord(number, &key, &value)).status();
}

absl::Status IndexDriver::Move(Transaction& txn, int number, const Value& from,
                               const Value& to) const {
  const Value key = is_key() ? to : ValueOf(key_kind_, number);
  const std::unique_ptr<Message> record = NewRecord(number, &key, &to);
  if (!is_key()) return txn.UpsertRecord(model_, *record).status();
  const Savepoint before = txn.Savepoint();
  if (absl::Status status = Delete(txn, number, from); !status.ok()) return status;
  const absl::Status status = txn.InsertRecord(model_, *record).status();
  if (!status.ok()) txn.RollbackTo(before);
  return status;
}

absl::Status IndexDriver::Delete(Transaction& txn, int number, const Value& value) const {
  const Value key = is_key() ? value : ValueOf(key_kind_, number);
  return txn.DeleteRecord(model_, *NewRecord(number, &key, nullptr));
}

absl::Status IndexDriver::Leave(Transaction& txn, int number) const {
  const Value key = ValueOf(key_kind_, number);
  return txn.UpsertRecord(model_, *NewRecord(number, &key, nullptr)).status();
}

int IndexDriver::NumberOf(const internal::Version* version) const {
  const Message& record = *table_->MessageOf(version);
  return static_cast<int>(
      record.GetReflection()->GetInt64(record, record.GetDescriptor()->FindFieldByName("number")));
}

std::vector<int> IndexDriver::Find(const Reader& reader, const Value& value) const {
  const internal::View* view = ViewAccess::Of(reader);
  std::vector<int> found;
  if (is_ordered()) {
    const std::string bytes = Encode(value);
    for (const auto* node = ordered().LowerBound(bytes);
         node != nullptr && absl::StartsWith(node->bytes(), bytes); node = node->next()) {
      const internal::Version* version = ordered().Visible(*node, view->Limit());
      if (version != nullptr) found.push_back(NumberOf(version));
    }
    return found;
  }
  const std::unique_ptr<Message> probe = Probe(value);
  internal::KeyParts key;
  table_->keys(position_).Read(*probe, &key);
  table_->index(position_).ForEachEntry(
      internal::HashParts(key), [&](const internal::Version* entry) {
        const internal::Version* version =
            table_->index(position_).Visible(internal::HashParts(key), entry, view->Limit());
        internal::KeyParts other;
        if (version != nullptr &&
            table_->keys(position_).Read(*table_->MessageOf(version), &other) && other == key) {
          found.push_back(NumberOf(version));
        }
        return false;
      });
  return found;
}

std::int64_t IndexDriver::Size(const Reader& reader, const Value& value) const {
  if (index_kind_ == IndexKind::kMany) {
    const std::unique_ptr<Message> probe = Probe(value);
    const std::uint64_t hash = table_->HashOf(position_, *probe);
    const internal::Cell cell =
        table_->index(position_).lines()->Find(hash, [&](internal::Cell candidate) {
          return internal::IsList(candidate) && internal::ArrayIn(candidate)->hash == hash;
        });
    if (cell != 0 && !internal::ListIn(cell)->mixed()) {
      const std::int64_t count =
          internal::ListIn(cell)->counts().At(ViewAccess::Of(reader)->Limit());
      if (count >= 0) return count;
    }
  }
  return static_cast<std::int64_t>(Find(reader, value).size());
}

std::vector<int> IndexDriver::All(const Reader& reader) const {
  const internal::View* view = ViewAccess::Of(reader);
  std::vector<int> all;
  const auto add = [&](const internal::Version* version) {
    if (version != nullptr) all.push_back(NumberOf(version));
  };
  if (is_ordered()) {
    for (const auto* node = ordered().First(); node != nullptr; node = node->next()) {
      add(ordered().Visible(*node, view->Limit()));
    }
    return all;
  }
  const internal::LineTable& lines = *table_->primary().lines();
  for (std::uint64_t i = 0; i < lines.buckets(); ++i) {
    internal::LineTable::ForEach(lines.bucket(i), [&](internal::Cell cell) {
      add(internal::VisibleAt(internal::EntryIn(cell), view->Limit()));
    });
  }
  return all;
}

std::string IndexDriver::Encode(const Value& value) const {
  std::string bytes;
  ordered().EncodeKey(*Probe(value), &bytes);
  return bytes;
}

std::vector<int> IndexDriver::Range(const Reader& reader, const Value& low,
                                    const Value& high) const {
  const std::string end = Encode(high);
  std::vector<int> found;
  for (const auto* node = ordered().LowerBound(Encode(low)); node != nullptr && node->bytes() < end;
       node = node->next()) {
    const internal::Version* version = ordered().Visible(*node, ViewAccess::Of(reader)->Limit());
    if (version != nullptr) found.push_back(NumberOf(version));
  }
  return found;
}

std::vector<int> IndexDriver::RangeBackwards(const Reader& reader, const Value& low,
                                             const Value& high) const {
  const std::string end = Encode(low);
  std::vector<int> found;
  for (const auto* node = ordered().Before(Encode(high)); node != nullptr && node->bytes() >= end;
       node = ordered().Before(node->bytes())) {
    const internal::Version* version = ordered().Visible(*node, ViewAccess::Of(reader)->Limit());
    if (version != nullptr) found.push_back(NumberOf(version));
  }
  return found;
}

std::vector<int> IndexDriver::Prefix(const Reader& reader, const Value& value) const {
  internal::KeyParts key;
  const std::unique_ptr<Message> probe = Probe(value);
  table_->keys(position_).Read(*probe, &key);
  key.size = 1;
  std::string bytes;
  internal::AppendOrdered(key, &bytes);
  // Without what ends a text.
  if (value.size() == 1 && key.parts[0].data != nullptr) bytes.resize(bytes.size() - 2);
  std::vector<int> found;
  for (const auto* node = ordered().LowerBound(bytes);
       node != nullptr && absl::StartsWith(node->bytes(), bytes); node = node->next()) {
    const internal::Version* version = ordered().Visible(*node, ViewAccess::Of(reader)->Limit());
    if (version != nullptr) found.push_back(NumberOf(version));
  }
  return found;
}

}  // namespace kin::testing
