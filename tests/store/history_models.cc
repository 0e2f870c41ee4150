#include "kin/tests/store/history_models.h"

#include <string_view>

#include "tests/store/history.kin.h"

namespace kin::testing {
namespace {

using namespace ::history;  // NOLINT(google-build-using-namespace)

// The reference of the record that has the key of `key`.
PersonRef Find(const Reader& in, const Person& key) { return in.Find<Person>(key.id()); }
BadgeRef Find(const Reader& in, const Badge& key) { return in.Find<Badge>(key.id()); }
DeskRef Find(const Reader& in, const Desk& key) { return in.Find<Desk>(key.code()); }
LockerRef Find(const Reader& in, const Locker& key) { return in.Find<Locker>(key.tag()); }
TeamRef Find(const Reader& in, const Team& key) {
  return in.Find<Team>(std::string_view(key.name()));
}
EnrolmentRef Find(const Reader& in, const Enrolment& key) {
  return in.Find<Enrolment>(key.person_id(), key.team_name());
}
NoteRef Find(const Reader& in, const Note& key) { return in.Find<Note>(key.id()); }
TaskRef Find(const Reader& in, const Task& key) { return in.Find<Task>(key.id()); }

template <typename M>
const M& As(const Message& record) {
  return static_cast<const M&>(record);
}

template <typename R>
absl::StatusOr<const Message*> Result(const absl::StatusOr<R>& ref) {
  if (!ref.ok()) return ref.status();
  return ref->get();
}

template <typename A, typename Follow, typename Association>
AssociationDriver Reading(const ModelDriver& owner, Association tag, Follow follow) {
  using Owner = typename A::Owner;
  AssociationDriver driver;
  driver.name = A::kName;
  driver.association = owner.model->FindAssociation(A::kName);
  driver.follow = [follow](const Reader& in, const Message& record) {
    Followed followed;
    auto found = follow(Find(in, As<Owner>(record)));
    if constexpr (A::kMany) {
      for (const auto& target : found) followed.records.push_back(target.get());
      followed.size = found.size();
    } else {
      if (found) followed.records.push_back(found.get());
      followed.size = followed.records.size();
    }
    return followed;
  };
  driver.resolve_agrees = [follow, tag](const Reader& in,
                                        const std::vector<const Message*>& owners) {
    std::vector<RefOf<Owner>> refs;
    for (const Message* record : owners) refs.push_back(Find(in, As<Owner>(*record)));
    using Out = decltype(follow(refs[0]));
    std::vector<Out> out(refs.size());
    in.Resolve(refs, tag, absl::MakeSpan(out));
    for (std::size_t i = 0; i < refs.size(); ++i) {
      const Out expected = follow(refs[i]);
      if constexpr (A::kMany) {
        if (!std::equal(expected.begin(), expected.end(), out[i].begin(), out[i].end()))
          return false;
      } else {
        if (expected != out[i]) return false;
      }
    }
    return true;
  };
  return driver;
}

template <typename A, typename Follow>
void AddAssociation(ModelDriver* model, BelongsTo<A> tag, Follow follow) {
  model->associations.push_back(Reading<A>(*model, tag, follow));
}

template <typename A, typename Follow>
void AddAssociation(ModelDriver* model, HasOne<A> tag, Follow follow) {
  using Owner = typename A::Owner;
  using Target = typename A::Target;
  AssociationDriver driver = Reading<A>(*model, tag, follow);
  if constexpr (!A::kThrough) {
    driver.attach_new = [tag](Transaction& txn, const Reader& from, const Message& owner,
                              const Message& child) {
      return Result(txn.Set(Find(from, As<Owner>(owner)), tag, As<Target>(child)));
    };
    driver.attach = [tag](Transaction& txn, const Reader& from, const Message& owner,
                          const Message& child) {
      return Result(txn.Set(Find(from, As<Owner>(owner)), tag, Find(from, As<Target>(child))));
    };
    driver.detach = [tag](Transaction& txn, const Reader& from, const Message& owner,
                          const Message&) { return txn.Clear(Find(from, As<Owner>(owner)), tag); };
  }
  model->associations.push_back(std::move(driver));
}

template <typename A, typename Follow>
void AddAssociation(ModelDriver* model, HasMany<A> tag, Follow follow) {
  using Owner = typename A::Owner;
  using Target = typename A::Target;
  AssociationDriver driver = Reading<A>(*model, tag, follow);
  if constexpr (!A::kThrough || A::kCanAdd) {
    driver.attach_new = [tag](Transaction& txn, const Reader& from, const Message& owner,
                              const Message& child) {
      return Result(txn.Add(Find(from, As<Owner>(owner)), tag, As<Target>(child)));
    };
    driver.attach = [tag](Transaction& txn, const Reader& from, const Message& owner,
                          const Message& child) {
      return Result(txn.Add(Find(from, As<Owner>(owner)), tag, Find(from, As<Target>(child))));
    };
    driver.detach = [tag](Transaction& txn, const Reader& from, const Message& owner,
                          const Message& child) {
      return txn.Remove(Find(from, As<Owner>(owner)), tag, Find(from, As<Target>(child)));
    };
  }
  model->associations.push_back(std::move(driver));
}

template <typename F>
void AddUnique(ModelDriver* model, Field<F> field) {
  using M = typename F::Model;
  UniqueDriver driver;
  driver.field = M::descriptor()->FindFieldByNumber(F::kNumber);
  driver.find_by = [field](const Reader& in, const Message& record) -> const Message* {
    return in.FindBy(field, F::Get(As<M>(record))).get();
  };
  model->unique.push_back(std::move(driver));
}

template <typename M>
ModelDriver Driver(const Schema& schema) {
  ModelDriver driver;
  driver.position = schema.IndexOf(M::descriptor());
  driver.model = schema.graph().models[driver.position].get();
  driver.prototype = &M::default_instance();
  driver.find = [](const Reader& in, const Message& key) -> const Message* {
    return Find(in, As<M>(key)).get();
  };
  driver.all = [](const Reader& in) {
    std::vector<const Message*> records;
    for (const auto& ref : in.All<M>()) records.push_back(ref.get());
    return records;
  };
  driver.count = [](const Reader& in) { return in.Count<M>(); };
  driver.insert = [](Transaction& txn, const Message& record) {
    return Result(txn.Insert(M(As<M>(record))));
  };
  driver.upsert = [](Transaction& txn, const Message& record) {
    return Result(txn.Upsert(M(As<M>(record))));
  };
  driver.update = [](Transaction& txn, const Reader& from, const Message& key,
                     const Message& next) {
    return Result(txn.Update(Find(from, As<M>(key)), [&](M& m) { m = As<M>(next); }));
  };
  driver.remove = [](Transaction& txn, const Reader& from, const Message& key) {
    return txn.Delete(Find(from, As<M>(key)));
  };
  return driver;
}

#define KIN_ASSOCIATION(M, name) \
  AddAssociation(&driver, M##Model::name, [](const M##Ref& ref) { return ref.name(); })

ModelDriver PersonDriver(const Schema& schema) {
  ModelDriver driver = Driver<Person>(schema);
  AddUnique(&driver, PersonModel::id);
  AddUnique(&driver, PersonModel::email);
  AddUnique(&driver, PersonModel::nick);
  AddUnique(&driver, PersonModel::number);
  KIN_ASSOCIATION(Person, boss);
  KIN_ASSOCIATION(Person, badge);
  KIN_ASSOCIATION(Person, desk);
  KIN_ASSOCIATION(Person, first_task);
  KIN_ASSOCIATION(Person, led_team);
  KIN_ASSOCIATION(Person, desk_of_boss);
  KIN_ASSOCIATION(Person, tasks);
  KIN_ASSOCIATION(Person, reviews);
  KIN_ASSOCIATION(Person, reports);
  KIN_ASSOCIATION(Person, lockers);
  KIN_ASSOCIATION(Person, enrolments);
  KIN_ASSOCIATION(Person, teams);
  KIN_ASSOCIATION(Person, mates);
  KIN_ASSOCIATION(Person, tasks_below);
  KIN_ASSOCIATION(Person, notes);
  return driver;
}

ModelDriver TaskDriver(const Schema& schema) {
  ModelDriver driver = Driver<Task>(schema);
  AddUnique(&driver, TaskModel::id);
  KIN_ASSOCIATION(Task, owner);
  KIN_ASSOCIATION(Task, reviewer);
  KIN_ASSOCIATION(Task, parent);
  KIN_ASSOCIATION(Task, subtasks);
  return driver;
}

ModelDriver TeamDriver(const Schema& schema) {
  ModelDriver driver = Driver<Team>(schema);
  AddUnique(&driver, TeamModel::name);
  KIN_ASSOCIATION(Team, lead);
  KIN_ASSOCIATION(Team, enrolments);
  KIN_ASSOCIATION(Team, members);
  return driver;
}

ModelDriver EnrolmentDriver(const Schema& schema) {
  ModelDriver driver = Driver<Enrolment>(schema);
  KIN_ASSOCIATION(Enrolment, person);
  KIN_ASSOCIATION(Enrolment, team);
  KIN_ASSOCIATION(Enrolment, notes);
  return driver;
}

ModelDriver BadgeDriver(const Schema& schema) {
  ModelDriver driver = Driver<Badge>(schema);
  AddUnique(&driver, BadgeModel::id);
  KIN_ASSOCIATION(Badge, person);
  return driver;
}

ModelDriver DeskDriver(const Schema& schema) {
  ModelDriver driver = Driver<Desk>(schema);
  AddUnique(&driver, DeskModel::code);
  KIN_ASSOCIATION(Desk, person);
  return driver;
}

ModelDriver LockerDriver(const Schema& schema) {
  ModelDriver driver = Driver<Locker>(schema);
  AddUnique(&driver, LockerModel::tag);
  KIN_ASSOCIATION(Locker, person);
  return driver;
}

ModelDriver NoteDriver(const Schema& schema) {
  ModelDriver driver = Driver<Note>(schema);
  AddUnique(&driver, NoteModel::id);
  KIN_ASSOCIATION(Note, enrolment);
  return driver;
}

#undef KIN_ASSOCIATION

}  // namespace

Schema HistorySchema() {
  return Schema::Of<Person, Badge, Desk, Locker, Team, Enrolment, Note, Task>();
}

std::vector<ModelDriver> HistoryDrivers(const Schema& schema) {
  return {PersonDriver(schema), BadgeDriver(schema),     DeskDriver(schema), LockerDriver(schema),
          TeamDriver(schema),   EnrolmentDriver(schema), NoteDriver(schema), TaskDriver(schema)};
}

}  // namespace kin::testing
