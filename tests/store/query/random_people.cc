#include "kin/tests/store/query/random_people.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace kin::testing {
namespace {

using ::kin::query::Comparison;
using ::kin::query::Condition;
using namespace ::query_test;  // NOLINT: all models of the schema.

constexpr int kPeople = 60;
constexpr const char* kCities[] = {"", "Oslo", "Rome", "Rome South", "Ro\xc3\xa9n"};
constexpr const char* kNames[] = {"Ada", "Bo", "Cy", "Di"};
constexpr const char* kNicks[] = {"", "a", "ab", "abc", "b", "c"};
constexpr const char* kClubs[] = {"chess", "go", "skat"};

const google::protobuf::FieldDescriptor& FieldOf(const char* name) {
  return *Person::descriptor()->FindFieldByName(name);
}

Condition Built(absl::StatusOr<Condition> condition) {
  EXPECT_TRUE(condition.ok()) << condition.status();
  return *std::move(condition);
}

template <typename T>
bool Holds(Comparison comparison, const T& a, const T& b) {
  switch (comparison) {
    case Comparison::kEqual:
      return a == b;
    case Comparison::kNotEqual:
      return a != b;
    case Comparison::kLess:
      return a < b;
    case Comparison::kLessOrEqual:
      return a <= b;
    case Comparison::kGreater:
      return a > b;
    case Comparison::kGreaterOrEqual:
      return a >= b;
  }
  return false;
}

std::string Sql(Comparison comparison) {
  return comparison == Comparison::kEqual ? "=" : std::string(query::Symbol(comparison));
}

std::string Quoted(const std::string& text) { return absl::StrCat("'", text, "'"); }
std::string Quoted(std::int64_t number) { return absl::StrCat(number); }
std::string Quoted(double number) { return absl::StrCat(number); }
std::string Quoted(bool value) { return value ? "1" : "0"; }

// A comparison of the field called `name`, which `get` reads.
template <typename T, typename Get>
Question Comparing(const char* name, Comparison comparison, const T& value, Get get) {
  return {Built(query::Compare(FieldOf(name), comparison, value)),
          [=](const World& /*world*/, const Person& person) -> std::optional<bool> {
            const std::optional<T> has = get(person);
            if (!has.has_value()) return std::nullopt;
            return Holds<T>(comparison, *has, value);
          },
          absl::StrCat("p.", name, " ", Sql(comparison), " ", Quoted(value))};
}

template <typename T, typename Get>
Question Among(const char* name, const std::vector<T>& values, Get get) {
  return {Built(query::In(FieldOf(name), std::vector<query::Value>(values.begin(), values.end()))),
          [=](const World& /*world*/, const Person& person) -> std::optional<bool> {
            const std::optional<T> has = get(person);
            if (!has.has_value()) return std::nullopt;
            return std::count(values.begin(), values.end(), *has) != 0;
          },
          absl::StrCat("p.", name, " IN (",
                       absl::StrJoin(values, ",",
                                     [](std::string* text, const T& value) {
                                       absl::StrAppend(text, Quoted(value));
                                     }),
                       ")")};
}

std::optional<std::int64_t> AgeOf(const Person& p) {
  return p.has_age() ? std::optional<std::int64_t>(p.age()) : std::nullopt;
}
std::optional<std::int64_t> BossOf(const Person& p) {
  return p.has_boss_id() ? std::optional<std::int64_t>(p.boss_id()) : std::nullopt;
}
std::optional<std::string> NickOf(const Person& p) {
  return p.has_nick() ? std::optional<std::string>(p.nick()) : std::nullopt;
}
std::optional<std::int64_t> BonusOf(const Person& p) {
  return p.has_bonus() ? std::optional<std::int64_t>(p.bonus().value()) : std::nullopt;
}

template <typename Wanted>
std::int64_t CountPets(const World& world, const Person& person, Wanted wanted) {
  std::int64_t count = 0;
  for (const auto& [id, pet] : world.pets) {
    if (pet.has_owner_id() && pet.owner_id() == person.id() && wanted(pet)) ++count;
  }
  return count;
}

template <typename Wanted>
std::int64_t CountClubs(const World& world, const Person& person, Wanted wanted) {
  std::int64_t count = 0;
  for (const auto& [key, membership] : world.memberships) {
    if (key.first == person.id() && wanted(world.clubs.at(key.second))) ++count;
  }
  return count;
}

query::AssociationName To(const char* name, const google::protobuf::Descriptor* target) {
  return query::AssociationName(Person::descriptor(), target, name);
}

// Three models away: who has a boss in a club of that rank, or one whose pet has that name.
Question AskDeep(const std::string& name, std::int64_t rank) {
  const Condition pets =
      Built(query::Has(To("pets", Pet::descriptor()),
                       Built(query::Compare(*Pet::descriptor()->FindFieldByName("name"),
                                            Comparison::kEqual, name))));
  const Condition clubs =
      Built(query::Has(To("clubs", Club::descriptor()),
                       Built(query::Compare(*Club::descriptor()->FindFieldByName("rank"),
                                            Comparison::kEqual, rank))));
  return {Built(query::Has(To("boss", Person::descriptor()), query::Or({pets, clubs}))),
          [name, rank](const World& world, const Person& p) {
            if (!p.has_boss_id()) return std::optional(false);
            const Person& boss = world.people.at(p.boss_id());
            const auto named = [&](const Pet& pet) { return pet.name() == name; };
            const auto ranked = [&](const Club& club) { return club.rank() == rank; };
            return std::optional(CountPets(world, boss, named) != 0 ||
                                 CountClubs(world, boss, ranked) != 0);
          },
          absl::StrCat("(EXISTS (SELECT 1 FROM pets t WHERE t.owner_id = p.boss_id AND t.name = '",
                       name,
                       "') OR EXISTS (SELECT 1 FROM memberships m JOIN clubs t ON t.name = "
                       "m.club_name WHERE m.person_id = p.boss_id AND t.rank = ",
                       rank, "))")};
}

}  // namespace

