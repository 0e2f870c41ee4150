// Random histories over models of every kind of key and association, in which rows of one legal
// state stand in the way of the next: exchanges of unique values among two or three records, keys
// used again, children that move. Only Flush writes, so that a seed always gives the same batches.
//
// KIN_STEPS: how many transactions each history has; the stress run has tens of thousands.
// KIN_SEED: of the random ones (seed.h).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kin/tests/persistence/sqlite/sqlite_fixture.h"
#include "kin/tests/testing/seed.h"
#include "tests/persistence/collisions.pb.h"
#include "tests/store/history.pb.h"
#include "tests/store/kinds/bytes.pb.h"
#include "tests/store/kinds/composite.pb.h"
#include "tests/store/kinds/int64.pb.h"
#include "tests/store/kinds/string.pb.h"
#include "tests/store/kinds/uint64.pb.h"

namespace kin {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Record = std::unique_ptr<Message>;
// Everything in a store, by model and serialized key; serialized.
using Contents = std::map<std::pair<int, std::string>, std::string>;

struct Models {
  const char* name;
  const google::protobuf::Descriptor* (*first)();  // Of a file, whose models these are.
  friend void PrintTo(const Models& models, std::ostream* out) { *out << models.name; }
};

constexpr Models kModels[] = {
    {"Collisions", collisions::Link::descriptor},
    {"History", history::Person::descriptor},
    {"Int64", kinds_int64::Parent::descriptor},
    {"Uint64", kinds_uint64::Parent::descriptor},
    {"String", kinds_string::Parent::descriptor},
    {"Bytes", kinds_bytes::Parent::descriptor},
    {"Composite", kinds_composite::Parent::descriptor},
};

Schema SchemaOf(const Models& models) {
  return Schema::OfDescriptors(graph::ModelsOf(*models.first()->file()),
                               google::protobuf::MessageFactory::generated_factory());
}

class CollisionHistoryTest : public testing::SqliteTest,
                             public ::testing::WithParamInterface<std::tuple<Models, unsigned>> {
 protected:
  const graph::Graph& graph() const { return schema_.graph(); }

  void OpenLazy() {
    OpenOptions options;
    SqliteOptions sqlite;
    sqlite.flush_after = absl::InfiniteDuration();
    options.persistence = Sqlite(path_, std::move(sqlite));
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(schema_, std::move(options));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  Contents ContentsOf() const {
    Contents contents;
    const Snapshot snapshot = store_->GetSnapshot();
    for (int model = 0; model < static_cast<int>(graph().models.size()); ++model) {
      snapshot.ForEachRecord(model, [&](const Message& record) {
        std::string buffer;
        const KeyView key = schema_.KeyOf(model, record, &buffer);
        contents[{model, absl::StrCat(key.number, ":", key.bytes)}] = record.SerializeAsString();
      });
    }
    return contents;
  }

  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  bool Chance(int percent) { return Below(100) < percent; }

  // The records there are before a transaction.
  void List() {
    records_.clear();
    records_.resize(graph().models.size());
    const Snapshot snapshot = store_->GetSnapshot();
    for (int model = 0; model < static_cast<int>(records_.size()); ++model) {
      snapshot.ForEachRecord(
          model, [&](const Message& record) { records_[model].push_back(Copy(record)); });
    }
  }
  static Record Copy(const Message& record) {
    Record copy(record.New());
    copy->CopyFrom(record);
    return copy;
  }
  const Message* Any(int model) {
    const std::vector<Record>& records = records_[model];
    return records.empty() ? nullptr : records[Below(static_cast<int>(records.size()))].get();
  }
  int AnyModel() { return Below(static_cast<int>(graph().models.size())); }

  template <typename T>
  T Integer() {
    if (Chance(90)) return static_cast<T>(Below(9));
    constexpr T kLimits[] = {std::numeric_limits<T>::min(), std::numeric_limits<T>::max(),
                             static_cast<T>(-1)};
    return kLimits[Below(3)];
  }
  // What another collation, or a column with another affinity, would take for the same.
  std::string Text() {
    static const std::string* const kTexts = new std::string[16]{"",
                                                                 "a",
                                                                 "A",
                                                                 "1",
                                                                 "01",
                                                                 "1.0",
                                                                 " 1",
                                                                 "1 ",
                                                                 std::string("a\0", 2),
                                                                 std::string("a\0b", 3),
                                                                 "ä",
                                                                 "Ä",
                                                                 "a\xcc\x88",
                                                                 "1e0",
                                                                 "0x1",
                                                                 "NULL"};
    return kTexts[Below(16)];
  }
  std::string Bytes() {
    static const std::string* const kBytes = new std::string[9]{
        "", "a", "A", "1", std::string("\0", 1), std::string("\0\0", 2), "\xff", "\xff\xff", "a "};
    return kBytes[Below(9)];
  }
  double Real() {
    constexpr double kReals[] = {0.0,
                                 -0.0,
                                 1.0,
                                 std::numeric_limits<double>::quiet_NaN(),
                                 std::numeric_limits<double>::infinity(),
                                 1e300};
    return kReals[Below(6)];
  }

  void SetField(const FieldDescriptor* field, Message* record) {
    const Reflection* reflection = record->GetReflection();
    if (field->has_presence() && Chance(25)) return reflection->ClearField(record, field);
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->SetInt32(record, field, Integer<std::int32_t>());
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetInt64(record, field, Integer<std::int64_t>());
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection->SetUInt32(record, field, Integer<std::uint32_t>());
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->SetUInt64(record, field, Integer<std::uint64_t>());
      case FieldDescriptor::CPPTYPE_BOOL:
        return reflection->SetBool(record, field, Chance(50));
      case FieldDescriptor::CPPTYPE_ENUM:
        return reflection->SetEnumValue(record, field, Below(4));  // Unknown ones too.
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection->SetDouble(record, field, Real());
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetString(
            record, field, field->type() == FieldDescriptor::TYPE_BYTES ? Bytes() : Text());
      default:
        FAIL() << field->full_name();
    }
  }
  // A value that nothing else has.
  void SetFresh(const FieldDescriptor* field, Message* record) {
    const Reflection* reflection = record->GetReflection();
    if (field->has_presence()) return reflection->ClearField(record, field);
    const int fresh = 1'000'000 + ++fresh_;
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return reflection->SetInt32(record, field, fresh);
      case FieldDescriptor::CPPTYPE_INT64:
        return reflection->SetInt64(record, field, fresh);
      case FieldDescriptor::CPPTYPE_UINT32:
        return reflection->SetUInt32(record, field, static_cast<std::uint32_t>(fresh));
      case FieldDescriptor::CPPTYPE_UINT64:
        return reflection->SetUInt64(record, field, static_cast<std::uint64_t>(fresh));
      case FieldDescriptor::CPPTYPE_STRING:
        return reflection->SetString(record, field, absl::StrCat("fresh", fresh));
      default:
        return;  // Of two or four values none is free; the index has another field.
    }
  }
  static void CopyField(const Message& from, const FieldDescriptor* source,
                        const FieldDescriptor* target, Message* to) {
    const Reflection* out = to->GetReflection();
    const Reflection* in = from.GetReflection();
    if (source->has_presence() && !in->HasField(from, source)) return out->ClearField(to, target);
    switch (source->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT32:
        return out->SetInt32(to, target, in->GetInt32(from, source));
      case FieldDescriptor::CPPTYPE_INT64:
        return out->SetInt64(to, target, in->GetInt64(from, source));
      case FieldDescriptor::CPPTYPE_UINT32:
        return out->SetUInt32(to, target, in->GetUInt32(from, source));
      case FieldDescriptor::CPPTYPE_UINT64:
        return out->SetUInt64(to, target, in->GetUInt64(from, source));
      case FieldDescriptor::CPPTYPE_BOOL:
        return out->SetBool(to, target, in->GetBool(from, source));
      case FieldDescriptor::CPPTYPE_ENUM:
        return out->SetEnumValue(to, target, in->GetEnumValue(from, source));
      case FieldDescriptor::CPPTYPE_STRING:
        return out->SetString(to, target, in->GetString(from, source));
      default:
        FAIL() << source->full_name();
    }
  }

