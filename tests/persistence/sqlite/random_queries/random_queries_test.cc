// Random queries of random models: as a loop over the records of a plain model answers them, and as
// SQL does on the file that the store wrote. KIN_SEED repeats a failure; KIN_SCHEMAS: how many
// schemas are made. Those after the first have seeds of their own, which a failure names, so that
// KIN_SCHEMAS=1 repeats one of them alone.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kin/store/query/dynamic_query.h"
#include "kin/store/query/parse_filter.h"
#include "kin/tests/persistence/sqlite/evolution/dynamic_schema.h"
#include "kin/tests/persistence/sqlite/random_queries/bounded_sql.h"
#include "kin/tests/persistence/sqlite/random_queries/random_questions.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"

namespace kin {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::kin::testing::Dice;
using ::kin::testing::PlainKey;
using ::kin::testing::RandomQuestion;
using ::kin::testing::RandomSchema;
using ::kin::testing::World;
using Rows = std::vector<std::string>;

constexpr int kSteps = 5;
constexpr int kQuestionsOfEach = 30;

std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* given = std::getenv(variable);
  if (given != nullptr && !absl::SimpleAtoi(given, &otherwise)) std::abort();
  return otherwise;
}

struct Term {
  const FieldDescriptor* field = nullptr;
  bool descending = false;
};

// One view of a store, and what it has to show.
class Comparer {
 public:
  // `database`: of the same state; null: there is none.
  Comparer(const internal::Reader& reader, const World& world, testing::BoundedSql* database,
           Dice* dice, std::map<std::string, int>* seen)
      : reader_(reader), world_(world), database_(database), dice_(*dice), seen_(*seen) {}

