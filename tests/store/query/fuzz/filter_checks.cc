#include "kin/tests/store/query/fuzz/filter_checks.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kin/store/internal/utf8.h"
#include "kin/store/query/internal/bound_condition.h"
#include "kin/store/query/parse_filter.h"
#include "kin/store/store.h"
#include "tests/store/query/people.kin.h"

namespace kin::query {
namespace {

using namespace ::query_test;  // NOLINT: all models of the schema.

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
                                        "value",
                                        "boss.",
                                        "boss.age",
                                        "reports:(",
                                        "pets:(",
                                        "pets.toys.price",
                                        "toys:(",
                                        "owner:*",
                                        "count(pets)",
                                        "count(boss.reports)",
                                        "clubs.rank",
                                        "clubs:(",
                                        "memberships.club.members:(",
                                        "first_pet.name",
                                        "profile.text",
                                        "Rex",
                                        "chess"};

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
    "boss.boss:* OR boss.age = 18 AND NOT reports.age > 50",
    "clubs.rank = 1 AND memberships:(club_name = go OR since > 0)",
    "first_pet.name = \"R*\" OR first_pet.years = null AND NOT profile.text = x",
    "reports:(pets:(toys.price >= 2) OR count(clubs) = (0 OR 2)) AND -boss.active = true",
    "count(pets.toys) > 1 OR clubs.members.boss.city = Oslo AND first_pet = null",
    "memberships.club.members:(age = null AND score < 0) OR NOT boss:(nick = \"\")",
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

// Each after its boss.
std::vector<Person> MakePeople() {
  std::vector<Person> people(6);
  for (std::size_t i = 0; i < people.size(); ++i) {
    people[i].set_id(static_cast<std::int64_t>(i) + 1);
    people[i].set_email(absl::StrCat("p", i + 1));
  }
  Person& full = people[1];
  full.set_boss_id(1);
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
  people[2].set_boss_id(2);
  people[2].set_weight(-1e300);
  people[2].set_color(query_test::COLOR_BELOW);
  people[2].mutable_home();
  people[3].set_boss_id(2);
  people[3].set_age(51);
  people[3].set_active(true);
  people[4].set_boss_id(5);
  people[4].set_city("Oslo");
  people[4].set_score(-7);
  return people;
}

// Fails the program, for there is nothing to be tested then.
void Require(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  if (!status.ok()) std::abort();
}

Pet MakePet(std::uint32_t id, std::optional<std::int64_t> owner, const char* name,
            std::optional<int> years) {
  Pet pet;
  pet.set_id(id);
  if (owner.has_value()) pet.set_owner_id(*owner);
  pet.set_name(name);
  if (years.has_value()) pet.set_years(*years);
  return pet;
}

absl::Status AddPeople(Transaction& txn) {
  const auto add = [&](const auto& record) { Require(txn.Upsert(record).status()); };
  for (Person person : MakePeople()) {
    // Who is a boss of her own has to be there before.
    const std::int64_t boss = person.boss_id();
    if (boss == person.id()) person.clear_boss_id();
    add(person);
    if (boss == person.id()) person.set_boss_id(boss);
    add(person);
  }
  for (const std::int64_t id : {2, 5}) {
    Profile profile;
    profile.set_id(id);
    profile.set_person_id(id);
    profile.set_text(id == 2 ? "x" : "");
    add(profile);
  }
  add(MakePet(1, 2, "Rex", 1));
  add(MakePet(2, 2, "", std::nullopt));
  add(MakePet(3, 3, "a*b", 3));
  add(MakePet(4, 5, "Rex", std::nullopt));
  add(MakePet(5, std::nullopt, "x", 0));
  for (const auto& [pet, price] : {std::pair(1, 1), {1, 2}, {3, 5}, {5, 0}}) {
    Toy toy;
    toy.set_pet_id(static_cast<std::uint32_t>(pet));
    toy.set_price(price);
    add(toy);
  }
  for (const auto& [name, rank] : {std::pair("chess", 1), {"go", 0}, {"x", 0}}) {
    Club club;
    club.set_name(name);
    club.set_rank(rank);
    add(club);
  }
  for (const auto& [person, club] :
       {std::pair(2, "chess"), {2, "go"}, {3, "go"}, {5, "chess"}, {6, "x"}}) {
    Membership membership;
    membership.set_person_id(person);
    membership.set_club_name(club);
    add(membership);
  }
  return absl::OkStatus();
}

// Some people and what hangs on them, for as long as the program runs.
const Snapshot& People() {
  static const Snapshot* const people = [] {
    auto store = Store::Open(Schema::Of<Person, Profile, Pet, Toy, Club, Membership>());
    Require(store.status());
    Require((*store)->Write(AddPeople).status());
    static Store* const kept = store->release();
    return new Snapshot(kept->GetSnapshot());
  }();
  return *people;
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

// Asked of each record, a filter and its negation agree.
std::string CheckTruth(const Condition& condition, const Condition& negation) {
  const auto bind = [](const Condition& tree) {
    return internal::BoundCondition::Bind(People().internal_view(), Person::descriptor(), tree);
  };
  const auto bound = bind(condition);
  const auto negated = bind(negation);
  const auto both = bind(And({condition, negation}));
  const auto either = bind(Or({condition, negation}));
  if (!bound.ok()) return absl::StrCat("it cannot be applied: ", bound.status().message());
  if (!negated.ok() || !both.ok() || !either.ok()) return "its negation cannot be applied";
  for (const PersonRef person : People().All<Person>()) {
    const bool is_true = bound->True(*person);
    const bool is_false = bound->False(*person);
    if (is_true && is_false) return "true and false";
    if (negated->True(*person) != is_false || negated->False(*person) != is_true) {
      return "its negation is something else";
    }
    // Unknown of a record, it stays so beside itself.
    const bool known = is_true || is_false;
    if (both->True(*person) || both->False(*person) != known) return "it agrees with its negation";
    if (either->False(*person) || either->True(*person) != known) {
      return "neither it nor its negation";
    }
  }
  return "";
}

// A query by a condition finds the records that `expected` says, each once.
template <typename M, typename Expected>
std::string CheckFound(const char* what, const absl::StatusOr<Condition>& condition,
                       Expected expected) {
  if (!condition.ok()) return absl::StrCat(what, ": ", condition.status().message());
  const auto query = People().Query<M>().Where(Filter<M>(*condition));
  if (!query.status().ok()) return absl::StrCat(what, ": ", query.status().message());
  std::set<const M*> found;
  for (const auto& record : query.ToVector()) {
    if (!found.insert(record.get()).second) return absl::StrCat(what, ": found twice");
  }
  for (const auto& record : People().All<M>()) {
    if ((found.count(record.get()) != 0) != expected(record)) {
      return absl::StrCat(what, found.count(record.get()) != 0 ? " finds " : " lacks ",
                          record->ShortDebugString());
    }
  }
  return query.Count() == static_cast<std::int64_t>(found.size())
             ? ""
             : absl::StrCat(what, ": counted otherwise");
}

// By whatever way it finds records, a query by the filter finds those of which it is true; and
// asked of what associations lead to, it holds where a loop over these finds that it does.
std::string CheckQueries(const Condition& condition, const Condition& negation) {
  const auto bound =
      internal::BoundCondition::Bind(People().internal_view(), Person::descriptor(), condition);
  if (!bound.ok()) return absl::StrCat("it cannot be applied: ", bound.status().message());
  const auto holds = [&](PersonRef person) { return person && bound->True(*person); };
  const auto number = [&](const auto& persons) {
    return std::count_if(persons.begin(), persons.end(), holds);
  };
  const auto of = [](const google::protobuf::Descriptor* owner, const char* name) {
    return AssociationName(owner, Person::descriptor(), name);
  };
  const auto* const person = Person::descriptor();
  const std::string errors[] = {
      CheckFound<Person>("a query", condition, holds),
      CheckFound<Person>("a query for the negation", negation,
                         [&](PersonRef each) { return bound->False(*each); }),
      CheckFound<Person>("boss", Has(of(person, "boss"), condition),
                         [&](PersonRef each) { return holds(each.boss()); }),
      CheckFound<Person>("reports", Has(of(person, "reports"), condition),
                         [&](PersonRef each) { return number(each.reports()) > 0; }),
      CheckFound<Person>("count of reports",
                         Count(of(person, "reports"), Comparison::kLess, 2, condition),
                         [&](PersonRef each) { return number(each.reports()) < 2; }),
      CheckFound<Pet>("owner", Has(of(Pet::descriptor(), "owner"), condition),
                      [&](PetRef each) { return holds(each.owner()); }),
      CheckFound<Club>("members", Has(of(Club::descriptor(), "members"), condition),
                       [&](ClubRef each) { return number(each.members()) > 0; }),
  };
  for (const std::string& error : errors) {
    if (!error.empty()) return error;
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
  if (error->empty()) *error = CheckQueries(*condition, *negation);
  return true;
}

}  // namespace kin::query
