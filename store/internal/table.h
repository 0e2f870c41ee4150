// The records of one model: their versions and indexes.
#ifndef KIN_STORE_INTERNAL_TABLE_H_
#define KIN_STORE_INTERNAL_TABLE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "kin/proto/graph/graph.h"
#include "kin/store/internal/hash_index.h"
#include "kin/store/internal/key_parts.h"
#include "kin/store/internal/model_ops.h"
#include "kin/store/internal/model_rules.h"
#include "kin/store/internal/ordered_index.h"
#include "kin/store/internal/version.h"
#include "kin/store/internal/writer_context.h"
#include "kin/store/key.h"

namespace kin::internal {

// How keys of one model are read from its records. Immutable.
class KeyReader {
 public:
  using Get = bool (*)(const google::protobuf::Message&, KeyPart*);

  KeyReader(const ModelOps& ops, const graph::FieldList& fields);

  // False if a field is absent.
  bool Read(const google::protobuf::Message& record, KeyParts* key) const {
    if (ABSL_PREDICT_FALSE(only_ == nullptr)) return ReadAll(record, key);
    key->size = 1;
    return only_(record, &key->parts[0]);
  }
  // Whether a record has `key`.
  bool Has(const google::protobuf::Message& record, const KeyParts& key) const {
    if (ABSL_PREDICT_TRUE(only_ != nullptr)) {
      KeyPart part;
      return only_(record, &part) && part == key.parts[0];
    }
    KeyParts other;
    return ReadAll(record, &other) && other == key;
  }
  const graph::FieldList& fields() const { return fields_; }
  // What reads the one number that the key is; null if it is something else, or read by reflection.
  Get number_getter() const { return is_number_ ? only_ : nullptr; }
  // Whether the key is one number.
  bool is_number() const { return is_number_; }
  // Encodes as kin::KeyView says. The result may refer to `buffer`.
  KeyView Encode(const KeyParts& key, std::string* buffer) const;
  // The inverse of Encode: sets the fields of `record`.
  void Decode(const KeyView& key, google::protobuf::Message* record) const;

 private:
  struct Getter {
    Get get;  // Null: by reflection.
    const google::protobuf::FieldDescriptor* field;
  };
  bool ReadAll(const google::protobuf::Message& record, KeyParts* key) const;

  std::vector<Getter> getters_;
  Get only_ = nullptr;  // If there is one getter, and not by reflection.
  graph::FieldList fields_;
  bool is_number_;
};

// Appends the encoding of a key: bytes compare as keys do, and no key's are the beginning of
// another's.
void AppendOrdered(const KeyParts& key, std::string* bytes);

// A field that may hold text, directly or in a message below it.
struct TextField {
  bool (*get)(const google::protobuf::Message&, KeyPart*) = nullptr;  // Null: look by reflection.
  // False if the text, or some text, is not UTF-8.
  bool Valid(const google::protobuf::Message& record) const;
};

// "7", "(7, \"x\")": a record's values of some fields, for messages to people.
std::string FieldValues(const google::protobuf::Message& record, const graph::FieldList& fields);

// Readers: the indexes' lines, MessageOf, counts. The rest: guarded by the store's writer lock.
class Table {
 public:
  Table(WriterContext* context, const ModelOps& ops, const graph::Model& model, int position);
  // Frees every version that an index still leads to.
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  const graph::Model& model() const { return model_; }
  const ModelOps& ops() const { return ops_; }
  int position() const { return position_; }  // In the schema.
  WriterContext& context() { return *context_; }

  // The record of a version.
  const google::protobuf::Message* MessageOf(const Version* version) const {
    const void* body = version + 1;
    if (ABSL_PREDICT_TRUE(ops_.message_size != 0)) {
      return static_cast<const google::protobuf::Message*>(body);
    }
    return *static_cast<google::protobuf::Message* const*>(body);
  }
  google::protobuf::Message* MutableMessageOf(Version* version) {
    return const_cast<google::protobuf::Message*>(MessageOf(version));
  }
  // The version of a record of a model with generated code.
  static Version* VersionOf(google::protobuf::Message* record) {
    return reinterpret_cast<Version*>(record) - 1;
  }

  // A version that nothing leads to yet, stamped as the running transaction's. The first has no
  // message in it: the caller constructs it at `version + 1`. REQUIRES: ops().message_size > 0.
  Version* NewRawVersion();
  Version* NewVersion();
  Version* CopyVersion(const google::protobuf::Message& record);
  void FreeVersion(Version* version);
  // For one whose message was never constructed.
  void FreeRawVersion(Version* version);
  // A version that says that the record of `version` is deleted.
  Version* NewTombstone(const google::protobuf::Message& record);
  Marker* NewMarker(std::uint64_t hash, Version* older);
  void FreeMarker(Marker* marker);

  // Whether one change of a record can be made, in every index, without more memory from the
  // system; asks for it if not. What malloc gives is not counted.
  bool EnsureRoom() {
    if (ABSL_PREDICT_FALSE(--changes_with_room_ < 0) && !EnsureRoomInIndexes()) return false;
    return context_->slab.Reserve(version_bytes_, kReservedVersions) &&
           context_->slab.Reserve(sizeof(Marker), small_blocks());
  }
  // How many blocks of the size of a Marker a change may take: in each index markers of what is
  // left, hashed and ordered, and nodes of two lists' counts; and a node of the table's count.
  std::size_t small_blocks() const { return 4 * indexes_.size() + 1; }

