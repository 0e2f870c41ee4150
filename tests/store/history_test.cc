// Random histories with time travel: the store beside a plain model, step by step, with snapshots
// left open that must go on answering as at their commit.
//
//   KIN_SEED       of the first history, printed if one fails; or "random". Default: 1
//   KIN_HISTORIES  how many, each with the next seed.
//   KIN_STEPS      transactions of each.
//
//   ./bazelw test //tests/store:history_test --test_env=KIN_SEED=random
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "kin/tests/store/history_models.h"
#include "kin/tests/testing/plain_model.h"
#include "tests/store/history.kin.h"

namespace kin::testing {
namespace {

using google::protobuf::FieldDescriptor;
using ::history::Task;

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  if (text == nullptr) return otherwise;
  std::uint64_t value = 0;
  if (absl::SimpleAtoi(text, &value)) return value;
  return std::random_device()();
}

class History {
 public:
  explicit History(std::uint64_t seed)
      : random_(seed),
        schema_(HistorySchema()),
        drivers_(HistoryDrivers(schema_)),
        store_(*Store::Open(schema_)),
        committed_(&schema_.graph()) {}

  // One transaction, then checks. False once something failed.
  bool Step();
  // Everything of every snapshot, then everything is deleted and must leave nothing.
  void Finish();

 private:
  struct OpenSnapshot {
    Snapshot snapshot;
    PlainModel plain;
    // What it gave when it was first asked: addresses of records, and orders of ranges.
    std::map<std::pair<const ModelDriver*, std::string>, const Message*> addresses;
    std::map<std::pair<const AssociationDriver*, std::string>, std::vector<const Message*>> orders;
  };

  std::size_t Below(std::size_t n) { return random_() % n; }
  bool Chance(int percent) { return static_cast<int>(Below(100)) < percent; }
  const ModelDriver& AnyModel();
  PlainModel::Record AnyRecord(const ModelDriver& driver, const PlainModel& plain);
  std::string AnyText(const FieldDescriptor& field);
  void RandomField(const FieldDescriptor& field, Message* record, const PlainModel& plain);
  PlainModel::Record RandomRecord(const ModelDriver& driver, const PlainModel& plain);
  const ModelDriver& DriverOf(const graph::Model& model);

  absl::Status Body(Transaction& txn, PlainModel* plain);
  void Operation(Transaction& txn, PlainModel* plain);
  void InsertOrUpsert(Transaction& txn, PlainModel* plain);
  void Update(Transaction& txn, const Reader& from, PlainModel* plain);
  void Delete(Transaction& txn, const Reader& from, PlainModel* plain);
  void Associate(Transaction& txn, const Reader& from, PlainModel* plain);
  void Grow(Transaction& txn, PlainModel* plain);
  void Shrink(Transaction& txn, PlainModel* plain);
  // The code of the store's answer is the plain model's. Stores the id that the store gave.
  void Expect(const std::string& what, const absl::Status& got, absl::StatusCode want);
  PlainModel::Record WithIdOf(const ModelDriver& driver, const PlainModel::Record& record,
                              const absl::StatusOr<const Message*>& stored);

  void Check(const Reader& reader, const PlainModel& plain, OpenSnapshot* open, int percent,
             const std::string& what);
  void CheckModel(const Reader& reader, const PlainModel& plain, const ModelDriver& driver,
                  OpenSnapshot* open, int percent);
  // What every association of some records gives, in order, and lazily as batched.
  using Orders =
      std::map<std::pair<const AssociationDriver*, std::string>, std::vector<const Message*>>;
  Orders OrdersOf(const Reader& reader, std::uint64_t sample);
  void CheckAssociation(const Reader& reader, const PlainModel& plain, const ModelDriver& driver,
                        const AssociationDriver& association, const PlainModel::Record& owner,
                        OpenSnapshot* open);

