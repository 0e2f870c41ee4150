// The key of a record in the form in which a store hands it to persistence plugins and tools, which
// handle records of any model. Programs with generated code use the key's own values instead.
#ifndef KIN_STORE_KEY_H_
#define KIN_STORE_KEY_H_

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace kin {

// A key that consists of one integer is in `number`, biased so that it compares, unsigned, as the
// integer does. Any other key is in `bytes`, encoded so that bytes compare as keys do. Which of the
// two a model uses is fixed by its schema (Schema::has_number_key); the other is 0 or empty.
//
// A KeyView does not own `bytes`. Thread-safety: immutable values.
struct KeyView {
  std::uint64_t number = 0;
  absl::string_view bytes;

  friend bool operator==(const KeyView& a, const KeyView& b) {
    return a.number == b.number && a.bytes == b.bytes;
  }
  friend bool operator<(const KeyView& a, const KeyView& b) {
    return a.number != b.number ? a.number < b.number : a.bytes < b.bytes;
  }
};

// A KeyView that owns its bytes.
struct Key {
  std::uint64_t number = 0;
  std::string bytes;

  Key() = default;
  explicit Key(const KeyView& view) : number(view.number), bytes(view.bytes) {}
  KeyView view() const { return {number, bytes}; }

  friend bool operator==(const Key& a, const Key& b) { return a.view() == b.view(); }
  friend bool operator<(const Key& a, const Key& b) { return a.view() < b.view(); }
};

}  // namespace kin

#endif  // KIN_STORE_KEY_H_
