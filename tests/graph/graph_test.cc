// What a graph has where nothing is mistaken: all the defaults.
#include "kin/proto/graph/graph.h"

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kAccounts[] = "examples/accounts/accounts.proto";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<std::string> NamesOf(const FieldList& fields) {
  std::vector<std::string> names;
  for (const google::protobuf::FieldDescriptor* field : fields) names.push_back(field->name());
  return names;
}

class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() : graph_(protos_.Add(kAccounts, ReadFile(kAccounts)).Build(kAccounts)) {}

  const Model& model(const std::string& name) { return *graph_.Find("accounts." + name); }

  Protos protos_;
  Graph graph_;
};

TEST_F(AccountsTest, ModelsAreInTheOrderGiven) {
  std::vector<std::string> tables;
  for (const auto& each : graph_.models) tables.push_back(each->table);
  EXPECT_THAT(tables, ElementsAre("users", "user_infos", "posts", "groups", "memberships"));
}

TEST_F(AccountsTest, AssociationsOfFieldsComeFirst) {
  std::vector<std::string> names;
  for (const auto& association : model("User").associations) names.push_back(association->name);
  EXPECT_THAT(names,
              ElementsAre("manager", "user_info", "posts", "groups", "memberships", "reports"));
}

TEST_F(AccountsTest, KeysAreIdOrAsNamed) {
  EXPECT_THAT(NamesOf(model("User").primary_key), ElementsAre("id"));
  EXPECT_TRUE(model("User").allocates_id);
  EXPECT_THAT(NamesOf(model("Membership").primary_key), ElementsAre("user_id", "group_id"));
  EXPECT_FALSE(model("Membership").allocates_id);
}

TEST_F(AccountsTest, BothEndsShareAForeignKey) {
  const Association* user_info = model("User").FindAssociation("user_info");
  const Association* user = model("UserInfo").FindAssociation("user");
  EXPECT_EQ(user_info->foreign_key, user->foreign_key);
  EXPECT_EQ(user->foreign_key->belongs_to, user);
  EXPECT_EQ(user->foreign_key->child, &model("UserInfo"));
  EXPECT_EQ(user->foreign_key->parent, &model("User"));
  EXPECT_TRUE(user->foreign_key->unique);
  EXPECT_FALSE(user->foreign_key->optional);
  EXPECT_EQ(user->foreign_key->on_delete, CASCADE);
}

TEST_F(AccountsTest, DeletesAreRestrictedOrNullifiedByDefault) {
  EXPECT_EQ(model("Post").FindAssociation("author")->foreign_key->on_delete, RESTRICT);
  const ForeignKey& manager = *model("User").FindAssociation("manager")->foreign_key;
  EXPECT_TRUE(manager.optional);
  EXPECT_EQ(manager.on_delete, NULLIFY);
}

TEST_F(AccountsTest, AThroughNamesItsSteps) {
  const Association* groups = model("User").FindAssociation("groups");
  EXPECT_EQ(groups->through, model("User").FindAssociation("memberships"));
  EXPECT_EQ(groups->source, model("Membership").FindAssociation("group"));
  EXPECT_EQ(groups->target, &model("Group"));
  EXPECT_EQ(groups->foreign_key, nullptr);
  EXPECT_TRUE(groups->can_add);
}

TEST_F(AccountsTest, EachIndexIsThereOnce) {
  std::vector<std::vector<std::string>> fields;
  for (const Index& index : model("User").indexes) fields.push_back(NamesOf(index.fields));
  EXPECT_THAT(fields,
              ElementsAre(ElementsAre("id"), ElementsAre("manager_id"), ElementsAre("email"),
                          ElementsAre("age"), ElementsAre("last_name", "first_name")));
  const std::vector<Index>& indexes = model("User").indexes;
  EXPECT_TRUE(indexes[0].unique);
  EXPECT_TRUE(indexes[1].foreign_key);
  EXPECT_FALSE(indexes[1].unique);
  EXPECT_TRUE(indexes[2].unique);
  EXPECT_TRUE(indexes[3].ordered);
  EXPECT_TRUE(indexes[4].ordered);
  ASSERT_EQ(model("User").unique_fields.size(), 1);
  EXPECT_EQ(model("User").unique_fields[0].field->name(), "email");
  EXPECT_EQ(model("User").unique_fields[0].index, 2);
}

TEST_F(AccountsTest, AForeignKeyKnowsItsIndexes) {
  for (const auto& key : graph_.foreign_keys) {
    const Index& child = key->child->indexes[key->child_index];
    EXPECT_EQ(child.fields, key->fields);
    EXPECT_TRUE(child.foreign_key);
    const Index& parent = key->parent->indexes[key->parent_index];
    EXPECT_EQ(parent.fields, key->own_key);
    EXPECT_TRUE(parent.unique);
  }
}