  std::mt19937_64 random_;
  const Schema schema_;
  const std::vector<ModelDriver> drivers_;
  const std::unique_ptr<Store> store_;
  PlainModel committed_;
  CommitNumber commit_ = 0;
  std::vector<std::unique_ptr<OpenSnapshot>> open_;
  int step_ = 0;
  bool changed_ = false;  // In the running transaction.
  std::uint64_t unused_id_ = std::uint64_t{1} << 50;
  std::string last_;  // What was done last, for messages.
};

const ModelDriver& History::DriverOf(const graph::Model& model) {
  for (const ModelDriver& driver : drivers_) {
    if (driver.model == &model) return driver;
  }
  std::abort();
}

const ModelDriver& History::AnyModel() {
  // People and tasks more often than the rest.
  const std::size_t choice = Below(drivers_.size() + 4);
  if (choice < drivers_.size()) return drivers_[choice];
  return choice % 2 == 0 ? drivers_.front() : drivers_.back();
}

PlainModel::Record History::AnyRecord(const ModelDriver& driver, const PlainModel& plain) {
  const PlainModel::Records& records = plain.records(*driver.model);
  if (records.empty()) return nullptr;
  auto it = records.begin();
  std::advance(it, static_cast<std::ptrdiff_t>(Below(records.size())));
  return it->second;
}

// Few values, so that they meet again; some with bytes that keys have to escape.
std::string History::AnyText(const FieldDescriptor& field) {
  if (Chance(5)) return "";
  std::string text = absl::StrCat(field.name().substr(0, 1), Below(30));
  if (Chance(10)) text += std::string("\0x", 2);
  if (Chance(5)) text += std::string(1, '\0');
  if (Chance(5)) text += field.type() == FieldDescriptor::TYPE_BYTES ? "\xff" : "\xc3\xbf";
  if (Chance(3)) text += "a long text, which does not fit into a string object itself";
  return text;
}

void History::RandomField(const FieldDescriptor& field, Message* record, const PlainModel& plain) {
  const google::protobuf::Reflection& reflection = *record->GetReflection();
  if (field.has_presence() && Chance(30)) return reflection.ClearField(record, &field);
  // A foreign key mostly names a parent that is there.
  for (const auto& key : schema_.graph().foreign_keys) {
    if (key->child->descriptor != record->GetDescriptor() || Chance(3)) continue;
    auto it = std::find(key->fields.begin(), key->fields.end(), &field);
    if (it == key->fields.end()) continue;
    const FieldDescriptor& own = *key->own_key[it - key->fields.begin()];
    const PlainModel::Record parent = AnyRecord(DriverOf(*key->parent), plain);
    if (parent == nullptr || !PlainModel::EncodeFields({&own}, *parent)) continue;
    const google::protobuf::Reflection& get = *parent->GetReflection();
    switch (own.cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection.SetInt64(record, &field, get.GetInt64(*parent, &own));
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection.SetInt32(record, &field, get.GetInt32(*parent, &own));
      default:
        return reflection.SetString(record, &field, get.GetString(*parent, &own));
    }
  }
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.SetInt64(record, &field, static_cast<std::int64_t>(Below(60)) - 5);
    case FieldDescriptor::CPPTYPE_INT32:
      return reflection.SetInt32(record, &field, static_cast<std::int32_t>(Below(40)) - 10);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection.SetUInt64(record, &field, Below(40));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.SetUInt32(record, &field, static_cast<std::uint32_t>(Below(5)));
    default:
      return reflection.SetString(record, &field, AnyText(field));
  }
}

PlainModel::Record History::RandomRecord(const ModelDriver& driver, const PlainModel& plain) {
  std::shared_ptr<Message> record(driver.prototype->New());
  for (int i = 0; i < driver.model->descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *driver.model->descriptor->field(i);
    if (driver.model->allocates_id && &field == driver.model->primary_key[0] && Chance(60))
      continue;
    RandomField(field, record.get(), plain);
  }
  return record;
}

void History::Expect(const std::string& what, const absl::Status& got, absl::StatusCode want) {
  last_ = what;
  if (got.ok()) changed_ = true;
  EXPECT_EQ(absl::StatusCodeToString(got.code()), absl::StatusCodeToString(want))
      << what << ": " << got.message();
}

PlainModel::Record History::WithIdOf(const ModelDriver& driver, const PlainModel::Record& record,
                                     const absl::StatusOr<const Message*>& stored) {
  if (!driver.model->allocates_id) return record;
  const FieldDescriptor& id = *driver.model->primary_key[0];
  std::shared_ptr<Message> copy(record->New());
  copy->CopyFrom(*record);
  const google::protobuf::Reflection& reflection = *copy->GetReflection();
  const bool is_signed = id.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
  if (is_signed ? reflection.GetInt64(*copy, &id) != 0 : reflection.GetUInt64(*copy, &id) != 0) {
    return record;
  }
  if (is_signed) {
    reflection.SetInt64(
        copy.get(), &id,
        stored.ok() ? reflection.GetInt64(**stored, &id) : static_cast<std::int64_t>(++unused_id_));
  } else {
    reflection.SetUInt64(copy.get(), &id,
                         stored.ok() ? reflection.GetUInt64(**stored, &id) : ++unused_id_);
  }
  return copy;
}

