// For a backend of which the database has nothing to load.
#ifndef KIN_TESTS_PERSISTENCE_SQLITE_NO_LOADER_H_
#define KIN_TESTS_PERSISTENCE_SQLITE_NO_LOADER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "kin/store/persistence.h"

namespace kin::testing {

class NoLoader final : public Loader {
 public:
  void Reserve(int, std::int64_t) override {}
  google::protobuf::Message* New(int) override { return nullptr; }
  absl::Status Add(int, google::protobuf::Message*) override { return absl::InternalError("no"); }
  void Discard(int, google::protobuf::Message*) override {}
};

}  // namespace kin::testing

#endif  // KIN_TESTS_PERSISTENCE_SQLITE_NO_LOADER_H_
