// A backend of somebody else's, held to Kin's contract for backends.
#include "kin/persistence/backend.h"

#include <memory>
#include <utility>

#include "kin/tests/testing/backend_conformance.h"
#include "kin/tests/testing/fake_backend.h"

namespace kin::testing {
namespace {

// Keeps records in a map, for as long as it lives.
class Somebodys final : public DatabaseUnderTest {
 public:
  std::unique_ptr<persistence::Backend> NewBackend() override {
    return std::make_unique<FakeBackend>(&records_);
  }
  bool CutPower() override {
    records_.CutPower();
    return true;
  }

 private:
  FakeDatabase records_;
};

INSTANTIATE_TEST_SUITE_P(Somebodys, BackendConformanceTest,
                         ::testing::Values(BackendFactory{
                             "Somebodys", [] { return std::make_unique<Somebodys>(); }}));

}  // namespace
}  // namespace kin::testing
