// How `model:` finds a model.
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kin/tests/graph/protos.h"

namespace kin::graph {
namespace {

using ::testing::ElementsAre;

TEST(LookupTest, TheInnermostScopeIsFirst) {
  Protos protos;
  protos.AddTest(R"(
      message User { option (kin.model).table = "outer"; int64 id = 1; }
      message Blog {
        message User { option (kin.model).table = "inner"; int64 id = 1; }
        message Post {
          option (kin.model) = {};
          int64 id = 1;
          int64 user_id = 2 [(kin.field).belongs_to = {}];
          int64 b_id = 3 [(kin.field).belongs_to = { model: ".p.User" }];
          int64 c_id = 4 [(kin.field).belongs_to = { model: "p.User" }];
          int64 d_id = 5 [(kin.field).belongs_to = { model: "Blog.User" }];
        }
      })");
  const Graph graph = protos.Build();
  const Model* post = graph.Find("p.Blog.Post");
  EXPECT_EQ(post->FindAssociation("user")->target->name, "p.Blog.User");
  EXPECT_EQ(post->FindAssociation("b")->target->name, "p.User");
  EXPECT_EQ(post->FindAssociation("c")->target->name, "p.User");
  EXPECT_EQ(post->FindAssociation("d")->target->name, "p.Blog.User");
}

TEST(LookupTest, TheFirstPartOfANameDecidesTheScope) {
  EXPECT_THAT(Diagnose(R"(
      message Blog { message User { option (kin.model) = {}; int64 id = 1; } }
      message Site {
        message Blog { int64 id = 1; }
        message Post {
          option (kin.model) = {};
          int64 id = 1;
          int64 user_id = 2 [/*!*/(kin.field).belongs_to = { model: "Blog.User" }];
        }
      })"),
              ElementsAre("belongs_to \"user\": there is no model \"Blog.User\"; did you mean "
                          "\".p.Blog.User\"?"));
}

TEST(LookupTest, AMessageThatIsNoModel) {
  EXPECT_THAT(Diagnose(R"(
      message User { int64 id = 1; }
      message Post {
        option (kin.model) = {};
        int64 id = 1;
        int64 user_id = 2 [/*!*/(kin.field).belongs_to = {}];
      })"),
              ElementsAre("belongs_to \"user\": the message p.User is not a model; write \"option "
                          "(kin.model) = {};\" in it"));
}

constexpr char kUserFile[] = R"(syntax = "proto3"; package q; import "kin/options.proto";
    message User { option (kin.model) = {}; int64 id = 1; })";

constexpr char kPost[] = R"(
    message Post {
      option (kin.model) = {};
      int64 id = 1;
      int64 user_id = 2 [(kin.field).belongs_to = { model: "q.User" }];
    })";

TEST(LookupTest, AModelOfAnImportedFile) {
  Protos protos;
  protos.Add("user.proto", kUserFile).AddTest(kPost, "import \"user.proto\";");
  const Graph graph = protos.Build();
  EXPECT_EQ(graph.Find("p.Post")->FindAssociation("user")->target->name, "q.User");
}

TEST(LookupTest, AModelOfAPubliclyImportedFile) {
  Protos protos;
  protos.Add("user.proto", kUserFile)
      .Add("between.proto", "syntax = \"proto3\"; import public \"user.proto\";")
      .AddTest(kPost, "import \"between.proto\";");
  const Graph graph = protos.Build();
  EXPECT_EQ(graph.Find("p.Post")->FindAssociation("user")->target->name, "q.User");
}

TEST(LookupTest, AModelOfAFileThatIsNotImported) {
  Protos protos;
  protos.Add("user.proto", kUserFile)
      .Add("between.proto", "syntax = \"proto3\"; import \"user.proto\";")
      .AddTest(R"(
    message Post {
      option (kin.model) = {};
      int64 id = 1;
      int64 user_id = 2 [/*!*/(kin.field).belongs_to = { model: "q.User" }];
    })",
               "import \"between.proto\";");
  EXPECT_THAT(protos.Diagnose(),
              ElementsAre("belongs_to \"user\": there is no model \"q.User\"; q.User is in "
                          "\"user.proto\", which this file does not import: write import "
                          "\"user.proto\";"));
}

TEST(LookupTest, AModelThatIsNotInTheSchema) {
  Protos protos;
  protos.Add("user.proto", kUserFile).AddTest(kPost, "import \"user.proto\";");
  const google::protobuf::FileDescriptor* file = protos.Import();
  ASSERT_NE(file, nullptr);
  std::vector<Diagnostic> diagnostics;
  const Graph graph = kin::graph::Build({file->message_type(0)}, &diagnostics);
  ASSERT_EQ(diagnostics.size(), 1);
  EXPECT_EQ(
      diagnostics[0].message,
      "belongs_to \"user\": the model q.User is not part of this schema; add it to the models of "
      "the schema");
}

}  // namespace
}  // namespace kin::graph
