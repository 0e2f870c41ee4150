#include <cstdint>
#include <memory>

#include "kin/persistence/sqlite/backend.h"
#include "kin/tests/testing/backend_conformance.h"
#include "kin/tests/testing/faulty_vfs.h"
#include "kin/tests/testing/temp_dir.h"

namespace kin::testing {
namespace {

// As SQLite and the system have it.
class SqliteFile final : public DatabaseUnderTest {
 public:
  std::unique_ptr<persistence::Backend> NewBackend() override {
    return std::make_unique<persistence::sqlite::SqliteBackend>(dir_.File("test.db"));
  }

 private:
  TempDir dir_;
};

// Whose power can be cut.
class SqliteFileAndItsPower final : public DatabaseUnderTest {
 public:
  std::unique_ptr<persistence::Backend> NewBackend() override {
    if (off_) vfs_.PowerOn(++seed_);
    off_ = false;
    return std::make_unique<persistence::sqlite::SqliteBackend>(dir_.File("test.db"), vfs_.name());
  }
  bool CutPower() override {
    vfs_.Die();
    return off_ = true;
  }

 private:
  TempDir dir_;
  FaultyVfs vfs_;
  bool off_ = false;
  std::uint64_t seed_ = 0;
};

INSTANTIATE_TEST_SUITE_P(
    Sqlite, BackendConformanceTest,
    ::testing::Values(BackendFactory{"Sqlite", [] { return std::make_unique<SqliteFile>(); }},
                      BackendFactory{"SqliteAndItsPower",
                                     [] { return std::make_unique<SqliteFileAndItsPower>(); }}));

}  // namespace
}  // namespace kin::testing