void History::InsertOrUpsert(Transaction& txn, PlainModel* plain) {
  const ModelDriver& driver = AnyModel();
  PlainModel::Record record = RandomRecord(driver, *plain);
  if (Chance(60)) {
    const auto stored = driver.insert(txn, *record);
    record = WithIdOf(driver, record, stored);
    Expect("Insert " + driver.model->name + " " + record->ShortDebugString(), stored.status(),
           plain->Insert(*driver.model, record));
  } else {
    const auto stored = driver.upsert(txn, *record);
    record = WithIdOf(driver, record, stored);
    Expect("Upsert " + driver.model->name + " " + record->ShortDebugString(), stored.status(),
           plain->Upsert(*driver.model, record));
  }
}

void History::Update(Transaction& txn, const Reader& from, PlainModel* plain) {
  const ModelDriver& driver = AnyModel();
  const PlainModel::Record old = AnyRecord(driver, *plain);
  if (old == nullptr) return;
  std::shared_ptr<Message> next(old->New());
  next->CopyFrom(*old);
  const graph::FieldList& key = driver.model->primary_key;
  for (int i = 0; i < driver.model->descriptor->field_count(); ++i) {
    const FieldDescriptor& field = *driver.model->descriptor->field(i);
    if (std::find(key.begin(), key.end(), &field) == key.end() && Chance(40)) {
      RandomField(field, next.get(), *plain);
    }
  }
  const bool named = driver.find(from, *old) != nullptr;
  const auto stored = driver.update(txn, from, *old, *next);
  Expect("Update " + driver.model->name + " " + next->ShortDebugString(), stored.status(),
         named ? plain->Update(*driver.model, next) : absl::StatusCode::kNotFound);
}

void History::Delete(Transaction& txn, const Reader& from, PlainModel* plain) {
  const ModelDriver& driver = AnyModel();
  const PlainModel::Record record = AnyRecord(driver, *plain);
  if (record == nullptr) return;
  const bool named = driver.find(from, *record) != nullptr;
  const absl::Status status = driver.remove(txn, from, *record);
  Expect("Delete " + driver.model->name + " " + record->ShortDebugString(), status,
         named ? plain->Delete(*driver.model, PlainModel::KeyOf(*driver.model, *record))
               : absl::StatusCode::kNotFound);
}

void History::Associate(Transaction& txn, const Reader& from, PlainModel* plain) {
  const ModelDriver& driver = AnyModel();
  const AssociationDriver& association = driver.associations[Below(driver.associations.size())];
  if (!association.attach) return;
  const graph::Association& kind = *association.association;
  const ModelDriver& target = DriverOf(*kind.target);
  const PlainModel::Record owner = AnyRecord(driver, *plain);
  if (owner == nullptr) return;
  const std::string owner_key = PlainModel::KeyOf(*driver.model, *owner);
  const bool has_one = kind.kind == graph::Association::Kind::kHasOne;
  const bool owner_named = driver.find(from, *owner) != nullptr;
  const std::string what =
      absl::StrCat(driver.model->name, ".", association.name, " of ", owner->ShortDebugString());
  const std::size_t choice = Below(3);
  if (choice == 0) {
    PlainModel::Record child = RandomRecord(target, *plain);
    const auto stored = association.attach_new(txn, from, *owner, *child);
    child = WithIdOf(target, child, stored);
    const absl::StatusCode want = !owner_named ? absl::StatusCode::kNotFound
                                  : has_one    ? plain->Set(kind, owner_key, child, "")
                                               : plain->Add(kind, owner_key, child, "");
    return Expect("attach new " + what + ": " + child->ShortDebugString(), stored.status(), want);
  }
  const PlainModel::Record child = AnyRecord(target, *plain);
  if (child == nullptr) return;
  const std::string child_key = PlainModel::KeyOf(*target.model, *child);
  const bool child_named = target.find(from, *child) != nullptr;
  if (choice == 1) {
    const auto stored = association.attach(txn, from, *owner, *child);
    const absl::StatusCode want = !owner_named || !child_named ? absl::StatusCode::kNotFound
                                  : has_one ? plain->Set(kind, owner_key, nullptr, child_key)
                                            : plain->Add(kind, owner_key, nullptr, child_key);
    return Expect("attach " + what + ": " + child->ShortDebugString(), stored.status(), want);
  }
  const absl::Status status = association.detach(txn, from, *owner, *child);
  const absl::StatusCode want = !owner_named || (!has_one && !child_named)
                                    ? absl::StatusCode::kNotFound
                                : has_one ? plain->Clear(kind, owner_key)
                                          : plain->Remove(kind, owner_key, child_key);
  Expect("detach " + what, status, want);
}