  bool IsKey(int model, const FieldDescriptor* field) const {
    const graph::FieldList& key = graph().models[model]->primary_key;
    return std::find(key.begin(), key.end(), field) != key.end();
  }
  // Lets foreign keys of `record` that `may` accepts lead to records that are there.
  template <typename F>
  void Attach(int model, Message* record, F may) {
    for (const auto& foreign_key : graph().foreign_keys) {
      if (foreign_key->child != graph().models[model].get() || Chance(15)) continue;
      bool allowed = true;
      for (const FieldDescriptor* field : foreign_key->fields) allowed = allowed && may(field);
      const int parent_model = schema_.IndexOf(foreign_key->parent->descriptor);
      // Itself, now and then.
      const Message* parent = parent_model == model && Chance(30) ? record : Any(parent_model);
      if (!allowed || parent == nullptr) continue;
      if (foreign_key->optional && Chance(30)) continue;
      const Record held = Copy(*parent);
      for (std::size_t i = 0; i < foreign_key->fields.size(); ++i) {
        CopyField(*held, foreign_key->own_key[i], foreign_key->fields[i], record);
      }
    }
  }

  void Put(Transaction& txn) {
    const int model = AnyModel();
    Record record = schema_.NewRecord(model);
    for (int i = 0; i < record->GetDescriptor()->field_count(); ++i) {
      SetField(record->GetDescriptor()->field(i), record.get());
    }
    Attach(model, record.get(), [](const FieldDescriptor*) { return true; });
    if (Chance(50)) {
      txn.InsertRecord(model, *record).status().IgnoreError();
    } else {
      txn.UpsertRecord(model, *record).status().IgnoreError();
    }
  }
  void Edit(Transaction& txn) {
    const int model = AnyModel();
    const Message* old = Any(model);
    if (old == nullptr) return;
    Record record = Copy(*old);
    for (int i = 0; i < record->GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor* field = record->GetDescriptor()->field(i);
      if (!IsKey(model, field) && Chance(40)) SetField(field, record.get());
    }
    Attach(model, record.get(),
           [&](const FieldDescriptor* field) { return !IsKey(model, field) && Chance(60); });
    txn.UpsertRecord(model, *record).status().IgnoreError();
  }
  void Delete(Transaction& txn) {
    const int model = AnyModel();
    if (const Message* record = Any(model)) txn.DeleteRecord(model, *record).IgnoreError();
  }

