#include "kin/persistence/sqlite/functions.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/wire_format_lite.h"
#include "kin/persistence/overlay.h"

namespace kin::persistence::sqlite {
namespace {

using google::protobuf::internal::WireFormatLite;

absl::string_view BytesOf(sqlite3_value* value) {
  const void* bytes = sqlite3_value_blob(value);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

void ReturnBytes(sqlite3_context* context, const std::string& bytes) {
  sqlite3_result_blob64(context, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

bool IsNull(sqlite3_value* value) { return sqlite3_value_type(value) == SQLITE_NULL; }

// A number from its bytes, highest first, as codec_bind.cc binds those of a NaN; and the reverse.
std::uint64_t BitsOf(absl::string_view bytes) {
  std::uint64_t bits = 0;
  for (const char byte : bytes) bits = bits << 8 | static_cast<unsigned char>(byte);
  return bits;
}

std::string BytesOfBits(std::uint64_t bits, std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = size; i-- > 0; bits >>= 8) bytes[i] = static_cast<char>(bits & 0xff);
  return bytes;
}

// The bits of a double that a float has no place for.
constexpr int kMoreBits = 29;
constexpr std::uint64_t kFloatFraction = 0x007fffff;

bool IsBlobOf(sqlite3_value* value, std::size_t size) {
  return sqlite3_value_type(value) == SQLITE_BLOB && BytesOf(value).size() == size;
}

void WidenNan(sqlite3_context* context, int, sqlite3_value** values) {
  if (!IsBlobOf(values[0], 4)) return sqlite3_result_value(context, values[0]);
  const std::uint64_t bits = BitsOf(BytesOf(values[0]));
  ReturnBytes(context, BytesOfBits((bits >> 31) << 63 | std::uint64_t{0x7ff} << 52 |
                                       (bits & kFloatFraction) << kMoreBits,
                                   8));
}

void NarrowNan(sqlite3_context* context, int, sqlite3_value** values) {
  if (!IsBlobOf(values[0], 8)) return sqlite3_result_value(context, values[0]);
  const std::uint64_t bits = BitsOf(BytesOf(values[0]));
  ReturnBytes(context, BytesOfBits((bits >> 63) << 31 | std::uint64_t{0xff} << 23 |
                                       (bits >> kMoreBits & kFloatFraction),
                                   4));
}

bool IsFloat(double value) {
  if (std::isinf(value)) return true;
  // Beyond, the conversion is undefined.
  if (std::abs(value) > std::numeric_limits<float>::max()) return false;
  return static_cast<double>(static_cast<float>(value)) == value;
}

bool IsFloat(sqlite3_value* value) {
  switch (sqlite3_value_type(value)) {
    case SQLITE_NULL:
      return true;
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
      return IsFloat(sqlite3_value_double(value));
    case SQLITE_BLOB: {
      if (!IsBlobOf(value, 8)) return false;
      const std::uint64_t bits = BitsOf(BytesOf(value));
      const bool fits = bits << (64 - kMoreBits) == 0;
      return fits && (bits >> kMoreBits & kFloatFraction) != 0;  // Else it would be an infinity.
    }
    default:
      return false;
  }
}

void IsFloatFunction(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_result_int(context, IsFloat(values[0]));
}

void Field(sqlite3_context* context, int, sqlite3_value** values) {
  const absl::string_view type = BytesOf(values[2]);
  if (IsNull(values[0]) || type == "repeated") return sqlite3_result_value(context, values[0]);
  const absl::string_view value = BytesOf(values[0]);
  const int number = sqlite3_value_int(values[1]);
  const bool group = type == "group";
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream output(&stream);
    output.WriteTag(
        WireFormatLite::MakeTag(number, group ? WireFormatLite::WIRETYPE_START_GROUP
                                              : WireFormatLite::WIRETYPE_LENGTH_DELIMITED));
    if (!group) output.WriteVarint32(static_cast<std::uint32_t>(value.size()));
    // SQLite gives no address for an empty BLOB, and protobuf would copy from it.
    if (!value.empty()) output.WriteRaw(value.data(), static_cast<int>(value.size()));
    if (group) output.WriteTag(WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_END_GROUP));
  }
  ReturnBytes(context, bytes);
}

void Join(sqlite3_context* context, int count, sqlite3_value** values) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const absl::string_view value = BytesOf(values[i]);
    bytes.append(value.data(), value.size());
  }
  if (bytes.empty()) return sqlite3_result_null(context);
  ReturnBytes(context, bytes);
}

void IsWritten(sqlite3_context* context, int, sqlite3_value** values) {
  std::uint64_t fingerprint = 0;
  const bool marked = FingerprintIn(BytesOf(values[1]), sqlite3_value_int(values[2]), &fingerprint);
  const bool has_text = sqlite3_value_type(values[0]) == SQLITE_TEXT;
  sqlite3_result_int(
      context, marked == has_text && (!marked || fingerprint == FingerprintOf(BytesOf(values[0]))));
}

void Unmark(sqlite3_context* context, int, sqlite3_value** values) {
  std::string unknown(BytesOf(values[0]));
  RemoveFingerprint(sqlite3_value_int(values[1]), &unknown);
  if (unknown.empty()) return sqlite3_result_null(context);
  ReturnBytes(context, unknown);
}

void Has(sqlite3_context* context, int, sqlite3_value** values) {
  sqlite3_result_int(context, HasFieldIn(BytesOf(values[0]), sqlite3_value_int(values[1])));
}

void Without(sqlite3_context* context, int, sqlite3_value** values) {
  std::string unknown(BytesOf(values[0]));
  RemoveField(sqlite3_value_int(values[1]), &unknown);
  if (unknown.empty()) return sqlite3_result_null(context);
  ReturnBytes(context, unknown);
}

// Nothing may be thrown through SQLite.
template <void (*function)(sqlite3_context*, int, sqlite3_value**)>
void Guarded(sqlite3_context* context, int count, sqlite3_value** values) {
  try {
    function(context, count, values);
  } catch (...) {
    sqlite3_result_error_nomem(context);
  }
}

}  // namespace

absl::Status AddFunctions(Database& database) {
  const struct {
    const char* name;
    int parameters;
    void (*function)(sqlite3_context*, int, sqlite3_value**);
  } functions[] = {
      {"kin_widen_nan", 1, Guarded<WidenNan>},
      {"kin_narrow_nan", 1, Guarded<NarrowNan>},
      {"kin_is_float", 1, Guarded<IsFloatFunction>},
      {"kin_field", 3, Guarded<Field>},
      {"kin_join", -1, Guarded<Join>},
      {"kin_is_written", 3, Guarded<IsWritten>},
      {"kin_unmark", 2, Guarded<Unmark>},
      {"kin_has", 2, Guarded<Has>},
      {"kin_without", 2, Guarded<Without>},
  };
  for (const auto& [name, parameters, function] : functions) {
    const int code = sqlite3_create_function_v2(
        database.get(), name, parameters, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY,
        nullptr, function, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return database.ErrorOf(code);
  }
  return absl::OkStatus();
}

}  // namespace kin::persistence::sqlite
