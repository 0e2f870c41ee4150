#include "kin/tests/persistence/sqlite/random_queries/typed_answers.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace kin::testing {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using Class = PlainValue::Class;
using Value = std::optional<PlainValue>;

struct ValueLess {
  bool operator()(const Value& a, const Value& b) const { return Order(a, b) < 0; }
};

const FieldDescriptor& FieldOf(const Asked& asked, const std::string& name) {
  return asked.world->schema().field(asked.model, name);
}

std::string Shown(const Value& value) {
  if (!value.has_value()) return "absent";
  if (value->of == Class::kText) return absl::StrCat("\"", value->text, "\"");
  if (value->of == Class::kReal) return absl::StrCat(value->real);
  // Sums may be beyond 64 bits.
  return absl::StrCat(static_cast<double>(value->number), " = ",
                      static_cast<std::int64_t>(value->number));
}

::testing::AssertionResult Same(const Value& answer, const Value& expected) {
  if (Order(answer, expected) == 0) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << Shown(answer) << ", not " << Shown(expected);
}

// What is added up. Integers are, exactly; in which order others are, nobody has promised.
struct Total {
  std::int64_t count = 0;
  __int128 number = 0;
  double real = 0;  // Of those that are finite.
  double size = 0;  // Of their absolute values.
  std::int64_t nans = 0;
  std::int64_t infinite = 0;  // Above 0, and below.
  std::int64_t negative = 0;

  void Add(const Value& value) {
    if (!value.has_value()) return;
    ++count;
    number += value->number;
    if (std::isnan(value->real)) {
      ++nans;
    } else if (std::isinf(value->real)) {
      ++(value->real > 0 ? infinite : negative);
    } else {
      real += value->real;
      size += std::abs(value->real);
    }
  }

  // As a double may be.
  double Real() const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (nans > 0 || (infinite > 0 && negative > 0)) return kInfinity - kInfinity;
    return infinite > 0 ? kInfinity : negative > 0 ? -kInfinity : real;
  }
  bool IsNear(double other, double divisor) const {
    if (!std::isfinite(Real())) return std::isnan(Real()) ? std::isnan(other) : other == Real();
    return std::abs(other - real / divisor) <= size * 1e-12;
  }
};

bool IsReal(const FieldDescriptor& field) {
  return query::TypeOf(field) == query::FieldType::kDouble;
}

// Whether a sum is one that 64 bits can be.
bool Fits(const FieldDescriptor& field, const Total& total) {
  if (IsReal(field)) return true;
  if (query::TypeOf(field) == query::FieldType::kUnsigned) {
    return total.number <= std::numeric_limits<std::uint64_t>::max();
  }
  return total.number <= std::numeric_limits<std::int64_t>::max() &&
         total.number >= std::numeric_limits<std::int64_t>::min();
}

void ExpectSum(const FieldDescriptor& field, const Total& total, const Value& sum) {
  if (IsReal(field) && total.count > 0) {
    ASSERT_TRUE(sum.has_value());
    EXPECT_TRUE(total.IsNear(sum->real, 1)) << Shown(sum) << ", not " << total.Real();
    return;
  }
  const bool none = total.count == 0 || !Fits(field, total);
  EXPECT_TRUE(Same(sum, none ? Value() : PlainValue{Class::kNumber, total.number, 0, ""}));
}

void ExpectAverage(const FieldDescriptor& field, const Total& total, const Value& average) {
  ASSERT_EQ(average.has_value(), total.count > 0);
  if (total.count == 0) return;
  const auto count = static_cast<double>(total.count);
  if (IsReal(field)) {
    EXPECT_TRUE(total.IsNear(average->real, count))
        << Shown(average) << ", not " << total.Real() << " / " << count;
  } else {
    EXPECT_EQ(average->real, static_cast<double>(total.number) / count);
  }
}

// What SQL adds up of a field: integers by their halves, which do not overflow.
std::string SqlTotal(const FieldDescriptor& field) {
  const std::string name = absl::StrCat("a.", field.name());
  std::vector<std::string> parts = {absl::StrCat("count(", name, ")")};
  if (IsReal(field)) {  // NaN is a blob.
    parts.push_back(absl::StrCat("total(typeof(", name, ") = 'blob')"));
    parts.push_back(absl::StrCat("total(", name, " = 9e999)"));
    parts.push_back(absl::StrCat("total(", name, " = -9e999)"));
    parts.push_back(absl::StrCat("total(CASE WHEN typeof(", name, ") = 'blob' OR abs(", name,
                                 ") = 9e999 THEN 0.0 ELSE ", name, " END)"));
  } else {
    const bool is_signed = query::TypeOf(field) == query::FieldType::kSigned;
    parts.push_back(
        absl::StrCat("coalesce(sum((", name, " >> 32)", is_signed ? "" : " & 4294967295", "), 0)"));
    parts.push_back(absl::StrCat("coalesce(sum(", name, " & 4294967295), 0)"));
  }
  return absl::StrJoin(parts, ", ");
}

