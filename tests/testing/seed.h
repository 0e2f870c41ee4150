// The seed of a randomised test.
#ifndef KIN_TESTS_TESTING_SEED_H_
#define KIN_TESTS_TESTING_SEED_H_

#include <cstdlib>
#include <random>

namespace kin::testing {

// What KIN_SEED says, or a new one each time. A test prints it if something goes wrong:
//
//   SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
//
//   ./bazelw test //tests/persistence/sqlite:fault_test --test_env=KIN_SEED=1
inline unsigned Seed() {
  const char* text = std::getenv("KIN_SEED");
  return text == nullptr ? std::random_device()()
                         : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_SEED_H_
