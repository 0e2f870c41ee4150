#include "kin/tests/store/query/fuzz/filter_checks.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kin/store/internal/utf8.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/parse_filter.h"
#include "tests/store/query/people.kin.h"

namespace kin::query {
namespace {

using ::query_test::Person;

constexpr std::size_t kLongestMessage = 1000;
constexpr std::size_t kLongestText = 8192;

constexpr absl::string_view kWords[] = {"AND",
                                        "OR",
                                        "NOT",
                                        "-",
                                        "(",
                                        ")",
                                        "(",
                                        ")",
                                        ".",
                                        ",",
                                        "=",
                                        "!=",
                                        "<",
                                        "<=",
                                        ">",
                                        ">=",
                                        ":",
                                        ":",
                                        "*",
                                        "null",
                                        "true",
                                        "false",
                                        "0",
                                        "-1",
                                        "42",
                                        "18446744073709551615",
                                        "1.5",
                                        "2e308",
                                        "nan",
                                        "\"\"",
                                        "\"a*b\"",
                                        "'*'",
                                        "\"\\x00\\u00e9\\*\"",
                                        "\"[a-z]+(\"",
                                        "COLOR_RED",
                                        "2012-04-21T11:30:00-04:00",
                                        "-1.5s",
                                        "count",
                                        "matches",
                                        "id",
                                        "email",
                                        "age",
                                        "boss",
                                        "boss_id",
                                        "city",
                                        "score",
                                        "weight",
                                        "color",
                                        "active",
                                        "nick",
                                        "born",
                                        "shift",
                                        "bonus",
                                        "tags",
                                        "big",
                                        "small",
                                        "ratio",
                                        "blob",
                                        "home",
                                        "offices",
                                        "marks",
                                        "places",
                                        "numbers",
                                        "title",
                                        "phone",
                                        "flag",
                                        "zip",
                                        "point",
                                        "north",
                                        "former",
                                        "since",
                                        "seconds",
                                        "profile",
                                        "first_pet",
                                        "pets",
                                        "memberships",
                                        "clubs",
                                        "reports",
                                        "owner",
                                        "toys",
                                        "price",
                                        "years",
                                        "name",
                                        "rank",
                                        "members",
                                        "x",
                                        "and",
                                        "&&",
                                        "==",
                                        "\"",
                                        "\\",
                                        "\xff",
                                        "\n",
                                        "*a*",
                                        "a*",
                                        "key",
                                        "value"};

constexpr absl::string_view kFilters[] = {
    "age >= 18 AND city = \"O*\" OR NOT active = true",
    "tags:(red AND NOT blue) score < -7 big > 18446744073709551614",
    "home.former.point.north > 1.5e3 AND home:city AND -home.zip:*",
    "offices:(city = Oslo AND zip = null) OR offices.city:\"*s*o\"",
    "marks.math >= 5 AND places.7.city = x AND marks:(a OR \"b*\")",
    "born > 2012-04-21T11:30:00Z AND shift <= \"1.5s\" AND bonus != null",
    "matches(city, \"[A-Z]\\\\w+\") OR matches(home.city, '(a|b)*')",
    "color = (COLOR_RED OR COLOR_GREEN OR -1) AND weight < inf",
    "boss.age > 50 AND count(pets) >= 3 AND NOT clubs:*",
    "pets:(name = Rex AND toys:(price < 3 OR NOT pet.years = 1))",
    "count(boss.reports) = (0 OR 5) AND profile != null",
    "blob = \"\\xff*\\x00\" AND ratio = 0.1 AND flag = false AND title = 'x'",
};

// Takes decisions from bytes; the first of all choices once these are used up.
class Choices {
 public:
  explicit Choices(absl::Span<const std::uint8_t> bytes) : bytes_(bytes) {}
  bool empty() const { return bytes_.empty(); }
  std::size_t Below(std::size_t n) {
    if (bytes_.empty() || n == 0) return 0;
    const std::size_t choice = bytes_.front() % n;
    bytes_.remove_prefix(1);
    return choice;
  }
  template <typename T, std::size_t kSize>
  const T& OneOf(const T (&all)[kSize]) {
    return all[Below(kSize)];
  }