  // Up to three different records of a model; none if there are not two.
  std::vector<Record> Some(int model) {
    std::vector<Record> some;
    std::vector<const Message*> all;
    for (const Record& record : records_[model]) all.push_back(record.get());
    std::shuffle(all.begin(), all.end(), random_);
    const std::size_t most = 2 + static_cast<std::size_t>(Below(2));
    for (std::size_t i = 0; i < all.size() && i < most; ++i) some.push_back(Copy(*all[i]));
    if (some.size() < 2) some.clear();
    return some;
  }
  // Each takes what the next has in one unique index, by way of values that nothing has.
  void Rotate(Transaction& txn) {
    const int model = AnyModel();
    const std::vector<graph::Index>& indexes = graph().models[model]->indexes;
    const graph::Index& index = indexes[Below(static_cast<int>(indexes.size()))];
    std::vector<Record> records = Some(model);
    if (!index.unique || &index == &indexes.front() || records.empty()) return;
    std::vector<Record> old;
    for (const Record& record : records) old.push_back(Copy(*record));
    const auto fields = [&](auto f) {
      for (const FieldDescriptor* field : index.fields) {
        if (!IsKey(model, field)) f(field);
      }
    };
    for (const Record& record : records) {
      fields([&](const FieldDescriptor* field) { SetFresh(field, record.get()); });
      if (!txn.UpsertRecord(model, *record).ok()) return;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      fields([&](const FieldDescriptor* field) {
        CopyField(*old[(i + 1) % old.size()], field, field, records[i].get());
      });
      if (!txn.UpsertRecord(model, *records[i]).ok()) return;
    }
    ++rotations_;
  }
  // The same by deleting them and inserting each under the key of the next.
  void RotateKeys(Transaction& txn) {
    const int model = AnyModel();
    const std::vector<Record> records = Some(model);
    for (const Record& record : records) {
      if (!txn.DeleteRecord(model, *record).ok()) return;
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
      Record record = Copy(*records[i]);
      for (const FieldDescriptor* field : graph().models[model]->primary_key) {
        CopyField(*records[(i + 1) % records.size()], field, field, record.get());
      }
      if (!txn.InsertRecord(model, *record).ok()) return;
    }
  }
  void Change(Transaction& txn) {
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
        return Put(txn);
      case 3:
      case 4:
        return Edit(txn);
      case 5:
        return Delete(txn);
      case 6:
        return RotateKeys(txn);
      default:
        return Rotate(txn);
    }
  }

  const Schema schema_ = SchemaOf(std::get<0>(GetParam()));
  std::mt19937 random_;
  std::vector<std::vector<Record>> records_;  // By model.
  int fresh_ = 0;
  int rotations_ = 0;
};

