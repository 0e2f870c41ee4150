// Models known only at run time run on the same engine.
#include <memory>
#include <string>
#include <vector>

#include "accounts.kin.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "kin/options.pb.h"
#include "kin/store/store.h"

namespace kin {
namespace {

using ::google::protobuf::Descriptor;
using ::google::protobuf::FileDescriptor;
using ::google::protobuf::FileDescriptorProto;
using ::google::protobuf::Message;
using ::testing::HasSubstr;

// The accounts models in a pool of their own, as a program has them that reads a schema from a
// file.
class DynamicTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Copy(*accounts::User::descriptor()->file());
    std::vector<const Descriptor*> models;
    for (const char* name : {"User", "UserInfo", "Post", "Group", "Membership"}) {
      models.push_back(pool_.FindMessageTypeByName(std::string("accounts.") + name));
      ASSERT_NE(models.back(), nullptr);
    }
    auto store = Store::Open(Schema::OfDescriptors(models, &factory_));
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = std::move(*store);
  }

  void Copy(const FileDescriptor& file) {
    if (pool_.FindFileByName(file.name()) != nullptr) return;
    for (int i = 0; i < file.dependency_count(); ++i) Copy(*file.dependency(i));
    FileDescriptorProto proto;
    file.CopyTo(&proto);
    ASSERT_NE(pool_.BuildFile(proto), nullptr) << file.name();
  }

  std::unique_ptr<Message> New(int model, const std::string& text) {
    std::unique_ptr<Message> record = store_->schema().NewRecord(model);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, record.get())) << text;
    return record;
  }
  const Message* Find(const Snapshot& snapshot, int model, const std::string& text) {
    std::string buffer;
    return snapshot.FindRecord(model, store_->schema().KeyOf(model, *New(model, text), &buffer));
  }

  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  std::unique_ptr<Store> store_;
};

TEST_F(DynamicTest, TheSameRulesHold) {
  auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    auto ada = txn.InsertRecord(0, *New(0, "email: 'ada'"));
    if (!ada.ok()) return ada.status();
    EXPECT_EQ((*ada)->ShortDebugString(), "id: 1 email: \"ada\"");
    EXPECT_EQ(txn.InsertRecord(0, *New(0, "email: 'ada'")).status().code(),
              absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(txn.InsertRecord(0, *New(0, "id: 1")).status().code(),
              absl::StatusCode::kAlreadyExists);
    return txn.InsertRecord(1, *New(1, "user_id: 1 infos: 'countess'")).status();
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  auto orphan = store_->Write(
      [&](Transaction& txn) { return txn.InsertRecord(2, *New(2, "author_id: 9")).status(); });
  EXPECT_EQ(orphan.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(orphan.status().message()), HasSubstr("accounts.Post(1).author_id"));
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
}

TEST_F(DynamicTest, SnapshotsKeepWhatTheySawAndDeletesCascade) {
  auto commit = store_->Write([&](Transaction& txn) -> absl::Status {
    for (const char* text : {"id: 1 email: 'a'", "id: 2 email: 'b' manager_id: 1"}) {
      if (auto s = txn.InsertRecord(0, *New(0, text)).status(); !s.ok()) return s;
    }
    if (auto s = txn.InsertRecord(1, *New(1, "user_id: 1")).status(); !s.ok()) return s;
    return txn.InsertRecord(4, *New(4, "user_id: 2 group_id: 1")).ok()
               ? txn.InsertRecord(3, *New(3, "id: 1 name: 'g'")).status()
               : absl::InternalError("");
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  Snapshot before = store_->GetSnapshot();
  commit = store_->Write([&](Transaction& txn) -> absl::Status {
    if (auto s = txn.UpsertRecord(0, *New(0, "id: 2 email: 'B' manager_id: 1")).status(); !s.ok()) {
      return s;
    }
    return txn.DeleteRecord(0, *New(0, "id: 1"));
  });
  ASSERT_TRUE(commit.ok()) << commit.status();
  Snapshot after = store_->GetSnapshot();
  EXPECT_EQ(Find(before, 0, "id: 2")->ShortDebugString(), "id: 2 email: \"b\" manager_id: 1");
  EXPECT_EQ(Find(after, 0, "id: 2")->ShortDebugString(), "id: 2 email: \"B\"");
  EXPECT_EQ(Find(after, 0, "id: 1"), nullptr);
  EXPECT_EQ(before.CountRecords(1), 1);
  EXPECT_EQ(after.CountRecords(1), 0);
  EXPECT_NE(Find(after, 4, "user_id: 2 group_id: 1"), nullptr);
  EXPECT_EQ(Find(after, 4, "user_id: 1 group_id: 1"), nullptr);
  EXPECT_EQ(store_->CheckInvariants(), absl::OkStatus());
}

TEST_F(DynamicTest, ARecordOfAnotherTypeIsRefused) {
  auto commit = store_->Write([&](Transaction& txn) {
    return txn.InsertRecord(0, accounts::User()).status();  // Generated, of another pool.
  });
  EXPECT_EQ(commit.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kin
