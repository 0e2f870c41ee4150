// What a store makes of what a database gives it to load.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/persistence/models.kin.h"

namespace kin {
namespace {

using persistence_test::Unsigned;

// Loads records with these numbers, and notes what it is told of them.
class Numbers final : public Persistence {
 public:
  explicit Numbers(std::vector<std::uint64_t> numbers) : numbers_(std::move(numbers)) {}

  absl::StatusOr<LoadedState> Load(const Schema&, Loader& loader) override {
    for (const std::uint64_t number : numbers_) {
      auto* record = static_cast<Unsigned*>(loader.New(0));
      record->set_number(number);
      if (absl::Status status = loader.Add(0, record); !status.ok()) return status;
    }
    return LoadedState{1, {0}};
  }
  absl::Status Describe(absl::Span<const Violation> violations) override {
    std::string text;
    for (const Violation& violation : violations) {
      text += violation.kind == Violation::Kind::kDuplicate ? "duplicate " : "other ";
      for (const google::protobuf::FieldDescriptor* field : violation.fields) {
        text += field->name() + "=";
      }
      text += std::to_string(static_cast<const Unsigned*>(violation.record)->number()) + ";";
    }
    return absl::DataLossError(text);
  }
  absl::Status Start(CommitSource*) override { return absl::OkStatus(); }
  absl::Status WaitForSpace() override { return absl::OkStatus(); }
  absl::Status Admit(absl::Span<const Change>) override { return absl::OkStatus(); }
  void OnCommit(CommitNumber, absl::Span<const Change>) override {}
  absl::Status Flush(absl::Duration) override { return absl::OkStatus(); }
  absl::Status WaitDurable(CommitNumber, Durability, absl::Duration) override {
    return absl::OkStatus();
  }
  absl::Status Close(absl::Duration) override { return absl::OkStatus(); }
  CommitNumber durable_commit() const override { return 1; }
  void AddStats(Stats*) const override {}

 private:
  const std::vector<std::uint64_t> numbers_;
};

absl::StatusOr<std::unique_ptr<Store>> Open(std::vector<std::uint64_t> numbers) {
  OpenOptions options;
  options.persistence = std::make_unique<Numbers>(std::move(numbers));
  return Store::Open(Schema::Of<Unsigned>(), std::move(options));
}

TEST(LoadTest, TakesEachKeyOnce) {
  absl::StatusOr<std::unique_ptr<Store>> store = Open({1, 2, 3});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->GetSnapshot().Count<Unsigned>(), 3);
}

TEST(LoadTest, TwoRecordsOfOneKeyAreToldOfWhenAllAreLoaded) {
  const absl::Status status = Open({1, 2, 1, 3, 3}).status();
  EXPECT_EQ(status, absl::DataLossError("duplicate number=1;duplicate number=3;"));
}

TEST(LoadTest, OfVeryManyViolationsTheFirstAreToldOf) {
  const absl::Status status = Open(std::vector<std::uint64_t>(10'000, 7)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message().size(), 100 * std::string("duplicate number=7;").size());
}

}  // namespace
}  // namespace kin
