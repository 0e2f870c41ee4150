// Typed queries on records of models that were made at random when this was built: aggregates,
// groups, values, associations and changes, as loops over plain records and as SQL on the file have
// them. KIN_SEED repeats a failure; KIN_STEPS: how many times records are changed.
#include "kin/tests/persistence/sqlite/random_queries/typed_answers.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/tests/persistence/sqlite/random_queries/bounded_sql.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin::testing {

TypedModels TypedModelsOf_random_a();
TypedModels TypedModelsOf_random_b();

namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr int kQuestions = 60;

std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  if (given != nullptr && !absl::SimpleAtoi(given, &otherwise)) std::abort();
  return otherwise;
}

class TypedAnswersTest : public SqliteTest,
                         public ::testing::WithParamInterface<TypedModels (*)()> {
 protected:
  TypedAnswersTest() : models_(GetParam()()), schema_(Made(), models_.schema, models_.find) {}

  std::vector<ModelSpec> Made() const {
    Dice dice(models_.seed);
    return RandomModels(&dice);
  }

  // `database`: of the same state; null: there is none.
  Asked NewQuestion(const internal::Reader& reader, BoundedSql* database, Dice* dice) const {
    Asked asked;
    asked.reader = &reader;
    asked.world = &world_;
    asked.dice = dice;
    asked.model = dice->Below(static_cast<int>(schema_.models.size()));
    asked.question = RandomQuestions(&world_, dice).Ask(asked.model, "a", dice->Below(4));
    // More than what few records have in common.
    if (dice->Once(3)) asked.question = Everything();
    if (dice->Once(4)) asked.offset = dice->Below(4);
    if (dice->Once(4)) asked.limit = dice->Below(20);
    for (const auto& [key, record] : world_.table(asked.model)) {
      if (asked.question.judge(world_, *record) == true) asked.found.push_back(record.get());
    }
    asked.results = asked.Page(asked.found);
    if (database == nullptr || !asked.question.sql.has_value()) return asked;
    asked.sql = [database](const std::string& sql) { return database->Query(sql); };
    asked.from = absl::StrCat(" FROM (SELECT * FROM ", schema_.model(asked.model).name, " a WHERE ",
                              *asked.question.sql, " ORDER BY ", KeyOrder(asked.model), " LIMIT ",
                              asked.limit.value_or(-1), " OFFSET ", asked.offset, ") a");
    return asked;
  }

  static RandomQuestion Everything() {
    RandomQuestion question;
    question.tree = query::Constant(true);
    question.sql = "1";
    question.judge = [](const World&, const Message&) { return std::optional(true); };
    return question;
  }

  std::string KeyOrder(int model) const {
    std::vector<std::string> columns;
    for (const std::string& name : schema_.model(model).key) {
      for (std::string& column : SqlColumn(schema_.field(model, name), "a")) {
        columns.push_back(std::move(column));
      }
    }
    return absl::StrJoin(columns, ", ");
  }

  static std::string Shown(const Asked& asked) {
    return absl::StrCat(query::ToString(asked.question.tree), " offset ", asked.offset, " limit ",
                        asked.limit.value_or(-1));
  }

  void Ask(const internal::Reader& reader, BoundedSql* database, Dice* dice) {
    const Asked asked = NewQuestion(reader, database, dice);
    SCOPED_TRACE(Shown(asked));
    models_.ask(asked);
  }

  // Gives all that a query finds another value of one field.
  void UpdateAll(Transaction* txn, Dice* dice) {
    const Asked asked = NewQuestion(*txn, nullptr, dice);
    const std::string& name = dice->From(schema_.model(asked.model).fields).name;
    const FieldDescriptor& field = schema_.field(asked.model, name);
    if (!world_.IsFree(asked.model, name)) return;
    SCOPED_TRACE(absl::StrCat("UpdateAll of ", name, ": ", Shown(asked)));
    const PlainValue value = RandomValue(field, dice);
    const auto change = [&](Message& record) { Put(field, value, &record); };
    const absl::StatusOr<std::int64_t> updated = models_.update(asked, txn, change);
    ASSERT_TRUE(updated.ok()) << updated.status();
    EXPECT_EQ(*updated, static_cast<std::int64_t>(asked.results.size()));
    for (const Message* record : asked.results) {
      std::shared_ptr<Message> changed(record->New());
      changed->CopyFrom(*record);
      change(*changed);
      world_.Replace(asked.model, std::move(changed));
    }
  }

  void DeleteAll(Transaction* txn, Dice* dice) {
    const Asked asked = NewQuestion(*txn, nullptr, dice);
    if (asked.results.size() > 20) return;
    // What then becomes of records that hold their keys is for other tests.
    for (const Message* record : asked.results) {
      if (world_.HasChildren(asked.model, *record)) return;
    }
    SCOPED_TRACE(absl::StrCat("DeleteAll: ", Shown(asked)));
    const absl::StatusOr<std::int64_t> deleted = models_.erase(asked, txn);
    ASSERT_TRUE(deleted.ok()) << deleted.status();
    EXPECT_EQ(*deleted, static_cast<std::int64_t>(asked.results.size()));
    for (const Message* record : asked.results) world_.Erase(asked.model, *record);
  }

  void Change(Dice* dice, int changes) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (int i = 0; i < changes; ++i) {
        if (absl::Status status = world_.Change(txn, dice); !status.ok()) return status;
      }
      for (int i = 0; i < 5; ++i) {
        UpdateAll(&txn, dice);
        DeleteAll(&txn, dice);
        Ask(txn, nullptr, dice);
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }

  const TypedModels models_;
  const RandomSchema schema_;
  World world_{&schema_};
};

TEST_P(TypedAnswersTest, AreThoseOfALoopAndOfSql) {
  const std::uint64_t seed = Number("KIN_SEED", std::random_device()());
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  Dice dice(seed);
  auto store = TryOpen(path_, models_.schema);
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  const auto steps = static_cast<int>(Number("KIN_STEPS", 8));
  for (int step = 0; step < steps && !HasFailure(); ++step) {
    Change(&dice, step == 0 ? 200 : dice.Below(60));
    if (HasFailure()) break;
    Flush();
    BoundedSql database(path_);
    const Snapshot snapshot = store_->GetSnapshot();
    for (int i = 0; i < kQuestions && !HasFailure(); ++i) Ask(snapshot, &database, &dice);
  }
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
  Close();
}

INSTANTIATE_TEST_SUITE_P(Models, TypedAnswersTest,
                         ::testing::Values(TypedModelsOf_random_a, TypedModelsOf_random_b));

}  // namespace
}  // namespace kin::testing