  int indexes() const { return static_cast<int>(indexes_.size()); }
  HashIndex& index(int i) { return *indexes_[i]; }
  const HashIndex& index(int i) const { return *indexes_[i]; }
  HashIndex& primary() { return *indexes_[0]; }
  const HashIndex& primary() const { return *indexes_[0]; }
  // Null unless the index is declared `ordered`.
  OrderedIndex* ordered(int i) { return ordered_[i].get(); }
  const OrderedIndex* ordered(int i) const { return ordered_[i].get(); }
  const KeyReader& keys(int i) const { return readers_[i]; }
  bool has_ordered() const { return has_ordered_; }
  const std::vector<TextField>& text_fields() const { return text_fields_; }
  // Value rules, stamps and hooks; null if the model has none of these.
  const ModelRules* rules() const { return rules_.get(); }
  void AddHook(const Hooks::Entry& hook);
  // The key, in an index, of the record that is being installed; see TransactionCore::Install.
  struct FreshKey {
    HashIndex* index = nullptr;
    const KeyReader* reader = nullptr;
    KeyReader::Get number_getter = nullptr;
    std::uint64_t hash = 0;
    bool unique = false;
    bool present = false;
    KeyParts key;
  };
  // Whether the keys read of a record before it becomes a version are those of the version: nothing
  // changes it, and they are numbers.
  bool keys_stay() const { return keys_are_numbers_ && rules_ == nullptr; }
  FreshKey& fresh_key(int i) { return fresh_keys_[i]; }
  absl::Span<FreshKey> fresh_keys() { return absl::MakeSpan(fresh_keys_); }
  CountChain& counts() { return counts_; }
  const CountChain& counts() const { return counts_; }

  // REQUIRES: the key is present in `record`.
  std::uint64_t HashOf(int index, const google::protobuf::Message& record) const;
  bool SameKey(int index, const google::protobuf::Message& a,
               const google::protobuf::Message& b) const;
  // Whether the key of `a` comes before that of `b`.
  bool KeyLess(const google::protobuf::Message& a, const google::protobuf::Message& b) const;
  // The entry of a record's newest version in the primary index, null if there is none; it may say
  // that the record is deleted.
  Version* FindEntry(std::uint64_t hash, const KeyParts& key) const;
  Version* FindEntry(const google::protobuf::Message& record) const;
  // REQUIRES: `hash` is that of the key, which is present.
  Version* FindEntry(std::uint64_t hash, const google::protobuf::Message& record) const;
  // What a view with `limit` sees of a record.
  const Version* FindVisible(const KeyView& key, Stamp limit) const;
  // The same for each of `keys`; where a key is one field, their memory is asked for together.
  // REQUIRES: out.size() == keys.size().
  void FindVisible(absl::Span<const KeyView> keys, Stamp limit,
                   absl::Span<const Version*> out) const;

  // For HashIndex. It has another table of lines, with room for other numbers of entries.
  void RoomHasChanged() { changes_with_room_ = 0; }
  // Whether a record has `key` in an index, encoded.
  bool HasKey(int index, const Version& entry, const KeyView& key) const;
  // A list of the key of `second`, which the caller inserts next; with a count as of now.
  PostingList* NewList(int index, std::uint64_t hash, Version* first, const Version* second);

  // "accounts.User(7)".
  std::string NameOf(const google::protobuf::Message& record) const;

  // The next id to allocate, and the largest; used if model().allocates_id.
  std::uint64_t next_id = 1;
  std::uint64_t largest_id() const { return largest_id_; }
  bool id_is_unsigned() const { return id_is_unsigned_; }

 private:
  bool EnsureRoomInIndexes();
  const Version* FindVisible(std::uint64_t hash, const KeyParts& key, Stamp limit) const;
  // REQUIRES: the primary key is one field.
  KeyPart OnlyPart(const KeyView& key) const;

  // More than a call makes before it asks for room again (a fresh version, copies of those that it
  // detaches, a tombstone), also where hooks make calls.
  static constexpr std::size_t kReservedVersions = 16;
  static_assert(sizeof(Marker) == sizeof(CountNode) + 8, "both are in blocks of 32 bytes");

  WriterContext* const context_;
  const ModelOps& ops_;
  const graph::Model& model_;
  const int position_;
  const std::size_t version_bytes_;
  const bool id_is_unsigned_;
  // The next id is one more, "exhausted", when all are used up; so the largest unsigned number is
  // never allocated.
  const std::uint64_t largest_id_;
  std::vector<KeyReader> readers_;
  std::vector<TextField> text_fields_;
  std::unique_ptr<ModelRules> rules_;
  std::vector<std::unique_ptr<HashIndex>> indexes_;
  std::vector<std::unique_ptr<OrderedIndex>> ordered_;
  bool has_ordered_ = false;
  bool keys_are_numbers_ = true;
  std::vector<FreshKey> fresh_keys_;
  // So many changes find room in every index, whatever they change.
  std::int64_t changes_with_room_ = 0;
  CountChain counts_;
};

}  // namespace kin::internal

#endif  // KIN_STORE_INTERNAL_TABLE_H_
