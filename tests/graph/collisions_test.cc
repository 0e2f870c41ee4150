// Names that cannot stand side by side.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CollisionTest, AnAssociationNameIsUsedOnce) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        option (kin.model).has_many = { name: "posts" };
        /*!*/option (kin.model).has_many = { name: "posts" model: "Post" };
        /*!*/option (kin.model).has_one = { name: "manager" model: "Post" unique: false };
        int64 id = 1;
        optional int64 manager_id = 2 [(kin.field).belongs_to = { model: "User" }];
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
      ElementsAre(
          "has_many \"posts\": p.User already has a has_many of this name; write another name",
          "has_one \"manager\": p.User already has a belongs_to of this name; write another "
          "name"));
}

TEST(CollisionTest, AnAssociationIsNotCalledLikeAField) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        /*!*/option (kin.model).has_many = { name: "posts" };
        /*!*/option (kin.model).has_many = { name: "class" model: "Post" };
        int64 id = 1;
        string posts = 2;
        string Class = 3;
        int64 owner = 4 [/*!*/(kin.field).belongs_to = { name: "owner" model: "User" }];
      }
      message Post { option (kin.model) = {}; int64 id = 1; int64 user_id = 2; })"),
              ElementsAre("has_many \"posts\" would have the C++ name of the field \"posts\", "
                          "UserModel::posts; write another name",
                          "has_many \"class\" would have the C++ name of the field \"Class\", "
                          "UserModel::class_; write another name",
                          "belongs_to \"owner\" would have the C++ name of the field \"owner\", "
                          "UserModel::owner; write another name"));
}

TEST(CollisionTest, AnAssociationIsNotCalledLikeAMemberOfItsReference) {
  EXPECT_THAT(
      Diagnose(R"(
      message Comment {
        option (kin.model) = {};
        int64 id = 1;
        oneof subject {
          int64 subject_id = 2 [/*!*/(kin.field).belongs_to = { model: "Comment" }];
        }
        int64 get_id = 3 [/*!*/(kin.field).belongs_to = { model: "Comment" }];
        oneof /*!*/get { int64 other_id = 4 [(kin.field).belongs_to = { model: "Comment" }]; }
        oneof content { string text = 5; bytes image = 6; }
        int64 content_id = 7 [(kin.field).belongs_to = { model: "Comment" }];
      })"),
      ElementsAre("belongs_to \"subject\" would have the C++ name of the oneof \"subject\", "
                  "CommentRef::subject; write another name",
                  "belongs_to \"get\" would have the C++ name of the oneof \"get\", "
                  "CommentRef::get; write another name",
                  "the oneof \"get\" would have the C++ name of what every reference has, "
                  "CommentRef::get; write another name"));
}

TEST(CollisionTest, AMessageIsNotCalledLikeWhatIsGenerated) {
  EXPECT_THAT(
      Diagnose(R"(
      message User { option (kin.model) = {}; int64 id = 1; }
      message /*!*/UserRef { int64 id = 1; }
      message /*!*/UserModel { option (kin.model) = {}; int64 id = 1; }
      message /*!*/Post { option (kin.model) = {}; int64 id = 1; }
      enum PostRef { NONE = 0; }
      message /*!*/Mail { option (kin.model) = {}; int64 id = 1; }
      enum Kind { OTHER = 0; MailModel = 1; })"),
      ElementsAre(
          "the message p.UserRef would be ::p::UserRef in C++, which Kin generates for the "
          "model p.User; call one of them otherwise",
          "the message p.UserModel would be ::p::UserModel in C++, which Kin generates for the "
          "model p.User; call one of them otherwise",
          "the enum p.PostRef would be ::p::PostRef in C++, which Kin generates for the model "
          "p.Post; call one of them otherwise",
          "the enum value p.MailModel would be ::p::MailModel in C++, which Kin generates for "
          "the model p.Mail; call one of them otherwise"));
}

TEST(CollisionTest, ANestedMessageIsNotCalledLikeATopLevelOne) {
  EXPECT_THAT(Diagnose(R"(
      message Outer { message Inner { option (kin.model) = {}; int64 id = 1; } }
      message /*!*/Outer_Inner { int64 id = 1; }
      message Outer_InnerX { option (kin.model) = {}; int64 id = 1; })"),
              ElementsAre("the message p.Outer_Inner and the message p.Outer.Inner would both be "
                          "::p::Outer_Inner in C++; call one of them otherwise"));
}