// Many tasks for one person, so that its lists become long.
void History::Grow(Transaction& txn, PlainModel* plain) {
  const ModelDriver& people = drivers_.front();
  const ModelDriver& tasks = drivers_.back();
  const PlainModel::Record person = AnyRecord(people, *plain);
  if (person == nullptr) return;
  for (std::size_t left = Below(60); left > 0; --left) {
    auto task = std::make_shared<Task>();
    const std::int64_t id = static_cast<const history::Person&>(*person).id();
    task->set_reviewer_id(id);
    if (Chance(90)) task->set_owner_id(id);
    const auto stored = tasks.insert(txn, *task);
    const PlainModel::Record record = WithIdOf(tasks, task, stored);
    Expect("Insert a task", stored.status(), plain->Insert(*tasks.model, record));
  }
}

void History::Shrink(Transaction& txn, PlainModel* plain) {
  const ModelDriver& tasks = drivers_.back();
  const bool all = Chance(20);
  const PlainModel::Records records = plain->records(*tasks.model);
  for (const auto& [key, record] : records) {
    if (!all && Chance(60)) continue;
    const absl::StatusCode want = plain->Delete(*tasks.model, key);  // Perhaps gone by a cascade.
    Expect("Delete a task", tasks.remove(txn, txn, *record), want);
  }
}

void History::Operation(Transaction& txn, PlainModel* plain) {
  const std::size_t choice = Below(100);
  // References from a snapshot name records as well.
  const Reader* from = &txn;
  if (!open_.empty() && Chance(20)) from = &open_[Below(open_.size())]->snapshot;
  if (choice < 30) return InsertOrUpsert(txn, plain);
  if (choice < 55) return Update(txn, *from, plain);
  if (choice < 65) return Delete(txn, *from, plain);
  if (choice < 98) return Associate(txn, *from, plain);
  if (choice < 99 || Chance(50)) return Grow(txn, plain);
  Shrink(txn, plain);
}

History::Orders History::OrdersOf(const Reader& reader, std::uint64_t sample) {
  Orders orders;
  for (const ModelDriver& driver : drivers_) {
    std::vector<const Message*> owners;
    for (const Message* owner : driver.all(reader)) {
      const std::string key = PlainModel::KeyOf(*driver.model, *owner);
      if (std::hash<std::string>()(key) % 8 != sample % 8) continue;
      owners.push_back(owner);
      for (const AssociationDriver& association : driver.associations) {
        orders[{&association, key}] = association.follow(reader, *owner).records;
      }
    }
    for (const AssociationDriver& association : driver.associations) {
      EXPECT_TRUE(association.resolve_agrees(reader, owners)) << association.name;
    }
  }
  return orders;
}

absl::Status History::Body(Transaction& txn, PlainModel* plain) {
  std::vector<std::pair<Savepoint, PlainModel>> savepoints;
  for (std::size_t left = 1 + Below(Chance(10) ? 30 : 4); left > 0; --left) {
    if (Chance(10)) savepoints.emplace_back(txn.Savepoint(), *plain);
    Operation(txn, plain);
    if (!savepoints.empty() && Chance(15)) {
      const std::size_t back = Below(savepoints.size());
      txn.RollbackTo(savepoints[back].first);
      *plain = savepoints[back].second;
      savepoints.resize(back + 1, savepoints[back]);
      last_ += "; rolled back";
    }
    if (Chance(5)) Check(txn, *plain, nullptr, 30, "in the transaction");
    if (::testing::Test::HasFailure()) break;
  }
  return Chance(15) ? absl::CancelledError("at random") : absl::OkStatus();
}