// `row`: what SQL answers.
void ExpectSqlTotal(const FieldDescriptor& field, const Total& total, absl::string_view row) {
  std::vector<double> parts;
  std::vector<std::int64_t> numbers;
  for (const absl::string_view part : absl::StrSplit(row, '|')) {
    ASSERT_TRUE(absl::SimpleAtod(part, &parts.emplace_back())) << row;
    absl::SimpleAtoi(part, &numbers.emplace_back());
  }
  EXPECT_EQ(numbers[0], total.count);
  if (IsReal(field)) {
    ASSERT_EQ(parts.size(), 5u) << row;
    EXPECT_EQ(parts[1], static_cast<double>(total.nans));
    EXPECT_EQ(parts[2], static_cast<double>(total.infinite));
    EXPECT_EQ(parts[3], static_cast<double>(total.negative));
    EXPECT_LE(std::abs(parts[4] - total.real), total.size * 1e-12) << row;
  } else {
    ASSERT_EQ(parts.size(), 3u) << row;
    EXPECT_TRUE(numbers[1] * (__int128{1} << 32) + numbers[2] == total.number) << row;
  }
}

// Those of the results by the value that they have of a field.
std::map<Value, Records, ValueLess> GroupsOf(const Asked& asked, const FieldDescriptor& field) {
  std::map<Value, Records, ValueLess> groups;
  for (const Message* record : asked.results) groups[Read(*record, field)].push_back(record);
  return groups;
}

std::string GroupsInSql(const Asked& asked, const FieldDescriptor& field,
                        const std::string& columns) {
  const std::string by = absl::StrJoin(SqlColumn(field, "a"), ", ");
  return absl::StrCat("SELECT ", columns, asked.from, " GROUP BY ", by, " ORDER BY ", by);
}

// The least and the greatest of the values that are there; absent if none is.
std::pair<Value, Value> ExtremesOf(const Records& records, const FieldDescriptor& field) {
  std::pair<Value, Value> extremes;
  for (const Message* record : records) {
    const Value value = Read(*record, field);
    if (!value.has_value()) continue;
    if (!extremes.first.has_value() || *value < *extremes.first) extremes.first = value;
    if (!extremes.second.has_value() || *extremes.second < *value) extremes.second = value;
  }
  return extremes;
}

// Whether any of the results has a value so compared with `value`.
std::optional<bool> AnyInSql(const Asked& asked, const FieldDescriptor& field,
                             const char* comparison, const PlainValue& value) {
  const std::string sql = absl::StrCat("SELECT count(*)", asked.from, " WHERE (",
                                       absl::StrJoin(SqlColumn(field, "a"), ", "), ") ", comparison,
                                       " (", absl::StrJoin(SqlValue(field, value), ", "), ")");
  const auto rows = asked.sql(sql);
  if (!rows.has_value()) return std::nullopt;
  EXPECT_EQ(rows->size(), 1u) << sql;
  return !rows->empty() && rows->front() != "0";
}

}  // namespace

void ExpectExtremes(const Asked& asked, const std::string& name, const Value& least,
                    const Value& greatest) {
  SCOPED_TRACE(absl::StrCat("Min and Max of ", name));
  const FieldDescriptor& field = FieldOf(asked, name);
  const auto [smallest, largest] = ExtremesOf(asked.results, field);
  EXPECT_TRUE(Same(least, smallest));
  EXPECT_TRUE(Same(greatest, largest));
  if (asked.sql == nullptr || !smallest.has_value()) return;
  EXPECT_FALSE(AnyInSql(asked, field, "<", *smallest).value_or(false));
  EXPECT_TRUE(AnyInSql(asked, field, "=", *smallest).value_or(true));
  EXPECT_FALSE(AnyInSql(asked, field, ">", *largest).value_or(false));
  EXPECT_TRUE(AnyInSql(asked, field, "=", *largest).value_or(true));
}

