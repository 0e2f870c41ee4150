// A search backwards through an ordered index, of which another thread takes out what the search
// has just found. Both are on one thread here: what the writer does happens when the search
// allocates the key that it goes on with.
#include <cstdlib>
#include <functional>
#include <new>
#include <string>

#include "gmock/gmock.h"
#include "kin/tests/store/query/query_fixture.h"

namespace {

// Called by the next allocation of that size; 0: by none.
std::size_t interrupted_size = 0;
std::function<void()>* interruption = nullptr;

}  // namespace

void* operator new(std::size_t size) {
  if (interrupted_size != 0 && size == interrupted_size) {
    interrupted_size = 0;
    (*interruption)();
  }
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace kin::testing {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::size_t kLong = 1000;

class BackwardSearchTest : public QueryTest {
 protected:
  BackwardSearchTest() {
    Write([&](Transaction& txn) {
      for (int id = 1; id <= 1000; ++id) {
        Person person = Named(id);
        if (id <= 5) person.set_nick(NickOf(static_cast<char>('a' + id)));
        Put(txn, person);
      }
    });
  }
  static std::string NickOf(char first) { return std::string(kLong, first); }
};

TEST_F(BackwardSearchTest, GoesOnBeforeAKeyThatWasTakenOutWhenItCameThere) {
  const Snapshot snapshot = store_->GetSnapshot();
  const auto query = snapshot.Query<Person>()
                         .Where(PersonModel::nick >= "a")
                         .OrderBy(Descending(PersonModel::nick))
                         .Limit(3);
  ASSERT_THAT(query.Explain().chosen.path, HasSubstr("(nick), a range of it, backwards"));
  // The last of all, or one on the way.
  for (const char added : {'z', 'e', 'd'}) {
    Write([&](Transaction& txn) {
      const auto savepoint = txn.Savepoint();
      Person person = Named(2000);
      // Behind the one of that letter.
      person.set_nick(NickOf(added).substr(1) + "~");
      Put(txn, person);
      bool interrupted = false;
      std::function<void()> undo = [&] {
        interrupted = true;
        txn.RollbackTo(savepoint);
      };
      interruption = &undo;
      interrupted_size = kLong + 3;  // As a key it ends in two bytes more, as a string in another.
      const Ids ids = IdsOf(query.ToVector());
      interrupted_size = 0;
      EXPECT_TRUE(interrupted);
      EXPECT_THAT(ids, ElementsAre(5, 4, 3)) << added;
    });
  }
}

}  // namespace
}  // namespace kin::testing