Schema PeopleSchema() { return Schema::Of<Person, Profile, Pet, Toy, Club, Membership>(); }

std::int64_t RandomPeople::AnyId(const World& world) {
  if (world.people.empty()) return 0;
  auto it = world.people.begin();
  std::advance(it, Below(static_cast<int>(world.people.size())));
  return it->first;
}

Person RandomPeople::NewPerson(const World& world) {
  Person p;
  p.set_id(Below(kPeople) + 1);
  p.set_email(absl::StrCat("p", p.id()));
  p.set_first_name(kNames[Below(4)]);
  p.set_last_name(kNames[Below(4)]);
  if (!OneIn(4)) p.set_age(Below(10));
  if (!world.people.empty() && OneIn(2)) p.set_boss_id(AnyId(world));
  p.set_city(kCities[Below(5)]);
  p.set_score(Below(7) - 3);
  p.set_weight(Below(9) / 2.0 - 1);
  p.set_color(static_cast<Color>(Below(4) - 1));
  p.set_active(OneIn(2));
  if (!OneIn(3)) p.set_nick(kNicks[Below(6)]);
  if (!OneIn(3)) p.mutable_bonus()->set_value(Below(4));
  if (!OneIn(3)) p.mutable_born()->set_seconds(Below(5) * 100);
  p.set_big(static_cast<std::uint64_t>(Below(5)));
  p.set_small(static_cast<std::uint32_t>(Below(4)));
  if (!OneIn(3)) p.set_limit(Below(10));
  for (int i = Below(4); i > 0; --i) p.add_tags(kNicks[Below(6)]);
  return p;
}

absl::Status RandomPeople::PutPerson(Transaction& txn, World* world) {
  Person person = NewPerson(*world);
  if (absl::Status status = txn.Upsert(person).status(); !status.ok()) return status;
  world->people[person.id()] = std::move(person);
  return absl::OkStatus();
}

