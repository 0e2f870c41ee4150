// What a store makes of what a database gives it to load.
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kin/store/store.h"
#include "tests/persistence/models.kin.h"

namespace kin {
namespace {

using persistence_test::Everything;
using persistence_test::Post;
using persistence_test::Profile;
using persistence_test::Unsigned;
using persistence_test::User;
using persistence_test::UserModel;
using persistence_test::UserRef;

// Notes what it is told of the records that it gave.
class PersistenceThatJudges : public Persistence {
 public:
  absl::Status Describe(absl::Span<const Violation> violations) override {
    std::string text;
    for (const Violation& violation : violations) {
      text += violation.kind == Violation::Kind::kDuplicate ? "duplicate " : "other ";
      for (const google::protobuf::FieldDescriptor* field : violation.fields) {
        text += field->name() + "=";
      }
      text += KeyOf(*violation.record) + ";";
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
  // Its first field, an integer.
  static std::string KeyOf(const google::protobuf::Message& record) {
    const google::protobuf::FieldDescriptor* field = record.GetDescriptor()->field(0);
    const google::protobuf::Reflection& reflection = *record.GetReflection();
    return field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_UINT64
               ? absl::StrCat(reflection.GetUInt64(record, field))
               : absl::StrCat(reflection.GetInt64(record, field));
  }
};

// Loads records with these numbers.
class Numbers final : public PersistenceThatJudges {
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

// Of so many records at once a store has them indexed by a second thread.
constexpr int kMany = 200'000;
constexpr int kProfiles = 2'000;
// Each of ten reports.
constexpr int kManagers = 20'000;

// Loads users and their profiles as `fill` has them; a user of number n has the profile of that id.
class Users final : public PersistenceThatJudges {
 public:
  using Change = std::function<void(User* user, Profile* profile)>;
  explicit Users(Change change) : change_(std::move(change)) {}

  absl::StatusOr<LoadedState> Load(const Schema&, Loader& loader) override {
    const SetField set_name = loader.SetterOf(0, *User::descriptor()->FindFieldByName("name"));
    loader.Reserve(0, kMany);
    for (int id = 1; id <= kMany; ++id) {
      auto* user = static_cast<User*>(loader.New(0));
      user->set_id(id);
      const std::string name = absl::StrCat("user ", id);
      FieldValue value;
      value.bytes = name;
      set_name(user, value);
      user->set_desk(id);
      user->set_city(absl::StrCat(id % kManagers));
      user->set_age(id % kManagers);
      if (id % kManagers != 0) user->set_manager_id(id % kManagers);
      user->set_badge(static_cast<std::uint64_t>(id));
      change_(user, nullptr);
      if (absl::Status status = loader.Add(0, user); !status.ok()) return status;
    }
    loader.Discard(0, loader.New(0));
    loader.Reserve(1, kProfiles);
    for (int id = 1; id <= kProfiles; ++id) {
      auto* profile = static_cast<Profile*>(loader.New(1));
      profile->set_id(id);
      profile->set_user_id(id);
      change_(nullptr, profile);
      if (absl::Status status = loader.Add(1, profile); !status.ok()) return status;
    }
    return LoadedState{1, {0, 0}};
  }

 private:
  const Change change_;
};

absl::StatusOr<std::unique_ptr<Store>> OpenMany(Users::Change change) {
  OpenOptions options;
  options.persistence = std::make_unique<Users>(std::move(change));
  return Store::Open(Schema::Of<User, Profile, Post>(), std::move(options));
}

TEST(LoadTest, ManyRecordsAreInEveryIndex) {
  absl::StatusOr<std::unique_ptr<Store>> store = OpenMany([](User*, Profile*) {});
  ASSERT_TRUE(store.ok()) << store.status();
  const Snapshot snapshot = (*store)->GetSnapshot();
  EXPECT_EQ(snapshot.Count<User>(), kMany);
  EXPECT_EQ(snapshot.Count<Profile>(), kProfiles);
  for (int id = 1; id <= kMany; ++id) {
    const UserRef user = snapshot.Find<User>(id);
    ASSERT_TRUE(user) << id;
    ASSERT_EQ(user->name(), absl::StrCat("user ", id));
    ASSERT_EQ(static_cast<bool>(user.profile()), id <= kProfiles) << id;
    ASSERT_EQ(snapshot.FindBy(UserModel::name, user->name())->id(), id);
  }
  for (int id = 1; id < kManagers; ++id) {
    int reports = 0;
    for (const UserRef report : snapshot.Find<User>(id).reports()) {
      ASSERT_EQ(report->id() % kManagers, id);
      ++reports;
    }
    ASSERT_EQ(reports, kMany / kManagers) << id;
  }
  EXPECT_TRUE((*store)->CheckInvariants().ok());
}

TEST(LoadTest, AmongManyRecordsWhatBreaksARuleIsFound) {
  const absl::Status status = OpenMany([](User* user, Profile* profile) {
                                if (user != nullptr && user->id() == 1'999) user->set_id(17);
                                if (user != nullptr && user->id() == 140'000)
                                  user->set_name("user 3");
                                if (profile != nullptr && profile->id() == 5) {
                                  profile->set_user_id(kMany + 1);
                                }
                              }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  // The user of profile 1,999 has become number 17 once more.
  for (const char* told :
       {"duplicate id=17;", "duplicate name=140000;", "other user_id=5;", "other user_id=1999;"}) {
    EXPECT_TRUE(absl::StrContains(status.message(), told)) << told << " not in " << status;
  }
}

TEST(LoadTest, OfManyRecordsOfOneKeyTheFirstAreToldOf) {
  const absl::Status status = OpenMany([](User* user, Profile*) {
                                if (user != nullptr) user->set_id(7);
                              }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(status.message().size(), 100 * std::string("duplicate id=7;").size());
}

TEST(LoadTest, OfManyRecordsOfOneUniqueValueTheFirstAreToldOf) {
  const absl::Status status = OpenMany([](User* user, Profile*) {
                                if (user != nullptr) user->set_name("one");
                              }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StartsWith(status.message(), "duplicate name=2;duplicate name=3;")) << status;
  EXPECT_TRUE(absl::EndsWith(status.message(), "duplicate name=101;")) << status;
}

TEST(LoadTest, ARecordThatIsRefusedEndsTheLoadWhileOthersAreIndexed) {
  for (const int bad : {1, 256, 257, kMany}) {
    const absl::Status status = OpenMany([bad](User* user, Profile*) {
                                  if (user != nullptr && user->id() == bad) user->set_name("\xff");
                                }).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(LoadTest, SettersAreForFieldsOfOneValue) {
  class Setters final : public PersistenceThatJudges {
   public:
    absl::StatusOr<LoadedState> Load(const Schema&, Loader& loader) override {
      const google::protobuf::Descriptor& model = *Everything::descriptor();
      auto* record = static_cast<Everything*>(loader.New(0));
      FieldValue value;
      value.integer = -1;
      value.real = 0.1;
      value.bytes = "text";
      for (int i = 0; i < model.field_count(); ++i) {
        const google::protobuf::FieldDescriptor& field = *model.field(i);
        const SetField set = loader.SetterOf(0, field);
        EXPECT_EQ(set == nullptr, field.is_repeated() || field.message_type() != nullptr)
            << field.name();
        if (set != nullptr) set(record, value);
      }
      EXPECT_EQ(record->an_int32(), -1);
      EXPECT_EQ(record->a_uint64(), std::numeric_limits<std::uint64_t>::max());
      EXPECT_EQ(record->a_fixed32(), std::numeric_limits<std::uint32_t>::max());
      EXPECT_TRUE(record->a_bool());
      EXPECT_EQ(record->a_float(), 0.1F);
      EXPECT_EQ(record->maybe_double(), 0.1);
      EXPECT_EQ(record->some_bytes(), "text");
      EXPECT_EQ(static_cast<int>(record->maybe_color()), -1);
      EXPECT_EQ(record->chosen_text(), "text");
      EXPECT_EQ(record->class_(), "text");
      return loader.Add(0, record).ok() ? absl::StatusOr<LoadedState>(LoadedState{1, {0}})
                                        : absl::InternalError("not taken");
    }
  };
  OpenOptions options;
  options.persistence = std::make_unique<Setters>();
  const auto store = Store::Open(Schema::Of<Everything>(), std::move(options));
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->GetSnapshot().Count<Everything>(), 1);
}

}  // namespace
}  // namespace kin