TEST(CollisionTest, ColumnsDifferInMoreThanCase) {
  EXPECT_THAT(
      Diagnose(R"(
      message User {
        option (kin.model) = {};
        int64 id = 1;
        string email = 2;
        string b = 3 [/*!*/(kin.field).column = "EMAIL"];
        string c = 4 [/*!*/(kin.field).column = ""];
        string Name = 5;
        string name2 = 6 [/*!*/(kin.field).column = "name"];
        string select = 7;
      })"),
      ElementsAre("the column \"EMAIL\" of \"b\" is, but for case, also that of \"email\"; write "
                  "column = \"…\" with another name",
                  "the column of \"c\" needs a name; write column = \"…\"",
                  "the column \"name\" of \"name2\" is, but for case, also that of \"Name\"; write "
                  "column = \"…\" with another name"));
}

TEST(CollisionTest, AnIndexIsNotCalledLikeATableOrAnotherIndex) {
  EXPECT_THAT(
      Diagnose(R"(
      message A {
        option (kin.model) = {};
        int64 id = 1;
        string B_c = 2 [(kin.field).unique = true];
      }
      message A_b { /*!*/option (kin.model).table = "as_b";
                    int64 id = 1; string c = 2 [(kin.field).indexed = true]; }
      message Other { option (kin.model) = { table: "Others_Name_Index" }; int64 id = 1; }
      message /*!*/Others { option (kin.model) = {}; int64 id = 1;
                       string name = 2 [(kin.field).ordered = true]; })"),
      ElementsAre(
          "the index over \"c\" of p.A_b would be called \"as_b_c_index\" in SQL, as the index "
          "over \"B_c\" of p.A; write another table: \"…\", or another column = \"…\"",
          "the index over \"name\" of p.Others would be called \"others_name_index\" in SQL, as "
          "the table of p.Other; write another table: \"…\", or another column = \"…\""));
}

TEST(CollisionTest, AMistakenTableOrColumnIsNotSaidAgainOfItsIndexes) {
  EXPECT_THAT(Diagnose(R"(
      message User { option (kin.model) = {}; int64 id = 1;
                     string name = 2 [(kin.field).unique = true]; }
      message Person { /*!*/option (kin.model).table = "users"; int64 id = 1;
                       string name = 2 [(kin.field).unique = true]; }
      message Thing { option (kin.model) = {}; int64 id = 1;
                      string name = 2 [(kin.field).unique = true];
                      string other = 3 [/*!*/(kin.field) = { unique: true column: "Name" }]; })"),
              ::testing::SizeIs(2));
}

TEST(CollisionTest, AnIndexInTheOrderOfTheKeyTakesNoName) {
  EXPECT_THAT(Diagnose(R"(
      message User {
        option (kin.model) = { primary_key: ["a", "b"] index: { fields: ["a"] } };
        int64 a = 1;
        int64 b = 2;
      }
      message Other { option (kin.model) = { table: "users_a_index" }; int64 id = 1; })"),
              IsEmpty());
}

TEST(CollisionTest, TablesDifferInMoreThanCase) {
  EXPECT_THAT(
      Diagnose(R"(
      message User { option (kin.model) = {}; int64 id = 1; }
      message Person { /*!*/option (kin.model).table = "Users"; int64 id = 1; }
      message Nested { message User { /*!*/option (kin.model).table = "users"; int64 id = 1; } }
      message A { /*!*/option (kin.model) = { table: "" }; int64 id = 1; }
      message /*!*/SqliteThing { option (kin.model) = {}; int64 id = 1; }
      message B { /*!*/option (kin.model).table = "_Kin_things"; int64 id = 1; })"),
      ElementsAre(
          "the table \"Users\" of p.Person differs only in case from that of p.User; write "
          "table: \"…\" with another name",
          "the table \"users\" of p.Nested.User is also that of p.User; write table: \"…\" "
          "with another name",
          "the table of p.A needs a name; write table: \"…\"",
          "the table \"sqlite_things\" of p.SqliteThing cannot begin with \"sqlite_\", which "
          "the database keeps for itself; write table: \"…\"",
          "the table \"_Kin_things\" of p.B cannot begin with \"_kin_\", which the database keeps "
          "for itself; write table: \"…\""));
}

TEST(CollisionTest, TablesOfPackagesCollideToo) {
  EXPECT_THAT(
      Protos()
          .Add("other.proto", R"(syntax = "proto3"; package q; import "kin/options.proto";
                       message User { option (kin.model) = {}; int64 id = 1; })")
          .AddTest("message /*!*/User { option (kin.model) = {}; int64 id = 1; }",
                   "import \"other.proto\";")
          .Diagnose(),
      ElementsAre("the table \"users\" of p.User is also that of q.User; write table: \"…\" "
                  "with another name"));
}

TEST(CollisionTest, KeywordsAreLegal) {
  EXPECT_THAT(Diagnose(R"(
      message class {
        option (kin.model) = { has_many: { name: "namespace" model: "class" } };
        int64 id = 1;
        string select = 2;
        string order = 3;
        optional int64 class_id = 4;
      })"),
              IsEmpty());
}

}  // namespace
}  // namespace kin::graph