absl::Status RandomPeople::DeletePerson(Transaction& txn, World* world) {
  const std::int64_t id = AnyId(*world);
  if (id == 0) return absl::OkStatus();
  if (absl::Status status = txn.Delete(txn.Find<Person>(id)); !status.ok()) return status;
  world->people.erase(id);
  std::erase_if(world->profiles, [&](const auto& each) { return each.second.person_id() == id; });
  std::erase_if(world->memberships, [&](const auto& each) { return each.first.first == id; });
  for (auto& [pet_id, pet] : world->pets) {
    if (pet.has_owner_id() && pet.owner_id() == id) pet.clear_owner_id();
  }
  for (auto& [other_id, other] : world->people) {
    if (other.has_boss_id() && other.boss_id() == id) other.clear_boss_id();
  }
  return absl::OkStatus();
}

absl::Status RandomPeople::ChangePet(Transaction& txn, World* world) {
  Pet pet;
  pet.set_id(static_cast<std::uint32_t>(Below(40) + 1));
  if (OneIn(4)) {
    if (world->pets.erase(pet.id()) == 0) return absl::OkStatus();
    return txn.Delete(txn.Find<Pet>(pet.id()));
  }
  pet.set_name(kNames[Below(4)]);
  if (!world->people.empty() && !OneIn(4)) pet.set_owner_id(AnyId(*world));
  if (OneIn(2)) pet.set_years(Below(5));
  world->pets[pet.id()] = pet;
  return txn.Upsert(pet).status();
}

absl::Status RandomPeople::ChangeMembership(Transaction& txn, World* world) {
  if (world->people.empty()) return absl::OkStatus();
  const char* name = kClubs[Below(3)];
  if (world->clubs.count(name) == 0) {
    Club club;
    club.set_name(name);
    club.set_rank(Below(4));
    world->clubs[name] = club;
    if (absl::Status status = txn.Insert(club).status(); !status.ok()) return status;
  }
  Membership membership;
  membership.set_person_id(AnyId(*world));
  membership.set_club_name(name);
  const std::pair<std::int64_t, std::string> key(membership.person_id(), name);
  if (OneIn(3)) {
    if (world->memberships.erase(key) == 0) return absl::OkStatus();
    return txn.Delete(txn.Find<Membership>(key.first, key.second));
  }
  world->memberships[key] = membership;
  return txn.Upsert(membership).status();
}

absl::Status RandomPeople::PutProfile(Transaction& txn, World* world) {
  const std::int64_t id = AnyId(*world);
  if (id == 0) return absl::OkStatus();
  Profile profile;
  profile.set_id(id);
  profile.set_person_id(id);
  profile.set_text(kNames[Below(4)]);
  world->profiles[id] = profile;
  return txn.Upsert(profile).status();
}

absl::Status RandomPeople::Change(Transaction& txn, World* world) {
  switch (Below(10)) {
    case 0:
      return DeletePerson(txn, world);
    case 1:
      return PutProfile(txn, world);
    case 2:
    case 3:
      return ChangePet(txn, world);
    case 4:
      return ChangeMembership(txn, world);
    default:
      return PutPerson(txn, world);
  }
}