  void Compare() {
    model_ = dice_.Below(static_cast<int>(schema().models.size()));
    testing::RandomQuestions questions(&world_, &dice_);
    index_ = spec().indexes.empty() || dice_.Once(2) ? nullptr : &dice_.From(spec().indexes);
    const RandomQuestion question = index_ != nullptr ? questions.AskIndex(model_, "a", *index_)
                                                      : questions.Ask(model_, "a", 3);
    found_.clear();
    for (const auto& [key, record] : world_.table(model_)) {
      if (question.judge(world_, *record) == true) found_.push_back(record.get());
    }
    SCOPED_TRACE(absl::StrCat(schema().model(model_).name, ": ", query::ToString(question.tree)));
    ++seen_["asked"];
    CompareOne(question.tree, question.sql);
    if (!question.text.has_value() || question.text->size() > FilterOptions().max_length) return;
    SCOPED_TRACE(*question.text);
    const auto parsed = query::ParseFilter(schema().descriptor(model_), *question.text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    ++seen_["as text"];
    CompareOne(*parsed, std::nullopt);
  }

 private:
  const RandomSchema& schema() const { return world_.schema(); }
  const testing::ModelSpec& spec() const { return schema().model(model_); }

  void CompareOne(const query::Condition& tree, const std::optional<std::string>& sql) {
    auto query = DynamicQuery::Of(reader_, schema().descriptor(model_));
    ASSERT_TRUE(query.ok()) << query.status();
    query->Where(tree);
    CompareUnordered(*query);
    const std::string where = sql.has_value() && database_ != nullptr
                                  ? absl::StrCat(" FROM ", spec().name, " a WHERE ", *sql)
                                  : "";
    CompareFollowed(*query, where);
    CompareOrdered(*query, where);
  }

  void CompareUnordered(const DynamicQuery& query) {
    const query::Explanation plan = *query.Explain();
    SCOPED_TRACE(plan.ToString());
    Note(plan);
    EXPECT_EQ(Sorted(RowsOf(model_, *query.ToVector())), Sorted(RowsOf(model_, found_)));
    EXPECT_EQ(*query.Count(), static_cast<std::int64_t>(found_.size()));
    DynamicQuery any = query;
    EXPECT_EQ(any.Limit(1).ToVector()->size(), found_.empty() ? 0u : 1u);
  }

  void CompareFollowed(const DynamicQuery& query, const std::string& where) {
    if (spec().associations.empty() || !dice_.Once(3)) return;
    const testing::AssociationSpec& association = dice_.From(spec().associations);
    std::map<PlainKey, const Message*> targets;
    for (const Message* record : found_) {
      for (const Message* target : world_.Targets(model_, association, *record)) {
        targets[world_.KeyOf(association.target, *target)] = target;
      }
    }
    std::vector<const Message*> expected;
    for (const auto& [key, target] : targets) expected.push_back(target);
    const auto followed = query.Follow(association.name);
    ASSERT_TRUE(followed.ok()) << followed.status();
    const Rows rows = Sorted(RowsOf(association.target, *followed->ToVector()));
    EXPECT_EQ(rows, Sorted(RowsOf(association.target, expected))) << association.name;
    if (where.empty()) return;
    const std::string sql =
        absl::StrCat("SELECT ", testing::SqlKey(schema().model(association.target), "f"), " FROM ",
                     schema().model(association.target).name, " f WHERE EXISTS (SELECT 1", where,
                     " AND ", testing::SqlLink(schema(), model_, association, "a", "f"), ")");
    EXPECT_EQ(rows, Sorted(InSql(sql).value_or(rows))) << sql;
  }

  // A page in a random order of up to three fields.
  void CompareOrdered(DynamicQuery query, const std::string& where) {
    std::vector<Term> terms;
    Rows order;
    const bool one_way = !dice_.Once(4);
    const bool descending = dice_.Once(2);
    for (const std::string& name : OrderFields()) {
      const FieldDescriptor& field = schema().field(model_, name);
      if (field.is_repeated()) continue;
      terms.push_back({&field, one_way ? descending : dice_.Once(2)});
      query.OrderBy(field, terms.back().descending);
      for (const std::string& column : testing::SqlColumn(field, "a")) {
        order.push_back(absl::StrCat(column, terms.back().descending ? " DESC" : ""));
      }
    }
    for (const std::string& name : spec().key) {
      for (const std::string& column : testing::SqlColumn(schema().field(model_, name), "a")) {
        order.push_back(column);
      }
    }
    SCOPED_TRACE(absl::StrCat("ORDER BY ", absl::StrJoin(order, ", ")));
    const auto less = [&](const Message* a, const Message* b) { return Less(terms, *a, *b); };
    std::stable_sort(found_.begin(), found_.end(), less);
    const int offset = dice_.Once(3) ? dice_.Below(5) : 0;
    const int limit = dice_.Once(4) ? 1000 : dice_.Below(12);
    ComparePage(query, offset, limit);
    ComparePage(Whole(query), 0, 1000);
    CompareAfter(query, less, limit);
    if (where.empty()) return;
    const std::string sql =
        absl::StrCat("SELECT ", testing::SqlKey(spec(), "a"), where, " ORDER BY ",
                     absl::StrJoin(order, ", "), " LIMIT ", limit, " OFFSET ", offset);
    const auto expected = InSql(sql);
    if (!expected.has_value()) return;
    EXPECT_EQ(RowsOf(model_, *query.Offset(offset).Limit(limit).ToVector()), *expected) << sql;
  }

  // Where an index was asked for, mostly what it can deliver: some of its fields, from one on.
  Rows OrderFields() {
    Rows names;
    if (index_ != nullptr && !dice_.Once(4)) {
      for (const std::string& name : index_->fields) {
        if (!names.empty() ? dice_.Once(4) : dice_.Once(2)) continue;
        names.push_back(name);
      }
      return names;
    }
    for (int i = dice_.Below(4); i > 0; --i) names.push_back(dice_.From(spec().fields).name);
    return names;
  }

  // None: SQLite takes too long for it.
  std::optional<Rows> InSql(const std::string& sql) {
    std::optional<Rows> rows = database_->Query(sql);
    ++seen_[rows.has_value() ? "in SQL" : "too long in SQL"];
    return rows;
  }

  static DynamicQuery Whole(DynamicQuery query) { return query.Limit(1000); }

  void ComparePage(DynamicQuery query, int offset, int limit) {
    query.Offset(offset).Limit(limit);
    const query::Explanation plan = *query.Explain();
    SCOPED_TRACE(plan.ToString());
    Note(plan);
    std::vector<const Message*> page;
    for (int i = offset; i < offset + limit && i < static_cast<int>(found_.size()); ++i) {
      page.push_back(found_[static_cast<std::size_t>(i)]);
    }
    EXPECT_EQ(RowsOf(model_, *query.ToVector()), RowsOf(model_, page)) << offset << " " << limit;
    EXPECT_EQ(*query.Count(), static_cast<std::int64_t>(page.size())) << offset << " " << limit;
  }

  // After any record of the model, also one that the condition is not true of.
  template <typename Less>
  void CompareAfter(DynamicQuery query, const Less& less, int limit) {
    const auto& records = world_.table(model_);
    if (records.empty()) return;
    const auto from = std::next(records.begin(), dice_.Below(static_cast<int>(records.size())));
    const Message* after = from->second.get();
    std::vector<const Message*> rest;
    for (const Message* record : found_) {
      if (less(after, record)) rest.push_back(record);
    }
    query.After(after);
    const query::Explanation plan = *query.Explain();
    SCOPED_TRACE(absl::StrCat(plan.ToString(), "after ", after->ShortDebugString()));
    EXPECT_EQ(RowsOf(model_, *query.ToVector()), RowsOf(model_, rest));
    if (static_cast<int>(rest.size()) > limit) rest.resize(static_cast<std::size_t>(limit));
    EXPECT_EQ(RowsOf(model_, *query.Limit(limit).ToVector()), RowsOf(model_, rest));
  }

  bool Less(const std::vector<Term>& terms, const Message& a, const Message& b) const {
    for (const Term& term : terms) {
      const int order =
          testing::Order(testing::Read(a, *term.field), testing::Read(b, *term.field));
      if (order != 0) return (order < 0) != term.descending;
    }
    return world_.KeyOf(model_, a) < world_.KeyOf(model_, b);
  }

  // Keys, as SQLite gives them.
  Rows RowsOf(int model, const std::vector<const Message*>& records) const {
    Rows rows;
    for (const Message* record : records) {
      Rows parts;
      for (const testing::PlainValue& part : world_.KeyOf(model, *record)) {
        parts.push_back(part.of == testing::PlainValue::Class::kText
                            ? part.text
                            : absl::StrCat(static_cast<std::int64_t>(part.number)));
      }
      rows.push_back(absl::StrJoin(parts, "|"));
    }
    return rows;
  }

  static Rows Sorted(Rows rows) {
    std::sort(rows.begin(), rows.end());
    return rows;
  }

  void Note(const query::Explanation& plan) {
    std::string way = plan.chosen.path.substr(0, plan.chosen.path.find(' '));
    if (plan.chosen.path.find(" by [") != std::string::npos) way = "join";
    if (plan.order == "by the index") absl::StrAppend(&way, " in order");
    if (plan.chosen.path.find("backwards") != std::string::npos)
      absl::StrAppend(&way, " backwards");
    ++seen_[way];
  }

  const internal::Reader& reader_;
  const World& world_;
  testing::BoundedSql* database_;
  Dice& dice_;
  std::map<std::string, int>& seen_;
  int model_ = 0;
  const testing::IndexSpec* index_ = nullptr;  // That the question is for, if it is for one.
  std::vector<const Message*> found_;
};

class RandomQueriesTest : public testing::SqliteTest {
 protected:
  void Change(World* world, Dice* dice, int changes) {
    const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
      for (int i = 0; i < changes; ++i) {
        if (absl::Status status = world->Change(txn, dice); !status.ok()) return status;
      }
      // A transaction sees what it has changed.
      for (int i = 0; i < 3; ++i) Comparer(txn, *world, nullptr, dice, &seen_).Compare();
      return absl::OkStatus();
    });
    ASSERT_TRUE(commit.ok()) << commit.status();
  }

  void RunSchema(std::uint64_t seed) {
    Dice dice(seed);
    const std::vector<testing::ModelSpec> models = testing::RandomModels(&dice);
    const std::string text = testing::ProtoText(models);
    SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed, "\n", text));
    const testing::DynamicSchema dynamic(text);
    const RandomSchema schema(models, dynamic.schema(),
                              [&](const std::string& name) { return dynamic.Find(name); });
    const testing::TempDir dir;
    auto store = TryOpen(dir.File("random.db"), schema.schema);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    World world(&schema);
    std::deque<std::pair<Snapshot, World>> snapshots;
    constexpr int kSizes[] = {20, 150, 500};
    const int size = dice.From(kSizes);
    for (int step = 0; step < kSteps && !HasFailure(); ++step) {
      Change(&world, &dice, step == 0 ? size : 1 + dice.Below(30));
      if (HasFailure()) break;
      Flush();
      testing::BoundedSql database(dir.File("random.db"));
      snapshots.emplace_back(store_->GetSnapshot(), world);
      for (int i = 0; i < kQuestionsOfEach && !HasFailure(); ++i) {
        Comparer(snapshots.back().first, world, &database, &dice, &seen_).Compare();
      }
      for (int i = 0; i < kQuestionsOfEach / 5 && !HasFailure(); ++i) {
        const auto& [snapshot, then] = dice.From(snapshots);
        Comparer(snapshot, then, nullptr, &dice, &seen_).Compare();
      }
    }
    snapshots.clear();
    EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
    Close();
  }

  std::map<std::string, int> seen_;  // How many there were of what.
};

TEST_F(RandomQueriesTest, AnswerAsALoopAndAsSqlDo) {
  std::mt19937_64 seeds(Number("KIN_SEED", std::random_device()()));
  const std::uint64_t first = Number("KIN_SEED", seeds());
  const auto schemas = static_cast<int>(Number("KIN_SCHEMAS", 12));
  for (int i = 0; i < schemas && !HasFailure(); ++i) RunSchema(i == 0 ? first : seeds());
  for (const auto& [what, count] : seen_) RecordProperty(what, count);
  if (schemas < 12) return;
  EXPECT_GE(seen_["in SQL"], seen_["asked"] / 3) << "most questions can be put in SQL";
  EXPECT_GE(seen_["as text"], seen_["asked"] / 3) << "and as text";
}

}  // namespace
}  // namespace kin