// The store opens databases whose schema it knows only from the database.
TEST_F(AccountsTest, OptionsAreReadFromAPoolThatDoesNotKnowThem) {
  google::protobuf::DescriptorPool pool;
  const google::protobuf::FileDescriptor* copy = nullptr;
  for (const char* name : {"google/protobuf/descriptor.proto", "kin/options.proto", kAccounts}) {
    google::protobuf::FileDescriptorProto proto;
    protos_.Import(name)->CopyTo(&proto);
    // As unknown fields, which is how a dynamic pool has them.
    for (auto& message : *proto.mutable_message_type()) {
      if (!message.has_options()) continue;
      const ModelOptions options = message.options().GetExtension(kin::model);
      message.mutable_options()->ClearExtension(kin::model);
      message.mutable_options()
          ->GetReflection()
          ->MutableUnknownFields(message.mutable_options())
          ->AddLengthDelimited(kin::kModelFieldNumber, options.SerializeAsString());
    }
    copy = pool.BuildFile(proto);
    ASSERT_NE(copy, nullptr) << name;
  }
  EXPECT_EQ(ModelsOf(*copy).size(), 5);
  std::vector<Diagnostic> diagnostics;
  const Graph graph = kin::graph::Build(ModelsOf(*copy), &diagnostics);
  EXPECT_THAT(diagnostics, IsEmpty());
  EXPECT_EQ(graph.Find("accounts.User")->associations.size(), 6);
}

TEST(GraphTest, AHasManyNeedsNoBelongsTo) {
  Protos protos;
  protos.AddTest(R"(
      message User { option (kin.model) = { has_many: { name: "posts" } }; int64 id = 1; }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })");
  const Graph graph = protos.Build();
  ASSERT_EQ(graph.foreign_keys.size(), 1);
  EXPECT_EQ(graph.foreign_keys[0]->belongs_to, nullptr);
  EXPECT_EQ(graph.foreign_keys[0]->on_delete, RESTRICT);
  EXPECT_EQ(graph.Find("p.Post")->associations.size(), 0);
}

TEST(GraphTest, AnOwnKeyIsUniqueInTheParent) {
  Protos protos;
  protos.AddTest(R"(
      message User { option (kin.model) = {}; int64 id = 1; string email = 2; }
      message Mail {
        option (kin.model) = {};
        int64 id = 1;
        string to_id = 2 [(kin.field).belongs_to = { model: "User" own_key: "email" }];
      })");
  const Graph graph = protos.Build();
  const Model& user = *graph.Find("p.User");
  ASSERT_EQ(user.indexes.size(), 2);
  EXPECT_THAT(NamesOf(user.indexes[1].fields), ElementsAre("email"));
  EXPECT_TRUE(user.indexes[1].unique);
  EXPECT_THAT(user.unique_fields, IsEmpty());
}

TEST(GraphTest, ThroughAThrough) {
  Protos protos;
  protos.AddTest(R"(
      message A {
        option (kin.model) = {
          has_many: { name: "ds" through: "cs" }
          has_many: { name: "cs" through: "bs" }
          has_many: { name: "bs" }
          has_one: { name: "d" through: "bs" }
          has_one: { name: "first_b" model: "B" unique: false }
        };
        int64 id = 1;
      }
      message B {
        option (kin.model) = {
          has_many: { name: "cs" }
          has_one: { name: "d" }
        };
        int64 id = 1;
        int64 a_id = 2 [(kin.field).belongs_to = {}];
      }
      message C {
        option (kin.model) = { has_many: { name: "ds" } };
        int64 id = 1;
        int64 b_id = 2 [(kin.field).belongs_to = {}];
      }
      message D {
        option (kin.model) = { has_one: { name: "a" through: "b" } };
        int64 id = 1;
        int64 c_id = 2 [(kin.field).belongs_to = {}];
        int64 b_id = 3 [(kin.field).belongs_to = {}];
      })");
  const Graph graph = protos.Build();
  const Model& a = *graph.Find("p.A");
  EXPECT_EQ(a.FindAssociation("ds")->target->name, "p.D");
  EXPECT_EQ(a.FindAssociation("cs")->target->name, "p.C");
  EXPECT_FALSE(a.FindAssociation("cs")->can_add);
  EXPECT_TRUE(a.FindAssociation("d")->lowest);
  EXPECT_TRUE(a.FindAssociation("first_b")->lowest);
  const Association* through_parent = graph.Find("p.D")->FindAssociation("a");
  EXPECT_EQ(through_parent->target, &a);
  EXPECT_FALSE(through_parent->lowest);
  EXPECT_FALSE(through_parent->can_add);
}