Question RandomPeople::AskField() {
  const Comparison c = AnyComparison();
  const std::int64_t n = Below(10);
  switch (Below(13)) {
    case 0:
      return Comparing<std::int64_t>("age", c, n, AgeOf);
    case 1:
      return Comparing<std::int64_t>("score", c, n - 5, [](const Person& p) {
        return std::optional(std::int64_t{p.score()});
      });
    case 2:
      return Comparing<double>("weight", c, static_cast<double>(n) / 2 - 1,
                               [](const Person& p) { return std::optional(p.weight()); });
    case 3:
      return Comparing<std::int64_t>("color", c, n % 4 - 1, [](const Person& p) {
        return std::optional(static_cast<std::int64_t>(p.color()));
      });
    case 4:
      return Comparing<bool>("active", OneIn(2) ? Comparison::kEqual : Comparison::kNotEqual,
                             n % 2 == 0, [](const Person& p) { return std::optional(p.active()); });
    case 5:
      return Comparing<std::int64_t>("big", c, n - 3, [](const Person& p) {
        return std::optional(static_cast<std::int64_t>(p.big()));
      });
    case 6:
      return Comparing<std::int64_t>("id", c, Below(kPeople + 2),
                                     [](const Person& p) { return std::optional(p.id()); });
    case 7:
      return Comparing<std::int64_t>("boss_id", Comparison::kEqual, Below(kPeople), BossOf);
    case 8:
      return Comparing<std::int64_t>("bonus", c, n % 4, BonusOf);
    case 9:
      return Among<std::int64_t>("age", {n, n + 2, n, n * 2}, AgeOf);
    case 10:
      return Among<std::int64_t>("id", {n, n * 3, n * 5, n * 5 + 1},
                                 [](const Person& p) { return std::optional(p.id()); });
    case 11:
      return {Built(query::CompareFields(FieldOf("age"), c, FieldOf("limit"))),
              [c](const World&, const Person& p) -> std::optional<bool> {
                if (!p.has_age() || !p.has_limit()) return std::nullopt;
                return Holds(c, p.age(), p.limit());
              },
              absl::StrCat("p.age ", Sql(c), " p.\"limit\"")};
    default:
      return {Built(query::CompareFields(FieldOf("score"), c, FieldOf("small"))),
              [c](const World&, const Person& p) -> std::optional<bool> {
                return Holds(c, std::int64_t{p.score()}, std::int64_t{p.small()});
              },
              absl::StrCat("p.score ", Sql(c), " p.small")};
  }
}

Question RandomPeople::AskText() {
  const Comparison c = AnyComparison();
  const std::string nick = kNicks[Below(6)];
  const std::string city = kCities[Below(5)];
  const auto city_of = [](const Person& p) { return std::optional(p.city()); };
  switch (Below(11)) {
    case 0:
      return Comparing<std::string>("nick", c, nick, NickOf);
    case 1:
      return Comparing<std::string>("city", c, city, city_of);
    case 2:
      return Comparing<std::string>("email", Comparison::kEqual, absl::StrCat("p", Below(kPeople)),
                                    [](const Person& p) { return std::optional(p.email()); });
    case 3:
      return {Built(query::StartsWith(FieldOf("nick"), nick)),
              [nick](const World&, const Person& p) -> std::optional<bool> {
                if (!p.has_nick()) return std::nullopt;
                return absl::StartsWith(p.nick(), nick);
              },
              absl::StrCat("substr(p.nick, 1, ", nick.size(), ") = '", nick, "'")};
    case 4:
      return {Built(query::Contains(FieldOf("nick"), nick)),
              [nick](const World&, const Person& p) -> std::optional<bool> {
                if (!p.has_nick()) return std::nullopt;
                return absl::StrContains(p.nick(), nick);
              },
              absl::StrCat("instr(p.nick, '", nick, "') > 0")};
    case 5:
      return {Built(query::IsNull(FieldOf("nick"))),
              [](const World&, const Person& p) { return std::optional(!p.has_nick()); },
              "p.nick IS NULL"};
    case 6:
      return {Built(query::StartsWith(FieldOf("city"), city)),
              [city](const World&, const Person& p) {
                return std::optional(absl::StartsWith(p.city(), city));
              },
              // No part of an empty BLOB is NULL, in SQLite.
              absl::StrCat("coalesce(substr(CAST(p.city AS BLOB), 1, ", city.size(),
                           "), x'') = CAST('", city, "' AS BLOB)")};
    case 7: {
      const std::string first = kNames[Below(4)];
      const std::string last = kNames[Below(4)];
      return {query::And({Built(query::Compare(FieldOf("first_name"), Comparison::kEqual, first)),
                          Built(query::Compare(FieldOf("last_name"), Comparison::kEqual, last))}),
              [first, last](const World&, const Person& p) {
                return std::optional(p.first_name() == first && p.last_name() == last);
              },
              absl::StrCat("(p.first_name = '", first, "' AND p.last_name = '", last, "')")};
    }
    case 8:
      return {Built(query::Matches(FieldOf("nick"), absl::StrCat(nick, ".*b?c*"))),
              [nick](const World&, const Person& p) -> std::optional<bool> {
                if (!p.has_nick()) return std::nullopt;
                return absl::StartsWith(p.nick(), nick);
              },
              absl::StrCat("p.nick GLOB '", nick, "*'")};
    case 9:
      return {Built(query::HasElement(FieldOf("tags"), nick)),
              [nick](const World&, const Person& p) {
                return std::optional(std::count(p.tags().begin(), p.tags().end(), nick) != 0);
              },
              ""};
    default: {
      const absl::Time time = absl::FromUnixSeconds(Below(5) * 100);
      return {
          Built(query::Compare(FieldOf("born"), c, time)),
          [c, time](const World&, const Person& p) -> std::optional<bool> {
            if (!p.has_born()) return std::nullopt;
            return Holds(c, absl::FromUnixSeconds(p.born().seconds()), time);
          },
          absl::StrCat("p.born ", Sql(c), " '",
                       absl::FormatTime("%Y-%m-%dT%H:%M:%S.000000000Z", time, absl::UTCTimeZone()),
                       "'")};
    }
  }
}