bool History::Step() {
  ++step_;
  PlainModel plain = committed_;
  changed_ = false;
  bool cancelled = false;
  const bool compare = Chance(20);
  Orders in_transaction;
  const auto commit = store_->Write([&](Transaction& txn) {
    if (compare) {
      EXPECT_EQ(OrdersOf(txn, step_), OrdersOf(store_->GetSnapshot(), step_)) << "at its begin";
    }
    const absl::Status status = Body(txn, &plain);
    cancelled = !status.ok();
    if (compare && !cancelled) in_transaction = OrdersOf(txn, step_);
    return status;
  });
  if (compare && commit.ok()) {
    EXPECT_EQ(in_transaction, OrdersOf(store_->GetSnapshot(), step_))
        << "other orders than " << last_;
  }
  const absl::StatusCode want = cancelled ? absl::StatusCode::kCancelled : plain.CheckAtCommit();
  Expect(absl::StrCat("Write after ", last_), commit.status(), want);
  if (commit.ok()) {
    // An empty transaction makes no commit; one that was undone to its start is one.
    EXPECT_TRUE(*commit == commit_ || (*commit == commit_ + 1 && changed_)) << last_;
    commit_ = *commit;
    committed_ = std::move(plain);
  }
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus()) << last_;
  if (Chance(30)) {
    open_.push_back(
        std::make_unique<OpenSnapshot>(OpenSnapshot{store_->GetSnapshot(), committed_, {}, {}}));
    EXPECT_EQ(open_.back()->snapshot.commit(), commit_);
  }
  if (!open_.empty() && (Chance(50))) {
    OpenSnapshot& any = *open_[Below(open_.size())];
    Check(any.snapshot, any.plain, &any, 10, "in a snapshot");
  }
  if (!open_.empty() && (Chance(30) || open_.size() > 40)) {
    const std::size_t dropped = Below(open_.size());
    Check(open_[dropped]->snapshot, open_[dropped]->plain, open_[dropped].get(), 30,
          "in a snapshot about to be dropped");
    std::swap(open_[dropped], open_.back());
    open_.pop_back();
  }
  if (Chance(1)) open_.clear();
  return !::testing::Test::HasFailure();
}

void History::Check(const Reader& reader, const PlainModel& plain, OpenSnapshot* open, int percent,
                    const std::string& what) {
  SCOPED_TRACE(absl::StrCat("step ", step_, ", ", what, open == nullptr ? "" : " of commit ",
                            open == nullptr ? "" : absl::StrCat(open->snapshot.commit()),
                            ", after ", last_));
  for (const ModelDriver& driver : drivers_) CheckModel(reader, plain, driver, open, percent);
}

void History::CheckModel(const Reader& reader, const PlainModel& plain, const ModelDriver& driver,
                         OpenSnapshot* open, int percent) {
  SCOPED_TRACE(driver.model->name);
  const PlainModel::Records& records = plain.records(*driver.model);
  EXPECT_EQ(driver.count(reader), static_cast<std::int64_t>(records.size()));
  if (open != nullptr) {
    EXPECT_EQ(open->snapshot.CountRecords(driver.position),
              static_cast<std::int64_t>(records.size()));
  }
  std::map<std::string, const Message*> all;
  for (const Message* record : driver.all(reader)) {
    EXPECT_TRUE(all.emplace(PlainModel::KeyOf(*driver.model, *record), record).second)
        << "twice in All: " << record->ShortDebugString();
  }
  EXPECT_EQ(all.size(), records.size());
  if (driver.model->indexes[0].ordered) {
    const std::vector<const Message*> in_order = driver.all(reader);
    EXPECT_TRUE(std::is_sorted(in_order.begin(), in_order.end(), [&](auto* a, auto* b) {
      return PlainModel::KeyOf(*driver.model, *a) < PlainModel::KeyOf(*driver.model, *b);
    }));
  }
  std::vector<const Message*> owners;
  for (const auto& [key, record] : records) {
    auto it = all.find(key);
    if (it == all.end()) {
      ADD_FAILURE() << "not in All: " << record->ShortDebugString();
      continue;
    }
    EXPECT_EQ(driver.find(reader, *record), it->second) << record->ShortDebugString();
    EXPECT_EQ(it->second->SerializeAsString(), record->SerializeAsString());
    if (open != nullptr) {
      auto [address, first] = open->addresses.try_emplace({&driver, key}, it->second);
      EXPECT_TRUE(first || address->second == it->second) << "moved within a snapshot";
    }
    if (!Chance(percent)) continue;
    for (const UniqueDriver& unique : driver.unique) {
      if (!PlainModel::EncodeFields({unique.field}, *record)) continue;
      EXPECT_EQ(unique.find_by(reader, *record), it->second)
          << unique.field->name() << " of " << record->ShortDebugString();
    }
    for (const AssociationDriver& association : driver.associations) {
      CheckAssociation(reader, plain, driver, association, record, open);
    }
    owners.push_back(record.get());
  }
  // Keys and values that are perhaps not there.
  for (int i = 0; i < 3; ++i) {
    const PlainModel::Record other = RandomRecord(driver, plain);
    const std::string key = PlainModel::KeyOf(*driver.model, *other);
    EXPECT_EQ(driver.find(reader, *other) != nullptr, records.contains(key));
    for (const UniqueDriver& unique : driver.unique) {
      const auto value = PlainModel::EncodeFields({unique.field}, *other);
      if (!value) continue;
      bool held = false;
      for (const auto& [unused, record] : records) {
        held |= PlainModel::EncodeFields({unique.field}, *record) == value;
      }
      EXPECT_EQ(unique.find_by(reader, *other) != nullptr, held)
          << unique.field->name() << " of " << other->ShortDebugString();
    }
  }
  if (owners.empty()) return;
  for (const AssociationDriver& association : driver.associations) {
    EXPECT_TRUE(association.resolve_agrees(reader, owners)) << association.name;
  }
}