// A record of the middle model could not lead from one record to another.
TEST(GraphTest, NothingIsAddedThroughOneForeignKeyThereAndBack) {
  Protos protos;
  protos.AddTest(R"(
      message Team {
        option (kin.model) = {
          has_many: { name: "players" }
          has_many: { name: "teams" model: "Team" through: "players" source: "team" }
        };
        int64 id = 1;
      }
      message Player {
        option (kin.model) = {};
        int64 id = 1;
        int64 team_id = 2 [(kin.field).belongs_to = {}];
      })");
  const Graph graph = protos.Build();
  const Association* teams = graph.Find("p.Team")->FindAssociation("teams");
  EXPECT_EQ(teams->target->name, "p.Team");
  EXPECT_FALSE(teams->can_add);
}

TEST(GraphTest, ArmsOfAOneofKnowIt) {
  Protos protos;
  protos.AddTest(R"(
      message User { option (kin.model) = {}; int64 id = 1; }
      message Comment {
        option (kin.model) = {};
        int64 id = 1;
        oneof subject {
          int64 user_id = 2 [(kin.field).belongs_to = {}];
          int64 comment_id = 3 [(kin.field).belongs_to = {}];
          string url = 4;
        }
        optional int64 author_id = 5 [(kin.field).belongs_to = { model: "User" }];
      })");
  const Graph graph = protos.Build();
  const Model& comment = *graph.Find("p.Comment");
  EXPECT_EQ(comment.FindAssociation("user")->oneof->name(), "subject");
  EXPECT_TRUE(comment.FindAssociation("user")->foreign_key->optional);
  EXPECT_EQ(comment.FindAssociation("author")->oneof, nullptr);
}

TEST(GraphTest, AUniqueIndexOverOneFieldIsAUniqueField) {
  Protos protos;
  protos.AddTest(R"(
      message User {
        option (kin.model) = {
          index: { fields: "email" unique: true }
          index: { fields: ["a", "b"] unique: true }
        };
        int64 id = 1;
        string email = 2 [(kin.field).ordered = true];
        int32 a = 3 [(kin.field) = { unique: true indexed: true }];
        int32 b = 4;
      })");
  const Graph graph = protos.Build();
  const Model& user = *graph.Find("p.User");
  ASSERT_EQ(user.unique_fields.size(), 2);
  EXPECT_EQ(user.unique_fields[0].field->name(), "email");
  EXPECT_EQ(user.unique_fields[1].field->name(), "a");
  const Index& email = user.indexes[user.unique_fields[0].index];
  EXPECT_TRUE(email.unique);
  EXPECT_TRUE(email.ordered);
  EXPECT_EQ(user.indexes.size(), 4);
}

TEST(GraphTest, NestedModelsHaveTablesOfTheirOwn) {
  Protos protos;
  protos.AddTest(R"(
      message Outer {
        message Inner { option (kin.model) = {}; int64 id = 1; }
        message Other { option (kin.model).table = "Mine"; int64 id = 1 [(kin.field).column = "k"]; }
      })");
  const Graph graph = protos.Build();
  EXPECT_EQ(graph.models[0]->table, "outer_inners");
  EXPECT_EQ(graph.models[1]->table, "Mine");
  EXPECT_EQ(Model::Column(*graph.models[1]->primary_key[0]), "k");
}

TEST(GraphTest, EveryMistakeOfAFileIsFoundAtOnce) {
  EXPECT_THAT(
      Diagnose(R"(
      message A {
        /*!*//*!*//*!*/option (kin.model) = {
          has_many: { name: "bs" model: "Bee" }
          has_many: { name: "Cs" model: "B" foreign_key: "a_id" }
          index: { fields: "nothing" }
        };
        /*!*/optional int64 id = 1;
        double d = 2 [/*!*/(kin.field).unique = true];
      }
      message /*!*/B {
        option (kin.model) = {};
        int64 a_id = 1 [(kin.field).belongs_to = { on_delete: NULLIFY }];
        string x = 2;
        string y = 3 [/*!*/(kin.field).column = "X"];
      })"),
      ElementsAre("index: p.A has no field \"nothing\"",
                  "\"Cs\" cannot be the name of a has_many; write lower-case letters, digits and "
                  "single underscores between them, as in \"blog_posts\"",
                  "has_many \"bs\": there is no model \"Bee\"",
                  "\"id\" is in the key of p.A and so cannot be absent; write \"int64 id = 1\"",
                  "\"d\" is double and cannot be unique, since a NaN equals nothing, not even "
                  "itself; use an integer or a string",
                  "the model p.B has no key; write a field \"int64 id\", or name the fields of the "
                  "key: primary_key: [\"a_id\"]",
                  "the column \"X\" of \"y\" is, but for case, also that of \"x\"; write column = "
                  "\"…\" with another name"));
}

}  // namespace
}  // namespace kin::graph