void ExpectTotals(const Asked& asked, const std::string& name, const Value& sum,
                  const absl::StatusOr<Value>& bounded_sum, const Value& average) {
  SCOPED_TRACE(absl::StrCat("Sum and Average of ", name));
  const FieldDescriptor& field = FieldOf(asked, name);
  Total total;
  for (const Message* record : asked.results) total.Add(Read(*record, field));
  ExpectSum(field, total, sum);
  ExpectAverage(field, total, average);
  if (Fits(field, total)) {
    ASSERT_TRUE(bounded_sum.ok()) << bounded_sum.status();
    ExpectSum(field, total, *bounded_sum);
  } else {
    EXPECT_EQ(bounded_sum.status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_TRUE(absl::StrContains(bounded_sum.status().message(), field.full_name()));
  }
  if (asked.sql == nullptr) return;
  const std::string sql = absl::StrCat("SELECT ", SqlTotal(field), asked.from);
  SCOPED_TRACE(sql);
  const auto rows = asked.sql(sql);
  if (!rows.has_value()) return;
  ASSERT_EQ(rows->size(), 1u);
  ExpectSqlTotal(field, total, rows->front());
}

void ExpectCounts(const Asked& asked, const std::string& name, const std::vector<Group>& groups) {
  SCOPED_TRACE(absl::StrCat("GroupBy ", name));
  const FieldDescriptor& field = FieldOf(asked, name);
  const auto expected = GroupsOf(asked, field);
  ASSERT_EQ(groups.size(), expected.size());
  std::vector<std::string> counts;
  for (const auto& [value, records] : expected) {
    const Group& group = groups[counts.size()];
    EXPECT_TRUE(Same(group.value, value));
    EXPECT_EQ(group.count, static_cast<std::int64_t>(records.size())) << Shown(value);
    counts.push_back(absl::StrCat(records.size()));
  }
  if (asked.sql == nullptr) return;
  const std::string sql = GroupsInSql(asked, field, "count(*)");
  EXPECT_EQ(asked.sql(sql).value_or(counts), counts) << sql;
}

void ExpectGroups(const Asked& asked, const std::string& name, const std::string& number_name,
                  const std::vector<Group>& groups, const absl::Status& bounded) {
  SCOPED_TRACE(absl::StrCat("GroupBy ", name, " of ", number_name));
  const FieldDescriptor& field = FieldOf(asked, name);
  const FieldDescriptor& number = FieldOf(asked, number_name);
  const auto expected = GroupsOf(asked, field);
  ASSERT_EQ(groups.size(), expected.size());
  std::vector<Total> totals;
  bool fits = true;
  for (const auto& [value, records] : expected) {
    SCOPED_TRACE(Shown(value));
    const Group& group = groups[totals.size()];
    Total& total = totals.emplace_back();
    for (const Message* record : records) total.Add(Read(*record, number));
    fits = fits && Fits(number, total);
    const auto [least, greatest] = ExtremesOf(records, number);
    EXPECT_TRUE(Same(group.value, value));
    ExpectSum(number, total, group.sum);
    ExpectAverage(number, total, group.average);
    EXPECT_TRUE(Same(group.least, least));
    EXPECT_TRUE(Same(group.greatest, greatest));
  }
  EXPECT_EQ(bounded.code(), fits ? absl::StatusCode::kOk : absl::StatusCode::kOutOfRange)
      << bounded;
  if (asked.sql == nullptr) return;
  const std::string sql = GroupsInSql(asked, field, SqlTotal(number));
  SCOPED_TRACE(sql);
  const auto rows = asked.sql(sql);
  if (!rows.has_value()) return;
  ASSERT_EQ(rows->size(), totals.size());
  for (std::size_t i = 0; i < rows->size(); ++i) ExpectSqlTotal(number, totals[i], (*rows)[i]);
}

void ExpectOrdered(const Asked& asked, const std::string& name, const Values& values) {
  SCOPED_TRACE(absl::StrCat("OrderBy and Pluck of ", name));
  const FieldDescriptor& field = FieldOf(asked, name);
  // The order decides which are on the page.
  Records records = asked.found;
  std::stable_sort(records.begin(), records.end(), [&](const Message* a, const Message* b) {
    return Order(Read(*a, field), Read(*b, field)) < 0;
  });
  records = asked.Page(records);
  ASSERT_EQ(values.size(), records.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_TRUE(Same(values[i], Read(*records[i], field))) << i;
  }
}

void ExpectTargets(const Asked& asked, const std::string& name, const Records& followed,
                   std::int64_t count,
                   const std::vector<std::pair<const Message*, Records>>& resolved) {
  SCOPED_TRACE(name);
  const World& world = *asked.world;
  const AssociationSpec& association = world.schema().model(asked.model).association(name);
  const auto key_of = [&](const Message* target) {
    return world.KeyOf(association.target, *target);
  };
  const auto keys_of = [&](const Records& targets) {
    std::multiset<PlainKey> keys;
    for (const Message* target : targets) keys.insert(key_of(target));
    return keys;
  };
  std::map<PlainKey, std::multiset<PlainKey>> each;
  std::set<PlainKey> all;
  for (const Message* record : asked.results) {
    const auto targets = keys_of(world.Targets(asked.model, association, *record));
    all.insert(targets.begin(), targets.end());
    each[world.KeyOf(asked.model, *record)] = targets;
  }
  EXPECT_EQ(count, static_cast<std::int64_t>(all.size()));
  EXPECT_TRUE(keys_of(followed) == std::multiset<PlainKey>(all.begin(), all.end()));
  ASSERT_EQ(resolved.size(), each.size());
  for (const auto& [record, targets] : resolved) {
    const auto expected = each.find(world.KeyOf(asked.model, *record));
    ASSERT_TRUE(expected != each.end()) << record->ShortDebugString();
    EXPECT_TRUE(keys_of(targets) == expected->second) << record->ShortDebugString();
  }
  if (asked.sql == nullptr) return;
  const std::string sql =
      absl::StrCat("SELECT count(*) FROM ", world.schema().model(association.target).name,
                   " f WHERE EXISTS (SELECT 1", asked.from, " WHERE ",
                   SqlLink(world.schema(), asked.model, association, "a", "f"), ")");
  const std::vector<std::string> counted = {absl::StrCat(count)};
  EXPECT_EQ(asked.sql(sql).value_or(counted), counted) << sql;
}

}  // namespace kin::testing
