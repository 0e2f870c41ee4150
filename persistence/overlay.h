// Pieces of serialized messages: single fields, and the rest of a record that no column holds.
#ifndef KIN_PERSISTENCE_OVERLAY_H_
#define KIN_PERSISTENCE_OVERLAY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "kin/persistence/mapping.h"

namespace kin::persistence {

// One field of a record with its tags, the same bytes for the same value. Empty: an empty repeated
// field.
std::string SerializeField(const google::protobuf::Message& record,
                           const google::protobuf::FieldDescriptor& field);
// Adds what SerializeField gave to `record`. False: the bytes are not that, or hold another field.
bool ParseField(absl::string_view bytes, const google::protobuf::FieldDescriptor& field,
                google::protobuf::Message* record);

// Whether a record has a field: a repeated one that is not empty, one without presence that has not
// its default.
bool HasField(const google::protobuf::Message& record,
              const google::protobuf::FieldDescriptor& field);

// A message on its own, the same bytes for the same value.
std::string SerializeMessage(const google::protobuf::Message& message);
// Reads it into `message`, which is empty.
bool ParseMessage(absl::string_view bytes, google::protobuf::Message* message);

// Of JSON text, to tell whether it is still that which was written.
std::uint64_t FingerprintOf(absl::string_view json);
// By the number of the field.
using JsonFingerprints = absl::flat_hash_map<int, std::uint64_t>;

// What the columns of `table` do not hold of a record: unknown fields, extensions, unknown fields
// within what becomes one value (a Timestamp, a wrapper), and of a JSON column all that its text
// may not have, which is the field itself with the text's fingerprint. Merged into a record made of
// the columns, it gives the whole. Nearly always empty, and then cheap.
// `fingerprints`: those of the JSON columns, if they are known already.
std::string SerializeOverlay(const Table& table, const google::protobuf::Message& record,
                             const JsonFingerprints* fingerprints = nullptr);

// An overlay that was read.
struct Overlay {
  std::unique_ptr<google::protobuf::Message> fields;
  JsonFingerprints json_fingerprints;
};
// `like`: a record of the table. False: the bytes are no such thing.
bool ParseOverlay(absl::string_view bytes, const Table& table,
                  const google::protobuf::Message& like, Overlay* overlay);

// Of a serialized overlay: the fingerprint that it has for the JSON of the field `number`. False:
// none, or the bytes are no overlay.
bool FingerprintIn(absl::string_view overlay, int number, std::uint64_t* fingerprint);
// Takes that one out, and leaves all else as it is.
void RemoveFingerprint(int number, std::string* overlay);
// Whether a serialized overlay has a value for the field `number`. False if the bytes are no
// overlay.
bool HasFieldIn(absl::string_view overlay, int number);
// Takes that value out, and the fingerprint of its JSON.
void RemoveField(int number, std::string* overlay);

// What an overlay would do to the record that the columns give, JSON columns aside.
enum class OverlayEffect {
  // Adds what no column holds.
  kAdds,
  // As well sets fields that have columns, which are empty: it was written by a program that did
  // not know these fields, or not this value of a closed enum.
  kFillsColumns,
  // Changes what a column holds.
  kChangesColumns,
};
OverlayEffect EffectOf(const Overlay& overlay, const Table& table,
                       const google::protobuf::Message& record);

// Whether the record's overlay can be read again, and adds the same. It does not where a program
// put unknown fields into a record by hand whose numbers belong to known ones. `problem`: what is
// wrong.
bool OverlayComesBack(const Table& table, const google::protobuf::Message& record,
                      std::string* problem);

}  // namespace kin::persistence

#endif  // KIN_PERSISTENCE_OVERLAY_H_