TEST_P(CollisionHistoryTest, EveryLegalStateIsReached) {
  const unsigned seed = std::get<1>(GetParam()) != 0 ? std::get<1>(GetParam()) : testing::Seed();
  SCOPED_TRACE(absl::StrCat("KIN_SEED=", seed));
  RecordProperty("seed", std::to_string(seed));
  random_.seed(seed);
  OpenLazy();
  int commits = 0;
  const char* text = std::getenv("KIN_STEPS");
  const int steps = text == nullptr ? 800 : std::atoi(text);
  for (int step = 0; step < steps; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    List();
    const absl::StatusOr<CommitNumber> commit =
        store_->Write([&](Transaction& txn) -> absl::Status {
          for (int changes = 1 + Below(5); changes > 0; --changes) Change(txn);
          return absl::OkStatus();
        });
    commits += commit.ok();
    if (Chance(20)) {
      ASSERT_NO_FATAL_FAILURE(Flush());
    }
    if (!Chance(2) && step + 1 < steps) continue;
    const Contents before = ContentsOf();
    Close();
    OpenLazy();
    ASSERT_TRUE(before == ContentsOf());
    const absl::Status invariants = store_->CheckInvariants();
    ASSERT_TRUE(invariants.ok()) << invariants;
  }
  EXPECT_GT(commits, steps / 4);
  EXPECT_GT(rotations_, steps / 40);
  Close();
  testing::RawDatabase raw(path_);
  EXPECT_EQ(raw.QueryOne("PRAGMA integrity_check"), "ok");
  EXPECT_TRUE(raw.Query("PRAGMA foreign_key_check").empty());
}

// 0: a new seed each time.
INSTANTIATE_TEST_SUITE_P(Models, CollisionHistoryTest,
                         ::testing::Combine(::testing::ValuesIn(kModels),
                                            ::testing::Values(1, 2, 0)),
                         [](const auto& test) {
                           const unsigned seed = std::get<1>(test.param);
                           return absl::StrCat(std::get<0>(test.param).name,
                                               seed == 0 ? "Random" : absl::StrCat("Seed", seed));
                         });

}  // namespace
}  // namespace kin