 private:
  absl::Span<const std::uint8_t> bytes_;
};

std::string Assembled(Choices choices) {
  std::string text;
  while (!choices.empty() && text.size() < kLongestText) {
    absl::StrAppend(&text, choices.OneOf(kWords), choices.Below(3) == 0 ? "" : " ");
  }
  return text;
}

std::string Changed(Choices choices) {
  std::string text(choices.OneOf(kFilters));
  while (!choices.empty() && text.size() < kLongestText) {
    const std::size_t at = choices.Below(text.size() + 1);
    switch (choices.Below(4)) {
      case 0:
        text.insert(at, std::string(choices.OneOf(kWords)));
        break;
      case 1:
        text.erase(at, 1 + choices.Below(5));
        break;
      case 2:
        text.insert(at, absl::StrCat(" ", choices.OneOf(kWords), " "));
        break;
      default:
        text.insert(at, choices.OneOf(kFilters).data(), choices.Below(30));
        break;
    }
  }
  return text;
}

std::vector<Person> MakePeople() {
  std::vector<Person> people(3);
  Person& full = people[1];
  full.set_age(18);
  full.set_city("Oslo");
  full.set_nick("");
  full.add_tags("red");
  full.set_blob(std::string("\xff\0", 2));
  full.mutable_home()->mutable_former()->mutable_point()->set_north(2);
  full.mutable_home()->set_zip(7);
  full.add_offices()->set_city("Oslo");
  full.add_offices();
  (*full.mutable_marks())["math"] = 5;
  (*full.mutable_places())[7].set_city("x");
  full.mutable_born()->set_seconds(1);
  full.mutable_shift()->set_nanos(-1);
  full.mutable_bonus();
  full.add_numbers(42);
  full.set_phone("1");
  people[2].set_weight(-1e300);
  people[2].set_color(query_test::COLOR_BELOW);
  people[2].mutable_home();
  return people;
}

// "filter, column N: what is wrong", with N in the text or right after it.
std::string CheckRefusal(absl::string_view text, const absl::Status& status) {
  absl::string_view message = status.message();
  std::size_t column = 0;
  if (status.code() != absl::StatusCode::kInvalidArgument) return "another code";
  if (message.size() > kLongestMessage) return "a long message";
  if (!kin::internal::IsUtf8(message)) return "a message that is not UTF-8";
  if (!absl::ConsumePrefix(&message, "filter, column ")) return "no column";
  const std::size_t colon = message.find(": ");
  if (colon == absl::string_view::npos || colon + 2 == message.size()) return "no reason";
  if (!absl::SimpleAtoi(message.substr(0, colon), &column)) return "no number of a column";
  return column >= 1 && column <= text.size() + 1 ? "" : "a column that is not in the text";
}

// A filter, its parentheses and its negation agree.
std::string CheckTruth(const Condition& condition, const Condition& negation) {
  static const auto* const people = new std::vector<Person>(MakePeople());
  auto bound = internal::BoundCondition::Bind(nullptr, Person::descriptor(), condition);
  // It asks for associations, and here is no store.
  if (!bound.ok()) return absl::StrContains(bound.status().message(), "schema") ? "" : "unbound";
  auto negated = internal::BoundCondition::Bind(nullptr, Person::descriptor(), negation);
  if (!negated.ok()) return "its negation cannot be applied";
  for (const Person& person : *people) {
    const bool is_true = bound->True(person);
    const bool is_false = bound->False(person);
    if (is_true && is_false) return "true and false";
    if (negated->True(person) != is_false || negated->False(person) != is_true) {
      return "its negation is something else";
    }
  }
  return "";
}

}  // namespace

std::string TextFrom(absl::Span<const std::uint8_t> bytes) {
  if (bytes.empty()) return "";
  const std::uint8_t how = bytes[0] % 3;
  bytes.remove_prefix(1);
  if (how == 1) return Assembled(Choices(bytes));
  if (how == 2) return Changed(Choices(bytes));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

bool CheckFilter(absl::string_view text, std::string* error) {
  FilterOptions options;
  absl::StatusOr<Condition> condition = ParseFilter(*Person::descriptor(), text, options);
  if (!condition.ok()) {
    *error = CheckRefusal(text, condition.status());
    return false;
  }
  ToString(*condition);
  // There is nothing to negate in white space.
  if ((*condition)->kind == Node::Kind::kConstant) return true;
  options.max_length += 10;
  ++options.max_depth;
  absl::StatusOr<Condition> negation =
      ParseFilter(*Person::descriptor(), absl::StrCat("NOT (", text, "\n)"), options);
  if (!negation.ok()) {
    *error = absl::StrCat("its negation is refused: ", negation.status().message());
    return true;
  }
  *error = CheckTruth(*condition, *negation);
  return true;
}

}  // namespace kin::query
