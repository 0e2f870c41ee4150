// Random messages of any type, and their comparison bit by bit.
#ifndef KIN_TESTS_TESTING_RANDOM_MESSAGE_H_
#define KIN_TESTS_TESTING_RANDOM_MESSAGE_H_

#include <cstdint>
#include <random>
#include <string>

#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"

namespace kin::testing {

// Makes messages with every kind of value that a field can have: the limits of numbers, NaNs,
// infinities and zeros with a sign, text with NUL and from every plane of Unicode, empty against
// absent, unknown enum values, unknown fields at any depth, extensions. The same for the same seed.
class RandomMessages {
 public:
  struct Options {
    int depth = 3;  // Of messages in messages.
    // Also what JSON has no way to say: unknown fields and enum values, extensions, NaNs, times out
    // of range, values of google.protobuf.Value that are none.
    bool beyond_json = true;
  };
  RandomMessages(std::uint32_t seed, Options options) : random_(seed), options_(options) {}

  // Sets fields of `message`, which is empty. Times at its top are within their range; fields that
  // `keep` accepts are left alone.
  template <typename Keep>
  void Fill(google::protobuf::Message* message, Keep keep) {
    for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
      const google::protobuf::FieldDescriptor* field = message->GetDescriptor()->field(i);
      if (!keep(*field)) MayFill(message, field, options_.depth);
    }
    if (options_.beyond_json) FillRest(message, options_.depth);
  }

  // Less than `limit`.
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }

 private:
  using FieldDescriptor = google::protobuf::FieldDescriptor;
  using Message = google::protobuf::Message;

  void MayFill(Message* message, const FieldDescriptor* field, int depth);
  void FillAll(Message* message, int depth);
  void FillFields(Message* message, int depth);
  void FillRest(Message* message, int depth);
  void FillAny(Message* message, int depth);
  void FillTime(Message* message, int depth);
  void SetValue(Message* message, const FieldDescriptor* field, int depth);
  void SetEnum(Message* message, const FieldDescriptor* field);
  void AddUnknown(google::protobuf::UnknownFieldSet* fields, int number, int depth);

  std::uint64_t Bits() { return random_(); }
  template <typename T>
  T Integer();
  template <typename Float, typename Bits>
  Float Floating();
  std::string Text();
  std::string Bytes();

  std::mt19937_64 random_;
  const Options options_;
};

// Where two messages of one type differ; empty: nowhere. Field by field, floating-point numbers by
// their bits, absent is not empty, unknown fields in their order, maps in none.
std::string FirstDifference(const google::protobuf::Message& a, const google::protobuf::Message& b);

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_RANDOM_MESSAGE_H_
