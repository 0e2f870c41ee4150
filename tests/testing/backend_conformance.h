// What every backend of write-behind has to do, as tests. Whoever writes one, here or in another
// workspace, instantiates them in namespace kin::testing:
//
//   INSTANTIATE_TEST_SUITE_P(MyDatabase, BackendConformanceTest,
//                            ::testing::Values(BackendFactory{"MyDatabase", [] { return ...; }}));
//
// in a cc_test that depends on @kin//tests/testing:backend_conformance and GoogleTest's main.
// tests/consumer/backend_test.cc is an example.
#ifndef KIN_TESTS_TESTING_BACKEND_CONFORMANCE_H_
#define KIN_TESTS_TESTING_BACKEND_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "gtest/gtest.h"
#include "kin/persistence/backend.h"
#include "kin/store/store.h"
#include "kin/tests/testing/fake_clock.h"
#include "kin/tests/testing/faulty_backend.h"

namespace kin::testing {

// One database, empty at first.
class DatabaseUnderTest {
 public:
  virtual ~DatabaseUnderTest() = default;
  // A backend for it; called several times, one after the other or, to see that it is refused,
  // while another one owns the database.
  virtual std::unique_ptr<persistence::Backend> NewBackend() = 0;
  // The power goes: from now on the backends there are can do nothing. With the next one it is
  // back, and the database has all that was synced, and of the rest any part or none. False: that
  // cannot be simulated, and whether Sync does what it is to do is not tested.
  virtual bool CutPower() { return false; }
};

struct BackendFactory {
  std::string name;
  std::function<std::unique_ptr<DatabaseUnderTest>()> new_database;
  friend void PrintTo(const BackendFactory& factory, std::ostream* out) { *out << factory.name; }
};

class BackendConformanceTest : public ::testing::TestWithParam<BackendFactory> {
 protected:
  void SetUp() override { database_ = GetParam().new_database(); }
  void TearDown() override { store_.reset(); }
  absl::StatusOr<std::unique_ptr<Store>> TryOpen();
  absl::StatusOr<std::unique_ptr<Store>> TryOpen(Schema schema);
  void Open();
  void Reopen();
  void Flush();
  // A transaction that has to succeed.
  void Write(const std::function<void(Transaction&)>& body);

  FakeClock clock_;
  Faults faults_;
  std::unique_ptr<DatabaseUnderTest> database_;
  std::unique_ptr<Store> store_;
};

}  // namespace kin::testing

#endif  // KIN_TESTS_TESTING_BACKEND_CONFORMANCE_H_