Question RandomPeople::AskAssociation() {
  const Comparison c = AnyComparison();
  const std::int64_t n = Below(4);
  const std::string name = kNames[Below(4)];
  const Condition pet_name =
      Built(query::Compare(*Pet::descriptor()->FindFieldByName("name"), Comparison::kEqual, name));
  const Condition older =
      Built(query::Compare(*Pet::descriptor()->FindFieldByName("years"), Comparison::kGreater, n));
  const auto named = [name](const auto& pet) { return pet.name() == name; };
  const auto any = [](const auto&) { return true; };
  switch (Below(10)) {
    case 0:
      return {Built(query::Has(To("pets", Pet::descriptor()), pet_name)),
              [named](const World& world, const Person& p) {
                return std::optional(CountPets(world, p, named) != 0);
              },
              absl::StrCat("EXISTS (SELECT 1 FROM pets t WHERE t.owner_id = p.id AND t.name = '",
                           name, "')")};
    case 1:
      return {
          Built(query::Count(To("pets", Pet::descriptor()), c, n)),
          [c, n, any](const World& world, const Person& p) {
            return std::optional(Holds(c, CountPets(world, p, any), n));
          },
          absl::StrCat("(SELECT count(*) FROM pets t WHERE t.owner_id = p.id) ", Sql(c), " ", n)};
    case 2:
      return {Built(query::Has(
                  To("boss", Person::descriptor()),
                  Built(query::Compare(FieldOf("age"), Comparison::kGreaterOrEqual, n + 4)))),
              [n](const World& world, const Person& p) -> std::optional<bool> {
                if (!p.has_boss_id()) return false;
                const Person& boss = world.people.at(p.boss_id());
                return boss.has_age() && boss.age() >= n + 4;
              },
              absl::StrCat("EXISTS (SELECT 1 FROM people b WHERE b.id = p.boss_id AND b.age >= ",
                           n + 4, ")")};
    case 3:
      return {Built(query::Has(To("profile", Profile::descriptor()))),
              [](const World& world, const Person& p) {
                return std::optional(world.profiles.count(p.id()) != 0);
              },
              "EXISTS (SELECT 1 FROM profiles t WHERE t.person_id = p.id)"};
    case 4:
      return {Built(query::Has(To("clubs", Club::descriptor()),
                               Built(query::Compare(*Club::descriptor()->FindFieldByName("rank"),
                                                    Comparison::kGreater, n)))),
              [n](const World& world, const Person& p) {
                return std::optional(
                    CountClubs(world, p, [n](const Club& club) { return club.rank() > n; }) != 0);
              },
              absl::StrCat("EXISTS (SELECT 1 FROM memberships m JOIN clubs t ON t.name ="
                           " m.club_name WHERE m.person_id = p.id AND t.rank > ",
                           n, ")")};
    case 5:
      return {Built(query::Count(To("clubs", Club::descriptor()), c, n)),
              [c, n, any](const World& world, const Person& p) {
                return std::optional(Holds(c, CountClubs(world, p, any), n));
              },
              absl::StrCat("(SELECT count(*) FROM memberships m WHERE m.person_id = p.id) ", Sql(c),
                           " ", n)};
    case 6:
      return AskDeep(name, n);
    case 7:
      return {Built(query::Count(To("pets", Pet::descriptor()), c, n % 3, older)),
              [c, n](const World& world, const Person& p) {
                const auto wanted = [n](const Pet& pet) {
                  return pet.has_years() && pet.years() > n;
                };
                return std::optional(Holds(c, CountPets(world, p, wanted), n % 3));
              },
              absl::StrCat("(SELECT count(*) FROM pets t WHERE t.owner_id = p.id AND t.years > ", n,
                           ") ", Sql(c), " ", n % 3)};
    case 8:
      return {Built(query::Has(To("reports", Person::descriptor()),
                               Built(query::Compare(FieldOf("age"), c, n)))),
              [c, n](const World& world, const Person& p) {
                for (const auto& [id, other] : world.people) {
                  if (BossOf(other) == p.id() && other.has_age() && Holds(c, other.age(), n)) {
                    return std::optional(true);
                  }
                }
                return std::optional(false);
              },
              absl::StrCat("EXISTS (SELECT 1 FROM people r WHERE r.boss_id = p.id AND r.age ",
                           Sql(c), " ", n, ")")};
    default:
      return {Built(query::Has(To("first_pet", Pet::descriptor()), pet_name)),
              [named](const World& world, const Person& p) {
                for (const auto& [id, pet] : world.pets) {  // The first one is the lowest.
                  if (pet.has_owner_id() && pet.owner_id() == p.id()) {
                    return std::optional(named(pet));
                  }
                }
                return std::optional(false);
              },
              absl::StrCat("coalesce((SELECT t.name = '", name,
                           "' FROM pets t WHERE t.owner_id = p.id ORDER BY t.id LIMIT 1), 0)")};
  }
}

