#include <memory>

#include "kin/persistence/sqlite/backend.h"
#include "kin/tests/testing/backend_conformance.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::testing {
namespace {

class SqliteFile final : public DatabaseUnderTest {
 public:
  std::unique_ptr<persistence::Backend> NewBackend() override {
    return std::make_unique<persistence::sqlite::SqliteBackend>(dir_.File("test.db"));
  }

 private:
  TempDir dir_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, BackendConformanceTest,
                         ::testing::Values(BackendFactory{
                             "Sqlite", [] { return std::make_unique<SqliteFile>(); }}));

}  // namespace
}  // namespace kin::testing