void History::CheckAssociation(const Reader& reader, const PlainModel& plain,
                               const ModelDriver& driver, const AssociationDriver& association,
                               const PlainModel::Record& owner, OpenSnapshot* open) {
  const graph::Model& target = *association.association->target;
  const Followed followed = association.follow(reader, *owner);
  const std::string what = absl::StrCat(association.name, " of ", owner->ShortDebugString());
  EXPECT_EQ(followed.size, followed.records.size()) << "size of " << what;
  std::vector<std::string> got;
  for (const Message* record : followed.records) {
    got.push_back(PlainModel::KeyOf(target, *record));
    EXPECT_EQ(DriverOf(target).find(reader, *record), record) << what;
  }
  std::sort(got.begin(), got.end());
  std::vector<std::string> want;
  for (const PlainModel::Record& record : plain.Follow(*association.association, *owner)) {
    want.push_back(PlainModel::KeyOf(target, *record));
  }
  EXPECT_EQ(got, want) << what;
  if (open == nullptr) return;
  auto [order, first] = open->orders.try_emplace(
      {&association, PlainModel::KeyOf(*driver.model, *owner)}, followed.records);
  EXPECT_TRUE(first || order->second == followed.records) << "another order of " << what;
}

void History::Finish() {
  for (const auto& open : open_) {
    Check(open->snapshot, open->plain, open.get(), 100, "in a snapshot at the end");
  }
  const auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    for (const ModelDriver& driver : drivers_) {
      for (const Message* record : driver.all(txn)) {
        const absl::Status status = driver.remove(txn, txn, *record);
        if (!status.ok() && status.code() != absl::StatusCode::kNotFound) return status;
      }
    }
    return absl::OkStatus();
  });
  EXPECT_TRUE(commit.ok()) << commit.status();
  for (const auto& open : open_) {
    Check(open->snapshot, open->plain, open.get(), 50, "in a snapshot after all was deleted");
  }
  open_.clear();
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (store_->stats().retired > 0 && absl::Now() < deadline) {
    store_->Write([](Transaction&) { return absl::OkStatus(); }).IgnoreError();
  }
  const Stats stats = store_->stats();
  EXPECT_EQ(stats.records, 0);
  EXPECT_EQ(stats.versions, 0);
  EXPECT_EQ(stats.retired, 0);
  EXPECT_EQ(stats.snapshots, 0);
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
}

TEST(HistoryTest, TheStoreAnswersAsThePlainModelAtEachOpenSnapshot) {
  const std::uint64_t first = FromEnvironment("KIN_SEED", 1);
  const std::uint64_t histories = FromEnvironment("KIN_HISTORIES", 4);
  const std::uint64_t steps = FromEnvironment("KIN_STEPS", 250);
  for (std::uint64_t seed = first; seed < first + histories; ++seed) {
    SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
    History history(seed);
    for (std::uint64_t step = 0; step < steps; ++step) {
      if (!history.Step()) return;
    }
    history.Finish();
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace kin::testing
