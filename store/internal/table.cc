#include "kin/store/internal/table.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "kin/store/internal/read_field.h"
#include "kin/store/internal/utf8.h"

namespace kin::internal {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool IsBytes(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

// Bytes of a key of several parts: a zero byte is written as 00 ff, and 00 00 ends the part, so
// that encoded keys compare as tuples do.
void AppendEscaped(absl::string_view bytes, std::string* out) {
  for (char c : bytes) {
    out->push_back(c);
    if (c == '\0') out->push_back('\xff');
  }
  out->append(2, '\0');
}

std::string ReadEscaped(absl::string_view* in) {
  std::string bytes;
  std::size_t i = 0;
  for (; i + 1 < in->size(); ++i) {
    if ((*in)[i] == '\0') {
      if ((*in)[i + 1] == '\0') break;
      ++i;
      bytes.push_back('\0');
    } else {
      bytes.push_back((*in)[i]);
    }
  }
  in->remove_prefix(std::min(i + 2, in->size()));
  return bytes;
}

void AppendNumber(std::uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

std::uint64_t ReadNumber(absl::string_view* in) {
  std::uint64_t number = 0;
  for (int i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>((*in)[i]);
  in->remove_prefix(8);
  return number;
}

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;

void SetNumber(std::uint64_t biased, const FieldDescriptor& field, Message* record) {
  const google::protobuf::Reflection& reflection = *record->GetReflection();
  const auto integer = static_cast<std::int64_t>(biased ^ kSign);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(record, &field, static_cast<std::int32_t>(integer));
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(record, &field, integer);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(record, &field, static_cast<std::uint32_t>(biased));
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(record, &field, biased);
    default:
      return;  // Only integers, strings and bytes are keys.
  }
}

std::string ValueText(const Message& record, const FieldDescriptor& field) {
  KeyPart part;
  if (!ReadField(record, field, &part)) return "absent";
  if (part.data != nullptr) {
    return absl::StrCat("\"", absl::CHexEscape(part.bytes().substr(0, 64)),
                        part.bytes().size() > 64 ? "..." : "", "\"");
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64:
    case FieldDescriptor::CPPTYPE_BOOL:
      return absl::StrCat(part.number);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(record.GetReflection()->GetDouble(record, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(record.GetReflection()->GetFloat(record, &field));
    default:
      return absl::StrCat(static_cast<std::int64_t>(part.number ^ kSign));
  }
}

std::vector<TextField> TextFieldsOf(const ModelOps& ops) {
  std::vector<TextField> fields;
  bool reflect = ops.descriptor->extension_range_count() > 0;
  for (int i = 0; i < ops.descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *ops.descriptor->field(i);
    reflect |= field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (field.type() != FieldDescriptor::TYPE_STRING) continue;
    TextField text;
    for (const FieldOps& candidate : ops.fields) {
      if (candidate.number == field.number()) text.get = candidate.get;
    }
    if (text.get != nullptr) {
      fields.push_back(text);
    } else {
      reflect = true;
    }
  }
  if (reflect) fields.emplace_back();
  return fields;
}

std::size_t VersionBytes(const ModelOps& ops) {
  return sizeof(Version) + (ops.message_size != 0 ? ops.message_size : sizeof(Message*));
}

}  // namespace

void AppendOrdered(const KeyParts& key, std::string* bytes) {
  for (int i = 0; i < key.size; ++i) {
    if (key.parts[i].data != nullptr) {
      AppendEscaped(key.parts[i].bytes(), bytes);
    } else {
      AppendNumber(key.parts[i].number, bytes);
    }
  }
}

bool TextField::Valid(const Message& record) const {
  if (get == nullptr) return FindInvalidUtf8(record).empty();
  KeyPart part;
  return !get(record, &part) || IsUtf8(part.bytes());
}

std::string FieldValues(const Message& record, const graph::FieldList& fields) {
  if (fields.size() == 1) return ValueText(record, *fields[0]);
  std::string text = "(";
  for (const FieldDescriptor* field : fields) {
    absl::StrAppend(&text, text.size() > 1 ? ", " : "", ValueText(record, *field));
  }
  return text + ")";
}

KeyReader::KeyReader(const ModelOps& ops, const graph::FieldList& fields) : fields_(fields) {
  for (const FieldDescriptor* field : fields) {
    Getter getter{nullptr, field};
    for (const FieldOps& candidate : ops.fields) {
      if (candidate.number == field->number()) getter.get = candidate.get;
    }
    getters_.push_back(getter);
  }
  if (getters_.size() == 1) only_ = getters_[0].get;
  is_number_ = fields.size() == 1 && !IsBytes(*fields[0]);
}

bool KeyReader::ReadAll(const Message& record, KeyParts* key) const {
  key->size = static_cast<int>(getters_.size());
  for (int i = 0; i < key->size; ++i) {
    const Getter& getter = getters_[i];
    if (!(getter.get != nullptr ? getter.get(record, &key->parts[i])
                                : ReadField(record, *getter.field, &key->parts[i]))) {
      return false;
    }
  }
  return true;
}

KeyView KeyReader::Encode(const KeyParts& key, std::string* buffer) const {
  if (is_number_) return {key.parts[0].number, {}};
  if (key.size == 1) return {0, key.parts[0].bytes()};
  buffer->clear();
  AppendOrdered(key, buffer);
  return {0, *buffer};
}

void KeyReader::Decode(const KeyView& key, Message* record) const {
  if (is_number_) return SetNumber(key.number, *fields_[0], record);
  absl::string_view rest = key.bytes;
  for (const FieldDescriptor* field : fields_) {
    if (!IsBytes(*field)) {
      SetNumber(ReadNumber(&rest), *field, record);
    } else {
      record->GetReflection()->SetString(
          record, field, fields_.size() == 1 ? std::string(rest) : ReadEscaped(&rest));
    }
  }
}

Table::Table(WriterContext* context, const ModelOps& ops, const graph::Model& model, int position)
    : context_(context),
      ops_(ops),
      model_(model),
      position_(position),
      version_bytes_(VersionBytes(ops)),
      id_is_unsigned_(model.primary_key[0]->cpp_type() == FieldDescriptor::CPPTYPE_UINT64),
      largest_id_(id_is_unsigned_ ? std::numeric_limits<std::uint64_t>::max() - 1
                                  : std::uint64_t{std::numeric_limits<std::int64_t>::max()}),
      text_fields_(TextFieldsOf(ops)),
      rules_(std::make_unique<ModelRules>(ops, model)) {
  if (rules_->empty()) rules_.reset();
  for (const graph::Index& index : model.indexes) readers_.emplace_back(ops, index.fields);
  for (std::size_t i = 0; i < model.indexes.size(); ++i) {
    indexes_.push_back(
        std::make_unique<HashIndex>(this, static_cast<int>(i), i == 0 || model.indexes[i].unique));
    ordered_.push_back(model.indexes[i].ordered
                           ? std::make_unique<OrderedIndex>(this, static_cast<int>(i))
                           : nullptr);
    has_ordered_ |= model.indexes[i].ordered;
    FreshKey& fresh_key = fresh_keys_.emplace_back();
    fresh_key.index = indexes_.back().get();
    fresh_key.reader = &readers_[i];
    fresh_key.number_getter = readers_[i].number_getter();
    fresh_key.unique = indexes_.back()->unique();
    keys_are_numbers_ &= fresh_key.number_getter != nullptr;
  }
  counts_.Begin(StampOf(0), 0);
  if (!context_->slab.Reserve(version_bytes_, kReservedVersions)) OutOfMemory(version_bytes_);
}

bool Table::EnsureRoomInIndexes() {
  std::size_t room = std::numeric_limits<std::uint32_t>::max();
  for (const std::unique_ptr<HashIndex>& index : indexes_) {
    if (!index->EnsureRoom()) return false;
    room = std::min(room, index->room());
  }
  // A change may leave one key of an index and come to another. Less the one that is made now.
  changes_with_room_ = static_cast<std::int64_t>(room / 2) - 1;
  return true;
}

void Table::AddHook(const Hooks::Entry& hook) {
  if (rules_ == nullptr) rules_ = std::make_unique<ModelRules>(ops_, model_);
  rules_->AddHook(hook);
}

Table::~Table() {
  const LineTable& lines = *primary().lines();
  for (std::uint64_t i = 0; i < lines.buckets(); ++i) {
    LineTable::ForEach(lines.bucket(i), [this](Cell cell) { FreeVersion(EntryIn(cell)); });
  }
}

Version* Table::NewRawVersion() {
  auto* version = new (context_->slab.Allocate(version_bytes_)) Version;
  version->stamp = context_->stamp;
  ++context_->versions;
  return version;
}

Version* Table::NewVersion() {
  Version* version = NewRawVersion();
  if (ops_.message_size != 0) {
    ops_.construct(version + 1);
  } else {
    *reinterpret_cast<Message**>(version + 1) = ops_.prototype->New();
  }
  return version;
}

Version* Table::CopyVersion(const Message& record) {
  Version* version = NewRawVersion();
  if (ops_.message_size != 0) {
    ops_.copy(version + 1, record);
  } else {
    Message* message = ops_.prototype->New();
    message->CopyFrom(record);
    *reinterpret_cast<Message**>(version + 1) = message;
  }
  return version;
}

void Table::FreeRawVersion(Version* version) {
  version->~Version();
  context_->slab.Free(version, version_bytes_);
  --context_->versions;
}

void Table::FreeVersion(Version* version) {
  if (ops_.message_size != 0) {
    MutableMessageOf(version)->~Message();
  } else {
    delete MutableMessageOf(version);
  }
  FreeRawVersion(version);
}

Version* Table::NewTombstone(const Message& record) {
  Version* tombstone = NewVersion();
  tombstone->stamp |= kDeletedFlag;
  KeyParts key;
  keys(0).Read(record, &key);
  std::string buffer;
  keys(0).Decode(keys(0).Encode(key, &buffer), MutableMessageOf(tombstone));
  return tombstone;
}

Marker* Table::NewMarker(std::uint64_t hash, Version* older) {
  auto* marker = new (context_->slab.Allocate(sizeof(Marker))) Marker;
  marker->stamp = context_->stamp | kDeletedFlag;
  marker->older.store(older, std::memory_order_relaxed);
  marker->hash = hash;
  return marker;
}

void Table::FreeMarker(Marker* marker) {
  marker->~Marker();
  context_->slab.Free(marker, sizeof(Marker));
}

std::uint64_t Table::HashOf(int index, const Message& record) const {
  if (index == 0 && ops_.hash != nullptr) return ops_.hash(record);
  if (const KeyReader::Get get = readers_[index].number_getter();
      ABSL_PREDICT_TRUE(get != nullptr)) {
    KeyPart part;
    get(record, &part);
    return MixWord(part.number);
  }
  KeyParts key;
  readers_[index].Read(record, &key);
  return HashParts(key);
}

bool Table::SameKey(int index, const Message& a, const Message& b) const {
  if (index == 0 && ops_.same_key != nullptr) return ops_.same_key(a, b);
  KeyParts key_a;
  KeyParts key_b;
  const bool present_a = readers_[index].Read(a, &key_a);
  const bool present_b = readers_[index].Read(b, &key_b);
  return present_a == present_b && (!present_a || key_a == key_b);
}

bool Table::KeyLess(const Message& a, const Message& b) const {
  KeyParts key_a;
  KeyParts key_b;
  readers_[0].Read(a, &key_a);
  readers_[0].Read(b, &key_b);
  std::string buffer_a;
  std::string buffer_b;
  return readers_[0].Encode(key_a, &buffer_a) < readers_[0].Encode(key_b, &buffer_b);
}

Version* Table::FindEntry(std::uint64_t hash, const KeyParts& key) const {
  const KeyReader& reader = readers_[0];
  return EntryIn(primary().lines()->Find(
      hash, [&](Cell candidate) { return reader.Has(*MessageOf(EntryIn(candidate)), key); }));
}

Version* Table::FindEntry(std::uint64_t hash, const Message& record) const {
  return EntryIn(primary().lines()->Find(
      hash, [&](Cell candidate) { return SameKey(0, *MessageOf(EntryIn(candidate)), record); }));
}

Version* Table::FindEntry(const Message& record) const {
  if (ops_.hash != nullptr) return FindEntry(ops_.hash(record), record);
  KeyParts key;
  if (!readers_[0].Read(record, &key)) return nullptr;
  return FindEntry(HashParts(key), key);
}

const Version* Table::FindVisible(const KeyView& key, Stamp limit) const {
  KeyParts parts;
  std::unique_ptr<Message> record;
  if (model_.primary_key.size() == 1) {
    parts.size = 1;
    parts.parts[0] = OnlyPart(key);
  } else {
    record.reset(ops_.prototype->New());
    readers_[0].Decode(key, record.get());
    if (!readers_[0].Read(*record, &parts)) return nullptr;
  }
  return FindVisible(HashParts(parts), parts, limit);
}

const Version* Table::FindVisible(std::uint64_t hash, const KeyParts& key, Stamp limit) const {
  const Version* entry = FindEntry(hash, key);
  return entry == nullptr ? nullptr : VisibleAt(entry, limit);
}

KeyPart Table::OnlyPart(const KeyView& key) const {
  if (readers_[0].is_number()) return {key.number, nullptr};
  return MakeKeyPart(key.bytes);
}

void Table::FindVisible(absl::Span<const KeyView> keys, Stamp limit,
                        absl::Span<const Version*> out) const {
  if (model_.primary_key.size() != 1) {
    for (std::size_t i = 0; i < keys.size(); ++i) out[i] = FindVisible(keys[i], limit);
    return;
  }
  constexpr std::size_t kGroup = 64;
  const Home home = primary().lines()->home();
  KeyParts parts;
  parts.size = 1;
  std::uint64_t hashes[kGroup];
  for (std::size_t begin = 0; begin < keys.size(); begin += kGroup) {
    const std::size_t size = std::min(kGroup, keys.size() - begin);
    for (std::size_t i = 0; i < size; ++i) {
      parts.parts[0] = OnlyPart(keys[begin + i]);
      hashes[i] = HashParts(parts);
      LineTable::PrefetchOfMany(home, hashes[i]);
    }
    for (std::size_t i = 0; i < size; ++i) {
      const Cell cell = LineTable::FindFirst(home, hashes[i]);
      if (cell != 0) PrefetchVersion(EntryIn(cell));
    }
    for (std::size_t i = 0; i < size; ++i) {
      parts.parts[0] = OnlyPart(keys[begin + i]);
      out[begin + i] = FindVisible(hashes[i], parts, limit);
    }
  }
}

bool Table::HasKey(int index, const Version& entry, const KeyView& key) const {
  KeyParts parts;
  if (!readers_[index].Read(*MessageOf(&entry), &parts)) return false;
  if (readers_[index].is_number()) return parts.parts[0].number == key.number;
  std::string buffer;
  return readers_[index].Encode(parts, &buffer) == key;
}

PostingList* Table::NewList(int index, std::uint64_t hash, Version* first, const Version* second) {
  KeyParts key;
  std::string buffer;
  readers_[index].Read(*MessageOf(second), &key);
  auto* list = new PostingList(hash, Key(readers_[index].Encode(key, &buffer)));
  list->Insert(first);
  // A marker tells its key through the version before it. Where that is of another key, it was made
  // and left within one transaction, and no view sees a record behind it.
  const Version* keyed = first->deleted() ? first->older.load(std::memory_order_relaxed) : first;
  if (keyed != nullptr && readers_[index].Read(*MessageOf(keyed), &key) && HashParts(key) == hash &&
      !HasKey(index, *keyed, list->key().view())) {
    list->set_mixed();
  }
  list->counts().Begin(context_->stamp, first->deleted() ? 0 : 1);
  return list;
}

std::string Table::NameOf(const Message& record) const {
  const std::string values = FieldValues(record, model_.primary_key);
  return model_.primary_key.size() == 1 ? absl::StrCat(model_.name, "(", values, ")")
                                        : absl::StrCat(model_.name, values);
}

}  // namespace kin::internal