Question RandomPeople::Combine(int depth) {
  const Question a = Ask(depth - 1);
  const auto put = [](const char* between, const Question& left, const Question& right) {
    return left.sql.empty() || right.sql.empty()
               ? std::string()
               : absl::StrCat("(", left.sql, " ", between, " ", right.sql, ")");
  };
  if (OneIn(5)) {
    return {query::Not(a.tree),
            [a](const World& world, const Person& p) -> std::optional<bool> {
              const std::optional<bool> truth = a.judge(world, p);
              return truth.has_value() ? std::optional(!*truth) : std::nullopt;
            },
            a.sql.empty() ? "" : absl::StrCat("NOT (", a.sql, ")")};
  }
  const Question b = Ask(depth - 1);
  const bool is_and = !OneIn(3);
  return {is_and ? query::And({a.tree, b.tree}) : query::Or({a.tree, b.tree}),
          [a, b, is_and](const World& world, const Person& p) -> std::optional<bool> {
            const std::optional<bool> left = a.judge(world, p);
            const std::optional<bool> right = b.judge(world, p);
            // What decides on its own: false for an `and`, true for an `or`.
            if (left == !is_and || right == !is_and) return !is_and;
            if (!left.has_value() || !right.has_value()) return std::nullopt;
            return is_and;
          },
          put(is_and ? "AND" : "OR", a, b)};
}

Question RandomPeople::Ask(int depth) {
  if (depth > 1 && !OneIn(3)) return Combine(depth);
  switch (Below(5)) {
    case 0:
    case 1:
      return AskField();
    case 2:
    case 3:
      return AskText();
    default:
      return AskAssociation();
  }
}

}  // namespace kin::testing
