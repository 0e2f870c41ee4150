#include <memory>

#include "kin/tests/testing/backend_conformance.h"
#include "kin/tests/testing/fake_backend.h"

namespace kin::testing {
namespace {

class Fake final : public DatabaseUnderTest {
 public:
  std::unique_ptr<persistence::Backend> NewBackend() override {
    return std::make_unique<FakeBackend>(&database_);
  }
  bool CutPower() override {
    database_.CutPower();
    return true;
  }

 private:
  FakeDatabase database_;
};

INSTANTIATE_TEST_SUITE_P(Fake, BackendConformanceTest,
                         ::testing::Values(BackendFactory{
                             "Fake", [] { return std::make_unique<Fake>(); }}));

}  // namespace
}  // namespace kin::testing
